//! Reference queries: one SELECT a sink, run on a shadow, its columns written as the sink's types.

use crate::base::diagnostic::Diagnostic;
use crate::base::text::Text;
use crate::capture::catalog::{BASE, JOINS};
use crate::capture::diagnose::{self, REFERENCE};
use crate::capture::{types, volatile};
use crate::client::postgres::{Connection, PostgresError, ident, literal};
use crate::history::event::{Reference, Side, SinkTable};

/// A reference query that Postgres has accepted.
#[derive(Debug, Clone)]
pub struct Query {
    /// The sink it belongs to.
    pub sink: String,
    /// As the author wrote it.
    pub text: Text,
    view: String,
    /// Name and Postgres type of its columns; of a domain the type that it is of.
    columns: Vec<(String, String)>,
}

/// A reference, which may be over tables that are not there yet, or no more.
#[derive(Debug)]
pub(super) struct Defined {
    sink: String,
    text: Text,
    /// The query, or why Postgres does not take it at this point.
    query: Result<Query, Box<Diagnostic>>,
    /// The schema changes on the way.
    changes: bool,
    asked: bool,
}

impl Defined {
    /// Defines a reference; where the schema `changes` later, what it names may be missing.
    pub(super) async fn of(
        connection: &Connection,
        sink: &str,
        text: &Text,
        changes: bool,
    ) -> Result<Self, ReferenceError> {
        let query = attempt(connection, (sink, text), changes).await?;
        Ok(Self { sink: sink.to_owned(), text: text.clone(), query, changes, asked: false })
    }

    /// Defines it again, over the tables as they are now.
    pub(super) async fn again(&mut self, connection: &Connection) -> Result<(), ReferenceError> {
        self.query = attempt(connection, (&self.sink, &self.text), self.changes).await?;
        Ok(())
    }

    /// The query, if it has a meaning at this point.
    pub(super) fn query(&self) -> Option<&Query> {
        self.query.as_ref().ok()
    }

    /// It gave a result.
    pub(super) fn was_asked(&mut self) {
        self.asked = true;
    }

    /// Drops its view.
    pub(super) async fn forget(&self, connection: &Connection) -> Result<(), PostgresError> {
        match &self.query {
            Ok(query) => forget(connection, query).await,
            Err(_) => Ok(()),
        }
    }

    pub(super) fn refuse_undefined(&self) -> Result<(), ReferenceError> {
        match &self.query {
            Err(diagnostic) if !self.asked => Err(ReferenceError::Invalid(diagnostic.clone())),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

async fn attempt(
    connection: &Connection,
    (sink, text): (&str, &Text),
    changes: bool,
) -> Result<Result<Query, Box<Diagnostic>>, ReferenceError> {
    match define(connection, sink, text).await {
        Ok(query) => Ok(Ok(query)),
        Err(ReferenceError::Invalid(diagnostic)) if changes => Ok(Err(diagnostic)),
        Err(error) => Err(error),
    }
}

/// Why a reference gives no result.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// The author must mend it.
    #[error("{0}")]
    Invalid(Box<Diagnostic>),
    /// Postgres is not there.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
}

impl From<Diagnostic> for ReferenceError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Invalid(Box::new(diagnostic))
    }
}

/// Makes a view of a reference in the session, which checks it and tells its columns.
pub async fn define(
    connection: &Connection,
    sink: &str,
    reference: &Text,
) -> Result<Query, ReferenceError> {
    if let Some(found) = volatile::find(connection, reference).await? {
        let message = format!(
            "the reference of `{sink}` calls `{}`, which gives another value at each run",
            found.name
        );
        return Err(diagnose::spanned(REFERENCE, reference, found.span, message).into());
    }
    let view = format!("pg_temp.{}", ident(&format!("reference of {sink}")));
    let head = format!("DROP VIEW IF EXISTS {view}; CREATE VIEW {view} AS\n");
    let columns = format!(
        "SELECT a.attname, coalesce({BASE}, format_type(a.atttypid, a.atttypmod)) \
         FROM pg_attribute a {JOINS} \
         WHERE a.attrelid = {}::regclass AND a.attnum > 0 ORDER BY a.attnum",
        literal(&view)
    );
    let body = reference.value.trim_end().trim_end_matches(';');
    let sql = format!("{head}{body}\n;{columns}");
    let rows =
        connection.rows(&sql).await.map_err(|error| refused(reference, head.len(), error))?;
    let columns = rows.into_iter().filter_map(|row| {
        let mut cells = row.into_iter().flatten();
        Some((cells.next()?, cells.next()?))
    });
    Ok(Query { sink: sink.to_owned(), text: reference.clone(), view, columns: columns.collect() })
}

/// Drops the view; a change of the schema would else be refused for its sake.
pub async fn forget(connection: &Connection, query: &Query) -> Result<(), PostgresError> {
    connection.run(&format!("DROP VIEW IF EXISTS {}", query.view)).await.map(|_| ())
}

/// Runs a reference at what the shadow holds now.
pub async fn evaluate(
    connection: &Connection,
    query: &Query,
    sink: &SinkTable,
    proof: u32,
    side: Side,
) -> Result<Reference, ReferenceError> {
    let (sql, columns) = typed(query, sink);
    let rows =
        connection.rows(&sql).await.map_err(|error| refused(&query.text, usize::MAX, error))?;
    let kinds = query.columns.iter().map(|(_, kind)| kind.clone()).collect();
    Ok(Reference { proof, sink: query.sink.clone(), side, columns, kinds, rows })
}

/// The query that writes each column as its sink's type, as far as the values fit it.
fn typed(query: &Query, sink: &SinkTable) -> (String, Vec<(String, String)>) {
    let mut values = Vec::new();
    let mut columns = Vec::new();
    for (name, postgres) in &query.columns {
        let column = ident(name);
        let found = sink
            .columns
            .iter()
            .find(|(of_sink, _)| of_sink == name)
            .or_else(|| sink.columns.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)));
        let Some((of_sink, flink)) = found else {
            values.push(types::as_text(&column, postgres));
            columns.push((name.clone(), postgres.clone()));
            continue;
        };
        columns.push((of_sink.clone(), flink.clone()));
        values.push(types::written(&column, postgres, flink));
    }
    (format!("SELECT {} FROM {}", values.join(", "), query.view), columns)
}

fn refused(reference: &Text, shift: usize, error: PostgresError) -> ReferenceError {
    if error.is_of_the_stack() {
        return error.into();
    }
    let mut diagnostic = diagnose::refused(REFERENCE, reference, shift, &error);
    // `numeric_value_out_of_range` and `string_data_right_truncation`, met by a cast of the author.
    if matches!(error.sqlstate.as_deref(), Some("22003" | "22001")) {
        let help = "leave the cast out: a value that does not fit its sink's type is a finding";
        diagnostic.help = Some(help.to_owned());
    }
    diagnostic.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::event::SinkMode;
    use crate::history::files::Kept;
    use crate::history::written::Written;

    #[test]
    fn every_column_is_written_as_its_sinks_type() {
        let text = Text::whole("p.yaml".into(), String::new());
        let query = Query {
            sink: "totals".to_owned(),
            view: "pg_temp.v".to_owned(),
            columns: vec![
                ("account".to_owned(), "character varying(9)".to_owned()),
                ("total".to_owned(), "numeric".to_owned()),
                ("w".to_owned(), "timestamp without time zone".to_owned()),
                ("extra".to_owned(), "integer".to_owned()),
            ],
            text: text.clone(),
        };
        let column = |name: &str, flink: &str| (name.to_owned(), flink.to_owned());
        let sink = SinkTable {
            name: "totals".to_owned(),
            topic: "totals".to_owned(),
            kept: Kept::Topic,
            mode: SinkMode::Upsert,
            columns: vec![
                column("Account", "STRING"),
                column("total", "DECIMAL(38, 2)"),
                column("w", "TIMESTAMP(3)"),
            ],
            key: vec!["Account".to_owned()],
            statement: text.place(0),
            written: Written::default(),
        };
        let (sql, columns) = typed(&query, &sink);
        insta::assert_snapshot!(sql);
        let names: Vec<_> = columns.iter().map(|(name, flink)| format!("{name} {flink}")).collect();
        assert_eq!(
            names,
            ["Account STRING", "total DECIMAL(38, 2)", "w TIMESTAMP(3)", "extra integer"]
        );
    }
}
