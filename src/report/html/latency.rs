//! How long rows take from the commit to each hop.
//!
//! Both ends are times at which this run saw something: Postgres' answer to the session, and the
//! record when it was read. They bound what a reader of the topic would see; they are no broker times.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::position::Xid;
use crate::check::observed::{HopKind, Observed, Sighting, What};

/// The times from a commit to one hop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Latency {
    /// The hop.
    pub hop: String,
    /// From what to what, in words.
    pub measured: String,
    /// In microseconds, ascending.
    pub times_us: Vec<u64>,
    /// Half of the rows took at most this long.
    pub p50_us: u64,
    /// Of a hundred rows 99 took at most this long (nearest rank).
    pub p99_us: u64,
    /// The slowest.
    pub worst_us: u64,
}

/// The latencies of each hop for which they can be told.
pub(super) fn latencies(observed: &Observed) -> Vec<Latency> {
    let commits = commits(observed);
    let mut all = Vec::new();
    for hop in &observed.hops {
        let (times, measured) = match hop.kind {
            HopKind::Journal => continue,
            HopKind::Topic => {
                (to_topic(observed, &commits, &hop.name), "from the commit to the record")
            }
            HopKind::Sink => (
                to_sink(observed, &commits, &hop.name),
                "from the commit of the newest change of the same key to the record",
            ),
        };
        all.extend(of(&hop.name, measured, times));
    }
    all
}

fn of(hop: &str, measured: &str, mut times: Vec<u64>) -> Option<Latency> {
    times.sort_unstable();
    let rank =
        |percent: usize| times.get((times.len() * percent).div_ceil(100).max(1) - 1).copied();
    Some(Latency {
        hop: hop.to_owned(),
        measured: measured.to_owned(),
        p50_us: rank(50)?,
        p99_us: rank(99)?,
        worst_us: *times.last()?,
        times_us: times,
    })
}

/// When each transaction was acknowledged.
fn commits(observed: &Observed) -> BTreeMap<Xid, u64> {
    let acknowledged = observed.sightings.iter().filter(|seen| seen.what == What::Commit);
    acknowledged.filter_map(|seen| Some((seen.xid?, seen.at_us?))).collect()
}

fn records<'o>(observed: &'o Observed, hop: &'o str) -> impl Iterator<Item = &'o Sighting> {
    observed.sightings.iter().filter(move |seen| seen.what == What::Record && seen.lane == hop)
}

/// Rows of a snapshot carry no commit of their own, and tombstones no change: neither counts.
fn to_topic(observed: &Observed, commits: &BTreeMap<Xid, u64>, hop: &str) -> Vec<u64> {
    let streamed = records(observed, hop).filter(|seen| seen.event.as_deref() != Some("r"));
    let time = |seen: &Sighting| Some(seen.at_us?.saturating_sub(*commits.get(&seen.xid?)?));
    streamed.filter_map(time).collect()
}

/// A sink's record names no commit. It is measured where a hop that it reads has the same key: from
/// the newest change of the key that was acknowledged before the record.
fn to_sink(observed: &Observed, commits: &BTreeMap<Xid, u64>, hop: &str) -> Vec<u64> {
    let Some(own) = observed.hops.iter().find(|other| other.name == hop) else { return Vec::new() };
    let same = |name: &&String| {
        let read = observed.hops.iter().find(|other| other.name == **name);
        read.is_some_and(|read| {
            read.kind == HopKind::Topic && !own.key.is_empty() && read.key == own.key
        })
    };
    let inputs: Vec<&String> = own.reads.iter().filter(same).collect();
    let mut newest = BTreeMap::<&str, u64>::new();
    let mut times = Vec::new();
    for seen in observed.sightings.iter().filter(|seen| seen.what == What::Record) {
        let Some(key) = seen.key.as_deref() else { continue };
        if inputs.iter().any(|input| **input == seen.lane) {
            if let Some(commit) = seen.xid.and_then(|xid| commits.get(&xid)) {
                newest.insert(key, *commit);
            }
        } else if seen.lane == hop
            && let (Some(at), Some(commit)) = (seen.at_us, newest.remove(key))
        {
            // One record a change: what follows without a newer change is another thing.
            times.push(at.saturating_sub(commit));
        }
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::observed::Hop;

    fn seen(what: What, lane: &str, at_us: u64, xid: u32) -> Sighting {
        let text = format!(
            r#"{{"what": {}, "lane": "{lane}", "at_us": {at_us}, "xid": {xid}, "key": "1"}}"#,
            serde_json::to_string(&what).unwrap()
        );
        serde_json::from_str(&text).unwrap()
    }

    fn hop(name: &str, kind: HopKind, reads: &[&str]) -> Hop {
        let reads = reads.iter().map(|&read| read.to_owned()).collect();
        let key = vec!["id".to_owned()];
        Hop { name: name.to_owned(), kind, reads, key, seen: 0, unjudged: false }
    }

    fn run() -> Observed {
        let hops = vec![
            hop("journal", HopKind::Journal, &[]),
            hop("t", HopKind::Topic, &["journal"]),
            hop("s", HopKind::Sink, &["t"]),
        ];
        let sightings = vec![
            seen(What::Commit, "session a", 100, 7),
            seen(What::Record, "t", 400, 7),
            seen(What::Commit, "session a", 500, 8),
            seen(What::Record, "s", 900, 0),
            seen(What::Record, "t", 1_500, 8),
            seen(What::Record, "s", 2_500, 0),
            seen(What::Record, "s", 2_600, 0),
        ];
        Observed { hops, sightings }
    }

    #[test]
    fn a_topic_is_measured_by_transaction_and_a_sink_by_key() {
        let found = latencies(&run());
        let times: Vec<_> = found.iter().map(|one| (one.hop.as_str(), &one.times_us[..])).collect();
        assert_eq!(times, [("t", &[300, 1_000][..]), ("s", &[800, 2_000][..])]);
        assert_eq!((found[0].p50_us, found[0].p99_us, found[0].worst_us), (300, 1_000, 1_000));
    }

    #[test]
    fn without_times_there_is_nothing_to_tell() {
        let mut run = run();
        run.sightings.iter_mut().for_each(|seen| seen.at_us = None);
        assert!(latencies(&run).is_empty());
    }
}
