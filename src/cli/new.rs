//! `changeproof new`: a first pipeline file and scenario from what is already there.

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;

use super::console::Console;
use super::editor;
use super::environment::Environment;
use crate::base::exit::Exit;
use crate::base::limits;
use crate::base::secret;
use crate::base::text::Text;
use crate::client::postgres::{Url, tables};
use crate::disk::{self, Budget, lexical};
use crate::propose::{Found, propose};
use crate::scenario::load;

/// The folder that is proposed.
const NEW: &str = "changeproof";

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
    /// The folder to write to; it is made. Left out: `changeproof` in the one folder that is named
    #[arg(long, value_name = "DIR")]
    into: Option<Utf8PathBuf>,
    /// Write the schemas of this version beside the files too, and name them at the top of each, so that
    /// editors complete and mark mistakes
    #[arg(long)]
    schema: bool,
}

impl New {
    fn into(&self, folders: &[&String]) -> Utf8PathBuf {
        match (&self.into, folders) {
            (Some(into), _) => into.clone(),
            (None, [only]) => lexical(&Utf8Path::new(only).join(NEW)),
            (None, _) => NEW.into(),
        }
    }
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
    let into = new.into(&folders);
    let mut found = Found::default();
    let mut own = Vec::new();
    if let Some(url) = url {
        let ddl = from_database(url)?;
        found.source.push(("source.sql".into(), Text::whole("source.sql".into(), ddl.clone())));
        own.push((Utf8PathBuf::from("source.sql"), ddl));
    }
    for folder in folders {
        look_into(Utf8Path::new(folder), (&into, url.is_none()), &mut found, console)?;
    }
    let told = |(path, why): &(Utf8PathBuf, String)| format!("{}: {why}", seen(&into.join(path)));
    let proposal = propose(found).map_err(|nothing| {
        let lines = nothing.told.iter().map(|one| format!("\n  not used: {}", told(one)));
        Failed(Exit::NothingRun, nothing.sentence + &lines.collect::<String>())
    })?;
    own.extend(proposal.files);
    let taken = own.iter().map(|(path, _)| into.join(path)).find(|path| path.exists());
    if let Some(taken) = taken {
        let sentence = format!("{taken} is already there; name another folder with --into");
        return Err(Failed(Exit::Usage, sentence));
    }
    for (path, text) in &own {
        let path = into.join(path);
        fs_err::create_dir_all(path.parent().unwrap_or(&into))?;
        let schemas = into.join("schema");
        let text = if new.schema { editor::named_in(&path, text, &schemas)? } else { text.clone() };
        fs_err::write(&path, text)?;
        console.out(&format!("wrote {path}"));
    }
    if new.schema {
        for path in editor::write_schemas(&into.join("schema"))? {
            console.out(&format!("wrote {path}"));
        }
    }
    for note in proposal.notes.iter().cloned().chain(proposal.told.iter().map(told)) {
        console.out(&format!("note: {note}"));
    }
    for scenario in &proposal.scenarios {
        if !is_read(&into.join(scenario), console) {
            return Ok(Exit::ScenarioInvalid);
        }
    }
    let next = match proposal.scenarios.as_slice() {
        [only] => into.join(only),
        _ => into.join("scenarios"),
    };
    console.out(&format!("next: changeproof run {next}"));
    Ok(Exit::Pass)
}

/// Whether a proposed scenario can be read; what is wrong with it is shown.
fn is_read(scenario: &Utf8Path, console: Console) -> bool {
    let loaded = load(scenario);
    if loaded.scenario.is_none() {
        let text = |file: &Utf8Path| {
            loaded.sources.iter().find(|source| source.path == file).map(|source| &*source.text)
        };
        super::format::show(&loaded.diagnostics, text, console);
    }
    loaded.scenario.is_some()
}

/// A file as seen from the working folder.
fn seen(path: &Utf8Path) -> Utf8PathBuf {
    disk::from_here(path).unwrap_or_else(|| lexical(path))
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
    (into, with_source): (&Utf8Path, bool),
    found: &mut Found,
    console: Console,
) -> Result<(), Failed> {
    let own = into.to_owned();
    let enters = move |path: &Utf8Path| {
        let is_own = lexical(path) == lexical(&own);
        !SKIPPED.contains(&path.file_name().unwrap_or_default()) && !is_own
    };
    let below = disk::below(folder, enters, &mut Budget(limits::VISITED));
    let below = below.map_err(|error| Failed(Exit::Usage, error.to_string()))?;
    console.nameless(&below.nameless);
    for path in below.files.iter().filter(|path| Found::wants(path)) {
        match disk::read_text(path, limits::FILE_BYTES) {
            Ok(text) => found.add(relative(path, into)?, text, with_source),
            Err(error) => console.err(&format!("note: left out: {error}")),
        }
    }
    Ok(())
}

/// The path of a file as seen from a folder that may not be there yet.
fn relative(path: &Utf8Path, from: &Utf8Path) -> Result<Utf8PathBuf, Failed> {
    Ok(disk::relative(path, from)?)
}
