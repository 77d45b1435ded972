//! Topics of an outbox router: each committed insert into the outbox table is there once, on its
//! topic, with its key, payload and headers, and the events of one aggregate are in commit order.

use std::collections::{BTreeMap, BTreeSet};

use super::case::Case;
use super::found::{Draft, Found};
use super::topic::position;
use super::verdict::Difference;
use crate::base::anomaly::Anomaly;
use crate::base::value::Value;
use crate::history::event::{Record, Role, Table};
use crate::model::key::Key;
use crate::model::outbox::{Routed, Router, by_id};
use crate::model::source::prefix;

pub(super) const FINDS: &[Anomaly] = &[
    Anomaly::LostChange,
    Anomaly::PhantomChange,
    Anomaly::DuplicateChange,
    Anomaly::ReorderedKey,
    Anomaly::MovedKey,
    Anomaly::WrongValue,
    Anomaly::KeyValueMismatch,
];

/// Whether the rows of this table are routed to topics of their values.
pub(super) fn is_routed(case: &Case<'_>, table: &Table) -> bool {
    let name = format!("{}.{}", table.schema, table.name);
    let of = |role: &Role| matches!(role, Role::Outbox { table, .. } if *table == name);
    case.index.topics.iter().any(|topic| of(&topic.role))
}

/// Whether any routed topic holds a record.
pub(super) fn was_read(case: &Case<'_>) -> bool {
    let routed = |topic: &&crate::history::event::Topic| matches!(topic.role, Role::Outbox { .. });
    let mut topics = case.index.topics.iter().filter(routed);
    topics.any(|topic| !case.index.of_topic(&topic.name).is_empty())
}

pub(super) fn check(case: &Case<'_>, found: &mut Found) {
    for (nth, table) in case.index.tables.iter().enumerate() {
        if is_routed(case, table) && !case.ended_in_trouble() {
            routed(case, nth, table, found);
        }
    }
}

fn routed(case: &Case<'_>, nth: usize, table: &Table, found: &mut Found) {
    let what = format!("the outbox `{}`", table.name);
    let router = match case.index.connector.and_then(Router::of) {
        Some(Ok(router)) => router,
        Some(Err(problems)) => return found.gap(what, problems.join("; ")),
        None => return found.gap(what, "the connector has no outbox router"),
    };
    let Some(point) = case.index.slot else {
        return found.gap(what, "the slot's consistent point was not recorded");
    };
    let streamed = case.transactions.partition_point(|t| t.commit < point);
    let (shown, streamed) = case.transactions.split_at(streamed);
    let shown = prefix(case.index.tables, shown);
    let Some(shown) = shown.get(nth) else { return };
    let wanted = router.records(nth, shown, streamed);
    let columns = [router.key_column().to_owned()];
    let mut outbox = Outbox {
        place: case.place_of(table),
        columns: &columns,
        ids: by_id(&wanted),
        wanted: &wanted,
        seen: BTreeSet::new(),
        newest: BTreeMap::new(),
        partitions: BTreeMap::new(),
    };
    let name = format!("{}.{}", table.schema, table.name);
    let mut values = BTreeSet::new();
    for topic in case.index.topics {
        let Role::Outbox { table, value } = &topic.role else { continue };
        if *table == name {
            values.insert(value.as_str());
            for record in case.index.of_topic(&topic.name) {
                outbox.record(value, record, found);
            }
        }
    }
    outbox.missing(&values, found);
}

/// One outbox table while its topics are read.
struct Outbox<'a> {
    place: String,
    columns: &'a [String],
    wanted: &'a [Routed],
    ids: BTreeMap<&'a str, Vec<usize>>,
    seen: BTreeSet<usize>,
    /// The newest event of an aggregate so far, by topic and key.
    newest: BTreeMap<(&'a str, &'a Option<String>), usize>,
    partitions: BTreeMap<(&'a str, &'a Option<String>), i32>,
}

impl<'a> Outbox<'a> {
    fn record(&mut self, value: &'a str, record: &Record, found: &mut Found) {
        let at = position(record);
        let id = header(record, "id").flatten().unwrap_or_default();
        let places = self.ids.get(id.as_str()).cloned().unwrap_or_default();
        let here = |place: &usize| self.wanted.get(*place).is_some_and(|w| w.value == value);
        let mut places = places.into_iter().filter(here).peekable();
        let Some(first) = places.peek().copied() else {
            let sentence = format!(
                "record {at} with the id `{id}` stands for no committed insert that belongs there"
            );
            return self.tell(Anomaly::PhantomChange, None, Some(record), sentence, found);
        };
        let Some(place) = places.find(|place| !self.seen.contains(place)) else {
            let wanted = self.wanted.get(first);
            let sentence = format!("record {at} repeats the event `{id}`");
            return self.tell(Anomaly::DuplicateChange, wanted, Some(record), sentence, found);
        };
        self.seen.insert(place);
        let Some(wanted) = self.wanted.get(place) else { return };
        self.content(wanted, record, found);
        self.order(value, wanted, record, found);
    }

    fn content(&self, wanted: &Routed, record: &Record, found: &mut Found) {
        let at = position(record);
        let bytes = |bytes: &Option<crate::history::event::Bytes>| {
            bytes.as_ref().map(|bytes| bytes.0.clone())
        };
        let (key, value) = (bytes(&record.key), bytes(&record.value));
        if !wanted.is_key(key.as_deref()) {
            let sentence = format!(
                "record {at} has the key {}, and its event is of `{}`",
                shown(key.as_deref()),
                wanted.key.as_deref().unwrap_or("NULL")
            );
            self.tell(Anomaly::KeyValueMismatch, Some(wanted), Some(record), sentence, found);
        }
        if !wanted.is_value(value.as_deref()) {
            let sentence = format!(
                "record {at} holds {}, and the row's payload is {}",
                shown(value.as_deref()),
                wanted.payload.as_deref().unwrap_or("NULL")
            );
            self.tell(Anomaly::WrongValue, Some(wanted), Some(record), sentence, found);
        }
        for (name, text) in &wanted.headers {
            let captured = header(record, name);
            if captured.as_ref() != Some(text) {
                let captured = captured.map_or("is missing".to_owned(), |captured| {
                    format!("is `{}`", captured.as_deref().unwrap_or("NULL"))
                });
                let text = text.as_deref().unwrap_or("NULL");
                let sentence =
                    format!("the header `{name}` of record {at} {captured}, the row has `{text}`");
                self.tell(Anomaly::WrongValue, Some(wanted), Some(record), sentence, found);
            }
        }
    }

    fn order(&mut self, value: &'a str, wanted: &'a Routed, record: &Record, found: &mut Found) {
        let at = position(record);
        let aggregate = (value, &wanted.key);
        let partition = *self.partitions.entry(aggregate).or_insert(record.partition);
        if partition != record.partition {
            let sentence = format!(
                "record {at} is on another partition than an earlier event of its aggregate \
                 ({partition})"
            );
            self.tell(Anomaly::MovedKey, Some(wanted), Some(record), sentence, found);
        }
        // Rows of a snapshot stand before the stream and in no order among themselves.
        let rank = wanted.order.map_or(0, |order| order + 1);
        let newest = self.newest.entry(aggregate).or_default();
        let behind = rank < *newest;
        *newest = rank.max(*newest);
        if behind {
            let sentence = format!(
                "record {at} (event `{}`) stands behind an event of its aggregate that was \
                 committed after it",
                wanted.id
            );
            self.tell(Anomaly::ReorderedKey, Some(wanted), Some(record), sentence, found);
        }
    }

    fn missing(&self, values: &BTreeSet<&str>, found: &mut Found) {
        for (place, wanted) in self.wanted.iter().enumerate() {
            if self.seen.contains(&place) {
                continue;
            }
            let where_to = if values.contains(wanted.value.as_str()) {
                "is on no topic".to_owned()
            } else {
                format!("is routed to `{}`, which `outbox` does not name", wanted.value)
            };
            let sentence = format!("the event `{}` was committed and {where_to}", wanted.id);
            self.tell(Anomaly::LostChange, Some(wanted), None, sentence, found);
        }
    }

    fn tell(
        &self,
        anomaly: Anomaly,
        wanted: Option<&Routed>,
        record: Option<&Record>,
        sentence: String,
        found: &mut Found,
    ) {
        let text = |text: &String| Value::Text(text.clone());
        let key = wanted.map(|w| Key::of(&[w.key.as_ref().map_or(Value::Null, text)]));
        found.add(Draft {
            anomaly,
            place: &self.place,
            key: key.as_ref(),
            key_columns: self.columns,
            sentence,
            record,
            position: None,
            first_hop: record.map(|record| format!("journal → {}", record.topic)),
            difference: Vec::<Difference>::new(),
        });
    }
}

/// A header's text; `None` if there is no such header.
fn header(record: &Record, name: &str) -> Option<Option<String>> {
    let (_, value) = record.headers.iter().find(|(header, _)| header == name)?;
    Some(value.as_ref().map(|bytes| String::from_utf8_lossy(&bytes.0).into_owned()))
}

fn shown(bytes: Option<&[u8]>) -> String {
    bytes.map_or("null".to_owned(), |bytes| String::from_utf8_lossy(bytes).into_owned())
}
