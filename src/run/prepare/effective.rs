//! What of a trial is submitted, and how it differs from what the author's files say.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use itertools::zip_eq;

use crate::base::diagnostic::Diagnostic;
use crate::base::difference::Difference;
use crate::base::text::Text;
use crate::capture::diagnose::{self, PIPELINE};
use crate::client::reach::{Address, Kafka, Password, Postgres, Reach, Rest, Storage, Twice};
use crate::contain::{self, source};
use crate::dialect::connector::Mapped;
use crate::dialect::{self, Translation};
use crate::model::pattern::Pattern;
use crate::run::names::Names;
use crate::run::prepare::connector::Connector;
use crate::run::prepare::connectors::Connectors;
use crate::run::prepare::files::Home;
use crate::run::prepare::own;
use crate::run::prepare::session;
use crate::run::prepare::statements::{self, Statements};
use crate::run::prepare::table::Places;
use crate::run::prepare::unchanged;
use crate::run::prepare::unfit;
use crate::scenario::code::Code;
use crate::scenario::pipeline::{ConnectorFile, Dialect};
use crate::scenario::settings::{Options, StorageKind};
use crate::scenario::trial::Trial;
use crate::sql::edit::with_options;
use crate::sql::flink::{self, Statement};
use crate::sql::postgres::{SourceTable, created_table};
use crate::sql::split;

/// A trial as it is submitted at certain places.
#[derive(Debug, Clone)]
pub(in crate::run) struct Effective {
    /// The author's connector files.
    pub(in crate::run) written: Vec<Mapped>,
    /// The statements in open-source SQL.
    pub(in crate::run) translation: Translation,
    /// The connectors.
    pub(in crate::run) connectors: Connectors,
    /// The statements with addresses and names of topics filled in.
    pub(in crate::run) statements: Statements,
    /// The source DDL.
    pub(in crate::run) source: source::Prepared,
}

impl Effective {
    /// The effective form of a trial. `sources` are the files that were read for it.
    pub(in crate::run) fn of(
        trial: &Trial,
        sources: &[(Utf8PathBuf, String)],
        places: &Places<'_>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let settings = &trial.settings;
        let dialect::Applied { connectors: written, translation } =
            dialect::apply(&trial.pipeline, settings, sources)?;
        let connectors = connectors(trial, &written, &settings.connector, places);
        // The dialect has applied the tables' options already.
        let of_tables = match trial.pipeline.dialect {
            Dialect::Flink => settings.tables.clone(),
            Dialect::Confluent => BTreeMap::new(),
        };
        let topics = connectors.as_ref().map(|all| topics(trial, all, &translation));
        let topics = topics.unwrap_or_default();
        let committed = trial.held().next().is_some();
        let statements = statements::prepare(
            &translation,
            &of_tables,
            &Places { topics: &topics, committed, ..*places },
        );
        let mut refused = unfit::in_vain(trial, &translation);
        let (mut connectors, mut statements) = match (connectors, statements) {
            (Ok(connectors), Ok(statements)) => (connectors, statements),
            (connectors, statements) => {
                let wrong = connectors.err().into_iter().chain(statements.err()).flatten();
                refused.extend(wrong);
                return Err(refused);
            }
        };
        let mut told = Vec::new();
        for connector in connectors.all_mut() {
            // What the worker has for all of them is told once.
            let mut of_the_worker = connector.of_the_worker(&settings.worker);
            of_the_worker.retain(|one| !told.contains(one));
            told.extend(of_the_worker.clone());
            connector.differences.extend(of_the_worker);
        }
        statements.differences.extend(trial.stand_ins.iter().cloned());
        statements.differences.extend(session::differences(trial, places.names));
        for connector in connectors.all_mut() {
            if statements.reads_topic(&connector.routes.messages_routed()) {
                *connector = connector.clone().with_messages_apart(places.names);
            }
        }
        refused.extend(unfit::refuse(trial, &statements));
        for (connector, written) in zip_eq(connectors.all(), &written) {
            let of = (connector.nth, connector.name.as_deref());
            refused.extend(unfit::reconfigured(trial, connector, |settings| {
                Connector::new(written, of, settings, places.names, places.reach)
            }));
        }
        if !refused.is_empty() {
            return Err(refused);
        }
        let source = source::prepare(trial);
        Ok(Self { written, translation, connectors, statements, source })
    }

    /// The same for a stack that takes what the author wrote.
    pub(in crate::run) fn into_written(
        self,
        trial: &Trial,
        at: (&Names, &Reach),
    ) -> Result<Self, Vec<Diagnostic>> {
        let Self { written, translation, mut connectors, statements, source } = self;
        let statements = unchanged::statements(statements, &translation, at.0)?;
        for (connector, mapped) in zip_eq(connectors.all_mut(), &written) {
            *connector = unchanged::connector(connector.clone(), trial, at, mapped);
        }
        Ok(Self { written, translation, connectors, statements, source })
    }

    /// All that differs from the author's files, part by part.
    pub(in crate::run) fn differences(&self) -> Vec<Difference> {
        let mut all = self.source.differences.clone();
        all.extend(self.connectors.differences());
        all.extend(self.statements.differences.iter().cloned());
        all
    }
}

/// The connectors of the pipeline's files under these settings.
fn connectors(
    trial: &Trial,
    written: &[Mapped],
    settings: &Options,
    places: &Places<'_>,
) -> Result<Connectors, Vec<Diagnostic>> {
    let (mut all, mut wrong) = (Vec::new(), Vec::new());
    for (nth, written) in written.iter().enumerate() {
        let file = trial.pipeline.connectors.get(nth);
        let of = (nth, file.and_then(|file| file.name.as_deref()));
        match Connector::new(written, of, settings, places.names, places.reach) {
            Ok(connector) => all.push(connector),
            Err(problems) => wrong.extend(unnamed(file, &problems)),
        }
    }
    Connectors::of(all).filter(|_| wrong.is_empty()).ok_or(wrong)
}

/// Topics whose names the connector's file does not tell.
fn unnamed(file: Option<&ConnectorFile>, problems: &[String]) -> Vec<Diagnostic> {
    let file = file.map(|file| file.path.clone());
    let text = Text::whole(file.unwrap_or_else(|| "connector".into()), String::new());
    let help = "write the option as the message says, in production's file too";
    let told = problems.iter().map(|problem| Diagnostic {
        help: Some(help.to_owned()),
        ..diagnose::at(PIPELINE, &text, problem)
    });
    told.collect()
}

/// The topics that the connectors and the statements write.
fn topics(trial: &Trial, connectors: &Connectors, translation: &Translation) -> Vec<String> {
    let mut all: Vec<String> =
        connectors.all().flat_map(|connector| captured(trial, connector)).collect();
    for text in translation.texts() {
        let Statement::CreateTable(create) = flink::parse(text) else { continue };
        let topic = create.with.as_ref().and_then(|with| with.get("topic"));
        all.extend(topic.filter(|topic| !topic.contains(';')).map(ToOwned::to_owned));
    }
    all.sort();
    all.dedup();
    all
}

/// The topics of a connector's tables.
fn captured(trial: &Trial, connector: &Connector) -> Vec<String> {
    let source = trial.pipeline.source.iter().flat_map(split::postgres);
    let tables = source.flatten().filter_map(|statement| created_table(&statement));
    let list = connector.config.get("table.include.list");
    let patterns = list.map(|list| list.split(',').filter_map(|one| Pattern::of(one.trim()).ok()));
    let patterns: Option<Vec<_>> = patterns.map(Iterator::collect);
    let is_captured = |table: &SourceTable| {
        let name = format!("{}.{}", table.schema, table.name);
        patterns.as_ref().is_none_or(|all| all.iter().any(|pattern| pattern.holds(&name)))
    };
    let tables = tables.filter(is_captured);
    tables.map(|table| connector.routes.table(&table.schema, &table.name)).collect()
}

/// Everything that a run of the trial refuses before it touches the stack, each once, by place.
/// `sources` are the files that were read for it.
pub fn refuse(trial: &Trial, sources: &[(Utf8PathBuf, String)]) -> Vec<Diagnostic> {
    let mut refused = contain::refuse(trial, sources);
    let further = with_words(trial, |places| Effective::of(trial, sources, places)).err();
    for one in further.into_iter().flatten() {
        let is_said = |known: &Diagnostic| {
            // What reaches outside has no translation either.
            let same_kind = known.code == one.code || one.code == Code::Dialect.name();
            known.message == one.message || (same_kind && known.place == one.place)
        };
        if !refused.iter().any(is_said) {
            refused.push(one);
        }
    }
    refused.sort_by(|a, b| (&a.place, &a.code, &a.message).cmp(&(&b.place, &b.code, &b.message)));
    refused
}

/// What a run of the trial would submit otherwise than its files say, with words in the place of
/// the names and addresses that only a run has.
pub fn differences(
    trial: &Trial,
    sources: &[(Utf8PathBuf, String)],
) -> Result<Vec<Difference>, Vec<Diagnostic>> {
    let effective = with_words(trial, |places| Effective::of(trial, sources, places))?;
    let mut differences = effective.differences();
    let prepared = effective.statements.prepared.iter();
    for prepared in prepared.filter(|one| matches!(one.statement, Statement::CreateModel(_))) {
        let service =
            [("endpoint", "<the run's scoring service>"), ("api-key", "<a token of the run>")];
        let told = with_options(&prepared.submitted, service.map(|(key, to)| (key, Some(to))));
        differences.extend(own::model(&prepared.submitted, &told));
    }
    // A port is a number and cannot hold words.
    let ports = differences.iter_mut().filter(|one| one.key == "database.port");
    ports.for_each(|port| port.ours = Some("<port of the run's Postgres>".to_owned()));
    Ok(differences)
}

/// Words in the place of the names and addresses that only a run has.
fn with_words<T>(trial: &Trial, then: impl FnOnce(&Places<'_>) -> T) -> T {
    let names = Names::shown().with(&trial.naming);
    let reach = Reach {
        postgres: Postgres {
            at: Twice::same(Address { host: "<host of the run's Postgres>".to_owned(), port: 0 }),
            user: "<user of the run's Postgres>".to_owned(),
            password: Password("…".to_owned()),
            ..Postgres::default()
        },
        kafka: Twice::same(Kafka::plain("<the run's broker>")),
        registry: Some(Twice::same(Rest::plain("<the run's registry>"))),
        ..Reach::default()
    };
    let at = Twice::same("<the run's object storage>".to_owned());
    let storage = Storage { at, ..Storage::default() };
    let is_s3 = trial.settings.storage() == StorageKind::S3;
    let reach = Reach { storage: is_s3.then_some(storage), ..reach };
    let files = Home::of(&reach, &names, Utf8Path::new("<the run's folder>"));
    then(&Places { names: &names, reach: &reach, files: &files, topics: &[], committed: false })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::text::Span;
    use crate::scenario::pipeline::{Pipeline, Sink};
    use crate::scenario::timeline::{Action, Condition, Entry};

    /// Statements, right ones and wrong ones.
    const PIECES: [&str; 18] = [
        "CREATE TABLE a (id INT, v STRING) WITH ('connector' = 'kafka', 'topic' = 'cdc.public.a', 'format' = 'debezium-json')",
        "CREATE TABLE b (id INT, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', 'topic' = 'b', 'key.format' = 'json', 'value.format' = 'json')",
        "CREATE TABLE c.b (id INT) WITH ('connector' = 'kafka', 'topic' = 'c')",
        "CREATE TABLE d (id INT) WITH ('connector' = 'kafka')",
        "CREATE TABLE e (id INT) WITH ('connector' = 'jdbc', 'url' = 'jdbc:mysql://h/d')",
        "CREATE TABLE f (id INT) WITH ('connector' = 'filesystem', 'path' = '/x', 'format' = 'raw')",
        "CREATE TABLE g (id INT) WITH ('connector' = 'filesystem', 'path' = '/y', 'format' = 'json')",
        "CREATE TABLE h LIKE d",
        "CREATE TABLE p (id INT) WITH ('connector' = 'kafka', 'topic-pattern' = 'cdc.*', 'format' = 'json')",
        "CREATE VIEW v AS SELECT * FROM a",
        "SET 'execution.savepoint.path' = '/x'",
        "RESET",
        "ADD JAR '/x.jar'",
        "SELECT * FROM a",
        "INSERT INTO b SELECT id FROM a",
        "INSERT INTO f SELECT id FROM p",
        "INSERT INTO d SELECT id FROM g",
        "CREATE TABLE made WITH ('connector' = 'kafka', 'topic' = 'm', 'format' = 'avro-confluent') AS SELECT id FROM `cdc.public.a`",
    ];

    fn trial(pieces: &[usize], is_confluent: bool, options: usize, awaits: bool) -> Trial {
        let whole = |text: &str| Text::whole("p.sql".into(), text.to_owned());
        let pieces: Vec<_> = pieces.iter().filter_map(|n| PIECES.get(*n)).copied().collect();
        let statements = split::flink(&whole(&pieces.join(";\n"))).unwrap_or_default();
        let targets = statements.iter().flat_map(|text| {
            let parsed = flink::parse(text);
            parsed.inserts().iter().map(|one| one.target.table().to_owned()).collect::<Vec<_>>()
        });
        let judged = |()| Sink::Judged { reference: whole("SELECT id FROM a"), window: None };
        let pipeline = Pipeline {
            file: None,
            source: vec![whole("CREATE TABLE a (id int PRIMARY KEY, v text)")],
            left_out: Vec::new(),
            connectors: Vec::new(),
            outbox: BTreeMap::new(),
            topics: BTreeMap::new(),
            format: None,
            dialect: if is_confluent { Dialect::Confluent } else { Dialect::Flink },
            sinks: targets.map(|name| (name, judged(()))).collect(),
            statements,
        };
        let mut trial = Trial::idle("t", "t", pipeline);
        let set = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let of = [
            vec![],
            vec![set("transforms", "r"), set("transforms.r.type", "com.example.R")],
            vec![set("topic.delimiter", "_")],
        ];
        trial.settings.connector = of.get(options % 3).into_iter().flatten().cloned().collect();
        trial.settings.parallelism = Some(2);
        let entry = |action| Entry { place: whole("x").place(0), span: Span::default(), action };
        if awaits {
            let condition = Condition::Watermark(0);
            trial.timeline.push(entry(Action::Await { condition, within_ms: 1 }));
        }
        trial
    }

    proptest! {
        /// What a run with its own names and addresses refuses before it starts, `refuse` tells too,
        /// and nothing twice.
        #[test]
        fn whatever_a_run_refuses_by_the_files_alone_is_told_before(
            pieces in prop::collection::vec(0..PIECES.len(), 0..9),
            is_confluent: bool,
            options in 0_usize..3,
            awaits: bool,
        ) {
            let trial = trial(&pieces, is_confluent, options, awaits);
            let names = Names::from_parts("t", 7);
            let kafka = Twice::same(Kafka::plain("127.0.0.1:1"));
            let reach = Reach { kafka, ..Reach::default() };
            let places = Places {
                names: &names,
                reach: &reach,
                files: &Home::Folder("/runs/t/lake".into()),
                topics: &[],
                committed: false,
            };
            let told = refuse(&trial, &[]);
            let of_the_run = Effective::of(&trial, &[], &places).err().unwrap_or_default();
            for one in &of_the_run {
                let same = |known: &Diagnostic| {
                    known.message == one.message
                        || (known.place == one.place
                            && (known.code == one.code || one.code == Code::Dialect.name()))
                };
                prop_assert!(told.iter().any(same), "{one} is told by the run alone: {told:?}");
            }
            let mut twice = told.clone();
            twice.dedup_by(|a, b| a.place == b.place && a.message == b.message);
            prop_assert_eq!(twice.len(), told.len());
        }
    }
}
