//! Texts into statements: as psql splits them, and as Flink's client does.

use super::psql::{self, Command};
use super::token::{Kind, Language, Token, tokens};
use super::{SqlError, SqlErrorKind, slices, unparted};
use crate::base::text::{Span, Text};

/// The statements of a Postgres text, without the `;` that parts them; empty ones are dropped.
///
/// As psql does it: `;` parts outside quotes, dollar quotes, comments, parentheses and the body of
/// a `BEGIN ATOMIC` function. A `COPY … FROM STDIN` keeps its data lines up to and with `\.`.
pub fn postgres(text: &Text) -> Result<Vec<Text>, SqlError> {
    let script = script(text)?;
    match script.commands.first() {
        Some(command) => Err(psql::refused(command.span)),
        None => Ok(slices(text, &script.statements)),
    }
}

/// A script for psql: statements, and commands of psql's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Script {
    /// Where the statements stand, without the `;` that parts them.
    pub(super) statements: Vec<Span>,
    /// Psql's own commands.
    pub(super) commands: Vec<Command>,
}

/// Splits a script for psql, as [`postgres`] does with SQL alone.
pub(super) fn script(text: &Text) -> Result<Script, SqlError> {
    let mut script = Script::default();
    let mut start = 0;
    // After COPY data and after a line of psql's the tokens start anew: those lines are no SQL.
    while let Some(rest) = text.value.get(start..).filter(|rest| !rest.is_empty()) {
        let run = run(rest).map_err(|error| shifted(error, start))?;
        script.statements.extend(run.statements.iter().map(|span| at(*span, start)));
        script.commands.extend(run.command.map(|one| Command { span: at(one.span, start), ..one }));
        match run.next {
            Some(next) => start += next,
            None => break,
        }
    }
    Ok(script)
}

/// The statements of a Flink text; `EXECUTE STATEMENT SET BEGIN … END` stays one. Where a `;` is left
/// out, a line that can only begin a statement does.
pub fn flink(text: &Text) -> Result<Vec<Text>, SqlError> {
    let mut spans = Vec::new();
    let mut statement: Vec<Token<'_>> = Vec::new();
    let mut in_set = false;
    let all = tokens(Language::Flink, &text.value);
    for (n, token) in all.iter().copied().enumerate() {
        // A statement may end with a hint.
        if !(token.is_significant() || token.is_hint() && !statement.is_empty()) {
            continue;
        }
        refuse_open(&token)?;
        let mut later = all.iter().skip(n + 1).filter(|token| token.is_significant());
        if !in_set && unparted::begins(&text.value, &statement, (&token, later.next())) {
            finish(&mut statement, &mut spans);
        }
        if in_set {
            let starts = statement.last().is_some_and(|last| last.is_symbol(";"));
            in_set = !(starts && token.is("END"));
            statement.push(token);
        } else if token.is_symbol(";") && opens_a_clients_set(&statement) {
            statement.push(token);
            in_set = true;
        } else if token.is_symbol(";") {
            finish(&mut statement, &mut spans);
        } else {
            statement.push(token);
            in_set = begins(&statement, &["EXECUTE", "STATEMENT", "SET", "BEGIN"]);
        }
    }
    if in_set {
        let first = statement.first().map_or(Span::default(), |token| token.span);
        return Err(SqlError::new(SqlErrorKind::Open, "the statement set has no END", first)
            .help("close it with `END;` after the `;` of its last INSERT"));
    }
    finish(&mut statement, &mut spans);
    Ok(slices(text, &spans))
}

/// How far one run of tokens went.
#[derive(Default)]
struct Run {
    statements: Vec<Span>,
    /// The command of psql's that ended it.
    command: Option<Command>,
    /// The byte behind that command, or behind the data of a `COPY`; `None`: the text is at its end.
    next: Option<usize>,
}

fn run(sql: &str) -> Result<Run, SqlError> {
    let mut spans = Vec::new();
    let mut statement: Vec<Token<'_>> = Vec::new();
    let mut depth = Depth::default();
    for token in tokens(Language::Postgres, sql) {
        if !token.is_significant() {
            continue;
        }
        refuse_open(&token)?;
        if token.is_symbol("\\") {
            let command = psql::command(sql, token.span.start, &statement)?;
            if !command.is_query {
                finish(&mut statement, &mut spans);
            }
            let next = Some(command.span.end);
            return Ok(Run { statements: spans, command: Some(command), next });
        }
        if token.is_symbol(";") && depth.is_top() {
            if is_copy_from_stdin(&statement) {
                let first = statement.first().map_or(token.span, |first| first.span);
                let end = copy_end(sql, token.span.end, first)?;
                spans.push(Span::new(first.start, end));
                return Ok(Run { statements: spans, next: Some(end), ..Run::default() });
            }
            finish(&mut statement, &mut spans);
            depth = Depth::default();
            continue;
        }
        depth.see(&statement, &token);
        statement.push(token);
    }
    if is_copy_from_stdin(&statement) {
        let first = statement.first().map_or(Span::default(), |first| first.span);
        return Err(copy_error(first, "has no data lines"));
    }
    finish(&mut statement, &mut spans);
    Ok(Run { statements: spans, ..Run::default() })
}

/// How deep in parentheses and in a `BEGIN ATOMIC` body a token stands.
#[derive(Default)]
struct Depth {
    parentheses: usize,
    blocks: usize,
}

impl Depth {
    fn is_top(&self) -> bool {
        self.parentheses == 0 && self.blocks == 0
    }

    fn see(&mut self, before: &[Token<'_>], token: &Token<'_>) {
        if token.is_symbol("(") {
            self.parentheses += 1;
        } else if token.is_symbol(")") {
            self.parentheses = self.parentheses.saturating_sub(1);
        } else if self.parentheses == 0 && creates_routine(before) {
            if token.is("BEGIN") || (self.blocks > 0 && token.is("CASE")) {
                self.blocks += 1;
            } else if token.is("END") {
                self.blocks = self.blocks.saturating_sub(1);
            }
        }
    }
}

fn creates_routine(statement: &[Token<'_>]) -> bool {
    let mut words = statement.iter();
    words.next().is_some_and(|token| token.is("CREATE"))
        && words.take(3).any(|token| token.is("FUNCTION") || token.is("PROCEDURE"))
}

fn is_copy_from_stdin(statement: &[Token<'_>]) -> bool {
    statement.first().is_some_and(|token| token.is("COPY"))
        && statement.iter().any(|token| token.is("STDIN"))
}

/// The byte after the line `\.` that ends the data of a `COPY` whose `;` ends at `after`.
fn copy_end(sql: &str, after: usize, copy: Span) -> Result<usize, SqlError> {
    let rest = sql.get(after..).unwrap_or("");
    let (tail, data) =
        rest.split_once('\n').ok_or_else(|| copy_error(copy, "has no data lines"))?;
    if !tail.trim().is_empty() {
        let span = Span::new(after, after + tail.len());
        return Err(copy_error(span, "must end its line; its data begin on the next one"));
    }
    let mut at = after + tail.len() + 1;
    for line in data.split_inclusive('\n') {
        if line.trim_end_matches(['\r', '\n']) == "\\." {
            return Ok(at + 2);
        }
        at += line.len();
    }
    Err(copy_error(copy, "has no line `\\.` after its data"))
}

fn copy_error(span: Span, what: &str) -> SqlError {
    SqlError::new(SqlErrorKind::CopyData, format!("COPY … FROM STDIN {what}"), span)
        .help("write the data lines after the `;`, each on its own line, then a line `\\.`")
}

fn refuse_open(token: &Token<'_>) -> Result<(), SqlError> {
    if token.kind != Kind::Open {
        return Ok(());
    }
    let what = match token.text.chars().next() {
        Some('\'') => "this string is never closed (a `'` inside is written `''`)",
        Some('"' | '`') => "this quoted name is never closed",
        Some('$') => "this dollar quote is never closed",
        Some('/') => "this comment is never closed",
        Some(_) | None => "this quote is never closed",
    };
    // The caret belongs to the opening quote: the rest of the text is not what is wrong.
    let span = Span::new(token.span.start, token.span.start + 1);
    Err(SqlError::new(SqlErrorKind::Open, what, span))
}

/// Whether the tokens so far are exactly these words.
fn begins(statement: &[Token<'_>], words: &[&str]) -> bool {
    statement.len() == words.len()
        && itertools::zip_eq(statement, words).all(|(token, word)| token.is(word))
}

/// Whether a `;` behind these tokens is part of the opening of a statement set.
fn opens_a_clients_set(statement: &[Token<'_>]) -> bool {
    begins(statement, &["BEGIN", "STATEMENT", "SET"])
}

fn finish(statement: &mut Vec<Token<'_>>, spans: &mut Vec<Span>) {
    if let (Some(first), Some(last)) = (statement.first(), statement.last()) {
        spans.push(Span::new(first.span.start, last.span.end));
    }
    statement.clear();
}

fn at(span: Span, start: usize) -> Span {
    Span::new(span.start + start, span.end + start)
}

fn shifted(mut error: SqlError, start: usize) -> SqlError {
    error.span = at(error.span, start);
    error
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::sql::token::significant;

    fn pieces(split: Result<Vec<Text>, SqlError>) -> Vec<String> {
        split.expect("the text splits").into_iter().map(|piece| piece.value).collect()
    }

    fn whole(sql: &str) -> Text {
        Text::whole("a.sql".into(), sql.to_owned())
    }

    #[rstest]
    #[case("BEGIN; UPDATE a SET b = ';' ; COMMIT", &["BEGIN", "UPDATE a SET b = ';'", "COMMIT"])]
    #[case(";; -- only a comment ;\n", &[])]
    #[case("CREATE RULE r AS ON INSERT TO a DO (SELECT 1; SELECT 2); SELECT 3",
        &["CREATE RULE r AS ON INSERT TO a DO (SELECT 1; SELECT 2)", "SELECT 3"])]
    #[case("CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $f$ BEGIN RETURN 1; END $f$; SELECT 1",
        &["CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $f$ BEGIN RETURN 1; END $f$", "SELECT 1"])]
    #[case("CREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; SELECT 3",
        &["CREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END", "SELECT 3"])]
    #[case("SELECT 1 /* a /* ; */ ; */; SELECT '\\'; SELECT E'\\';'",
        &["SELECT 1", "SELECT '\\'", "SELECT E'\\';'"])]
    #[case("COPY a FROM STDIN;\n1\tit's; \\N\n\\.\nSELECT 1",
        &["COPY a FROM STDIN;\n1\tit's; \\N\n\\.", "SELECT 1"])]
    fn postgres_splits_as_psql_does(#[case] sql: &str, #[case] expected: &[&str]) {
        assert_eq!(pieces(postgres(&whole(sql))), expected);
    }

    #[rstest]
    #[case("SELECT 'a; SELECT 1", SqlErrorKind::Open, "a.sql:1:8")]
    #[case("SELECT 1;\nSELECT $x$ a", SqlErrorKind::Open, "a.sql:2:8")]
    #[case("SELECT 1;\n\\i other.sql\n", SqlErrorKind::PsqlCommand, "a.sql:2:1")]
    #[case("SELECT 1; COPY a FROM STDIN", SqlErrorKind::CopyData, "a.sql:1:11")]
    #[case("COPY a FROM STDIN;\n1\n", SqlErrorKind::CopyData, "a.sql:1:1")]
    #[case("COPY a FROM STDIN; SELECT 1\n1\n\\.", SqlErrorKind::CopyData, "a.sql:1:19")]
    #[case("COPY a FROM STDIN;\n1\n\\.\nSELECT 'a", SqlErrorKind::Open, "a.sql:4:8")]
    fn postgres_errors_have_a_place(
        #[case] sql: &str,
        #[case] kind: SqlErrorKind,
        #[case] place: &str,
    ) {
        let text = whole(sql);
        let error = postgres(&text).expect_err("the text is wrong");
        assert_eq!(
            (error.kind, text.place(error.span.start).to_string()),
            (kind, place.to_owned())
        );
    }

    #[rstest]
    #[case("CREATE TABLE a (b INT); INSERT INTO a SELECT 1;",
        &["CREATE TABLE a (b INT)", "INSERT INTO a SELECT 1"])]
    #[case("EXECUTE STATEMENT SET\nBEGIN\n INSERT INTO a SELECT CASE b WHEN 1 THEN 2 END FROM c; -- end\n INSERT INTO d SELECT ';';\nEND;\nSET 'x' = 'y'",
        &["EXECUTE STATEMENT SET\nBEGIN\n INSERT INTO a SELECT CASE b WHEN 1 THEN 2 END FROM c; -- end\n INSERT INTO d SELECT ';';\nEND",
          "SET 'x' = 'y'"])]
    #[case("CREATE TABLE a (b INT) WITH ('c' = 'd')\n\nINSERT INTO a\nSELECT 1\nset 'x' = 'y'\nRESET\nCREATE VIEW v AS SELECT 1",
        &["CREATE TABLE a (b INT) WITH ('c' = 'd')", "INSERT INTO a\nSELECT 1", "set 'x' = 'y'", "RESET",
          "CREATE VIEW v AS SELECT 1"])]
    #[case("ALTER TABLE a\nSET ('x' = 'y')\nALTER TABLE a\nDROP (c)\nEXECUTE STATEMENT SET BEGIN\nINSERT INTO a SELECT 1;\nINSERT INTO b SELECT 2;\nEND",
        &["ALTER TABLE a\nSET ('x' = 'y')", "ALTER TABLE a\nDROP (c)",
          "EXECUTE STATEMENT SET BEGIN\nINSERT INTO a SELECT 1;\nINSERT INTO b SELECT 2;\nEND"])]
    #[case("EXPLAIN PLAN FOR\nINSERT INTO a SELECT 1", &["EXPLAIN PLAN FOR\nINSERT INTO a SELECT 1"])]
    #[case("begin statement set;\nINSERT INTO a SELECT 1;\nend; SELECT 2",
        &["begin statement set;\nINSERT INTO a SELECT 1;\nend", "SELECT 2"])]
    #[case("SELECT 1 FROM t /*+ OPTIONS('a'='b') */; /*+ x */ SELECT 2", &[
        "SELECT 1 FROM t /*+ OPTIONS('a'='b') */", "SELECT 2"
    ])]
    fn flink_keeps_a_statement_set_whole(#[case] sql: &str, #[case] expected: &[&str]) {
        assert_eq!(pieces(flink(&whole(sql))), expected);
    }

    #[rstest]
    #[case("BEGIN STATEMENT SET; INSERT INTO a SELECT 1;", SqlErrorKind::Open)]
    #[case("EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1;", SqlErrorKind::Open)]
    #[case("SELECT `a", SqlErrorKind::Open)]
    fn flink_refuses(#[case] sql: &str, #[case] kind: SqlErrorKind) {
        assert_eq!(flink(&whole(sql)).expect_err("the text is wrong").kind, kind);
    }

    proptest! {
        /// The pieces stand in the text in order, and nothing is lost between them.
        #[test]
        fn pieces_and_separators_are_the_text(
            sql in "(SELECT|BEGIN|END;|CASE|COPY a FROM STDIN;\n|\\\\\\.\n|CREATE FUNCTION|EXECUTE STATEMENT SET BEGIN|[a-z ;'\"`$\n/*é()-]){0,24}",
            is_flink: bool,
        ) {
            let text = whole(&sql);
            let split = if is_flink { flink(&text) } else { postgres(&text) };
            let Ok(split) = split else { return Ok(()) };
            let language = if is_flink { Language::Flink } else { Language::Postgres };
            let mut end = 0;
            for piece in &split {
                let start = piece.anchors[0].offset;
                prop_assert!(significant(language, &sql[end..start]).iter().all(|t| t.is_symbol(";")));
                prop_assert_eq!(&sql[start..start + piece.value.len()], piece.value.as_str());
                prop_assert!(!piece.value.trim().is_empty());
                end = start + piece.value.len();
            }
            prop_assert!(significant(language, &sql[end..]).iter().all(|t| t.is_symbol(";")));
        }
    }
}
