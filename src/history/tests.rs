//! What is written is read back; what is broken is refused at its line.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::event::{Bytes, End, Event, FORMAT, Header, Record, Version};
use super::{HistoryError, Reader, Writer};
use crate::base::position::{Lsn, Xid};
use crate::scenario::pipeline::{Dialect, Pipeline};
use crate::scenario::trial::Trial;

pub(super) fn header() -> Header {
    let pipeline = Pipeline {
        file: None,
        source: Vec::new(),
        left_out: Vec::new(),
        connectors: Vec::new(),
        outbox: BTreeMap::new(),
        topics: BTreeMap::new(),
        format: None,
        dialect: Dialect::Flink,
        statements: Vec::new(),
        sinks: BTreeMap::new(),
    };
    let trial = Trial::idle("a/b", "It holds", pipeline);
    Header {
        format: FORMAT,
        changeproof: "0.1.0".to_owned(),
        run: "r".to_owned(),
        trial,
        stack: "local".to_owned(),
        versions: BTreeMap::new(),
        command: "changeproof run a/b".to_owned(),
    }
}

pub(super) fn events() -> Vec<Event> {
    let record = Record {
        topic: "cdc.public.t".to_owned(),
        partition: 0,
        offset: 3,
        timestamp: Some(5),
        key: None,
        value: Some(Bytes(b"{\"id\":1}\n\xff".to_vec())),
        headers: vec![("h".to_owned(), None)],
    };
    vec![
        Event::Wal { lsn: Lsn(7), xid: Xid(8), data: vec![1, 2] },
        Event::Record(record),
        Event::End(End::Completed),
    ]
}

/// When the nth event was seen; of the first nobody knows.
pub(super) fn at_us(n: usize) -> Option<u64> {
    u64::try_from(n).ok().filter(|n| *n > 0).map(|n| n * 1_000_000 / 3)
}

fn written(header: &Header, events: &[Event]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), header).unwrap();
    for (n, event) in events.iter().enumerate() {
        writer.write(at_us(n), event).unwrap();
    }
    writer.finish().unwrap()
}

fn read(bytes: &[u8]) -> Result<Vec<Event>, HistoryError> {
    Reader::new(bytes, "history.jsonl")?.collect()
}

fn sentence(bytes: &[u8]) -> String {
    read(bytes).unwrap_err().to_string()
}

#[test]
fn what_is_written_is_read_back() {
    let bytes = written(&header(), &events());
    assert_eq!(read(&bytes), Ok(events()));
    let mut reader = Reader::new(bytes.as_slice(), "h").unwrap();
    assert_eq!(*reader.header(), header());
    for n in 0..events().len() {
        reader.next().unwrap().unwrap();
        assert_eq!(reader.at_us(), at_us(n), "event {n}");
    }
}

#[test]
fn another_version_is_refused_and_named() {
    for (major, minor, good) in
        [(2, 0, false), (1, 9, false), (0, 0, false), (1, 0, true), (1, 8, true)]
    {
        let header = Header { format: Version { major, minor }, ..header() };
        let outcome = read(&written(&header, &[]));
        assert_eq!(outcome.is_ok(), good, "{major}.{minor}");
        if let Err(error) = outcome {
            let expected = format!(
                "history.jsonl: the history has format {major}.{minor}; this version of changeproof reads 1.0 to 1.8"
            );
            assert_eq!(error.to_string(), expected);
        }
    }
}

#[test]
fn a_cut_line_a_missing_line_and_swapped_lines_are_refused_at_their_line() {
    let bytes = written(&header(), &events());
    let cut = sentence(&bytes[..bytes.len() - 5]);
    assert!(cut.starts_with("history.jsonl:4: byte "), "{cut}");
    assert!(cut.ends_with("the line is cut off: the writer was stopped in it"), "{cut}");

    let lines = bytes.split_inclusive(|byte| *byte == b'\n').collect::<Vec<_>>();
    let missing = sentence(&[lines[0], lines[2], lines[3]].concat());
    assert!(missing.starts_with("history.jsonl:2: byte 0: its sum does not fit"), "{missing}");
    let swapped = sentence(&[lines[0], lines[1], lines[3], lines[2]].concat());
    assert!(swapped.starts_with("history.jsonl:3: byte 0: its sum does not fit"), "{swapped}");
    assert!(sentence(b"").ends_with("the file is empty; expected the header of a history"));
}

#[test]
fn a_time_that_is_no_number_is_refused() {
    let mut sum = super::sum::Sum::start();
    let header = sum.seal(&serde_json::to_string(&header()).unwrap());
    let event = sum.seal("{\"at_us\":-1,\"event\":\"slot\",\"point\":1}");
    let sentence = sentence(format!("{header}\n{event}\n").as_bytes());
    assert!(sentence.ends_with("`at_us` is no number of microseconds"), "{sentence}");
}

#[test]
fn an_unknown_event_is_refused() {
    let mut sum = super::sum::Sum::start();
    let header = sum.seal(&serde_json::to_string(&header()).unwrap());
    let event = sum.seal("{\"event\":\"earthquake\"}");
    let sentence = sentence(format!("{header}\n{event}\n").as_bytes());
    assert!(sentence.starts_with("history.jsonl:2: byte "), "{sentence}");
    assert!(sentence.contains("unknown variant `earthquake`"), "{sentence}");
}

proptest! {
    #[test]
    fn a_flipped_bit_is_always_found(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let mut bytes = written(&header(), &events());
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(read(&bytes).is_err());
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(read(&bytes).is_err());
    }
}
