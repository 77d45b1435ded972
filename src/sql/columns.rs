//! The columns of Postgres tables with their types, as far as the DDL's text shows them.

use super::postgres::{calls_volatile, folded, items, qualified, skip_if_not_exists};
use super::token::{Language, Token, significant};
use crate::base::text::Text;

/// A column of a Postgres table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub data_type: PgType,
    /// It is NOT NULL or part of a column's own PRIMARY KEY.
    pub not_null: bool,
    /// Its default is another one at each run (`now()`).
    pub is_volatile: bool,
}

/// A Postgres type as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PgType {
    /// Lower case, without schema (`timestamp with time zone`).
    pub name: String,
    /// What stands in its parentheses.
    pub arguments: Vec<i64>,
    /// An array of it.
    pub is_array: bool,
}

/// What a statement of the DDL says of columns and types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Definition {
    /// A table with these columns.
    Table {
        /// The schema, `public` where none is written.
        schema: String,
        /// The table.
        name: String,
        /// Its columns; generated ones, which are in no change, are left out.
        columns: Vec<Column>,
        /// The names of generated ones.
        generated: Vec<String>,
        /// Not all columns are in the text (`LIKE`, `INHERITS`, `AS`, `PARTITION OF`).
        is_partial: bool,
    },
    /// A column that is added to a table.
    Added {
        /// The schema.
        schema: String,
        /// The table.
        name: String,
        /// The column.
        column: Column,
    },
    /// `CREATE TYPE … AS ENUM`.
    Enum(String),
    /// `CREATE DOMAIN`.
    Domain(String, PgType),
}

/// Reads one statement; `None` if it says nothing of columns.
pub fn definition(statement: &Text) -> Option<Definition> {
    let tokens = significant(Language::Postgres, &statement.value);
    let is = |n: usize, word: &str| tokens.get(n).is_some_and(|token| token.is(word));
    if is(0, "CREATE") && is(1, "TYPE") {
        let (_, name, rest) = qualified(tokens.get(2..)?)?;
        let is_enum = rest.first()?.is("AS") && rest.get(1)?.is("ENUM");
        return is_enum.then_some(Definition::Enum(name));
    }
    if is(0, "CREATE") && is(1, "DOMAIN") {
        let (_, name, rest) = qualified(tokens.get(2..)?)?;
        let rest = if rest.first()?.is("AS") { rest.get(1..)? } else { rest };
        return Some(Definition::Domain(name, data_type(rest)?));
    }
    if is(0, "ALTER") && is(1, "TABLE") {
        return added(tokens.get(2..)?);
    }
    let table = tokens.iter().take(4).position(|token| token.is("TABLE"))?;
    is(0, "CREATE").then_some(())?;
    let (schema, name, rest) = qualified(skip_if_not_exists(tokens.get(table + 1..)?))?;
    let (mut columns, mut generated) = (Vec::new(), Vec::new());
    let mut is_partial = !rest.first().is_some_and(|token| token.is_symbol("("))
        || rest.iter().any(|token| token.is("INHERITS"));
    for item in if is_partial { Vec::new() } else { items(rest) } {
        is_partial |= item.first().is_some_and(|token| token.is("LIKE"));
        columns.extend(column(item));
        generated.extend(item.first().filter(|_| is_generated(item)).and_then(folded));
    }
    Some(Definition::Table { schema, name, columns, generated, is_partial })
}

fn added(tokens: &[Token<'_>]) -> Option<Definition> {
    let skipped =
        tokens.iter().take(3).take_while(|t| ["IF", "EXISTS", "ONLY"].iter().any(|w| t.is(w)));
    let (schema, name, rest) = qualified(tokens.get(skipped.count()..)?)?;
    rest.first()?.is("ADD").then_some(())?;
    let rest = rest.get(1..)?;
    let rest = if rest.first()?.is("COLUMN") { rest.get(1..)? } else { rest };
    let column = column(skip_if_not_exists(rest))?;
    Some(Definition::Added { schema, name, column })
}

pub(super) fn column(item: &[Token<'_>]) -> Option<Column> {
    let first = item.first()?;
    let others = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "EXCLUDE", "LIKE"];
    if others.iter().any(|word| first.is(word)) {
        return None;
    }
    let pair =
        |a: &str, b: &str| item.windows(2).any(|two| matches!(two, [x, y] if x.is(a) && y.is(b)));
    if is_generated(item) {
        return None;
    }
    let not_null = pair("NOT", "NULL") || pair("PRIMARY", "KEY");
    let default = item.iter().position(|token| token.is("DEFAULT"));
    let default = default.and_then(|at| item.get(at..)).unwrap_or_default();
    Some(Column {
        name: folded(first)?,
        data_type: data_type(item.get(1..)?)?,
        not_null,
        is_volatile: calls_volatile(default),
    })
}

/// A generated column is in no change; an identity column is.
fn is_generated(item: &[Token<'_>]) -> bool {
    let has = |word: &str| item.iter().any(|token| token.is(word));
    has("GENERATED") && has("STORED")
}

/// Words that end the type of a column.
pub(crate) const AFTER_TYPE: [&str; 12] = [
    "NOT",
    "NULL",
    "DEFAULT",
    "PRIMARY",
    "UNIQUE",
    "CHECK",
    "REFERENCES",
    "GENERATED",
    "COLLATE",
    "CONSTRAINT",
    "STORAGE",
    "COMPRESSION",
];

/// The type that `tokens` begins with.
pub(super) fn data_type(tokens: &[Token<'_>]) -> Option<PgType> {
    let mut words: Vec<String> = Vec::new();
    let mut arguments = Vec::new();
    let mut is_array = false;
    let mut depth = 0_usize;
    for (n, token) in tokens.iter().enumerate() {
        if token.is_symbol(",") && depth == 0 || AFTER_TYPE.iter().any(|stop| token.is(stop)) {
            break;
        }
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        } else if token.is_symbol("[") || token.is("ARRAY") {
            is_array = true;
        } else if depth > 0 || is_array {
            arguments.extend(token.text.parse::<i64>().ok().filter(|_| !is_array));
        } else if tokens.get(n + 1).is_some_and(|next| next.is_symbol(".")) || token.is_symbol(".")
        {
            // The schema of a type.
        } else {
            words.push(folded(token)?);
        }
    }
    (!words.is_empty()).then(|| PgType { name: words.join(" "), arguments, is_array })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sql: &str) -> Option<Definition> {
        definition(&Text::whole("a.sql".into(), sql.to_owned()))
    }

    #[test]
    fn a_table_is_read_with_its_types() {
        let sql = "CREATE TABLE shop.orders (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, amount numeric(10, 2) NOT NULL,
            at timestamp(3) with time zone DEFAULT now(), tags text[], mood shop.mood, n int,
            twice int GENERATED ALWAYS AS (n * 2) STORED, CHECK (n > 0))";
        let Some(Definition::Table { schema, name, columns, generated, is_partial }) = read(sql)
        else {
            panic!("no table")
        };
        assert_eq!(generated, ["twice"]);
        assert_eq!((schema.as_str(), name.as_str(), is_partial), ("shop", "orders", false));
        let shown: Vec<_> = columns
            .iter()
            .map(|c| {
                let PgType { name, arguments, is_array } = &c.data_type;
                format!("{} {name} {arguments:?} {is_array} {}", c.name, c.not_null)
            })
            .collect();
        assert_eq!(
            shown,
            [
                "id bigint [] false true",
                "amount numeric [10, 2] false true",
                "at timestamp with time zone [3] false false",
                "tags text [] true false",
                "mood mood [] false false",
                "n int [] false false",
            ]
        );
    }

    #[test]
    fn types_of_the_authors_own_and_added_columns_are_read() {
        assert_eq!(read("CREATE TYPE mood AS ENUM ('a')"), Some(Definition::Enum("mood".into())));
        let domain = read("CREATE DOMAIN cents AS numeric(12, 0) CHECK (value > 0)");
        let expected = PgType { name: "numeric".into(), arguments: vec![12, 0], is_array: false };
        assert_eq!(domain, Some(Definition::Domain("cents".into(), expected)));
        let added = read("ALTER TABLE orders ADD COLUMN note text NOT NULL");
        assert!(matches!(added, Some(Definition::Added { column, .. }) if column.not_null));
        assert_eq!(read("ALTER TABLE orders REPLICA IDENTITY FULL"), None);
    }

    #[test]
    fn a_table_that_hides_its_columns_says_so() {
        for sql in [
            "CREATE TABLE a (LIKE b)",
            "CREATE TABLE a AS SELECT 1",
            "CREATE TABLE a (x int) INHERITS (b)",
        ] {
            let Some(Definition::Table { is_partial, .. }) = read(sql) else { panic!("{sql}") };
            assert!(is_partial, "{sql}");
        }
    }
}
