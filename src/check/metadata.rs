//! The transaction metadata say of each transaction what it holds.
//!
//! The ids of BEGIN, END and records of one transaction differ (each carries the LSN of its own
//! event); what they have in common is the transaction's number before the colon.
//!
//! Source: Debezium's manual, PostgreSQL connector, "Transaction metadata": an id is `txID:LSN`
//! of its own operation. Seen on 3.6.3 (scenario
//! `transactions/metadata-counts-every-transaction`).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::case::Case;
use super::found::{Draft, Found};
use super::topic::{TopicCase, position};
use crate::base::anomaly::Anomaly;
use crate::base::position::Xid;
use crate::codec::debezium::{Op, payload};
use crate::history::event::{Record, Role, Topic};
use crate::model::feed::{Rules, key_changed};
use crate::model::source::{Change, Kind, Transaction};

pub(super) const FINDS: &[Anomaly] = &[Anomaly::TornTransaction];

/// A record of the transaction topic.
#[derive(Debug, Deserialize)]
struct Mark {
    status: String,
    id: String,
    event_count: Option<u64>,
    data_collections: Option<Vec<Collection>>,
}

#[derive(Debug, Deserialize)]
struct Collection {
    data_collection: String,
    event_count: u64,
}

/// What the topic says of one transaction.
#[derive(Default)]
struct Marks<'a> {
    begins: Vec<&'a Record>,
    ends: Vec<(&'a Record, Mark)>,
    /// Marks that repeat one which was there, where nothing was started again that could.
    repeated: Vec<(&'static str, &'a Record)>,
}

impl<'a> Marks<'a> {
    /// A further mark; `may_repeat`: a restart explains that it comes again.
    fn add(&mut self, (mark, record): (Mark, &'a Record), may_repeat: bool) {
        let begins = mark.status == "BEGIN";
        let n = if begins { self.begins.len() } else { self.ends.len() };
        if n > 0 && !may_repeat {
            self.repeated.push((if begins { "BEGIN" } else { "END" }, record));
        }
        if begins {
            self.begins.push(record);
        } else {
            self.ends.push((record, mark));
        }
    }
}

/// What a record says, behind its schema or without one.
fn mark(record: &Record) -> Option<Mark> {
    let raw = payload(&record.value.as_ref()?.0).ok()??;
    serde_json::from_str(raw.get()).ok()
}

pub(super) fn check(case: &Case<'_>, found: &mut Found) {
    let topics = case.index.topics.iter().filter(|topic| topic.role == Role::Transaction);
    for topic in topics {
        let of = case.feeds.iter().position(|feed| feed.name == topic.connector.as_deref());
        if let Some(nth) = of {
            check_topic(case, (nth, topic), found);
        }
    }
}

/// The metadata of one connector's transactions: as far as it captures them.
fn check_topic(case: &Case<'_>, (nth, topic): (usize, &Topic), found: &mut Found) {
    let Some(feed) = case.feeds.get(nth) else { return };
    let (Some(point), Some(proof)) = (feed.point, case.last_proof()) else { return };
    let mut marks = BTreeMap::<Xid, Marks<'_>>::new();
    let replays = case.replays_from(&topic.name);
    for (place, record) in case.index.of_topic(&topic.name).iter().enumerate() {
        match mark(record).map(|mark| (number(&mark.id), mark)) {
            Some((Some(xid), mark)) if matches!(mark.status.as_str(), "BEGIN" | "END") => {
                let may_repeat = replays.is_some_and(|from| place >= from);
                marks.entry(xid).or_default().add((mark, record), may_repeat);
            }
            _ => {
                let what = format!("record {} of the transaction metadata", position(record));
                found.gap(what, "it is neither a BEGIN nor an END");
            }
        }
    }
    let due = |t: &&Transaction| {
        t.commit >= point && proof.last_commit_end.is_some_and(|last| t.end <= last)
    };
    for transaction in case.transactions.iter().filter(due) {
        let captured = transaction.changes.iter().filter(|change| is_captured(case, nth, change));
        let captured = captured.map(AsRef::as_ref).collect::<Vec<_>>();
        if captured.is_empty() {
            continue;
        }
        let of = Torn { case, rules: feed.rules.as_ref(), transaction, captured };
        let empty = Marks::default();
        for sentence in of.marks(marks.get(&transaction.xid).unwrap_or(&empty), &topic.name) {
            found.add(of.draft("connector", sentence));
        }
        for topic in case.topics.iter().filter(|topic| case.feed_place(topic.table) == nth) {
            let columns = case.columns.get(topic.table);
            let unwrapped = columns.is_some_and(|columns| columns.shape.unwrapped.is_some());
            if let Some(sentence) = of.records(topic).filter(|_| !unwrapped) {
                found.add(of.draft(&topic.place, sentence));
            }
        }
    }
}

/// The transaction's number of an id like `727:22075944`.
fn number(id: &str) -> Option<Xid> {
    let number = id.split(':').next()?.parse::<u64>().ok()?;
    u32::try_from(number & u64::from(u32::MAX)).ok().map(Xid)
}

fn is_captured(case: &Case<'_>, nth: usize, change: &Change) -> bool {
    let columns = case.columns.get(change.table);
    let is_own = case.feed_place(change.table) == nth;
    is_own && change.published && columns.is_some_and(|columns| columns.table.captured)
}

struct Torn<'c, 'a> {
    case: &'c Case<'a>,
    rules: Option<&'c Rules>,
    transaction: &'c Transaction,
    captured: Vec<&'c Change>,
}

impl Torn<'_, '_> {
    /// How many records a change is counted as, at least and at most: a key change is a delete and
    /// a create, and an operation that is skipped is not counted.
    fn counted(&self, change: &Change) -> (u64, u64) {
        let rules = self.rules;
        let end = self.transaction.end;
        let skips = |op| rules.is_some_and(|rules| rules.skips(op, end));
        let columns = self.case.columns.get(change.table);
        let key_changed = rules
            .zip(columns)
            .map_or(Ok(change.key_changed), |(rules, columns)| key_changed(columns, change, rules));
        // What cannot be read is a gap at the topic.
        let key_changed = key_changed.unwrap_or(change.key_changed);
        match change.kind {
            Kind::Truncate if skips(Op::Truncate) => (0, 0),
            Kind::Insert if skips(Op::Create) => (0, 0),
            Kind::Delete if skips(Op::Delete) => (0, 0),
            Kind::Update if skips(Op::Update) && !key_changed => (0, 0),
            Kind::Update if key_changed => (0, 2),
            Kind::Insert | Kind::Update | Kind::Delete | Kind::Truncate => (1, 1),
        }
    }

    fn count(&self, table: Option<&str>) -> (u64, u64) {
        let of_table = |change: &&&Change| {
            let name = self.case.index.tables.get(change.table);
            let name = name.map(|table| format!("{}.{}", table.schema, table.name));
            table.is_none_or(|table| name.as_deref() == Some(table))
        };
        let counts = self.captured.iter().filter(of_table).map(|change| self.counted(change));
        counts.fold((0, 0), |(least, most), (a, b)| (least + a, most + b))
    }

    fn marks(&self, marks: &Marks<'_>, topic: &str) -> Vec<String> {
        let xid = self.transaction.xid;
        let mut sentences = Vec::new();
        for (name, count) in [("BEGIN", marks.begins.len()), ("END", marks.ends.len())] {
            if count == 0 {
                sentences.push(format!("`{topic}` has no {name} of transaction {xid}"));
            }
        }
        for (name, record) in &marks.repeated {
            sentences.push(format!(
                "record {} is a second {name} of transaction {xid}, and nothing was started again",
                position(record)
            ));
        }
        let Some((record, end)) = marks.ends.last() else { return sentences };
        let behind =
            |begin: &Record| begin.partition == record.partition && begin.offset > record.offset;
        let mut begins = marks.begins.iter();
        if marks.ends.len() > 1 {
            // Which END belongs to which BEGIN, nothing tells.
        } else if begins.next().is_some_and(|begin| behind(begin)) {
            sentences.push(format!("the END of transaction {xid} stands before its BEGIN"));
        } else if marks.repeated.is_empty() && begins.any(|begin| behind(begin)) {
            sentences.push(format!("no END follows the second BEGIN of transaction {xid}"));
        }
        let fits = |(least, most): (u64, u64), count: u64| (least..=most).contains(&count);
        let all = self.count(None);
        if let Some(count) = end.event_count.filter(|count| !fits(all, *count)) {
            let (_, expected) = all;
            sentences.push(format!(
                "the END of transaction {xid} ({}) counts {count} events, the journal has {expected}",
                position(record)
            ));
        }
        for collection in end.data_collections.iter().flatten() {
            let expected = self.count(Some(&collection.data_collection));
            if !fits(expected, collection.event_count) {
                sentences.push(format!(
                    "the END of transaction {xid} ({}) counts {} events of `{}`, the journal has {}",
                    position(record),
                    collection.event_count,
                    collection.data_collection,
                    expected.1
                ));
            }
        }
        sentences
    }

    /// The place of each record in its transaction, as it says itself. Where a change may be
    /// counted as several records, nothing is said.
    fn records(&self, topic: &TopicCase<'_>) -> Option<String> {
        if self.captured.iter().any(|change| self.counted(change) != (1, 1)) {
            return None;
        }
        let own = topic.matched().filter_map(|(_, wanted, logged)| {
            let change = wanted.change.as_ref()?;
            let place = self.captured.iter().position(|c| c.position == change.position)?;
            Some((place, change, logged))
        });
        for (place, change, logged) in own {
            let Some(envelope) = super::topic::envelope(logged) else { continue };
            let at = position(logged.record);
            let Some(block) = &envelope.transaction else {
                return Some(format!("record {at} names no transaction"));
            };
            if number(&block.id) != Some(self.transaction.xid) {
                let (shown, xid) = (&block.id, self.transaction.xid);
                return Some(format!(
                    "record {at} names transaction {shown}, and is of transaction {xid}"
                ));
            }
            let before = self.captured.iter().take(place).filter(|c| c.table == change.table);
            let in_table = before.count() + 1;
            let expected = (place + 1, in_table);
            let shown = (block.total_order, block.data_collection_order);
            let differs = |shown: u64, expected: usize| u64::try_from(expected) != Ok(shown);
            if differs(shown.0, expected.0) || differs(shown.1, expected.1) {
                return Some(format!(
                    "record {at} says it is number {} of its transaction and number {} of its \
                     table there; by the journal it is {} and {}",
                    shown.0, shown.1, expected.0, expected.1
                ));
            }
        }
        None
    }

    fn draft<'d>(&self, place: &'d str, sentence: String) -> Draft<'d> {
        Draft {
            anomaly: Anomaly::TornTransaction,
            place,
            key: None,
            key_columns: &[],
            sentence,
            record: None,
            position: self.captured.first().map(|change| change.position),
            first_hop: None,
            difference: Vec::new(),
        }
    }
}
