//! The topic of an application. Its offsets are those that the broker has acknowledged: nothing moves up
//! where a record is missing.

use changeproof::base::anomaly::Anomaly;
use changeproof::history::event::{Bytes, Event, Record, Role};
use changeproof::history::{History, Index};
use changeproof::model::application::{Written, key, written};

use super::super::edit;
use super::super::scene::Scene;
use super::{Hop, Mutant, Mutation, Wanted};

pub(super) const ALL: &[Mutation] = &[
    Mutation {
        hop: Hop::Application,
        does: "drop a record",
        // Whether a record is late is told by the records before it.
        also: &[Anomaly::LateDropped, Anomaly::LateChange, Anomaly::WindowWrongValue],
        make: drop_record,
    },
    Mutation { hop: Hop::Application, does: "invent a record", also: &[], make: invent },
    Mutation {
        hop: Hop::Application,
        does: "show a record of a transaction that was aborted",
        also: &[],
        make: show_aborted,
    },
    Mutation {
        hop: Hop::Application,
        does: "change the key, the value or the headers of a record",
        also: &[],
        make: change,
    },
];

/// What was written, and the event of the record that was read, if one was.
struct Pair {
    written: Written,
    read: Option<usize>,
    key: Option<String>,
}

fn pairs(index: &Index<'_>) -> Vec<Pair> {
    let trial = &index.header.trial;
    let all = index.produced.iter().flat_map(|(entry, records)| written(trial, *entry, records));
    let own = all.filter(|one| {
        let mut topics = index.topics.iter();
        topics.any(|topic| topic.role == Role::Application && topic.name == one.record.topic)
    });
    let pair = |written: Written| {
        let of = &trial.pipeline.topics[&written.record.topic];
        let parts = written.row.as_ref().map(|row| key(of, &row.cells)).unwrap_or_default();
        let parts = parts.into_iter().flatten().collect::<Vec<_>>();
        Pair { key: (!parts.is_empty()).then(|| parts.join(",")), read: None, written }
    };
    own.map(pair).collect()
}

/// The same, with the events at which the records were read.
fn all(scene: &Scene<'_>) -> Vec<Pair> {
    let mut pairs = pairs(&scene.index);
    for (event, other) in scene.history.events.iter().enumerate() {
        let Event::Record(read) = other else { continue };
        let is_it = |pair: &&mut Pair| place(&pair.written.record) == place(read);
        if let Some(pair) = pairs.iter_mut().find(is_it) {
            pair.read = Some(event);
        }
    }
    pairs
}

fn place(record: &Record) -> (&str, i32, i64) {
    (&record.topic, record.partition, record.offset)
}

fn wanted(anomaly: Anomaly, pair: &Pair) -> Wanted {
    let place = pair.written.record.topic.clone();
    let key = pair.key.clone();
    Wanted { anomaly, place, key, record: None, position: None, column: None, says: None }
}

fn at(wanted: Wanted, record: &Record) -> Wanted {
    wanted.record(record.partition, record.offset)
}

fn drop_record(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    let pairs = all(scene);
    for pair in &pairs {
        let Some(event) = pair.read else { continue };
        let partition =
            |pair: &Pair| (pair.written.record.topic.clone(), pair.written.record.partition);
        let read = pairs.iter().filter(|other| other.read.is_some());
        // What a partition holds of which nothing was read, nobody knows.
        if read.filter(|other| partition(other) == partition(pair)).count() < 2 {
            continue;
        }
        let mut history = scene.history.clone();
        history.events.remove(event);
        out(Mutant { history, wanted: wanted(Anomaly::LostChange, pair) });
    }
}

fn invent(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for pair in all(scene).into_iter().filter(|pair| pair.read.is_some()) {
        let mut record = pair.written.record.clone();
        let ends = scene.index.proofs.iter().filter_map(|proof| proof.ends.get(&record.topic));
        let end = ends.flatten().map(|(_, high)| *high).max().unwrap_or_default();
        record.offset = record.offset.max(end) + 1;
        let history = before_the_end(scene.history, record.clone());
        // No row of the timeline tells the key of what nobody wrote.
        let wanted = Wanted { key: None, ..wanted(Anomaly::PhantomChange, &pair) };
        out(Mutant { history, wanted: at(wanted, &record) });
    }
}

fn show_aborted(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for pair in all(scene).into_iter().filter(|pair| !pair.written.counts()) {
        let record = pair.written.record.clone();
        let history = before_the_end(scene.history, record.clone());
        out(Mutant { history, wanted: at(wanted(Anomaly::AbortedChange, &pair), &record) });
    }
}

fn before_the_end(history: &History, record: Record) -> History {
    let mut history = history.clone();
    history.events.insert(edit::end(&history), Event::Record(record));
    history
}

/// Changes a part of a record.
type Change = fn(&mut Record);

fn change(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    let parts: [(Change, &str); 3] = [
        (|record| record.key = Some(other(record.key.as_ref())), "the key"),
        (|record| record.value = Some(other(record.value.as_ref())), "the value"),
        (|record| record.headers.push(("made".to_owned(), None)), "the header"),
    ];
    for pair in all(scene) {
        let Some(event) = pair.read else { continue };
        for (change, says) in parts {
            let mut history = scene.history.clone();
            let Event::Record(record) = &mut history.events[event] else { continue };
            change(record);
            let wanted = at(wanted(Anomaly::WrongValue, &pair), &pair.written.record);
            out(Mutant { history, wanted: Wanted { says: Some(says), ..wanted } });
        }
    }
}

/// Other bytes that mean the same to a reader of JSON.
fn other(bytes: Option<&Bytes>) -> Bytes {
    let mut bytes = bytes.map_or_else(|| b"null".to_vec(), |bytes| bytes.0.clone());
    bytes.push(b' ');
    Bytes(bytes)
}
