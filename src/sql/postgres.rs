//! What the harness must know of a Postgres statement: its kind, what it creates, where `:i` stands.

use super::edit::{Edit, splice};
use super::token::{Kind as TokenKind, Language, Token, significant, tokens};
use crate::base::text::{Span, Text};

/// What a statement does to the transaction it runs in, or what must be done around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `BEGIN`, `START TRANSACTION`.
    Begin,
    /// `COMMIT`, `END`.
    Commit,
    /// `COMMIT AND CHAIN`, `ROLLBACK AND CHAIN`: ends one transaction and begins the next.
    Chain,
    /// `ROLLBACK`, `ABORT`.
    Rollback,
    /// `SAVEPOINT`, `RELEASE`.
    Savepoint,
    /// `ROLLBACK TO`.
    RollbackTo,
    /// `PREPARE TRANSACTION`: the session has no transaction any more, its locks stay.
    PrepareTransaction,
    /// `COMMIT PREPARED`, `ROLLBACK PREPARED`.
    EndPrepared,
    /// `COPY … FROM STDIN` with its data.
    Copy,
    /// A change of the schema; it runs in one transaction with its note.
    Ddl,
    /// What refuses to run in a transaction block (`VACUUM`, `CREATE INDEX CONCURRENTLY`, …).
    OutsideBlock,
    /// Everything else.
    Other,
}

/// The kind of one statement, by its first tokens.
pub fn kind(statement: &Text) -> Kind {
    let tokens = significant(Language::Postgres, &statement.value);
    let word = |n: usize| tokens.get(n).map_or("", |token: &Token<'_>| token.text);
    let is = |n: usize, expected: &str| word(n).eq_ignore_ascii_case(expected);
    let has = |expected: &str| tokens.iter().any(|token| token.is(expected));
    let chained = has("CHAIN") && !has("NO");
    match word(0).to_ascii_uppercase().as_str() {
        "BEGIN" => Kind::Begin,
        "START" if is(1, "TRANSACTION") => Kind::Begin,
        "COMMIT" | "ROLLBACK" if is(1, "PREPARED") => Kind::EndPrepared,
        "COMMIT" | "END" | "ROLLBACK" | "ABORT" if chained => Kind::Chain,
        "COMMIT" | "END" => Kind::Commit,
        "ROLLBACK" if (1..3).any(|n| is(n, "TO")) => Kind::RollbackTo,
        "ROLLBACK" | "ABORT" => Kind::Rollback,
        "SAVEPOINT" | "RELEASE" => Kind::Savepoint,
        "PREPARE" if is(1, "TRANSACTION") => Kind::PrepareTransaction,
        "COPY" if has("STDIN") => Kind::Copy,
        "VACUUM" => Kind::OutsideBlock,
        "CREATE" | "DROP" | "REINDEX" if has("CONCURRENTLY") => Kind::OutsideBlock,
        "CREATE" | "DROP" if is(1, "DATABASE") || is(1, "TABLESPACE") => Kind::OutsideBlock,
        "ALTER" if is(1, "SYSTEM") => Kind::OutsideBlock,
        "CREATE" | "ALTER" | "DROP" | "COMMENT" | "GRANT" | "REVOKE" | "REINDEX" | "CLUSTER"
        | "REFRESH" | "SECURITY" | "REASSIGN" | "IMPORT" => Kind::Ddl,
        _ => Kind::Other,
    }
}

/// A `COPY … FROM STDIN` as its statement and its data lines (without `\.`); `None` for others.
pub fn copy(statement: &Text) -> Option<(Text, Text)> {
    if kind(statement) != Kind::Copy {
        return None;
    }
    let tokens = tokens(Language::Postgres, &statement.value);
    let end = tokens.iter().find(|token| token.is_symbol(";"))?.span;
    let rest = statement.value.get(end.end..)?;
    let data = end.end + rest.find('\n')? + 1;
    let length = statement.value.get(data..)?.rfind("\\.")?;
    let data = statement.slice(Span::new(data, data + length));
    Some((statement.slice(Span::new(0, end.start)), data))
}

/// Where `:i` stands outside quotes and comments.
pub fn rounds(statement: &Text) -> Vec<Span> {
    let tokens = tokens(Language::Postgres, &statement.value);
    let pairs = tokens.windows(2).filter_map(|pair| match pair {
        [colon, word] if colon.is_symbol(":") && word.kind == TokenKind::Word => {
            (word.text == "i").then(|| Span::new(colon.span.start, word.span.end))
        }
        _ => None,
    });
    pairs.collect()
}

/// `statement` with `round` in the place of each `:i` outside quotes.
pub fn substitute(statement: &Text, round: u32) -> Text {
    let edits: Vec<Edit> =
        rounds(statement).into_iter().map(|span| Edit::new(span, round.to_string())).collect();
    if edits.is_empty() { statement.clone() } else { splice(statement, &edits) }
}

/// A table that a statement of the source DDL creates, as far as its text shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceTable {
    /// The schema, `public` where none is written.
    pub schema: String,
    /// The name.
    pub name: String,
    /// The columns in order; `None` where the text does not show them all (`LIKE`, `AS`, …).
    pub columns: Option<Vec<String>>,
    /// The columns of its primary key in key order; empty where the text shows none.
    pub primary_key: Vec<String>,
}

/// The table that a `CREATE TABLE` creates.
pub fn created_table(statement: &Text) -> Option<SourceTable> {
    let tokens = significant(Language::Postgres, &statement.value);
    let table = tokens.iter().take(4).position(|token| token.is("TABLE"))?;
    let modifiers = tokens.get(1..table)?;
    let known = ["UNLOGGED", "GLOBAL", "LOCAL"];
    if !tokens.first()?.is("CREATE") || !modifiers.iter().all(|t| known.iter().any(|k| t.is(k))) {
        return None;
    }
    let rest = skip_if_not_exists(tokens.get(table + 1..)?);
    let (schema, name, rest) = qualified(rest)?;
    let mut created = SourceTable { schema, name, columns: None, primary_key: Vec::new() };
    if rest.first().is_some_and(|token| token.is_symbol("(")) {
        read_columns(&mut created, &items(rest), rest);
    }
    Some(created)
}

/// The table that an `INSERT` or a `COPY` writes, and the columns that it names; `None` for none.
pub fn inserted(statement: &Text) -> Option<(String, String, Option<Vec<String>>)> {
    let tokens = significant(Language::Postgres, &statement.value);
    let is = |n: usize, word: &str| tokens.get(n).is_some_and(|token| token.is(word));
    let at = if is(0, "INSERT") && is(1, "INTO") { 2 } else { is(0, "COPY").then_some(1)? };
    let (schema, name, rest) = qualified(tokens.get(at..)?)?;
    let has_list = rest.first().is_some_and(|token| token.is_symbol("("));
    let named = has_list.then(|| items(rest).into_iter().filter_map(|item| folded(item.first()?)));
    Some((schema, name, named.map(Iterator::collect)))
}

/// Functions of Postgres and of its usual extensions that give another value at each run.
const VOLATILE: [&str; 12] = [
    "now",
    "random",
    "gen_random_uuid",
    "gen_random_bytes",
    "uuid_generate_v1",
    "uuid_generate_v1mc",
    "uuid_generate_v4",
    "uuidv7",
    "clock_timestamp",
    "statement_timestamp",
    "transaction_timestamp",
    "timeofday",
];
/// The words of the clock.
const CLOCK: [&str; 5] =
    ["CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP"];

/// Whether one of these tokens gives another value at each run.
pub(super) fn calls_volatile(tokens: &[Token<'_>]) -> bool {
    let is_clock = |token: &Token<'_>| CLOCK.iter().any(|word| token.is(word));
    let calls = |pair: &[Token<'_>]| match pair {
        [name, open] if open.is_symbol("(") => {
            folded(name).is_some_and(|name| VOLATILE.contains(&name.as_str()))
        }
        _ => false,
    };
    tokens.iter().any(is_clock) || tokens.windows(2).any(calls)
}

/// Whether a statement calls what gives another value at each run.
pub fn is_volatile(statement: &Text) -> bool {
    calls_volatile(&significant(Language::Postgres, &statement.value))
}

/// The table whose shape an `ALTER TABLE` (or `DROP TABLE`) changes: its text no longer says all.
pub fn altered_table(statement: &Text) -> Option<(String, String)> {
    let tokens = significant(Language::Postgres, &statement.value);
    let alters = tokens.first()?.is("ALTER") && tokens.get(1)?.is("TABLE");
    let rest = tokens.get(2..)?;
    let skipped = rest.iter().take(3).take_while(|t| t.is("IF") || t.is("EXISTS") || t.is("ONLY"));
    let (schema, name, rest) = qualified(rest.get(skipped.count()..)?)?;
    let shapes = ["ADD", "DROP", "RENAME", "SET", "INHERIT", "ATTACH"];
    let changes = rest.first().is_some_and(|token| shapes.iter().any(|shape| token.is(shape)));
    (alters && changes).then_some((schema, name))
}

/// The name that a table has from an `ALTER TABLE … RENAME TO` or `SET SCHEMA` on.
pub fn renamed_table(statement: &Text) -> Option<(String, String)> {
    let (schema, name) = altered_table(statement)?;
    let tokens = significant(Language::Postgres, &statement.value);
    tokens.windows(3).find_map(|three| match three {
        [rename, to, new] if rename.is("RENAME") && to.is("TO") => {
            Some((schema.clone(), folded(new)?))
        }
        [set, word, new] if set.is("SET") && word.is("SCHEMA") => {
            Some((folded(new)?, name.clone()))
        }
        _ => None,
    })
}

pub(super) fn skip_if_not_exists<'t, 'a>(tokens: &'t [Token<'a>]) -> &'t [Token<'a>] {
    match tokens {
        [a, b, c, rest @ ..] if a.is("IF") && b.is("NOT") && c.is("EXISTS") => rest,
        _ => tokens,
    }
}

/// A name as Postgres keeps it: folded to lower case unless it is quoted.
pub(super) fn folded(token: &Token<'_>) -> Option<String> {
    let name = token.name()?;
    Some(if token.kind == TokenKind::Word { name.to_lowercase() } else { name })
}

pub(super) fn qualified<'t, 'a>(
    tokens: &'t [Token<'a>],
) -> Option<(String, String, &'t [Token<'a>])> {
    match tokens {
        [schema, dot, name, rest @ ..] if dot.is_symbol(".") => {
            Some((folded(schema)?, folded(name)?, rest))
        }
        [name, rest @ ..] => Some(("public".to_owned(), folded(name)?, rest)),
        [] => None,
    }
}

/// The items of the list in parentheses that `tokens` begins with, without its commas.
pub(super) fn items<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<&'t [Token<'a>]> {
    let mut depth = 0_usize;
    let mut found = Vec::new();
    let mut start = 1;
    for (n, token) in tokens.iter().enumerate() {
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

fn read_columns(created: &mut SourceTable, items: &[&[Token<'_>]], all: &[Token<'_>]) {
    let mut columns = Vec::new();
    // A parent's columns are not in this text.
    let mut whole = !all.iter().any(|token| token.is("INHERITS"));
    for item in items {
        let Some(first) = item.first() else { continue };
        let constraints = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "EXCLUDE"];
        if first.is("LIKE") {
            whole = false;
        } else if constraints.iter().any(|word| first.is(word)) {
            if let Some(key) = table_key(item) {
                created.primary_key = key;
            }
        } else if let Some(column) = folded(first) {
            if item.windows(2).any(|pair| is_primary_key(pair)) {
                created.primary_key = vec![column.clone()];
            }
            columns.push(column);
        }
    }
    created.columns = whole.then_some(columns);
}

fn is_primary_key(pair: &[Token<'_>]) -> bool {
    matches!(pair, [a, b] if a.is("PRIMARY") && b.is("KEY"))
}

fn table_key(item: &[Token<'_>]) -> Option<Vec<String>> {
    let primary = item.windows(2).position(is_primary_key)?;
    let list = items(item.get(primary + 2..)?);
    Some(list.iter().filter_map(|column| folded(column.first()?)).collect())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn text(sql: &str) -> Text {
        Text::whole("a.sql".into(), sql.to_owned())
    }

    #[rstest]
    #[case("BEGIN ISOLATION LEVEL SERIALIZABLE", Kind::Begin)]
    #[case("start transaction", Kind::Begin)]
    #[case("-- why\nEND", Kind::Commit)]
    #[case("COMMIT AND CHAIN", Kind::Chain)]
    #[case("ROLLBACK AND NO CHAIN", Kind::Rollback)]
    #[case("ROLLBACK WORK TO SAVEPOINT s", Kind::RollbackTo)]
    #[case("ROLLBACK PREPARED 'x'", Kind::EndPrepared)]
    #[case("PREPARE TRANSACTION 'x'", Kind::PrepareTransaction)]
    #[case("PREPARE p AS SELECT 1", Kind::Other)]
    #[case("COPY a FROM STDIN;\n1\n\\.", Kind::Copy)]
    #[case("COPY a TO STDOUT", Kind::Other)]
    #[case("create unique index concurrently i on a (b)", Kind::OutsideBlock)]
    #[case("ALTER TABLE a ADD b int", Kind::Ddl)]
    #[case("TRUNCATE a", Kind::Other)]
    #[case("", Kind::Other)]
    fn kinds(#[case] sql: &str, #[case] expected: Kind) {
        assert_eq!(kind(&text(sql)), expected);
    }

    #[rstest]
    #[case("INSERT INTO s.a (b, c) VALUES (1, 2)", Some(("s", "a", Some(vec!["b", "c"]))))]
    #[case("insert into a values (1)", Some(("public", "a", None)))]
    #[case("COPY a (b) FROM stdin;\n\\.", Some(("public", "a", Some(vec!["b"]))))]
    #[case("UPDATE a SET b = 1", None)]
    fn the_written_table_is_read(
        #[case] sql: &str,
        #[case] expected: Option<(&str, &str, Option<Vec<&str>>)>,
    ) {
        let found = inserted(&text(sql));
        let expected = expected.map(|(schema, name, columns)| {
            let columns = columns.map(|all| all.into_iter().map(str::to_owned).collect());
            (schema.to_owned(), name.to_owned(), columns)
        });
        assert_eq!(found, expected);
    }

    #[rstest]
    #[case("INSERT INTO a VALUES (now())", true)]
    #[case("INSERT INTO a VALUES (Current_Timestamp)", true)]
    #[case("INSERT INTO a SELECT pg_catalog.random()", true)]
    #[case("INSERT INTO a (now) VALUES ('now()')", false)]
    #[case("INSERT INTO a VALUES ('2024-01-01'::timestamp)", false)]
    fn what_moves_is_told(#[case] sql: &str, #[case] expected: bool) {
        assert_eq!(is_volatile(&text(sql)), expected);
    }

    #[test]
    fn rounds_are_put_in_outside_quotes() {
        let sql = text("INSERT INTO a VALUES (:i, ':i', 1::int, 10 + :i, :ix) -- :i");
        assert_eq!(
            substitute(&sql, 7).value,
            "INSERT INTO a VALUES (7, ':i', 1::int, 10 + 7, :ix) -- :i"
        );
    }

    #[test]
    fn copy_is_parted_into_statement_and_data() {
        let (statement, data) =
            copy(&text("COPY a (b) FROM STDIN ;\n1\n2\\\\.\n\\.")).expect("copy");
        assert_eq!(
            (statement.value.trim(), &*data.value),
            ("COPY a (b) FROM STDIN", "1\n2\\\\.\n")
        );
        assert_eq!(data.place(0).to_string(), "a.sql:2:1");
        assert_eq!(copy(&text("SELECT 1")), None);
    }

    #[rstest]
    #[case("CREATE TABLE IF NOT EXISTS A (Id int PRIMARY KEY, \"B\" numeric(10, 2) DEFAULT (1 + 2))",
        "public.a", Some(vec!["id", "B"]), vec!["id"])]
    #[case("CREATE UNLOGGED TABLE s.t (a int, b text, CONSTRAINT k PRIMARY KEY (b, a), CHECK (a > 1))",
        "s.t", Some(vec!["a", "b"]), vec!["b", "a"])]
    #[case("CREATE TABLE t (LIKE other, a int)", "public.t", None, vec![])]
    #[case("CREATE TABLE t AS SELECT 1", "public.t", None, vec![])]
    #[case("CREATE TABLE t PARTITION OF u FOR VALUES IN (1)", "public.t", None, vec![])]
    fn tables_are_read(
        #[case] sql: &str,
        #[case] name: &str,
        #[case] columns: Option<Vec<&str>>,
        #[case] key: Vec<&str>,
    ) {
        let table = created_table(&text(sql)).expect("it creates a table");
        assert_eq!(format!("{}.{}", table.schema, table.name), name);
        assert_eq!(table.columns, columns.map(|c| c.iter().map(ToString::to_string).collect()));
        assert_eq!(table.primary_key, key);
    }

    #[rstest]
    #[case("CREATE TEMP TABLE t (a int)")]
    #[case("CREATE INDEX i ON t (a)")]
    #[case("DROP TABLE t")]
    #[case("CREATE")]
    fn others_create_no_source_table(#[case] sql: &str) {
        assert_eq!(created_table(&text(sql)), None);
    }

    #[rstest]
    #[case("ALTER TABLE a RENAME TO b", Some(("public", "b")))]
    #[case("ALTER TABLE IF EXISTS ONLY s.a RENAME TO \"B\"", Some(("s", "B")))]
    #[case("ALTER TABLE a SET SCHEMA t", Some(("t", "a")))]
    #[case("ALTER TABLE a RENAME COLUMN c TO b", None)]
    #[case("ALTER TABLE a RENAME c TO b", None)]
    #[case("ALTER INDEX a RENAME TO b", None)]
    fn a_renamed_table_has_its_new_name(#[case] sql: &str, #[case] expected: Option<(&str, &str)>) {
        let found = renamed_table(&text(sql));
        let found = found.as_ref().map(|(schema, name)| (schema.as_str(), name.as_str()));
        assert_eq!(found, expected);
    }

    #[test]
    fn an_altered_table_is_named() {
        let named =
            |sql: &str| altered_table(&text(sql)).map(|(schema, name)| schema + "." + &name);
        assert_eq!(named("ALTER TABLE ONLY s.t ADD COLUMN a int"), Some("s.t".to_owned()));
        assert_eq!(named("ALTER TABLE t REPLICA IDENTITY FULL"), None);
    }
}
