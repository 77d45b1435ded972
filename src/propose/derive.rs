//! Source tables as the statements read them, where no DDL of them was found.

use std::collections::BTreeMap;

use super::found::Connector;
use super::query::types::postgres;
use super::tables::quoted;
use crate::base::text::Text;
use crate::sql::flink::{ColumnKind, CreateTable, Statement};

/// DDL of the tables whose topics are read; `None` where none is.
pub(super) fn source(parsed: &[(&Text, Statement)], connectors: &[Connector]) -> Option<String> {
    let mut made: BTreeMap<String, String> = BTreeMap::new();
    for (_, statement) in parsed {
        let Statement::CreateTable(table) = statement else { continue };
        let Some((name, key)) = captured(table, connectors) else { continue };
        made.entry(name.clone()).or_insert_with(|| ddl(&name, key, table));
    }
    (!made.is_empty()).then(|| made.into_values().collect::<Vec<_>>().join("\n"))
}

/// The table of Postgres behind a table that reads a changelog, and whether it has a key.
fn captured(table: &CreateTable, connectors: &[Connector]) -> Option<(String, bool)> {
    let with = table.with.as_ref()?;
    let topic = with.get("topic")?;
    let format = with.get("format").or_else(|| with.get("value.format"))?;
    let prefixes = connectors.iter().filter_map(|connector| connector.options.get("topic.prefix"));
    let is_captured = format.contains("debezium")
        || prefixes.into_iter().any(|prefix| topic.starts_with(&format!("{prefix}.")));
    let mut parts = topic.rsplit('.');
    let (name, schema) = (parts.next()?, parts.next()?);
    let named = if schema == "public" {
        quoted(name)
    } else {
        format!("{}.{}", quoted(schema), quoted(name))
    };
    is_captured.then_some((named, !table.primary_key.is_empty()))
}

fn ddl(name: &str, has_key: bool, table: &CreateTable) -> String {
    let mut items = Vec::new();
    for column in &table.columns {
        if let ColumnKind::Physical(kind) = &column.kind {
            let kind = postgres(kind).unwrap_or_else(|| "text".to_owned());
            items.push(format!("  {} {kind}", quoted(&column.name)));
        }
    }
    if has_key {
        let key: Vec<String> = table.primary_key.iter().map(|name| quoted(name)).collect();
        items.push(format!("  PRIMARY KEY ({})", key.join(", ")));
    }
    let schema =
        name.split_once('.').map(|(schema, _)| format!("CREATE SCHEMA IF NOT EXISTS {schema};\n"));
    format!("{}CREATE TABLE {name} (\n{}\n);\n", schema.unwrap_or_default(), items.join(",\n"))
}
