//! Source DDL, run as the role that owns the database, which is no superuser.
//!
//! A few commands are a superuser's, though they reach nothing outside of the run: they are run as
//! one, by themselves, in a session in which no trigger of the author's fires.

use tokio::sync::OnceCell;

use crate::base::text::Text;
use crate::client::endpoints::Endpoints;
use crate::client::postgres::{self, Connection, PostgresError, literal};
use crate::contain::source::{needs_superuser, touches_server};

/// No function of the author's is taken for one of Postgres' own.
pub(super) const SAFE: &str = "SET search_path = pg_catalog";

/// Runs source DDL in one database.
#[derive(Debug)]
pub struct Ddl<'a> {
    /// The owner's session.
    pub owner: &'a Connection,
    /// The owner's name.
    role: String,
    /// What the names of all roles of runs start with.
    prefix: &'a str,
    /// Where the superuser connects, and to which database.
    superuser: (&'a Endpoints, String),
    session: OnceCell<Connection>,
}

impl<'a> Ddl<'a> {
    /// Runs DDL in `database` as `role`, which `owner` is a session of, or as the superuser of
    /// `endpoints`. The role acts for every other that the DDL makes, save those of runs, whose
    /// names start with `prefix`.
    pub fn new(
        (owner, role): (&'a Connection, String),
        (endpoints, database): (&'a Endpoints, &str),
        prefix: &'a str,
    ) -> Self {
        let superuser = (endpoints, database.to_owned());
        Self { owner, role, prefix, superuser, session: OnceCell::new() }
    }

    /// Runs one statement.
    pub async fn run(&self, statement: &Text) -> Result<(), PostgresError> {
        if needs_superuser(statement) {
            let path = self.owner.value("SHOW search_path").await?.unwrap_or_default();
            let path =
                format!("SELECT pg_catalog.set_config('search_path', {}, false)", literal(&path));
            let session = self.session().await?;
            session.run(&path).await?;
            session.run(&statement.value).await?;
            session.run(SAFE).await?;
        } else {
            self.owner.run(&statement.value).await?;
        }
        if touches_server(statement) {
            self.session().await?.join_roles(&self.role, self.prefix).await?;
        }
        Ok(())
    }

    async fn session(&self) -> Result<&Connection, PostgresError> {
        let connect = || async {
            let (endpoints, database) = &self.superuser;
            let session = postgres::connect(endpoints, database, "changeproof").await?;
            session.run("SET session_replication_role = replica").await?;
            session.run(SAFE).await?;
            Ok(session)
        };
        self.session.get_or_try_init(connect).await
    }
}
