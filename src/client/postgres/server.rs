//! What belongs to the whole server: roles, and what a server has that nothing was made in.

use super::{CONTROL_DATABASE, Connection, PostgresError, ident, literal};

/// The first object that is not the server's own.
const FIRST_MADE: u32 = 16384;

impl Connection {
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
        match self.run(&format!("DROP OWNED BY {name} CASCADE; DROP ROLE {name}")).await {
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
        Ok(())
    }
}
