//! The sinks, read, and compared with their references at a proof.

use std::collections::{BTreeMap, BTreeSet};

use super::case::Case;
use super::files;
use super::grades;
use super::verdict::Gap;
use crate::base::anomaly::Anomaly;
use crate::base::value::Value;
use crate::codec::flink::Row;
use crate::codec::postgres;
use crate::codec::types::DataType;
use crate::codec::value::same;
use crate::history::Index;
use crate::history::event::{Proof, Side};
use crate::model::key::Key;
use crate::model::sink::{Contents, Emitted, Shape, texts};
use crate::model::watermark::closes;
use crate::model::zone::Zone;
use crate::scenario::expect::Delivery;
use crate::scenario::pipeline::{Sink, Window};

const FLUSHED_LATE: &str = "; in a time zone without summer time Flink adds rows to their window at \
                            multiples of its length in UTC, when it may have fired";

/// One sink.
pub(super) struct SinkCase<'a> {
    pub(super) name: &'a str,
    pub(super) shape: Shape<'a>,
    pub(super) log: Vec<Emitted<'a>>,
    /// It has a reference.
    pub(super) judged: bool,
    pub(super) window: Option<&'a Window>,
    /// The time zone by which its windows end, where it is not UTC, and whether the watermark counts
    /// wall times.
    zone: Option<(Zone, bool)>,
    /// The first record that cannot be read.
    pub(super) unread: Option<String>,
    /// The statement that writes it failed or was rejected: it is not judged further.
    pub(super) stopped: bool,
    /// The watermarks that its proofs show, by the number of the proof.
    watermarks: BTreeMap<u32, i64>,
}

/// A row in which a sink and its reference differ.
#[derive(Debug, Clone)]
pub(super) struct RowDiff<'a> {
    pub(super) key: Option<Key>,
    /// `None`: the reference has no such row.
    pub(super) expected: Option<Row>,
    /// `None`: the sink has no such row.
    pub(super) captured: Option<Emitted<'a>>,
    /// The reference has the row, but fewer of it than the sink.
    pub(super) repeated: bool,
}

/// A reference as rows that can be compared.
pub(super) struct Rows {
    /// The columns that the sink has too.
    pub(super) columns: Vec<String>,
    /// Of an upsert sink.
    pub(super) keyed: BTreeMap<Key, Row>,
    /// Of an upsert sink that several statements write: further rows of a key, any of which may be
    /// the last.
    pub(super) others: BTreeMap<Key, Vec<Row>>,
    /// Of an append sink.
    pub(super) bag: Vec<Row>,
}

impl Rows {
    /// Whether this is a row that the key may have.
    pub(super) fn has(&self, key: &Key, row: &Row) -> bool {
        let others = self.others.get(key).into_iter().flatten();
        self.keyed.get(key).into_iter().chain(others).any(|own| equal(own, row, &self.columns))
    }
}

/// Whether a record stands below the ends of the last proof.
fn is_proven(index: &Index<'_>, topic: &str, emitted: &Emitted<'_>) -> bool {
    let ends = index.last_proof().and_then(|proof| proof.ends.get(topic));
    let partition = usize::try_from(emitted.record.partition).ok();
    let end = partition.and_then(|partition| ends?.get(partition));
    end.is_some_and(|(_, end)| emitted.record.offset < *end)
}

impl<'a> SinkCase<'a> {
    /// All sinks of the pipeline, and what cannot be laid out of them.
    pub(super) fn all(index: &Index<'a>) -> (Vec<Self>, Vec<Gap>) {
        let (mut sinks, mut gaps) = (Vec::new(), Vec::new());
        for (name, sink) in &index.header.trial.pipeline.sinks {
            let (judged, window) = match sink {
                Sink::Judged { window, .. } => (true, window.as_ref()),
                Sink::Unjudged => (false, None),
            };
            let stopped = index.troubles.iter().any(|trouble| {
                let ends = matches!(
                    trouble.finding,
                    Anomaly::StatementFailed | Anomaly::StatementRejected
                );
                ends && trouble.place == name
            });
            let Some(table) = index.sinks.iter().find(|table| table.name == *name) else {
                if judged && !stopped && index.troubles.is_empty() {
                    let missing = "its table was not recorded".to_owned();
                    gaps.push(Gap { what: format!("sink `{name}`"), missing });
                }
                continue;
            };
            let shape = Shape::of(table).said_by(said(index, name));
            let (mut log, mut unread) = (Vec::new(), None);
            let of_sink = index.files.get(table.topic.as_str()).map_or(&[][..], Vec::as_slice);
            for record in index.of_topic(&table.topic) {
                match shape.read(record, of_sink) {
                    Ok(emitted) => log.push(emitted),
                    Err(error) => unread = unread.or(Some(error.to_string())),
                }
            }
            if stopped {
                // What came behind the last proof is not known to be whole.
                log.retain(|emitted| is_proven(index, &table.topic, emitted));
            }
            let read = log.iter().map(|emitted: &Emitted<'_>| emitted.record.partition);
            let skipped = index
                .last_proof()
                .and_then(|proof| super::topic::unread_partition(proof, &table.topic, read));
            let skipped = skipped.map(|n| format!("partition {n} of its topic was not read"));
            let unread = unread.or(skipped).or_else(|| files::lacking(index, of_sink));
            let (zone, unknown) = match window.map(|_| zone_of(index, name)) {
                Some(Err(unknown)) => (None, Some(unknown)),
                Some(Ok(zone)) => (zone, None),
                None => (None, None),
            };
            let unread = unread.or(unknown);
            let watermarks = watermarks(index, name);
            sinks.push(Self {
                name,
                shape,
                log,
                judged,
                window,
                zone,
                unread,
                stopped,
                watermarks,
            });
        }
        (sinks, gaps)
    }

    /// Whether it is judged: where its statement failed, as far as was proven before.
    pub(super) fn is_looked_at(&self, index: &Index<'_>) -> bool {
        self.judged && (!self.stopped || index.last_proof().is_some())
    }

    /// Whether it ever held a row.
    pub(super) fn was_written(&self) -> bool {
        self.log.iter().any(|emitted| emitted.row.is_some())
    }

    /// Whether its rows are told apart by a key.
    pub(super) fn is_keyed(&self) -> bool {
        self.shape.is_keyed()
    }

    /// Several statements write it, and nothing determines in which order.
    pub(super) fn is_shared(&self) -> bool {
        !self.shape.table.written.also_by.is_empty()
    }

    /// From which of its records on, in the order in which they were read, it may have written again
    /// what it had written: from the first restart on that was recorded, unless the contract is
    /// exactly-once.
    pub(super) fn repeats_from(&self, case: &Case<'_>) -> Option<usize> {
        let by_itself = self.restarted_by_itself(case).filter(|_| self.shape.table.kept.is_topic());
        let owed_once = case.expect.delivery == Delivery::ExactlyOnce;
        let from = case.repeats_from(&self.shape).into_iter().chain(by_itself).min();
        from.filter(|_| !owed_once)
    }

    /// Whether one of its records may be a repeat.
    pub(super) fn may_repeat_at(&self, case: &Case<'_>, emitted: &Emitted<'_>) -> bool {
        let is_it = |other: &Emitted<'_>| std::ptr::eq(other.record, emitted.record);
        let place = self.log.iter().position(is_it);
        self.repeats_from(case).zip(place).is_some_and(|(from, place)| place >= from)
    }

    /// The first of its records that may be written after its statements were started again, as the
    /// proofs saw them, with nothing in the timeline that explains it.
    fn restarted_by_itself(&self, case: &Case<'_>) -> Option<usize> {
        let explained = |before: usize| {
            case.index
                .faults
                .iter()
                .any(|done| done.fault.verb.disturbs() && done.n_proofs <= before)
        };
        let mut last = None::<(&Proof, BTreeSet<_>)>;
        for (n, proof) in case.index.proofs.iter().enumerate() {
            let own = proof.jobs.iter().filter(|job| job.sinks.iter().any(|s| s == self.name));
            let now = own.map(|job| (&job.job, &job.attempts)).collect::<BTreeSet<_>>();
            // Whoever goes on from all its state writes nothing again, unless a task was started again.
            let whole = !now.iter().any(|(_, tasks)| tasks.iter().any(|task| is_further(task)));
            let before = last.as_ref().map_or(0, |(proof, _): &(&Proof, _)| proof.number);
            if whole && case.index.has_resumed(before, proof.number) {
                last = Some((proof, now));
                continue;
            }
            if now.is_empty() {
                continue;
            }
            let began = match &last {
                Some((before, seen)) if *seen != now => Some(Some(*before)),
                None if now.iter().any(|(_, tasks)| tasks.iter().any(|task| is_further(task))) => {
                    Some(None)
                }
                Some(_) | None => None,
            };
            if let Some(before) = began.filter(|_| !explained(n)) {
                let new = |e: &Emitted<'_>| before.is_none_or(|proof| !self.is_below(e, proof));
                return Some(self.log.iter().position(new).unwrap_or(self.log.len()));
            }
            last = Some((proof, now));
        }
        None
    }

    /// Whether a proof covers one of its records.
    pub(super) fn is_below(&self, emitted: &Emitted<'_>, proof: &Proof) -> bool {
        let ends = proof.ends.get(&self.shape.table.topic).map_or(&[][..], Vec::as_slice);
        let partition = usize::try_from(emitted.record.partition).unwrap_or(usize::MAX);
        ends.get(partition).is_some_and(|(_, end)| emitted.record.offset < *end)
    }

    pub(super) fn contents(&self, proof: &Proof) -> Contents<'a> {
        self.shape.fold(&self.log, proof)
    }

    /// A partition that holds records of which none was read.
    pub(super) fn unread_partition(&self, proof: &Proof) -> Option<usize> {
        let read = self.log.iter().map(|emitted| emitted.record.partition);
        super::topic::unread_partition(proof, &self.shape.table.topic, read)
    }

    pub(super) fn gap(&self, proof: &Proof, missing: impl Into<String>) -> Gap {
        let number = proof.number;
        let what = format!("whether `{}` equals its reference at proof {number}", self.name);
        Gap { what, missing: missing.into() }
    }

    /// Whether the reference should have a meaning at a proof: where the schema changes on the way,
    /// its tables and columns may come later.
    pub(super) fn is_defined(&self, index: &Index<'_>, proof: &Proof) -> bool {
        let is_there =
            |number: u32| index.references.contains_key(&(number, self.name, Side::Journal));
        let later = || index.proofs.iter().any(|p| p.number > proof.number && is_there(p.number));
        is_there(proof.number) || !index.turned || !later()
    }

    /// The reference of this sink at a proof.
    pub(super) fn reference(
        &self,
        index: &Index<'_>,
        proof: &Proof,
        side: Side,
    ) -> Result<Rows, Gap> {
        let Some(reference) = index.references.get(&(proof.number, self.name, side)) else {
            return Err(self.gap(
                proof,
                if index.turned {
                    "its result was not recorded: what it is over is not there, since the schema \
                     was changed on the way"
                } else {
                    "its result was not recorded"
                },
            ));
        };
        let rows = self.rows(&reference.columns, &reference.rows);
        rows.map_err(|problem| self.gap(proof, problem))
    }

    /// The result of a reference query as rows of this sink.
    pub(super) fn rows(
        &self,
        result: &[(String, String)],
        cells: &[Vec<Option<String>>],
    ) -> Result<Rows, String> {
        let compared = |(name, _): &&(String, String)| self.shape.kind(name).is_some();
        let columns = result.iter().filter(compared);
        let mut rows = Rows {
            columns: columns.map(|(name, _)| name.clone()).collect(),
            keyed: BTreeMap::new(),
            others: BTreeMap::new(),
            bag: Vec::new(),
        };
        if let Some(key) = self.shape.table.key.iter().find(|key| !rows.columns.contains(key)) {
            return Err(format!("the reference does not return the key column `{key}`"));
        }
        for cells in cells {
            if cells.len() != result.len() {
                let (found, wanted) = (cells.len(), result.len());
                return Err(format!("a row of the reference has {found} cells, expected {wanted}"));
            }
            let mut row = Row::new();
            for (n, (column, kind)) in result.iter().enumerate() {
                let cell = cells.get(n).and_then(Option::as_deref);
                row.insert(column.clone(), self.cell(column, kind, cell));
            }
            match self.shape.key_of(&row).filter(|_| self.is_keyed()) {
                Some(key) if !rows.keyed.contains_key(&key) => {
                    rows.keyed.insert(key, row);
                }
                Some(key) if self.is_shared() => rows.others.entry(key).or_default().push(row),
                Some(key) => {
                    return Err(format!("the reference returns two rows with the key {key}"));
                }
                None if self.is_keyed() => return Err("the sink has no key".to_owned()),
                None => rows.bag.push(row),
            }
        }
        Ok(rows)
    }

    fn cell(&self, column: &str, kind: &str, cell: Option<&str>) -> Value {
        let Some(text) = cell else { return Value::Null };
        let of_postgres;
        let kind = match self.shape.kind(column) {
            Some(kind) => kind,
            None => {
                of_postgres = DataType::postgres(kind);
                &of_postgres
            }
        };
        postgres::wanted(text, kind)
    }

    /// Compares the sink with its reference at a proof.
    pub(super) fn compare(
        &self,
        index: &Index<'_>,
        proof: &Proof,
    ) -> Result<(Rows, Vec<RowDiff<'a>>), Gap> {
        if let Some(unproven) = grades::unproven(index, proof, self.name) {
            return Err(self.gap(proof, unproven));
        }
        if let Some(unread) = &self.unread {
            return Err(self.gap(proof, unread.clone()));
        }
        if !proof.ends.contains_key(&self.shape.table.topic) {
            return Err(self.gap(proof, "the end of its topic was not proven"));
        }
        if let Some(partition) = self.unread_partition(proof) {
            return Err(self.gap(proof, format!("partition {partition} of its topic was not read")));
        }
        let reference = self.reference(index, proof, Side::Journal)?;
        let contents = self.contents(proof);
        let diffs = if self.is_keyed() {
            self.keyed(&reference, &contents, proof)
        } else {
            self.multiset(&reference, &contents, proof)
        };
        let mut keys = diffs.iter().map(|diff| diff.key.as_ref());
        match keys.find_map(|key| grades::came_later(self, proof, key)) {
            Some(late) => Err(self.gap(proof, late)),
            None => Ok((reference, diffs)),
        }
    }

    fn keyed(&self, reference: &Rows, contents: &Contents<'a>, proof: &Proof) -> Vec<RowDiff<'a>> {
        let mut diffs = Vec::new();
        let keys = reference.keyed.keys().chain(contents.keyed.keys()).collect::<BTreeSet<_>>();
        for key in keys {
            let expected = reference.keyed.get(key);
            let captured = contents.keyed.get(key);
            let captured_row = captured.and_then(|emitted| emitted.row.as_ref());
            // The reference knows the window of a key that both have.
            if expected.or(captured_row).is_some_and(|row| self.is_open(row, proof)) {
                continue;
            }
            let equal = match (expected, captured_row) {
                (Some(_), Some(captured)) => reference.has(key, captured),
                (None, None) => true,
                (Some(_), None) | (None, Some(_)) => false,
            };
            if !equal {
                diffs.push(RowDiff {
                    key: Some(key.clone()),
                    expected: expected.cloned(),
                    captured: captured.cloned(),
                    repeated: false,
                });
            }
        }
        // A row of a key that another row has already.
        let is_known = |emitted: &&Emitted<'_>| {
            let of_key = emitted.key.as_ref().zip(emitted.row.as_ref());
            self.is_shared() && of_key.is_some_and(|(key, row)| reference.has(key, row))
        };
        diffs.extend(contents.bag.iter().filter(|emitted| !is_known(emitted)).map(|emitted| {
            RowDiff {
                key: emitted.key.clone(),
                expected: None,
                captured: Some(emitted.clone()),
                repeated: true,
            }
        }));
        diffs
    }

    /// Rows of a multiset are told apart by the texts of their values; those that remain on both
    /// sides are then paired where they are equal up to the tolerance of floating-point numbers.
    fn multiset(
        &self,
        reference: &Rows,
        contents: &Contents<'a>,
        proof: &Proof,
    ) -> Vec<RowDiff<'a>> {
        let columns = &reference.columns;
        let mut wanted = BTreeMap::<_, Vec<&Row>>::new();
        for row in reference.bag.iter().filter(|row| !self.is_open(row, proof)) {
            wanted.entry(texts(row, columns)).or_default().push(row);
        }
        let known = wanted.keys().cloned().collect::<BTreeSet<_>>();
        let mut extra = Vec::new();
        for emitted in &contents.bag {
            let Some(row) = emitted.row.as_ref().filter(|row| !self.is_open(row, proof)) else {
                continue;
            };
            let form = texts(row, columns);
            if wanted.get_mut(&form).and_then(Vec::pop).is_none() {
                extra.push((emitted, row, known.contains(&form)));
            }
        }
        let mut missing = wanted.into_values().flatten().collect::<Vec<_>>();
        let floats = columns.iter().any(|column| self.is_float(column));
        let mut diffs = Vec::new();
        for (emitted, row, repeated) in extra {
            let near = |wanted: &&Row| equal(wanted, row, columns);
            if floats && let Some(place) = missing.iter().position(near) {
                missing.swap_remove(place);
                continue;
            }
            let captured = Some(emitted.clone());
            diffs.push(RowDiff { key: None, expected: None, captured, repeated });
        }
        diffs.extend(missing.into_iter().map(|row| RowDiff {
            key: None,
            expected: Some(row.clone()),
            captured: None,
            repeated: false,
        }));
        diffs
    }

    fn is_float(&self, column: &str) -> bool {
        self.shape.kind(column).is_some_and(DataType::is_float)
    }

    /// Whether the row is of a window that the proof does not show closed. A row that does not say
    /// when its window ends has fired: it is of a closed one.
    pub(super) fn is_open(&self, row: &Row, proof: &Proof) -> bool {
        self.end(row).is_some_and(|end| !self.is_closed(end, proof))
    }

    /// Whether nothing that its rows show tells when their window ends: neither a column nor a key.
    pub(super) fn hides_ends(&self) -> bool {
        let shows = |window: &Window| self.shape.kind(&window.end).is_some();
        !self.is_keyed() && self.window.is_some_and(|window| !shows(window))
    }

    /// Whether the row says that it is of no window: a union may hold such rows beside windows.
    pub(super) fn is_plain(&self, row: &Row) -> bool {
        self.window.is_some_and(|window| row.get(&window.end) == Some(&Value::Null))
    }

    /// When the row's window ends, in milliseconds since 1970, as the watermark counts them.
    pub(super) fn end(&self, row: &Row) -> Option<i64> {
        let zone = self.zone.as_ref();
        let of_wall = |wall: i64| match zone {
            Some((zone, false)) => zone.end(wall),
            Some((_, true)) | None => wall,
        };
        match row.get(&self.window?.end)? {
            Value::Timestamp(micros) => Some(of_wall(micros.div_euclid(1000))),
            Value::Date(days) => Some(of_wall(days.saturating_mul(86_400_000))),
            Value::Text(text) => wall_time(text).map(of_wall),
            Value::TimestampTz(micros) => {
                let instant = micros.div_euclid(1000);
                Some(match zone {
                    Some((zone, true)) => zone.wall(instant),
                    Some((_, false)) | None => instant,
                })
            }
            _ => None,
        }
    }

    /// What Flink does to windows that end by a time zone, other than UTC, whose clock never changes
    /// (seen on 2.2.0, with one phase of aggregation and with two), as the end of a sentence.
    pub(super) fn flushed_late(&self) -> &'static str {
        let zone = self.zone.as_ref().filter(|(zone, wall)| !wall && !zone.changes());
        zone.map_or("", |_| FLUSHED_LATE)
    }

    /// Whether the proof, or one before it, shows the windows closed that end at `end`: a restart
    /// takes the watermark back, and opens no window that has fired.
    pub(super) fn is_closed(&self, end: i64, proof: &Proof) -> bool {
        let shown = self.watermarks.range(..=proof.number);
        shown.into_iter().any(|(_, watermark)| closes(*watermark, end))
    }

    /// Whether windows that end at `end` may have closed by the proof: where it is not told which
    /// partitions were idle, or where a restart took the watermark back.
    pub(super) fn may_be_closed(&self, end: i64, proof: &Proof) -> bool {
        let most = proof.watermarks_at_most.get(self.name).copied().flatten();
        self.is_closed(end, proof) || most.is_some_and(|watermark| closes(watermark, end))
    }
}

/// The time zone by which a sink's windows end, and whether the watermark counts wall times; an error
/// if it is not known.
fn zone_of(index: &Index<'_>, sink: &str) -> Result<Option<(Zone, bool)>, String> {
    let jobs = index.proofs.iter().rev().flat_map(|proof| &proof.jobs);
    let mut firings = jobs.flat_map(|job| &job.firings).filter(|firing| firing.sink == sink);
    let Some(zoned) = firings.find_map(|firing| firing.zoned.as_ref()) else { return Ok(None) };
    let unknown = || format!("the time zone `{}` of its windows is not known here", zoned.name);
    let zone = Zone::of(&zoned.name).ok_or_else(unknown)?;
    Ok(Some((zone, zoned.wall)))
}

/// A time as text, in milliseconds as if it were of UTC: `2025-01-01`, `2025-01-01 10:00[:00]`.
fn wall_time(text: &str) -> Option<i64> {
    let text = text.trim();
    let time = text.parse::<jiff::civil::DateTime>().ok();
    let time = time.or_else(|| Some(text.parse::<jiff::civil::Date>().ok()?.at(0, 0, 0, 0)))?;
    Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

/// The columns of a sink's reference with the Postgres types that it gives them.
fn said<'a>(index: &Index<'a>, sink: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let of_sink = index.references.iter().find(|((_, of, _), _)| *of == sink);
    let of_sink = of_sink.map(|(_, reference)| *reference);
    of_sink.into_iter().flat_map(|reference| {
        let columns = reference.columns.iter().enumerate();
        columns.filter_map(|(n, (name, _))| Some((name.as_str(), reference.kinds.get(n)?.as_str())))
    })
}

/// The watermarks of a sink that the proofs show.
fn watermarks(index: &Index<'_>, sink: &str) -> BTreeMap<u32, i64> {
    let shown = index.proofs.iter().filter_map(|proof| {
        let watermark = proof.watermarks.get(sink).copied().flatten()?;
        Some((proof.number, watermark))
    });
    shown.collect()
}

/// Whether the name of a task says that it is another attempt than the first: `vertex_0_1@…`.
fn is_further(task: &str) -> bool {
    let number = task.rsplit_once('@').and_then(|(name, _)| name.rsplit_once('_'));
    number.and_then(|(_, attempt)| attempt.parse::<u32>().ok()).is_some_and(|attempt| attempt > 0)
}

/// Whether two rows are equal in these columns.
pub(super) fn equal(one: &Row, other: &Row, columns: &[String]) -> bool {
    columns.iter().all(|column| match (one.get(column), other.get(column)) {
        (Some(one), Some(other)) => same(one, other),
        (one, other) => one.is_none() && other.is_none(),
    })
}

/// A row for people.
pub(super) fn shown(row: &Row) -> String {
    let shown = row.iter().map(|(column, value)| format!("{column}={value}"));
    shown.collect::<Vec<_>>().join(", ")
}
