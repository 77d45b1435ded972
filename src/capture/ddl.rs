//! Source DDL, run as the role that owns the database, which is no superuser.
//!
//! A few commands are a superuser's, though they reach nothing outside of the run: they are run as
//! one, by themselves, in a session in which no trigger of the author's fires.

use tokio::sync::OnceCell;

use super::seeds::Seeds;
use crate::base::difference::Difference;
use crate::base::text::Text;
use crate::client::postgres::{self, Connection, PostgresError, literal};
use crate::client::reach::Reach;
use crate::contain::source::{needs_superuser, touches_server};
use crate::sql::postgres::copy;
use crate::sql::token::{Language, significant};

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
    superuser: (&'a Reach, String),
    session: OnceCell<Connection>,
}

impl<'a> Ddl<'a> {
    /// Runs DDL in `database` as `role`, which `owner` is a session of, or as the superuser of
    /// `reach`. The role acts for every other that the DDL makes, save those of runs, whose
    /// names start with `prefix`.
    pub fn new(
        (owner, role): (&'a Connection, String),
        (reach, database): (&'a Reach, &str),
        prefix: &'a str,
    ) -> Self {
        let superuser = (reach, database.to_owned());
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
        } else if let Some((copy, lines)) = copy(statement) {
            self.owner.copy_in(&copy.value, lines.value.as_bytes()).await?;
        } else {
            self.owner.run(&statement.value).await?;
        }
        if touches_server(statement) {
            self.session().await?.join_roles(&self.role, self.prefix).await?;
        }
        Ok(())
    }

    /// The rows that the statements have left behind, taken out of the tables.
    pub async fn take_rows(&self) -> Result<Option<Seeds>, PostgresError> {
        let (reach, database) = &self.superuser;
        let session = postgres::connect(reach, database, "changeproof").await?;
        session.run(SAFE).await?;
        Seeds::take(session).await
    }

    async fn session(&self) -> Result<&Connection, PostgresError> {
        let connect = || async {
            let (reach, database) = &self.superuser;
            let session = postgres::connect(reach, database, "changeproof").await?;
            session.run("SET session_replication_role = replica").await?;
            session.run(SAFE).await?;
            Ok(session)
        };
        self.session.get_or_try_init(connect).await
    }
}

/// An extension that the server does not have, if the statement asks for one and was refused for
/// that: a statement that needs it tells better.
pub fn without_extension(statement: &Text, error: &PostgresError) -> Option<Difference> {
    let tokens = significant(Language::Postgres, &statement.value);
    let asks = matches!(tokens.as_slice(), [a, b, ..] if a.is("CREATE") && b.is("EXTENSION"));
    // 0A000 and, up to Postgres 14, 58P01: no control file.
    let absent = matches!(error.sqlstate.as_deref(), Some("0A000" | "58P01"));
    (asks && absent).then(|| {
        let why = "the stack's server does not have this extension";
        let theirs = statement.value.trim();
        Difference::new("source", theirs, why).theirs(theirs).at(statement.place(0))
    })
}
