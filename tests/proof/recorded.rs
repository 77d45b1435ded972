//! The recorded runs in `tests/histories`: real histories of the real components. They are recorded
//! again with `ci/record-histories`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use changeproof::base::anomaly::Anomaly;
use changeproof::check::judge;
use changeproof::check::verdict::{Finding, Status, Verdict};
use changeproof::history::History;
use changeproof::history::event::SinkMode;
use changeproof::model::source::Journal;
use changeproof::scenario::expect::Level;
use changeproof::scenario::pipeline::Sink;

use super::edit;

/// The folder they are in.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/histories")
}

/// The files with their names, in the order of the names.
fn files() -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.extension().is_some_and(|kind| kind == "jsonl"));
    let named = files.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path));
    let mut named = named.collect::<Vec<_>>();
    named.sort();
    named
}

/// All recorded histories with their names.
pub(crate) fn histories() -> Vec<(String, History)> {
    let read = |(name, path): (String, PathBuf)| {
        let history = History::read(path.to_str().unwrap().into());
        let history = history.unwrap_or_else(|error| {
            panic!(
                "{error}\nThe format of histories has changed: give a field that is new a default \
                 and raise FORMAT's minor version, or raise its major version and record the \
                 histories again with ci/record-histories."
            )
        });
        (name, history)
    };
    files().into_iter().map(read).collect()
}

/// What a verdict says of the pipeline, line by line.
fn summary(verdict: &Verdict) -> String {
    let mut text =
        format!("{:?}{}\n", verdict.outcome, if verdict.control { " (control)" } else { "" });
    for judged in &verdict.findings {
        let status = match &judged.status {
            Status::Failing => "fails",
            Status::Demanded => "demanded",
            Status::Allowed(_) => "allowed",
            Status::Witness => "witness",
        };
        writeln!(text, "{status}: {}", line(&judged.finding)).unwrap();
    }
    for unmet in &verdict.unmet {
        writeln!(text, "unmet: {}", unmet.sentence).unwrap();
    }
    for gap in &verdict.gaps {
        writeln!(text, "gap: {}: {}", gap.what, gap.missing).unwrap();
    }
    text
}

/// A finding with its evidence.
pub(crate) fn line(finding: &Finding) -> String {
    let Finding { anomaly, place, key, record, position, .. } = finding;
    let key = key.as_ref().map_or_else(String::new, |key| format!(", key {key}"));
    let record = record.as_ref().map_or_else(String::new, |record| format!(", record {record}"));
    let position = position.map_or_else(String::new, |at| format!(", journal {at}"));
    format!("{anomaly} at {place}{key}{record}{position}")
}

#[test]
fn every_recorded_run_is_judged_as_it_was() {
    let histories = histories();
    assert!(histories.len() >= 20, "only {} recorded runs", histories.len());
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../histories");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (name, history) in histories {
            insta::assert_snapshot!(name, summary(&judge(&history)));
        }
    });
}

#[test]
fn recorded_runs_are_small_and_say_nothing_of_a_machine() {
    let mut bytes = 0;
    for (name, path) in files() {
        let text = std::fs::read_to_string(path).unwrap();
        bytes += text.len();
        for folder in ["/home/", "/root/", env!("CARGO_MANIFEST_DIR"), "/tmp/", "/var/", "/Users/"]
        {
            assert!(!text.contains(folder), "{name} names a path below {folder}");
        }
    }
    assert!(bytes < 4_000_000, "the recorded runs have {bytes} bytes");
}

/// What rests on few runs was seen in few ways.
#[test]
fn every_kind_of_sink_is_recorded_in_ten_runs() {
    let mut counts =
        BTreeMap::from(["windows", "row kinds", "levels", "files"].map(|kind| (kind, 0)));
    for (_, history) in histories() {
        let trial = &history.header.trial;
        let index = history.index();
        let windowed = |sink: &Sink| matches!(sink, Sink::Judged { window: Some(_), .. });
        let kinds = [
            ("windows", trial.pipeline.sinks.values().any(windowed)),
            ("row kinds", index.sinks.iter().any(|sink| sink.mode == SinkMode::Retract)),
            (
                "levels",
                trial.expect.consistency.values().any(|l| matches!(l, Level::Cut | Level::Commit)),
            ),
            ("files", index.sinks.iter().any(|sink| !sink.kept.is_topic())),
        ];
        for (kind, has) in kinds {
            *counts.get_mut(kind).unwrap() += usize::from(has);
        }
    }
    assert!(counts.values().all(|n| *n >= 10), "{counts:?}");
}

/// What the model and every reader of `source.ts_ms` build on.
#[test]
fn every_record_of_a_transaction_carries_its_commit_time() {
    let mut n_streamed = 0;
    for (name, history) in histories() {
        let index = history.index();
        let mut journal = Journal::new(index.tables);
        let wal = index.wal.iter();
        let all = wal.filter_map(|wal| journal.push(wal.lsn, wal.xid, wal.data).unwrap());
        let times = all.map(|t| (u64::from(t.xid.0), t.time_us.div_euclid(1000)));
        let times = times.collect::<BTreeMap<_, _>>();
        for (topic, _) in index.sources() {
            for record in index.of_topic(&topic.name) {
                let value = edit::json(record.value.as_ref());
                let source = &value["source"];
                let streamed = source.is_object() && source["snapshot"].is_null();
                let Some(xid) = source["txId"].as_u64().filter(|_| streamed) else { continue };
                let committed = times.get(&xid).copied();
                assert_eq!(source["ts_ms"].as_i64(), committed, "{name}: {record:?}");
                n_streamed += 1;
            }
        }
    }
    assert!(n_streamed > 100, "only {n_streamed} records");
}

#[test]
fn recorded_runs_show_every_witness() {
    let verdicts = histories().into_iter().map(|(_, history)| judge(&history));
    let seen = verdicts.flat_map(|verdict| verdict.findings).map(|judged| judged.finding.anomaly);
    let seen = seen.collect::<std::collections::BTreeSet<_>>();
    let lacking = |anomaly: &&Anomaly| {
        anomaly.is_witness() && !seen.contains(anomaly) && !LATER.contains(anomaly)
    };
    let lacking = Anomaly::ALL.iter().filter(lacking).collect::<Vec<_>>();
    assert!(lacking.is_empty(), "no recorded run shows {lacking:?}: record one that does");
}

/// The witness of a slow snapshot, which no recorded run has.
const LATER: &[Anomaly] = &[Anomaly::MidSnapshot];
