//! A database of a test's own on the shared stack, swept should the test die.

use camino::Utf8Path;
use changeproof::cli::environment::Environment;
use changeproof::client::postgres::{self, Connection};
use changeproof::stack::{self, Claim, LocalLease, Share};

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_changeproof");

/// A database that is gone at the end of a test.
pub(crate) struct Database {
    pub(crate) lease: LocalLease,
    pub(crate) claim: Claim,
    pub(crate) session: Connection,
}

impl Database {
    /// Makes one; `purpose` is what the claim tells others.
    pub(crate) async fn new(purpose: &str) -> Self {
        let environment = Environment::read().unwrap();
        let options =
            changeproof::cli::stack::options(&environment, Utf8Path::new(PROGRAM), None).unwrap();
        let lease = stack::lease(&options, Share::WithOthers, &|_| {}).await.unwrap();
        let claim = stack::claim(&options, purpose).unwrap();
        let control = postgres::connect(&lease.reach, "postgres", "test").await.unwrap();
        control.create_database(&claim.name(), &lease.reach.postgres.user).await.unwrap();
        let session = postgres::connect(&lease.reach, &claim.name(), "test").await.unwrap();
        Self { lease, claim, session }
    }

    /// A session of the stack's own database.
    pub(crate) async fn control(&self) -> Connection {
        postgres::connect(&self.lease.reach, "postgres", "test").await.unwrap()
    }

    /// Drops it, and ends the claim.
    pub(crate) async fn end(self) {
        self.control().await.drop_database(&self.claim.name()).await.unwrap();
        self.claim.release().unwrap();
    }
}
