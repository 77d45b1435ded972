//! Edits of SQL by splicing: what is not named stays byte for byte, and every piece still knows
//! where in its file it stood.

use super::flink::{self, Statement, With};
use crate::base::text::{Anchor, Span, Text};

/// One replacement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced, in bytes of the text; empty to insert.
    pub span: Span,
    /// What stands there afterwards.
    pub with: String,
}

impl Edit {
    /// Puts `with` in the place of `span`.
    pub fn new(span: Span, with: impl Into<String>) -> Self {
        Self { span, with: with.into() }
    }
}

/// `text` with `edits` made. They must ascend and not overlap; one that does not is left out.
pub fn splice(text: &Text, edits: &[Edit]) -> Text {
    let mut value = String::new();
    let mut anchors: Vec<Anchor> = Vec::new();
    let mut keep = |span: Span, with: Option<&str>| {
        let piece = text.slice(span);
        let first = usize::from(with.is_some());
        let known = if with.is_some() { piece.anchors.get(..first) } else { Some(&*piece.anchors) };
        let shift = value.len();
        for anchor in known.unwrap_or_default() {
            anchors.push(Anchor { at: anchor.at + shift, ..*anchor });
        }
        value.push_str(with.unwrap_or(&piece.value));
    };
    let mut from = 0;
    for edit in edits {
        if edit.span.start < from || edit.span.end > text.value.len() {
            continue;
        }
        keep(Span::new(from, edit.span.start), None);
        keep(edit.span, Some(&edit.with));
        from = edit.span.end;
    }
    keep(Span::new(from, text.value.len()), None);
    Text { value, file: text.file.clone(), anchors: ascending(anchors) }
}

/// Of anchors at the same byte (an empty piece) the last one counts.
fn ascending(anchors: Vec<Anchor>) -> Vec<Anchor> {
    let mut kept: Vec<Anchor> = Vec::new();
    for anchor in anchors {
        if kept.last().is_some_and(|last| last.at == anchor.at) {
            kept.pop();
        }
        kept.push(anchor);
    }
    kept
}

/// A `CREATE` of a table, model, catalog or database with options of its `WITH` set (`Some`) or taken out (`None`), in the order
/// given; a clause is added where there is none. Other statements stay as they are.
pub fn with_options<'a, I>(create_table: &Text, changes: I) -> Text
where
    I: IntoIterator<Item = (&'a str, Option<&'a str>)>,
{
    let mut text = create_table.clone();
    for (key, value) in changes {
        if let Some(edit) = option_edit(&text, key, value) {
            text = splice(&text, &[edit]);
        }
    }
    text
}

fn option_edit(text: &Text, key: &str, value: Option<&str>) -> Option<Edit> {
    let (with, with_at) = match flink::parse(text) {
        Statement::CreateTable(table) => (table.with, table.with_at),
        Statement::CreateModel(created)
        | Statement::CreateCatalog(created)
        | Statement::CreateDatabase(created) => (created.with, created.with_at),
        _ => return None,
    };
    let Some(with) = &with else {
        let written = format!(" WITH ({} = {})", quoted(key), quoted(value?));
        return Some(Edit::new(Span::new(with_at, with_at), written));
    };
    let found = with.options.iter().position(|option| option.key == key);
    match (found, value) {
        (None, None) => None,
        (Some(index), None) => Some(Edit::new(removal(with, index)?, "")),
        (Some(index), Some(value)) => {
            Some(Edit::new(with.options.get(index)?.value_span, quoted(value)))
        }
        (None, Some(value)) => {
            let at = with.options.last().map_or(with.open.end, |last| last.span.end);
            let comma = if with.options.is_empty() { "" } else { ", " };
            let written = format!("{comma}{} = {}", quoted(key), quoted(value));
            Some(Edit::new(Span::new(at, at), written))
        }
    }
}

/// The option with the comma that parts it from its neighbour.
fn removal(with: &With, index: usize) -> Option<Span> {
    let own = with.options.get(index)?.span;
    let before = index.checked_sub(1).and_then(|before| with.options.get(before));
    let after = with.options.get(index + 1);
    Some(match (before, after) {
        (Some(before), _) => Span::new(before.span.end, own.end),
        (None, Some(after)) => Span::new(own.start, after.span.start),
        (None, None) => own,
    })
}

/// `text` as an SQL string.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn text(sql: &str) -> Text {
        Text::whole("a.sql".into(), sql.to_owned())
    }

    #[rstest]
    #[case(
        "CREATE TABLE a (b INT) WITH ('x' = '1', 'y'='2')",
        "y",
        Some("it's"),
        "CREATE TABLE a (b INT) WITH ('x' = '1', 'y'='it''s')"
    )]
    #[case(
        "CREATE TABLE a (b INT) WITH ('x' = '1', 'y'='2')",
        "z",
        Some("3"),
        "CREATE TABLE a (b INT) WITH ('x' = '1', 'y'='2', 'z' = '3')"
    )]
    #[case(
        "CREATE TABLE a (b INT) WITH ('x' = '1', 'y'='2')",
        "x",
        None,
        "CREATE TABLE a (b INT) WITH ('y'='2')"
    )]
    #[case(
        "CREATE TABLE a (b INT) WITH ('x' = '1' -- one\n, 'y'='2')",
        "y",
        None,
        "CREATE TABLE a (b INT) WITH ('x' = '1')"
    )]
    #[case("CREATE TABLE a (b INT)", "x", Some("1"), "CREATE TABLE a (b INT) WITH ('x' = '1')")]
    #[case(
        "CREATE TABLE a (b INT) LIKE c",
        "x",
        Some("1"),
        "CREATE TABLE a (b INT) WITH ('x' = '1') LIKE c"
    )]
    #[case(
        "CREATE TABLE a (b INT) WITH ()",
        "x",
        Some("1"),
        "CREATE TABLE a (b INT) WITH ('x' = '1')"
    )]
    #[case("INSERT INTO a SELECT 1", "x", Some("1"), "INSERT INTO a SELECT 1")]
    fn options_are_set_and_taken_out(
        #[case] sql: &str,
        #[case] key: &str,
        #[case] value: Option<&str>,
        #[case] expected: &str,
    ) {
        assert_eq!(with_options(&text(sql), [(key, value)]).value, expected);
    }

    #[test]
    fn what_follows_an_edit_keeps_its_place() {
        let edited = with_options(
            &text("CREATE TABLE a (b INT) WITH (\n 'x' = '1',\n 'y' = '2')"),
            [("x", Some("a\nlonger value"))],
        );
        let y = edited.value.find("'y'").expect("y is still there");
        assert_eq!(edited.place(y).to_string(), "a.sql:3:2");
    }

    proptest! {
        #[test]
        fn a_splice_changes_nothing_else(
            before in "[a-zé\n]{0,8}", old in "[a-zé\n]{0,8}", new in "[a-zé\n]{0,8}",
            after in "[a-zé\n]{0,8}",
        ) {
            let source = text(&format!("{before}{old}{after}"));
            let span = Span::new(before.len(), before.len() + old.len());
            let edited = splice(&source, &[Edit::new(span, new.clone())]);
            prop_assert_eq!(&edited.value, &format!("{before}{new}{after}"));
            let tail = before.len() + new.len();
            for (at, _) in after.char_indices() {
                prop_assert_eq!(edited.place(tail + at), source.place(span.end + at));
            }
        }
    }
}
