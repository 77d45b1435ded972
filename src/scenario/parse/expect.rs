//! `expect`: what must, may and must not be seen, and in which cells.

use std::collections::BTreeMap;

use super::Reader;
use super::catalogue::{Among, Catalogue, Place};
use super::union::Said;
use crate::base::anomaly::Anomaly;
use crate::base::grade::Grade;
use crate::scenario::code::Code;
use crate::scenario::diagnose::At;
use crate::scenario::expect::{Allowance, Delivery, Demand, Expect, Level, Life, RowTable};
use crate::scenario::range::Ranges;
use crate::scenario::scenario::{Expectation, Restriction, Setting};
use crate::scenario::words::{
    DELIVERY, EXPECT, LEVEL, MAY_SHOW, MUST_SHOW, PROOF, WHERE, Words, listed, suggestion,
};
use crate::scenario::yaml::{Key, Node, Value};

impl Reader<'_> {
    /// The entries of `expect`.
    pub(super) fn expect(
        &mut self,
        node: &Node,
        settings: &[Setting],
        catalogue: &Catalogue,
    ) -> Vec<Expectation> {
        let mut found: Vec<(Expectation, Vec<Said>)> = Vec::new();
        for item in self.one_or_list(node) {
            let mut said = Vec::new();
            let Some(expectation) = self.expectation(item, settings, catalogue, &mut said) else {
                continue;
            };
            found.push((expectation, said));
        }
        self.check_union(&found);
        found.into_iter().map(|(expectation, _)| expectation).collect()
    }

    fn expectation(
        &mut self,
        node: &Node,
        settings: &[Setting],
        catalogue: &Catalogue,
        said: &mut Vec<Said>,
    ) -> Option<Expectation> {
        let fields = self.map(node, EXPECT)?;
        let mut versions = Ranges::new();
        let when = fields.get("where").map(|node| self.restrictions(node, settings, &mut versions));
        let mut expect = Expect::default();
        if let Some((key, node)) = fields.entry("delivery") {
            said.push(Said::new("delivery", &key.at));
            if self.word(node, DELIVERY) == Some("exactly-once") {
                expect.delivery = Delivery::ExactlyOnce;
            }
        }
        if let Some((key, node)) = fields.entry("proof") {
            said.push(Said::new("proof", &key.at));
            expect.proof = self.word(node, PROOF).and_then(Grade::of_name);
        }
        if let Some(node) = fields.get("consistency") {
            expect.consistency = self.consistency(node, catalogue, said);
        }
        if let Some(node) = fields.get("rows") {
            expect.rows = self.rows(node, catalogue, said);
        }
        if let Some(node) = fields.get("life") {
            expect.life = self.life(node, catalogue, said);
        }
        if let Some(node) = fields.get("must_show") {
            expect.must_show = self.must_show(node, catalogue);
        }
        if let Some(node) = fields.get("may_show") {
            expect.may_show = self.may_show(node, catalogue);
        }
        self.plan_and_attempts(&fields, catalogue, (&mut expect, said));
        Some(Expectation { when: when.unwrap_or_default(), versions, expect })
    }

    fn restrictions(
        &mut self,
        node: &Node,
        settings: &[Setting],
        versions: &mut Ranges,
    ) -> Vec<Restriction> {
        let mut found = Vec::new();
        for (key, node) in self.entries(node, "`where`").unwrap_or_default() {
            if key.name == "versions" {
                *versions = self.ranges(node, "`versions`");
            } else if self.allows(WHERE, key) {
                self.restriction(
                    std::slice::from_ref(&key.name),
                    (key, node),
                    settings,
                    &mut found,
                );
            }
        }
        found
    }

    fn restriction(
        &mut self,
        path: &[String],
        (key, node): (&Key, &Node),
        settings: &[Setting],
        found: &mut Vec<Restriction>,
    ) {
        if let Value::Map(entries) = &node.value {
            for (key, node) in entries {
                let path = [path, std::slice::from_ref(&key.name)].concat();
                self.restriction(&path, (key, node), settings, found);
            }
            return;
        }
        let known: Vec<&Setting> = settings.iter().filter(|setting| setting.is_axis).collect();
        let Some(axis) = known.iter().find(|axis| axis.path == path) else {
            let names: Vec<String> = known.iter().map(|axis| axis.name()).collect();
            let written = path.join(".");
            let help = match names.as_slice() {
                [] => "`settings` has no list, so that there is one cell only".to_owned(),
                names => suggestion(&written, names.iter().map(String::as_str)),
            };
            let message = format!("`{written}` is no axis of this scenario");
            self.error(Code::NotAnAxis, &key.at, message).help(help);
            return;
        };
        let mut labels = Vec::new();
        for item in self.one_or_list(node) {
            labels.extend(self.labels(item, axis));
        }
        found.push(Restriction { axis: axis.name(), labels });
    }

    /// The choices of an axis that one value of `where` stands for.
    fn labels(&mut self, node: &Node, axis: &Setting) -> Vec<String> {
        let text = match &node.value {
            Value::Scalar(scalar) if scalar.is_null() => "null".to_owned(),
            Value::Scalar(scalar) => scalar.text.value.clone(),
            Value::List(_) | Value::Map(_) => {
                self.scalar(node, "a value of the axis");
                return Vec::new();
            }
        };
        let is_statements = axis.path.first().is_some_and(|first| first == "statements");
        let ends = |label: &str| is_statements && label.ends_with(&format!("/{text}"));
        let all: Vec<&str> = axis.choices.iter().map(|choice| choice.label.as_str()).collect();
        let found: Vec<String> = all
            .iter()
            .filter(|label| **label == text || ends(label))
            .map(ToString::to_string)
            .collect();
        if found.is_empty() {
            let message = format!("no cell has `{}` = `{text}`", axis.name());
            self.error(Code::NoCell, &node.at, message)
                .help(format!("the axis has {}", listed(all.iter().copied())));
        }
        found
    }

    fn consistency(
        &mut self,
        node: &Node,
        catalogue: &Catalogue,
        said: &mut Vec<Said>,
    ) -> BTreeMap<String, Level> {
        let mut levels = BTreeMap::new();
        for (sink, node) in self.entries(node, "`consistency`").unwrap_or_default() {
            self.known_place(&sink.name, &sink.at, Among::Sinks, catalogue);
            said.push(Said::new(format!("consistency of {}", sink.name), &sink.at));
            let level = match self.word(node, LEVEL) {
                Some("windows") => {
                    if !catalogue.is_partial && !catalogue.windowed.contains(&sink.name) {
                        let message = format!("the rows of `{}` are no windows", sink.name);
                        self.error(Code::BadValue, &node.at, message)
                            .help("say which with `window` in the pipeline, or demand `final`");
                    }
                    Level::Windows
                }
                Some("cut") => Level::Cut,
                Some("commit") => Level::Commit,
                Some(_) => Level::Final,
                None => continue,
            };
            levels.insert(sink.name.clone(), level);
        }
        levels
    }

    fn rows(
        &mut self,
        node: &Node,
        catalogue: &Catalogue,
        said: &mut Vec<Said>,
    ) -> BTreeMap<String, RowTable> {
        let mut tables = BTreeMap::new();
        for (sink, node) in self.entries(node, "`rows`").unwrap_or_default() {
            let place = self.known_place(&sink.name, &sink.at, Among::Sinks, catalogue);
            said.push(Said::new(format!("rows of {}", sink.name), &sink.at));
            let known = match place {
                Some(Place::Sink(tables)) => tables,
                Some(Place::Source(_) | Place::Topic(_) | Place::Connector) | None => &[],
            };
            if let Some(table) = self.row_table(node, &sink.name, known) {
                tables.insert(sink.name.clone(), table);
            }
        }
        tables
    }

    fn life(
        &mut self,
        node: &Node,
        catalogue: &Catalogue,
        said: &mut Vec<Said>,
    ) -> BTreeMap<String, BTreeMap<String, Life>> {
        let mut places = BTreeMap::new();
        for (place, node) in self.entries(node, "`life`").unwrap_or_default() {
            let known = self.known_place(&place.name, &place.at, Among::Tables, catalogue);
            if let Some(Place::Topic(_)) = known {
                let message = format!("nothing follows the keys of `{}`", place.name);
                self.error(Code::UnknownPlace, &place.at, message).help(
                    "an application writes it, as the timeline says: write the life of a source \
                     table or sink",
                );
                continue;
            }
            let mut lives = BTreeMap::new();
            let of = "the life of a place";
            for (key, node) in self.entries(node, of).unwrap_or_default() {
                said.push(Said::new(format!("life of {} {}", place.name, key.name), &key.at));
                if let Some(known) = &known {
                    self.check_key(&key.name, &key.at, known);
                }
                let at_sink = known.as_ref().map(|known| matches!(known, Place::Sink(_)));
                if let Some(life) = self.one_life(node, at_sink) {
                    lives.insert(key.name.clone(), life);
                }
            }
            places.insert(place.name.clone(), lives);
        }
        places
    }

    fn must_show(&mut self, node: &Node, catalogue: &Catalogue) -> Vec<Demand> {
        let mut demands = Vec::new();
        for item in self.list(node, "`must_show`").unwrap_or_default() {
            let Some(shown) = self.shown(item, MUST_SHOW, catalogue) else { continue };
            let says = shown.get("says").map(|node| self.text(node, "a text"));
            let Some((finding, place, keys)) = shown.finding else { continue };
            demands.push(Demand { at: shown.at.place, finding, place, keys, says: says.flatten() });
        }
        demands
    }

    pub(super) fn may_show(&mut self, node: &Node, catalogue: &Catalogue) -> Vec<Allowance> {
        let mut allowances = Vec::new();
        for item in self.list(node, "`may_show`").unwrap_or_default() {
            let Some(shown) = self.shown(item, MAY_SHOW, catalogue) else { continue };
            let because = shown.get("because");
            if because.is_none() {
                let message = "an allowed finding has no `because`";
                self.error(Code::MissingKey, &shown.at, message)
                    .help("say in one sentence why it may be seen");
            }
            let because = because.and_then(|node| self.text(node, "a reason"));
            let (Some(because), Some((finding, place, keys))) = (because, shown.finding) else {
                continue;
            };
            allowances.push(Allowance { at: shown.at.place, finding, place, keys, because });
        }
        allowances
    }

    /// `{finding: place, key, …}`.
    fn shown<'n>(
        &mut self,
        node: &'n Node,
        words: Words,
        catalogue: &Catalogue,
    ) -> Option<Shown<'n>> {
        let of = format!("an entry of `{}`", words.of);
        let entries = self.entries(node, &of)?;
        let is_modifier = |key: &Key| words.known.contains(&key.name.as_str());
        let findings: Vec<&(Key, Node)> =
            entries.iter().filter(|(key, _)| !is_modifier(key)).collect();
        let (key, value) = match findings.as_slice() {
            [only] => only,
            [] => {
                self.error(Code::UnknownFinding, &node.at, "the entry names no finding")
                    .help("write `- finding: place`, e.g. `- ghost-row: totals`");
                return None;
            }
            [_, (second, _), ..] => {
                let message = format!("a second finding, `{}`, in one entry", second.name);
                self.error(Code::UnknownFinding, &second.at, message)
                    .help("write one entry for each finding");
                return None;
            }
        };
        let finding = key.name.parse::<Anomaly>();
        if finding.is_err() {
            let message = format!("`{}` is no finding", key.name);
            let near = super::super::words::nearest(
                &key.name,
                Anomaly::ALL
                    .iter()
                    .map(|anomaly| anomaly.name())
                    .chain(words.known.iter().copied()),
            );
            let all = listed(Anomaly::ALL.iter().map(|anomaly| anomaly.name()));
            let help = match near {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("allowed: {all}"),
            };
            self.error(Code::UnknownFinding, &key.at, message).help(help);
        }
        let name = self.text(value, "a place");
        let place =
            name.as_ref().and_then(|name| self.known_place(name, &value.at, Among::All, catalogue));
        let keys = self.shown_keys(entries, place.as_ref());
        let finding = match (finding, name) {
            (Ok(finding), Some(name)) => Some((finding, name, keys)),
            _ => None,
        };
        Some(Shown { at: key.at.clone(), finding, entries })
    }

    fn shown_keys(&mut self, entries: &[(Key, Node)], place: Option<&Place<'_>>) -> Vec<String> {
        let mut keys = Vec::new();
        let Some((_, node)) = entries.iter().find(|(key, _)| key.name == "key") else {
            return keys;
        };
        for item in self.one_or_list(node) {
            let Some(key) = self.text(item, "a key") else { continue };
            if let Some(place) = place {
                self.check_key(&key, &item.at, place);
            }
            keys.push(key);
        }
        keys
    }

    /// A key has as many values as the primary key has columns, as far as both can be seen.
    pub(super) fn check_key(&mut self, key: &str, at: &At, place: &Place<'_>) {
        let columns: &[String] = match place {
            Place::Source(table) => &table.primary_key,
            Place::Sink(tables) => tables.first().map_or(&[], |table| &table.primary_key),
            Place::Topic(declared) => &declared.application.key,
            Place::Connector => &[],
        };
        let parts = key.split(',').count();
        // A text may hold a comma, so more parts than columns are wrong only for one column less.
        if columns.is_empty() || parts >= columns.len() {
            return;
        }
        let message = format!("the key has {parts} of {} values", columns.len());
        self.error(Code::KeyParts, at, message)
            .help(format!("write the values of {}, joined by `,`", columns.join(", ")));
    }
}

/// An entry of `must_show` or `may_show`.
struct Shown<'n> {
    at: At,
    finding: Option<(Anomaly, String, Vec<String>)>,
    entries: &'n [(Key, Node)],
}

impl<'n> Shown<'n> {
    fn get(&self, name: &str) -> Option<&'n Node> {
        self.entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }
}
