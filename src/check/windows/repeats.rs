//! No window is written more often than the sink's contract allows.
//!
//! A window fires once. After a restart that was recorded its statement may write it again, unless
//! exactly-once is demanded; whatever else is written twice is a fault, whenever it is written: before
//! the restart, and behind the proof that judged the window. Where rows of other tables come to a
//! window after it has fired it may be written again, and what it shows last is judged.
//!
//! Source: Flink's manual, Kafka SQL connector, "Consistency guarantees". Seen on Flink 2.2.0
//! (scenarios `windows/a-restart-from-a-savepoint-writes-no-window-again` and
//! `windows/a-restart-from-nothing-writes-windows-again`).

use std::collections::BTreeMap;

use super::super::sinks::equal;
use super::ends::at_cuts;
use super::firing::Judge;
use crate::base::anomaly::Anomaly;
use crate::codec::flink::Row;
use crate::model::key::Key;
use crate::model::sink::{Emitted, texts};
use crate::scenario::expect::Delivery;

/// The values of a row, each as its one text.
pub(super) type Form = Vec<Option<String>>;

/// How often rows without key may stand there: what the reference gives at all states of the input
/// at which their windows may have fired.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    /// The least and the most of each row.
    forms: BTreeMap<Form, (usize, usize)>,
    /// The most rows at any one state.
    total: usize,
    rows: Vec<Row>,
}

impl Bounds {
    /// Of the rows at each of the states.
    pub(super) fn of(states: &[Vec<Row>], columns: &[String]) -> Self {
        let mut bounds = Self::default();
        let mut counts = Vec::new();
        for rows in states {
            let mut count = BTreeMap::<Form, usize>::new();
            for row in rows {
                *count.entry(texts(row, columns)).or_default() += 1;
            }
            bounds.total = bounds.total.max(rows.len());
            counts.push(count);
        }
        for row in states.iter().flatten() {
            let form = texts(row, columns);
            let own = counts.iter().map(|count| count.get(&form).copied().unwrap_or_default());
            let (least, most) = (own.clone().min().unwrap_or(0), own.max().unwrap_or(0));
            if bounds.forms.insert(form, (least, most)).is_none() {
                bounds.rows.push(row.clone());
            }
        }
        bounds
    }

    /// The form that the reference gives to a row, up to the tolerance of floating-point numbers.
    pub(super) fn form(&self, row: &Row, columns: &[String]) -> Option<Form> {
        let form = texts(row, columns);
        if self.forms.contains_key(&form) {
            return Some(form);
        }
        let near = self.rows.iter().find(|known| equal(known, row, columns));
        near.map(|known| texts(known, columns))
    }

    /// How often a row must stand there.
    pub(super) fn least(&self, form: &Form) -> usize {
        self.forms.get(form).map_or(0, |(least, _)| *least)
    }

    fn most(&self, form: &Form) -> usize {
        self.forms.get(form).map_or(0, |(_, most)| *most)
    }
}

impl<'c> Judge<'_, 'c, '_> {
    /// Whether a restart that was recorded explains a repeat.
    pub(super) fn may_repeat(&self, emitted: &Emitted<'_>) -> bool {
        let is_it = |other: &Emitted<'_>| std::ptr::eq(other.record, emitted.record);
        let place = self.sink.log.iter().position(is_it);
        self.from.zip(place).is_some_and(|(from, place)| place >= from)
    }

    /// Tells what was written again, after all else was told: a record has one name.
    pub(super) fn repeats(&mut self) {
        if self.reworked {
            // What it shows last was judged.
        } else if self.sink.is_keyed() {
            self.repeats_of_keys();
        } else {
            self.repeats_of_rows();
        }
    }

    /// What was written of windows by the last proof.
    fn written(&self) -> Vec<&'c Emitted<'c>> {
        let log = self.sink.log.iter().filter(|e| self.sink.is_below(e, self.last));
        log.filter(|emitted| self.end_of(emitted).is_some()).collect()
    }

    /// Whether a record was told as what it is.
    fn is_named(&self, emitted: &Emitted<'_>) -> bool {
        let at = (emitted.record.partition, emitted.record.offset);
        self.found.findings.iter().any(|raw| {
            let record = raw.finding.record.as_ref();
            let is_it = record.is_some_and(|record| (record.partition, record.offset) == at);
            is_it && raw.finding.place == self.sink.name && !raw.finding.anomaly.is_witness()
        })
    }

    fn repeats_of_keys(&mut self) {
        let mut by_key = BTreeMap::<&Key, Vec<&Emitted<'_>>>::new();
        for emitted in self.written() {
            let Some(key) = &emitted.key else { continue };
            // What takes back what never was there changes nothing.
            if emitted.row.is_some() || by_key.contains_key(key) {
                by_key.entry(key).or_default().push(emitted);
            }
        }
        for (key, emitted) in by_key {
            let again = emitted.iter().skip(1).copied().filter(|now| !self.is_named(now));
            let (replays, faults) = again.partition::<Vec<_>, _>(|now| self.may_repeat(now));
            let first = emitted.first().and_then(|first| first.row.as_ref());
            for now in faults.first().into_iter().chain(replays.first()) {
                let how = if now.row.is_some() { "fired again" } else { "was taken back" };
                let (anomaly, sentence) = if self.may_repeat(now) {
                    (Anomaly::Replay, self.replayed(how))
                } else {
                    let (n, although) = (emitted.len(), self.although(now));
                    let sentence =
                        format!("the window {how}: it was written {n} times in all{although}");
                    (Anomaly::WindowRepeated, sentence)
                };
                self.add(anomaly, (Some(key), Some(now)), sentence, (first, now.row.as_ref()));
            }
        }
    }

    fn repeats_of_rows(&mut self) {
        let columns = self.columns().to_vec();
        let mut by_end = BTreeMap::<i64, Vec<&Emitted<'_>>>::new();
        for emitted in self.written().into_iter().filter(|emitted| emitted.row.is_some()) {
            if let Some(end) = self.end_of(emitted) {
                by_end.entry(end).or_default().push(emitted);
            }
        }
        let mut told = Vec::new();
        for (end, emitted) in by_end {
            let all = self.at_all_states(end);
            let bounds = self.bounds.get(&end).unwrap_or(&all);
            let (mut written, mut n) = (BTreeMap::<Form, usize>::new(), 0);
            for now in emitted {
                let Some(row) = &now.row else { continue };
                let form = bounds.form(row, &columns).or_else(|| all.form(row, &columns));
                // What the reference knows at no state was told as what it is.
                let Some(form) = form else { continue };
                // What it knows at a later state only is one more of the same windows.
                let most = bounds.most(&form).max(usize::from(!bounds.forms.contains_key(&form)));
                let own = written.entry(form).or_default();
                if *own >= most || n >= bounds.total {
                    told.extend((!self.is_named(now)).then_some(now));
                } else {
                    *own += 1;
                    n += 1;
                }
            }
        }
        for now in told {
            let how = "fired again";
            let (anomaly, sentence) = if self.may_repeat(now) {
                (Anomaly::Replay, self.replayed(how))
            } else {
                let sentence = format!("the window {how}{}", self.although(now));
                (Anomaly::WindowRepeated, sentence)
            };
            self.add(anomaly, (None, Some(now)), sentence, (None, now.row.as_ref()));
        }
    }

    /// The rows of windows that end then, at every state of which the reference was recorded.
    fn at_all_states(&self, end: i64) -> Bounds {
        let cuts = at_cuts(self.case, self.sink).map(|(_, rows)| rows).collect::<Vec<_>>();
        let states = self.references.values().chain(&cuts).map(|rows| {
            let rows = rows.bag.iter().filter(|row| self.sink.end(row) == Some(end));
            rows.cloned().collect::<Vec<_>>()
        });
        Bounds::of(&states.collect::<Vec<_>>(), self.columns())
    }

    fn replayed(&self, how: &str) -> String {
        let name = self.sink.name;
        format!("the window {how} after a restart: `{name}` is written at least once")
    }

    /// Why a restart does not excuse it, where there was one.
    fn although(&self, now: &Emitted<'_>) -> &'static str {
        let restarted = self.case.repeats_from(&self.sink.shape).is_some();
        if restarted && self.case.expect.delivery == Delivery::ExactlyOnce {
            ", and the scenario demands exactly-once"
        } else if restarted && !self.may_repeat(now) {
            ", and nothing had been started again by then"
        } else {
            ""
        }
    }
}
