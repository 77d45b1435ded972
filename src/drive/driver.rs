//! The sessions of a run and what they are to do next.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::try_join_all;

use super::session::{Ended, Session, Turn};
use super::waiting::{Ending, Running, Seen};
use crate::base::diagnostic::Diagnostic;
use crate::base::position::Xid;
use crate::base::text::Text;
use crate::capture::diagnose::{
    self, OTHER_ERROR, OTHER_WAIT, REFUSED, SESSION, TOO_LONG, VOLATILE,
};
use crate::capture::recorder::{RecordError, Recorder};
use crate::capture::volatile;
use crate::client::clock::Stopwatch;
use crate::client::postgres::{self, Connection, Outage, PostgresError, literal};
use crate::client::reach::Reach;
use crate::client::wait::WaitError;
use crate::history::event::{EntryState, Event};
use crate::scenario::timeline::SessionEntry;
use crate::sql::postgres::{Kind, kind, substitute};

/// The session that runs `setup`.
const SETUP: &str = "setup";
/// How long all of `setup` may take.
const SETUP_LIMIT_MS: u64 = 120_000;

/// Why the timeline cannot go on.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DriveError {
    /// The scenario asks for what does not happen.
    #[error("{0}")]
    Scenario(Box<Diagnostic>),
    /// Postgres is not there any more.
    #[error(transparent)]
    Postgres(Box<PostgresError>),
    /// This order of the sessions' entries cannot happen, in one sentence.
    #[error("{0}")]
    Impossible(String),
    /// The history could not be written.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl From<PostgresError> for DriveError {
    fn from(error: PostgresError) -> Self {
        Self::Postgres(Box::new(error))
    }
}

impl From<Diagnostic> for DriveError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Scenario(Box::new(diagnostic))
    }
}

/// Runs entries, one after the other.
#[derive(Debug)]
pub struct Driver {
    reach: Reach,
    database: String,
    control: Connection,
    recorder: Recorder,
    sessions: BTreeMap<String, Seat>,
    /// Acknowledged commits, in the order of their acknowledgement.
    commits: Vec<Xid>,
    outage: Outage,
    marks: bool,
}

/// A session and what it waits for.
#[derive(Debug)]
struct Seat {
    session: Session,
    waiting: Option<Waiting>,
    /// The statement it ran last.
    last: Option<Text>,
    /// The entry that this belongs to.
    entry: Option<usize>,
}

/// A statement that was seen waiting.
#[derive(Debug)]
struct Waiting {
    running: Running,
    task: Task,
    statement: Text,
    turn: Turn,
}

/// What an entry asks for.
#[derive(Debug, Clone)]
struct Task {
    entry: Option<usize>,
    session: String,
    blocks_on: Option<String>,
    error: Option<String>,
    /// Waits, deadlocks and what follows from them are outcomes.
    finds_waits: bool,
    within: Duration,
    watch: Stopwatch,
}

impl Driver {
    /// A driver whose sessions work in `database`; connects those that are named at once. They leave
    /// `marks` in the WAL where not all that they write is in it.
    pub async fn connect(
        (reach, database): (&Reach, &str),
        outage: Outage,
        recorder: Recorder,
        (names, marks): (&[&str], bool),
    ) -> Result<Self, PostgresError> {
        let control = postgres::connect(reach, database, "changeproof control");
        let sessions = try_join_all(names.iter().map(|name| seat((reach, database), name, marks)));
        let (control, sessions) = futures::try_join!(control, sessions)?;
        Ok(Self {
            reach: reach.clone(),
            database: database.to_owned(),
            control,
            recorder,
            sessions: sessions.into_iter().collect(),
            commits: Vec::new(),
            outage,
            marks,
        })
    }

    /// The server was started again: every session is lost, and opened anew at its next entry.
    pub async fn reconnect(&mut self) -> Result<(), DriveError> {
        for (name, seat) in std::mem::take(&mut self.sessions) {
            if let Some(Ended::Aborted(xid)) = seat.session.lost() {
                let entry = seat.entry;
                self.recorder.record(Event::Abort { entry, session: name, xid })?;
            }
        }
        let name = "changeproof control";
        self.control = postgres::connect(&self.reach, &self.database, name).await?;
        Ok(())
    }

    /// The transactions whose commit Postgres has acknowledged.
    pub fn commits(&self) -> &[Xid] {
        &self.commits
    }

    /// Runs `setup`.
    pub async fn setup(&mut self, statements: &[Text]) -> Result<(), DriveError> {
        let task = Task {
            entry: None,
            session: SETUP.to_owned(),
            blocks_on: None,
            error: None,
            finds_waits: false,
            within: Duration::from_millis(SETUP_LIMIT_MS),
            watch: Stopwatch::start(),
        };
        self.run(&task, statements, 1).await?;
        self.finish()
    }

    /// Runs an entry, and waits for those that it lets go on.
    pub async fn entry(&mut self, index: usize, entry: &SessionEntry) -> Result<(), DriveError> {
        let task = Task {
            entry: Some(index),
            session: entry.session.clone(),
            blocks_on: entry.blocks_on.clone(),
            error: entry.error.clone(),
            finds_waits: entry.finds_waits,
            within: Duration::from_millis(entry.within_ms),
            watch: Stopwatch::start(),
        };
        self.run(&task, &entry.statements, entry.rounds).await?;
        self.settle(&task).await
    }

    /// Runs one round of an entry, and waits for those that it lets go on.
    pub async fn round(
        &mut self,
        index: usize,
        entry: &SessionEntry,
        round: u32,
    ) -> Result<(), DriveError> {
        let statements: Vec<_> =
            entry.statements.iter().map(|text| substitute(text, round)).collect();
        let one = SessionEntry { statements, rounds: 1, until: None, ..entry.clone() };
        self.entry(index, &one).await
    }

    /// Refuses an end at which a session waits or holds a transaction open.
    pub fn finish(&self) -> Result<(), DriveError> {
        for (name, seat) in &self.sessions {
            if let Some(waiting) = &seat.waiting {
                let message = format!("session `{name}` still waits at the end of the timeline");
                return Err(diagnose::at(SESSION, &waiting.statement, message).into());
            }
            if let (Some(last), true) = (&seat.last, seat.session.in_transaction()) {
                let message = format!("session `{name}` is left in a transaction");
                let mut diagnostic = diagnose::at(SESSION, last, message);
                diagnostic.help = Some("end it with COMMIT or ROLLBACK".to_owned());
                return Err(diagnostic.into());
            }
        }
        Ok(())
    }

    async fn run(&mut self, task: &Task, texts: &[Text], rounds: u32) -> Result<(), DriveError> {
        self.note(task.entry, EntryState::Started)?;
        if let (Some(first), true) = (texts.first(), self.is_away(&task.session)) {
            let message = "Postgres is down here: a fault of this timeline has taken it away";
            let mut diagnostic = diagnose::at(SESSION, first, message.to_owned());
            diagnostic.help = Some("write `- start: postgres` before this entry".to_owned());
            return Err(diagnostic.into());
        }
        if !self.sessions.contains_key(&task.session) {
            let (name, new) =
                seat((&self.reach, &self.database), &task.session, self.marks).await?;
            self.sessions.insert(name, new);
        }
        if task.finds_waits && self.waits(&task.session) {
            return Err(DriveError::Impossible(format!(
                "this order cannot happen: session `{}` still waits for a lock when its next \
                 entry is due",
                task.session
            )));
        }
        if let (Some(first), true) = (texts.first(), self.waits(&task.session)) {
            let message =
                format!("session `{}` waits for a lock and cannot run this", task.session);
            return Err(diagnose::at(SESSION, first, message).into());
        }
        let count = texts.len();
        for round in 1..=rounds {
            for (n, text) in texts.iter().enumerate() {
                let statement = substitute(text, round);
                let last = round == rounds && n + 1 == count;
                if self.statement(task, statement, last).await? {
                    return Ok(());
                }
            }
        }
        if let (Some(expected), Some(text)) = (&task.error, texts.last()) {
            let message = format!("the entry passed, but it was to end with the error {expected}");
            return Err(diagnose::at(OTHER_ERROR, text, message).into());
        }
        if let (Some(on), Some(text)) = (&task.blocks_on, texts.last()) {
            let message =
                format!("the statement did not wait, but it was to wait for session `{on}`");
            return Err(diagnose::at(OTHER_WAIT, text, message).into());
        }
        self.note(task.entry, EntryState::Finished)
    }

    fn waits(&self, session: &str) -> bool {
        self.sessions.get(session).is_some_and(|seat| seat.waiting.is_some())
    }

    /// Runs one statement; whether the entry is over with it (it waits, or was refused as expected).
    async fn statement(
        &mut self,
        task: &Task,
        statement: Text,
        last: bool,
    ) -> Result<bool, DriveError> {
        self.refuse_volatile(&statement).await?;
        let Some(seat) = self.sessions.get_mut(&task.session) else { return Ok(true) };
        seat.last = Some(statement.clone());
        seat.entry = task.entry;
        let call = seat.session.call(&statement);
        let (turn, pid) = (call.turn(), seat.session.pid());
        let mut running = Running::new(tokio::spawn(call.run()));
        if let Some(ending) = running.soon().await {
            return self.ended(task, &statement, turn, ending).await;
        }
        let settled = running.settle(&self.control, pid, &self.names(pid), left(task)).await;
        match settled {
            Ok(Seen::Ended) => {
                let ending = running.result().await;
                self.ended(task, &statement, turn, ending).await
            }
            Ok(Seen::Blocked(on)) => {
                let expected = task.blocks_on.as_ref().filter(|_| last);
                let found = task.finds_waits && last;
                if !found && expected.is_none_or(|expected| !on.contains(expected)) {
                    return Err(unexpected_wait(&statement, &on, expected).into());
                }
                self.note(task.entry, EntryState::Waiting { on })?;
                let waiting = Waiting { running, task: task.clone(), statement, turn };
                if let Some(seat) = self.sessions.get_mut(&task.session) {
                    seat.waiting = Some(waiting);
                }
                Ok(true)
            }
            // Who could tell whether it waits is lost too.
            Err(WaitError::Look(_)) if self.outage.is_on() => {
                let ending = running.result().await;
                self.ended(task, &statement, turn, ending).await
            }
            Err(error) => Err(self.late(task, &statement, error).await),
        }
    }

    /// Whether a session cannot run anything, because the server was taken away.
    fn is_away(&self, session: &str) -> bool {
        let closed = |seat: &Seat| seat.session.is_closed();
        self.outage.is_on() && self.sessions.get(session).is_none_or(closed)
    }

    /// Takes in how a statement ended; whether its entry is over with it.
    async fn ended(
        &mut self,
        task: &Task,
        statement: &Text,
        turn: Turn,
        ending: Ending,
    ) -> Result<bool, DriveError> {
        let seat = self.sessions.get_mut(&task.session);
        let ended = seat.and_then(|seat| seat.session.ended(turn, &ending));
        let (entry, session) = (task.entry, task.session.clone());
        match ended {
            Some(Ended::Committed(xid)) => {
                self.commits.push(xid);
                self.recorder.record(Event::Commit { entry, session, xid })?;
            }
            Some(Ended::Aborted(xid)) => {
                self.recorder.record(Event::Abort { entry, session, xid })?;
            }
            None => {}
        }
        let Err(error) = ending else { return Ok(false) };
        if error.is_session_lost() && self.outage.is_on() {
            self.note(entry, EntryState::Lost)?;
            return Ok(true);
        }
        if task.finds_waits && task.error.is_none() && is_outcome(&error) {
            let (sqlstate, message) = (error.sqlstate.unwrap_or_default(), error.message);
            self.note(entry, EntryState::Refused { sqlstate, message })?;
            return Ok(true);
        }
        let Some(expected) = &task.error else {
            return Err(if error.sqlstate.is_some() && !error.is_exhausted() {
                diagnose::refused(REFUSED, statement, 0, &error).into()
            } else {
                error.into()
            });
        };
        let sqlstate = error.sqlstate.clone().unwrap_or_default();
        if self.sqlstate_of(expected).await? != sqlstate {
            if error.is_exhausted() {
                return Err(error.into());
            }
            let mut diagnostic = diagnose::refused(OTHER_ERROR, statement, 0, &error);
            diagnostic.help = Some(format!("the entry was to end with the error {expected}"));
            return Err(diagnostic.into());
        }
        self.note(entry, EntryState::Refused { sqlstate, message: error.message })?;
        Ok(true)
    }

    /// Waits for the sessions that go on now, until each has ended or is still seen waiting.
    async fn settle(&mut self, after: &Task) -> Result<(), DriveError> {
        let waiting: Vec<String> = self
            .sessions
            .iter()
            .filter(|(name, seat)| **name != after.session && seat.waiting.is_some())
            .map(|(name, _)| name.clone())
            .collect();
        for name in waiting {
            let Some(seat) = self.sessions.get_mut(&name) else { continue };
            let Some(waiting) = seat.waiting.take() else { continue };
            let pid = seat.session.pid();
            let others = self.names(pid);
            match waiting.running.settle(&self.control, pid, &others, left(after)).await {
                Ok(Seen::Blocked(_)) => {
                    if let Some(seat) = self.sessions.get_mut(&name) {
                        seat.waiting = Some(waiting);
                    }
                }
                Ok(Seen::Ended) => self.released(waiting).await?,
                Err(WaitError::Look(_)) if self.outage.is_on() => self.released(waiting).await?,
                Err(error) => {
                    return Err(self.late(&waiting.task, &waiting.statement, error).await);
                }
            }
        }
        Ok(())
    }

    async fn released(&mut self, waiting: Waiting) -> Result<(), DriveError> {
        let Waiting { running, task, statement, turn } = waiting;
        let ending = running.result().await;
        if self.ended(&task, &statement, turn, ending).await? {
            return Ok(());
        }
        if let Some(expected) = &task.error {
            let message = format!("the entry passed, but it was to end with the error {expected}");
            return Err(diagnose::at(OTHER_ERROR, &statement, message).into());
        }
        self.note(task.entry, EntryState::Finished)
    }

    /// The sessions that backend `pid` can wait for.
    fn names(&self, pid: i32) -> BTreeMap<i32, String> {
        let all = self.sessions.iter().map(|(name, seat)| (seat.session.pid(), name.clone()));
        all.filter(|(other, _)| *other != pid).collect()
    }

    async fn late(
        &self,
        task: &Task,
        statement: &Text,
        error: WaitError<PostgresError>,
    ) -> DriveError {
        let late = match error {
            WaitError::Look(error) => return error.into(),
            WaitError::TimedOut(late) => late,
        };
        if let Some(seat) = self.sessions.get(&task.session) {
            // The clean-up ends the session in any case; this only makes it quicker.
            drop(seat.session.cancel().await);
        }
        let limit = humantime::format_duration(task.within);
        let message = format!("the entry did not end within {limit}: {}", late.last);
        diagnose::at(TOO_LONG, statement, message).into()
    }

    /// A default that is not the same for every row and every time changes rows of which the WAL
    /// says nothing.
    async fn refuse_volatile(&self, statement: &Text) -> Result<(), DriveError> {
        if kind(statement) != Kind::Ddl || !volatile::adds_default(statement) {
            return Ok(());
        }
        let Some(found) = volatile::find(&self.control, statement).await? else { return Ok(()) };
        let message = format!(
            "`{}` gives another value at each call, and the rows it fills are not in the WAL",
            found.name
        );
        let mut diagnostic = diagnose::spanned(VOLATILE, statement, found.span, message);
        diagnostic.help = Some("add the column without a default, then UPDATE it".to_owned());
        Err(diagnostic.into())
    }

    /// The SQLSTATE that a condition name stands for; Postgres knows them all.
    async fn sqlstate_of(&self, expected: &str) -> Result<String, DriveError> {
        let plain = expected.len() == 5 && !expected.contains(|c: char| c.is_ascii_lowercase());
        if plain {
            return Ok(expected.to_owned());
        }
        let body = format!("BEGIN RAISE EXCEPTION USING ERRCODE = {}; END", literal(expected));
        match self.control.run(&format!("DO {}", literal(&body))).await {
            Ok(_) => Ok(expected.to_owned()),
            Err(error) => Ok(error.sqlstate.unwrap_or_default()),
        }
    }

    fn note(&self, entry: Option<usize>, state: EntryState) -> Result<(), DriveError> {
        Ok(self.recorder.record(Event::Entry { entry, state })?)
    }
}

async fn seat(
    (reach, database): (&Reach, &str),
    name: &str,
    marks: bool,
) -> Result<(String, Seat), PostgresError> {
    let application = format!("changeproof session {name}");
    let connection = postgres::connect(reach, database, &application).await?;
    let session = Session::new(name, connection, marks);
    Ok((name.to_owned(), Seat { session, waiting: None, last: None, entry: None }))
}

/// What an order of sessions may bring about: a deadlock or a failure to serialize (class 40), and
/// the refusals of whatever follows in that transaction.
fn is_outcome(error: &PostgresError) -> bool {
    error.sqlstate.as_deref().is_some_and(|code| code.starts_with("40") || code == "25P02")
}

fn left(task: &Task) -> Duration {
    task.within.saturating_sub(task.watch.elapsed())
}

fn unexpected_wait(statement: &Text, on: &[String], expected: Option<&String>) -> Diagnostic {
    let on = on.join("`, `");
    let (message, help) = match expected {
        Some(expected) => (
            format!("the statement waits for session `{on}`, not for `{expected}`"),
            format!("write `blocks_on: {on}` if this is what you mean"),
        ),
        None => (
            format!("the statement waits for a lock of session `{on}`"),
            format!("write `blocks_on: {on}` at this entry, as its last statement"),
        ),
    };
    let mut diagnostic = diagnose::at(OTHER_WAIT, statement, message);
    diagnostic.help = Some(help);
    diagnostic
}
