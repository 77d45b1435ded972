//! The topic of an application against what the timeline wrote to it.

use rstest::rstest;

use super::super::testing::{Scene, failing, passes, topic};
use super::super::verdict::Verdict;
use crate::base::anomaly::Anomaly;
use crate::base::text::{Span, Text};
use crate::history::event::{Bytes, Event, Proof, Record, Role};
use crate::scenario::application::{Application, Ending, Produce, Wire};
use crate::scenario::expect::{Row, RowCell, RowTable};
use crate::scenario::timeline::{Action, Entry};

const LIMITS: &str = "limits";

fn text() -> Text {
    Text::whole("p.yaml".into(), String::new())
}

fn produce(transaction: Option<Ending>, ids: &[&str]) -> Entry {
    let cell = |id: &&str| RowCell::Value { text: (*id).to_owned(), quoted: false };
    let rows = ids.iter().map(|id| Row { at: 0, cells: vec![cell(id)] }).collect();
    let rows = RowTable { text: text(), columns: vec!["id".to_owned()], rows, open: false };
    let topic = LIMITS.to_owned();
    let action = Produce { topic, rows, headers: Vec::new(), transaction };
    let action = Action::Produce(Box::new(action));
    Entry { place: text().place(0), span: Span::default(), action }
}

fn record(offset: i64, id: &str) -> Record {
    Record {
        topic: LIMITS.to_owned(),
        partition: 0,
        offset,
        timestamp: Some(1),
        key: None,
        value: Some(Bytes(format!("{{\"id\":{id}}}").into_bytes())),
        headers: Vec::new(),
    }
}

/// The records 1 and 2 were written, and 3, whose transaction was aborted; `shown` is what the topic
/// holds: offset and id.
fn judged(shown: &[(i64, &str)]) -> Verdict {
    judged_by(shown, &[(0, 5)])
}

/// The same where the broker tells these first and next offsets of the partitions.
fn judged_by(shown: &[(i64, &str)], ends_told: &[(i64, i64)]) -> Verdict {
    let mut scene = Scene::new(1).statements();
    scene.header.trial.pipeline.sinks.clear();
    let application = Application {
        text: text(),
        columns: vec![("id".to_owned(), "INT".to_owned())],
        key: vec!["id".to_owned()],
        key_format: Wire::Json,
        value_format: Wire::Json,
        partitions: 1,
    };
    scene.header.trial.pipeline.topics = [(LIMITS.to_owned(), application)].into();
    scene.header.trial.timeline =
        vec![produce(None, &["1", "2"]), produce(Some(Ending::Abort), &["3"])];
    for event in &mut scene.events {
        if let Event::Topics { topics } = event {
            topics.push(topic(LIMITS, 1, Role::Application));
        }
    }
    let written = [vec![record(0, "1"), record(1, "2")], vec![record(2, "3")]];
    for (entry, records) in written.into_iter().enumerate() {
        scene.events.push(Event::Produced { entry, records });
    }
    for (offset, id) in shown {
        scene.events.push(Event::Record(record(*offset, id)));
    }
    scene.insert(0, (1, "ann", 1, 10));
    scene.proof(None, &[]);
    for event in &mut scene.events {
        if let Event::Proof(Proof { ends, .. }) = event {
            ends.insert(LIMITS.to_owned(), ends_told.to_vec());
        }
    }
    scene.judged()
}

#[test]
fn what_was_committed_is_there_and_nothing_else() {
    passes(&judged(&[(0, "1"), (1, "2")]));
}

#[rstest]
#[case::lost(&[(0, "1")], Anomaly::LostChange, "2")]
#[case::other_bytes(&[(0, "1"), (1, "4")], Anomaly::WrongValue, "2")]
#[case::aborted(&[(0, "1"), (1, "2"), (2, "3")], Anomaly::AbortedChange, "3")]
fn what_differs_from_what_was_written_is_found(
    #[case] shown: &[(i64, &str)],
    #[case] anomaly: Anomaly,
    #[case] key: &str,
) {
    assert_eq!(failing(&judged(shown)), [(anomaly, Some(key.to_owned()))]);
}

#[test]
fn a_partition_that_was_not_read_leaves_the_topic_undecided() {
    let verdict = judged_by(&[(0, "1"), (1, "2")], &[(0, 5), (0, 1)]);
    let gap = "partition 1 of its topic was not read";
    assert!(failing(&verdict).is_empty());
    assert!(verdict.gaps.iter().any(|told| told.missing == gap), "{:?}", verdict.gaps);
}

#[test]
fn a_record_that_nobody_wrote_is_found() {
    let verdict = judged(&[(0, "1"), (1, "2"), (4, "9")]);
    assert_eq!(failing(&verdict), [(Anomaly::PhantomChange, None)]);
}
