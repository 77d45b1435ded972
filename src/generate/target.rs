//! The database that rows are written to and deleted from.

use std::collections::BTreeSet;

use itertools::Itertools as _;
use jiff::Timestamp;

use super::rows::{Customer, Transaction};
use crate::client::postgres::{Answer, Connection, PostgresError, Url, literal};

/// The two tables of the reference pipeline.
const TABLES: &str = include_str!("tables.sql");
/// Foreign key violation: the customer was deleted meanwhile.
const FOREIGN_KEY: &str = "23503";
/// Undefined table.
const NO_TABLE: &str = "42P01";

/// Why rows could not be written or deleted.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Postgres refused, or is not there.
    #[error("{0}")]
    Postgres(PostgresError),
    /// The tables are not there.
    #[error("{0} has no table customers or transactions: add --create-tables")]
    NoTables(String),
    /// What should be deleted is not there.
    #[error("nothing was deleted: there is no {0}")]
    NotThere(String),
}

/// How many rows an order touched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deleted {
    /// Rows of `customers`.
    pub customers: u64,
    /// Rows of `transactions`.
    pub transactions: u64,
}

/// A database with the two tables.
#[derive(Debug)]
pub struct Target {
    connection: Connection,
    place: String,
}

impl Target {
    /// Connects; makes the tables if told and they are not there.
    pub async fn open(url: &Url, create_tables: bool) -> Result<Self, TargetError> {
        let connection =
            url.connect("changeproof generate").await.map_err(TargetError::Postgres)?;
        let target = Self { connection, place: url.to_string() };
        if create_tables {
            target.run(TABLES).await?;
        }
        Ok(target)
    }

    async fn run(&self, sql: &str) -> Result<Vec<Answer>, TargetError> {
        self.connection.run(sql).await.map_err(|error| match error.sqlstate.as_deref() {
            Some(NO_TABLE) => TargetError::NoTables(self.place.clone()),
            _ => TargetError::Postgres(error),
        })
    }

    async fn texts(&self, sql: &str) -> Result<Vec<String>, TargetError> {
        let rows = self.run(sql).await?.pop().map(|answer| answer.rows).unwrap_or_default();
        Ok(rows.into_iter().flatten().flatten().collect())
    }

    /// The account numbers of all customers, in the order of their bytes, so that a seed chooses
    /// the same ones on every server.
    pub async fn accounts(&self) -> Result<Vec<String>, TargetError> {
        let sql = "SELECT account_number FROM customers ORDER BY account_number COLLATE \"C\"";
        self.texts(sql).await
    }

    /// The number after the largest one in use.
    pub async fn next_number(&self) -> Result<u64, TargetError> {
        let sql = "SELECT coalesce(max(substr(account_number, 4)::bigint), 0) + 1 FROM customers \
                   WHERE account_number ~ '^ACC[0-9]{1,17}$'";
        let next = self.texts(sql).await?;
        Ok(next.first().and_then(|next| next.parse().ok()).unwrap_or(1))
    }

    /// Inserts customers in one transaction.
    pub async fn add_customers(
        &self,
        customers: &[Customer],
        now: Timestamp,
    ) -> Result<(), TargetError> {
        let rows = customers.iter().map(|customer| {
            values(&[
                &customer.account_number,
                &customer.name,
                &customer.email,
                &customer.phone_number,
                &customer.date_of_birth,
                &customer.city,
                &now.to_string(),
            ])
        });
        let sql = format!(
            "INSERT INTO customers (account_number, customer_name, email, phone_number, \
             date_of_birth, city, created_at) VALUES {}",
            rows.format(", ")
        );
        self.run(&sql).await.map(|_| ())
    }

    /// Inserts transactions in one transaction. `false`, and nothing inserted, if a customer of
    /// theirs is gone.
    pub async fn add_transactions(&self, rows: &[Transaction]) -> Result<bool, TargetError> {
        let rows = rows.iter().map(|row| {
            values(&[
                &row.txn_id,
                &row.account_number,
                &row.timestamp.to_string(),
                &row.amount(),
                &row.currency,
                &row.merchant,
                &row.location,
                &row.status,
                &row.transaction_type,
            ])
        });
        let sql = format!(
            "INSERT INTO transactions (txn_id, account_number, \"timestamp\", amount, currency, \
             merchant, location, status, transaction_type) VALUES {}",
            rows.format(", ")
        );
        match self.run(&sql).await {
            Ok(_) => Ok(true),
            Err(TargetError::Postgres(error)) if error.sqlstate.as_deref() == Some(FOREIGN_KEY) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Deletes customers with their transactions, all of them or none.
    pub async fn delete_customers(&self, accounts: &[String]) -> Result<Deleted, TargetError> {
        let list = list(accounts);
        self.run("BEGIN").await?;
        let there = format!(
            "SELECT account_number FROM customers WHERE account_number IN ({list}) FOR UPDATE"
        );
        let there = self.texts(&there).await?;
        if let Some(missing) = missing(accounts, there) {
            self.run("ROLLBACK").await?;
            return Err(TargetError::NotThere(format!("customer {missing}")));
        }
        let sql = format!(
            "DELETE FROM transactions WHERE account_number IN ({list}); \
             DELETE FROM customers WHERE account_number IN ({list})"
        );
        let answers = self.run(&sql).await?;
        self.run("COMMIT").await?;
        let affected = |n: usize| answers.get(n).map_or(0, |answer| answer.affected);
        Ok(Deleted { transactions: affected(0), customers: affected(1) })
    }

    /// Deletes one transaction.
    pub async fn delete_transaction(&self, txn_id: &str) -> Result<Deleted, TargetError> {
        let sql = format!("DELETE FROM transactions WHERE txn_id = {}", literal(txn_id));
        let affected = self.run(&sql).await?.pop().map_or(0, |answer| answer.affected);
        if affected == 0 {
            return Err(TargetError::NotThere(format!("transaction {txn_id}")));
        }
        Ok(Deleted { customers: 0, transactions: affected })
    }
}

fn values(cells: &[&str]) -> String {
    format!("({})", cells.iter().map(|cell| literal(cell)).format(", "))
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| literal(name)).join(", ")
}

/// The names that are not there, in the order they were given.
fn missing(wanted: &[String], there: Vec<String>) -> Option<String> {
    let there: BTreeSet<String> = there.into_iter().collect();
    let missing = wanted.iter().filter(|name| !there.contains(*name)).join(", ");
    Some(missing).filter(|missing| !missing.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_those_of_the_reference_pipeline() {
        let statements = |text: &str| {
            let lines = text.lines().filter(|line| !line.starts_with("--"));
            lines.map(|line| line.replace(" IF NOT EXISTS", "")).collect::<Vec<_>>()
        };
        let pipeline = include_str!("../../flink-sql/card_tx_oss/source.sql");
        assert_eq!(statements(TABLES), statements(pipeline));
    }

    #[test]
    fn what_is_missing_is_named_in_the_order_given() {
        let wanted = ["b", "a", "c"].map(ToOwned::to_owned);
        assert_eq!(missing(&wanted, vec!["a".to_owned()]).unwrap(), "b, c");
        assert_eq!(missing(&wanted, wanted.to_vec()), None);
    }
}
