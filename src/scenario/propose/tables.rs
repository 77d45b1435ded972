//! Source tables as their DDL says them, and rows that they take.

use crate::base::text::Text;
use crate::sql::token::{Kind, Language, Token, significant};

/// A source table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub schema: String,
    pub name: String,
    pub columns: Vec<Column>,
    pub key: Vec<String>,
    /// The DDL sets its replica identity.
    pub sets_identity: bool,
}

/// A column of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub name: String,
    /// The type, lower case, without its arguments.
    kind: String,
    /// The first argument of the type.
    length: Option<usize>,
    /// It gets a value by itself.
    is_given: bool,
    /// What it refers to.
    refers_to: Option<Reference>,
    /// It must not be null.
    is_required: bool,
    /// The first text that a CHECK allows.
    allowed: Option<String>,
    is_unique: bool,
}

/// A column of another table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reference {
    table: String,
    /// Its name, where it is written.
    column: Option<String>,
    /// Which of the columns of the reference it is; without names, those of the primary key.
    nth: usize,
    /// The column is left null, since its table and this one each want to be first.
    is_cut: bool,
}

impl Reference {
    fn column<'t>(&'t self, other: &'t Table) -> Option<&'t String> {
        self.column.as_ref().or_else(|| other.key.get(self.nth))
    }
}

impl Column {
    /// It waits for a row of one of these tables.
    fn waits_for(&self, own: &Table, open: &[Table]) -> bool {
        self.refers_to.as_ref().is_some_and(|other| {
            let is_open = open.iter().any(|open| open.name == other.table);
            other.table != own.name && is_open && !other.is_cut
        })
    }

    fn is_left_null(&self) -> bool {
        self.refers_to.as_ref().is_some_and(|other| other.is_cut)
    }

    pub(super) fn is_decimal(&self) -> bool {
        matches!(self.kind.as_str(), "numeric" | "decimal" | "money")
    }
}

/// The tables that these statements create.
pub(super) fn read(statements: &[Text]) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for statement in statements {
        if let Some(created) = crate::sql::postgres::created_table(statement) {
            let mut table = Table {
                schema: created.schema,
                name: created.name,
                columns: Vec::new(),
                key: created.primary_key,
                sets_identity: false,
            };
            let tokens = significant(Language::Postgres, &statement.value);
            for item in items(&tokens) {
                table.item(item);
            }
            tables.push(table);
            continue;
        }
        let tokens = significant(Language::Postgres, &statement.value);
        added(&tokens, &mut tables);
        let at = tokens
            .windows(2)
            .position(|pair| matches!(pair, [a, b] if a.is("REPLICA") && b.is("IDENTITY")));
        let name = at.and_then(|at| tokens.get(at.checked_sub(1)?)?.name());
        for table in tables.iter_mut().filter(|table| Some(&table.name) == name.as_ref()) {
            table.sets_identity = true;
        }
    }
    in_order(tables)
}

/// `ALTER TABLE t ADD CONSTRAINT …`, as `pg_dump` writes keys.
fn added(tokens: &[Token<'_>], tables: &mut [Table]) {
    let at = tokens.iter().position(|token| token.is("ADD"));
    let Some((head, rest)) = at.map(|at| tokens.split_at(at)) else { return };
    let table = head.last().and_then(name);
    let Some(table) = tables.iter_mut().find(|other| Some(&other.name) == table.as_ref()) else {
        return;
    };
    let is_key =
        rest.windows(2).any(|pair| matches!(pair, [a, b] if a.is("PRIMARY") && b.is("KEY")));
    if is_key {
        table.key = items(rest).iter().filter_map(|item| name(item.first()?)).collect();
    }
    table.constraint(rest);
}

/// Tables that others refer to come before those. A circle is cut where a column may stay null;
/// where none may, it stays as it is written.
fn in_order(mut tables: Vec<Table>) -> Vec<Table> {
    let mut sorted: Vec<Table> = Vec::new();
    while !tables.is_empty() {
        let waits =
            |table: &Table| table.columns.iter().any(|column| column.waits_for(table, &tables));
        let next = tables.iter().position(|table| !waits(table));
        if next.is_none() && cut(&mut tables) {
            continue;
        }
        sorted.push(tables.remove(next.unwrap_or(0)));
    }
    sorted
}

/// Leaves the columns null by which one of these tables waits for another, if all of those may be.
fn cut(tables: &mut [Table]) -> bool {
    let may = |table: &&Table| {
        let mut waiting = table.columns.iter().filter(|column| column.waits_for(table, tables));
        waiting.all(|column| !column.is_required && !table.key.contains(&column.name))
    };
    let Some(name) = tables.iter().find(may).map(|table| table.name.clone()) else { return false };
    let open: Vec<Table> = tables.to_vec();
    for table in tables.iter_mut().filter(|table| table.name == name) {
        let own = table.clone();
        let waiting = table.columns.iter_mut().filter(|column| column.waits_for(&own, &open));
        for reference in waiting.filter_map(|column| column.refers_to.as_mut()) {
            reference.is_cut = true;
        }
    }
    true
}

/// The items of the first list in parentheses.
fn items<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<&'t [Token<'a>]> {
    let Some(open) = tokens.iter().position(|token| token.is_symbol("(")) else {
        return Vec::new();
    };
    let (mut depth, mut start, mut found) = (0_usize, open + 1, Vec::new());
    for (n, token) in tokens.iter().enumerate().skip(open) {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        }
        if depth == 0 || (depth == 1 && token.is_symbol(",")) {
            found.extend(tokens.get(start..n).filter(|item| !item.is_empty()));
            start = n + 1;
        }
        if depth == 0 {
            break;
        }
    }
    found
}

fn name(token: &Token<'_>) -> Option<String> {
    let name = token.name()?;
    Some(if token.kind == Kind::Word { name.to_lowercase() } else { name })
}

impl Table {
    fn item(&mut self, item: &[Token<'_>]) {
        let Some(first) = item.first() else { return };
        let constraints =
            ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "EXCLUDE", "LIKE"];
        if constraints.iter().any(|word| first.is(word)) {
            self.constraint(item);
            return;
        }
        let (Some(column), Some(kind)) = (name(first), item.get(1)) else { return };
        let has = |word: &str| item.iter().any(|token| token.is(word));
        let open = item.iter().take(4).position(|token| token.is_symbol("("));
        let length = open.and_then(|open| item.get(open + 1));
        let kind_name = kind.text.to_lowercase();
        let is_serial = kind_name.ends_with("serial");
        self.columns.push(Column {
            name: column,
            kind: if item.iter().any(|token| token.is_symbol("[")) {
                "array".to_owned()
            } else {
                kind_name
            },
            length: length.and_then(|token| token.text.parse().ok()),
            is_given: has("GENERATED") || (has("DEFAULT") && !has("CHECK")) || is_serial,
            refers_to: references(item).into_iter().next(),
            is_required: has("NOT") || has("PRIMARY"),
            allowed: allowed(item),
            is_unique: has("UNIQUE") || has("PRIMARY"),
        });
    }

    /// `CHECK (column …)` and `FOREIGN KEY (column) REFERENCES …` of the table.
    fn constraint(&mut self, item: &[Token<'_>]) {
        // The first list alone: that of REFERENCES names columns of the other table.
        let names: Vec<String> = items(item).into_iter().flatten().filter_map(name).collect();
        let allowed = allowed(item);
        let named = self.columns.iter_mut().find(|column| names.contains(&column.name));
        if let Some(column) = named {
            column.allowed = column.allowed.take().or(allowed);
        }
        for reference in references(item) {
            let Some(name) = names.get(reference.nth) else { continue };
            for column in self.columns.iter_mut().filter(|column| column.name == *name) {
                column.refers_to = column.refers_to.take().or_else(|| Some(reference.clone()));
            }
        }
    }

    /// What stands before `.schema.table` in the name of its topic; `None` for any other topic.
    pub(super) fn prefix_of<'n>(&self, topic: &'n str) -> Option<&'n str> {
        topic.strip_suffix(&format!(".{}.{}", self.schema, self.name))
    }

    /// An INSERT of a row, the `n`th of its table.
    pub(super) fn insert(&self, n: usize, tables: &[Self]) -> String {
        let wanted = |column: &&Column| {
            let is_key = self.key.contains(&column.name);
            !(column.is_given || column.is_left_null())
                || (is_key && column.kind != "generated") && !column.kind.ends_with("serial")
        };
        let columns: Vec<(&str, String)> = self
            .columns
            .iter()
            .filter(wanted)
            .filter_map(|column| Some((column.name.as_str(), Self::value(column, n, tables)?)))
            .collect();
        let names: Vec<String> = columns.iter().map(|(name, _)| quoted(name)).collect();
        let values: Vec<&str> = columns.iter().map(|(_, value)| value.as_str()).collect();
        if names.is_empty() {
            return format!("INSERT INTO {} DEFAULT VALUES", self.full_name());
        }
        format!(
            "INSERT INTO {} ({}) VALUES ({})",
            self.full_name(),
            names.join(", "),
            values.join(", ")
        )
    }

    /// An UPDATE of a column that is free to change.
    pub(super) fn update(&self, n: usize, tables: &[Self]) -> Option<String> {
        let is_free = |column: &&Column| {
            !self.key.contains(&column.name)
                && column.refers_to.is_none()
                && column.allowed.is_none()
                && !column.is_unique
                && !column.is_given
                && !self.is_referred_to(&column.name, tables)
        };
        let column = self.columns.iter().find(is_free)?;
        let value = Self::value(column, 3, tables)?;
        Some(format!(
            "UPDATE {} SET {} = {value} WHERE {}",
            self.full_name(),
            quoted(&column.name),
            self.is_row(n, tables)?
        ))
    }

    /// A DELETE, if no other table refers to this one.
    pub(super) fn delete(&self, n: usize, tables: &[Self]) -> Option<String> {
        Some(format!("DELETE FROM {} WHERE {}", self.full_name(), self.is_row(n, tables)?))
    }

    fn is_referred_to(&self, column: &str, tables: &[Self]) -> bool {
        let refers = |other: &Column| {
            other.refers_to.as_ref().is_some_and(|reference| {
                reference.table == self.name
                    && reference.column(self).is_some_and(|name| name == column)
            })
        };
        tables.iter().any(|table| table.columns.iter().any(refers))
    }

    fn is_row(&self, n: usize, tables: &[Self]) -> Option<String> {
        let parts = self.key.iter().map(|key| {
            let column = self.columns.iter().find(|column| column.name == *key)?;
            // What the database numbers by itself begins with 1.
            let value = Self::value(column, n, tables)?;
            Some(format!("{} = {value}", quoted(key)))
        });
        let parts: Option<Vec<String>> = parts.collect();
        parts.filter(|parts| !parts.is_empty()).map(|parts| parts.join(" AND "))
    }

    fn full_name(&self) -> String {
        if self.schema == "public" {
            quoted(&self.name)
        } else {
            format!("{}.{}", quoted(&self.schema), quoted(&self.name))
        }
    }

    /// A value of a column for the `n`th row; `None` where only null or the default is safe.
    fn value(column: &Column, n: usize, tables: &[Self]) -> Option<String> {
        if let Some(reference) = &column.refers_to
            && let Some(other) = tables.iter().find(|other| other.name == reference.table)
        {
            let to = reference.column(other)?;
            let referred = other.columns.iter().find(|column| column.name == *to)?;
            if referred != column {
                return Self::value(referred, n, tables);
            }
        }
        if let Some(allowed) = &column.allowed {
            return Some(format!("'{}'", allowed.replace('\'', "''")));
        }
        let text = |text: String| {
            let text: String = text.chars().take(column.length.unwrap_or(usize::MAX)).collect();
            // The number must survive a short column.
            if text.ends_with(char::is_numeric) { text } else { n.to_string() }
        };
        Some(match column.kind.as_str() {
            "int" | "integer" | "int2" | "int4" | "int8" | "smallint" | "bigint" | "serial"
            | "bigserial" | "smallserial" => n.to_string(),
            "numeric" | "decimal" | "real" | "float4" | "float8" | "double" | "money" => {
                format!("{n}.5")
            }
            "text" | "varchar" | "character" | "char" | "bpchar" | "citext" | "name" => {
                format!("'{}'", text(format!("{}-{n}", column.name)))
            }
            "bool" | "boolean" => if n % 2 == 1 { "true" } else { "false" }.to_owned(),
            "date" => format!("'2025-01-0{n}'"),
            "timestamp" => format!("'2025-01-01 10:00:0{n}'"),
            "timestamptz" => format!("'2025-01-01 10:00:0{n}+00'"),
            "time" | "timetz" => format!("'10:00:0{n}'"),
            "interval" => format!("'{n} hours'"),
            "uuid" => format!("'00000000-0000-0000-0000-00000000000{n}'"),
            "json" | "jsonb" => format!("'{{\"n\": {n}}}'"),
            "bytea" => format!("'\\x0{n}'"),
            "inet" => format!("'10.0.0.{n}'"),
            "array" => "'{}'".to_owned(),
            _ => return None,
        })
    }
}

/// `REFERENCES table (column, …)`, one for each of the columns that refer; without names, as many as
/// a list before it has.
fn references(item: &[Token<'_>]) -> Vec<Reference> {
    let Some(at) = item.iter().position(|token| token.is("REFERENCES")) else { return Vec::new() };
    let (before, rest) = item.split_at(at);
    let mut rest = rest.get(1..).unwrap_or(&[]);
    if let [_, dot, further @ ..] = rest
        && dot.is_symbol(".")
    {
        rest = further;
    }
    let Some(table) = rest.first().and_then(name) else { return Vec::new() };
    let is_list = rest.get(1).is_some_and(|token| token.is_symbol("("));
    let columns: Vec<Option<String>> = if is_list {
        items(rest).into_iter().map(|column| column.first().and_then(name)).collect()
    } else {
        let is_constraint = before.iter().any(|token| token.is("FOREIGN"));
        let n = if is_constraint { items(before).len() } else { 1 };
        vec![None; n]
    };
    let reference = |(nth, column)| Reference { table: table.clone(), column, nth, is_cut: false };
    columns.into_iter().enumerate().map(reference).collect()
}

/// The first text after CHECK.
fn allowed(item: &[Token<'_>]) -> Option<String> {
    let at = item.iter().position(|token| token.is("CHECK"))?;
    item.get(at..)?.iter().find_map(Token::string)
}

/// A name with quotes where Postgres would read it otherwise.
pub(super) fn quoted(name: &str) -> String {
    const RESERVED: [&str; 16] = [
        "user",
        "order",
        "group",
        "table",
        "select",
        "from",
        "where",
        "default",
        "check",
        "end",
        "limit",
        "offset",
        "primary",
        "references",
        "to",
        "timestamp",
    ];
    let is_plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if is_plain && !RESERVED.contains(&name) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_added_later_belongs_to_its_own_column() {
        let ddl = [
            "CREATE TABLE public.orders (id bigint NOT NULL, customer_id int NOT NULL)",
            "CREATE TABLE customers (id int PRIMARY KEY)",
            "ALTER TABLE ONLY public.orders ADD CONSTRAINT pk PRIMARY KEY (id)",
            "ALTER TABLE public.orders ADD FOREIGN KEY (customer_id) REFERENCES customers(id)",
        ];
        let tables = read(&ddl.map(|sql| Text::whole("a.sql".into(), sql.to_owned())));
        let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
        assert_eq!(names, ["customers", "orders"], "what is referred to comes first");
        let orders = &tables[1];
        assert_eq!(orders.key, ["id"]);
        assert_eq!(orders.update(1, &tables), None, "no column of it is free to change");
        assert_eq!(orders.insert(2, &tables), "INSERT INTO orders (id, customer_id) VALUES (2, 2)");
    }

    #[test]
    fn a_circle_is_cut_where_a_column_may_stay_null() {
        let ddl = [
            "CREATE TABLE dept (id int PRIMARY KEY, head int)",
            "CREATE TABLE emp (id int PRIMARY KEY, dept int NOT NULL REFERENCES dept)",
            "CREATE TABLE a_line (emp int NOT NULL REFERENCES emp, n int, PRIMARY KEY (emp, n))",
            "ALTER TABLE dept ADD FOREIGN KEY (head) REFERENCES emp(id)",
        ];
        let tables = read(&ddl.map(|sql| Text::whole("a.sql".into(), sql.to_owned())));
        let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
        assert_eq!(names, ["dept", "emp", "a_line"]);
        let inserts = tables.iter().map(|table| table.insert(1, &tables)).collect::<Vec<_>>();
        let expected = [
            "INSERT INTO dept (id) VALUES (1)",
            "INSERT INTO emp (id, dept) VALUES (1, 1)",
            "INSERT INTO a_line (emp, n) VALUES (1, 1)",
        ];
        assert_eq!(inserts, expected);
    }

    #[test]
    fn a_circle_of_columns_that_must_not_be_null_ends() {
        let ddl = [
            "CREATE TABLE a (id int PRIMARY KEY, b int NOT NULL REFERENCES b)",
            "CREATE TABLE b (id int PRIMARY KEY, a int NOT NULL REFERENCES a)",
        ];
        let tables = read(&ddl.map(|sql| Text::whole("a.sql".into(), sql.to_owned())));
        assert_eq!(tables.len(), 2);
    }

    #[test]
    fn a_key_of_several_columns_is_referred_to_column_by_column() {
        let ddl = [
            "CREATE TABLE price (of_bank text, of_day text, FOREIGN KEY (of_day, of_bank) REFERENCES quote (day, bank))",
            "CREATE TABLE note (b text, d text, FOREIGN KEY (b, d) REFERENCES quote)",
            "CREATE TABLE quote (bank text, day text, PRIMARY KEY (bank, day))",
        ];
        let tables = read(&ddl.map(|sql| Text::whole("a.sql".into(), sql.to_owned())));
        let inserts = tables.iter().map(|table| table.insert(1, &tables)).collect::<Vec<_>>();
        let expected = [
            "INSERT INTO quote (bank, day) VALUES ('bank-1', 'day-1')",
            "INSERT INTO price (of_bank, of_day) VALUES ('bank-1', 'day-1')",
            "INSERT INTO note (b, d) VALUES ('bank-1', 'day-1')",
        ];
        assert_eq!(inserts, expected);
    }
}
