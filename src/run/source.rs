//! The source: its database, the journal, the topics, and the connector, until it streams.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Run;
use super::clocks::{self, Known, Watermarks};
use super::coming;
use super::connector::{Connector, captures};
use super::context::Stage;
use super::faults::Counts;
use super::outcome::Stop;
use super::schemas::{self, Schemas};
use super::topics;
use crate::base::anomaly::Anomaly;
use crate::base::text::Text;
use crate::capture::catalog::{self, qualified};
use crate::capture::ddl::without_extension;
use crate::capture::diagnose::{self, PIPELINE, REFUSED};
use crate::capture::journal::{self, Home, Journal, JournalError, Slot};
use crate::capture::seeds::Seeds;
use crate::client::clock::Stopwatch;
use crate::client::connect::{Connect, ConnectError};
use crate::client::kafka::{EndsReader, Forward, KafkaError, Tap};
use crate::client::postgres::{
    self, CONTROL_DATABASE, Connection, PostgresError, Roles, ident, literal,
};
use crate::client::wait::{self, Look, WaitError};
use crate::drive::Driver;
use crate::history::event::{Event, Record, Role, Table, Topic};
use crate::model::feed::publishes_roots;
use crate::quiesce::{self, Barriers};
use crate::scenario::settings::{Options, ReplicaIdentity};
use crate::scenario::timeline::{Action, Target};
use crate::stack::{Claim, StackError};

/// A topic that a run has deleted is not shown any more after this time.
const GONE: Duration = Duration::from_secs(10);
/// A wait for another run is worth a word after this time.
const QUIET: Duration = Duration::from_secs(2);

/// The source side of a run, ready for the connector.
pub(super) struct Source {
    /// A session outside of the run's databases.
    pub(super) control: Connection,
    /// A session in the source database, for barriers and comparisons.
    pub(super) database: Connection,
    pub(super) tables: Vec<Table>,
    pub(super) journal: Journal,
    pub(super) driver: Driver,
    pub(super) topics: Vec<Topic>,
    pub(super) tap: Tap,
    pub(super) barriers: Arc<Barriers>,
    pub(super) clocks: Arc<Watermarks>,
    /// Records read so far, where an armed fault waits for them.
    pub(super) counts: Option<Arc<watch::Sender<Counts>>>,
    pub(super) ends: EndsReader,
    pub(super) connect: Connect,
}

impl Source {
    /// The topic of a source table or sink, as a scenario names it.
    pub(super) fn topic_of(&self, place: &str) -> Option<&Topic> {
        let sink = |topic: &&Topic| matches!(&topic.role, Role::Sink { sink } if sink == place);
        let source = |topic: &&Topic| match &topic.role {
            Role::Source { table } | Role::Outbox { table, .. } => {
                table == place || table.rsplit('.').next().is_some_and(|name| name == place)
            }
            Role::Barrier | Role::Messages | Role::Transaction | Role::Sink { .. } => false,
        };
        self.topics.iter().find(sink).or_else(|| self.topics.iter().find(source))
    }
}

/// Makes everything up to the connector's submission. `ready` is told when the topics are there.
pub(super) async fn build(
    run: &Run<'_>,
    ready: watch::Sender<Option<Vec<Table>>>,
) -> Result<Source, Stop> {
    // The admin client connects meanwhile.
    let ((control, database), _) =
        futures::try_join!(databases(run), async { Ok(run.admin.list("").await?) })?;
    run.log("the source database is there");
    let tables = define(run, &database).await?;
    let seeds = run.ddl(&database, &run.names.database()).take_rows().await?;
    run.log("the source tables are there");
    let topics = topics_of(run, &database, &tables).await?;
    let barriers = Arc::new(Barriers::default());
    let clocks = Arc::new(watermarks(run, &tables, &topics));
    let counts = run.trial.arms().then(|| Arc::new(watch::Sender::new(Counts::new())));
    let connect = Connect::new(&run.context.endpoints)?;
    let topics_and_tap = async {
        create_topics(run, &topics).await?;
        ready.send_replace(Some(tables.clone()));
        run.log("the topics are there");
        run.recorder.record(Event::Topics { topics: topics.clone() })?;
        tap(run, &topics, &barriers, &clocks, counts.as_ref())
    };
    let set_up_and_submit = async {
        let (journal, driver) = journal_and_setup(run, &database, (&tables, seeds)).await?;
        // It takes longer to start than the topics take to be there, and waits for one that is not.
        if !run.trial.starts_later(Target::Connector) {
            submit(run, &connect).await?;
            run.log("the connector is submitted");
        }
        Ok((journal, driver))
    };
    let ((journal, driver), tap) = futures::try_join!(set_up_and_submit, topics_and_tap)?;
    let ends = EndsReader::new(&run.context.endpoints)?;
    Ok(Source {
        control,
        database,
        tables,
        journal,
        driver,
        topics,
        tap,
        barriers,
        clocks,
        counts,
        ends,
        connect,
    })
}

/// Makes the roles by which the run's databases are owned and read.
pub(super) async fn roles(run: &Run<'_>) -> Result<(), Stop> {
    let control =
        postgres::connect(&run.context.endpoints, CONTROL_DATABASE, "changeproof").await?;
    let has_server = run.context.claims.as_ref().is_some_and(|stack| stack.own.server);
    let (owner, connector) = (run.names.owner(), run.names.reader());
    run.made.roles([&owner, &connector], has_server);
    let roles = Roles { owner: &owner, connector: &connector };
    let password = &run.context.endpoints.postgres_password;
    Ok(control.create_roles(roles, password, has_server).await?)
}

pub(super) async fn databases(run: &Run<'_>) -> Result<(Connection, Connection), Stop> {
    let endpoints = &run.context.endpoints;
    let control = postgres::connect(endpoints, CONTROL_DATABASE, "changeproof").await?;
    journal::refuse_unfit(&control).await?;
    run.made.database(&run.names.database());
    control.create_database(&run.names.database(), &run.names.owner()).await?;
    let database = postgres::connect(&run.owner, &run.names.database(), "changeproof").await?;
    Ok((control, database))
}

/// Runs the DDL and sets the replica identities; gives the tables as the catalog has them.
pub(super) async fn define(run: &Run<'_>, database: &Connection) -> Result<Vec<Table>, Stop> {
    let ddl = run.ddl(database, &run.names.database());
    for statement in &run.source.ddl {
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
    let captured = captured(database, &run.connector, &tables).await?;
    for table in &mut tables {
        table.captured = captured.contains(&qualified(table));
    }
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

/// The tables that the connector's own lists let through; Postgres matches their expressions.
pub(super) async fn captured(
    database: &Connection,
    connector: &Connector,
    tables: &[Table],
) -> Result<Vec<String>, Stop> {
    let rows: Vec<_> = tables
        .iter()
        .map(|table| format!("({}, {})", literal(&table.schema), literal(&qualified(table))))
        .collect();
    let sql = format!(
        "SELECT full_name FROM (VALUES {}) AS t (schema, full_name) WHERE {}",
        rows.join(", "),
        captures(&connector.config)
    );
    match database.rows(&sql).await {
        Ok(rows) => Ok(rows.into_iter().flatten().flatten().collect()),
        Err(error) if error.sqlstate.as_deref() == Some("2201B") => {
            Err(unread_lists(&error.message))
        }
        Err(error) => Err(error.into()),
    }
}

/// A table list that is no list of regular expressions.
fn unread_lists(why: &str) -> Stop {
    let text = Text::whole("connector".into(), String::new());
    let message =
        format!("a table list of the connector cannot be read as regular expressions: {why}");
    diagnose::at(PIPELINE, &text, message).into()
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

/// Publications and slots before the first row, then the rows of `setup`.
async fn journal_and_setup(
    run: &Run<'_>,
    database: &Connection,
    (tables, seeds): (&[Table], Option<Seeds>),
) -> Result<(Journal, Driver), Stop> {
    let names = &run.names;
    let endpoints = &run.context.endpoints;
    let slot = Slot {
        name: names.journal_slot(),
        all: names.journal_all(),
        inserts: names.journal_inserts(),
    };
    let name = names.database();
    let outage = run.hand.outage().clone();
    let home =
        Home { endpoints: endpoints.clone(), database: name.clone(), outage: outage.clone() };
    let sessions = sessions(run);
    let (reader, driver) = futures::join!(
        async {
            let reader = home.connect().await?;
            publish(run, database, tables).await?;
            let joins = coming::joins(run);
            journal::create((database, &reader), tables, (&slot, joins.as_ref())).await?;
            Ok::<_, JournalError>(reader)
        },
        Driver::connect(
            (&run.owner, &name),
            outage,
            run.recorder.clone(),
            (&sessions, coming::writes_besides(run.trial)),
        ),
    );
    let journal = Journal::start(reader?, home.clone(), (slot, tables), run.recorder.clone());
    let mut driver = driver?;
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

/// Makes the connector's publication, of the captured tables.
pub(super) async fn publish(
    run: &Run<'_>,
    database: &Connection,
    tables: &[Table],
) -> Result<(), PostgresError> {
    let via_root = publishes_roots(&run.connector.config);
    let enters = coming::joins(run).is_some();
    // A publication of all tables has the roots too, whatever the connector's lists say.
    let listed = |table: &&Table| table.captured || (via_root && enters && table.partitioned);
    let list: Vec<_> = tables.iter().filter(listed).map(catalog::quoted).collect();
    let with = if via_root { " WITH (publish_via_partition_root = true)" } else { "" };
    let list =
        if list.is_empty() { String::new() } else { format!(" FOR TABLE {}", list.join(", ")) };
    let publication = ident(&run.names.connector_slot());
    database.run(&format!("CREATE PUBLICATION {publication}{list}{with}")).await.map(|_| ())
}

/// The sessions that the timeline names.
pub(super) fn sessions<'a>(run: &'a Run<'_>) -> Vec<&'a str> {
    let mut names: Vec<_> = run
        .trial
        .timeline
        .iter()
        .filter_map(|entry| match &entry.action {
            Action::Session(entry) => Some(entry.session.as_str()),
            Action::Await { .. }
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
pub(super) async fn topics_of(
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
    if let Some(problem) = topics::shared(&topics) {
        return Err(not_as_named(run, &problem));
    }
    if run.names.is_prefixed() {
        return Ok(topics);
    }
    let Some(claim) = &run.claim else {
        let sentence = "topics with the names of production need a stack that nobody else uses";
        return Err(Stop::Stack(sentence.to_owned()));
    };
    let new = topics::to_create(&topics, &run.connector, &run.names);
    let mut names: Vec<_> = new.into_iter().map(|topic| topic.name).collect();
    // All claim in one order, so that no two wait for each other.
    names.sort();
    for name in &names {
        claim_topic(run, claim, name).await?;
    }
    run.log("the names of the topics are claimed");
    // What a run had under a claimed name goes away just now; what stays is the stack's.
    let gone = wait::until("no topic with a claimed name", GONE, || async {
        let mut there = run.admin.list("").await?.into_iter();
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

pub(super) async fn create_topics(run: &Run<'_>, topics: &[Topic]) -> Result<(), Stop> {
    let new = topics::to_create(topics, &run.connector, &run.names);
    run.made.topics(new.iter().map(|topic| topic.name.clone()));
    let created = run.admin.create(&new).await;
    created.map_err(|error| {
        if error.is_refused_option() { refused_options(run, topics) } else { error.into() }
    })
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

/// Passes the author's logical messages on, where the connector writes them among barriers.
struct Passing {
    to: String,
    forward: Forward,
    /// A message could not be passed on: no barrier behind it is told of any more.
    has_lost: bool,
}

fn passing(run: &Run<'_>) -> Result<Option<Passing>, Stop> {
    if !run.connector.has_messages_apart() {
        return Ok(None);
    }
    let to = run.names.topic(&run.connector.routes.messages_routed());
    let forward = Forward::new(&run.context.endpoints)?;
    Ok(Some(Passing { to, forward, has_lost: false }))
}

impl Passing {
    /// Passes a message on, as the connector wrote it; whether all before it are there. A barrier that
    /// is not told of is emitted again.
    fn take(&mut self, record: &Record, raw: &Record) -> bool {
        if quiesce::is_barrier(record) {
            return !self.has_lost && self.forward.flush();
        }
        self.has_lost |= !self.forward.send(&self.to, raw);
        true
    }
}

fn tap(
    run: &Run<'_>,
    topics: &[Topic],
    barriers: &Arc<Barriers>,
    clocks: &Arc<Watermarks>,
    counts: Option<&Arc<watch::Sender<Counts>>>,
) -> Result<Tap, Stop> {
    let (barriers, clocks, counts) = (Arc::clone(barriers), Arc::clone(clocks), counts.cloned());
    let framed = schemas::framed(topics, &run.connector, &run.statements);
    let endpoints = &run.context.endpoints;
    let mut schemas = Schemas::new(endpoints, framed, topics, run.recorder.clone())?;
    let barrier_topic = run.connector.barriers().to_owned();
    let mut passing = passing(run)?;
    let handler = Box::new(move |record: Record| {
        let is_barrier = record.topic == barrier_topic;
        let raw = (is_barrier && passing.is_some()).then(|| record.clone());
        let record = schemas.record(record);
        clocks.note(&record);
        if let Some(counts) = &counts {
            counts.send_modify(|counts| *counts.entry(record.topic.clone()).or_default() += 1);
        }
        if let (Some(passing), Some(raw)) = (&mut passing, raw)
            && !passing.take(&record, &raw)
        {
            return;
        }
        // Told last: who sees the barrier finds its record in the history.
        if is_barrier {
            barriers.note(&record);
        }
    });
    Ok(Tap::start(&run.context.endpoints, topics, handler)?)
}

pub(super) fn watermarks(run: &Run<'_>, tables: &[Table], topics: &[Topic]) -> Watermarks {
    let (declared, delay_ms) = clocks::declared_by(&run.trial.pipeline.sinks);
    let zones = run.statements.zones(&run.trial.settings.flink);
    let known = Known {
        tables: &run.statements.tables,
        declared: &declared,
        delay_ms,
        source: tables,
        connector: &run.connector.config,
        zones: &zones,
    };
    Watermarks::new(&known, topics)
}

pub(super) async fn submit(run: &Run<'_>, connect: &Connect) -> Result<(), Stop> {
    run.made.connector();
    let (config, replaced) = (run.connector.shown(), Vec::new());
    run.recorder.record(Event::Connector { config, replaced })?;
    put(run, connect, &run.connector.config).await
}

/// Gives the connector a configuration; a refusal is the pipeline's.
pub(super) async fn put(run: &Run<'_>, connect: &Connect, config: &Options) -> Result<(), Stop> {
    match connect.put(&run.names.connector(), config).await {
        Ok(()) => Ok(()),
        Err(ConnectError::Refused(sentence)) => {
            run.trouble(Anomaly::ConnectorFailed, "connector", None, &sentence)?;
            Err(Stop::Trouble)
        }
        Err(error) => Err(error.into()),
    }
}
