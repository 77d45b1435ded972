//! What runs ask of the parts that somebody else may keep: one small trait a role. The first to fill
//! them are Connect's worker and a session of Flink's SQL Gateway.

use std::collections::BTreeMap;
use std::fmt::Debug;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::Value;

use super::connect::{Connect, ConnectError, Status};
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
