//! What runs ask of the parts that somebody else may keep: one small trait a role. The first to fill
//! them are Connect's worker and a session of Flink's SQL Gateway.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::Value;

use super::connect::{Connect, ConnectError, Status};
use super::flink::{JobFailure, JobManager};
use super::gateway::{Answer, Column, GatewayError, Session};

/// An answer of whoever keeps connectors, a little later.
pub type Kept<'a, T> = BoxFuture<'a, Result<T, ConnectError>>;

/// Whoever keeps connectors.
pub trait Connectors: Debug + Send + Sync {
    /// Creates the connector, or gives it another configuration.
    fn put<'a>(&'a self, name: &'a str, config: &'a BTreeMap<String, String>) -> Kept<'a, ()>;

    /// The connector's state; `None` if there is none of that name (or none yet).
    fn status<'a>(&'a self, name: &'a str) -> Kept<'a, Option<Status>>;

    /// Asks for `pause`, `resume` or `stop` of a connector; it follows a little later.
    fn ask<'a>(&'a self, name: &'a str, what: &'a str) -> Kept<'a, ()>;

    /// The offsets that are stored for a connector, one a source partition.
    fn offsets<'a>(&'a self, name: &'a str) -> Kept<'a, Vec<Value>>;

    /// Deletes the offsets that are stored for a connector, which must be stopped.
    fn lose_offsets<'a>(&'a self, name: &'a str) -> Kept<'a, ()>;

    /// Deletes a connector; one that is not there is no error.
    fn delete<'a>(&'a self, name: &'a str) -> Kept<'a, ()>;

    /// Names of connectors that start with `prefix`.
    fn list<'a>(&'a self, prefix: &'a str) -> Kept<'a, Vec<String>>;
}

impl Connectors for Connect {
    fn put<'a>(&'a self, name: &'a str, config: &'a BTreeMap<String, String>) -> Kept<'a, ()> {
        self.put(name, config).boxed()
    }

    fn status<'a>(&'a self, name: &'a str) -> Kept<'a, Option<Status>> {
        self.status(name).boxed()
    }

    fn ask<'a>(&'a self, name: &'a str, what: &'a str) -> Kept<'a, ()> {
        self.ask(name, what).boxed()
    }

    fn offsets<'a>(&'a self, name: &'a str) -> Kept<'a, Vec<Value>> {
        self.offsets(name).boxed()
    }

    fn lose_offsets<'a>(&'a self, name: &'a str) -> Kept<'a, ()> {
        self.lose_offsets(name).boxed()
    }

    fn delete<'a>(&'a self, name: &'a str) -> Kept<'a, ()> {
        self.delete(name).boxed()
    }

    fn list<'a>(&'a self, prefix: &'a str) -> Kept<'a, Vec<String>> {
        self.list(prefix).boxed()
    }
}

/// An answer of whoever runs statements, a little later.
pub type Said<'a, T> = BoxFuture<'a, Result<T, GatewayError>>;

/// Whoever runs statements, in one session.
pub trait Statements: Debug + Send + Sync {
    /// Executes one statement and gives its whole result; an INSERT or statement set is over when it
    /// is submitted.
    fn execute<'a>(&'a self, statement: &'a str) -> Said<'a, Answer>;

    /// Submits an INSERT or a statement set; gives the id by which it is known from then on.
    fn submit<'a>(&'a self, statement: &'a str) -> Said<'a, String>;

    /// The columns of a table or view; `table` is written as in SQL (with backticks if needed).
    fn describe<'a>(&'a self, table: &'a str) -> Said<'a, Vec<Column>>;

    /// The plan of a query or INSERT; `kinds` as in `EXPLAIN CHANGELOG_MODE` (may be empty).
    fn explain<'a>(&'a self, kinds: &'a str, statement: &'a str) -> Said<'a, String>;

    /// Where people can go on with the session: the address of its resource, if it has one.
    fn address(&self) -> Option<String> {
        None
    }

    /// Ends the session. What was submitted goes on.
    fn close(&self) -> Said<'_, ()>;
}

impl Statements for Session {
    fn execute<'a>(&'a self, statement: &'a str) -> Said<'a, Answer> {
        self.execute(statement).boxed()
    }

    fn submit<'a>(&'a self, statement: &'a str) -> Said<'a, String> {
        self.submit(statement).boxed()
    }

    fn describe<'a>(&'a self, table: &'a str) -> Said<'a, Vec<Column>> {
        self.describe(table).boxed()
    }

    fn explain<'a>(&'a self, kinds: &'a str, statement: &'a str) -> Said<'a, String> {
        self.explain(kinds, statement).boxed()
    }

    fn address(&self) -> Option<String> {
        Some(self.address())
    }

    fn close(&self) -> Said<'_, ()> {
        self.clone().close().boxed()
    }
}

/// Where a statement is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It was accepted and does not run yet.
    Pending,
    /// It runs.
    Running,
    /// It fails, or has failed; [`Engine::failures`] say why.
    Failed,
    /// It was told to stop and has not yet.
    Stopping,
    /// It was stopped before its input came to an end.
    Stopped,
    /// It has ended well: its input came to an end, or it was stopped with all its state kept.
    Completed,
}

impl Phase {
    /// It has ended and does not go on by itself.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Failed | Self::Stopped | Self::Completed)
    }
}

/// A partition that a statement reads through one of its source tables.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Split {
    /// The source table, as the statement names it.
    pub table: String,
    /// The topic on the broker.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
}

/// How far the engine says that a statement is in its input.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reported {
    /// The time of the report, in milliseconds since 1970: all of it holds since then.
    pub at_ms: i64,
    /// By topic on the broker and partition: the last offset that was processed, the least where
    /// several source tables read the partition; -1 before the first record, `i64::MAX` where a bounded
    /// source has ended. What the engine does not tell is absent.
    pub processed: BTreeMap<(String, i32), i64>,
}

/// A statement that was stopped and is to go on.
#[derive(Debug, Clone, Copy)]
pub struct Stopped<'a> {
    /// The id by which it was known.
    pub id: &'a str,
    /// The text that was submitted.
    pub text: &'a str,
    /// Where its state is kept, as [`Engine::stop`] gave it.
    pub state: Option<&'a str>,
}

/// Whoever runs what was submitted: how a statement goes, by the id that its submission gave.
pub trait Engine: Debug + Send + Sync {
    /// Where a statement is in its life; `None` if there is none of that id.
    fn phase<'a>(&'a self, id: &'a str) -> Said<'a, Option<Phase>>;

    /// How far it is in its input, by a report that the engine made after this call; `None` while it
    /// makes none. An engine whose reports bear their own time may give one of before: whoever needs
    /// two looks at `at_ms`.
    fn reported<'a>(&'a self, id: &'a str, splits: &'a [Split]) -> Said<'a, Option<Reported>>;

    /// Names of its executions: others than before tell that it, or a part of it, was started again.
    /// Empty where the engine does not tell.
    fn executions<'a>(&'a self, id: &'a str) -> Said<'a, Vec<String>>;

    /// Stops it so that it can go on, and waits until it has: by then it has written what it owes. Gives
    /// where its state is kept, where that has a name.
    fn stop<'a>(&'a self, id: &'a str, limit: Duration) -> Said<'a, Option<String>>;

    /// Lets one go on that was stopped; gives the id by which it is known from then on.
    fn resume<'a>(&'a self, session: &'a dyn Statements, stopped: Stopped<'a>) -> Said<'a, String>;

    /// Removes the state of one that does not go on.
    fn dispose<'a>(&'a self, _state: &'a str, _limit: Duration) -> Said<'a, ()> {
        async { Ok(()) }.boxed()
    }

    /// Waits until all of it runs.
    fn runs<'a>(&'a self, id: &'a str, limit: Duration) -> Said<'a, ()>;

    /// The ids of those that were submitted under this name and have not ended.
    fn named<'a>(&'a self, name: &'a str) -> Said<'a, Vec<String>>;

    /// Asks for the end of one; it follows a little later. One that has ended or is not there is no
    /// error.
    fn cancel<'a>(&'a self, id: &'a str) -> Said<'a, ()>;

    /// Waits until one has ended.
    fn until_ended<'a>(&'a self, id: &'a str, limit: Duration) -> Said<'a, ()>;

    /// What it failed of, the last failure first, also those after which it went on.
    fn failures<'a>(&'a self, id: &'a str) -> Said<'a, Vec<JobFailure>>;

    /// The JobManager, where there is one: it tells of tasks, watermarks and checkpoints.
    fn job_manager(&self) -> Option<&JobManager> {
        None
    }
}
