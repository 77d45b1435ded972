//! What belongs to the whole server: roles, and what a server has that nothing was made in.

use super::{CONTROL_DATABASE, Connection, PostgresError, ident, literal};
use crate::client::reach::Password;

/// The two roles of a run. Neither is a superuser: they reach no file, no program, no other role
/// and no setting of the server.
#[derive(Debug, Clone, Copy)]
pub struct Roles<'a> {
    /// Owns the run's databases and runs the author's SQL.
    pub owner: &'a str,
    /// Reads them as the connector does.
    pub connector: &'a str,
}

/// Runs side by side change the rights over parameters, one row of the server's catalog for all of
/// them. Postgres lets the second of two such changes fail, so they wait for each other: the lock
/// is held until the transaction of the whole text ends.
const IN_TURN: &str = "SELECT pg_advisory_xact_lock(hashtext('changeproof roles'))";

/// The first object that is not the server's own.
const FIRST_MADE: u32 = 16384;

impl Connection {
    /// Creates the roles of a run, with the password that the harness has. They see the rows of
    /// every policy, as the superuser does, and may replay as a replica. Where the run has the server
    /// for itself, its SQL may make roles and databases too.
    pub async fn create_roles(
        &self,
        roles: Roles<'_>,
        password: &Password,
        has_server: bool,
    ) -> Result<(), PostgresError> {
        let Roles { owner, connector } = roles;
        let (owner, connector) = (ident(owner), ident(connector));
        let more = if has_server { " CREATEROLE CREATEDB" } else { "" };
        let password = literal(&password.0);
        let sql = format!(
            "{IN_TURN}; CREATE ROLE {owner} LOGIN BYPASSRLS{more} PASSWORD {password}; \
             CREATE ROLE {connector} LOGIN REPLICATION BYPASSRLS IN ROLE {owner} \
             PASSWORD {password}; \
             GRANT SET ON PARAMETER session_replication_role TO {owner}"
        );
        self.run(&sql).await.map(|_| ())
    }

    /// Makes a role a member of all roles that somebody made and that do not start with `prefix`,
    /// so that it may act as each of them.
    pub async fn join_roles(&self, member: &str, prefix: &str) -> Result<(), PostgresError> {
        let roles = self.roles("").await?;
        let theirs: Vec<_> =
            roles.iter().filter(|role| !role.starts_with(prefix)).map(|role| ident(role)).collect();
        if theirs.is_empty() {
            return Ok(());
        }
        let sql = format!("GRANT {} TO {}", theirs.join(", "), ident(member));
        self.run(&sql).await.map(|_| ())
    }

    /// Names of roles that somebody made and that start with `prefix`.
    pub async fn roles(&self, prefix: &str) -> Result<Vec<String>, PostgresError> {
        let sql = format!(
            "SELECT rolname FROM pg_roles WHERE oid >= {FIRST_MADE} AND starts_with(rolname, {}) \
             ORDER BY rolname",
            literal(prefix)
        );
        Ok(self.rows(&sql).await?.into_iter().flatten().flatten().collect())
    }

    /// Drops a role with its rights over what the whole server shares; its own databases must be
    /// gone. A missing role is no error.
    pub async fn drop_role(&self, name: &str) -> Result<(), PostgresError> {
        let name = ident(name);
        let sql = format!("{IN_TURN}; DROP OWNED BY {name} CASCADE; DROP ROLE {name}");
        match self.run(&sql).await {
            // 42704: there is none.
            Err(error) if error.sqlstate.as_deref() == Some("42704") => Ok(()),
            other => other.map(drop),
        }
    }

    /// Removes whatever was made in the server since it was empty: for who has it alone.
    pub async fn empty_server(&self) -> Result<(), PostgresError> {
        for slot in self.slots("").await? {
            self.drop_slot(&slot).await?;
        }
        let known = [CONTROL_DATABASE, "template0", "template1"];
        for database in self.databases("").await? {
            if !known.contains(&database.as_str()) {
                self.run(&format!("ALTER DATABASE {} IS_TEMPLATE false", ident(&database))).await?;
                self.drop_database(&database).await?;
            }
        }
        for role in self.roles("").await? {
            self.drop_role(&role).await?;
        }
        self.run("ALTER ROLE ALL RESET ALL").await.map(|_| ())
    }
}
