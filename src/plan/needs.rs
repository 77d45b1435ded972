//! What a trial needs of the stack that it runs on. A stack says beforehand what it can do; what is
//! missing is told when trials are listed, and such a trial is not run.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::grade::Grade;
use crate::contain::fate::Thing;
use crate::contain::scope::{of_catalog_type, of_connector};
use crate::contain::source;
use crate::dialect::avro;
use crate::dialect::connector::is_managed;
use crate::scenario::pipeline::Dialect;
use crate::scenario::settings::{Options, StorageKind};
use crate::scenario::timeline::{Action, Condition, Entry, Fault, Target, Trigger, Upset, Verb};
use crate::scenario::trial::Trial;
use crate::sql::flink::{self, Statement};

/// Something that not every stack can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Something is done to a part that is a process.
    Fault(Verb, Target),
    /// A process gets options of its own.
    Options(Target),
    /// Nobody else uses it meanwhile.
    Alone,
    /// A Postgres server that nobody else uses, and that is empty.
    Server,
    /// A schema registry.
    Registry,
    /// Object storage over the API of S3, for what statements write as files.
    Storage,
    /// Statements ask a model: the provider's jar is loaded, and the service is reached.
    Models,
    /// What statements write as files can be read from outside.
    Files,
    /// The source notes what its tables are whenever the schema changes.
    Notes,
    /// Source DDL that only a superuser may run.
    Superuser,
    /// Topics with exactly the names of production.
    Names,
    /// Statements in open-source Flink SQL.
    OpenSql,
    /// A connector file of Debezium's own.
    OpenConnector,
    /// Options of Flink's session or of tables, or settings that change on the way.
    Tuning,
    /// Plans as Flink's own planner tells them.
    Plans,
    /// Checkpoints that are counted, and watermarks that are told.
    Tasks,
    /// A connector that is stopped, or loses its offsets.
    StoppedConnector,
    /// A proof of this grade, whenever one is asked for.
    Proof(Grade),
}

impl Capability {
    /// What every stack can do that runs the open-source components.
    pub const OPEN: [Self; 6] = [
        Self::OpenSql,
        Self::OpenConnector,
        Self::Tuning,
        Self::Plans,
        Self::Tasks,
        Self::StoppedConnector,
    ];
}

impl fmt::Display for Capability {
    /// What a stack without it cannot do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(verb, target) => write!(f, "`{verb}: {target}`"),
            Self::Options(target) => write!(f, "options of its own for {target}"),
            Self::Alone => f.write_str("nobody else on the stack"),
            Self::Server => f.write_str("a Postgres server of its own"),
            Self::Registry => f.write_str("a schema registry"),
            Self::Storage => f.write_str("object storage"),
            Self::Models => f.write_str("a model provider in Flink"),
            Self::Files => f.write_str("files that Flink writes and changeproof reads"),
            Self::Notes => {
                f.write_str("an event trigger in the source, since its schema may change")
            }
            Self::Superuser => f.write_str("a superuser of the source"),
            Self::Names => f.write_str("topics with exactly the names of production"),
            Self::OpenSql => f.write_str("statements in open-source Flink SQL"),
            Self::OpenConnector => f.write_str("a connector file of Debezium's own"),
            Self::Tuning => f.write_str(
                "options of Flink's session or tables, or settings that change on the way",
            ),
            Self::Plans => f.write_str("plans of Flink's own planner"),
            Self::Tasks => f.write_str("tasks that tell their checkpoints and watermarks"),
            Self::StoppedConnector => {
                f.write_str("a connector that is stopped or loses its offsets")
            }
            Self::Proof(grade) => write!(f, "every proof by `{grade}`"),
        }
    }
}

/// Options of processes over those that a stack has by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Processes {
    /// Of the Connect worker.
    pub worker: Options,
    /// Of the broker.
    pub kafka: Options,
    /// Of Postgres.
    pub postgres: Options,
}

/// What a lease has to give. Trials that need the same run under one lease, side by side unless each
/// needs it alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sharing {
    /// Options of processes.
    pub processes: Processes,
    /// The trial's SQL touches the whole Postgres server.
    pub server: bool,
    /// With nobody else: the trial kills what all share, or holds a write open.
    pub alone: bool,
    /// Something is in Avro.
    pub registry: bool,
    /// Where files are kept.
    pub storage: StorageKind,
}

/// What a trial needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Of its lease.
    pub sharing: Sharing,
    /// What the timeline does to processes.
    pub faults: BTreeSet<(Verb, Target)>,
    /// Of the stack itself.
    pub further: BTreeSet<Capability>,
}

impl Needs {
    /// Those of a trial.
    pub fn of(trial: &Trial) -> Self {
        let settings = &trial.settings;
        let processes = Processes {
            worker: settings.worker.clone(),
            kafka: settings.kafka.clone(),
            postgres: settings.postgres.clone(),
        };
        let statements: Vec<_> = trial.pipeline.statements.iter().map(flink::parse).collect();
        let faults = trial.faults().filter(|fault| fault.target.is_process());
        // What it had kept is looked for where the checkpoints are.
        let loses_jobs = trial.faults().any(|fault| {
            fault.target == Target::Jobmanager && matches!(fault.verb, Verb::Kill | Verb::Stop)
        });
        let models = statements.iter().any(|one| matches!(one, Statement::CreateModel(_)));
        let further = [
            (models, Capability::Models),
            (loses_jobs || statements.iter().any(is_files), Capability::Files),
            (source::needs_notes(trial), Capability::Notes),
            (source::asks_superuser(trial) || makes_checkpoints(trial), Capability::Superuser),
            (!trial.naming.is_prefixed(), Capability::Names),
            (is_open_sql(trial), Capability::OpenSql),
            (is_open_connector(trial), Capability::OpenConnector),
            (is_tuned(trial), Capability::Tuning),
            (!trial.expect.plan.is_empty(), Capability::Plans),
            (looks_at_tasks(trial), Capability::Tasks),
            (stops_connector(trial), Capability::StoppedConnector),
        ];
        Self {
            sharing: Sharing {
                processes,
                server: source::needs_server(trial),
                alone: trial.alone,
                registry: avro::needs_registry(&trial.pipeline, settings),
                storage: settings.storage(),
            },
            faults: faults.map(|fault| (fault.verb, fault.target)).collect(),
            further: further
                .into_iter()
                .filter(|(needed, _)| *needed)
                .map(|(_, one)| one)
                .chain(trial.expect.proof.map(Capability::Proof))
                .collect(),
        }
    }

    /// All that a stack must be able to do.
    pub fn capabilities(&self) -> BTreeSet<Capability> {
        let Sharing { processes, server, alone, registry, storage } = &self.sharing;
        let options = [
            (&processes.worker, Target::Worker),
            (&processes.kafka, Target::Kafka),
            (&processes.postgres, Target::Postgres),
        ];
        let options = options.into_iter().filter(|(options, _)| !options.is_empty());
        let options = options.map(|(_, target)| Capability::Options(target));
        let faults = self.faults.iter().map(|(verb, target)| Capability::Fault(*verb, *target));
        let rest = [
            (*alone, Capability::Alone),
            (*server, Capability::Server),
            (*registry, Capability::Registry),
            (*storage == StorageKind::S3, Capability::Storage),
        ];
        let rest = rest.into_iter().filter(|(needed, _)| *needed).map(|(_, one)| one);
        options.chain(faults).chain(rest).chain(self.further.iter().copied()).collect()
    }

    /// Why a stack that can do `capabilities` does not run the trial, in one sentence.
    pub fn missing(&self, stack: &str, capabilities: &BTreeSet<Capability>) -> Option<String> {
        let needed = self.capabilities();
        let missing: Vec<_> = needed.difference(capabilities).map(ToString::to_string).collect();
        (!missing.is_empty()).then(|| {
            format!("it needs {}, which the stack `{stack}` cannot give", missing.join(" and "))
        })
    }
}

fn is_open_sql(trial: &Trial) -> bool {
    trial.pipeline.dialect == Dialect::Flink && !trial.pipeline.statements.is_empty()
}

fn is_open_connector(trial: &Trial) -> bool {
    trial.pipeline.connectors.iter().any(|file| !is_managed(&file.options))
}

/// Options besides those of the connector and of topics, or settings that change.
fn is_tuned(trial: &Trial) -> bool {
    let settings = &trial.settings;
    let changes = trial.timeline.iter().any(|entry| matches!(entry.action, Action::Set(_)));
    changes
        || !settings.flink.is_empty()
        || !settings.tables.is_empty()
        || settings.parallelism.is_some_and(|n| n != 1)
}

fn looks_at_tasks(trial: &Trial) -> bool {
    trial.timeline.iter().any(|entry| {
        matches!(
            entry.action,
            Action::Arm { at: Trigger::Checkpoint(_), .. }
                | Action::Await { condition: Condition::Watermark(_), .. }
        )
    })
}

fn stops_connector(trial: &Trial) -> bool {
    let stops = |fault: Fault| {
        fault.target == Target::Connector && matches!(fault.verb, Verb::Kill | Verb::Stop)
    };
    let loses = |entry: &Entry| matches!(entry.action, Action::Upset(Upset::Offsets));
    let begins_without =
        trial.starts_later(Target::Connector) && !trial.pipeline.statements.is_empty();
    begins_without || trial.faults().any(stops) || trial.timeline.iter().any(loses)
}

/// A slot is moved ahead with checkpoints.
fn makes_checkpoints(trial: &Trial) -> bool {
    trial.timeline.iter().any(|entry| matches!(entry.action, Action::Upset(Upset::Advance)))
}

/// The statement makes a table, or a catalog of tables, whose rows are files.
fn is_files(statement: &Statement) -> bool {
    let is = |thing| matches!(thing, Ok(Thing::Files | Thing::Iceberg));
    match statement {
        Statement::CreateTable(create) => {
            let with = create.with.as_ref();
            with.and_then(|with| with.get("connector")).is_some_and(|name| is(of_connector(name)))
        }
        Statement::CreateCatalog(created) => {
            let with = created.with.as_ref();
            with.and_then(|with| with.get("type")).is_some_and(|name| is(of_catalog_type(name)))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rstest::rstest;

    use super::*;
    use crate::base::text::{Place, Span, Text};
    use crate::scenario::pipeline::Pipeline;

    fn trial(sql: &str) -> Trial {
        let statements = vec![Text::whole("p.sql".into(), sql.to_owned())];
        let pipeline = Pipeline {
            file: None,
            source: Vec::new(),
            left_out: Vec::new(),
            connectors: Vec::new(),
            outbox: BTreeMap::new(),
            topics: BTreeMap::new(),
            format: None,
            dialect: Dialect::Flink,
            statements,
            sinks: BTreeMap::new(),
        };
        Trial::idle("t", "t", pipeline)
    }

    fn everything() -> BTreeSet<Capability> {
        use Capability::{
            Alone, Files, Models, Names, Notes, Registry, Server, Storage, Superuser,
        };
        let faults = Verb::ALL
            .iter()
            .flat_map(|verb| Target::ALL.iter().map(|target| Capability::Fault(*verb, *target)));
        let options = Target::ALL.iter().copied().map(Capability::Options);
        let rest = [Alone, Files, Models, Names, Notes, Registry, Server, Storage, Superuser];
        let proofs = Grade::ALL.into_iter().map(Capability::Proof);
        faults.chain(options).chain(rest).chain(proofs).chain(Capability::OPEN).collect()
    }

    /// What it needs besides what every open-source stack can do.
    fn particular(trial: &Trial) -> BTreeSet<Capability> {
        let open = BTreeSet::from(Capability::OPEN);
        Needs::of(trial).capabilities().difference(&open).copied().collect()
    }

    #[rstest]
    #[case::open(Dialect::Flink, &[Capability::OpenSql])]
    #[case::of_the_cloud(Dialect::Confluent, &[])]
    fn whose_statements_need_what(#[case] dialect: Dialect, #[case] needed: &[Capability]) {
        let mut trial = trial("CREATE TABLE t (id INT) WITH ('connector' = 'kafka')");
        trial.pipeline.dialect = dialect;
        assert_eq!(Needs::of(&trial).capabilities(), needed.iter().copied().collect());
        trial.settings.flink.insert("table.exec.state.ttl".to_owned(), "1 h".to_owned());
        assert!(Needs::of(&trial).capabilities().contains(&Capability::Tuning));
    }

    #[rstest]
    #[case::a_topic("CREATE TABLE t (id INT) WITH ('connector' = 'kafka')", &[])]
    #[case::files("CREATE TABLE t (id INT) WITH ('connector' = 'filesystem')", &[Capability::Files])]
    #[case::a_lake("CREATE CATALOG c WITH ('type' = 'iceberg')", &[Capability::Files])]
    #[case::in_memory("CREATE CATALOG c WITH ('type' = 'generic_in_memory')", &[])]
    #[case::a_model(
        "CREATE MODEL m INPUT (a STRING) OUTPUT (b STRING) WITH ('provider' = 'openai')",
        &[Capability::Models]
    )]
    #[case::avro(
        "CREATE TABLE t (id INT) WITH ('connector' = 'kafka', 'format' = 'avro-confluent')",
        &[Capability::Registry]
    )]
    fn what_statements_need(#[case] sql: &str, #[case] needed: &[Capability]) {
        let capabilities = particular(&trial(sql));
        assert_eq!(capabilities, needed.iter().copied().collect());
    }

    #[test]
    fn a_slot_is_moved_ahead_by_a_superuser() {
        let needs = |upset| {
            let mut trial = trial("CREATE TABLE t (id INT) WITH ('connector' = 'kafka')");
            let place = Place { file: "s.yaml".into(), line: 1, column: 1 };
            let (action, span) = (Action::Upset(upset), Span::default());
            trial.timeline.push(Entry { place, span, action });
            particular(&trial)
        };
        assert_eq!(needs(Upset::Advance), [Capability::Superuser].into());
        assert_eq!(needs(Upset::Drop), BTreeSet::new());
    }

    #[test]
    fn what_a_stack_cannot_give_is_one_sentence() {
        let mut trial = trial("CREATE TABLE t (id INT) WITH ('connector' = 'kafka')");
        trial.settings.worker.insert("a".to_owned(), "b".to_owned());
        trial.alone = true;
        for target in [Target::Worker, Target::Connector] {
            let fault = Fault { verb: Verb::Kill, target, savepoint: false, connector: None };
            let place = Place { file: "s.yaml".into(), line: 1, column: 1 };
            let (action, span) = (Action::Fault(fault), Span::default());
            trial.timeline.push(Entry { place, span, action });
        }
        let needs = Needs::of(&trial);
        assert_eq!(needs.missing("theirs", &everything()), None);
        let mut without = everything();
        without.remove(&Capability::Fault(Verb::Kill, Target::Worker));
        without.remove(&Capability::Fault(Verb::Kill, Target::Connector));
        assert_eq!(
            needs.missing("theirs", &without).unwrap(),
            "it needs `kill: worker`, which the stack `theirs` cannot give"
        );
        assert_eq!(
            needs.missing("theirs", &BTreeSet::new()).unwrap(),
            "it needs `kill: worker` and options of its own for worker and nobody else on the stack \
             and statements in open-source Flink SQL and a connector that is stopped or loses its \
             offsets, which the stack `theirs` cannot give"
        );
    }
}
