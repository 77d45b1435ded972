//! Topics of an outbox router: each committed insert into the outbox table is there once, on its
//! topic, with its key, payload and headers, and the events of one aggregate are in commit order.
//!
//! Source: as in `model::outbox`. Seen on 3.6.3 (scenario
//! `outbox/a-killed-worker-loses-no-event`).

use std::collections::{BTreeMap, BTreeSet};

use super::case::Case;
use super::found::{Draft, Found};
use super::topic::position;
use super::verdict::Difference;
use crate::base::anomaly::Anomaly;
use crate::base::value::{Type, Value};
use crate::codec::types::DataType;
use crate::history::event::{Bytes, Record, Role, Table, Topic};
use crate::model::key::Key;
use crate::model::outbox::{Routed, Router, by_id};
use crate::model::source::prefix;

/// The topic and the key of the events of one aggregate.
type Aggregate<'a> = (&'a str, &'a Option<String>);

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
    let routed = |topic: &&Topic| matches!(topic.role, Role::Outbox { .. });
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
    let feed = case.feed_of(nth);
    let router = match feed.and_then(|feed| Router::of(feed.config)) {
        Some(Ok(router)) => router,
        Some(Err(problems)) => return found.gap(what, problems.join("; ")),
        None => return found.gap(what, "the connector has no outbox router"),
    };
    let point = feed.and_then(|feed| case.index.slots.get(&feed.name)).copied();
    let Some(point) = point else {
        return found.gap(what, "the slot's consistent point was not recorded");
    };
    let streamed = case.transactions.partition_point(|t| t.commit < point);
    let (shown, streamed) = case.transactions.split_at(streamed);
    let shown = prefix(case.index.tables, shown);
    let Some(shown) = shown.get(nth) else { return };
    let wanted = router.records(nth, shown, streamed);
    let columns = [router.key_column().to_owned()];
    let mut outbox = Outbox::new(case.place_of(table), &columns, &wanted);
    outbox.keyed_by_text = is_text(table, router.key_column());
    let name = format!("{}.{}", table.schema, table.name);
    let mut values = BTreeSet::new();
    for topic in case.index.topics {
        let Role::Outbox { table, value } = &topic.role else { continue };
        if *table == name {
            values.insert(value.as_str());
            let restarted = case.replays_from(&topic.name);
            for (nth, record) in case.index.of_topic(&topic.name).iter().enumerate() {
                outbox.may_replay = restarted.is_some_and(|from| nth >= from);
                outbox.record(value, record, found);
            }
        }
    }
    outbox.missing(&values, found);
}

/// Whether a column's values are texts in JSON.
fn is_text(table: &Table, column: &str) -> bool {
    let found = table.columns.iter().find(|known| known.name == column);
    let is = |kind: &Type| matches!(kind, Type::Bool | Type::Int | Type::Float);
    found.is_none_or(|column| match DataType::postgres(column.read_as()) {
        DataType::Scalar(kind) => !is(&kind),
        kind => kind != DataType::Real,
    })
}

/// One outbox table while its topics are read.
struct Outbox<'a> {
    place: String,
    columns: &'a [String],
    wanted: &'a [Routed],
    ids: BTreeMap<&'a str, Vec<usize>>,
    seen: BTreeSet<usize>,
    /// The key's column holds texts.
    keyed_by_text: bool,
    /// The connector was restarted before the record that is read: events may come again.
    may_replay: bool,
    /// The newest event of an aggregate so far, by topic and key; where its rows say their partitions,
    /// by these too, since there is no order between partitions.
    newest: BTreeMap<(Aggregate<'a>, Option<i32>), usize>,
    partitions: BTreeMap<Aggregate<'a>, i32>,
}

impl<'a> Outbox<'a> {
    fn new(place: String, columns: &'a [String], wanted: &'a [Routed]) -> Self {
        Self {
            place,
            columns,
            wanted,
            ids: by_id(wanted),
            seen: BTreeSet::new(),
            keyed_by_text: true,
            may_replay: false,
            newest: BTreeMap::new(),
            partitions: BTreeMap::new(),
        }
    }

    fn record(&mut self, value: &'a str, record: &Record, found: &mut Found) {
        let at = position(record);
        let id = header(record, "id").and_then(text_of).unwrap_or_default();
        let places = self.ids.get(id.as_str()).cloned().unwrap_or_default();
        let here = |place: &usize| self.wanted.get(*place).is_some_and(|w| w.value == value);
        let mut places = places.into_iter().filter(here).peekable();
        let Some(first) = places.peek().copied() else {
            let sentence = format!(
                "record {at} with the id `{id}` stands for no committed insert that belongs there"
            );
            return self.tell(Anomaly::PhantomChange, (None, Some(record)), sentence, found);
        };
        let Some(place) = places.find(|place| !self.seen.contains(place)) else {
            if self.may_replay {
                return;
            }
            let wanted = self.wanted.get(first);
            let sentence = format!("record {at} repeats the event `{id}`");
            return self.tell(Anomaly::DuplicateChange, (wanted, Some(record)), sentence, found);
        };
        self.seen.insert(place);
        let Some(wanted) = self.wanted.get(place) else { return };
        self.content(wanted, record, found);
        self.order(value, wanted, record, found);
    }

    fn content(&self, wanted: &Routed, record: &Record, found: &mut Found) {
        let at = position(record);
        let key = record.key.as_ref().map(|bytes| bytes.0.as_slice());
        let value = record.value.as_ref().map(|bytes| bytes.0.as_slice());
        if !wanted.is_key(key, self.keyed_by_text) {
            let sentence = format!(
                "record {at} has the key {}, and its event is of `{}`",
                shown(key),
                wanted.key.as_deref().unwrap_or("NULL")
            );
            self.tell(Anomaly::KeyValueMismatch, (Some(wanted), Some(record)), sentence, found);
        }
        if !wanted.is_value(value) {
            let sentence = format!(
                "record {at} holds {}, and the row's payload is {}",
                shown(value),
                wanted.payload.as_deref().unwrap_or("NULL")
            );
            self.tell(Anomaly::WrongValue, (Some(wanted), Some(record)), sentence, found);
        }
        for (name, text) in &wanted.headers {
            let captured = header(record, name);
            if captured.map(text_of).as_ref() != Some(text) {
                let captured = captured.map_or("is missing".to_owned(), |captured| {
                    format!("is `{}`", text_of(captured).as_deref().unwrap_or("NULL"))
                });
                let text = text.as_deref().unwrap_or("NULL");
                let sentence =
                    format!("the header `{name}` of record {at} {captured}, the row has `{text}`");
                self.tell(Anomaly::WrongValue, (Some(wanted), Some(record)), sentence, found);
            }
        }
    }

    fn order(&mut self, value: &'a str, wanted: &'a Routed, record: &Record, found: &mut Found) {
        let at = position(record);
        let aggregate = (value, &wanted.key);
        if let Some(said) = wanted.partition.filter(|said| *said != record.partition) {
            let sentence =
                format!("record {at} is not on the partition that its row says ({said})");
            self.tell(Anomaly::MovedKey, (Some(wanted), Some(record)), sentence, found);
        }
        let partition = *self.partitions.entry(aggregate).or_insert(record.partition);
        if partition != record.partition && wanted.partition.is_none() {
            let sentence = format!(
                "record {at} is on another partition than an earlier event of its aggregate \
                 ({partition})"
            );
            self.tell(Anomaly::MovedKey, (Some(wanted), Some(record)), sentence, found);
        }
        // Rows of a snapshot stand before the stream and in no order among themselves.
        let rank = wanted.order.map_or(0, |order| order + 1);
        let newest = self.newest.entry((aggregate, wanted.partition)).or_default();
        let behind = rank < *newest;
        *newest = rank.max(*newest);
        if behind {
            let sentence = format!(
                "record {at} (event `{}`) stands behind an event of its aggregate that was \
                 committed after it",
                wanted.id
            );
            self.tell(Anomaly::ReorderedKey, (Some(wanted), Some(record)), sentence, found);
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
            self.tell(Anomaly::LostChange, (Some(wanted), None), sentence, found);
        }
    }

    fn tell(
        &self,
        anomaly: Anomaly,
        (wanted, record): (Option<&Routed>, Option<&Record>),
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

/// A header; `None` if there is no such one.
fn header<'r>(record: &'r Record, name: &str) -> Option<&'r Option<Bytes>> {
    record.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value)
}

#[expect(clippy::ref_option, reason = "it is taken from a list of headers")]
fn text_of(value: &Option<Bytes>) -> Option<String> {
    value.as_ref().map(|bytes| String::from_utf8_lossy(&bytes.0).into_owned())
}

fn shown(bytes: Option<&[u8]>) -> String {
    bytes.map_or("null".to_owned(), |bytes| String::from_utf8_lossy(bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::check::testing::table;
    use crate::model::outbox::testing::routed;

    #[rstest]
    #[case("id", false)]
    #[case("account", true)]
    #[case("at", true)]
    #[case("unknown", true)]
    fn numbers_and_truth_values_are_no_texts_in_json(#[case] column: &str, #[case] text: bool) {
        assert_eq!(is_text(&table(), column), text);
    }

    /// `e1@42` committed first, then `e2@42`, then `e3@7`; `s@42` was there before.
    fn wanted() -> Vec<Routed> {
        let event = |id, key, order| {
            let mut event = routed(id, key);
            event.order = order;
            event
        };
        vec![
            event("s", "42", None),
            event("e1", "42", Some(0)),
            event("e2", "42", Some(1)),
            event("e3", "7", Some(2)),
        ]
    }

    /// What is found in records written as `id@key/partition`, `=payload` where it is another one.
    fn found(records: &str) -> String {
        found_after(records, usize::MAX)
    }

    /// The same where the connector was restarted before the record at this offset.
    fn found_after(records: &str, restarted: usize) -> String {
        let (wanted, columns) = (wanted(), ["aggregateid".to_owned()]);
        let mut outbox = Outbox::new("outbox".to_owned(), &columns, &wanted);
        let mut found = Found::default();
        for (offset, written) in records.split_whitespace().enumerate() {
            let (written, payload) = written.split_once('=').unwrap_or((written, "p"));
            let (written, partition) = written.split_once('/').unwrap_or((written, "0"));
            let (id, key) = written.split_once('@').unwrap();
            let record = Record {
                topic: "outbox.event.order".to_owned(),
                partition: partition.parse().unwrap(),
                offset: i64::try_from(offset).unwrap(),
                timestamp: None,
                key: Some(Bytes(format!("\"{key}\"").into_bytes())),
                value: (payload != "null").then(|| Bytes(format!("\"{payload}\"").into_bytes())),
                headers: vec![("id".to_owned(), Some(Bytes(id.as_bytes().to_vec())))],
            };
            outbox.may_replay = offset >= restarted;
            outbox.record("order", &record, &mut found);
        }
        outbox.missing(&BTreeSet::from(["order"]), &mut found);
        let tell = |raw: &super::super::found::Raw| {
            format!("{} {}", raw.finding.anomaly, raw.finding.key.as_deref().unwrap_or("-"))
        };
        found.findings.iter().map(tell).collect::<Vec<_>>().join(", ")
    }

    #[rstest]
    #[case::as_committed("s@42 e1@42 e2@42 e3@7", "")]
    #[case::another_aggregate_may_come_first("e3@7 s@42 e1@42 e2@42", "")]
    #[case::aggregates_on_two_partitions("s@42 e1@42 e3@7/1 e2@42", "")]
    #[case::not_in_commit_order("s@42 e2@42 e1@42 e3@7", "reordered-key 42")]
    #[case::a_snapshot_behind_the_stream("e1@42 s@42 e2@42 e3@7", "reordered-key 42")]
    #[case::on_two_partitions("s@42 e1@42 e2@42/1 e3@7", "moved-key 42")]
    #[case::lost("s@42 e1@42 e3@7", "lost-change 42")]
    #[case::repeated("s@42 e1@42 e1@42 e2@42 e3@7", "duplicate-change 42")]
    #[case::from_nowhere("s@42 e1@42 e2@42 e3@7 e9@42", "phantom-change -")]
    #[case::another_payload("s@42 e1@42=q e2@42 e3@7", "wrong-value 42")]
    #[case::a_tombstone_for_an_event("s@42 e1@42=null e2@42 e3@7", "wrong-value 42")]
    #[case::another_key("s@42 e1@43 e2@42 e3@7", "key-value-mismatch 42")]
    fn each_fault_has_its_name(#[case] records: &str, #[case] expected: &str) {
        assert_eq!(found(records), expected);
    }

    #[test]
    fn events_may_come_again_after_a_restart_and_not_before() {
        let replayed = "s@42 e1@42 e2@42 e1@42 e2@42 e3@7";
        assert_eq!(found_after(replayed, 3), "");
        assert_eq!(found_after(replayed, 4), "duplicate-change 42");
        // A restart is no excuse for events that come late for the first time.
        assert_eq!(found_after("s@42 e2@42 e1@42 e2@42 e3@7", 1), "reordered-key 42");
    }
}
