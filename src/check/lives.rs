//! The life of a finding's key at every hop, looked up in one pass for all findings that are shown.

use std::collections::{BTreeMap, BTreeSet};

use super::case::Case;
use super::flow::Flow;
use super::found::{Raw, Trace};
use super::sinks::shown;
use super::topic::{envelope, letter, position};
use super::verdict::{Finding, Seen};
use crate::codec::debezium::Row;
use crate::codec::pgoutput::Cell;
use crate::codec::value::canonical;
use crate::history::event::SinkMode;
use crate::model::feed::{Columns, Rules, lsn};
use crate::model::source::Change;

/// How many findings have the life of their key looked up.
const LIVES: usize = 100;
/// How many events of a key are kept a hop, those that a finding is about apart.
const EVENTS: usize = 24;
/// The longest text of a row in short.
const ROW_CHARS: usize = 160;

/// Fills in the lives of the first findings.
pub(super) fn look_up(case: &Case<'_>, raws: &mut [Raw]) {
    let mut lives = Lives { by_finding: BTreeMap::new(), scopes: scopes(case, raws) };
    let wanted = raws.iter().enumerate().take(LIVES);
    let wanted = wanted.filter(|(_, raw)| !raw.trace.columns.is_empty());
    let wanted = Wanted::of(wanted.map(|(n, raw)| (n, &raw.trace)));
    if wanted.is_empty() {
        return;
    }
    journal(case, &wanted, &mut lives);
    topics(case, &wanted, &mut lives);
    sinks(case, &wanted, &mut lives);
    for (n, mut life) in lives.by_finding {
        let Some(raw) = raws.get_mut(n) else { continue };
        for seen in &mut life {
            seen.marked = is_about(&raw.finding, seen);
        }
        // The accused hop stands last.
        life.sort_by_key(|seen| seen.hop == raw.finding.place);
        raw.finding.life = trimmed(life);
    }
}

/// Whose lives are looked for. Traces with the same columns stand together, so that a row is
/// looked up once for each such set and not once for each finding.
struct Wanted<'a>(BTreeMap<Vec<&'a str>, ByValues<'a>>);

/// The numbers of the findings whose traces have these values, in the order of their columns.
type ByValues<'a> = BTreeMap<Vec<Option<&'a str>>, Vec<usize>>;

/// A column's value in the form that keys have; `None` for NULL.
type KeyPart = Option<String>;

impl<'a> Wanted<'a> {
    fn of(traces: impl Iterator<Item = (usize, &'a Trace)>) -> Self {
        let mut wanted = BTreeMap::<_, ByValues<'a>>::new();
        for (n, trace) in traces {
            let columns = trace.columns.iter().map(|(name, _)| name.as_str()).collect();
            let values = trace.columns.iter().map(|(_, value)| value.as_deref()).collect();
            wanted.entry(columns).or_default().entry(values).or_default().push(n);
        }
        Self(wanted)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The findings whose trace fits a row: all of the trace's columns that the row has are equal,
    /// and it has at least one. `value` gives a column of the row; outer `None`: no such column.
    fn fitting(&self, value: &dyn Fn(&str) -> Option<KeyPart>) -> Vec<usize> {
        let mut fitting = Vec::new();
        for (columns, traces) in &self.0 {
            let row = columns.iter().map(|column| value(column)).collect::<Vec<_>>();
            if row.iter().all(Option::is_none) {
                continue;
            }
            if row.iter().all(Option::is_some) {
                let exact = row.iter().map(|value| value.as_ref().and_then(Option::as_deref));
                fitting.extend(traces.get(&exact.collect::<Vec<_>>()).into_iter().flatten());
                continue;
            }
            for (values, findings) in traces {
                let fits = values.iter().enumerate().all(|(n, wanted)| {
                    let has = row.get(n).and_then(Option::as_ref);
                    has.is_none_or(|has| has.as_deref() == *wanted)
                });
                if fits {
                    fitting.extend(findings);
                }
            }
        }
        fitting
    }
}

/// The lives so far, by the numbers of their findings.
struct Lives {
    by_finding: BTreeMap<usize, Vec<Seen>>,
    scopes: Vec<Option<Scope>>,
}

/// The hops that a finding's life goes through: those behind the accused one, and itself.
struct Scope {
    /// Topics of source tables.
    topics: BTreeSet<String>,
    sinks: BTreeSet<String>,
}

/// The scopes of the first findings; `None` where it is not known what lies behind one.
fn scopes(case: &Case<'_>, raws: &[Raw]) -> Vec<Option<Scope>> {
    let flow = Flow::of(&case.index);
    let of = |place: &str| {
        if let Some(topic) = case.topics.iter().find(|topic| topic.place == place) {
            let topics = [topic.topic.name.clone()].into();
            return Some(Scope { topics, sinks: BTreeSet::new() });
        }
        let mut behind = flow.behind(place);
        behind.sinks.insert(place.to_owned());
        let is_known = !behind.topics.is_empty();
        is_known.then_some(Scope { topics: behind.topics, sinks: behind.sinks })
    };
    raws.iter().take(LIVES).map(|raw| of(&raw.finding.place)).collect()
}

impl Lives {
    /// What a source topic, or the journal about its table, has seen.
    fn of_topic(&mut self, topic: &str, findings: Vec<usize>, seen: &Seen) {
        self.add(findings, seen, |scope| scope.topics.contains(topic));
    }

    fn of_sink(&mut self, sink: &str, findings: Vec<usize>, seen: &Seen) {
        self.add(findings, seen, |scope| scope.sinks.contains(sink));
    }

    fn add(&mut self, findings: Vec<usize>, seen: &Seen, is_in: impl Fn(&Scope) -> bool) {
        for finding in findings {
            let scope = self.scopes.get(finding).and_then(Option::as_ref);
            if !scope.is_none_or(&is_in) {
                continue;
            }
            let life = self.by_finding.entry(finding).or_default();
            if life.last() != Some(seen) {
                life.push(seen.clone());
            }
        }
    }
}

fn journal(case: &Case<'_>, wanted: &Wanted<'_>, lives: &mut Lives) {
    for transaction in &case.transactions {
        for change in transaction.changes.iter().filter(|change| change.published) {
            let Some(rules) = case.rules_of(change.table) else { continue };
            let Some(columns) = case.columns.get(change.table) else { continue };
            let mut fitting = Vec::new();
            for row in [&change.old, &change.new].into_iter().flatten() {
                let value = |name: &str| cell(columns, rules, change, row, name);
                fitting.extend(wanted.fitting(&value));
            }
            fitting.sort_unstable();
            fitting.dedup();
            if fitting.is_empty() {
                continue;
            }
            let row = change.new.as_ref().or(change.old.as_ref());
            let row = row.map_or_else(String::new, |row| in_short(&change.columns, row));
            let table = case.place_of(&columns.table);
            let seen = Seen {
                hop: "journal".to_owned(),
                commit: Some(change.position.commit),
                lsn: Some(change.lsn),
                xid: Some(change.xid),
                record: None,
                event: change.kind.name().to_owned(),
                row: shortened(format!("{table}: {row}")),
                marked: false,
            };
            let topic = topic_of(case, change.table).unwrap_or_default();
            lives.of_topic(topic, fitting, &seen);
        }
    }
}

/// The topic of a table, by its place in the history's tables.
fn topic_of<'c>(case: &'c Case<'_>, table: usize) -> Option<&'c str> {
    let table = case.index.tables.get(table)?;
    let full = format!("{}.{}", table.schema, table.name);
    let (topic, _) = case.index.sources().find(|(_, name)| *name == full)?;
    Some(topic.name.as_str())
}

/// A value of a row of the journal, in the form that keys have.
fn cell(
    columns: &Columns<'_>,
    rules: &Rules,
    change: &Change,
    row: &[Cell],
    name: &str,
) -> Option<KeyPart> {
    let place = change.columns.iter().position(|column| column == name)?;
    let columns = columns.at(change.lsn);
    let value = columns.value(name, row.get(place)?, &rules.encoding).ok()?;
    Some(canonical(&value))
}

pub(super) fn in_short(columns: &[String], row: &[Cell]) -> String {
    let columns = columns.iter().enumerate();
    let shown = columns.filter_map(|(place, name)| match row.get(place)? {
        Cell::Null => Some(format!("{name}=NULL")),
        Cell::Text(text) => Some(format!("{name}={}", text.chars().take(40).collect::<String>())),
        Cell::Unchanged => None,
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn topics(case: &Case<'_>, wanted: &Wanted<'_>, lives: &mut Lives) {
    for topic in &case.topics {
        let Some(rules) = case.rules_of(topic.table) else { continue };
        let Some(columns) = case.columns.get(topic.table) else { continue };
        for logged in &topic.log {
            let envelope = envelope(logged);
            let rows = [
                logged.message.key.as_ref(),
                envelope.and_then(|envelope| envelope.after.as_ref()),
                envelope.and_then(|envelope| envelope.before.as_ref()),
            ];
            let mut fitting = Vec::new();
            for row in rows.into_iter().flatten() {
                let columns = columns.of_record(lsn(&logged.message), row);
                let value = |name: &str| {
                    let raw = row.get(name)?;
                    columns.kind(name)?;
                    Some(canonical(&columns.captured(name, raw, &rules.encoding).ok()?))
                };
                fitting.extend(wanted.fitting(&value));
            }
            fitting.sort_unstable();
            fitting.dedup();
            if fitting.is_empty() {
                continue;
            }
            let shown = envelope.and_then(|e| e.after.as_ref().or(e.before.as_ref()));
            let row = shown.or(logged.message.key.as_ref()).map_or_else(String::new, raw_row);
            let source = envelope.map(|envelope| &envelope.source);
            let seen = Seen {
                hop: topic.topic.name.clone(),
                commit: None,
                lsn: source.and_then(|source| source.lsn),
                xid: source.and_then(|source| source.xid),
                record: Some(position(logged.record)),
                event: letter(logged).to_owned(),
                row: shortened(row),
                marked: false,
            };
            lives.of_topic(&topic.topic.name, fitting, &seen);
        }
    }
}

pub(super) fn raw_row(row: &Row<'_>) -> String {
    let shown = row.iter().map(|(name, raw)| {
        let text = raw.get().chars().take(40).collect::<String>();
        format!("{name}={text}")
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn sinks(case: &Case<'_>, wanted: &Wanted<'_>, lives: &mut Lives) {
    for sink in &case.sinks {
        for emitted in &sink.log {
            let value = |name: &str| match (&emitted.row, &emitted.key) {
                (Some(row), _) => row.get(name).map(canonical),
                (None, Some(key)) => {
                    let place = sink.shape.table.key.iter().position(|column| column == name)?;
                    key.parts().get(place).cloned()
                }
                (None, None) => None,
            };
            let fitting = wanted.fitting(&value);
            if fitting.is_empty() {
                continue;
            }
            let event = match (sink.shape.table.mode, &emitted.row) {
                (SinkMode::Append, _) | (SinkMode::Retract, Some(_)) => "+I",
                (SinkMode::Upsert, Some(_)) => "+U",
                (SinkMode::Upsert | SinkMode::Retract, None) => "-D",
            };
            let key = || emitted.key.as_ref().map_or_else(String::new, ToString::to_string);
            let seen = Seen {
                hop: sink.name.to_owned(),
                commit: None,
                lsn: None,
                xid: None,
                record: Some(position(emitted.record)),
                event: event.to_owned(),
                row: shortened(emitted.row.as_ref().map_or_else(key, shown)),
                marked: false,
            };
            lives.of_sink(sink.name, fitting, &seen);
        }
    }
}

pub(super) fn shortened(row: String) -> String {
    match row.char_indices().nth(ROW_CHARS) {
        Some((at, _)) => format!("{}…", row.get(..at).unwrap_or("")),
        None => row,
    }
}

/// Whether this line is what the finding is about.
fn is_about(finding: &Finding, seen: &Seen) -> bool {
    match &seen.record {
        Some(record) => finding.record.as_ref() == Some(record),
        None => {
            let at = finding.position.map(|position| position.commit);
            finding.record.is_none() && seen.commit.is_some() && seen.commit == at
        }
    }
}

/// Keeps the last events of each hop, and all that are marked.
fn trimmed(life: Vec<Seen>) -> Vec<Seen> {
    let mut left = BTreeMap::<String, usize>::new();
    for seen in &life {
        *left.entry(seen.hop.clone()).or_default() += 1;
    }
    let keep = |seen: &Seen| {
        let left = left.entry(seen.hop.clone()).or_default();
        *left = left.saturating_sub(1);
        seen.marked || *left < EVENTS
    };
    life.into_iter().filter(keep).collect()
}
