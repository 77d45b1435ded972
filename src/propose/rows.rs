//! Rows that source tables take, whatever is seeded into them: keys that are free, foreign keys that
//! lead somewhere, values that CHECKs and types allow.

use super::columns::Column;
use super::tables::{Table, Tables, quoted};
use super::windows::Time;

/// The first scenario's rows.
pub(super) struct Rows<'a> {
    tables: &'a [Table],
    /// Keys begin behind it.
    base: usize,
}

impl<'a> Rows<'a> {
    pub(super) fn of(tables: &'a Tables) -> Self {
        let is_seeded = tables.all.iter().any(|table| table.is_seeded);
        let base = if is_seeded { tables.greatest.div_ceil(100) * 100 } else { 0 };
        Self { tables: &tables.all, base }
    }

    /// An INSERT of a row, the `n`th of its table.
    pub(super) fn insert(&self, table: &Table, n: usize) -> String {
        let wanted = |column: &&Column| {
            let is_key = table.key.contains(&column.name);
            let is_cut = column.refers_to.as_ref().is_some_and(|other| other.is_cut);
            let is_part = table.part.as_ref().is_some_and(|(part, _)| *part == column.name);
            // Both of its values are reached, so that a filter by it lets a row through.
            let is_given = column.is_given && !column.is_boolean();
            !column.is_generated && !is_cut && (!is_given || is_key || is_part)
        };
        let columns: Vec<(&Column, String)> = table
            .columns
            .iter()
            .filter(wanted)
            .filter_map(|column| Some((column, self.value(table, column, n)?)))
            .collect();
        if columns.is_empty() {
            return format!("INSERT INTO {} DEFAULT VALUES", table.full_name());
        }
        let overrides = columns.iter().any(|(column, _)| column.is_always);
        let names: Vec<String> = columns.iter().map(|(column, _)| quoted(&column.name)).collect();
        let values: Vec<&str> = columns.iter().map(|(_, value)| value.as_str()).collect();
        format!(
            "INSERT INTO {} ({}) {}VALUES ({})",
            table.full_name(),
            names.join(", "),
            if overrides { "OVERRIDING SYSTEM VALUE " } else { "" },
            values.join(", ")
        )
    }

    /// An INSERT of a third row, which refers to what the first one does.
    fn later(&self, table: &Table) -> String {
        let mut row = table.clone();
        for column in &mut row.columns {
            let value = column.refers_to.is_some().then(|| self.value(table, column, 1)).flatten();
            let Some(value) = value.filter(|_| !table.key.contains(&column.name)) else { continue };
            column.refers_to = None;
            column.allowed = Some(value.trim_matches('\'').to_owned());
        }
        self.insert(&row, 3)
    }

    /// An UPDATE of a column that is free to change.
    pub(super) fn update(&self, table: &Table, n: usize) -> Option<String> {
        let is_free = |column: &&Column| {
            !table.key.contains(&column.name)
                && column.refers_to.is_none()
                && column.allowed.is_none()
                && !column.is_unique
                && !column.is_given
                && !column.is_generated
                && table.part.as_ref().is_none_or(|(part, _)| *part != column.name)
                && !self.is_referred_to(table, &column.name)
        };
        let mut free = table.columns.iter().filter(is_free);
        let (column, value) =
            free.find_map(|column| Some((column, self.value(table, column, 3)?)))?;
        Some(format!(
            "UPDATE {} SET {} = {value} WHERE {}",
            table.full_name(),
            quoted(&column.name),
            self.is_row(table, n)?
        ))
    }

    /// A DELETE of a row that no other refers to.
    pub(super) fn delete(&self, table: &Table, n: usize) -> Option<String> {
        Some(format!("DELETE FROM {} WHERE {}", table.full_name(), self.is_row(table, n)?))
    }

    fn is_referred_to(&self, table: &Table, column: &str) -> bool {
        let refers = |other: &Column| {
            other.refers_to.as_ref().is_some_and(|reference| {
                reference.table == table.name
                    && reference.column(table).is_some_and(|name| name == column)
            })
        };
        self.tables.iter().any(|table| table.columns.iter().any(refers))
    }

    fn is_row(&self, table: &Table, n: usize) -> Option<String> {
        let parts = table.key.iter().map(|key| {
            let value = self.value(table, table.column(key)?, n)?;
            Some(format!("{} = {value}", quoted(key)))
        });
        let parts: Option<Vec<String>> = parts.collect();
        parts.filter(|parts| !parts.is_empty()).map(|parts| parts.join(" AND "))
    }

    /// A value of a column for the `n`th row; `None` where only null or the default is safe.
    fn value(&self, table: &Table, column: &Column, n: usize) -> Option<String> {
        if let Some(reference) = &column.refers_to
            && let Some(other) = self.tables.iter().find(|other| other.name == reference.table)
        {
            let referred = other.column(reference.column(other)?)?;
            if referred != column {
                return self.value(other, referred, n);
            }
        }
        if let Some((part, Some(first))) = &table.part
            && *part == column.name
        {
            return Some(format!("'{}'", first.replace('\'', "''")));
        }
        if let Some(allowed) = &column.allowed {
            return Some(format!("'{}'", allowed.replace('\'', "''")));
        }
        // What must be there once counts from behind what is seeded.
        let is_own = column.is_unique || table.key.contains(&column.name);
        value(column, if is_own { self.base + n } else { n })
    }
}

/// A value of a type; every `n` has another, as far as the type has.
fn value(column: &Column, n: usize) -> Option<String> {
    if column.is_array {
        return Some("'{}'".to_owned());
    }
    let most = column.arguments.first().copied();
    let text = |text: String, most: usize| {
        let text: String = text.chars().take(most).collect();
        // The number must survive a short column.
        if text.ends_with(char::is_numeric) {
            text
        } else {
            let number = n.to_string();
            number.chars().rev().take(most).collect::<Vec<_>>().into_iter().rev().collect()
        }
    };
    let digit = n % 10;
    let number = n + column.above;
    Some(match column.kind.as_str() {
        "int" | "integer" | "int2" | "int4" | "int8" | "smallint" | "bigint" | "serial"
        | "serial4" | "serial8" | "bigserial" | "smallserial" | "oid" => number.to_string(),
        "numeric" | "decimal"
            if column.arguments.get(1).is_none_or(|scale| *scale == 0) && most.is_some() =>
        {
            number.to_string()
        }
        "numeric" | "decimal" | "real" | "float4" | "float8" | "float" | "money" => {
            format!("{number}.5")
        }
        "char" | "character" | "bpchar" => {
            format!("'{}'", text(format!("{}-{n}", column.name), most.unwrap_or(1)))
        }
        "text" | "varchar" | "citext" | "name" => {
            format!("'{}'", text(format!("{}-{n}", column.name), most.unwrap_or(usize::MAX)))
        }
        "bool" | "boolean" => if n % 2 == 1 { "true" } else { "false" }.to_owned(),
        "date" => format!("'2025-01-0{}'", digit.clamp(1, 9)),
        "timestamp" => format!("'2025-01-01 10:00:0{digit}'"),
        "timestamptz" => format!("'2025-01-01 10:00:0{digit}+00'"),
        "time" | "timetz" => format!("'10:00:0{digit}'"),
        "interval" => format!("'{n} hours'"),
        "uuid" => format!("'00000000-0000-0000-0000-{n:012}'"),
        "json" | "jsonb" => format!("'{{\"n\": {n}}}'"),
        "bytea" => format!("'\\x0{digit}'"),
        "inet" | "cidr" => format!("'10.0.0.{}'", n % 250),
        "macaddr" => format!("'08:00:2b:01:02:0{digit}'"),
        "bit" if most.is_none_or(|most| most == 1) => format!("B'{}'", n % 2),
        "point" => format!("'({n},{n})'"),
        "xml" => format!("'<n>{n}</n>'"),
        "ltree" => format!("'n{n}'"),
        "hstore" => format!("'n=>{n}'"),
        "int4range" | "int8range" | "numrange" => format!("'[{n},{})'", n + 1),
        _ => return None,
    })
}

/// The first scenario: rows before and after the snapshot, an update and a delete where nothing
/// forbids them. Of tables with a clock that closes windows a row comes a day later.
pub(super) fn smoke(tables: &Tables, clocks: &[Time], pipeline: &str) -> String {
    let rows = Rows::of(tables);
    let all = &tables.all;
    let mut text = format!(
        "scenario: v1\n\
         title: Every table is captured, from the snapshot to a delete\n\
         covers: [smoke]\n\
         pipeline: ../{pipeline}\n\
         setup: |\n"
    );
    for table in all {
        text += &format!("  {};\n", rows.insert(table, 1));
    }
    text += "timeline:\n";
    let mut entry = |sql: String| text += &format!("  - a: {}\n", plain(&sql));
    for table in all {
        entry(rows.insert(table, 2));
    }
    for update in all.iter().filter_map(|table| rows.update(table, 1)) {
        entry(update);
    }
    for delete in all.iter().rev().filter_map(|table| rows.delete(table, 2)) {
        entry(delete);
    }
    for Time { table, column, later: value, .. } in clocks {
        let Some(table) = all.iter().find(|one| one.name == *table) else { continue };
        let mut later = table.clone();
        for clock in later.columns.iter_mut().filter(|one| one.name == *column) {
            clock.allowed = Some(value.clone());
            clock.is_given = false;
        }
        entry(rows.later(&later));
    }
    text
}

/// SQL as a value of one line: quoted where YAML would cut it.
fn plain(sql: &str) -> String {
    if sql.contains(": ") || sql.contains(" #") {
        return format!("'{}'", sql.replace('\'', "''"));
    }
    sql.to_owned()
}
