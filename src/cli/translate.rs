//! `changeproof translate`: statements written for Confluent Cloud as open-source Flink SQL.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;

use super::console::Console;
use super::format::show;
use crate::base::diagnostic::Diagnostic;
use crate::base::exit::Exit;
use crate::base::limits;
use crate::base::secret;
use crate::base::text::Text;
use crate::dialect::{self, Applied};
use crate::disk;
use crate::plan::{self, Matrix};
use crate::scenario::pipeline::{ConnectorFile, Dialect, Pipeline};
use crate::scenario::settings::{Options, Settings};
use crate::scenario::{load, load_pipeline};
use crate::sql::secret::redacted;
use crate::sql::split;
use crate::sql::token::Language;

/// Print statements written for Confluent Cloud as open-source Flink SQL, with every decision
///
/// FILE is a pipeline or a scenario (of which the first cell is taken), or SQL files, which need
/// the source tables and, if it is not named `cdc`, the connector whose topics they read.
#[derive(Debug, Args)]
pub(super) struct Translate {
    /// A pipeline, a scenario, or SQL files in order
    #[arg(required = true, value_name = "FILE")]
    files: Vec<Utf8PathBuf>,
    /// DDL of the source tables, for SQL files
    #[arg(long, value_name = "SQL")]
    source: Vec<Utf8PathBuf>,
    /// The connector's JSON file, for SQL files
    #[arg(long, value_name = "JSON")]
    connector: Option<Utf8PathBuf>,
}

type Sources = Vec<(Utf8PathBuf, String)>;

/// What is to be translated, with the files that were read.
struct Given {
    pipelines: Vec<(Pipeline, Settings)>,
    sources: Sources,
    wrong: Vec<Diagnostic>,
}

pub(super) fn run(translate: &Translate, console: Console) -> Exit {
    let given = match given(translate) {
        Ok(given) => given,
        Err(sentence) => return console.failed(&sentence, Exit::Usage),
    };
    let mut wrong = given.wrong;
    for (pipeline, settings) in &given.pipelines {
        match dialect::apply(pipeline, settings, &given.sources) {
            Ok(Applied { connectors, translation }) => {
                for note in connectors.iter().flat_map(|one| &one.notes) {
                    console.out(&secret::redacted(&format!("-- connector: {note}")));
                }
                let printed = dialect::print::sql(&translation);
                console.out(&redacted(Language::Flink, &printed));
            }
            Err(refused) => wrong.extend(refused),
        }
    }
    if wrong.is_empty() {
        return Exit::Pass;
    }
    let texts: BTreeMap<_, _> = given.sources.into_iter().collect();
    show(&wrong, |file| texts.get(file).map(String::as_str), console);
    Exit::ScenarioInvalid
}

fn given(translate: &Translate) -> Result<Given, String> {
    let is_sql = |file: &&Utf8PathBuf| file.extension() == Some("sql");
    let n_sql = translate.files.iter().filter(is_sql).count();
    if n_sql == translate.files.len() {
        return of_sql(translate);
    }
    if n_sql > 0 || !translate.source.is_empty() || translate.connector.is_some() {
        return Err("name either pipelines and scenarios, or SQL files with --source".to_owned());
    }
    let mut given = Given { pipelines: Vec::new(), sources: Vec::new(), wrong: Vec::new() };
    for file in &translate.files {
        let is_scenario = read(file)?.lines().any(|line| line.starts_with("scenario:"));
        let loaded = if is_scenario { load(file) } else { load_pipeline(file) };
        given.sources.extend(loaded.sources.into_iter().map(|source| (source.path, source.text)));
        given.wrong.extend(loaded.diagnostics);
        given.pipelines.extend(loaded.pipeline);
        if let Some(scenario) = loaded.scenario {
            let first = plan::trials(&scenario, Matrix::First, 1).into_iter().next();
            given.pipelines.extend(first.map(|trial| (trial.pipeline, trial.settings)));
        }
    }
    Ok(given)
}

fn read(file: &Utf8Path) -> Result<String, String> {
    disk::read_text(file, limits::FILE_BYTES).map_err(|error| error.to_string())
}

fn of_sql(translate: &Translate) -> Result<Given, String> {
    let mut sources: Sources = Vec::new();
    let mut texts = |file: &Utf8PathBuf| -> Result<Text, String> {
        let value = read(file)?;
        sources.push((file.clone(), value.clone()));
        Ok(Text::whole(file.clone(), value))
    };
    let source = translate.source.iter().map(&mut texts).collect::<Result<Vec<_>, _>>()?;
    let written = translate.files.iter().map(&mut texts).collect::<Result<Vec<_>, _>>()?;
    let connectors = match &translate.connector {
        Some(file) => {
            let text = texts(file)?;
            let options = options(&text.value).map_err(|error| format!("{file}: {error}"))?;
            vec![ConnectorFile { path: file.clone(), name: None, options }]
        }
        None => Vec::new(),
    };
    let mut statements = Vec::new();
    for text in &written {
        let split = split::flink(text);
        let split = split.map_err(|error| format!("{}: {error}", text.place(error.span.start)))?;
        statements.extend(split);
    }
    let pipeline = Pipeline {
        file: None,
        source,
        left_out: Vec::new(),
        connectors,
        outbox: BTreeMap::new(),
        topics: BTreeMap::new(),
        format: None,
        dialect: Dialect::Confluent,
        statements,
        sinks: BTreeMap::new(),
    };
    Ok(Given { pipelines: vec![(pipeline, Settings::default())], sources, wrong: Vec::new() })
}

/// The options of a connector's JSON file, flat or under `config`.
fn options(json: &str) -> Result<Options, String> {
    let parsed: serde_json::Value =
        serde_json::from_str(json).map_err(|error| error.to_string())?;
    let config = parsed.get("config").unwrap_or(&parsed);
    let config = config.as_object().ok_or("it is no JSON object of options")?;
    let text = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Ok(config.iter().map(|(key, value)| (key.clone(), text(value))).collect())
}
