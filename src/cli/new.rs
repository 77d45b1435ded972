//! `changeproof new`: a first pipeline file and scenario from what is already there.

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;

use super::console::Console;
use super::environment::Environment;
use crate::base::exit::Exit;
use crate::base::limits;
use crate::base::secret;
use crate::base::text::Text;
use crate::client::postgres::{Url, tables};
use crate::disk::{self, Budget, lexical};
use crate::scenario::load;
use crate::scenario::propose::{Found, is_flink, propose, rank};

/// Folders that hold nothing of a pipeline.
const SKIPPED: [&str; 4] = ["target", "node_modules", "tests", "test"];

/// Propose a pipeline file and a first scenario for tables and statements that are there
///
/// Looks into folders for DDL of Postgres tables, Flink statements (`ddl.*.sql`, `dml.*.sql` below
/// `sources`, `dimensions` and `facts`, or any other names) and the connector's JSON file, and into a
/// database for its tables. Nothing that is there is changed or written over.
#[derive(Debug, Args)]
pub(super) struct New {
    /// Folders, and at most one address as `postgres://user@host:5432/database`
    #[arg(value_name = "DIR|URL", default_value = ".")]
    from: Vec<String>,
    /// Look into the database of `CHANGEPROOF_POSTGRES_URL` (an address with a password belongs there)
    #[arg(long)]
    database: bool,
    /// The folder to write to; it is made
    #[arg(long, value_name = "DIR", default_value = "changeproof")]
    into: Utf8PathBuf,
}

/// Why nothing is proposed, and the exit code.
struct Failed(Exit, String);

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        Self(Exit::Usage, error.to_string())
    }
}

pub(super) fn run(new: &New, environment: &Environment, console: Console) -> Exit {
    match make(new, environment, console) {
        Ok(exit) => exit,
        Err(Failed(exit, sentence)) => console.failed(&sentence, exit),
    }
}

fn make(new: &New, environment: &Environment, console: Console) -> Result<Exit, Failed> {
    let (urls, folders): (Vec<&String>, Vec<&String>) =
        new.from.iter().partition(|from| is_url(from));
    let own_url = environment.postgres_url.as_ref().filter(|_| new.database);
    if new.database && own_url.is_none() {
        let sentence = "--database needs the variable CHANGEPROOF_POSTGRES_URL";
        return Err(Failed(Exit::Usage, sentence.to_owned()));
    }
    if urls.iter().any(|url| secret::is_in(url)) {
        let sentence = "an address with a password stays in the history of the shell: set it as \
                        CHANGEPROOF_POSTGRES_URL and use --database";
        return Err(Failed(Exit::Usage, sentence.to_owned()));
    }
    let url = urls.first().copied().or(own_url);
    let mut found = Found::default();
    let mut own = Vec::new();
    if let Some(url) = url {
        let ddl = from_database(url)?;
        found.source.push(("source.sql".into(), Text::whole("source.sql".into(), ddl.clone())));
        own.push((Utf8PathBuf::from("source.sql"), ddl));
    }
    for folder in folders {
        look_into(Utf8Path::new(folder), (new, url.is_none()), &mut found, console)?;
    }
    found.source.sort_by(|a, b| a.0.cmp(&b.0));
    found.statements.sort_by_key(|(path, text)| rank(path, text));
    let proposal = propose(&found).map_err(|sentence| Failed(Exit::NothingRun, sentence))?;
    own.extend(proposal.files);
    let taken = own.iter().map(|(path, _)| new.into.join(path)).find(|path| path.exists());
    if let Some(taken) = taken {
        let sentence = format!("{taken} is already there; name another folder with --into");
        return Err(Failed(Exit::Usage, sentence));
    }
    for (path, text) in &own {
        let path = new.into.join(path);
        fs_err::create_dir_all(path.parent().unwrap_or(&new.into))?;
        fs_err::write(&path, text)?;
        console.out(&format!("wrote {path}"));
    }
    for note in &proposal.notes {
        console.out(&format!("note: {note}"));
    }
    let smoke = new.into.join("scenarios/smoke.yaml");
    let loaded = load(&smoke);
    if loaded.scenario.is_none() {
        let text = |file: &Utf8Path| {
            loaded.sources.iter().find(|source| source.path == file).map(|source| &*source.text)
        };
        super::format::show(&loaded.diagnostics, text, console);
        return Ok(Exit::ScenarioInvalid);
    }
    console.out(&format!("next: changeproof run {smoke}"));
    Ok(Exit::Pass)
}

fn from_database(url: &str) -> Result<String, Failed> {
    let url = Url::parse(url).map_err(|error| Failed(Exit::Usage, error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ddl = runtime.block_on(async {
        let session = url.connect("changeproof new").await?;
        tables::ddl(&session).await
    });
    ddl.map_err(|error| Failed(Exit::Usage, error.to_string()))
}

/// A folder may be called `postgres-ddl`.
fn is_url(from: &str) -> bool {
    from.starts_with("postgres://") || from.starts_with("postgresql://")
}

/// The files below a folder that belong to a pipeline. Paths are kept as the pipeline file will
/// name them. What cannot be read is named, and left out.
fn look_into(
    folder: &Utf8Path,
    (new, with_source): (&New, bool),
    found: &mut Found,
    console: Console,
) -> Result<(), Failed> {
    let own = new.into.clone();
    let enters = move |path: &Utf8Path| {
        let is_own = path.components().eq(own.components());
        !SKIPPED.contains(&path.file_name().unwrap_or_default()) && !is_own
    };
    let below = disk::below(folder, enters, &mut Budget(limits::VISITED));
    let below = below.map_err(|error| Failed(Exit::Usage, error.to_string()))?;
    console.nameless(&below.nameless);
    for path in &below.files {
        let is_sql = path.extension() == Some("sql");
        if !is_sql && path.extension() != Some("json") {
            continue;
        }
        let text = match disk::read_text(path, limits::FILE_BYTES) {
            Ok(text) => text,
            Err(error) => {
                console.err(&format!("note: left out: {error}"));
                continue;
            }
        };
        let named = relative(path, &new.into)?;
        if !is_sql {
            if let Some(prefix) = topic_prefix(&text) {
                found.connector.get_or_insert((named, prefix));
            }
            continue;
        }
        let text = Text::whole(named.clone(), text);
        if is_flink(&text) {
            found.statements.push((named, text));
        } else if with_source && text.value.to_uppercase().contains("TABLE") {
            found.source.push((named, text));
        }
    }
    Ok(())
}

/// The topic prefix in a connector's JSON file; `None` for any other JSON.
fn topic_prefix(text: &str) -> Option<String> {
    let parsed: serde_json::Value = serde_json::from_str(text).ok()?;
    let config = parsed.get("config").unwrap_or(&parsed);
    config.get("connector.class")?;
    Some(config.get("topic.prefix")?.as_str()?.to_owned())
}

/// The path of a file as seen from a folder that may not be there yet.
fn relative(path: &Utf8Path, from: &Utf8Path) -> Result<Utf8PathBuf, Failed> {
    let (path, from) = (camino::absolute_utf8(path)?, camino::absolute_utf8(from)?);
    let (path, from) = (lexical(&path), lexical(&from));
    let mut parts = from.components();
    let shared = path.components().take_while(|part| parts.next() == Some(*part)).count();
    let up = from.components().skip(shared).map(|_| "..");
    let down = path.components().skip(shared).map(|part| part.as_str());
    Ok(up.chain(down).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_as_seen_from_the_new_folder() {
        let seen = |path: &str, from: &str| {
            relative(Utf8Path::new(path), Utf8Path::new(from)).ok().map(Utf8PathBuf::into_string)
        };
        assert_eq!(seen("sql/./a.sql", "changeproof").as_deref(), Some("../sql/a.sql"));
        assert_eq!(seen("a/b.sql", "a").as_deref(), Some("b.sql"));
        assert_eq!(seen("/a/b.sql", "/c/d").as_deref(), Some("../../a/b.sql"));
    }

    #[test]
    fn a_connector_file_is_told_from_other_json() {
        assert_eq!(
            topic_prefix(r#"{"config": {"connector.class": "x", "topic.prefix": "p"}}"#).as_deref(),
            Some("p")
        );
        assert_eq!(topic_prefix(r#"{"name": "package"}"#), None);
        assert_eq!(topic_prefix("no JSON"), None);
    }
}
