//! Every state that a sink passes through, at the levels `cut` and `commit`: looked at only where a
//! scenario demands it by name, since most pipelines show states that never were.
//!
//! `cut`: after all output of one input record the sink equals its reference at a cut of the source
//! topics, and cuts never go back; what it shows within the output of one record is not looked at.
//! `commit`: every single state equals the reference after a
//! whole number of transactions.
//!
//! Source: no manual promises these levels. What Flink 2.2.0 shows is seen in the scenarios
//! `consistency/a-sum-is-right-at-every-cut` and `consistency/a-sum-shows-half-a-transfer`.

use std::collections::{BTreeMap, BTreeSet};

use itertools::Itertools as _;

use super::Wanted;
use super::case::Case;
use super::found::{Draft, Found};
use super::grades;
use super::sink::lines;
use super::sinks::{Rows, SinkCase, equal};
use super::windows::feed::Feed;
use super::windows::state;
use crate::base::anomaly::Anomaly;
use crate::codec::flink::Row;
use crate::history::event::{Cut, Proof, Question, Side};
use crate::model::feed::Part;
use crate::model::key::Key;
use crate::model::sink::Emitted;
use crate::scenario::expect::Level;

pub(super) const FINDS: &[Anomaly] = &[Anomaly::ImpossibleOutput];

/// How many states of the input between two proofs are looked at.
const CUTS_MAX: usize = 1024;

type Between<'p> = (Option<&'p Proof>, &'p Proof);

/// The sinks of which such a level is demanded.
fn demanded<'c, 'a>(case: &'c Case<'a>) -> impl Iterator<Item = (&'c SinkCase<'a>, Level)> {
    let sinks = case.sinks.iter().filter(|sink| sink.judged && !sink.stopped);
    let with_level = sinks.map(|sink| (sink, case.level(sink)));
    with_level.filter(|(_, level)| matches!(level, Level::Cut | Level::Commit))
}

/// The cuts whose references the live part should record after the last proof.
pub(super) fn wanted(case: &Case<'_>) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for (sink, level) in demanded(case) {
        let Some((at, earlier)) = case.index.proofs.split_last() else { continue };
        let Ok(feed) = Feed::of(case, sink, at) else { continue };
        let Ok(cuts) = cuts(&feed, level, (earlier.last().copied(), at)) else { continue };
        let new = cuts.into_iter().filter(|c| !case.index.cuts.contains_key(&(sink.name, c)));
        wanted.extend(new.map(|cut| state::wanted(case, (sink, &feed), cut)));
    }
    wanted
}

/// The states of the input between two proofs, the first of them included; each not before the one
/// in front of it, or beside it.
fn cuts(feed: &Feed<'_, '_>, level: Level, (before, at): Between<'_>) -> Result<Vec<Cut>, String> {
    let mut lanes = Vec::new();
    for source in &feed.sources {
        let name = &source.topic.topic.name;
        let ends =
            at.ends.get(name).ok_or_else(|| format!("the end of `{name}` was not proven"))?;
        for (partition, (low, high)) in ends.iter().enumerate() {
            let proven = before.and_then(|proof| proof.ends.get(name)?.get(partition));
            let low = proven.map_or(*low, |(_, high)| *high);
            let partition = i32::try_from(partition).unwrap_or(i32::MAX);
            let steps = source.topic.matched().filter(|(_, wanted, logged)| {
                let offset = logged.record.offset;
                let inside = logged.record.partition == partition && (low..*high).contains(&offset);
                inside && wanted.part != Part::Tombstone
            });
            let steps = steps.map(|(_, wanted, logged)| {
                let commit = wanted.change.as_ref().map(|change| change.position.commit);
                (commit, logged.record.offset + 1)
            });
            lanes.push((name, low, steps.collect::<Vec<_>>()));
        }
    }
    let cut = |offsets: &[i64]| {
        let mut cut = Cut::default();
        for (n, (name, ..)) in lanes.iter().enumerate() {
            let offset = offsets.get(n).copied().unwrap_or_default();
            cut.0.entry((*name).clone()).or_default().push(offset);
        }
        cut
    };
    // The rows of a snapshot are of no transaction: each may be read at any time.
    let is_single =
        |commit: &Option<crate::base::position::Lsn>| level == Level::Cut || commit.is_none();
    let single = lanes.iter().map(|(_, low, steps)| {
        let steps = steps.iter().filter(|(commit, _)| is_single(commit));
        std::iter::once(*low).chain(steps.map(|(_, offset)| *offset)).collect::<Vec<_>>()
    });
    let single = single.collect::<Vec<_>>();
    let commits = lanes.iter().flat_map(|(_, _, steps)| steps).filter_map(|(commit, _)| *commit);
    let commits = if level == Level::Commit { commits.collect() } else { BTreeSet::new() };
    let count = single.iter().map(Vec::len).fold(commits.len(), usize::saturating_mul);
    let count =
        count.max(single.iter().map(Vec::len).fold(1, usize::saturating_mul)) + commits.len();
    if count > CUTS_MAX {
        return Err(format!(
            "the input passes through up to {count} states between two proofs, and more than \
             {CUTS_MAX} are not looked at: await `processed` more often"
        ));
    }
    let mut all = single.into_iter().multi_cartesian_product().map(|o| cut(&o)).collect::<Vec<_>>();
    for commit in commits {
        let offsets = lanes.iter().map(|(_, low, steps)| {
            let within = steps.iter().filter(|(of, _)| of.is_none_or(|of| of <= commit));
            within.map(|(_, offset)| *offset).max().unwrap_or(*low)
        });
        all.push(cut(&offsets.collect::<Vec<_>>()));
    }
    Ok(all)
}

/// Whether a cut is the other or behind it, in every partition.
fn reaches(later: &Cut, earlier: &Cut) -> bool {
    let behind = |name: &String, n: usize, offset: i64| {
        later.0.get(name).and_then(|offsets| offsets.get(n)).is_some_and(|at| *at >= offset)
    };
    earlier.0.iter().all(|(name, offsets)| {
        offsets.iter().enumerate().all(|(n, offset)| behind(name, n, *offset))
    })
}

pub(super) fn check(case: &Case<'_>, found: &mut Found) {
    for (sink, level) in demanded(case) {
        let name = if level == Level::Cut { "cut" } else { "commit" };
        let what = format!("`{}` at level `{name}`", sink.name);
        match judge(case, (sink, level)) {
            Ok(outputs) => outputs.tell(sink, name, found),
            Err(missing) => found.gap(what, missing),
        }
    }
}

/// The states that a sink passed through.
#[derive(Default)]
struct Outputs<'c> {
    count: u64,
    wrong: u64,
    /// The first wrong one: its record, the row that stood there, and the one of the reference
    /// before it.
    first: Option<Wrong<'c>>,
    columns: Vec<String>,
    longest_ms: i64,
    /// It ends wrong.
    stays: bool,
}

fn judge<'c>(
    case: &'c Case<'_>,
    (sink, level): (&'c SinkCase<'_>, Level),
) -> Result<Outputs<'c>, String> {
    let topic = case.index.topics.iter().find(|topic| topic.name == sink.shape.table.topic);
    if sink.window.is_some() {
        return Err("windows are judged at the level `windows`".to_owned());
    }
    if !sink.shape.table.kept.is_topic() {
        return Err("its rows are in files, which do not show their order".to_owned());
    }
    if !sink.is_keyed() {
        return Err("the sink has no key, so that its states are no tables".to_owned());
    }
    if topic.is_some_and(|topic| topic.partitions > 1) {
        return Err("the order of its output over several partitions is not known".to_owned());
    }
    if let Some(unread) = &sink.unread {
        return Err(unread.clone());
    }
    let mut outputs = Outputs::default();
    let mut before = None;
    for at in &case.index.proofs {
        if let Some(unproven) = grades::unproven(&case.index, at, sink.name) {
            return Err(unproven);
        }
        let feed = Feed::of(case, sink, at)?;
        for source in &feed.sources {
            if source.topic.n_unread > 0 || source.topic.unread_partition(at).is_some() {
                return Err(format!("not all of `{}` was read", source.topic.topic.name));
            }
        }
        let mut references = Vec::new();
        for cut in cuts(&feed, level, (before, at))? {
            let rows = case.index.cuts.get(&(sink.name, &cut));
            let rows = rows.ok_or_else(|| {
                let what = "what the reference gives between the changes";
                case.unanswered(Question::Levels, what)
            })?;
            let rows = sink.rows(&rows.columns, &rows.rows)?;
            references.push((cut, rows));
        }
        let reference =
            sink.reference(&case.index, at, Side::Journal).map_err(|gap| gap.missing)?;
        outputs.columns.clone_from(&reference.columns);
        let mut path =
            Path { references: &references, level, here: vec![0], columns: &reference.columns };
        path.walk(sink, (before, at), &mut outputs);
        if let Some(why) = feed.blurred.filter(|_| outputs.wrong > 0) {
            return Err(format!("it shows a state that was not looked at, but {why}"));
        }
        before = Some(*at);
    }
    Ok(outputs)
}

/// A way through the states of the input.
struct Path<'p> {
    references: &'p [(Cut, Rows)],
    level: Level,
    /// The earliest states that the outputs so far can have shown; at first the one before all.
    here: Vec<usize>,
    columns: &'p [String],
}

impl Path<'_> {
    fn walk<'c>(
        &mut self,
        sink: &'c SinkCase<'_>,
        (before, at): Between<'_>,
        outputs: &mut Outputs<'c>,
    ) {
        let held = before.map(|before| sink.contents(before).keyed).unwrap_or_default();
        let held = held.into_iter().filter_map(|(key, emitted)| Some((key, emitted.row?)));
        let mut state = held.collect::<BTreeMap<_, _>>();
        let end =
            |proof: &Proof| proof.ends.get(&sink.shape.table.topic)?.first().map(|(_, high)| *high);
        let range = before.and_then(end).unwrap_or_default()..end(at).unwrap_or_default();
        let mut pending = Vec::new();
        for emitted in sink.log.iter().filter(|e| range.contains(&e.record.offset)) {
            let Some(key) = &emitted.key else { continue };
            match &emitted.row {
                Some(row) => state.insert(key.clone(), row.clone()),
                None => state.remove(key),
            };
            let Some(next) = self.explains(&state) else {
                let expected = self.here.first().and_then(|n| self.references.get(*n));
                let expected = expected.and_then(|(_, rows)| rows.keyed.get(key).cloned());
                pending.push((emitted, state.get(key).cloned(), expected));
                continue;
            };
            let within_one = self.level == Level::Cut && self.is_one_record(&next);
            outputs.take(std::mem::take(&mut pending), within_one, Some(emitted));
            self.here = next;
        }
        outputs.take(pending, false, None);
    }

    fn at(&self, n: usize) -> Option<&(Cut, Rows)> {
        self.references.get(n)
    }

    /// Whether one state is the other or behind it.
    fn follows(&self, later: usize, earlier: usize) -> bool {
        let (later, earlier) = (self.at(later), self.at(earlier));
        later.zip(earlier).is_some_and(|((later, _), (earlier, _))| reaches(later, earlier))
    }

    /// The earliest states of the input that a state of the sink can show, after those so far.
    fn explains(&self, state: &BTreeMap<Key, Row>) -> Option<Vec<usize>> {
        let reachable = |n: &usize| self.here.iter().any(|here| self.follows(*n, *here));
        let fits =
            |n: &usize| self.at(*n).is_some_and(|(_, rows)| same(state, &rows.keyed, self.columns));
        let fits = (0..self.references.len()).filter(fits).filter(reachable).collect::<Vec<_>>();
        // Whoever can follow a later one can follow these.
        let earliest = |n: &&usize| !fits.iter().any(|m| m != *n && self.follows(**n, *m));
        let earliest = fits.iter().filter(earliest).copied().collect::<Vec<_>>();
        (!earliest.is_empty()).then_some(earliest)
    }

    /// Whether the outputs up to the next state can all be of one input record: the reference has
    /// no third value on the way.
    fn is_one_record(&self, next: &[usize]) -> bool {
        let one = |(from, to): (usize, usize)| {
            let ends = [from, to].map(|n| self.at(n).map(|(_, rows)| &rows.keyed));
            let between = (0..self.references.len())
                .filter(|n| self.follows(*n, from) && self.follows(to, *n))
                .filter_map(|n| self.at(n));
            let is_end =
                |rows: &Rows| ends.iter().flatten().any(|end| same(&rows.keyed, end, self.columns));
            between.into_iter().all(|(_, rows)| is_end(rows))
        };
        self.here.iter().cartesian_product(next).any(|(from, to)| one((*from, *to)))
    }
}

fn same(one: &BTreeMap<Key, Row>, other: &BTreeMap<Key, Row>, columns: &[String]) -> bool {
    one.len() == other.len()
        && one.iter().all(|(key, row)| other.get(key).is_some_and(|o| equal(row, o, columns)))
}

/// An output that shows no state of the input, the row that it shows, and the row that the reference
/// had last.
type Wrong<'c> = (&'c Emitted<'c>, Option<Row>, Option<Row>);

impl<'c> Outputs<'c> {
    /// Takes outputs that showed no state of the input, and the one after them that did.
    fn take(&mut self, wrong: Vec<Wrong<'c>>, within_one: bool, right: Option<&Emitted<'_>>) {
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        self.count += count(wrong.len()) + u64::from(right.is_some());
        let Some((first, ..)) = wrong.first().filter(|_| !within_one) else { return };
        self.wrong += count(wrong.len());
        self.stays = right.is_none();
        let time = |emitted: &Emitted<'_>| emitted.record.timestamp;
        if let Some((since, until)) = time(first).zip(right.and_then(time)) {
            self.longest_ms = self.longest_ms.max(until.saturating_sub(since));
        }
        self.first = self.first.take().or_else(|| wrong.into_iter().next());
    }

    fn tell(self, sink: &SinkCase<'_>, level: &str, found: &mut Found) {
        let name = sink.name;
        found.figures.insert(format!("outputs of `{name}`"), self.count);
        found.figures.insert(format!("outputs of `{name}` that were never true"), self.wrong);
        let Some((emitted, captured, expected)) = self.first else { return };
        let lasted = if self.stays {
            "the last of them stays".to_owned()
        } else {
            format!("the longest was corrected after {} ms", self.longest_ms)
        };
        let (keyed, others) = (BTreeMap::new(), BTreeMap::new());
        let rows = Rows { columns: self.columns, keyed, others, bag: Vec::new() };
        found.add(Draft {
            anomaly: Anomaly::ImpossibleOutput,
            place: name,
            key: emitted.key.as_ref(),
            key_columns: &sink.shape.table.key,
            sentence: format!(
                "{} of {} outputs show a state that the reference has at no {level} of the input; \
                 {lasted}",
                self.wrong, self.count
            ),
            record: Some(emitted.record),
            position: None,
            first_hop: None,
            difference: lines(expected.as_ref(), captured.as_ref(), &rows),
        });
    }
}
