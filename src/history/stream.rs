//! A history read event by event, in either of its forms, without keeping any of it.

use std::io::Read as _;

use camino::Utf8Path;

use super::event::{Bytes, Event, Header, Record};
use super::packed::{self, Cursor, MAGIC, PackedReader};
use super::reader::{HistoryError, Reader};
use crate::base::position::{Lsn, Xid};
use crate::disk;

/// A record as it stands in the reader's buffer.
#[derive(Debug, Clone, Copy)]
pub struct RecordView<'a> {
    /// As in [`Record`].
    pub topic: &'a str,
    /// As in [`Record`].
    pub partition: i32,
    /// As in [`Record`].
    pub offset: i64,
    /// As in [`Record`].
    pub timestamp: Option<i64>,
    /// As in [`Record`].
    pub key: Option<&'a [u8]>,
    /// As in [`Record`].
    pub value: Option<&'a [u8]>,
    /// As in [`Record`].
    pub headers: Headers<'a>,
}

/// The headers of a record, which hardly anyone reads.
#[derive(Debug, Clone, Copy)]
pub struct Headers<'a>(pub(super) Held<'a>);

#[derive(Debug, Clone, Copy)]
pub(super) enum Held<'a> {
    Listed(&'a [(String, Option<Bytes>)]),
    /// How many, and where in the block; they were checked.
    Packed(u64, Cursor<'a>),
}

impl Headers<'_> {
    /// No header.
    pub const NONE: Self = Self(Held::Listed(&[]));

    /// The headers in order.
    pub fn to_vec(&self) -> Vec<(String, Option<Bytes>)> {
        match self.0 {
            Held::Listed(list) => list.to_vec(),
            Held::Packed(count, mut cursor) => {
                (0..count).map_while(|_| packed::header(&mut cursor)).collect()
            }
        }
    }
}

/// An event as it stands in the reader's buffer.
#[derive(Debug, Clone)]
pub enum Seen<'a> {
    /// As [`Event::Wal`].
    Wal {
        /// As in [`Event::Wal`].
        lsn: Lsn,
        /// As in [`Event::Wal`].
        xid: Xid,
        /// As in [`Event::Wal`].
        data: &'a [u8],
    },
    /// As [`Event::Record`].
    Record(RecordView<'a>),
    /// Any other event; these are rare.
    Other(Event),
}

impl<'a> Seen<'a> {
    /// The view of an event that is not rare.
    pub fn of(event: &'a Event) -> Option<Self> {
        match event {
            Event::Wal { lsn, xid, data } => Some(Self::Wal { lsn: *lsn, xid: *xid, data }),
            Event::Record(record) => Some(Self::Record(RecordView {
                topic: &record.topic,
                partition: record.partition,
                offset: record.offset,
                timestamp: record.timestamp,
                key: record.key.as_ref().map(|key| key.0.as_slice()),
                value: record.value.as_ref().map(|value| value.0.as_slice()),
                headers: Headers(Held::Listed(&record.headers)),
            })),
            _ => None,
        }
    }

    /// The event itself.
    pub fn into_event(self) -> Event {
        let bytes = |bytes: &[u8]| Bytes(bytes.to_vec());
        match self {
            Self::Wal { lsn, xid, data } => Event::Wal { lsn, xid, data: data.to_vec() },
            Self::Record(record) => Event::Record(Record {
                topic: record.topic.to_owned(),
                partition: record.partition,
                offset: record.offset,
                timestamp: record.timestamp,
                key: record.key.map(bytes),
                value: record.value.map(bytes),
                headers: record.headers.to_vec(),
            }),
            Self::Other(event) => event,
        }
    }
}

/// A history that is read event by event.
#[derive(Debug)]
pub struct Stream<'h>(Form<'h>);

#[derive(Debug)]
enum Form<'h> {
    Lines { reader: Box<Reader>, last: Option<Event> },
    Packed(Box<PackedReader>),
    Memory { history: &'h super::History, next: usize },
}

impl Stream<'_> {
    /// Opens a file of either form; what it opens with tells which.
    pub fn open(path: &Utf8Path) -> Result<Self, HistoryError> {
        if is_packed(path)? {
            return Ok(Self(Form::Packed(Box::new(PackedReader::open(path)?))));
        }
        let reader = Box::new(Reader::open(path)?);
        Ok(Self(Form::Lines { reader, last: None }))
    }
}

impl<'h> Stream<'h> {
    /// The events of a history in memory.
    pub fn of(history: &'h super::History) -> Self {
        Self(Form::Memory { history, next: 0 })
    }

    /// What was run, and with what.
    pub fn header(&self) -> &Header {
        match &self.0 {
            Form::Lines { reader, .. } => reader.header(),
            Form::Packed(reader) => reader.header(),
            Form::Memory { history, .. } => &history.header,
        }
    }

    /// The next event; `None` behind the last.
    pub fn see(&mut self) -> Result<Option<Seen<'_>>, HistoryError> {
        Ok(self.see_at()?.map(|(_, seen)| seen))
    }

    /// The same, with when it was seen, in microseconds since the run's start; histories before 1.6
    /// do not tell.
    pub fn see_at(&mut self) -> Result<Option<(Option<u64>, Seen<'_>)>, HistoryError> {
        match &mut self.0 {
            Form::Lines { reader, last } => {
                let Some(event) = reader.next().transpose()? else { return Ok(None) };
                let at_us = reader.at_us();
                if matches!(event, Event::Wal { .. } | Event::Record(_)) {
                    return Ok(Seen::of(last.insert(event)).map(|seen| (at_us, seen)));
                }
                Ok(Some((at_us, Seen::Other(event))))
            }
            Form::Packed(reader) => reader.see_at(),
            Form::Memory { history, next } => {
                let (event, at_us) = (history.events.get(*next), history.at_us(*next));
                *next += 1;
                let seen =
                    |event| Seen::of(event).unwrap_or_else(|| Seen::Other(Event::clone(event)));
                Ok(event.map(|event| (at_us, seen(event))))
            }
        }
    }
}

/// Whether a file is a packed history.
pub fn is_packed(path: &Utf8Path) -> Result<bool, HistoryError> {
    let io = |error: std::io::Error| HistoryError::Io {
        file: path.to_string(),
        problem: error.to_string(),
    };
    let mut start = Vec::new();
    let length = u64::try_from(MAGIC.len()).unwrap_or_default();
    disk::open(path)?.take(length).read_to_end(&mut start).map_err(io)?;
    Ok(start == MAGIC)
}
