//! Commands: what Postgres will run of a statement, those in the bodies of routines included.

use crate::base::text::{Span, Text};
use crate::sql::edit::{Edit, splice};
use crate::sql::postgres;
use crate::sql::token::{Kind, Language, Token, significant};

/// One command as tokens. Its spans are those of the text that it was read from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Command<'a>(pub(super) &'a [Token<'a>]);

impl<'a> Command<'a> {
    /// The `n`th token is this keyword.
    pub(super) fn is(&self, n: usize, keyword: &str) -> bool {
        self.0.get(n).is_some_and(|token| token.is(keyword))
    }

    /// The `n`th token is one of these keywords.
    pub(super) fn is_any(&self, n: usize, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.is(n, keyword))
    }

    /// It begins with these keywords.
    pub(super) fn begins(&self, keywords: &[&str]) -> bool {
        keywords.iter().enumerate().all(|(n, keyword)| self.is(n, keyword))
    }

    /// Its tokens from the `n`th on.
    pub(super) fn from(&self, n: usize) -> Command<'a> {
        Command(self.0.get(n..).unwrap_or_default())
    }

    /// The place of the first keyword outside of parentheses.
    pub(super) fn outside(&self, keyword: &str) -> Option<usize> {
        self.depths().find(|(_, depth, token)| *depth == 0 && token.is(keyword)).map(|(n, ..)| n)
    }

    /// Its tokens with their place and how many parentheses are open before each.
    pub(super) fn depths(&self) -> impl Iterator<Item = (usize, usize, &'a Token<'a>)> + use<'a> {
        let mut open = 0_usize;
        self.0.iter().enumerate().map(move |(n, token)| {
            if token.is_symbol(")") {
                open = open.saturating_sub(1);
            }
            let depth = open;
            if token.is_symbol("(") {
                open += 1;
            }
            (n, depth, token)
        })
    }

    /// The name at the `n`th token as Postgres keeps it; for `a.b` it is `b`, with where it ends.
    pub(super) fn name(&self, n: usize) -> Option<(String, usize)> {
        let name = folded(self.0.get(n)?)?;
        match self.0.get(n + 1) {
            Some(dot) if dot.is_symbol(".") => self.name(n + 2).or(Some((name, n + 1))),
            _ => Some((name, n + 1)),
        }
    }

    /// One of its first tokens is a string that begins so.
    pub(super) fn has_text(&self, start: &str, upto: usize) -> bool {
        let mut texts = self.0.iter().take(upto).filter_map(Token::string);
        texts.any(|text| text.starts_with(start))
    }

    /// From the first to the last token of a part of it.
    pub(super) fn span(&self, from: usize, to: usize) -> Span {
        let part = self.0.get(from..to).unwrap_or_default();
        let start = part.first().map_or(0, |token| token.span.start);
        Span::new(start, part.last().map_or(start, |token| token.span.end))
    }

    /// The place behind `CREATE`, `ALTER` or `DROP` and the words that may follow it.
    pub(super) fn object(&self) -> Option<usize> {
        const MODIFIERS: [&str; 13] = [
            "OR",
            "REPLACE",
            "TEMP",
            "TEMPORARY",
            "UNLOGGED",
            "GLOBAL",
            "LOCAL",
            "UNIQUE",
            "RECURSIVE",
            "TRUSTED",
            "PROCEDURAL",
            "CONSTRAINT",
            "MATERIALIZED",
        ];
        self.is_any(0, &["CREATE", "ALTER", "DROP"]).then(|| {
            let skipped = (1..).take_while(|n| self.is_any(*n, &MODIFIERS));
            1 + skipped.count()
        })
    }
}

/// A name as Postgres keeps it: folded to lower case unless it is quoted.
pub(super) fn folded(token: &Token<'_>) -> Option<String> {
    let name = token.name()?;
    Some(if token.kind == Kind::Word { name.to_lowercase() } else { name })
}

/// Shows each command of a statement, with the text that its spans are of: the statement itself,
/// and whatever stands in the bodies of routines and in what those execute.
///
/// A text that is built while it runs cannot be seen here; the rights of the database role stand
/// behind that.
pub(super) fn each(statement: &Text, look: &mut dyn FnMut(&Text, Command<'_>)) {
    match postgres::copy(statement) {
        Some((copy, _)) => top(&copy, look),
        None => top(statement, look),
    }
}

fn top(text: &Text, look: &mut dyn FnMut(&Text, Command<'_>)) {
    let tokens = significant(Language::Postgres, &text.value);
    let is_routine = is_routine(Command(&tokens));
    let ends = |token: &Token<'_>| token.is_symbol(";") || (is_routine && token.is("ATOMIC"));
    for command in tokens.split(ends).filter(|command| !command.is_empty()) {
        look(text, Command(command));
    }
    bodies(text, Command(&tokens), look);
}

/// The strings that hold code: of `DO`, of a routine, of a dynamic statement.
fn bodies(text: &Text, command: Command<'_>, look: &mut dyn FnMut(&Text, Command<'_>)) {
    let code =
        if is_routine(command) { command.outside("AS") } else { command.is(0, "DO").then_some(0) };
    let Some(code) = code else { return };
    for token in command.from(code).0.iter().filter(|token| token.kind == Kind::Text) {
        body(&unquoted(text, token), look);
    }
}

fn is_routine(command: Command<'_>) -> bool {
    command.is(0, "CREATE")
        && command.object().is_some_and(|n| command.is_any(n, &["FUNCTION", "PROCEDURE"]))
}

fn body(text: &Text, look: &mut dyn FnMut(&Text, Command<'_>)) {
    let tokens = significant(Language::Postgres, &text.value);
    let starts = ["BEGIN", "THEN", "ELSE", "LOOP", "ATOMIC"];
    let ends =
        |token: &Token<'_>| token.is_symbol(";") || starts.iter().any(|keyword| token.is(keyword));
    for command in tokens.split(ends).filter(|command| !command.is_empty()) {
        look(text, Command(command));
        bodies(text, Command(command), look);
        let dynamic = command.iter().position(|token| token.is("EXECUTE"));
        let executed = dynamic.and_then(|n| command.get(n..)).unwrap_or_default();
        for token in executed.iter().filter(|token| token.kind == Kind::Text) {
            top(&unquoted(text, token), look);
        }
    }
}

/// What a string holds, with its places.
fn unquoted(text: &Text, token: &Token<'_>) -> Text {
    let Span { start, end } = token.span;
    if token.text.starts_with('$') {
        let tag = token.text.get(1..).and_then(|rest| rest.find('$')).map_or(0, |n| n + 2);
        return text.slice(Span::new(start + tag, end.saturating_sub(tag).max(start + tag)));
    }
    let open = token.text.find('\'').map_or(0, |n| n + 1);
    let inner = text.slice(Span::new(start + open, end.saturating_sub(1).max(start + open)));
    let doubled = inner.value.match_indices("''").map(|(n, _)| Edit::new(Span::new(n, n + 1), ""));
    let edits: Vec<Edit> = doubled.collect();
    splice(&inner, &edits)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn commands(sql: &str) -> Vec<String> {
        let mut found = Vec::new();
        each(&Text::whole("a.sql".into(), sql.to_owned()), &mut |_, command| {
            let words: Vec<_> = command.0.iter().map(|token| token.text).collect();
            found.push(words.join(" "));
        });
        found
    }

    #[rstest]
    #[case("INSERT INTO t VALUES ('LOAD ''x''')", &["INSERT INTO t VALUES ( 'LOAD ''x''' )"])]
    #[case("COPY t FROM STDIN;\nLOAD 'x'; LOAD 'y'\n\\.", &["COPY t FROM STDIN"])]
    #[case("DO $$ BEGIN IF true THEN LOAD 'x'; END IF; END $$",
        &["DO $$ BEGIN IF true THEN LOAD 'x'; END IF; END $$", "IF true", "LOAD 'x'", "END IF", "END"])]
    #[case("DO 'BEGIN LOAD ''x''; END'", &["DO 'BEGIN LOAD ''x''; END'", "LOAD 'x'", "END"])]
    #[case("CREATE FUNCTION f(a text = 'LOAD') RETURNS int LANGUAGE plpgsql AS $f$ EXECUTE format('LOAD %L', a) $f$",
        &["CREATE FUNCTION f ( a text = 'LOAD' ) RETURNS int LANGUAGE plpgsql AS $f$ EXECUTE format('LOAD %L', a) $f$",
          "EXECUTE format ( 'LOAD %L' , a )", "LOAD % L"])]
    #[case("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END",
        &["CREATE FUNCTION f ( ) RETURNS int BEGIN", "SELECT 1", "END"])]
    fn every_command_is_shown(#[case] sql: &str, #[case] expected: &[&str]) {
        assert_eq!(commands(sql), expected);
    }

    #[test]
    fn a_command_in_a_body_knows_its_place() {
        let text =
            Text::whole("a.sql".into(), "DO\n'BEGIN\n PERFORM ''a''; LOAD ''x''; END'".into());
        let mut places = Vec::new();
        each(&text, &mut |text, command| {
            if command.is(0, "LOAD") {
                places.push(text.place(command.span(0, 1).start).to_string());
            }
        });
        assert_eq!(places, ["a.sql:3:17"]);
    }
}
