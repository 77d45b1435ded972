//! Edits of a history that leave it one that could have been recorded: offsets stay without holes,
//! and the ends of proofs move along.

use changeproof::history::History;
use changeproof::history::event::{Bytes, End, Event, Record};
use serde_json::Value;

/// The record that an event is.
pub(crate) fn record(history: &History, event: usize) -> &Record {
    match &history.events[event] {
        Event::Record(record) => record,
        other => panic!("event {event} is no record: {other:?}"),
    }
}

fn record_mut(history: &mut History, event: usize) -> &mut Record {
    match &mut history.events[event] {
        Event::Record(record) => record,
        other => panic!("event {event} is no record: {other:?}"),
    }
}

/// Moves the offsets of a partition from `offset` on, and the ends of the proofs behind `event`.
fn shift(history: &mut History, event: usize, (from, by): (&Record, i64)) {
    for any in &mut history.events {
        if let Event::File(file) = any
            && (&file.topic, file.number) == (&from.topic, from.partition)
        {
            file.rows += by;
        }
    }
    for later in history.events.iter_mut().skip(event) {
        match later {
            Event::Record(record) => {
                let same = record.topic == from.topic && record.partition == from.partition;
                if same && record.offset >= from.offset {
                    record.offset += by;
                }
            }
            Event::Proof(proof) => {
                let ends = proof.ends.get_mut(&from.topic);
                let partition = usize::try_from(from.partition).unwrap();
                if let Some((_, end)) = ends.and_then(|ends| ends.get_mut(partition)) {
                    *end += by;
                }
            }
            _ => {}
        }
    }
}

/// Takes a record away, as if it had never been written.
pub(crate) fn remove(history: &mut History, event: usize) -> Record {
    let Event::Record(record) = history.events.remove(event) else { panic!("no record") };
    shift(history, event, (&record, -1));
    record
}

/// Writes a record before an event; gives its offset.
pub(crate) fn insert(history: &mut History, event: usize, mut record: Record) -> i64 {
    let before = history.events.iter().take(event).filter_map(|event| match event {
        Event::Record(other) => Some(other),
        _ => None,
    });
    let same = |other: &&Record| other.topic == record.topic && other.partition == record.partition;
    let offset = before.filter(same).map(|other| other.offset + 1).max().unwrap_or(0);
    record.offset = offset;
    shift(history, event, (&record, 1));
    history.events.insert(event, Event::Record(record));
    offset
}

/// Exchanges what two records say; their positions stay.
pub(crate) fn swap(history: &mut History, (one, other): (usize, usize)) {
    let (mut a, mut b) = (record(history, one).clone(), record(history, other).clone());
    std::mem::swap(&mut a.key, &mut b.key);
    std::mem::swap(&mut a.value, &mut b.value);
    std::mem::swap(&mut a.headers, &mut b.headers);
    *record_mut(history, one) = a;
    *record_mut(history, other) = b;
}

/// Bytes as JSON; null for none.
pub(crate) fn json(bytes: Option<&Bytes>) -> Value {
    bytes.map_or(Value::Null, |bytes| serde_json::from_slice(&bytes.0).unwrap())
}

/// Changes the value of a record.
pub(crate) fn value(history: &mut History, event: usize, change: impl FnOnce(&mut Value)) {
    change_part(&mut record_mut(history, event).value, change);
}

/// Changes the key of a record.
pub(crate) fn key(history: &mut History, event: usize, change: impl FnOnce(&mut Value)) {
    change_part(&mut record_mut(history, event).key, change);
}

/// Writes the key of a record with these bytes.
pub(crate) fn set_key(history: &mut History, event: usize, key: String) {
    record_mut(history, event).key = Some(Bytes(key.into_bytes()));
}

/// Changes a part of a record.
pub(crate) fn change_part(part: &mut Option<Bytes>, change: impl FnOnce(&mut Value)) {
    let mut value = json(part.as_ref());
    change(&mut value);
    *part = Some(Bytes(value.to_string().into_bytes()));
}

/// The event of the last proof: what is written before it was there when the run ended.
pub(crate) fn end(history: &History) -> usize {
    let is_proof = |event: &Event| matches!(event, Event::Proof(_));
    history.events.iter().rposition(is_proof).unwrap()
}

/// Lets the run end with an event of its own.
pub(crate) fn end_with(history: &mut History, event: Event) {
    history.events.pop_if(|last| matches!(last, Event::End(_)));
    history.events.push(event);
    history.events.push(Event::End(End::Trouble));
}
