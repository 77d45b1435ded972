//! `CREATE TABLE` and `ALTER TABLE` with the places of their parts, for edits by splicing.

use super::flink::{ColumnKind, Name, Watermark, With, column_kind, deeper, watermark};
use super::reader::Reader;
use super::token::{Language, Token, significant};
use crate::base::text::{Span, Text};

/// The parts of a `CREATE TABLE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// Its name.
    pub name: Name,
    /// The words `IF NOT EXISTS`.
    pub if_not_exists: Option<Span>,
    /// Its columns, keys and watermark.
    pub list: Option<List>,
    /// `DISTRIBUTED …`.
    pub distribution: Option<Distribution>,
    /// Its WITH clause.
    pub with: Option<With>,
    /// What follows `AS` or `LIKE`, that word included.
    pub tail: Option<Tail>,
}

/// Where the rest of a table comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    /// `AS`, not `LIKE`.
    pub is_query: bool,
    /// From that word to the end.
    pub span: Span,
}

/// The list in parentheses after the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// The opening parenthesis.
    pub open: Span,
    /// What stands in it, in order.
    pub items: Vec<Item>,
    /// The closing parenthesis.
    pub close: Span,
}

/// One item of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it is.
    pub part: Part,
    /// Where it stands.
    pub span: Span,
}

/// What an item of the list is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A column.
    Column(Column),
    /// `WATERMARK FOR …`; `None` if it cannot be read.
    Watermark(Option<Watermark>),
    /// `PRIMARY KEY (…)`.
    PrimaryKey(Vec<String>),
    /// Anything else.
    Other,
}

/// A column with the places of its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ColumnKind,
    /// The type, or what follows `AS`.
    pub definition: Span,
    /// The words `NOT NULL`.
    pub not_null: Option<Span>,
    /// The words `PRIMARY KEY NOT ENFORCED` of a column.
    pub primary_key: Option<Span>,
    /// The key of its metadata: `FROM 'key'`, or its own name.
    pub metadata: Option<String>,
    /// `FIRST` or `AFTER column`, as an `ALTER TABLE` may say.
    pub position: Option<(Position, Span)>,
}

/// Where an added column goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// Before all others.
    First,
    /// After this one.
    After(String),
}

/// `DISTRIBUTED [BY [HASH](…)] [INTO n BUCKETS]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    /// The columns it is distributed by.
    pub columns: Vec<String>,
    /// How many buckets are wanted.
    pub buckets: Option<u32>,
    /// `HASH` or another way, if one is written.
    pub way: Option<String>,
    /// Where it stands.
    pub span: Span,
}

/// What an `ALTER TABLE` does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alter {
    /// The table.
    pub name: Name,
    /// `IF EXISTS` is written.
    pub if_exists: bool,
    /// What is done.
    pub action: Action,
}

/// One thing an `ALTER TABLE` does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// `SET ('key' = 'value', …)`.
    Set(With),
    /// `RESET ('key', …)`.
    Reset(Vec<String>),
    /// `ADD …`.
    Add(Vec<Item>, Option<Distribution>),
    /// `MODIFY …`.
    Modify(Vec<Item>, Option<Distribution>),
    /// `DROP WATERMARK`.
    DropWatermark,
    /// `DROP PRIMARY KEY`.
    DropPrimaryKey,
    /// `DROP DISTRIBUTION`.
    DropDistribution,
    /// `DROP column`, `DROP (column, …)`.
    DropColumns(Vec<String>),
    /// `RENAME TO …`, `RENAME a TO b`, and whatever is not known.
    Other,
}

/// The parts of a `CREATE TABLE`; `None` for other statements.
pub fn parts(statement: &Text) -> Option<Parts> {
    let tokens = significant(Language::Flink, &statement.value);
    let mut reader = Reader { tokens: &tokens, at: 0 };
    if !reader.eat(&["CREATE"]) {
        return None;
    }
    reader.eat(&["OR", "REPLACE"]);
    reader.eat(&["TEMPORARY"]);
    reader.eat(&["TABLE"]).then_some(())?;
    let at = reader.at;
    let if_not_exists = reader.eat(&["IF", "NOT", "EXISTS"]).then(|| {
        let span = |n: usize| tokens.get(n).map_or(Span::default(), |token| token.span);
        Span::new(span(at).start, span(reader.at).start)
    });
    let name = reader.name()?;
    let mut parts =
        Parts { name, if_not_exists, list: None, distribution: None, with: None, tail: None };
    if reader.peek().is_some_and(|token| token.is_symbol("(")) {
        parts.list = Some(list(&mut reader)?);
    }
    while let Some(token) = reader.peek() {
        if token.is("WITH") {
            reader.next();
            parts.with = Some(reader.with()?);
        } else if token.is("DISTRIBUTED") {
            parts.distribution = Some(distribution(&mut reader)?);
        } else if token.is("LIKE") || token.is("AS") {
            let end = tokens.last()?.span.end;
            let span = Span::new(token.span.start, end);
            parts.tail = Some(Tail { is_query: token.is("AS"), span });
            break;
        } else {
            reader.next();
        }
    }
    Some(parts)
}

fn list(reader: &mut Reader<'_, '_>) -> Option<List> {
    let open = reader.peek()?.span;
    let (items, close) = reader.list()?;
    Some(List { open, items: items.into_iter().filter_map(item).collect(), close })
}

fn distribution(reader: &mut Reader<'_, '_>) -> Option<Distribution> {
    let start = reader.peek()?.span;
    reader.next();
    let mut found = Distribution { columns: Vec::new(), buckets: None, way: None, span: start };
    reader.eat(&["BY"]);
    if reader.peek().is_some_and(|token| token.name().is_some() && !token.is("INTO")) {
        found.way = reader.next().map(|token| token.text.to_uppercase());
    }
    if reader.peek().is_some_and(|token| token.is_symbol("(")) {
        let (columns, close) = reader.list()?;
        found.columns = columns.iter().filter_map(|item| item.first()?.name()).collect();
        found.span.end = close.end;
    }
    if reader.eat(&["INTO"]) {
        found.buckets = reader.next()?.text.parse().ok();
        found.span.end = reader.peek()?.span.end;
        reader.eat(&["BUCKETS"]);
    }
    Some(found)
}

fn item(tokens: &[Token<'_>]) -> Option<Item> {
    let (first, last) = (tokens.first()?, tokens.last()?);
    let span = Span::new(first.span.start, last.span.end);
    let pair = |a: &str, b: &str| {
        tokens.windows(2).position(|two| matches!(two, [x, y] if x.is(a) && y.is(b)))
    };
    let part = if first.is("WATERMARK") {
        Part::Watermark(watermark(tokens))
    } else if first.is("PRIMARY") || first.is("CONSTRAINT") {
        let at = pair("PRIMARY", "KEY")?;
        let mut reader = Reader { tokens, at: at + 2 };
        let (columns, _) = reader.list()?;
        Part::PrimaryKey(columns.iter().filter_map(|column| column.first()?.name()).collect())
    } else if let Some(name) = first.name() {
        Part::Column(column(name, tokens))
    } else {
        Part::Other
    };
    Some(Item { part, span })
}

fn column(name: String, tokens: &[Token<'_>]) -> Column {
    let kind = column_kind(tokens);
    let stops: &[&str] = match kind {
        ColumnKind::Computed => &["COMMENT"],
        ColumnKind::Physical(_) | ColumnKind::Metadata { .. } => {
            &["NOT", "NULL", "PRIMARY", "METADATA", "COMMENT", "CONSTRAINT", "FIRST", "AFTER"]
        }
    };
    let from = if kind == ColumnKind::Computed { 2 } else { 1 };
    let body = tokens.get(from..).unwrap_or_default();
    // What a type says of its parts (`ROW<a INT NOT NULL>`) does not end it.
    let mut depth = 0;
    let length = body.iter().position(|token| {
        let ends = depth == 0 && stops.iter().any(|stop| token.is(stop));
        depth += deeper(token);
        ends
    });
    let (definition, tail) = body.split_at(length.unwrap_or(body.len()));
    let definition = span_of(definition);
    let at = |words: &[&str]| {
        tail.windows(words.len()).position(|window| {
            window.iter().enumerate().all(|(n, token)| words.get(n).is_some_and(|w| token.is(w)))
        })
    };
    let words =
        |words: &[&str]| at(words).and_then(|at| Some(span_of(tail.get(at..at + words.len())?)));
    let is_metadata = matches!(kind, ColumnKind::Metadata { .. });
    let from_key = at(&["METADATA", "FROM"]).and_then(|at| tail.get(at + 2)?.string());
    Column {
        metadata: is_metadata.then(|| from_key.unwrap_or_else(|| name.clone())),
        not_null: words(&["NOT", "NULL"]),
        primary_key: words(&["PRIMARY", "KEY", "NOT", "ENFORCED"]),
        position: position(tokens),
        definition,
        kind,
        name,
    }
}

fn position(tokens: &[Token<'_>]) -> Option<(Position, Span)> {
    match tokens {
        [_, .., first] if first.is("FIRST") => Some((Position::First, first.span)),
        [_, .., after, column] if after.is("AFTER") => {
            let span = Span::new(after.span.start, column.span.end);
            Some((Position::After(column.name()?), span))
        }
        _ => None,
    }
}

fn span_of(tokens: &[Token<'_>]) -> Span {
    match (tokens.first(), tokens.last()) {
        (Some(first), Some(last)) => Span::new(first.span.start, last.span.end),
        _ => Span::default(),
    }
}

/// What an `ALTER TABLE` does; `None` for other statements.
pub fn alter(statement: &Text) -> Option<Alter> {
    let tokens = significant(Language::Flink, &statement.value);
    let mut reader = Reader { tokens: &tokens, at: 0 };
    reader.eat(&["ALTER", "TABLE"]).then_some(())?;
    let if_exists = reader.eat(&["IF", "EXISTS"]);
    let name = reader.name()?;
    let action = action(&mut reader).unwrap_or(Action::Other);
    Some(Alter { name, if_exists, action })
}

fn action(reader: &mut Reader<'_, '_>) -> Option<Action> {
    if reader.eat(&["SET"]) {
        return reader.with().map(Action::Set);
    }
    if reader.eat(&["RESET"]) {
        let (keys, _) = reader.list()?;
        return Some(Action::Reset(keys.iter().filter_map(|key| key.first()?.string()).collect()));
    }
    if reader.eat(&["ADD"]) {
        let (items, distribution) = changes(reader)?;
        return Some(Action::Add(items, distribution));
    }
    if reader.eat(&["MODIFY"]) {
        let (items, distribution) = changes(reader)?;
        return Some(Action::Modify(items, distribution));
    }
    reader.eat(&["DROP"]).then_some(())?;
    if reader.eat(&["WATERMARK"]) {
        return Some(Action::DropWatermark);
    }
    if reader.eat(&["PRIMARY", "KEY"]) || reader.eat(&["CONSTRAINT"]) {
        return Some(Action::DropPrimaryKey);
    }
    if reader.eat(&["DISTRIBUTION"]) {
        return Some(Action::DropDistribution);
    }
    if reader.peek()?.is_symbol("(") {
        let (names, _) = reader.list()?;
        return Some(Action::DropColumns(names.iter().filter_map(|n| n.first()?.name()).collect()));
    }
    match reader.rest() {
        [only] => Some(Action::DropColumns(vec![only.name()?])),
        _ => None,
    }
}

/// One item, or a list of them; and a distribution.
fn changes(reader: &mut Reader<'_, '_>) -> Option<(Vec<Item>, Option<Distribution>)> {
    if reader.peek()?.is("DISTRIBUTION") || reader.peek()?.is("DISTRIBUTED") {
        return Some((Vec::new(), Some(distribution(reader)?)));
    }
    if reader.peek()?.is_symbol("(") {
        let List { items, .. } = list(reader)?;
        return Some((items, None));
    }
    if reader.peek()?.is("PARTITION") {
        // A column of that name would need backticks.
        return None;
    }
    Some((vec![item(reader.rest())?], None))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn text(sql: &str) -> Text {
        Text::whole("a.sql".into(), sql.to_owned())
    }

    fn at(sql: &str, span: Span) -> &str {
        sql.get(span.start..span.end).unwrap_or("")
    }

    #[test]
    fn the_parts_of_a_table_are_found_where_they_stand() {
        let sql = "CREATE TABLE IF NOT EXISTS `a.b` (
            id INT NOT NULL PRIMARY KEY NOT ENFORCED, -- the key
            r ROW<x INT NOT NULL, y DECIMAL(10, 2)> COMMENT 'c',
            t AS TO_TIMESTAMP_LTZ(ms, 3),
            `offset` BIGINT METADATA VIRTUAL, p INT METADATA FROM 'partition' VIRTUAL,
            WATERMARK FOR $rowtime AS SOURCE_WATERMARK()
          ) DISTRIBUTED BY HASH(`id`) INTO 3 BUCKETS WITH ('k' = 'v') AS SELECT 1 AS x";
        let found = parts(&text(sql)).unwrap();
        assert_eq!(found.name.to_string(), "a.b");
        assert_eq!(at(sql, found.if_not_exists.unwrap()), "IF NOT EXISTS ");
        let distribution = found.distribution.unwrap();
        assert_eq!((distribution.columns, distribution.buckets), (vec!["id".into()], Some(3)));
        assert_eq!(at(sql, distribution.span), "DISTRIBUTED BY HASH(`id`) INTO 3 BUCKETS");
        assert!(found.tail.unwrap().is_query);
        let items = found.list.unwrap().items;
        let columns: Vec<_> = items
            .iter()
            .filter_map(|item| match &item.part {
                Part::Column(column) => Some(column),
                _ => None,
            })
            .collect();
        let definitions: Vec<_> = columns.iter().map(|c| at(sql, c.definition)).collect();
        assert_eq!(
            definitions,
            [
                "INT",
                "ROW<x INT NOT NULL, y DECIMAL(10, 2)>",
                "TO_TIMESTAMP_LTZ(ms, 3)",
                "BIGINT",
                "INT"
            ]
        );
        assert_eq!(at(sql, columns[0].not_null.unwrap()), "NOT NULL");
        assert_eq!(at(sql, columns[0].primary_key.unwrap()), "PRIMARY KEY NOT ENFORCED");
        assert_eq!(columns[1].not_null, None);
        assert_eq!(columns[3].metadata.as_deref(), Some("offset"));
        assert_eq!(columns[4].metadata.as_deref(), Some("partition"));
        let Part::Watermark(Some(watermark)) = &items[5].part else { panic!("no watermark") };
        assert_eq!(watermark.column, "$rowtime");
    }

    #[rstest]
    #[case("ALTER TABLE t SET ('a' = 'b', 'c' = 'd')", "Set")]
    #[case("ALTER TABLE t RESET ('a')", "Reset([\"a\"])")]
    #[case("ALTER TABLE t ADD (a INT, b BIGINT METADATA VIRTUAL)", "Add")]
    #[case("ALTER TABLE t ADD a INT FIRST", "Add")]
    #[case("ALTER TABLE t ADD WATERMARK FOR a AS a", "Add")]
    #[case("ALTER TABLE t ADD CONSTRAINT c PRIMARY KEY (a) NOT ENFORCED", "Add")]
    #[case("ALTER TABLE t MODIFY WATERMARK FOR `a` AS `a` - INTERVAL '5' SECOND", "Modify")]
    #[case("ALTER TABLE t MODIFY DISTRIBUTION BY HASH(a) INTO 2 BUCKETS", "Modify")]
    #[case("ALTER TABLE t DROP WATERMARK", "DropWatermark")]
    #[case("ALTER TABLE t DROP PRIMARY KEY", "DropPrimaryKey")]
    #[case("ALTER TABLE t DROP (a, `b`)", "DropColumns([\"a\", \"b\"])")]
    #[case("ALTER TABLE t RENAME TO u", "Other")]
    #[case("ALTER TABLE t ADD PARTITION (a = 1)", "Other")]
    fn actions(#[case] sql: &str, #[case] expected: &str) {
        let found = alter(&text(sql)).unwrap();
        assert_eq!(found.name.to_string(), "t");
        let shown = format!("{:?}", found.action);
        assert!(shown.starts_with(expected), "{shown}");
    }

    proptest! {
        #[test]
        fn reading_never_panics(
            sql in "(CREATE TABLE |ALTER TABLE t |ADD |DROP |SET |DISTRIBUTED BY |INTO |WITH |PRIMARY KEY|AFTER |METADATA |AS |[a-z(),.'`=;<>$ -]){0,30}",
        ) {
            parts(&text(&sql));
            alter(&text(&sql));
        }
    }
}
