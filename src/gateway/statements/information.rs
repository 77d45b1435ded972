//! `INFORMATION_SCHEMA`: its tables as views over values, so that Flink itself answers queries of them.

use std::collections::BTreeSet;

use super::run::Why;
use crate::base::text::{Span, Text};
use crate::gateway::Gateway;
use crate::gateway::ids::Ids;
use crate::sql::edit::{Edit, quoted, splice};
use crate::sql::token::{Language, Token, significant};

/// What names the schema.
const SCHEMA: &str = "INFORMATION_SCHEMA";

/// A query that reads tables of the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    query: Text,
    tables: BTreeSet<String>,
}

impl Asked {
    /// `None` where a query reads none of them.
    pub(super) fn of(text: &Text) -> Option<Self> {
        let tokens = significant(Language::Flink, &text.value);
        let mut edits = Vec::new();
        let mut tables = BTreeSet::new();
        for (n, token) in tokens.iter().enumerate() {
            let dot = tokens.get(n + 1).is_some_and(|next| next.is_symbol("."));
            let is_schema =
                Token::name(token).is_some_and(|name| name.eq_ignore_ascii_case(SCHEMA));
            let Some(table) = tokens.get(n + 2).filter(|_| dot && is_schema) else { continue };
            let Some(name) = Token::name(table) else { continue };
            // The catalog before it is the only one that there is.
            let first = match n.checked_sub(2).and_then(|at| tokens.get(at)) {
                Some(catalog) if tokens.get(n - 1).is_some_and(|before| before.is_symbol(".")) => {
                    catalog
                }
                _ => token,
            };
            let name = name.to_uppercase();
            let span = Span::new(first.span.start, table.span.end);
            edits.push(Edit::new(span, ticked(&view(&name))));
            tables.insert(name);
        }
        (!tables.is_empty()).then(|| Self { query: splice(text, &edits), tables })
    }

    /// The query over the views.
    pub(super) fn query(&self) -> String {
        self.query.value.clone()
    }
}

fn view(table: &str) -> String {
    format!("{SCHEMA}.{table}")
}

fn ticked(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A table: its columns, all text, and its rows.
type Rows = (&'static [&'static str], Vec<Vec<Option<String>>>);

/// The views that a query needs.
pub(super) async fn views(gateway: &Gateway, asked: &Asked) -> Result<Vec<String>, Why> {
    let mut made = Vec::new();
    for table in &asked.tables {
        let (columns, rows) = rows(gateway, table).await?;
        made.push(values(&view(table), columns, &rows));
    }
    Ok(made)
}

/// A view over values; without any row it still has its columns.
fn values(name: &str, columns: &[&str], rows: &[Vec<Option<String>>]) -> String {
    let names: Vec<String> = columns.iter().map(|column| ticked(column)).collect();
    let cell = |cell: &Option<String>| match cell {
        Some(text) => format!("CAST({} AS STRING)", quoted(text)),
        None => "CAST(NULL AS STRING)".to_owned(),
    };
    let row = |row: &Vec<Option<String>>| {
        format!("({})", row.iter().map(cell).collect::<Vec<_>>().join(", "))
    };
    let names = names.join(", ");
    let (all, only) = if rows.is_empty() {
        (row(&vec![None; columns.len()]), " WHERE FALSE")
    } else {
        (rows.iter().map(row).collect::<Vec<_>>().join(", "), "")
    };
    format!(
        "CREATE VIEW {} AS SELECT {names} FROM (VALUES {all}) AS v ({names}){only}",
        ticked(name)
    )
}

const CATALOGS: &[&str] = &["CATALOG_ID", "CATALOG_NAME"];
const SCHEMATA: &[&str] = &["CATALOG_ID", "CATALOG_NAME", "SCHEMA_ID", "SCHEMA_NAME"];
const TABLES: &[&str] = &[
    "TABLE_CATALOG_ID",
    "TABLE_CATALOG",
    "TABLE_SCHEMA_ID",
    "TABLE_SCHEMA",
    "TABLE_NAME",
    "TABLE_TYPE",
    "IS_DISTRIBUTED",
    "DISTRIBUTION_ALGORITHM",
    "DISTRIBUTION_BUCKETS",
    "IS_WATERMARKED",
    "WATERMARK_COLUMN",
    "WATERMARK_EXPRESSION",
    "WATERMARK_IS_HIDDEN",
    "COMMENT",
];
const COLUMNS: &[&str] = &[
    "TABLE_CATALOG_ID",
    "TABLE_CATALOG",
    "TABLE_SCHEMA_ID",
    "TABLE_SCHEMA",
    "TABLE_NAME",
    "COLUMN_NAME",
    "ORDINAL_POSITION",
    "IS_NULLABLE",
    "DATA_TYPE",
    "FULL_DATA_TYPE",
    "IS_HIDDEN",
    "IS_GENERATED",
    "GENERATION_EXPRESSION",
    "IS_METADATA",
    "METADATA_KEY",
    "IS_PERSISTED",
    "COMMENT",
];

/// The rows of a table of the schema.
async fn rows(gateway: &Gateway, table: &str) -> Result<Rows, Why> {
    let text = |text: &str| Some(text.to_owned());
    let catalog = || vec![text(&gateway.ids.environment), text(Ids::ENVIRONMENT)];
    let place = || {
        let mut all = catalog();
        all.extend([text(&gateway.ids.cluster), text(Ids::CLUSTER)]);
        all
    };
    match table {
        "CATALOGS" => Ok((CATALOGS, vec![catalog()])),
        "SCHEMATA" | "DATABASES" => Ok((SCHEMATA, vec![place()])),
        "TABLES" => {
            let row = |(name, is_view): (String, bool)| {
                let mut row = place();
                let kind = if is_view { "VIEW" } else { "BASE TABLE" };
                let distributed = if is_view { "NO" } else { "YES" };
                row.extend([text(&name), text(kind), text(distributed)]);
                row.extend((0..2).map(|_| None));
                row.push(text("NO"));
                row.extend((0..4).map(|_| None));
                row
            };
            let views = gateway.catalogue.lock().await.made(true);
            let tables = gateway.tables().await?.into_iter();
            let all = tables.map(|name| (name, false));
            Ok((TABLES, all.chain(views.into_iter().map(|name| (name, true))).map(row).collect()))
        }
        "COLUMNS" => Ok((COLUMNS, columns(gateway, place).await?)),
        // There are none of these here.
        "ROUTINES" => Ok((&["ROUTINE_CATALOG", "ROUTINE_SCHEMA", "ROUTINE_NAME"], Vec::new())),
        "PARAMETERS" => Ok((&["SPECIFIC_CATALOG", "SPECIFIC_SCHEMA", "SPECIFIC_NAME"], Vec::new())),
        _ => Err(format!(
            "{SCHEMA}.{table} is not here: there are CATALOGS, SCHEMATA, TABLES, COLUMNS, ROUTINES \
             and PARAMETERS"
        )),
    }
}

async fn columns(
    gateway: &Gateway,
    place: impl Fn() -> Vec<Option<String>>,
) -> Result<Vec<Vec<Option<String>>>, Why> {
    let text = |text: &str| Some(text.to_owned());
    let yes = |is: bool| text(if is { "YES" } else { "NO" });
    let mut rows = Vec::new();
    for name in gateway.tables().await? {
        // A table that Flink cannot read has no columns to show.
        for (n, column) in gateway.columns(&name).await.unwrap_or_default().into_iter().enumerate()
        {
            let mut row = place();
            let base =
                column.type_name.split(['(', '<', ' ']).next().unwrap_or_default().to_owned();
            row.extend([
                text(&name),
                text(&column.name),
                Some((n + 1).to_string()),
                yes(column.nullable),
                Some(base),
                text(&column.type_name),
                yes(column.name == "$rowtime"),
                yes(column.extras.as_ref().is_some_and(|extra| extra.starts_with("AS "))),
                None,
                yes(column.extras.as_ref().is_some_and(|extra| extra.starts_with("METADATA"))),
                None,
                yes(column.is_physical()),
                None,
            ]);
            rows.push(row);
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        "SELECT `CATALOG_ID` FROM `env`.`INFORMATION_SCHEMA`.`CATALOGS`",
        Some("SELECT `CATALOG_ID` FROM `INFORMATION_SCHEMA.CATALOGS`")
    )]
    #[case(
        "SELECT * FROM information_schema.tables t",
        Some("SELECT * FROM `INFORMATION_SCHEMA.TABLES` t")
    )]
    #[case("SELECT 'INFORMATION_SCHEMA.TABLES' FROM t", None)]
    fn tables_of_the_schema_are_views(#[case] sql: &str, #[case] expected: Option<&str>) {
        let asked = Asked::of(&Text::whole("s".into(), sql.to_owned()));
        assert_eq!(asked.map(|asked| asked.query()).as_deref(), expected);
    }

    #[test]
    fn a_view_without_rows_has_its_columns() {
        let sql = values("v", &["a"], &[]);
        assert!(sql.ends_with("AS v (`a`) WHERE FALSE"), "{sql}");
    }
}
