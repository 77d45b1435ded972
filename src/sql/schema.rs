//! The tables that DDL leaves behind, statement by statement, as far as its text shows them: as a
//! dump has them, with the keys behind the tables, or a folder of migrations.

use super::columns::{Column, Definition, PgType, column, data_type, definition};
use super::postgres::{SourceTable, calls_volatile, created_table, folded, items, qualified};
use super::token::{Language, Token, significant};
use crate::base::text::Text;

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its schema, `public` where none is written.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its columns in order; generated ones, which are in no change, are left out.
    pub columns: Vec<Column>,
    /// The names of generated ones.
    pub generated: Vec<String>,
    /// The columns of its primary key in key order.
    pub key: Vec<String>,
    /// The constraint that the key is.
    constraint: String,
    /// The text does not show all columns, or not which they are in the end.
    pub is_partial: bool,
}

/// All that DDL makes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schema {
    /// The tables.
    pub tables: Vec<Table>,
    /// The enums.
    pub enums: Vec<String>,
    /// The domains with their types.
    pub domains: Vec<(String, PgType)>,
}

impl Schema {
    /// What these statements make, one after the other.
    pub fn of<'a>(statements: impl IntoIterator<Item = &'a Text>) -> Self {
        let mut schema = Self::default();
        for statement in statements {
            schema.take(statement);
        }
        schema
    }

    /// A table by its full name.
    pub fn table(&self, schema: &str, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.schema == schema && table.name == name)
    }

    /// The tables as places of a scenario.
    pub fn sources(&self) -> impl Iterator<Item = SourceTable> {
        self.tables.iter().cloned().map(|table| SourceTable {
            columns: (!table.is_partial).then(|| {
                let named = table.columns.into_iter().map(|column| column.name);
                named.chain(table.generated).collect()
            }),
            primary_key: if table.is_partial { Vec::new() } else { table.key },
            schema: table.schema,
            name: table.name,
        })
    }

    fn table_mut(&mut self, schema: &str, name: &str) -> Option<&mut Table> {
        self.tables.iter_mut().find(|table| table.schema == schema && table.name == name)
    }

    fn take(&mut self, statement: &Text) {
        match definition(statement) {
            Some(Definition::Table { schema, name, columns, generated, is_partial }) => {
                // A temporary table is none, and `IF NOT EXISTS` leaves what is there.
                if let Some(created) = created_table(statement)
                    && self.table(&schema, &name).is_none()
                {
                    let key = created.primary_key;
                    let constraint = key_name(statement).unwrap_or_else(|| format!("{name}_pkey"));
                    let table =
                        Table { schema, name, columns, generated, key, constraint, is_partial };
                    self.tables.push(self.completed(table, statement));
                }
            }
            Some(Definition::Enum(name)) => self.enums.push(name),
            Some(Definition::Domain(name, base)) => self.domains.push((name, base)),
            Some(Definition::Added { .. }) | None => {}
        }
        let tokens = significant(Language::Postgres, &statement.value);
        self.alter(&tokens);
        self.drop(&tokens);
    }

    /// A leaf of a partitioned table has the columns of that.
    fn completed(&self, mut table: Table, statement: &Text) -> Table {
        let tokens = significant(Language::Postgres, &statement.value);
        let of = tokens
            .windows(2)
            .position(|two| matches!(two, [a, b] if a.is("PARTITION") && b.is("OF")));
        let parent = of.and_then(|at| qualified(tokens.get(at + 2..)?));
        if let Some(root) = parent.and_then(|(schema, name, _)| self.table(&schema, &name)) {
            table.columns.clone_from(&root.columns);
            table.generated.clone_from(&root.generated);
            table.key.clone_from(&root.key);
            table.is_partial = root.is_partial;
        }
        table
    }

    /// `ALTER TABLE`, action by action.
    fn alter(&mut self, tokens: &[Token<'_>]) {
        let is = |n: usize, word: &str| tokens.get(n).is_some_and(|token| token.is(word));
        if !(is(0, "ALTER") && is(1, "TABLE")) {
            return;
        }
        let rest = tokens.get(2..).unwrap_or_default();
        let words = ["IF", "EXISTS", "ONLY"];
        let skipped = rest.iter().take(3).take_while(|token| words.iter().any(|w| token.is(w)));
        let rest = rest.get(skipped.count()..).unwrap_or_default();
        let Some((schema, name, rest)) = qualified(rest) else { return };
        let rest = if rest.first().is_some_and(|token| token.is_symbol("*")) {
            rest.get(1..).unwrap_or_default()
        } else {
            rest
        };
        let Some(table) = self.table_mut(&schema, &name) else { return };
        for action in actions(rest) {
            if act(table, action).is_none() {
                table.is_partial = true;
            }
        }
    }

    /// `DROP TABLE`, `DROP SCHEMA`.
    fn drop(&mut self, tokens: &[Token<'_>]) {
        let is = |n: usize, word: &str| tokens.get(n).is_some_and(|token| token.is(word));
        if !is(0, "DROP") {
            return;
        }
        let from = if is(2, "IF") { 4 } else { 2 };
        let names = tokens.get(from..).unwrap_or_default();
        for name in names.split(|token| token.is_symbol(",")) {
            let Some((schema, name, _)) = qualified(name) else { continue };
            if is(1, "TABLE") {
                self.tables.retain(|table| (&table.schema, &table.name) != (&schema, &name));
            } else if is(1, "SCHEMA") {
                self.tables.retain(|table| table.schema != name);
            }
        }
    }
}

/// The actions of an `ALTER TABLE`, which commas part.
fn actions<'t, 'a>(tokens: &'t [Token<'a>]) -> impl Iterator<Item = &'t [Token<'a>]> {
    let mut depth = 0_usize;
    tokens.split(move |token| {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        }
        depth == 0 && token.is_symbol(",")
    })
}

/// Does one action; `None` if it is not read here.
fn act(table: &mut Table, action: &[Token<'_>]) -> Option<()> {
    let is = |n: usize, word: &str| action.get(n).is_some_and(|token| token.is(word));
    // `COLUMN` may be left out, `IF [NOT] EXISTS` may follow it.
    let behind = |n: usize| {
        let at = n + usize::from(is(n, "COLUMN"));
        let words = ["IF", "NOT", "EXISTS"];
        let is_if = is(at, "IF");
        let skipped = (at..at + 3).take_while(|n| is_if && words.iter().any(|word| is(*n, word)));
        at + skipped.count()
    };
    let constrains = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "EXCLUDE"];
    if is(0, "ADD") && constrains.iter().any(|word| is(1, word)) {
        return add_constraint(table, action);
    }
    if is(0, "ADD") {
        let item = action.get(behind(1)..)?;
        let name = folded(item.first()?)?;
        match column(item) {
            Some(added) => {
                let has_key = item
                    .windows(2)
                    .any(|two| matches!(two, [a, b] if a.is("PRIMARY") && b.is("KEY")));
                if has_key {
                    table.key = vec![name.clone()];
                }
                if !table.columns.iter().any(|column| column.name == name) {
                    table.columns.push(added);
                }
            }
            None => table.generated.push(name),
        }
    } else if is(0, "DROP") && is(1, "CONSTRAINT") {
        let at = if is(2, "IF") { 4 } else { 2 };
        if folded(action.get(at)?)? == table.constraint {
            table.key.clear();
        }
    } else if is(0, "DROP") {
        let name = folded(action.get(behind(1))?)?;
        table.columns.retain(|column| column.name != name);
        table.generated.retain(|column| *column != name);
        if table.key.contains(&name) {
            table.key.clear();
        }
    } else if is(0, "RENAME") && is(1, "TO") {
        table.name = folded(action.get(2)?)?;
    } else if is(0, "RENAME") && is(1, "CONSTRAINT") {
        if folded(action.get(2)?)? == table.constraint {
            table.constraint = folded(action.get(4)?)?;
        }
    } else if is(0, "RENAME") {
        let at = behind(1);
        let (old, new) = (folded(action.get(at)?)?, folded(action.get(at + 2)?)?);
        let columns = table.columns.iter_mut().map(|column| &mut column.name);
        for name in columns.chain(&mut table.generated).chain(&mut table.key) {
            if *name == old {
                name.clone_from(&new);
            }
        }
    } else if is(0, "SET") && is(1, "SCHEMA") {
        table.schema = folded(action.get(2)?)?;
    } else if is(0, "INHERIT") || (is(0, "NO") && is(1, "INHERIT")) || is(0, "OF") {
        return None;
    } else if is(0, "ALTER") && !is(1, "CONSTRAINT") {
        return alter_column(table, action.get(behind(1)..)?);
    }
    Some(())
}

fn add_constraint(table: &mut Table, action: &[Token<'_>]) -> Option<()> {
    let primary =
        action.windows(2).position(|two| matches!(two, [a, b] if a.is("PRIMARY") && b.is("KEY")));
    // A CHECK may hold any words.
    let Some(at) = primary.filter(|at| *at == 1 || *at == 3) else { return Some(()) };
    let list = items(action.get(at + 2..)?);
    let key: Vec<String> = list.iter().filter_map(|item| folded(item.first()?)).collect();
    if action.get(at + 2).is_some_and(|token| token.is("USING")) || key.is_empty() {
        // The columns are those of an index.
        return None;
    }
    table.key = key;
    table.constraint = match at {
        3 => folded(action.get(2)?)?,
        _ => format!("{}_pkey", table.name),
    };
    Some(())
}

/// What follows `ALTER [COLUMN]`.
fn alter_column(table: &mut Table, action: &[Token<'_>]) -> Option<()> {
    let name = folded(action.first()?)?;
    let is = |n: usize, word: &str| action.get(n).is_some_and(|token| token.is(word));
    if is(1, "DROP") && is(2, "EXPRESSION") {
        // From here on it is a column like others, of a type that only the first text told.
        return None;
    }
    let Some(column) = table.columns.iter_mut().find(|column| column.name == name) else {
        return Some(());
    };
    let kind = if is(1, "TYPE") { Some(2) } else { (is(1, "SET") && is(2, "DATA")).then_some(4) };
    if let Some(at) = kind {
        let rest = action.get(at..)?;
        let end = rest.iter().position(|token| token.is("USING")).unwrap_or(rest.len());
        column.data_type = data_type(rest.get(..end)?)?;
    } else if is(1, "SET") && is(2, "DEFAULT") {
        column.is_volatile = calls_volatile(action);
    } else if is(2, "NOT") && is(3, "NULL") {
        column.not_null = is(1, "SET");
    }
    Some(())
}

/// The name of the constraint that a `CREATE TABLE` gives its key.
fn key_name(statement: &Text) -> Option<String> {
    let tokens = significant(Language::Postgres, &statement.value);
    let named = tokens.windows(4).find(
        |four| matches!(four, [a, _, b, c] if a.is("CONSTRAINT") && b.is("PRIMARY") && c.is("KEY")),
    )?;
    folded(named.get(1)?)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::sql::split;

    fn shown(sql: &str) -> String {
        let text = Text::whole("a.sql".into(), sql.to_owned());
        let statements = split::postgres(&text).expect("it splits");
        let mut lines = Vec::new();
        for table in &Schema::of(&statements).tables {
            let columns: Vec<_> = table
                .columns
                .iter()
                .map(|c| {
                    let not_null = if c.not_null { "!" } else { "" };
                    format!("{} {}{:?}{not_null}", c.name, c.data_type.name, c.data_type.arguments)
                })
                .collect();
            let partial = if table.is_partial { " …" } else { "" };
            lines.push(format!(
                "{}.{} ({}) key {:?}{partial}",
                table.schema,
                table.name,
                columns.join(", "),
                table.key
            ));
        }
        lines.join("\n").replace("[]", "")
    }

    /// Beside a dump's tables stand its keys, defaults and owners; beside a migration's what it
    /// changes.
    #[rstest]
    #[case(
        "CREATE TABLE public.t (id bigint NOT NULL, v text);
         ALTER TABLE public.t OWNER TO app;
         ALTER TABLE ONLY public.t ALTER COLUMN id SET DEFAULT nextval('s');
         ALTER TABLE public.t ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME s);
         ALTER TABLE ONLY public.t ADD CONSTRAINT t_pkey PRIMARY KEY (id);
         ALTER TABLE ONLY public.t REPLICA IDENTITY FULL;
         ALTER TABLE ONLY public.t ADD CONSTRAINT f FOREIGN KEY (v) REFERENCES u(v)",
        r#"public.t (id bigint!, v text) key ["id"]"#
    )]
    #[case(
        "CREATE TABLE t (a int PRIMARY KEY, b int, c text NOT NULL);
         ALTER TABLE t ADD COLUMN IF NOT EXISTS d numeric(8, 2), DROP COLUMN b, ALTER COLUMN c DROP NOT NULL;
         ALTER TABLE t RENAME c TO e; ALTER TABLE t ALTER e TYPE varchar(5) USING e::varchar(5)",
        r#"public.t (a int!, e varchar[5], d numeric[8, 2]) key ["a"]"#
    )]
    #[case(
        "CREATE TABLE t (a int, b int, CONSTRAINT k PRIMARY KEY (a)); ALTER TABLE t DROP CONSTRAINT k;
         ALTER TABLE t ADD PRIMARY KEY (a, b); ALTER TABLE t RENAME TO u; ALTER TABLE u SET SCHEMA s",
        r#"s.u (a int, b int) key ["a", "b"]"#
    )]
    #[case(
        "CREATE TABLE a (x int); CREATE TABLE b (x int); DROP TABLE IF EXISTS a, c; CREATE TABLE IF NOT EXISTS b (y int)",
        "public.b (x int) key "
    )]
    #[case(
        "CREATE TABLE p (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
         CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')",
        "public.p (id int, at date) key [\"id\", \"at\"]\npublic.p1 (id int, at date) key [\"id\", \"at\"]"
    )]
    #[case("CREATE TABLE t (a int); ALTER TABLE t INHERIT u", "public.t (a int) key  …")]
    #[case(
        "CREATE TABLE t (a int); ALTER TABLE t ADD CONSTRAINT k PRIMARY KEY USING INDEX i",
        "public.t (a int) key  …"
    )]
    #[case(
        "CREATE TABLE t (a int, n int); ALTER TABLE t ADD g int GENERATED ALWAYS AS (n) STORED; ALTER TABLE t DROP n",
        "public.t (a int) key "
    )]
    fn tables_are_what_the_last_statement_leaves(#[case] sql: &str, #[case] expected: &str) {
        assert_eq!(shown(sql), expected);
    }
}
