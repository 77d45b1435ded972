//! Every word of the language is used by a scenario that passes, and misused by one that is
//! diagnosed. Both are looked up in the one table of words, so that a new word without them fails.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use super::diagnose::Diagnostics;
use super::load::load;
use super::types::Type;
use super::words::{self, Words};
use super::yaml::{self, Node, Value};
use crate::base::text::{Span, Text};

/// A word by the table it stands in.
type Name = (&'static str, &'static str);

/// A word as it stands in a file.
struct Used {
    name: Name,
    /// The key with all that is below it; of a value what it is written for.
    span: Span,
    is_key: bool,
}

/// The words of a file.
fn words_of(text: &Text) -> Vec<Used> {
    let Some(root) = yaml::read(text, &mut Diagnostics::default()) else { return Vec::new() };
    let is_pipeline = matches!(&root.value, Value::Map(pairs)
        if pairs.first().is_some_and(|(key, _)| key.name == "pipeline"));
    let words = if is_pipeline { words::PIPELINE } else { words::SCENARIO };
    let mut found = Vec::new();
    map(words, &root, text.value.len(), &mut found);
    found
}

/// The pairs of a map, each with where it ends.
fn pairs(node: &Node, end: usize) -> Vec<(&str, &Node, Span)> {
    let Value::Map(pairs) = &node.value else { return Vec::new() };
    let end_of = |n: usize| pairs.get(n + 1).map_or(end, |(next, _)| next.at.span.start);
    let span = |n: usize, start: usize| Span::new(start, end_of(n).max(start));
    let all = pairs.iter().enumerate();
    all.map(|(n, (key, value))| (&*key.name, value, span(n, key.at.span.start))).collect()
}

fn items(node: &Node, end: usize) -> Vec<(&Node, usize)> {
    let Value::List(items) = &node.value else { return vec![(node, end)] };
    let end_of = |n: usize| items.get(n + 1).map_or(end, |next| next.span.start);
    items.iter().enumerate().map(|(n, item)| (item, end_of(n))).collect()
}

fn map(words: Words, node: &Node, end: usize, found: &mut Vec<Used>) {
    for (key, value, span) in pairs(node, end) {
        let Some(row) = words.rows.iter().find(|row| row.name == key) else { continue };
        let of = if words.of == words::INLINE.of { words::PIPELINE.of } else { words.of };
        found.push(Used { name: (of, row.name), span, is_key: true });
        if let Some(takes) = row.takes {
            value_of(takes, value, span, found);
        }
    }
}

fn value_of(takes: Type, node: &Node, span: Span, found: &mut Vec<Used>) {
    let end = span.end;
    match takes {
        Type::Map(words) => map(*words, node, end, found),
        Type::Shown(words) => {
            for (item, end) in items(node, end) {
                map(*words, item, end, found);
            }
        }
        Type::Sink => map(words::SINK, node, end, found),
        Type::Word(words) => word(*words, node, span, found),
        Type::Bool => word(words::BOOL, node, span, found),
        Type::Life => life(node, span, found),
        Type::Named(of, to) => {
            for (key, value, span) in pairs(node, end) {
                if of == "component" {
                    component(key, span, found);
                }
                value_of(*to, value, span, found);
            }
        }
        Type::PerPlace(_, to) => {
            value_of(Type::Choice(to), node, span, found);
            value_of(Type::Named("place", to), node, span, found);
        }
        Type::List(of) | Type::OneOrList(of) | Type::Choice(of) => {
            for (item, end) in items(node, end) {
                let own = if items(node, end).len() == 1 {
                    span
                } else {
                    Span::new(item.span.start, end)
                };
                value_of(*of, item, own, found);
            }
        }
        Type::OneOf(types) => types.iter().for_each(|one| value_of(*one, node, span, found)),
        Type::Timeline | Type::Sessions => {
            for (item, end) in items(node, end) {
                entry(item, end, found);
            }
        }
        Type::Labels => {
            for (key, _, span) in pairs(node, end) {
                component(key, span, found);
            }
        }
        Type::Text
        | Type::Sql
        | Type::Path
        | Type::Count(_)
        | Type::Duration
        | Type::Session
        | Type::Options
        | Type::RowTable => {}
    }
}

fn entry(node: &Node, end: usize, found: &mut Vec<Used>) {
    let all = pairs(node, end);
    let main = all.iter().find(|(key, ..)| words::MAIN.known.contains(key));
    map(words::MAIN, node, end, found);
    map(words::modifiers(main.map_or("", |(key, ..)| key)), node, end, found);
}

fn word(words: Words, node: &Node, span: Span, found: &mut Vec<Used>) {
    let Value::Scalar(scalar) = &node.value else { return };
    let row = words.rows.iter().find(|row| row.name == scalar.text.value);
    found.extend(row.map(|row| Used { name: (words.of, row.name), span, is_key: false }));
}

fn component(key: &str, span: Span, found: &mut Vec<Used>) {
    let row = words::COMPONENT.rows.iter().find(|row| row.name == key);
    let name = |row: &words::Word| (words::COMPONENT.of, row.name);
    found.extend(row.map(|row| Used { name: name(row), span, is_key: false }));
}

fn life(node: &Node, span: Span, found: &mut Vec<Used>) {
    let Value::Scalar(scalar) = &node.value else { return };
    for event in scalar.text.value.split([' ', '|', '?', '*', '(', ')', '{']) {
        for words in [words::TOPIC_EVENT, words::SINK_EVENT] {
            let row = words.rows.iter().find(|row| row.name == event);
            found.extend(row.map(|row| Used { name: (words.of, row.name), span, is_key: false }));
        }
    }
}

/// The words that a diagnostic is about: the innermost key it stands at or below, and the values
/// that are written there.
fn about(used: &[Used], at: usize) -> Vec<Name> {
    let holds = |one: &&Used| one.span.start <= at && at < one.span.end;
    let keys = used.iter().filter(|one| one.is_key).filter(holds);
    let Some(key) = keys.min_by_key(|one| one.span.end - one.span.start) else {
        return Vec::new();
    };
    let inside = |one: &&Used| key.span.start <= one.span.start && one.span.end <= key.span.end;
    let values = used.iter().filter(|one| !one.is_key).filter(inside).filter(holds);
    values.chain([key]).map(|one| one.name).collect()
}

pub(super) fn files(folder: &str) -> Vec<Utf8PathBuf> {
    let mut found = Vec::new();
    for entry in Utf8Path::new(folder).read_dir_utf8().expect("the folder is there") {
        let path = entry.expect("it can be read").into_path();
        if path.is_dir() {
            found.extend(files(path.as_str()));
        } else if path.extension() == Some("yaml") {
            found.push(path);
        }
    }
    found
}

pub(super) fn read(file: &Utf8Path) -> Text {
    Text::whole(file.to_owned(), fs_err::read_to_string(file).expect("it can be read"))
}

/// Every word but those that say only what another table's main key takes.
fn all() -> BTreeSet<Name> {
    // The words of a project's file are used and misused in the console sessions.
    let elsewhere = [words::MODIFIERS, words::PROJECT];
    let tables = words::ALL.iter().filter(|words| !elsewhere.contains(words));
    tables.flat_map(|words| words.known.iter().map(|word| (words.of, *word))).collect()
}

#[test]
fn every_word_is_used_by_a_scenario_that_passes() {
    let mut used = BTreeSet::new();
    for file in [files("scenarios"), files("flink-sql")].concat() {
        used.extend(words_of(&read(&file)).into_iter().map(|one| one.name));
    }
    let unused: Vec<Name> = all().difference(&used).copied().collect();
    assert!(unused.is_empty(), "no file below scenarios/ or flink-sql/ uses {unused:?}");
}

#[test]
fn every_word_is_misused_by_a_scenario_that_is_diagnosed() {
    let mut misused = BTreeSet::new();
    for file in files("tests/language/err") {
        let used = words_of(&read(&file));
        for diagnostic in load(&file).diagnostics {
            if *diagnostic.file() == file {
                misused.extend(about(&used, diagnostic.span.start));
            }
        }
    }
    // These stand behind one key alone: a wrong one there is not one of them.
    let harmless = [
        words::VERSION,
        words::FORMAT,
        words::DIALECT,
        words::DELIVERY,
        words::PROOF,
        words::WIRE,
        words::ENDING,
    ];
    let harmless = |name: &Name| harmless.iter().any(|words| words.of == name.0);
    let missing: Vec<Name> =
        all().difference(&misused).filter(|name| !harmless(name)).copied().collect();
    assert!(missing.is_empty(), "no file in tests/language/err has a diagnostic about {missing:?}");
}
