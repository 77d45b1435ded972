//! The sink agrees with its reference, at every proven quiescence.

use std::collections::{BTreeMap, BTreeSet};

use super::arrival;
use super::case::Case;
use super::flow::Flow;
use super::found::{Draft, Found, Raw};
use super::sinks::{RowDiff, Rows, SinkCase, equal, shown};
use super::unfit;
use super::verdict::Difference;
use crate::base::anomaly::Anomaly;
use crate::base::value::Value;
use crate::codec::debezium::PLACEHOLDER;
use crate::codec::flink::Row;
use crate::history::event::{Proof, Role, Side};
use crate::model::key::Key;
use crate::model::sink::{Emitted, texts};
use crate::scenario::expect::Level;

pub(super) const FINDS: &[Anomaly] = &[
    Anomaly::DivergedSink,
    Anomaly::GhostRow,
    Anomaly::StaleOverwrite,
    // At a sink; at topics they have checkers of their own.
    Anomaly::LostChange,
    Anomaly::DuplicateChange,
    Anomaly::Replay,
    Anomaly::ToastPlaceholder,
];

pub(super) fn check(case: &Case<'_>, found: &mut Found) {
    let flow = Flow::of(&case.index);
    for sink in case.sinks.iter().filter(|sink| sink.is_looked_at(&case.index)) {
        // What comes after a window has fired is not in it, and need not be.
        let windows = case.level(sink) == Level::Windows;
        let mut earlier = Earlier::of(sink);
        let mut findings = Vec::<Raw>::new();
        for proof in &case.index.proofs {
            let at_the_end = case.last_proof().is_some_and(|last| last.number == proof.number);
            let compared = sink.compare(&case.index, proof).and_then(|(reference, diffs)| {
                let diffs = arrival::admit(case, (sink, proof), &reference, diffs)?;
                Ok((reference, diffs))
            });
            let (reference, diffs) = match compared {
                Ok(compared) => compared,
                Err(_) if windows => continue,
                Err(gap) => {
                    // What it is over is still to come.
                    if !sink.is_defined(&case.index, proof) {
                        continue;
                    }
                    if !found.gaps.contains(&gap) {
                        found.gaps.push(gap);
                    }
                    continue;
                }
            };
            // Barriers are transactions too, and nothing tells them from the author's there.
            if !diffs.is_empty()
                && let Some(topic) = metadata(case, &flow, sink)
            {
                found.gap(
                    format!("whether `{}` equals its reference", sink.name),
                    format!(
                        "it differs, and its statement reads `{topic}`, where the run's own \
                         transactions stand among those of the timeline: join them with records of \
                         your tables, or leave the sink `unjudged`"
                    ),
                );
                continue;
            }
            let is_plain =
                |diff: &&RowDiff<'_>| diff.expected.as_ref().is_some_and(|row| sink.is_plain(row));
            let diffs = diffs.iter().filter(|diff| !windows || is_plain(diff)).collect::<Vec<_>>();
            let hop =
                (!diffs.is_empty()).then(|| FirstHop::of(case, &flow, (sink, proof), &reference));
            for (diff, hop) in diffs.iter().filter_map(|diff| Some((*diff, hop.as_ref()?))) {
                let mut raw = finding(case, (sink, proof), &reference, (diff, &earlier), hop);
                // A repeat that the contract allows is no wrong row.
                raw.at_the_end = at_the_end && raw.finding.anomaly != Anomaly::Replay;
                findings.push(raw);
            }
            earlier.remember(&reference);
        }
        found.findings.extend(latest(findings));
    }
}

/// The topic of transaction metadata, where a sink's statements read it.
fn metadata<'c>(case: &Case<'c>, flow: &Flow<'_>, sink: &SinkCase<'_>) -> Option<&'c str> {
    let topics = case.index.topics.iter().filter(|topic| topic.role == Role::Transaction);
    let mut names = topics.map(|topic| topic.name.as_str());
    names.find(|topic| flow.behind(sink.name).topics.contains(*topic))
}

/// A row that stands wrong at several proofs is one finding: the last.
fn latest(findings: Vec<Raw>) -> Vec<Raw> {
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    for raw in findings.into_iter().rev() {
        let of_key = raw.finding.key.clone();
        if of_key.is_none() && !raw.at_the_end {
            // Rows without key are told apart by their content.
            let row = raw.finding.difference.first().cloned();
            let again = |kept: &Raw| kept.finding.difference.first() == row.as_ref();
            if kept.iter().any(again) {
                continue;
            }
        }
        if of_key.is_none() || seen.insert(of_key) {
            kept.push(raw);
        }
    }
    kept.reverse();
    kept
}

/// What is known of each key's past: the rows that the reference had at earlier proofs, and those
/// that the sink wrote.
struct Earlier<'a> {
    held: BTreeMap<Key, Vec<Row>>,
    written: BTreeMap<&'a Key, Vec<&'a Row>>,
}

impl<'a> Earlier<'a> {
    fn of(sink: &'a SinkCase<'_>) -> Self {
        let mut written = BTreeMap::<_, Vec<_>>::new();
        for emitted in &sink.log {
            if let (Some(key), Some(row)) = (&emitted.key, &emitted.row) {
                written.entry(key).or_default().push(row);
            }
        }
        Self { held: BTreeMap::new(), written }
    }

    fn remember(&mut self, reference: &Rows) {
        for (key, row) in &reference.keyed {
            let rows = self.held.entry(key.clone()).or_default();
            if rows.last() != Some(row) {
                rows.push(row.clone());
            }
        }
    }

    fn held(&self, key: &Key, row: &Row, columns: &[String]) -> bool {
        self.held.get(key).is_some_and(|rows| rows.iter().any(|old| equal(old, row, columns)))
    }

    /// Whether the sink itself shows it: the value that stands was written before the right one,
    /// and again after it.
    fn overwritten(&self, key: &Key, (right, stale): (&Row, &Row), columns: &[String]) -> bool {
        let rows = self.written.get(key).map_or(&[][..], Vec::as_slice);
        let (mut stale_seen, mut right_seen) = (false, false);
        for row in rows {
            right_seen |= stale_seen && equal(row, right, columns);
            stale_seen |= equal(row, stale, columns);
        }
        stale_seen && right_seen
    }
}

/// Which hop went wrong first: the reference over the input topics tells.
struct FirstHop {
    topics: Option<Rows>,
    /// How often an append sink's rows are in the reference over the topics, and over the journal.
    counts: BTreeMap<Vec<Option<String>>, (usize, usize)>,
    /// `cdc.public.a, cdc.public.b`
    sources: String,
    /// `cdc.public.a → totals`, where the statement's own input is right.
    own: String,
    /// The hop before a sink that the statement reads, and that is wrong itself.
    before: Option<String>,
}

impl FirstHop {
    fn of(
        case: &Case<'_>,
        flow: &Flow<'_>,
        (sink, proof): (&SinkCase<'_>, &Proof),
        reference: &Rows,
    ) -> Self {
        let all = case.index.sources().map(|(topic, _)| topic.name.as_str()).collect::<Vec<_>>();
        let behind = flow.behind(sink.name);
        let jobs = proof.jobs.iter().filter(|job| job.sinks.iter().any(|name| name == sink.name));
        let read = jobs.flat_map(|job| &job.sources).map(|(_, topic, ..)| topic.as_str());
        let read = read.chain(behind.topics.iter().map(String::as_str)).collect::<BTreeSet<_>>();
        let sources = all.iter().filter(|topic| read.contains(*topic)).copied();
        let sources = sources.collect::<Vec<_>>();
        let sources = if sources.is_empty() { all } else { sources }.join(", ");
        let topics = sink.reference(&case.index, proof, Side::Topics).ok();
        let mut counts = BTreeMap::<_, (usize, usize)>::new();
        for row in topics.iter().flat_map(|topics| &topics.bag) {
            counts.entry(texts(row, &reference.columns)).or_default().0 += 1;
        }
        for row in &reference.bag {
            counts.entry(texts(row, &reference.columns)).or_default().1 += 1;
        }
        let own = flow.hop_into(sink.name).unwrap_or_else(|| format!("{sources} → {}", sink.name));
        let mut before = case.sinks.iter().filter(|other| behind.sinks.contains(other.name));
        let before = before.find_map(|other| Self::wrong(case, flow, (other, proof)));
        Self { topics, counts, sources, own, before }
    }

    /// The first wrong hop of a sink that differs from its reference at the proof.
    fn wrong(
        case: &Case<'_>,
        flow: &Flow<'_>,
        (sink, proof): (&SinkCase<'_>, &Proof),
    ) -> Option<String> {
        let is_compared = sink.judged && !sink.stopped && case.level(sink) != Level::Windows;
        let (reference, diffs) = sink.compare(&case.index, proof).ok().filter(|_| is_compared)?;
        let hop = Self::of(case, flow, (sink, proof), &reference);
        hop.of_row(diffs.first()?, &reference)
    }

    fn of_row(&self, diff: &RowDiff<'_>, reference: &Rows) -> Option<String> {
        if let Some(before) = &self.before {
            return Some(before.clone());
        }
        let topics = self.topics.as_ref()?;
        let from_topics = match &diff.key {
            Some(key) => match (topics.keyed.get(key), diff.expected.as_ref()) {
                (Some(topics), Some(journal)) => equal(topics, journal, &reference.columns),
                (None, None) => true,
                (Some(_), None) | (None, Some(_)) => false,
            },
            None => {
                let captured = diff.captured.as_ref().and_then(|emitted| emitted.row.as_ref());
                let row = diff.expected.as_ref().or(captured);
                let counts = row.and_then(|row| self.counts.get(&texts(row, &reference.columns)));
                counts.is_none_or(|(topics, journal)| topics == journal)
            }
        };
        Some(if from_topics { self.own.clone() } else { format!("journal → {}", self.sources) })
    }
}

fn finding(
    case: &Case<'_>,
    (sink, proof): (&SinkCase<'_>, &Proof),
    reference: &Rows,
    (diff, earlier): (&RowDiff<'_>, &Earlier<'_>),
    hop: &FirstHop,
) -> Raw {
    let captured = diff.captured.as_ref().and_then(|emitted| emitted.row.as_ref());
    let anomaly = name((case, sink), reference, (diff, earlier));
    let place = sink.name;
    let columns = differing(diff.expected.as_ref(), captured, reference);
    let what = match anomaly {
        Anomaly::GhostRow => format!("`{place}` holds a row that its reference does not have"),
        Anomaly::LostChange => format!("`{place}` lacks a row that its reference has"),
        Anomaly::DuplicateChange | Anomaly::Replay => {
            format!("`{place}` holds a row more often than its reference has it")
        }
        Anomaly::StaleOverwrite => {
            format!("`{place}` shows an older `{columns}` of the row than its reference")
        }
        Anomaly::ToastPlaceholder => {
            format!("`{place}` shows the placeholder of an unchanged TOAST value in `{columns}`")
        }
        _ => format!("`{place}` shows another `{columns}` than its reference"),
    };
    let healed = case.last_proof().is_some_and(|last| last.number != proof.number);
    let when =
        if healed { format!(" at proof {} (not at the end)", proof.number) } else { String::new() };
    let cause = diff.expected.as_ref();
    let cause = cause.and_then(|row| unfit::of_row(sink, row, captured, &reference.columns));
    let cause = cause.map_or_else(String::new, |cause| format!(": {cause}"));
    let mut found = Found::default();
    found.add(Draft {
        anomaly,
        place,
        key: diff.key.as_ref(),
        key_columns: &sink.shape.table.key,
        sentence: format!("{what}{when}{cause}"),
        record: first_wrong((sink, proof), diff).map(|emitted| emitted.record),
        position: None,
        first_hop: hop.of_row(diff, reference),
        difference: lines(diff.expected.as_ref(), captured, reference),
    });
    found.findings.remove(0)
}

/// The record from which on the sink has shown what it shows: the first of the last ones of the key
/// that all say the same.
fn first_wrong<'d>(
    (sink, proof): (&'d SinkCase<'_>, &Proof),
    diff: &'d RowDiff<'_>,
) -> Option<&'d Emitted<'d>> {
    let captured = diff.captured.as_ref();
    if diff.key.is_none() || diff.repeated || !sink.shape.table.kept.is_topic() {
        return captured;
    }
    let ends = proof.ends.get(&sink.shape.table.topic).map_or(&[][..], Vec::as_slice);
    let is_below = |emitted: &&Emitted<'_>| {
        let partition = usize::try_from(emitted.record.partition).unwrap_or(usize::MAX);
        ends.get(partition).is_some_and(|(_, end)| emitted.record.offset < *end)
    };
    let of_key = sink.log.iter().filter(|emitted| emitted.key == diff.key).filter(is_below);
    let row = captured.and_then(|emitted| emitted.row.as_ref());
    let same = of_key.rev().take_while(|emitted| emitted.row.as_ref() == row);
    same.last().or(captured)
}

fn name(
    (case, sink): (&Case<'_>, &SinkCase<'_>),
    reference: &Rows,
    (diff, earlier): (&RowDiff<'_>, &Earlier<'_>),
) -> Anomaly {
    let captured = diff.captured.as_ref().and_then(|emitted| emitted.row.as_ref());
    let replayed =
        || diff.captured.as_ref().is_some_and(|emitted| sink.may_repeat_at(case, emitted));
    let (Some(expected), Some(captured)) = (&diff.expected, captured) else {
        return match (&diff.expected, diff.repeated) {
            (Some(_), _) => Anomaly::LostChange,
            (None, true) if diff.key.is_none() && replayed() => Anomaly::Replay,
            (None, true) => Anomaly::DuplicateChange,
            (None, false) => Anomaly::GhostRow,
        };
    };
    let rules = case.feeds.iter().filter_map(|feed| feed.rules.as_ref());
    let mut placeholders: Vec<_> = rules.map(|rules| rules.encoding.placeholder()).collect();
    if placeholders.is_empty() {
        placeholders.push(PLACEHOLDER);
    }
    let is = |value: Option<&Value>| matches!(value, Some(Value::Text(text)) if placeholders.contains(&text.as_str()));
    let marked = |column: &String| is(captured.get(column)) && !is(expected.get(column));
    if reference.columns.iter().any(marked) {
        return Anomaly::ToastPlaceholder;
    }
    let Some(key) = &diff.key else { return Anomaly::DivergedSink };
    let columns = &reference.columns;
    let older = earlier.held(key, captured, columns)
        || earlier.overwritten(key, (expected, captured), columns);
    if older { Anomaly::StaleOverwrite } else { Anomaly::DivergedSink }
}

/// The differing columns, by name.
fn differing(expected: Option<&Row>, captured: Option<&Row>, reference: &Rows) -> String {
    let (Some(expected), Some(captured)) = (expected, captured) else { return String::new() };
    let differs = |column: &&String| !equal(expected, captured, std::slice::from_ref(*column));
    let columns = reference.columns.iter().filter(differs).map(String::as_str);
    columns.collect::<Vec<_>>().join("`, `")
}

/// `-expected +captured`: a line a column, or one for a whole row.
pub(super) fn lines(
    expected: Option<&Row>,
    captured: Option<&Row>,
    reference: &Rows,
) -> Vec<Difference> {
    let (Some(expected), Some(captured)) = (expected, captured) else {
        let whole = Difference {
            column: None,
            expected: expected.map(shown),
            captured: captured.map(shown),
        };
        return vec![whole];
    };
    let differs = |column: &&String| !equal(expected, captured, std::slice::from_ref(*column));
    let line = |column: &String| Difference {
        column: Some(column.clone()),
        expected: expected.get(column).map(ToString::to_string),
        captured: captured.get(column).map(ToString::to_string),
    };
    reference.columns.iter().filter(differs).map(line).collect()
}
