//! What the timeline does to the place from which the connector goes on, and topics that it holds.

use std::collections::BTreeMap;

use super::Reader;
use super::catalogue::{Among, Catalogue, Place};
use super::timeline::{Around, Placed};
use crate::base::text::Text;
use crate::scenario::code::Code;
use crate::scenario::scenario::{Setting, SettingValue};
use crate::scenario::timeline::{Action, Condition, Upset};
use crate::scenario::words::{HELD, OFFSETS, SLOT};
use crate::scenario::yaml::{Key, Node};
use crate::sql::token::{Language, significant};

/// Whether anything is written in transactions, as far as statements and settings say.
pub(super) fn has_transactions(statements: &[Text], settings: &[Setting]) -> bool {
    let option = |setting: &Setting| {
        let name = setting.path.last().map(String::as_str);
        let value = match name {
            Some("sink.delivery-guarantee") => "exactly-once",
            Some("exactly.once.source.support") => "enabled",
            _ => return false,
        };
        let is = |set: &SettingValue| matches!(set, SettingValue::Option(text) if text == value);
        setting.choices.iter().any(|choice| is(&choice.value))
    };
    let in_statement = |text: &Text| {
        let tokens = significant(Language::Flink, &text.value);
        tokens.iter().any(|token| token.string().is_some_and(|text| text == "exactly-once"))
    };
    settings.iter().any(option) || statements.iter().any(in_statement)
}

impl Reader<'_> {
    /// `drop: slot`.
    pub(super) fn upset(&mut self, key: &Key, value: &Node) -> Option<Action> {
        let words = if key.name == "lose" { OFFSETS } else { SLOT };
        self.word(value, words)?;
        Some(Action::Upset(match key.name.as_str() {
            "lose" => Upset::Offsets,
            "drop" => Upset::Drop,
            "advance" => Upset::Advance,
            _ => Upset::Recreate,
        }))
    }

    /// `hold: {topic: orders}`, and its release.
    pub(super) fn held(&mut self, key: &Key, node: &Node, around: Around<'_>) -> Option<Action> {
        let fields = self.map(node, HELD)?;
        let help = "name a source table or sink: `{topic: orders}`";
        let topic = self.required(&fields, "topic", help)?;
        let place = self.text(topic, "a source table or sink")?;
        self.known_place(&place, &topic.at, Among::Tables, around.catalogue)?;
        Some(match key.name.as_str() {
            "hold" => Action::Hold { place },
            _ => Action::Release { place },
        })
    }

    /// Reports what is held twice, released without being held, held to the end, or in the way of
    /// what waits for it.
    pub(super) fn check_held(&mut self, entries: &[Placed], around: Around<'_>) {
        let mut held = BTreeMap::<String, usize>::new();
        for (n, placed) in entries.iter().enumerate() {
            let is_last = n + 1 == entries.len();
            let line = placed.main.place.line;
            let since = |place: &str, held: &BTreeMap<String, usize>| {
                held.get(&whole(place, around.catalogue)).copied()
            };
            let wrong = match &placed.entry.action {
                Action::Hold { place } => {
                    let name = whole(place, around.catalogue);
                    let before = held.insert(name, line);
                    before.map(|since| format!("`{place}` is held since line {since} already"))
                }
                Action::Release { place } => {
                    let before = held.remove(&whole(place, around.catalogue));
                    before.is_none().then(|| format!("`{place}` is not held here"))
                }
                Action::Await { condition: Condition::Processed, .. } if is_last => {
                    held.iter().next().map(|(place, since)| {
                        format!(
                            "`{place}` is held since line {since} and never released, so that \
                             nothing is judged"
                        )
                    })
                }
                Action::Await {
                    condition:
                        condition @ (Condition::Uncommitted { place: Some(place) }
                        | Condition::Compacted { place, .. }),
                    ..
                } => since(place, &held).map(|since| {
                    format!(
                        "`{place}` is held since line {since} by an open transaction of the run's \
                         own, which `{condition}` cannot see past"
                    )
                }),
                Action::Set(set) if !held.is_empty() && set.partitions.is_some() => {
                    Some("a topic is held here, and its new partitions would not be".to_owned())
                }
                _ => None,
            };
            if let Some(message) = wrong {
                self.error(Code::TargetState, &placed.main, message)
                    .help("each `hold: {topic: …}` has one `release: {topic: …}` after it");
            }
        }
    }
}

/// One name for each place.
fn whole(place: &str, catalogue: &Catalogue) -> String {
    match catalogue.place(place) {
        Some(Place::Source(table)) => format!("{}.{}", table.schema, table.name),
        Some(Place::Sink(_) | Place::Topic(_) | Place::Connector) | None => place.to_owned(),
    }
}
