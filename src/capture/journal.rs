//! The journal: every committed transaction in commit order, read from a slot of our own.
//!
//! It is read all the time, by peek: what was peeked is first written to the history, then the slot
//! is advanced past it. A reader that is interrupted in between reads it again and skips what it
//! has, so nothing is lost and nothing is written twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::catalog::{self, has_identity};
use super::ddl::SAFE;
use super::recorder::{RecordError, Recorder};
use super::turns::{self, Joins};
use crate::base::position::{Lsn, Xid};
use crate::client::postgres::{self, Connection, Outage, PostgresError, WalMessage, ident};
use crate::client::reach::{Reach, Rights};
use crate::codec::pgoutput::{self, Message, PgoutputError};
use crate::history::event::{Event, Table};
use crate::model::source::TABLES;

/// The prefix of barriers; the connector captures them.
pub const BARRIER: &str = "changeproof.barrier";
/// The prefix of notes (DDL texts); the connector leaves them out.
pub const NOTE: &str = "changeproof.note";

/// How long the reader rests when nobody pokes it.
const REST: Duration = Duration::from_millis(100);

/// Why the journal cannot be trusted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    /// The server's settings make a faithful journal impossible.
    #[error("{setting} is {found}, but the journal needs {wanted}; {why}")]
    Unfit {
        /// The setting's name.
        setting: String,
        /// Its value.
        found: String,
        /// What it must be.
        wanted: String,
        /// Why.
        why: String,
    },
    /// Postgres refused something, or is not there.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// A message could not be read.
    #[error(transparent)]
    Message(#[from] PgoutputError),
    /// The history could not be written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// What was acknowledged did not appear.
    #[error("{0}")]
    Missing(String),
}

/// How far the journal was read.
#[derive(Debug, Clone, Default)]
struct State {
    /// End LSN by transaction.
    commits: BTreeMap<Xid, Lsn>,
    /// End LSN of barriers by their content.
    barriers: BTreeMap<String, Lsn>,
    /// Commit LSN of the last transaction that was written.
    written: Option<Lsn>,
    /// End LSN of the last transaction that the connector gets to see, barriers apart: its
    /// publication leaves transactions over other tables out, and its slot does not move for them.
    last_work_end: Option<Lsn>,
    /// How many changes of the schema were read.
    turns: usize,
    /// How often the slot was read to its end.
    rounds: u64,
    /// Why reading ended.
    broken: Option<JournalError>,
}

/// The reader in the background. Reading ends when it is dropped.
#[derive(Debug)]
pub struct Journal {
    state: watch::Receiver<State>,
    captured: Captured,
    poke: Arc<Notify>,
    task: JoinHandle<()>,
}

/// OIDs of the tables that the connector captures.
type Captured = Arc<Mutex<BTreeSet<u32>>>;

/// The slot and the publications of the journal.
#[derive(Debug, Clone)]
pub struct Slot {
    /// The slot's name.
    pub name: String,
    /// Publication of the tables whose updates and deletes the WAL can name.
    pub all: String,
    /// Publication of the other tables, without updates and deletes: with them, ours would make the
    /// application's own UPDATE fail.
    pub inserts: String,
}

/// Refuses a server on which an acknowledged commit may be missing from the journal.
pub async fn refuse_unfit(connection: &Connection) -> Result<(), JournalError> {
    const WANTED: [(&str, &str, &str); 2] = [
        ("wal_level", "logical", "without it the WAL does not carry row changes"),
        (
            "synchronous_commit",
            "on",
            "with another value a commit that was acknowledged may be lost or not yet readable",
        ),
    ];
    let sql = "SELECT current_setting('wal_level'), current_setting('synchronous_commit')";
    let found = connection.rows(sql).await?.into_iter().next().unwrap_or_default();
    for (n, (setting, wanted, why)) in WANTED.into_iter().enumerate() {
        let found = found.get(n).cloned().flatten().unwrap_or_default();
        if found != wanted {
            return Err(JournalError::Unfit {
                setting: setting.to_owned(),
                found,
                wanted: wanted.to_owned(),
                why: why.to_owned(),
            });
        }
    }
    Ok(())
}

/// Makes the publications as the tables' owner, and the slot as who reads it; gives the slot's
/// consistent point. No row may have been written. Tables that come enter the connector's
/// publication as `joins` says.
pub async fn create(
    (owner, reader): (&Connection, &Connection),
    tables: &[Table],
    (slot, joins, rights): (&Slot, &[Joins], Rights),
) -> Result<Lsn, JournalError> {
    // The partitions are read, each for itself.
    let tables = tables.iter().filter(|table| !table.partitioned);
    let (all, inserts): (Vec<_>, Vec<_>) = tables.partition(|table| has_identity(table));
    let mut sql = publication(&slot.all, &all, "");
    sql += &publication(&slot.inserts, &inserts, " WITH (publish = 'insert, truncate')");
    owner.run(&sql).await?;
    // Only a superuser may make an event trigger; without one, nothing changes the schema on the way.
    if rights == Rights::Server {
        turns::note(reader, slot, joins).await?;
    }
    Ok(reader.create_slot(&slot.name).await?)
}

/// An empty publication is legal: messages come through it all the same.
fn publication(name: &str, tables: &[&Table], with: &str) -> String {
    let tables: Vec<_> = tables.iter().map(|table| catalog::quoted(table)).collect();
    let list = if tables.is_empty() {
        String::new()
    } else {
        format!(" FOR TABLE ONLY {}", tables.join(", ONLY "))
    };
    format!("CREATE PUBLICATION {}{list}{with};", ident(name))
}

impl Journal {
    /// Begins to read; after an outage it goes on over a session that `home` opens. Of `tables`
    /// those that the connector does not capture are recorded, but are no work for it.
    pub fn start(
        connection: Connection,
        home: Home,
        (slot, tables): (Slot, &[Table]),
        recorder: Recorder,
    ) -> Self {
        let (sender, state) = watch::channel(State::default());
        let poke = Arc::new(Notify::new());
        let named = |name: &String| {
            let mut captured = tables.iter().filter(|table| table.captured);
            captured.any(|table| catalog::qualified(table) == *name)
        };
        let seen = |table: &&Table| table.captured || table.within.iter().any(named);
        let captured = tables.iter().filter(seen).map(|table| table.oid);
        let captured = Arc::new(Mutex::new(captured.collect()));
        let reader = Reader {
            connection,
            home,
            slot,
            captured: Arc::clone(&captured),
            recorder,
            sender,
            poke: Arc::clone(&poke),
        };
        Self { state, captured, poke, task: tokio::spawn(reader.read()) }
    }

    /// From here on the connector captures this table too.
    pub fn capture(&self, table: &Table) {
        lock(&self.captured).insert(table.oid);
    }

    /// How many changes of the schema were read.
    pub fn n_turns(&self) -> usize {
        self.state.borrow().turns
    }

    /// Tells the reader that there is something to read.
    pub fn poke(&self) {
        self.poke.notify_one();
    }

    /// Waits until every one of these acknowledged transactions was read.
    ///
    /// One that does not come although Postgres acknowledged its commit means that the journal is
    /// not the truth, and nothing can be judged by it.
    pub async fn until_commits(&self, xids: &[Xid], limit: Duration) -> Result<(), JournalError> {
        let missing = |state: &State| -> Vec<Xid> {
            xids.iter().copied().filter(|xid| !state.commits.contains_key(xid)).collect()
        };
        if self.until(limit, |state| missing(state).is_empty()).await? {
            return Ok(());
        }
        let missing = missing(&self.state.borrow());
        let xids: Vec<_> = missing.iter().map(ToString::to_string).collect();
        Err(JournalError::Missing(format!(
            "Postgres acknowledged the commit of transaction {} and the journal does not have it \
             after {limit:?}",
            xids.join(", ")
        )))
    }

    /// Waits until the barrier with this content was read; gives the end LSN of its commit.
    pub async fn until_barrier(&self, content: &str, limit: Duration) -> Result<Lsn, JournalError> {
        self.until(limit, |state| state.barriers.contains_key(content)).await?;
        let end = self.state.borrow().barriers.get(content).copied();
        end.ok_or_else(|| {
            JournalError::Missing(format!(
                "the barrier {content} was written and the journal does not have it after {limit:?}"
            ))
        })
    }

    /// Waits until everything was read that is committed now.
    pub async fn until_read(&self, limit: Duration) -> Result<(), JournalError> {
        // The round that is on its way may have begun before.
        let wanted = self.state.borrow().rounds + 2;
        if self.until(limit, |state| state.rounds >= wanted).await? {
            return Ok(());
        }
        Err(JournalError::Missing(format!("the journal was not read to its end in {limit:?}")))
    }

    /// The end LSN of the last commit that the connector gets to see, barriers apart.
    pub fn last_work_end(&self) -> Option<Lsn> {
        self.state.borrow().last_work_end
    }

    /// Whether it came to hold within the limit.
    async fn until(
        &self,
        limit: Duration,
        holds: impl Fn(&State) -> bool,
    ) -> Result<bool, JournalError> {
        self.poke();
        let mut state = self.state.clone();
        let waited = state.wait_for(|state| state.broken.is_some() || holds(state));
        let seen = match tokio::time::timeout(limit, waited).await {
            Ok(Ok(state)) => state.broken.clone(),
            Ok(Err(_)) => Some(JournalError::Missing("the journal's reader ended".to_owned())),
            Err(_) => return Ok(false),
        };
        seen.map_or(Ok(true), Err)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Where the journal is read, and whether that is away.
#[derive(Debug, Clone)]
pub struct Home {
    /// The server.
    pub reach: Reach,
    /// The database.
    pub database: String,
    /// Whether the server was taken away.
    pub outage: Outage,
}

impl Home {
    /// Opens the session that reads.
    pub async fn connect(&self) -> Result<Connection, PostgresError> {
        let journal = postgres::connect(&self.reach, &self.database, "changeproof journal").await?;
        journal.run(SAFE).await?;
        Ok(journal)
    }
}

fn lock(captured: &Captured) -> std::sync::MutexGuard<'_, BTreeSet<u32>> {
    captured.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Reader {
    connection: Connection,
    home: Home,
    slot: Slot,
    captured: Captured,
    recorder: Recorder,
    sender: watch::Sender<State>,
    poke: Arc<Notify>,
}

impl Reader {
    async fn read(mut self) {
        // A call that began before the outage fails in it, and one that began in it may fail after.
        let mut away = false;
        loop {
            away |= self.home.outage.is_on();
            let read = self.batch().await;
            away |= self.home.outage.is_on();
            match read {
                Ok(true) => continue,
                Ok(false) => away = false,
                Err(JournalError::Postgres(lost)) if away && lost.is_session_lost() => {
                    if let Ok(connection) = self.home.connect().await {
                        self.connection = connection;
                    }
                }
                Err(error) => {
                    self.sender.send_modify(|state| state.broken = Some(error));
                    return;
                }
            }
            // A poke or the end of the rest, whichever comes first.
            drop(tokio::time::timeout(REST, self.poke.notified()).await);
        }
    }

    /// Reads what is there; whether there was something.
    async fn batch(&self) -> Result<bool, JournalError> {
        let publications = [self.slot.all.as_str(), self.slot.inserts.as_str()];
        let messages = self.connection.peek(&self.slot.name, &publications).await?;
        let captured = lock(&self.captured).clone();
        let batch = Batch::read(messages, self.sender.borrow().written, &captured)?;
        let Some(end) = batch.end else {
            self.sender.send_modify(|state| state.rounds += 1);
            return Ok(false);
        };
        self.recorder.record_all(batch.events)?;
        // Before the slot is advanced: the server may be killed in between, and gives it all again.
        self.sender.send_modify(|state| {
            state.commits.extend(batch.commits);
            state.barriers.extend(batch.barriers);
            state.written = batch.written.max(state.written);
            state.last_work_end = batch.last_work_end.max(state.last_work_end);
            state.turns += batch.turns;
        });
        self.connection.advance(&self.slot.name, end).await?;
        Ok(true)
    }
}

/// The transactions of one peek that were not written before.
#[derive(Debug, Default)]
struct Batch {
    events: Vec<Event>,
    commits: BTreeMap<Xid, Lsn>,
    barriers: BTreeMap<String, Lsn>,
    written: Option<Lsn>,
    last_work_end: Option<Lsn>,
    turns: usize,
    end: Option<Lsn>,
}

impl Batch {
    fn read(
        messages: Vec<WalMessage>,
        written: Option<Lsn>,
        captured: &BTreeSet<u32>,
    ) -> Result<Self, PgoutputError> {
        let mut batch = Self::default();
        let mut open = Open::default();
        for message in messages {
            let parsed = pgoutput::parse(&message.data)?;
            match &parsed {
                Message::Begin { final_lsn, xid, .. } => {
                    open = Open {
                        xid: Some(*xid),
                        skip: written >= Some(*final_lsn),
                        ..Open::default()
                    };
                }
                Message::Logical(logical) if logical.prefix == BARRIER => {
                    open.barrier = Some(String::from_utf8_lossy(&logical.content).into_owned());
                }
                Message::Insert { relation, .. }
                | Message::Update { relation, .. }
                | Message::Delete { relation, .. } => {
                    open.work |= captured.contains(relation);
                }
                Message::Truncate { relations, .. } => {
                    open.work |= relations.iter().any(|oid| captured.contains(oid));
                }
                Message::Logical(logical) => {
                    open.work = true;
                    open.turns += usize::from(logical.prefix == TABLES);
                }
                Message::Commit { commit_lsn, end_lsn, .. } if !open.skip => {
                    batch.commit(&open, *commit_lsn, *end_lsn);
                }
                Message::Commit { .. }
                | Message::Origin { .. }
                | Message::Relation(_)
                | Message::Type { .. } => {}
            }
            if !open.skip {
                let WalMessage { lsn, xid, data } = message;
                batch.events.push(Event::Wal { lsn, xid, data });
            }
        }
        Ok(batch)
    }

    fn commit(&mut self, open: &Open, commit_lsn: Lsn, end_lsn: Lsn) {
        self.commits.extend(open.xid.map(|xid| (xid, end_lsn)));
        if let Some(content) = &open.barrier {
            self.barriers.insert(content.clone(), end_lsn);
        }
        if open.work {
            self.last_work_end = Some(end_lsn);
        }
        self.turns += open.turns;
        self.written = Some(commit_lsn);
        self.end = Some(end_lsn);
    }
}

/// The transaction that is being read.
#[derive(Debug, Default)]
struct Open {
    xid: Option<Xid>,
    skip: bool,
    work: bool,
    turns: usize,
    barrier: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(lsn: u64, xid: u32) -> WalMessage {
        let mut data = vec![b'B'];
        data.extend(lsn.to_be_bytes());
        data.extend(0_i64.to_be_bytes());
        data.extend(xid.to_be_bytes());
        WalMessage { lsn: Lsn(lsn), xid: Xid(xid), data }
    }

    fn commit(lsn: u64, xid: u32) -> WalMessage {
        let mut data = vec![b'C', 0];
        data.extend(lsn.to_be_bytes());
        data.extend((lsn + 8).to_be_bytes());
        data.extend(0_i64.to_be_bytes());
        WalMessage { lsn: Lsn(lsn + 8), xid: Xid(xid), data }
    }

    fn logical(lsn: u64, xid: u32, prefix: &str, content: &str) -> WalMessage {
        let mut data = vec![b'M', 1];
        data.extend(lsn.to_be_bytes());
        data.extend(prefix.as_bytes());
        data.push(0);
        data.extend(u32::try_from(content.len()).unwrap().to_be_bytes());
        data.extend(content.as_bytes());
        WalMessage { lsn: Lsn(lsn), xid: Xid(xid), data }
    }

    #[test]
    fn a_barrier_is_no_work_and_what_was_written_is_skipped() {
        let messages = vec![
            begin(100, 1),
            logical(90, 1, NOTE, "ALTER TABLE t ADD x int"),
            commit(100, 1),
            begin(200, 2),
            logical(190, 2, BARRIER, "b1"),
            commit(200, 2),
        ];
        let batch = Batch::read(messages.clone(), None, &BTreeSet::new()).unwrap();
        assert_eq!(batch.events.len(), 6);
        assert_eq!(batch.last_work_end, Some(Lsn(108)));
        assert_eq!(batch.barriers, BTreeMap::from([("b1".to_owned(), Lsn(208))]));
        assert_eq!(batch.end, Some(Lsn(208)));

        let again = Batch::read(messages, Some(Lsn(100)), &BTreeSet::new()).unwrap();
        assert_eq!(again.events.len(), 3);
        assert_eq!(again.commits, BTreeMap::from([(Xid(2), Lsn(208))]));
        assert_eq!(again.last_work_end, None);
    }

    #[test]
    fn a_change_of_a_table_that_is_not_captured_is_no_work() {
        let insert = |relation: u32| {
            let mut data = vec![b'I'];
            data.extend(relation.to_be_bytes());
            data.extend([b'N', 0, 0]);
            WalMessage { lsn: Lsn(90), xid: Xid(1), data }
        };
        let end = |relation: u32| {
            let messages = vec![begin(100, 1), insert(relation), commit(100, 1)];
            Batch::read(messages, None, &BTreeSet::from([8])).unwrap().last_work_end
        };
        assert_eq!((end(7), end(8)), (None, Some(Lsn(108))));
    }
}
