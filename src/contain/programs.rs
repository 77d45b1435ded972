//! Statements that bring programs, plans or files into a run, by their first words; and what can be
//! written instead of a connector that reaches outside.

use super::session::PROGRAMS;
use crate::sql::token::Token;

/// Statements by their first words: what is wrong with them, and what to do.
const REFUSED: &[(&[&str], &str, &str)] = &[
    (&["ADD", "JAR"], "ADD JAR brings programs into the run", PROGRAMS),
    (&["LOAD", "MODULE"], "LOAD MODULE brings programs into the run", PROGRAMS),
    (&["EXECUTE", "PLAN"], "EXECUTE PLAN reads a file outside of the run", WRITE_INSERT),
    (&["COMPILE"], "COMPILE PLAN writes a file outside of the run", WRITE_INSERT),
    (&["CALL"], "CALL runs a procedure, and what that reaches nobody knows", "leave it out"),
    (&["STOP", "JOB"], "STOP JOB ends jobs of the stack, those of other runs too", STOP),
    (&["CREATE", "MATERIALIZED"], "a materialized table is refreshed by jobs of its own", TABLE),
    (&["ALTER", "MATERIALIZED"], "a materialized table is refreshed by jobs of its own", TABLE),
    (&["CREATE", "CONNECTION"], "a connection names a service outside of the run", "leave it out"),
];
const WRITE_INSERT: &str = "write the INSERT itself";
const STOP: &str = "leave it out: `stop: statements` in the timeline ends those of the run";
const TABLE: &str = "write CREATE TABLE and an INSERT";

/// What is wrong with a statement that begins like this, and what to do.
pub(super) fn refused(tokens: &[Token<'_>]) -> Option<(String, String)> {
    let begins = |words: &[&str]| {
        let mut words = words.iter().enumerate();
        words.all(|(n, word)| tokens.get(n).is_some_and(|token| token.is(word)))
    };
    if begins(&["LOAD", "MODULE", "CORE"]) {
        return None;
    }
    let known = REFUSED.iter().find(|(words, ..)| begins(words));
    if let Some((_, what, help)) = known {
        return Some(((*what).to_owned(), (*help).to_owned()));
    }
    let makes = ["CREATE", "ALTER"].iter().any(|word| begins(&[word]));
    if makes && tokens.iter().take(6).any(|token| token.is("FUNCTION")) {
        let message = "a function of one's own is a program that is not on the stack";
        return Some((message.to_owned(), PROGRAMS.to_owned()));
    }
    let (first, second) = (tokens.first()?, tokens.get(1));
    if first.is("SET") && second.is_some() {
        let message = "this option cannot be read";
        return Some((message.to_owned(), "write SET 'key' = 'value'".to_owned()));
    }
    if first.is("RESET") && second.is_none() {
        let message = "RESET takes options of the run out of the session";
        return Some((message.to_owned(), "name an option of your own: RESET 'key'".to_owned()));
    }
    if first.is("RESET") {
        let message = "this option cannot be read";
        return Some((message.to_owned(), "write RESET 'key'".to_owned()));
    }
    None
}

/// Statements in which a text is data, so that it may look like a place.
const DATA: &[&str] = &[
    "(", "DELETE", "DESC", "DESCRIBE", "EXPLAIN", "INSERT", "SELECT", "SHOW", "TABLE", "UPDATE",
    "VALUES", "WITH",
];

/// Whether the texts of a statement are data.
pub(super) fn holds_data(tokens: &[Token<'_>]) -> bool {
    let Some(first) = tokens.first() else { return true };
    DATA.iter().any(|word| first.is(word) || first.is_symbol(word))
}

/// What to write instead of a connector that reaches outside of a run.
pub(super) fn instead(connector: &str) -> &'static str {
    match connector {
        "hudi" | "paimon" | "delta" | "fluss" => {
            "what the run keeps inside are `kafka`, `upsert-kafka`, `filesystem` and `iceberg`: under \
             `settings: statements`, write this CREATE TABLE with 'connector' = 'iceberg'"
        }
        _ => {
            "what the run keeps inside are `kafka`, `upsert-kafka`, `filesystem` and `iceberg`: under \
             `settings: statements`, write this CREATE TABLE with 'connector' = 'upsert-kafka' and \
             its key, which is told the same changes"
        }
    }
}
