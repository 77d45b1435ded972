//! What Postgres says when it refuses something.

use std::fmt;

use tokio_postgres::error::ErrorPosition;

/// A refusal by Postgres, or a connection that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PostgresError {
    /// What was being done (`running SQL`).
    pub doing: String,
    /// The SQLSTATE; `None` when it was not the server that refused (no connection).
    pub sqlstate: Option<String>,
    /// The message.
    pub message: String,
    /// The server's detail.
    pub detail: Option<String>,
    /// The server's hint.
    pub hint: Option<String>,
    /// Where in functions and triggers it happened.
    pub context: Option<String>,
    /// The byte of the SQL text at which the server points.
    pub byte: Option<usize>,
}

impl std::error::Error for PostgresError {}

impl fmt::Display for PostgresError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.doing, self.message)?;
        if let Some(sqlstate) = &self.sqlstate {
            write!(f, " (SQLSTATE {sqlstate})")?;
        }
        if let Some(detail) = &self.detail {
            write!(f, "; {detail}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "; hint: {hint}")?;
        }
        Ok(())
    }
}

impl PostgresError {
    /// From the driver's error; `sql` is the text that was sent.
    pub(super) fn new(doing: &str, sql: Option<&str>, error: &tokio_postgres::Error) -> Self {
        let doing = doing.to_owned();
        let Some(db) = error.as_db_error() else {
            // The driver's own message ("error connecting to server") hides the cause behind it.
            let mut message = error.to_string();
            let mut cause = std::error::Error::source(error);
            while let Some(source) = cause {
                let text = source.to_string();
                if !message.contains(&text) {
                    message = format!("{message}: {text}");
                }
                cause = source.source();
            }
            return Self { doing, message, ..Self::default() };
        };
        let byte = match (db.position(), sql) {
            (Some(ErrorPosition::Original(position)), Some(sql)) => Some(byte_of(sql, *position)),
            (_, _) => None,
        };
        Self {
            doing,
            sqlstate: Some(db.code().code().to_owned()),
            message: db.message().to_owned(),
            detail: db.detail().map(ToOwned::to_owned),
            hint: db.hint().map(ToOwned::to_owned),
            context: db.where_().map(ToOwned::to_owned),
            byte,
        }
    }

    /// The session is lost rather than the statement refused: the server was stopped, killed, or
    /// ended the session (classes 08 and 57P).
    pub fn is_session_lost(&self) -> bool {
        self.sqlstate
            .as_deref()
            .is_none_or(|code| code.starts_with("08") || code.starts_with("57P"))
    }

    /// The server has no more space, memory, files or connections (class 53), or its disk failed
    /// (58030): no statement is at fault.
    pub fn is_exhausted(&self) -> bool {
        self.sqlstate.as_deref().is_some_and(|code| code.starts_with("53") || code == "58030")
    }

    /// It says something about the server and nothing about the statement.
    pub fn is_of_the_stack(&self) -> bool {
        self.is_session_lost() || self.is_exhausted()
    }
}

/// The server counts characters from 1.
fn byte_of(sql: &str, position: u32) -> usize {
    let index = usize::try_from(position.saturating_sub(1)).unwrap_or(usize::MAX);
    sql.char_indices().nth(index).map_or(sql.len(), |(byte, _)| byte)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::disk_full(Some("53100"), true)]
    #[case::out_of_memory(Some("53200"), true)]
    #[case::too_many_connections(Some("53300"), true)]
    #[case::io_error(Some("58030"), true)]
    #[case::admin_shutdown(Some("57P01"), true)]
    #[case::no_connection(None, true)]
    #[case::undefined_column(Some("42703"), false)]
    #[case::undefined_file(Some("58P01"), false)]
    fn what_the_server_lacks_is_no_fault_of_a_statement(
        #[case] sqlstate: Option<&str>,
        #[case] of_the_stack: bool,
    ) {
        let sqlstate = sqlstate.map(ToOwned::to_owned);
        let error = PostgresError { sqlstate, ..PostgresError::default() };
        assert_eq!(error.is_of_the_stack(), of_the_stack);
    }

    #[test]
    fn a_position_counts_characters_and_becomes_a_byte() {
        assert_eq!(byte_of("SELECT 'é', x", 13), 13);
        assert_eq!(byte_of("SELECT x", 8), 7);
        assert_eq!(byte_of("SELECT x", 99), 8);
    }
}
