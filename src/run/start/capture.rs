//! What reads everything: the journal of the database, and the tap of the topics.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use super::coming;
use super::schemas::{self, Schemas};
use crate::capture::catalog;
use crate::capture::journal::{self, Home, Journal, JournalError, Slot};
use crate::client::kafka::{Forward, Tap};
use crate::client::postgres::{Connection, PostgresError, ident};
use crate::history::event::{Record, Table, Topic};
use crate::model::feed::publishes_roots;
use crate::quiesce::{self, Barriers};
use crate::run::outcome::Stop;
use crate::run::prepare::Run;
use crate::run::prepare::clocks::{self, Known, Watermarks};
use crate::run::prepare::connector::Connector;

/// How many records of each topic were read, by logical name.
pub(in crate::run) type Counts = BTreeMap<String, u64>;

/// The journal and the tap, with what the tap's records have told.
pub(in crate::run) struct Capture {
    pub(in crate::run) journal: Journal,
    pub(in crate::run) tap: Tap,
    pub(in crate::run) told: Told,
}

/// What records tell while they are read.
#[derive(Clone)]
pub(in crate::run) struct Told {
    /// Barriers that came back.
    pub(in crate::run) barriers: Arc<Barriers>,
    /// Event times.
    pub(in crate::run) clocks: Arc<Watermarks>,
    /// Records read so far, where an armed fault waits for them.
    pub(in crate::run) counts: Option<Arc<watch::Sender<Counts>>>,
}

impl Told {
    pub(in crate::run) fn new(run: &Run<'_>, tables: &[Table], topics: &[Topic]) -> Self {
        let counts = run.trial.arms().then(|| Arc::new(watch::Sender::new(Counts::new())));
        let clocks = Arc::new(watermarks(run, tables, topics));
        Self { barriers: Arc::default(), clocks, counts }
    }
}

/// Publications and slots, and from then on all that is committed.
pub(in crate::run) async fn journal(
    run: &Run<'_>,
    database: &Connection,
    tables: &[Table],
) -> Result<Journal, Stop> {
    let names = &run.names;
    let slot = Slot {
        name: names.journal_slot(),
        all: names.journal_all(),
        inserts: names.journal_inserts(),
    };
    let rights = run.context.reach().postgres.rights;
    let (reach, outage) = (run.context.reach().clone(), run.tools.hand.outage().clone());
    let home = Home { reach, database: names.database(), outage };
    let reader = home.connect().await?;
    publish(run, database, tables).await.map_err(JournalError::from)?;
    let joins = coming::joins(run);
    journal::create((database, &reader), tables, (&slot, &joins, rights)).await?;
    Ok(Journal::start(reader, home, (slot, tables), run.recorder.clone()))
}

/// Makes the publication of each connector, of the tables that it captures.
pub(in crate::run) async fn publish(
    run: &Run<'_>,
    database: &Connection,
    tables: &[Table],
) -> Result<(), PostgresError> {
    for connector in run.effective.connectors.all() {
        publish_for(run, database, (connector, tables)).await?;
    }
    Ok(())
}

async fn publish_for(
    run: &Run<'_>,
    database: &Connection,
    (connector, tables): (&Connector, &[Table]),
) -> Result<(), PostgresError> {
    let via_root = publishes_roots(&connector.config);
    let enters = coming::joins_of(run, connector).is_some();
    // A publication of all tables has the roots too, whatever the connector's lists say.
    let listed = |table: &&Table| {
        let is_own = table.connector == connector.name;
        is_own && table.captured || (via_root && enters && table.partitioned)
    };
    let list: Vec<_> = tables.iter().filter(listed).map(catalog::quoted).collect();
    let with = if via_root { " WITH (publish_via_partition_root = true)" } else { "" };
    let list =
        if list.is_empty() { String::new() } else { format!(" FOR TABLE {}", list.join(", ")) };
    let publication = ident(&run.names.connector_slot(connector.nth));
    database.run(&format!("CREATE PUBLICATION {publication}{list}{with}")).await.map(|_| ())
}

/// Passes the author's logical messages on, where a connector writes them among barriers.
struct Passing {
    to: String,
    forward: Forward,
    /// A message could not be passed on: no barrier behind it is told of any more.
    has_lost: bool,
}

/// By the topic of barriers that the messages come on.
fn passing(run: &Run<'_>) -> Result<BTreeMap<String, Option<Passing>>, Stop> {
    let mut all = BTreeMap::new();
    for connector in run.effective.connectors.all() {
        let passing = if connector.has_messages_apart() {
            let to = run.names.topic(&connector.routes.messages_routed());
            let forward = Forward::new(run.context.reach())?;
            Some(Passing { to, forward, has_lost: false })
        } else {
            None
        };
        all.insert(connector.barriers().to_owned(), passing);
    }
    Ok(all)
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

/// The tap of the topics.
pub(in crate::run) fn tap(run: &Run<'_>, topics: &[Topic], told: &Told) -> Result<Tap, Stop> {
    let Told { barriers, clocks, counts } = told.clone();
    let framed = schemas::framed(
        topics,
        (&run.effective.connectors, &run.trial.pipeline.topics),
        &run.effective.statements,
    );
    let reach = run.context.reach();
    let mut schemas = Schemas::new(reach, framed, topics, run.recorder.clone())?;
    let mut barrier_topics = passing(run)?;
    let handler = Box::new(move |record: Record| {
        let mut passing = barrier_topics.get_mut(&record.topic);
        let passes = passing.as_ref().is_some_and(|passing| passing.is_some());
        let raw = passes.then(|| record.clone());
        let record = schemas.record(record);
        clocks.note(&record);
        if let Some(counts) = &counts {
            counts.send_modify(|counts| *counts.entry(record.topic.clone()).or_default() += 1);
        }
        if let (Some(Some(passing)), Some(raw)) = (&mut passing, raw)
            && !passing.take(&record, &raw)
        {
            return;
        }
        // Told last: who sees the barrier finds its record in the history.
        if passing.is_some() {
            barriers.note(&record);
        }
    });
    Ok(Tap::start(run.context.reach(), topics, handler)?)
}

pub(in crate::run) fn watermarks(run: &Run<'_>, tables: &[Table], topics: &[Topic]) -> Watermarks {
    let (declared, delay_ms) = clocks::declared_by(&run.trial.pipeline.sinks);
    let zones = run.effective.statements.zones(&run.trial.settings.flink);
    let all = run.effective.connectors.all();
    let configs = all.map(|one| (one.name.clone(), one.config.clone())).collect();
    let known = Known {
        tables: &run.effective.statements.tables,
        declared: &declared,
        delay_ms,
        source: tables,
        applications: &run.trial.pipeline.topics,
        connectors: &configs,
        zones: &zones,
    };
    Watermarks::new(&known, topics)
}
