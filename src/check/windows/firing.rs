//! Judges the firings of a sink's windows, window by window.

use std::collections::{BTreeMap, BTreeSet};

use super::super::case::Case;
use super::super::found::{Draft, Found};
use super::super::sink::lines;
use super::super::sinks::{Rows, SinkCase, equal};
use super::cuts::{self, At, Between};
use super::ends::{again, at_cuts, closing, settled, undecided};
use super::feed::{self, Feed};
use super::open_at;
use super::repeats::{Bounds, Form};
use crate::base::anomaly::Anomaly;
use crate::codec::flink::Row;
use crate::history::event::{Proof, Question, Side};
use crate::model::key::Key;
use crate::model::sink::{Emitted, texts};

/// Judges all windows; `Err` says what is missing.
pub(super) fn judge(
    case: &Case<'_>,
    sink: &SinkCase<'_>,
    proofs: &[&Proof],
    found: &mut Found,
) -> Result<(), String> {
    let Some(last) = proofs.last() else { return Ok(()) };
    let mut references = BTreeMap::new();
    for proof in proofs {
        let rows = sink.reference(&case.index, proof, Side::Journal).map_err(|gap| gap.missing)?;
        references.insert(proof.number, rows);
    }
    let mut judge = Judge::new((case, sink), last, references, found);
    judge.learn_ends();
    if let Some(alike) = judge.alike() {
        return Err(alike);
    }
    let fed = judge.in_turn(proofs);
    judge.late_keys(proofs);
    judge.strangers();
    judge.repeats();
    fed
}

/// Why a window is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// It must have fired by now.
    Closed,
    /// It may have fired by now, and it has.
    Undecided,
    /// It was written once more after it had been closed.
    Again,
    /// It was closed before, and rows of other tables may have come to it since.
    Reworked,
}

pub(super) struct Judge<'j, 'c, 'a> {
    pub(super) case: &'c Case<'a>,
    pub(super) sink: &'c SinkCase<'a>,
    pub(super) last: &'c Proof,
    /// What the reference gave at each proof, by its number.
    pub(super) references: BTreeMap<u32, Rows>,
    /// When the window of a key ends.
    ends: BTreeMap<Key, i64>,
    /// When the windows of rows end that have neither a key nor a column which says it.
    ends_by_form: BTreeMap<Form, BTreeSet<i64>>,
    /// How often rows without key may stand there, by the end of their window.
    pub(super) bounds: BTreeMap<i64, Bounds>,
    /// From which record of the sink on repeats are legal.
    pub(super) from: Option<usize>,
    /// Why the window under judgement is looked at.
    why: Why,
    /// The proof at which it is.
    seen: u32,
    /// The proof before; what it covers was judged there.
    before: Option<&'c Proof>,
    /// Rows of other tables may change what its windows show after they have fired.
    pub(super) reworked: bool,
    pub(super) found: &'j mut Found,
}

/// What a window may show.
struct Admitted {
    rows: Vec<Rows>,
    /// Why other states may have been possible too.
    blurred: Option<String>,
    /// The window may be written again, because of other rows: the last counts.
    reworked: bool,
}

impl<'j, 'c, 'a> Judge<'j, 'c, 'a> {
    fn new(
        (case, sink): (&'c Case<'a>, &'c SinkCase<'a>),
        last: &'c Proof,
        references: BTreeMap<u32, Rows>,
        found: &'j mut Found,
    ) -> Self {
        Self {
            case,
            sink,
            last,
            references,
            ends: BTreeMap::new(),
            ends_by_form: BTreeMap::new(),
            bounds: BTreeMap::new(),
            from: sink.repeats_from(case),
            why: Why::Closed,
            seen: 0,
            before: None,
            reworked: Feed::of(case, sink, last).is_ok_and(|feed| feed.reworked),
            found,
        }
    }

    /// Judges what each proof is the first to show; `Err` says what is missing for that.
    fn in_turn(&mut self, proofs: &[&'c Proof]) -> Result<(), String> {
        let (case, sink) = (self.case, self.sink);
        for (n, at) in proofs.iter().enumerate() {
            let (earlier, _) = proofs.split_at(n);
            self.before = earlier.last().copied();
            self.early((self.before, at));
            self.seen = at.number;
            let is_last = at.number == self.last.number;
            let of = |ends: BTreeSet<i64>, why: Why| ends.into_iter().map(move |end| (end, why));
            let ends = of(closing(case, sink, (earlier, at)), Why::Closed)
                .chain(of(again(case, sink, (earlier, at)), Why::Again))
                .chain(of(undecided(sink, (earlier, at)), Why::Undecided).filter(|_| is_last))
                .collect::<Vec<_>>();
            let settled = settled(case, sink, (earlier, at));
            if ends.is_empty() && settled.is_empty() {
                continue;
            }
            let feed = Feed::of(case, sink, at)?;
            // What came to a window that had fired is judged with what was settled before.
            let ends = ends.into_iter().filter(|(_, why)| !feed.reworked || *why != Why::Again);
            for (end, why) in ends {
                self.why = why;
                let before = open_at(sink, earlier, end);
                self.window(&feed, end, Between { before, at, seen: at });
            }
            let moved = || earlier.last().is_some_and(|before| feed.has_moved(sink, (before, at)));
            if feed.reworked && (is_last || moved()) {
                self.why = Why::Reworked;
                for (end, between) in settled {
                    self.window(&feed, end, between);
                }
            }
        }
        Ok(())
    }

    /// A sink need not show when its windows end; the reference does.
    fn learn_ends(&mut self) {
        let cuts = at_cuts(self.case, self.sink).map(|(_, rows)| rows).collect::<Vec<_>>();
        for rows in self.references.values().chain(&cuts) {
            for (key, row) in &rows.keyed {
                if let Some(end) = self.sink.end(row) {
                    self.ends.entry(key.clone()).or_insert(end);
                }
            }
        }
        for emitted in &self.sink.log {
            if let (Some(key), Some(row)) = (&emitted.key, &emitted.row)
                && let Some(end) = self.sink.end(row)
            {
                self.ends.insert(key.clone(), end);
            }
        }
        if self.sink.hides_ends() {
            let columns = self.columns().to_vec();
            let rows = self.references.values().chain(&cuts).flat_map(|rows| &rows.bag);
            let ends = rows.filter_map(|row| Some((texts(row, &columns), self.sink.end(row)?)));
            for (form, end) in ends.collect::<Vec<_>>() {
                self.ends_by_form.entry(form).or_default().insert(end);
            }
        }
    }

    /// Rows of several windows that look alike, where no column tells them apart.
    fn alike(&self) -> Option<String> {
        let window = self.sink.window?;
        let mut ends = self.ends_by_form.values().filter(|ends| ends.len() > 1);
        let ends = ends.next()?.iter().take(2).map(|end| time(*end)).collect::<Vec<_>>();
        Some(format!(
            "its rows do not show `{}`, and rows of the windows that end at {} look alike: write the \
             end of the window into the sink",
            window.end,
            ends.join(" and ")
        ))
    }

    pub(super) fn columns(&self) -> &[String] {
        self.references.get(&self.last.number).map_or(&[], |rows| &rows.columns)
    }

    pub(super) fn end_of(&self, emitted: &Emitted<'_>) -> Option<i64> {
        let own = emitted.row.as_ref().and_then(|row| self.sink.end(row));
        own.or_else(|| match &emitted.key {
            Some(key) => self.ends.get(key).copied(),
            None => {
                let form = texts(emitted.row.as_ref()?, self.columns());
                self.ends_by_form.get(&form)?.first().copied()
            }
        })
    }

    /// What was written of the windows that end then, and is judged at this proof.
    fn fired(&self, end: i64, proof: &Proof) -> Vec<&'c Emitted<'c>> {
        let of_end = |emitted: &&Emitted<'_>| self.end_of(emitted) == Some(end);
        self.sink.log.iter().filter(of_end).filter(|e| self.sink.is_below(e, proof)).collect()
    }

    /// Whether it was judged at a proof before.
    fn is_judged(&self, emitted: &Emitted<'_>) -> bool {
        let before = self.before.filter(|_| self.why == Why::Again);
        before.is_some_and(|before| self.sink.is_below(emitted, before))
    }

    fn admitted(
        &self,
        feed: &Feed<'_, '_>,
        end: i64,
        between: Between<'_>,
    ) -> Result<Admitted, String> {
        let cuts = cuts::of(self.case, feed, end, between)?;
        // Where one state only was possible, nothing can blur it.
        let blurred = feed.blurred.clone().filter(|_| cuts.len() > 1);
        let mut rows = Vec::new();
        for cut in cuts {
            rows.push(match cut {
                At::Proof => self
                    .sink
                    .reference(&self.case.index, between.at, Side::Journal)
                    .map_err(|gap| gap.missing)?,
                At::Cut(cut) => {
                    let found = self.case.index.cuts.get(&(self.sink.name, &cut));
                    let found = found.ok_or_else(|| {
                        let what = "changes arrived while they could fire, and what the reference \
                                    gives between these changes";
                        self.case.unanswered(Question::Windows, what)
                    })?;
                    self.sink.rows(&found.columns, &found.rows)?
                }
            });
        }
        Ok(Admitted { rows, blurred, reworked: feed.reworked })
    }

    fn window(&mut self, feed: &Feed<'_, '_>, end: i64, between: Between<'_>) {
        let admitted = match self.admitted(feed, end, between) {
            Ok(admitted) => admitted,
            Err(missing) => return self.gap(end, missing),
        };
        if self.sink.is_keyed() {
            self.keyed(end, between.seen, &admitted);
        } else {
            self.bag(end, between.seen, &admitted);
        }
    }

    fn gap(&mut self, end: i64, missing: String) {
        let what = format!("the windows of `{}` that end at {}", self.sink.name, time(end));
        self.found.gap(what, missing);
    }

    fn keyed(&mut self, end: i64, at: &Proof, admitted: &Admitted) {
        let mut fired = BTreeMap::<&Key, Vec<&Emitted<'_>>>::new();
        for emitted in self.fired(end, at) {
            // What takes back what never was there changes nothing.
            let Some(key) = &emitted.key else { continue };
            if emitted.row.is_some() || fired.contains_key(key) {
                fired.entry(key).or_default().push(emitted);
            }
        }
        let known = admitted.rows.iter().flat_map(|rows| &rows.keyed);
        let known = known.filter(|(_, row)| self.sink.end(row) == Some(end)).map(|(key, _)| key);
        let keys = known.chain(fired.keys().copied()).cloned().collect::<BTreeSet<_>>();
        for key in keys {
            let values = admitted.rows.iter().map(|rows| rows.keyed.get(&key)).collect::<Vec<_>>();
            let fired = fired.get(&key).map_or(&[][..], Vec::as_slice);
            self.key(&key, (&values, fired), admitted);
        }
    }

    fn key(
        &mut self,
        key: &Key,
        (values, fired): (&[Option<&Row>], &[&Emitted<'_>]),
        admitted: &Admitted,
    ) {
        let expected = values.last().copied().flatten();
        let first = if admitted.reworked { fired.last() } else { fired.first() };
        let first = first.copied().filter(|first| !self.is_judged(first));
        let row = first.and_then(|emitted| emitted.row.as_ref());
        let columns = self.columns().to_vec();
        let admits = |row: Option<&Row>| {
            values.iter().any(|value| match (value, row) {
                (Some(value), Some(row)) => equal(value, row, &columns),
                (None, None) => true,
                (Some(_), None) | (None, Some(_)) => false,
            })
        };
        // A window that is fired again after a restart must be right again.
        let again = fired.iter().skip(1).filter(|e| self.may_repeat(e) && !self.is_judged(e));
        let again = again.filter(|_| !admitted.reworked);
        let wrong = again.filter_map(|emitted| Some((*emitted, emitted.row.as_ref()?)));
        let wrong = wrong.filter(|(_, row)| !admits(Some(row)));
        let wrong = wrong.map(|(emitted, row)| (Some(emitted), Some(row))).next();
        if row.is_none() && wrong.is_none() && matches!(self.why, Why::Undecided | Why::Again) {
            return;
        }
        let agrees = admits(row) && wrong.is_none();
        let (first, row) = wrong.unwrap_or((first, row));
        if agrees {
            // Told when it was first closed, or at the end where other rows come to it.
            let last = self.seen == self.last.number;
            if self.why != Why::Again && (last || !admitted.reworked) {
                self.late_change(key, first);
            }
        } else if let Some(why) = &admitted.blurred {
            let end = self.ends.get(key).copied().unwrap_or_default();
            self.gap(end, format!("they show none of the states that were looked at, but {why}"));
        } else {
            let (anomaly, sentence) = self.name(key, values, row);
            self.add(anomaly, (Some(key), first), sentence, (expected, row));
        }
    }

    fn name(&self, key: &Key, values: &[Option<&Row>], row: Option<&Row>) -> (Anomaly, String) {
        let states = match values.len() {
            1 => "the one state of the input at which it may have fired".to_owned(),
            n => format!("any of the {n} states of the input at which it may have fired"),
        };
        let known = self.references.values().any(|rows| rows.keyed.contains_key(key));
        if row.is_none() {
            let sentence = format!(
                "the window is closed and has not fired; its reference has a row for it at {states}"
            );
            (Anomaly::WindowMissing, sentence.replace("at any of", "at all of"))
        } else if values.iter().all(Option::is_none) && !known {
            let sentence = "the window fired, and its reference never had a row for it".to_owned();
            (Anomaly::WindowGhost, sentence)
        } else {
            let cause = self.sink.flushed_late();
            let sentence = format!(
                "the window fired with what its reference does not give at {states}{cause}"
            );
            (Anomaly::WindowWrongValue, sentence)
        }
    }

    /// Rows without key: each is judged by how often it may stand there.
    fn bag(&mut self, end: i64, at: &Proof, admitted: &Admitted) {
        let columns = self.columns().to_vec();
        let of_end = |rows: &Rows| {
            let rows = rows.bag.iter().filter(|row| self.sink.end(row) == Some(end));
            rows.cloned().collect::<Vec<_>>()
        };
        let states = admitted.rows.iter().map(of_end).collect::<Vec<_>>();
        let bounds = Bounds::of(&states, &columns);
        // What was written again took back what it stands for.
        let contents = admitted.reworked.then(|| self.sink.contents(at));
        let held = contents.iter().flat_map(|contents| &contents.bag);
        let held = held.filter(|emitted| self.end_of(emitted) == Some(end)).collect();
        let fired = if admitted.reworked { held } else { self.fired(end, at) };
        let mut written = BTreeMap::<Form, usize>::new();
        let mut extra = Vec::new();
        for emitted in fired {
            let Some(row) = &emitted.row else { continue };
            match bounds.form(row, &columns) {
                Some(form) => *written.entry(form).or_default() += 1,
                None if !self.is_judged(emitted) => extra.push(emitted),
                None => {}
            }
        }
        let mut missing = Vec::new();
        for row in states.last().into_iter().flatten() {
            let form = texts(row, &columns);
            let n = written.get(&form).copied().unwrap_or_default();
            if matches!(self.why, Why::Closed | Why::Reworked) && n < bounds.least(&form) {
                missing.push(row.clone());
            }
        }
        if let Some(why) = &admitted.blurred
            && (!extra.is_empty() || !missing.is_empty())
        {
            let why = format!("they show none of the states that were looked at, but {why}");
            return self.gap(end, why);
        }
        if admitted.blurred.is_none() && self.why != Why::Again {
            self.bounds.insert(end, bounds);
        }
        let empty = states.iter().all(Vec::is_empty);
        if extra.is_empty() && missing.is_empty() && self.why != Why::Again {
            self.late_rows(end, &written);
        }
        self.tell_bag(extra, (missing, empty));
    }

    fn tell_bag(&mut self, extra: Vec<&Emitted<'_>>, (missing, empty): (Vec<Row>, bool)) {
        let mut missing = missing.into_iter();
        for emitted in extra {
            let row = emitted.row.as_ref();
            let (anomaly, sentence) = if empty {
                let sentence =
                    "a window fired, and the reference has no row of a window that ends then";
                (Anomaly::WindowGhost, sentence)
            } else {
                let sentence = "a window fired with what its reference gives at no state of the input \
                                at which it may have fired";
                (Anomaly::WindowWrongValue, sentence)
            };
            let expected = missing.next();
            self.add(anomaly, (None, Some(emitted)), sentence.to_owned(), (expected.as_ref(), row));
        }
        for row in missing {
            let sentence = "the window is closed and has not fired".to_owned();
            self.add(Anomaly::WindowMissing, (None, None), sentence, (Some(&row), None));
        }
    }

    /// Windows that a proof shows unreached, and that had fired by then.
    fn early(&mut self, (before, at): (Option<&Proof>, &Proof)) {
        let log = self.sink.log.iter().filter(|emitted| emitted.row.is_some());
        let new = log.filter(|emitted| {
            self.sink.is_below(emitted, at)
                && !before.is_some_and(|before| self.sink.is_below(emitted, before))
        });
        let early = new.filter_map(|emitted| {
            let end = self.end_of(emitted)?;
            (!self.sink.may_be_closed(end, at)).then_some((emitted, end))
        });
        let early = early.collect::<Vec<_>>();
        if early.is_empty() {
            return;
        }
        if let Some(missing) = feed::timeless(self.case, self.sink.name, at) {
            return self.found.gap(format!("the windows of `{}`", self.sink.name), missing);
        }
        let most = at.watermarks_at_most.get(self.sink.name);
        let watermark = most.or(at.watermarks.get(self.sink.name)).copied().flatten();
        let watermark = watermark.map_or_else(|| "none".to_owned(), time);
        for (emitted, end) in early {
            let sentence = format!(
                "the window fired before its end at {} was reached: the watermark was {watermark} \
                 when all that was written so far had been read",
                time(end)
            );
            let row = emitted.row.as_ref();
            self.add(
                Anomaly::WindowEarly,
                (emitted.key.as_ref(), Some(emitted)),
                sentence,
                (None, row),
            );
        }
    }

    /// Rows of which nothing tells a window.
    fn strangers(&mut self) {
        let log = self.sink.log.iter().filter(|emitted| emitted.row.is_some());
        let now = self.references.get(&self.last.number);
        // A row without an end beside the windows (of a union) is judged as what it is.
        let plain = |emitted: &Emitted<'_>| {
            let row = emitted.key.as_ref().and_then(|key| now?.keyed.get(key));
            let in_bag = || now.is_some_and(|now| now.bag.iter().any(|r| self.sink.is_plain(r)));
            row.map_or_else(in_bag, |row| self.sink.is_plain(row))
        };
        let strange = log.filter(|e| self.end_of(e).is_none() && self.sink.is_below(e, self.last));
        let strange = strange.filter(|emitted| !plain(emitted));
        for emitted in strange.collect::<Vec<_>>() {
            let sentence = "the sink holds a row of no window that its reference knows".to_owned();
            let row = emitted.row.as_ref();
            self.add(
                Anomaly::WindowGhost,
                (emitted.key.as_ref(), Some(emitted)),
                sentence,
                (None, row),
            );
        }
    }

    pub(super) fn add(
        &mut self,
        anomaly: Anomaly,
        (key, emitted): (Option<&Key>, Option<&Emitted<'_>>),
        sentence: String,
        (expected, captured): (Option<&Row>, Option<&Row>),
    ) {
        let rows = self.references.get(&self.last.number);
        let difference = rows.map(|rows| lines(expected, captured, rows)).unwrap_or_default();
        let sources = self.case.index.sources().map(|(topic, _)| topic.name.as_str());
        let sources = sources.collect::<Vec<_>>().join(", ");
        let is_witness = anomaly.is_witness();
        self.found.add(Draft {
            anomaly,
            place: self.sink.name,
            key,
            key_columns: &self.sink.shape.table.key,
            sentence,
            record: emitted.map(|emitted| emitted.record),
            position: None,
            first_hop: (!is_witness).then(|| format!("{sources} → {}", self.sink.name)),
            difference,
        });
        if let Some(raw) = self.found.findings.last_mut() {
            raw.at_the_end = !is_witness;
        }
    }
}

/// A time for people.
fn time(millis: i64) -> String {
    crate::base::value::Value::TimestampTz(millis.saturating_mul(1000)).to_string()
}
