//! The source: its database, the journal, the topics, and the connector, until it streams.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::capture::{self, Capture, Told};
use super::coming;
use crate::base::anomaly::Anomaly;
use crate::base::text::Text;
use crate::capture::catalog;
use crate::capture::ddl::without_extension;
use crate::capture::diagnose::{self, PIPELINE, REFUSED};
use crate::capture::journal::{self, Journal};
use crate::capture::seeds::Seeds;
use crate::client::clock::Stopwatch;
use crate::client::connect::ConnectError;
use crate::client::denied;
use crate::client::kafka::{EndsReader, KafkaError};
use crate::client::postgres::{self, CONTROL_DATABASE, Connection, PostgresError, Roles};
use crate::client::roles::Connectors;
use crate::client::wait::{self, Look, WaitError};
use crate::drive::Driver;
use crate::history::event::{Event, Role, Table, Topic};
use crate::run::context::Stage;
use crate::run::outcome::Stop;
use crate::run::prepare::connector::Connector;
use crate::run::prepare::{Run, topics};
use crate::scenario::settings::ReplicaIdentity;
use crate::scenario::timeline::Action;
use crate::stack::{Claim, StackError};

/// A topic that a run has deleted is not shown any more after this time.
const GONE: Duration = Duration::from_secs(10);
/// A wait for another run is worth a word after this time.
const QUIET: Duration = Duration::from_secs(2);

/// The source side of a run, ready for the connector.
pub(in crate::run) struct Source {
    /// A session outside of the run's databases.
    pub(in crate::run) control: Connection,
    /// A session in the source database, for barriers and comparisons.
    pub(in crate::run) database: Connection,
    pub(in crate::run) tables: Vec<Table>,
    pub(in crate::run) driver: Driver,
    pub(in crate::run) topics: Vec<Topic>,
    /// What reads everything.
    pub(in crate::run) capture: Capture,
    pub(in crate::run) ends: EndsReader,
    pub(in crate::run) connect: Arc<dyn Connectors>,
}

impl Source {
    /// The topic of a source table or sink, as a scenario names it.
    pub(in crate::run) fn topic_of(&self, place: &str) -> Option<&Topic> {
        let sink = |topic: &&Topic| matches!(&topic.role, Role::Sink { sink } if sink == place);
        let source = |topic: &&Topic| match &topic.role {
            Role::Source { table } | Role::Outbox { table, .. } => {
                table == place || table.rsplit('.').next().is_some_and(|name| name == place)
            }
            Role::Application => topic.name == place,
            Role::Barrier | Role::Messages | Role::Transaction | Role::Sink { .. } => false,
        };
        self.topics.iter().find(sink).or_else(|| self.topics.iter().find(source))
    }
}

/// Makes everything up to the connector's submission. `ready` is told when the topics are there.
pub(in crate::run) async fn build(
    run: &Run<'_>,
    ready: watch::Sender<Option<Vec<Table>>>,
) -> Result<Source, Stop> {
    // The admin client connects meanwhile.
    let ((control, database), _) =
        futures::try_join!(databases(run), async { Ok(run.tools.admin.list("").await?) })?;
    run.log("the source database is there");
    let tables = define(run, &database).await?;
    let name = run.names.database();
    let seeds = run.ddl(&database, (run.context.reach(), &name)).take_rows().await?;
    run.log("the source tables are there");
    let topics = topics_of(run, &database, &tables).await?;
    let told = Told::new(run, &tables, &topics);
    let connect = run.context.connectors()?;
    let (tell_submitted, submitted) = tokio::sync::oneshot::channel::<()>();
    let topics_and_tap = async {
        create_topics(run, &topics).await?;
        if run.context.lease.takes_as_written() {
            // Before, nobody there knows the tables that it captures.
            drop(submitted.await);
            for one in at_once(run) {
                connector_runs(run, &*connect, one.nth).await?;
            }
        }
        ready.send_replace(Some(tables.clone()));
        let topics = as_made(run, topics.clone()).await?;
        run.log("the topics are there");
        run.recorder.record(Event::Topics { topics: topics.clone() })?;
        Ok::<_, Stop>((capture::tap(run, &topics, &told)?, topics))
    };
    let set_up_and_submit = async {
        let (journal, driver) = journal_and_setup(run, &database, (&tables, seeds)).await?;
        // It takes longer to start than the topics take to be there, and waits for one that is not.
        futures::future::try_join_all(at_once(run).map(|one| submit(run, &*connect, one))).await?;
        run.log("the connector is submitted");
        // Nobody waits for it where the components are one's own.
        let _nobody_waits = tell_submitted.send(());
        Ok((journal, driver))
    };
    let ((journal, driver), (tap, topics)) = futures::try_join!(set_up_and_submit, topics_and_tap)?;
    let ends = EndsReader::new(run.context.reach())?;
    let capture = Capture { journal, tap, told };
    Ok(Source { control, database, tables, driver, topics, capture, ends, connect })
}

/// Makes the roles by which the run's databases are owned and read.
pub(in crate::run) async fn roles(run: &Run<'_>) -> Result<(), Stop> {
    // Where a run may make no roles, only the shadow has them.
    let mirror = run.context.mirror();
    let control = postgres::connect(mirror, CONTROL_DATABASE, "changeproof").await?;
    let has_server = run.context.lease.has_server();
    let (owner, connector) = (run.names.owner(), run.names.reader());
    run.tools.created.roles([&owner, &connector], has_server);
    let roles = Roles { owner: &owner, connector: &connector };
    let password = &mirror.postgres.password;
    Ok(control.create_roles(roles, password, has_server).await?)
}

pub(in crate::run) async fn databases(run: &Run<'_>) -> Result<(Connection, Connection), Stop> {
    let reach = run.context.reach();
    let control = postgres::connect(reach, CONTROL_DATABASE, "changeproof").await?;
    journal::refuse_unfit(&control).await?;
    run.tools.created.database(&run.names.database());
    control.create_database(&run.names.database(), &run.tools.owner.postgres.user).await?;
    let database =
        postgres::connect(&run.tools.owner, &run.names.database(), "changeproof").await?;
    Ok((control, database))
}

/// Runs the DDL and sets the replica identities; gives the tables as the catalog has them.
pub(in crate::run) async fn define(
    run: &Run<'_>,
    database: &Connection,
) -> Result<Vec<Table>, Stop> {
    let name = run.names.database();
    let ddl = run.ddl(database, (run.context.reach(), &name));
    for statement in &run.effective.source.ddl {
        if let Err(error) = ddl.run(statement).await {
            let Some(absent) = without_extension(statement, &error) else {
                return Err(refused(statement, error));
            };
            run.recorder.record(Event::Differences { differences: vec![absent] })?;
        }
    }
    let found = catalog::tables(database).await?;
    let first = run.trial.pipeline.source.first();
    if let (true, Some(text)) = (found.is_empty(), first) {
        return Err(diagnose::at(PIPELINE, text, "the source DDL creates no table").into());
    }
    set_identities(run, database, &found).await?;
    let mut tables = catalog::tables(database).await?;
    coming::capture(run, database, &mut tables).await?;
    run.recorder.record(Event::Tables { tables: tables.clone() })?;
    Ok(tables)
}

fn refused(statement: &Text, error: PostgresError) -> Stop {
    if error.is_of_the_stack() {
        return error.into();
    }
    diagnose::refused(REFUSED, statement, 0, &error).into()
}

async fn set_identities(
    run: &Run<'_>,
    database: &Connection,
    tables: &[Table],
) -> Result<(), Stop> {
    let set = run.trial.settings.replica_identity.as_ref();
    let mut sql = String::new();
    for table in tables {
        let Some(identity) = topics::of_table(set, table) else { continue };
        let identity = match identity {
            ReplicaIdentity::Full => "FULL",
            ReplicaIdentity::Nothing => "NOTHING",
            // An index has to be named, which only the DDL can do.
            ReplicaIdentity::Default | ReplicaIdentity::Index => "DEFAULT",
        };
        sql += &format!("ALTER TABLE {} REPLICA IDENTITY {identity};", catalog::quoted(table));
    }
    Ok(database.run(&sql).await.map(|_| ())?)
}

/// A row that the DDL has left behind and that its tables do not take now, as where a constraint was
/// added `NOT VALID`.
fn not_again(run: &Run<'_>, error: PostgresError) -> Stop {
    let Some(text) = run.trial.pipeline.source.first().filter(|_| !error.is_of_the_stack()) else {
        return error.into();
    };
    let message =
        format!("a row that the source DDL writes is refused by its own tables: {}", error.message);
    let mut diagnostic = diagnose::at(PIPELINE, text, message);
    diagnostic.help = Some("write rows that the tables take, or leave them to `setup`".to_owned());
    diagnostic.into()
}

/// The journal and the rows of `setup`, behind the publications and slots.
async fn journal_and_setup(
    run: &Run<'_>,
    database: &Connection,
    (tables, seeds): (&[Table], Option<Seeds>),
) -> Result<(Journal, Driver), Stop> {
    let (name, sessions) = (run.names.database(), sessions(run));
    let (journal, driver) = futures::join!(
        capture::journal(run, database, tables),
        Driver::connect(
            (&run.tools.owner, &name),
            run.tools.hand.outage().clone(),
            run.recorder.clone(),
            (&sessions, coming::writes_besides(run.trial)),
        ),
    );
    let (journal, mut driver) = (journal?, driver?);
    if let Some(seeds) = seeds {
        seeds.give_back().await.map_err(|error| not_again(run, error))?;
        journal.poke();
    }
    if !run.trial.setup.is_empty() {
        driver.setup(&run.trial.setup).await?;
        journal.poke();
    }
    run.log("the journal is read, and the set-up is done");
    Ok((journal, driver))
}

/// The sessions that the timeline names.
pub(in crate::run) fn sessions<'a>(run: &'a Run<'_>) -> Vec<&'a str> {
    let mut names: Vec<_> = run
        .trial
        .timeline
        .iter()
        .filter_map(|entry| match &entry.action {
            Action::Session(entry) => Some(entry.session.as_str()),
            Action::Await { .. }
            | Action::Upset(_)
            | Action::Hold { .. }
            | Action::Release { .. }
            | Action::Produce(_)
            | Action::Fault(_)
            | Action::Arm { .. }
            | Action::Set(_)
            | Action::Permute { .. } => None,
        })
        .collect();
    if !run.trial.setup.is_empty() {
        names.push("setup");
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// The topics of these tables and of those that are still to come, claimed.
pub(in crate::run) async fn topics_of(
    run: &Run<'_>,
    database: &Connection,
    tables: &[Table],
) -> Result<Vec<Topic>, Stop> {
    let coming = coming::coming(run, database, tables).await?;
    claimed_topics(run, &[tables, &coming].concat()).await
}

/// The topics of the run, to be made. If their names are those of production, no other run has them
/// from here on.
async fn claimed_topics(run: &Run<'_>, tables: &[Table]) -> Result<Vec<Topic>, Stop> {
    let topics = topics::topics(tables, &run.trial.pipeline, &run.planned());
    let fought_over = topics::fought_over(tables, &run.planned());
    if let Some(problem) = fought_over.or_else(|| topics::shared(&topics)) {
        return Err(not_as_named(run, &problem));
    }
    if run.names.is_prefixed() {
        return Ok(topics);
    }
    let new = topics::to_create(&topics, &run.effective.connectors, &run.names);
    let mut names: Vec<_> = new.into_iter().map(|topic| topic.name).collect();
    // All claim in one order, so that no two wait for each other.
    names.sort();
    for name in &names {
        claim_topic(run, &run.claim, name).await?;
    }
    run.log("the names of the topics are claimed");
    // What a run had under a claimed name goes away just now; what stays is the stack's.
    let gone = wait::until("no topic with a claimed name", GONE, || async {
        let mut there = run.tools.admin.list("").await?.into_iter();
        let found = there.find(|topic| names.contains(&topic.name));
        Ok(found.map_or(Look::Holds(()), |topic| Look::NotYet(topic.name)))
    });
    match gone.await {
        Ok(()) => Ok(topics),
        Err(WaitError::Look(error)) => Err(KafkaError::into(error)),
        Err(WaitError::TimedOut(late)) => {
            let problem = format!("the stack has a topic `{}` of its own", late.last);
            Err(not_as_named(run, &problem))
        }
    }
}

/// Waits until no other run has a name.
async fn claim_topic(run: &Run<'_>, claim: &Claim, name: &str) -> Result<(), Stop> {
    let what = format!("the name of the topic `{name}`");
    let (watch, mut said) = (Stopwatch::start(), false);
    let free = wait::until(&what, run.context.limits.names, || {
        let looked = claim.topic(name);
        if let Ok(Some(holder)) = &looked {
            run.tell(&Stage::Waiting { what: what.clone(), holder: holder.clone() });
            if !said && watch.elapsed() > QUIET {
                said = true;
                tracing::warn!("{} waits for {what}: {holder}", run.trial.name());
            }
        }
        async move { looked.map(|holder| holder.map_or(Look::Holds(()), Look::NotYet)) }
    });
    free.await.map_err(|error: WaitError<StackError>| Stop::Stack(error.to_string()))
}

fn not_as_named(run: &Run<'_>, problem: &str) -> Stop {
    let Some(text) = run.trial.pipeline.source.first() else {
        return Stop::Stack(problem.to_owned());
    };
    diagnose::at(PIPELINE, text, problem).into()
}

pub(in crate::run) async fn create_topics(run: &Run<'_>, topics: &[Topic]) -> Result<(), Stop> {
    let mut new = topics::to_create(topics, &run.effective.connectors, &run.names);
    run.tools.created.topics(new.iter().map(|topic| topic.name.clone()));
    if run.context.lease.takes_as_written() {
        let of_statements = |name: &String| {
            let is_sink = |topic: &&Topic| matches!(topic.role, Role::Sink { .. });
            topics.iter().filter(is_sink).any(|topic| topic.physical == *name)
        };
        new.retain(|topic| !of_statements(&topic.name));
    }
    let created = run.tools.admin.create(&new).await;
    created.map_err(|error| {
        if error.is_refused_option() { refused_options(run, topics) } else { error.into() }
    })
}

/// The connectors that no entry of the timeline starts.
fn at_once<'a>(run: &'a Run<'_>) -> impl Iterator<Item = &'a Connector> {
    let all = run.effective.connectors.all();
    all.filter(|one| !run.trial.starts_connector_later(one.nth))
}

/// How long a managed connector may take until it runs.
const PROVISIONED: Duration = Duration::from_mins(15);

/// Waits until the connector runs; one that failed is told by whoever watches it.
async fn connector_runs(run: &Run<'_>, connect: &dyn Connectors, nth: usize) -> Result<(), Stop> {
    let name = run.names.connector(nth);
    let runs = wait::afar("the connector to be provisioned", PROVISIONED, || async {
        let status = connect.status(&name).await?;
        Ok(match status {
            Some(status) if status.is_running() || status.failure().is_some() => Look::Holds(()),
            Some(status) => {
                let state = status.connector.state;
                run.tell(&Stage::Waiting {
                    what: "the connector".to_owned(),
                    holder: format!("it is {state:?}, with {} tasks", status.tasks.len()),
                });
                Look::NotYet(format!("it is {state:?}"))
            }
            None => Look::NotYet("it is not there".to_owned()),
        })
    });
    runs.await.map_err(|error: WaitError<ConnectError>| match error {
        WaitError::Look(error) => Stop::from(error),
        WaitError::TimedOut(late) => Stop::Stack(late.to_string()),
    })
}

/// How long statements may take to make the topics of their tables.
const MADE: Duration = Duration::from_mins(5);

/// The topics as they are once all are there: where statements make those of their tables, with as many
/// partitions as these got.
async fn as_made(run: &Run<'_>, mut topics: Vec<Topic>) -> Result<Vec<Topic>, Stop> {
    if !run.context.lease.takes_as_written() {
        return Ok(topics);
    }
    let there = wait::afar("the topics of the statements' tables", MADE, || async {
        let there = run.tools.admin.list(&run.names.base).await?;
        let is_there = |topic: &&Topic| there.iter().any(|one| one.name == topic.physical);
        let missing = topics.iter().find(|topic| !is_there(topic));
        let missing = missing.map(|topic| format!("there is no topic {}", topic.physical));
        Ok(missing.map_or_else(|| Look::Holds(there.clone()), Look::NotYet))
    });
    let there = there.await.map_err(|error: WaitError<KafkaError>| match error {
        WaitError::Look(error) => Stop::from(error),
        WaitError::TimedOut(late) => Stop::Stack(late.to_string()),
    })?;
    for topic in &mut topics {
        let made = there.iter().find(|one| one.name == topic.physical);
        topic.partitions = made.map_or(topic.partitions, |one| one.partitions);
    }
    Ok(topics)
}

/// Which of the options is refused, the broker does not say.
fn refused_options(run: &Run<'_>, topics: &[Topic]) -> Stop {
    let of = |topic: &Topic| {
        let options = topic.options.iter().map(|(key, value)| format!("{key} = {value}"));
        format!("`{}` ({})", topic.name, options.collect::<Vec<_>>().join(", "))
    };
    let asked: Vec<_> = topics.iter().filter(|topic| !topic.options.is_empty()).map(of).collect();
    let message = format!("the broker refuses an option of a topic: {}", asked.join(" or "));
    let Some(entry) = run.trial.timeline.first() else { return Stop::Stack(message) };
    let mut diagnostic = diagnose::entry(PIPELINE, entry, message);
    let help = "correct it under `settings.topics`, in the `topic.creation.*` of the connector \
                file, or in the table's `kafka.*` options";
    diagnostic.help = Some(help.to_owned());
    diagnostic.into()
}

pub(in crate::run) async fn submit(
    run: &Run<'_>,
    connect: &dyn Connectors,
    one: &Connector,
) -> Result<(), Stop> {
    run.tools.created.connector(run.names.connector(one.nth));
    let (connector, config, replaced) = (one.name.clone(), one.shown(), Vec::new());
    run.recorder.record(Event::Connector { connector, config, replaced })?;
    put(run, connect, one).await
}

/// Gives a connector its configuration; a refusal is the pipeline's.
pub(in crate::run) async fn put(
    run: &Run<'_>,
    connect: &dyn Connectors,
    one: &Connector,
) -> Result<(), Stop> {
    let config = one.submitted.as_ref().unwrap_or(&one.config);
    match connect.put(&run.names.connector(one.nth), config).await {
        Ok(()) => Ok(()),
        Err(ConnectError::Refused(sentence)) => {
            if let Some(told) = denied::refused(&sentence) {
                return Err(Stop::Stack(told));
            }
            let sentence = one.proven(&run.names).says(sentence);
            run.trouble(Anomaly::ConnectorFailed, "connector", None, &sentence)?;
            Err(Stop::Trouble)
        }
        Err(error) => Err(error.into()),
    }
}
