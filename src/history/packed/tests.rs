//! What goes into a packed history comes out of it, and what was damaged is refused.

use proptest::prelude::*;

use super::bytes::{Cursor, put, put_signed};
use super::frame::{START, head, sum};
use super::{Head, MAGIC, PACKED, PackedReader, PackedWriter, tag};
use crate::base::position::{Lsn, Xid};
use crate::history::HistoryError;
use crate::history::event::{Bytes, Event, Header, Record, Version};
use crate::history::tests::{at_us, events, header};

fn written(events: &[Event]) -> Vec<u8> {
    let mut writer = PackedWriter::new(Vec::new(), &header()).unwrap();
    for (n, event) in events.iter().enumerate() {
        writer.write(at_us(n), event).unwrap();
    }
    writer.finish().unwrap()
}

fn read(bytes: &[u8]) -> Result<Vec<Event>, HistoryError> {
    let mut reader = PackedReader::new(bytes, "history.cph")?;
    let mut events = Vec::new();
    while let Some(seen) = reader.see()? {
        events.push(seen.into_event());
    }
    Ok(events)
}

fn sentence(bytes: &[u8]) -> String {
    read(bytes).unwrap_err().to_string()
}

/// Events that fill several blocks: every message has bytes of its own.
fn many() -> Vec<Event> {
    let data = |n: u32| {
        let numbers =
            (0..2000_u32).flat_map(|m| (n * 7919 + m).wrapping_mul(0x9e37_79b9).to_le_bytes());
        numbers.collect()
    };
    (0..120).map(|n| Event::Wal { lsn: Lsn(u64::from(n)), xid: Xid(n), data: data(n) }).collect()
}

/// Where the blocks begin, the end among them.
fn blocks(bytes: &[u8]) -> Vec<usize> {
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let mut at = 8 + 4 + 8 + usize::try_from(number(8)).unwrap();
    let mut blocks = Vec::new();
    while at + 20 <= bytes.len() {
        blocks.push(at);
        at += 20 + usize::try_from(number(at)).unwrap();
    }
    blocks
}

#[test]
fn what_is_written_is_read_back() {
    for events in [events(), many(), Vec::new()] {
        assert_eq!(read(&written(&events)), Ok(events));
    }
    let bytes = written(&events());
    assert_eq!(*PackedReader::new(bytes.as_slice(), "h").unwrap().header(), header());
}

#[test]
fn when_an_event_was_seen_is_read_back() {
    let times = [None, Some(5), Some(5), Some(u64::MAX), Some(7), None, Some(0), None];
    let mut writer = PackedWriter::new(Vec::new(), &header()).unwrap();
    for (time, event) in itertools::zip_eq(times, many().into_iter().take(times.len())) {
        writer.write(time, &event).unwrap();
    }
    let bytes = writer.finish().unwrap();
    let mut reader = PackedReader::new(bytes.as_slice(), "h").unwrap();
    for time in times {
        assert_eq!(reader.see_at().unwrap().map(|(at_us, _)| at_us), Some(time));
    }
}

#[test]
fn a_damaged_file_is_refused_at_its_block() {
    let bytes = written(&many());
    let at = blocks(&bytes);
    assert!(at.len() >= 4, "{at:?}");
    let place = |block: usize| format!("history.cph: block {block}, which begins at byte ");
    let fits = |sentence: &str, block: usize, problem: &str| {
        assert!(sentence.starts_with(&place(block)), "{sentence}");
        assert!(sentence.contains(problem), "{sentence}");
    };
    let mut flipped = bytes.clone();
    flipped[at[1] + 30] ^= 4;
    fits(&sentence(&flipped), 2, "its sum does not fit");
    let missing = [&bytes[..at[1]], &bytes[at[2]..]].concat();
    fits(&sentence(&missing), 2, "its sum does not fit");
    let swapped =
        [&bytes[..at[0]], &bytes[at[1]..at[2]], &bytes[at[0]..at[1]], &bytes[at[2]..]].concat();
    fits(&sentence(&swapped), 1, "its sum does not fit");
    fits(&sentence(&bytes[..at[2] + 40]), 3, "the file is cut off");
    // Cut between two blocks, where nothing but the end tells.
    fits(&sentence(&bytes[..at[2]]), 3, "the file is cut off");
    fits(&sentence(&[&bytes[..], b"x"].concat()), at.len(), "bytes follow the end");
    fits(&sentence(b"hello, world"), 0, "it does not open as a packed history does");
}

/// The head of a file with these versions, and with nothing behind it.
fn headed(packed: Version, format: Version) -> Vec<u8> {
    let header = Header { format, ..header() };
    let json = serde_json::to_vec(&Head { packed, header }).unwrap();
    let length = u32::try_from(json.len()).unwrap().to_le_bytes();
    let first = sum(START, &length, &json);
    let end = head([0, 0, 0]);
    let last = sum(first, &end, &[0; 8]);
    let parts: [&[u8]; 7] =
        [MAGIC, &length, &first.to_le_bytes(), &json, &end, &last.to_le_bytes(), &[0; 8]];
    parts.concat()
}

#[test]
fn another_version_is_refused_and_named() {
    let (packed, format) = (PACKED, header().format);
    assert_eq!(read(&headed(packed, format)), Ok(Vec::new()));
    let other = Version { major: 2, minor: 0 };
    let told = sentence(&headed(other, format));
    assert!(told.contains("its packing has version 2.0; this version"), "{told}");
    let told = sentence(&headed(packed, other));
    assert!(told.contains("the history has format 2.0; this version"), "{told}");
}

/// The head of a file that goes on, and its sum.
fn opened() -> (Vec<u8>, u64) {
    let mut bytes = headed(PACKED, header().format);
    bytes.truncate(bytes.len() - 28);
    let sum = u64::from_le_bytes(bytes[12..20].try_into().unwrap());
    (bytes, sum)
}

/// A block with this content, and its sum, which fits.
fn forged(before: u64, content: &[u8], events: u32) -> (Vec<u8>, u64) {
    let stored = lz4_flex::block::compress(content);
    let lengths = [stored.len(), content.len()].map(|length| u32::try_from(length).unwrap());
    let head = head([lengths[0], lengths[1], events]);
    let sum = sum(before, &head, &stored);
    ([&head[..], &sum.to_le_bytes(), &stored].concat(), sum)
}

#[test]
fn nothing_is_read_behind_an_error() {
    // A message of the journal: tag, LSN, xid, no bytes.
    let event = [tag::WAL, 2, 1, 0];
    for broken in [&[9_u8][..], &[tag::JSON, 1, b'{'], &[tag::TOPIC, 1, 0xff]] {
        let (mut bytes, before) = opened();
        let (first, before) = forged(before, broken, 1);
        let (second, _) = forged(before, &event, 1);
        bytes.extend([first, second].concat());
        let mut reader = PackedReader::new(&bytes[..], "h.cph").unwrap();
        for _ in 0..3 {
            assert!(reader.see().is_err(), "{broken:?}");
        }
    }
    let (mut bytes, before) = opened();
    bytes.extend(forged(before, &event, 1).0);
    let mut reader = PackedReader::new(&bytes[..], "h.cph").unwrap();
    assert!(reader.see().unwrap().is_some(), "the event itself can be read");
}

fn event() -> impl Strategy<Value = Event> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..30);
    let wal = (any::<u64>(), any::<u32>(), bytes()).prop_map(|(lsn, xid, data)| Event::Wal {
        lsn: Lsn(lsn),
        xid: Xid(xid),
        data,
    });
    let header = ("[a-zé]{0,4}", prop::option::of(bytes()));
    let rest =
        (prop::option::of(bytes()), prop::option::of(bytes()), prop::collection::vec(header, 0..3));
    let record = ("[ab]", any::<i32>(), any::<i64>(), prop::option::of(any::<i64>()), rest);
    let record = record.prop_map(|(topic, partition, offset, timestamp, (key, value, headers))| {
        let headers = headers.into_iter().map(|(name, value)| (name, value.map(Bytes)));
        Event::Record(Record {
            topic,
            partition,
            offset,
            timestamp,
            key: key.map(Bytes),
            value: value.map(Bytes),
            headers: headers.collect(),
        })
    });
    let slot = any::<u64>().prop_map(|point| Event::Slot { point: Lsn(point), connector: None });
    prop_oneof![wal, record, slot]
}

proptest! {
    #[test]
    fn any_events_are_read_back(events in prop::collection::vec(event(), 0..40)) {
        prop_assert_eq!(read(&written(&events)), Ok(events));
    }

    #[test]
    fn a_flipped_bit_is_always_found(
        events in prop::collection::vec(event(), 0..10),
        at in any::<prop::sample::Index>(),
        bit in 0_u8..8,
    ) {
        let mut bytes = written(&events);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(read(&bytes).is_err());
    }

    #[test]
    fn a_cut_is_always_found(events in prop::collection::vec(event(), 0..10), at in any::<prop::sample::Index>()) {
        let bytes = written(&events);
        prop_assert!(read(&bytes[..at.index(bytes.len())]).is_err());
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(read(&bytes).is_err());
    }

    /// Blocks whose sums fit, and whose content no writer made.
    #[test]
    fn no_block_makes_the_reader_panic(content in prop::collection::vec(0_u8..8, 0..60), n in 0_u32..5) {
        let (mut bytes, before) = opened();
        bytes.extend(forged(before, &content, n).0);
        // The end is missing in any case.
        prop_assert!(read(&bytes).is_err());
    }

    #[test]
    fn numbers_are_read_back(number in any::<u64>(), signed in any::<i64>()) {
        let mut bytes = Vec::new();
        put(&mut bytes, number);
        put_signed(&mut bytes, signed);
        let mut cursor = Cursor::new(&bytes, 0);
        prop_assert_eq!((cursor.number(), cursor.signed()), (Some(number), Some(signed)));
        prop_assert_eq!(cursor.at(), bytes.len());
    }
}
