//! YAML as a tree of our own, every node with its place. The only user of the YAML crate.
//!
//! Scalars stay source text: nothing becomes a number, a bool or a date here. What could make one
//! file mean two things is refused: anchors, aliases, tags, merge keys, duplicate keys, several
//! documents.

mod anchors;
mod lines;
mod refusal;

pub(crate) use granit_parser::ScalarStyle;
use granit_parser::{Event, Options, Parser, StructureStyle};

use std::collections::BTreeMap;

use super::code::Code;
use super::diagnose::{At, Diagnostics};
use crate::base::limits::{self, exceeds, grouped};
use crate::base::text::{Span, Text};
use anchors::anchors;

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    /// Where it stands: a scalar's own text, a collection's first line.
    pub at: At,
    /// All of it, in bytes of the file; of a collection in block style only its start counts.
    pub span: Span,
    /// It is a collection in `{}` or `[]`.
    pub is_flow: bool,
    /// What it is.
    pub value: Value,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// A single value.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of the file.
    Map(Vec<(Key, Node)>),
}

/// A key of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    /// Its text.
    pub name: String,
    /// It is written without quotes.
    pub is_plain: bool,
    /// Where it stands.
    pub at: At,
}

/// A single value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scalar {
    /// Its text, with the place of each of its lines.
    pub text: Text,
    /// How it is written.
    pub style: ScalarStyle,
    /// It is written without quotes and not as a block.
    pub is_plain: bool,
    /// Its lines are folded into one: a plain or folded scalar of several lines.
    pub is_folded: bool,
    /// It stands inside `{}` or `[]`.
    pub in_flow: bool,
}

impl Scalar {
    /// Nothing, `null` or `~`, unquoted.
    pub(crate) fn is_null(&self) -> bool {
        self.is_plain && matches!(self.text.value.as_str(), "" | "~" | "null")
    }
}

impl Node {
    /// What to call it in a sentence.
    pub(crate) fn shape(&self) -> &'static str {
        match &self.value {
            Value::Scalar(scalar) if scalar.is_null() => "nothing",
            Value::Scalar(_) => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}

/// Reads `source` as one document. `None` if it is not YAML or has no document; everything refused
/// is in `diagnostics`.
pub(crate) fn read(source: &Text, diagnostics: &mut Diagnostics) -> Option<Node> {
    read_into(source, diagnostics, None)
}

/// [`read`], with the spans of all comments, `#` included, in the order of the file.
pub(crate) fn read_with_comments(
    source: &Text,
    diagnostics: &mut Diagnostics,
) -> Option<(Node, Vec<Span>)> {
    let mut comments = Vec::new();
    let root = read_into(source, diagnostics, Some(&mut comments))?;
    comments.sort_unstable();
    Some((root, comments))
}

fn read_into(
    source: &Text,
    diagnostics: &mut Diagnostics,
    mut comments: Option<&mut Vec<Span>>,
) -> Option<Node> {
    let mut options = Options::default();
    options.set_emit_comments(comments.is_some());
    options.emit_anchor_events = true;
    options.emit_unresolved_aliases = true;
    let (open, root) = (Vec::new(), None);
    let mut tree =
        Tree { source, diagnostics, open, documents: 0, root, values: 0, is_full: false };
    for event in Parser::new_from_str_with_options(&source.value, options) {
        match event {
            Ok((event, span)) => {
                let bytes = span.byte_range().unwrap_or_default();
                let tag = span.tag_span().and_then(|tag| tag.byte_range());
                if let Some(tag) = tag {
                    let at = tree.at(Span::new(tag.start, tag.end));
                    tree.refuse(&at, "a tag", "the key of a value gives its type");
                }
                if let (Event::Comment(..), Some(comments)) = (&event, &mut comments) {
                    comments.push(Span::new(bytes.start, bytes.end));
                }
                tree.event(event, Span::new(bytes.start, bytes.end));
                if tree.is_full {
                    return None;
                }
            }
            Err(error) => {
                let refusal = refusal::of(&source.value, &error);
                let at = tree.at(refusal.span);
                diagnostics.error(refusal.code, &at, refusal.message).help(refusal.help);
                return None;
            }
        }
    }
    let root = tree.root;
    if root.is_none() {
        let at = At::of(source, Span::new(0, 0));
        diagnostics
            .error(Code::Documents, &at, "the file is empty")
            .help("a scenario begins with `scenario: v1`, a pipeline file with `pipeline: v1`");
    }
    root
}

/// A collection that is not closed yet.
struct Open {
    at: At,
    start: usize,
    in_flow: bool,
    is_map: bool,
    key: Option<Key>,
    items: Vec<Node>,
    entries: Vec<(Key, Node)>,
    /// Where each key stands among the entries.
    keys: BTreeMap<String, usize>,
}

struct Tree<'a> {
    source: &'a Text,
    diagnostics: &'a mut Diagnostics,
    open: Vec<Open>,
    documents: usize,
    root: Option<Node>,
    /// Keys and values so far.
    values: usize,
    /// There are more of something than a file may have.
    is_full: bool,
}

impl Tree<'_> {
    fn at(&self, span: Span) -> At {
        At::of(self.source, span)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the outside enum is non-exhaustive")]
    fn event(&mut self, event: Event<'_>, span: Span) {
        match event {
            Event::Scalar(value, style, ..) => self.scalar(&value, style, span),
            Event::SequenceStart(style, ..) => self.start(style, false, span),
            Event::MappingStart(style, ..) => self.start(style, true, span),
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Anchor(..) => {
                let at = self.at(span);
                self.refuse(&at, "an anchor", "write the value where it is needed");
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                let at = self.at(span);
                self.refuse(&at, "an alias", "write the value where it is needed, or quote it");
                let nothing = self.source.slice(Span::new(span.start, span.start));
                self.push(Node { at, span, is_flow: false, value: Value::Scalar(plain(nothing)) });
            }
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents == 2 {
                    let at = self
                        .at(Span::new(span.start, (span.start + 3).min(span.end.max(span.start))));
                    self.diagnostics
                        .error(Code::Documents, &at, "a second document begins here")
                        .help("put it into a file of its own");
                }
            }
            // Stream and document ends and comments; the event type may grow.
            _ => {}
        }
    }

    fn start(&mut self, style: StructureStyle, is_map: bool, span: Span) {
        let in_flow = style == StructureStyle::Flow;
        let (key, items, entries, keys) = (None, Vec::new(), Vec::new(), BTreeMap::new());
        let at = self.at(span);
        self.open.push(Open { at, start: span.start, in_flow, is_map, key, items, entries, keys });
    }

    fn end(&mut self, end: Span) {
        let Some(open) = self.open.pop() else { return };
        let value = if open.is_map { Value::Map(open.entries) } else { Value::List(open.items) };
        let span = Span::new(open.start, end.end.max(open.start));
        self.push(Node { at: open.at, span, is_flow: open.in_flow, value });
    }

    fn scalar(&mut self, value: &str, style: ScalarStyle, span: Span) {
        let empty = style == ScalarStyle::Plain && span.start == span.end;
        let value = if empty { "" } else { value };
        let in_flow = self.open.last().is_some_and(|open| open.in_flow);
        let text = Text {
            value: value.to_owned(),
            file: self.source.file.clone(),
            anchors: anchors(self.source, value, style, span),
        };
        let end = first_line(self.source, span);
        let at = self.at(Span::new(span.start, end));
        let lines = self.source.value.get(span.start..span.end).unwrap_or("").trim_end().lines();
        let several = lines.count() > 1;
        let scalar = Scalar {
            text,
            style,
            is_plain: style == ScalarStyle::Plain,
            is_folded: several && style != ScalarStyle::Literal,
            in_flow,
        };
        self.push(Node { at, span, is_flow: false, value: Value::Scalar(scalar) });
    }

    fn push(&mut self, node: Node) {
        self.values += 1;
        if exceeds(self.values, limits::VALUES) {
            self.refuse_more(&node.at, "the file has", limits::VALUES, "keys and values");
        }
        let Some(mut open) = self.open.pop() else {
            if self.documents <= 1 {
                self.root = Some(node);
            }
            return;
        };
        self.put(&mut open, node);
        self.open.push(open);
    }

    fn put(&mut self, open: &mut Open, node: Node) {
        if !open.is_map {
            open.items.push(node);
            return;
        }
        let Some(key) = open.key.take() else {
            open.key = Some(self.key(node));
            return;
        };
        let earlier = open.keys.get(&key.name).and_then(|place| open.entries.get(*place));
        if let Some((earlier, _)) = earlier {
            let message = format!("the key `{}` stands twice", key.name);
            let help = "keep one of the two; in a list, each further item begins with `- `";
            self.diagnostics
                .error(Code::DuplicateKey, &key.at, message)
                .label("again here")
                .earlier(&earlier.at)
                .help(help);
            return;
        }
        if exceeds(open.entries.len() + 1, limits::KEYS) {
            self.refuse_more(&key.at, "the map has", limits::KEYS, "keys");
        }
        open.keys.insert(key.name.clone(), open.entries.len());
        open.entries.push((key, node));
    }

    fn key(&mut self, node: Node) -> Key {
        let is_plain = matches!(&node.value, Value::Scalar(scalar) if scalar.is_plain);
        let name = match &node.value {
            Value::Scalar(scalar) => scalar.text.value.clone(),
            Value::List(_) | Value::Map(_) => {
                let message = format!("{} cannot be a key", node.shape());
                self.diagnostics
                    .error(Code::WrongShape, &node.at, message)
                    .help("a key is one word; quote it if it begins with `[` or `{`");
                String::new()
            }
        };
        if name == "<<" {
            self.refuse(&node.at, "a merge key", "write the keys where they are needed");
        }
        Key { name, is_plain, at: node.at }
    }

    fn refuse_more(&mut self, at: &At, what: &str, most: u64, of: &str) {
        if !self.is_full {
            let message = format!("{what} more than {} {of}", grouped(most));
            let help = "nothing after this place was read: write several files";
            self.diagnostics.error(Code::TooMuch, at, message).help(help);
        }
        self.is_full = true;
    }

    fn refuse(&mut self, at: &At, what: &str, help: &str) {
        self.diagnostics
            .error(Code::Anchor, at, format!("{what} is not part of the language"))
            .help(help);
    }
}

fn plain(text: Text) -> Scalar {
    let style = ScalarStyle::Plain;
    Scalar { text, style, is_plain: true, is_folded: false, in_flow: false }
}

/// The end of the first line of `span`, without white space.
fn first_line(source: &Text, span: Span) -> usize {
    let text = source.value.get(span.start..span.end).unwrap_or("");
    span.start + text.lines().next().map_or(0, |line| line.trim_end().len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn read_all(source: &str) -> (Option<Node>, Vec<String>) {
        let mut diagnostics = Diagnostics::default();
        let text = Text::whole("a.yaml".into(), source.to_owned());
        let node = read(&text, &mut diagnostics);
        (node, diagnostics.finish().iter().map(ToString::to_string).collect())
    }

    fn value<'n>(node: &'n Node, key: &str) -> &'n Node {
        let Value::Map(entries) = &node.value else { panic!("no map") };
        &entries.iter().find(|(found, _)| found.name == key).expect("the key is there").1
    }

    fn text<'n>(node: &'n Node, key: &str) -> &'n Text {
        match &value(node, key).value {
            Value::Scalar(scalar) => &scalar.text,
            Value::List(_) | Value::Map(_) => panic!("no scalar"),
        }
    }

    fn positions_of_x(node: &Node, found: &mut Vec<String>) {
        match &node.value {
            Value::Scalar(scalar) => found
                .extend(scalar.text.value.find('X').map(|at| scalar.text.place(at).to_string())),
            Value::List(items) => {
                for item in items {
                    positions_of_x(item, found);
                }
            }
            Value::Map(entries) => {
                for (_, node) in entries {
                    positions_of_x(node, found);
                }
            }
        }
    }

    #[rstest]
    #[case::literal("a: |  # why\n  one\n\n    two X\n", "a.yaml:4:9")]
    #[case::literal_indented("a:\n  - b\nc: |2\n    hi X\n", "a.yaml:4:8")]
    #[case::literal_blank_start("a: |\n\n  é X\n", "a.yaml:3:5")]
    #[case::literal_crlf("a: |\r\n  one\r\n  X\r\n", "a.yaml:3:3")]
    #[case::folded("a: >-\n   one\n   two\n\n     X\n", "a.yaml:5:6")]
    #[case::plain("a: one,\n  two\n\n  é X # c\n", "a.yaml:4:5")]
    #[case::single("a: 'it''s X'\n", "a.yaml:1:11")]
    #[case::double("a: \"\\u00e9\\n\n   b X\"\n", "a.yaml:2:6")]
    #[case::flow("a: {b: c, d: [X]}\n", "a.yaml:1:15")]
    fn every_line_of_a_scalar_knows_its_place(#[case] source: &str, #[case] expected: &str) {
        let (node, errors) = read_all(source);
        assert_eq!(errors, Vec::<String>::new());
        let mut found = Vec::new();
        positions_of_x(&node.expect("it is YAML"), &mut found);
        assert_eq!(found, [expected]);
    }

    #[test]
    fn scalars_are_their_source_text() {
        let (node, _) = read_all("a: 0012\nb: 2.10\nc: on\nd: 10:30\ne: null\nf: 'null'\ng:\n");
        let node = node.expect("it is YAML");
        let texts: Vec<_> = ["a", "b", "c", "d", "e"].map(|key| &*text(&node, key).value).into();
        assert_eq!(texts, ["0012", "2.10", "on", "10:30", "null"]);
        let null = |key| matches!(&value(&node, key).value, Value::Scalar(s) if s.is_null());
        assert_eq!([null("a"), null("e"), null("f"), null("g")], [false, true, false, true]);
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_every_anchor_is_in_the_file(
            source in "(a: |b:\n|- |\\||>|  |\n|'|\"|\\\\|x|é|#|\\{|\\}|\\[|\\]|,|\r\n|\t){0,30}",
        ) {
            let mut diagnostics = Diagnostics::default();
            let text = Text::whole("a.yaml".into(), source.clone());
            let mut open: Vec<Node> = read(&text, &mut diagnostics).into_iter().collect();
            while let Some(node) = open.pop() {
                match node.value {
                    Value::List(items) => open.extend(items),
                    Value::Map(entries) => open.extend(entries.into_iter().map(|(_, node)| node)),
                    Value::Scalar(scalar) => {
                        let anchors = &scalar.text.anchors;
                        prop_assert!(anchors.windows(2).all(|pair| pair[0].at <= pair[1].at));
                        prop_assert!(anchors.iter().all(|anchor| anchor.offset <= source.len()));
                        prop_assert!(anchors.iter().all(|a| scalar.text.value.is_char_boundary(a.at)));
                    }
                }
            }
        }
    }
}
