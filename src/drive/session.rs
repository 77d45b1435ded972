//! One session: a connection, and what is known of its transaction.

use std::sync::Arc;

use crate::base::position::Xid;
use crate::base::text::Text;
use crate::capture::journal::NOTE;
use crate::client::postgres::{Answer, Connection, PostgresError, literal};
use crate::sql::postgres::{Kind, copy, kind};

/// Learns the transaction of what was run before it in the same simple query.
const XID: &str = "SELECT pg_current_xact_id_if_assigned()";

/// Leaves a mark of what wrote something, and makes no writer of what did not.
const MARK: &str = "SELECT pg_logical_emit_message(true, 'changeproof.note.mark', '') \
    WHERE pg_current_xact_id_if_assigned() IS NOT NULL";

/// A session of the timeline. It ends with its connection.
#[derive(Debug)]
pub struct Session {
    /// Its name (`a`, `setup`).
    pub name: String,
    connection: Arc<Connection>,
    block: Block,
    /// Every statement that writes leaves a mark in the WAL.
    marks: bool,
}

/// The explicit transaction a session is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    /// None: each statement is its own.
    None,
    /// After BEGIN.
    Open {
        /// Its transaction, once it has written.
        xid: Option<Xid>,
        /// A statement failed; only a rollback can follow.
        failed: bool,
    },
}

/// A transaction that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Postgres acknowledged its commit.
    Committed(Xid),
    /// It was rolled back.
    Aborted(Xid),
}

/// A statement ready to be sent. It owns what it needs, so it can wait in a task of its own.
#[derive(Debug, Clone)]
pub struct Call {
    connection: Arc<Connection>,
    statement: Text,
    kind: Kind,
    in_block: bool,
    marks: bool,
}

impl Session {
    /// A session over its own connection. It `marks` what it writes where some of it is in tables of
    /// which the WAL has no rows: the journal would not have its transactions.
    pub fn new(name: &str, connection: Connection, marks: bool) -> Self {
        let (connection, block) = (Arc::new(connection), Block::None);
        Self { name: name.to_owned(), connection, block, marks }
    }

    /// The backend's process id.
    pub fn pid(&self) -> i32 {
        self.connection.pid()
    }

    /// Its connection is gone.
    pub fn is_closed(&self) -> bool {
        self.connection.is_closed()
    }

    /// It is inside BEGIN … COMMIT.
    pub fn in_transaction(&self) -> bool {
        self.block != Block::None
    }

    /// Prepares a statement to be sent.
    pub fn call(&self, statement: &Text) -> Call {
        Call {
            connection: Arc::clone(&self.connection),
            statement: statement.clone(),
            kind: kind(statement),
            in_block: self.in_transaction(),
            marks: self.marks,
        }
    }

    /// Asks the server to give up what the session is doing.
    pub async fn cancel(&self) -> Result<(), PostgresError> {
        self.connection.cancel().await
    }

    /// The server is gone: the transaction that went with it, if the session was in one that wrote.
    pub fn lost(&self) -> Option<Ended> {
        self.block.after(Turn::Work, Outcome::Lost).1
    }

    /// Takes in how a call of this session ended; the transaction that ended with it, if it wrote.
    pub fn ended(
        &mut self,
        turn: Turn,
        result: &Result<Option<Xid>, PostgresError>,
    ) -> Option<Ended> {
        let outcome = match result {
            Ok(xid) => Outcome::Done(*xid),
            Err(error) if error.is_session_lost() => Outcome::Lost,
            Err(_) => Outcome::Refused,
        };
        let (block, ended) = self.block.after(turn, outcome);
        self.block = block;
        ended
    }
}

/// What a statement does to the transaction of its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Begins one.
    Begin,
    /// Ends it; `commits` unless it failed before, and the next begins at once if `chains`.
    End {
        /// It asks for a commit.
        commits: bool,
        /// `AND CHAIN`.
        chains: bool,
    },
    /// Takes it from the session, neither committed nor rolled back.
    Prepare,
    /// Undoes a part of it, and with that a failure.
    RollbackTo,
    /// Works in it.
    Work,
}

impl Turn {
    fn of(kind: Kind, statement: &Text) -> Self {
        let text = statement.value.trim_start().to_ascii_uppercase();
        let rolls_back = text.starts_with("ROLLBACK") || text.starts_with("ABORT");
        match kind {
            Kind::Begin => Self::Begin,
            Kind::Commit | Kind::Rollback => Self::End { commits: !rolls_back, chains: false },
            Kind::Chain => Self::End { commits: !rolls_back, chains: true },
            Kind::PrepareTransaction => Self::Prepare,
            Kind::RollbackTo => Self::RollbackTo,
            Kind::Savepoint
            | Kind::EndPrepared
            | Kind::Copy
            | Kind::Ddl
            | Kind::OutsideBlock
            | Kind::Other => Self::Work,
        }
    }
}

/// How a statement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done(Option<Xid>),
    Refused,
    Lost,
}

impl Block {
    const FRESH: Self = Self::Open { xid: None, failed: false };

    /// The block after a statement, and the transaction that ended with it.
    fn after(self, turn: Turn, outcome: Outcome) -> (Self, Option<Ended>) {
        let Self::Open { xid, failed } = self else {
            return match (turn, outcome) {
                (Turn::Begin, Outcome::Done(_)) => (Self::FRESH, None),
                (_, Outcome::Done(xid)) => (Self::None, xid.map(Ended::Committed)),
                (_, Outcome::Refused | Outcome::Lost) => (Self::None, None),
            };
        };
        match (turn, outcome) {
            // Whether a commit under way was carried out, only the journal knows.
            (Turn::End { commits: true, .. } | Turn::Prepare, Outcome::Lost) if !failed => {
                (Self::None, None)
            }
            // The server rolls back what a session that it ends has not committed.
            (_, Outcome::Lost) => (Self::None, xid.map(Ended::Aborted)),
            // A COMMIT of a failed transaction is answered with ROLLBACK, without an error.
            (Turn::End { commits, chains }, outcome) => {
                let done = outcome != Outcome::Refused;
                let ended =
                    if commits && done && !failed { Ended::Committed } else { Ended::Aborted };
                (if chains && done { Self::FRESH } else { Self::None }, xid.map(ended))
            }
            (Turn::Prepare, Outcome::Done(_)) if !failed => (Self::None, None),
            (Turn::Prepare, _) => (Self::None, xid.map(Ended::Aborted)),
            (Turn::RollbackTo, Outcome::Done(_)) => (Self::Open { xid, failed: false }, None),
            (_, Outcome::Done(seen)) => (Self::Open { xid: seen.or(xid), failed }, None),
            (_, Outcome::Refused) => (Self::Open { xid, failed: true }, None),
        }
    }
}

impl Call {
    /// What the statement does to its transaction.
    pub fn turn(&self) -> Turn {
        Turn::of(self.kind, &self.statement)
    }

    /// Sends it; gives the transaction that it wrote in, where that can be learnt.
    ///
    /// Outside of an explicit transaction the statement and the question for its transaction are
    /// one simple query, hence one implicit transaction: the answer is the one that committed.
    pub async fn run(self) -> Result<Option<Xid>, PostgresError> {
        let statement = self.statement.value.as_str();
        match self.kind {
            Kind::Begin
            | Kind::Commit
            | Kind::Chain
            | Kind::Rollback
            | Kind::RollbackTo
            | Kind::Savepoint
            | Kind::PrepareTransaction
            | Kind::EndPrepared
            | Kind::OutsideBlock => self.connection.run(statement).await.map(|_| None),
            Kind::Copy => self.copy().await,
            Kind::Ddl => {
                let note = format!(
                    "SELECT pg_logical_emit_message(true, {}, {})",
                    literal(NOTE),
                    literal(statement)
                );
                self.asked(&format!("{statement}\n;{note};{XID}")).await
            }
            Kind::Other if self.marks => self.asked(&format!("{statement}\n;{MARK};{XID}")).await,
            Kind::Other => self.asked(&format!("{statement}\n;{XID}")).await,
        }
    }

    async fn asked(&self, sql: &str) -> Result<Option<Xid>, PostgresError> {
        match self.connection.run(sql).await {
            Ok(answers) => Ok(xid(answers.last())),
            // 25001: it refuses to run with anything else. 2D000: a procedure that commits by
            // itself. Nothing of it has happened, so it can be sent again alone.
            Err(error) if !self.in_block && refuses_company(&error) => {
                self.connection.run(&self.statement.value).await.map(|_| None)
            }
            Err(error) => Err(error),
        }
    }

    async fn copy(&self) -> Result<Option<Xid>, PostgresError> {
        let Some((statement, lines)) = copy(&self.statement) else {
            return self.connection.run(&self.statement.value).await.map(|_| None);
        };
        let (begin, end) =
            if self.in_block { (None, None) } else { (Some("BEGIN"), Some("COMMIT")) };
        if let Some(begin) = begin {
            self.connection.run(begin).await?;
        }
        let copied = self.connection.copy_in(&statement.value, lines.value.as_bytes()).await;
        if let (Err(error), Some(_)) = (&copied, end) {
            // The refusal is what the caller must hear of, not how the rollback went.
            drop(self.connection.run("ROLLBACK").await);
            return Err(error.clone());
        }
        copied?;
        let xid = xid(self.connection.run(XID).await?.last());
        if let Some(end) = end {
            self.connection.run(end).await?;
        }
        Ok(xid)
    }
}

fn refuses_company(error: &PostgresError) -> bool {
    matches!(error.sqlstate.as_deref(), Some("25001" | "2D000"))
}

/// A full transaction id has an epoch in its upper half; the WAL carries the lower one.
fn xid(answer: Option<&Answer>) -> Option<Xid> {
    let cell = answer?.rows.first()?.first()?.as_deref()?;
    let full: u64 = cell.parse().ok()?;
    u32::try_from(full & 0xffff_ffff).ok().map(Xid)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const X: Xid = Xid(7);
    const COMMIT: Turn = Turn::End { commits: true, chains: false };
    const CHAIN: Turn = Turn::End { commits: true, chains: true };
    const ROLLBACK: Turn = Turn::End { commits: false, chains: false };
    const OK: Outcome = Outcome::Done(None);
    const WROTE: Outcome = Outcome::Done(Some(X));

    #[rstest]
    #[case::autocommit(&[(Turn::Work, WROTE)], &[Ended::Committed(X)])]
    #[case::a_read(&[(Turn::Work, OK)], &[])]
    #[case::refused(&[(Turn::Work, Outcome::Refused)], &[])]
    #[case::committed(&[(Turn::Begin, OK), (Turn::Work, WROTE), (COMMIT, OK)], &[Ended::Committed(X)])]
    #[case::rolled_back(&[(Turn::Begin, OK), (Turn::Work, WROTE), (ROLLBACK, OK)], &[Ended::Aborted(X)])]
    #[case::commit_after_failure(
        &[(Turn::Begin, OK), (Turn::Work, WROTE), (Turn::Work, Outcome::Refused), (COMMIT, OK)],
        &[Ended::Aborted(X)]
    )]
    #[case::savepoint_heals(
        &[(Turn::Begin, OK), (Turn::Work, WROTE), (Turn::Work, Outcome::Refused),
          (Turn::RollbackTo, OK), (COMMIT, OK)],
        &[Ended::Committed(X)]
    )]
    #[case::deferred_constraint(
        &[(Turn::Begin, OK), (Turn::Work, WROTE), (COMMIT, Outcome::Refused)],
        &[Ended::Aborted(X)]
    )]
    #[case::lost(&[(Turn::Begin, OK), (Turn::Work, WROTE), (Turn::Work, Outcome::Lost)], &[Ended::Aborted(X)])]
    #[case::lost_while_committing(&[(Turn::Begin, OK), (Turn::Work, WROTE), (COMMIT, Outcome::Lost)], &[])]
    #[case::chained(
        &[(Turn::Begin, OK), (Turn::Work, WROTE), (CHAIN, OK), (Turn::Work, WROTE), (COMMIT, OK)],
        &[Ended::Committed(X), Ended::Committed(X)]
    )]
    #[case::prepared(&[(Turn::Begin, OK), (Turn::Work, WROTE), (Turn::Prepare, OK)], &[])]
    fn a_session_knows_which_transactions_ended_how(
        #[case] statements: &[(Turn, Outcome)],
        #[case] expected: &[Ended],
    ) {
        let mut block = Block::None;
        let mut seen = Vec::new();
        for (turn, outcome) in statements {
            let (next, ended) = block.after(*turn, *outcome);
            block = next;
            seen.extend(ended);
        }
        assert_eq!(seen, expected);
        assert_eq!(block, Block::None);
    }

    #[test]
    fn only_the_lower_half_of_a_transaction_id_is_in_the_wal() {
        let answer = |text: Option<&str>| Answer {
            columns: vec!["x".to_owned()],
            rows: vec![vec![text.map(ToOwned::to_owned)]],
            affected: 1,
        };
        assert_eq!(xid(Some(&answer(Some("4294967303")))), Some(Xid(7)));
        assert_eq!(xid(Some(&answer(None))), None);
        assert_eq!(xid(None), None);
    }
}
