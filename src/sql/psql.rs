//! Scripts for psql: its own commands (`\connect`, `\set`, `\restrict`, …) stand beside the SQL, and
//! Postgres never sees them.

use super::edit::{Edit, splice};
use super::split::script;
use super::token::Token;
use super::{SqlError, SqlErrorKind};
use crate::base::text::{Span, Text};

/// A command of psql's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    /// Where it stands, up to the end of its line.
    pub(super) span: Span,
    /// The statement before it belongs to it: psql runs what that gives.
    pub(super) is_query: bool,
    /// It sends the statement before it, as a `;` would.
    pub(super) sends: bool,
    /// Why it is left out.
    pub(super) why: &'static str,
}

/// A script without what is psql's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stripped {
    /// Its SQL.
    pub sql: Text,
    /// What was left out, with the reason: one clause.
    pub left_out: Vec<(Text, &'static str)>,
}

/// A script without psql's own commands.
pub fn stripped(text: &Text) -> Result<Stripped, SqlError> {
    let commands = script(text)?.commands;
    let end = |command: &Command| if command.sends { ";" } else { "" };
    let edits: Vec<Edit> =
        commands.iter().map(|command| Edit::new(command.span, end(command))).collect();
    let sql = if edits.is_empty() { text.clone() } else { splice(text, &edits) };
    let left_out = commands.iter().map(|command| (text.slice(command.span), command.why));
    Ok(Stripped { sql, left_out: left_out.collect() })
}

/// What psql does for itself, and what becomes of it; a `*` at the end stands for any rest.
const REASONS: &[(&str, &str)] = &[
    ("c", "the run has one database, whatever it is called"),
    ("connect", "the run has one database, whatever it is called"),
    ("copy", "rows of a file on psql's side are not loaded: write them in `setup`"),
    ("i", "another file is not read by this: name it under `source`"),
    ("ir", "another file is not read by this: name it under `source`"),
    ("include", "another file is not read by this: name it under `source`"),
    ("include_relative", "another file is not read by this: name it under `source`"),
    ("gexec", "what the query would give to be run is not known before"),
    ("set", "it sets a variable of psql, and Postgres has none"),
    ("!", "no program of the machine is run"),
];

/// The command of psql's whose `\` stands at `at`, behind the tokens of an open statement.
pub(super) fn command(sql: &str, at: usize, statement: &[Token<'_>]) -> Result<Command, SqlError> {
    let line = sql.get(at..).unwrap_or_default();
    let line = line.split('\n').next().unwrap_or_default().trim_end();
    let words = line.trim_start_matches('\\');
    let name = words.split(|c: char| c.is_whitespace() || "\\;".contains(c)).next();
    let name = name.filter(|name| !name.is_empty()).unwrap_or(words);
    let span = Span::new(at, at + line.len());
    let error = |message: &str, help: &str| {
        Err(SqlError::new(SqlErrorKind::PsqlCommand, message, span).help(help))
    };
    match name {
        "if" | "elif" | "else" | "endif" => error(
            "which statements run is decided by psql here, which is not there",
            "write a script with the statements that are to run, and without `\\if`",
        ),
        "copy" if has_data(words) => error(
            "`\\copy` reads these lines on psql's side",
            "write `COPY … FROM STDIN;` without the `\\`: the lines below it stay as they are",
        ),
        _ if statement.is_empty() => Ok(found(span, name, false)),
        "gexec" => {
            let start = statement.first().map_or(at, |first| first.span.start);
            let span = Span::new(start, span.end);
            Ok(Command { is_query: true, ..found(span, name, false) })
        }
        "g" | "gx" | "gset" | "gdesc" | "crosstabview" => Ok(found(span, name, true)),
        _ => error(
            "a command of psql's stands inside a statement",
            "end the statement with `;` before it",
        ),
    }
}

fn found(span: Span, name: &str, sends: bool) -> Command {
    let reason = REASONS.iter().find(|(known, _)| *known == name);
    let why = reason.map_or("it is a command of psql's own, which is not there", |(_, why)| why);
    Command { span, is_query: false, sends, why }
}

/// The database that a line connects to, if it is a `\connect` that names one.
pub fn connected(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    words.next().filter(|word| matches!(*word, "\\c" | "\\connect"))?;
    let name = words.find(|word| !word.starts_with("-reuse-previous"))?;
    let name = name.trim_matches(['"', '\'']);
    let name = name.strip_prefix("dbname=").unwrap_or(name).trim_matches(['"', '\'']);
    // A lone `-` is the database there is.
    (!name.is_empty() && name != "-" && !name.contains(':')).then_some(name)
}

/// `\copy t FROM stdin`.
fn has_data(line: &str) -> bool {
    let mut words = line.split_whitespace().map(str::to_ascii_lowercase);
    let from = words.by_ref().any(|word| word == "from");
    from && words.next().is_some_and(|word| matches!(word.trim_matches(';'), "stdin" | "pstdin"))
}

/// A command of psql's where only SQL is expected.
pub(super) fn refused(span: Span) -> SqlError {
    let message = "a `\\` command belongs to psql, not to Postgres";
    let help = "write SQL only; rows are loaded with COPY … FROM STDIN and data lines up to `\\.`";
    SqlError::new(SqlErrorKind::PsqlCommand, message, span).help(help)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::sql::split;

    fn strip(sql: &str) -> Stripped {
        stripped(&Text::whole("a.sql".into(), sql.to_owned())).expect("it is a script")
    }

    fn statements(sql: &Text) -> Vec<String> {
        split::postgres(sql).expect("it splits").into_iter().map(|one| one.value).collect()
    }

    #[rstest]
    #[case("\\restrict aB'c\nSELECT 1;\n\\unrestrict aB'c\n", &["SELECT 1"], &["\\restrict aB'c", "\\unrestrict aB'c"])]
    #[case("\\c shop\r\nSELECT 1;\r\n\\dt\r\n", &["SELECT 1"], &["\\c shop", "\\dt"])]
    #[case("\\echo it isn't SQL; is it\nSELECT 'a\\b';", &["SELECT 'a\\b'"], &["\\echo it isn't SQL; is it"])]
    #[case("SELECT 1 \\g\nSELECT 2;", &["SELECT 1", "SELECT 2"], &["\\g"])]
    #[case("SELECT 'CREATE DATABASE x' \\gexec\nSELECT 2", &["SELECT 2"], &["SELECT 'CREATE DATABASE x' \\gexec"])]
    #[case("\\set x 'a'\n\\i more.sql\n\\! ls\n\\pset pager off", &[], &["\\set x 'a'", "\\i more.sql", "\\! ls", "\\pset pager off"])]
    #[case("COPY a FROM stdin;\n\\\\N\n\\.\n\\dt\nSELECT 1", &["COPY a FROM stdin;\n\\\\N\n\\.", "SELECT 1"], &["\\dt"])]
    #[case("\\copy a FROM 'a.csv' CSV\nSELECT 1", &["SELECT 1"], &["\\copy a FROM 'a.csv' CSV"])]
    #[case("CREATE FUNCTION f() RETURNS text AS $$ SELECT '\\dt'\n\\dt $$ LANGUAGE sql;", &["CREATE FUNCTION f() RETURNS text AS $$ SELECT '\\dt'\n\\dt $$ LANGUAGE sql"], &[])]
    fn what_is_psqls_is_left_out(
        #[case] sql: &str,
        #[case] kept: &[&str],
        #[case] left_out: &[&str],
    ) {
        let stripped = strip(sql);
        assert_eq!(statements(&stripped.sql), kept);
        let found: Vec<_> = stripped.left_out.iter().map(|(text, _)| text.value.as_str()).collect();
        assert_eq!(found, left_out);
    }

    #[test]
    fn a_statement_behind_a_command_knows_its_place() {
        let stripped = strip("\\connect shop\nSELECT 1; SELECT\n 2;");
        let places = split::postgres(&stripped.sql).expect("it splits");
        let places: Vec<_> = places.iter().map(|one| one.place(0).to_string()).collect();
        assert_eq!(places, ["a.sql:2:1", "a.sql:2:11"]);
        assert_eq!(stripped.left_out[0].0.place(0).to_string(), "a.sql:1:1");
        assert!(stripped.left_out[0].1.contains("one database"));
    }

    #[rstest]
    #[case("\\c shop", Some("shop"))]
    #[case("\\connect \"Shop\" app", Some("Shop"))]
    #[case("\\connect -reuse-previous=on \"dbname='shop'\"", Some("shop"))]
    #[case("\\c - app", None)]
    #[case("\\c", None)]
    #[case("\\copy shop FROM 'x'", None)]
    fn the_database_of_a_connection_is_read(#[case] line: &str, #[case] expected: Option<&str>) {
        assert_eq!(connected(line), expected);
    }

    #[rstest]
    #[case("\\if :x\nSELECT 1;\n\\endif", "decided by psql")]
    #[case("\\copy a FROM stdin\n1\n\\.", "on psql's side")]
    #[case("SELECT 1\n\\dt\n;", "inside a statement")]
    fn what_psql_would_decide_is_refused(#[case] sql: &str, #[case] says: &str) {
        let error = stripped(&Text::whole("a.sql".into(), sql.to_owned())).expect_err("refused");
        assert!(error.message.contains(says), "{error}");
        assert!(error.help.is_some());
    }

    proptest! {
        /// The SQL that is left holds no command, and every statement of it stands in the script.
        #[test]
        fn nothing_but_commands_is_lost(
            sql in "(SELECT 1|;|\\\\dt|\\\\c x|\\\\g|\\\\gexec|\n|'a'|COPY a FROM STDIN;\n|\\\\\\.\n|--x\n|\\$\\$){0,16}",
        ) {
            let text = Text::whole("a.sql".into(), sql.clone());
            let Ok(stripped) = stripped(&text) else { return Ok(()) };
            let kept = split::postgres(&stripped.sql);
            prop_assert!(kept.is_ok(), "{:?}", kept);
            for one in kept.unwrap_or_default() {
                prop_assert!(sql.contains(&one.value), "{:?}", one.value);
            }
            for (line, _) in &stripped.left_out {
                prop_assert!(line.value.contains('\\'), "{:?}", line.value);
            }
        }
    }
}
