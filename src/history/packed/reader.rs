//! Reads a packed history, block by block. Every error names the file, the block and the byte of the
//! file at which the block begins.

use std::io::{BufReader, Read};

use camino::Utf8Path;
use fs_err::File;
use serde::Deserialize;

use super::bytes::Cursor;
use super::frame::{BLOCK_MAX, START, sum};
use super::{Head, MAGIC, PACKED, tag};
use crate::base::limits::{self, exceeds, grouped};
use crate::base::position::{Lsn, Xid};
use crate::disk;
use crate::history::HistoryError;
use crate::history::event::{Bytes, Header, Version};
use crate::history::reader::{Format, refuse_other};
use crate::history::stream::{Headers, Held, RecordView, Seen};

const UNLIKE: &str = "what it holds is no event";

/// Streams the events of one packed history.
#[derive(Debug)]
pub struct PackedReader<R: Read = BufReader<File>> {
    input: R,
    file: String,
    header: Header,
    sum: u64,
    /// The block that is being read, from 1; the header is block 0.
    block: u64,
    /// Where it begins.
    begin: u64,
    /// Where the next begins.
    next: u64,
    stored: Vec<u8>,
    bytes: Vec<u8>,
    at: usize,
    /// Events of the block that are left.
    left: u32,
    total: u64,
    topics: Vec<String>,
    last_lsn: u64,
    at_us: Option<u64>,
    ended: bool,
    /// An error was told.
    broken: bool,
}

/// The version that the file says it has, whatever else the head is.
#[derive(Deserialize)]
struct Packed {
    packed: Version,
    header: Format,
}

impl PackedReader {
    /// Opens a file and reads its header.
    pub fn open(path: &Utf8Path) -> Result<Self, HistoryError> {
        let file = disk::open(path)?;
        Self::new(BufReader::with_capacity(1 << 16, file), path.as_str())
    }
}

impl<R: Read> PackedReader<R> {
    /// Reads from anything; `file` names it in errors.
    pub fn new(mut input: R, file: &str) -> Result<Self, HistoryError> {
        let mut frames = Frames { input: &mut input, file, block: 0, begin: 0, read: 0 };
        let magic = frames.array::<8>()?;
        if magic != *MAGIC {
            return Err(frames.error("it does not open as a packed history does"));
        }
        let length = frames.array::<4>()?;
        let shown = frames.array::<8>()?;
        let mut json = Vec::new();
        frames.content(u32::from_le_bytes(length), &mut json)?;
        let sum = frames.checked(START, (&length, &json), shown)?;
        let unread = |error: serde_json::Error| error.to_string();
        let head = serde_json::from_slice::<Packed>(&json).map_err(unread);
        let head = head.map_err(|problem| frames.error(&problem))?;
        if head.packed.major != PACKED.major || head.packed.minor > PACKED.minor {
            let Version { major, minor } = head.packed;
            return Err(frames.error(&format!(
                "its packing has version {major}.{minor}; this version of changeproof reads {}.0 to \
                 {}.{}",
                PACKED.major, PACKED.major, PACKED.minor
            )));
        }
        refuse_other(&head.header, file)?;
        let head = serde_json::from_slice::<Head<Header>>(&json).map_err(unread);
        let header = head.map_err(|problem| frames.error(&problem))?.header;
        let next = frames.read;
        Ok(Self {
            input,
            file: file.to_owned(),
            header,
            sum,
            block: 0,
            begin: 0,
            next,
            stored: Vec::new(),
            bytes: Vec::new(),
            at: 0,
            left: 0,
            total: 0,
            topics: Vec::new(),
            last_lsn: 0,
            at_us: None,
            ended: false,
            broken: false,
        })
    }

    /// What was run, and with what.
    pub fn header(&self) -> &Header {
        &self.header
    }

    fn error(&self, problem: &str) -> HistoryError {
        HistoryError::Block {
            file: self.file.clone(),
            block: self.block,
            byte: self.begin,
            problem: problem.to_owned(),
        }
    }

    /// The next event; `None` behind the last. Behind an error there are only errors.
    pub fn see(&mut self) -> Result<Option<Seen<'_>>, HistoryError> {
        Ok(self.see_at()?.map(|(_, seen)| seen))
    }

    /// The same, with when it was seen, as far as it is known.
    pub fn see_at(&mut self) -> Result<Option<(Option<u64>, Seen<'_>)>, HistoryError> {
        if std::mem::replace(&mut self.broken, true) {
            return Err(self.error("nothing is read after an error"));
        }
        if self.left == 0 && !self.ended {
            self.next_block()?;
        }
        if self.ended {
            self.broken = false;
            return Ok(None);
        }
        let mut cursor = Cursor::new(&self.bytes, self.at);
        loop {
            match self.bytes.get(cursor.at()) {
                Some(&tag::TOPIC) => {
                    cursor.byte();
                    let name = cursor.take().and_then(|name| std::str::from_utf8(name).ok());
                    let Some(name) = name else { return Err(self.error(UNLIKE)) };
                    if exceeds(self.topics.len() + 1, limits::TOPICS) {
                        let most = grouped(limits::TOPICS);
                        let problem = format!("the history names more than {most} topics");
                        return Err(self.error(&problem));
                    }
                    self.topics.push(name.to_owned());
                }
                Some(&tag::TIME) => {
                    cursor.byte();
                    let Some(since) = cursor.signed() else { return Err(self.error(UNLIKE)) };
                    let before = self.at_us.unwrap_or_default();
                    self.at_us = Some(before.wrapping_add(since.cast_unsigned()));
                }
                Some(&tag::TIMELESS) => {
                    cursor.byte();
                    self.at_us = None;
                }
                _ => break,
            }
        }
        match seen(&mut cursor, &self.topics, &mut self.last_lsn) {
            Ok(seen) => {
                (self.at, self.left) = (cursor.at(), self.left - 1);
                if self.left == 0 && self.at != self.bytes.len() {
                    return Err(self.error("bytes follow its last event"));
                }
                self.broken = false;
                Ok(Some((self.at_us, seen)))
            }
            Err(problem) => Err(self.error(&problem)),
        }
    }

    fn next_block(&mut self) -> Result<(), HistoryError> {
        (self.block, self.begin) = (self.block + 1, self.next);
        let (input, file) = (&mut self.input, self.file.as_str());
        let begin = self.begin;
        let mut frames = Frames { input, file, block: self.block, begin, read: begin };
        let head = frames.array::<12>()?;
        let shown = frames.array::<8>()?;
        let [stored, length, events] = numbers(head);
        if (stored, length, events) == (0, 0, 0) {
            let total = frames.array::<8>()?;
            frames.checked(self.sum, (&head, &total), shown)?;
            if u64::from_le_bytes(total) != self.total {
                return Err(frames.error("the file has not as many events as its end says"));
            }
            frames.nothing_follows()?;
            self.ended = true;
            return Ok(());
        }
        frames.content(stored, &mut self.stored)?;
        self.sum = frames.checked(self.sum, (&head, &self.stored), shown)?;
        self.next = frames.read;
        let length = usize::try_from(length).ok().filter(|_| length <= BLOCK_MAX && events > 0);
        let Some(length) = length else { return Err(frames.error("its lengths cannot be")) };
        self.bytes.resize(length, 0);
        let unpacked = lz4_flex::block::decompress_into(&self.stored, &mut self.bytes);
        if unpacked.ok() != Some(length) {
            return Err(frames.error("it cannot be unpacked"));
        }
        (self.at, self.left) = (0, events);
        self.total += u64::from(events);
        Ok(())
    }
}

/// What a packed history unpacks to, as its blocks say: bytes and events. Nothing is unpacked, and no
/// sum is looked at; whoever reads the history finds what is wrong with it.
pub fn unpacked(path: &Utf8Path) -> Result<(u64, u64), HistoryError> {
    let io = |error: &std::io::Error| HistoryError::Io {
        file: path.to_string(),
        problem: error.to_string(),
    };
    let mut file = BufReader::new(disk::open(path)?);
    let (mut bytes, mut events) = (0_u64, 0_u64);
    let mut begin = [0; 8 + 4 + 8];
    if file.read_exact(&mut begin).is_err() {
        return Ok((0, 0));
    }
    let [.., a, b, c, d] = begin.first_chunk::<12>().copied().unwrap_or_default();
    let mut skipped = i64::from(u32::from_le_bytes([a, b, c, d]));
    loop {
        file.seek_relative(skipped).map_err(|error| io(&error))?;
        let mut head = [0; 12 + 8];
        if file.read_exact(&mut head).is_err() {
            return Ok((bytes, events));
        }
        let [stored, length, of] = numbers(head.first_chunk().copied().unwrap_or_default());
        if (stored, length, of) == (0, 0, 0) {
            return Ok((bytes, events));
        }
        (bytes, events) =
            (bytes.saturating_add(u64::from(length)), events.saturating_add(u64::from(of)));
        skipped = i64::from(stored);
    }
}

fn numbers(head: [u8; 12]) -> [u32; 3] {
    let mut numbers = [0; 3];
    for (to, from) in itertools::zip_eq(&mut numbers, head.chunks_exact(4)) {
        *to = from.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte));
    }
    numbers
}

/// Reads the event at the cursor, up to its end.
fn seen<'a>(
    cursor: &mut Cursor<'a>,
    topics: &'a [String],
    last_lsn: &mut u64,
) -> Result<Seen<'a>, String> {
    let unlike = || UNLIKE.to_owned();
    match cursor.byte().ok_or_else(unlike)? {
        tag::JSON => {
            let json = cursor.take().ok_or_else(unlike)?;
            serde_json::from_slice(json).map(Seen::Other).map_err(|error| error.to_string())
        }
        tag::WAL => {
            *last_lsn = last_lsn.wrapping_add(cursor.signed().ok_or_else(unlike)?.cast_unsigned());
            let xid = cursor.number().and_then(|xid| u32::try_from(xid).ok()).ok_or_else(unlike)?;
            let data = cursor.take().ok_or_else(unlike)?;
            Ok(Seen::Wal { lsn: Lsn(*last_lsn), xid: Xid(xid), data })
        }
        tag::RECORD => record(cursor, topics).map(Seen::Record).ok_or_else(unlike),
        _ => Err(unlike()),
    }
}

fn record<'a>(cursor: &mut Cursor<'a>, topics: &'a [String]) -> Option<RecordView<'a>> {
    let topic = topics.get(usize::try_from(cursor.number()?).ok()?)?;
    let partition = i32::try_from(cursor.signed()?).ok()?;
    let offset = cursor.signed()?;
    let timestamp = match cursor.byte()? {
        0 => None,
        1 => Some(cursor.signed()?),
        _ => return None,
    };
    let (key, value) = (cursor.optional()?, cursor.optional()?);
    let count = cursor.number()?;
    let headers = Headers(Held::Packed(count, *cursor));
    for _ in 0..count {
        std::str::from_utf8(cursor.take()?).ok()?;
        cursor.optional()?;
    }
    Some(RecordView { topic, partition, offset, timestamp, key, value, headers })
}

/// One header of a record.
pub(in crate::history) fn header(cursor: &mut Cursor<'_>) -> Option<(String, Option<Bytes>)> {
    let name = std::str::from_utf8(cursor.take()?).ok()?.to_owned();
    Some((name, cursor.optional()?.map(|value| Bytes(value.to_vec()))))
}

/// Reads frames, and says where something is wrong.
struct Frames<'a, R> {
    input: &'a mut R,
    file: &'a str,
    block: u64,
    begin: u64,
    /// How far the file was read.
    read: u64,
}

impl<R: Read> Frames<'_, R> {
    fn error(&self, problem: &str) -> HistoryError {
        HistoryError::Block {
            file: self.file.to_owned(),
            block: self.block,
            byte: self.begin,
            problem: problem.to_owned(),
        }
    }

    fn io(&self, error: &std::io::Error) -> HistoryError {
        if error.kind() == std::io::ErrorKind::UnexpectedEof {
            return self.error("the file is cut off");
        }
        HistoryError::Io { file: self.file.to_owned(), problem: error.to_string() }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], HistoryError> {
        let mut array = [0; N];
        self.input.read_exact(&mut array).map_err(|error| self.io(&error))?;
        self.read += u64::try_from(N).unwrap_or(u64::MAX);
        Ok(array)
    }

    /// Reads no more than is there: a length that was changed must not fill the memory.
    fn content(&mut self, length: u32, into: &mut Vec<u8>) -> Result<(), HistoryError> {
        if length > BLOCK_MAX {
            return Err(self.error("its length cannot be"));
        }
        into.clear();
        let read = self.input.by_ref().take(u64::from(length)).read_to_end(into);
        read.map_err(|error| self.io(&error))?;
        if u32::try_from(into.len()) != Ok(length) {
            return Err(self.error("the file is cut off"));
        }
        self.read += u64::from(length);
        Ok(())
    }

    fn checked(
        &self,
        before: u64,
        (head, content): (&[u8], &[u8]),
        shown: [u8; 8],
    ) -> Result<u64, HistoryError> {
        let sum = sum(before, head, content);
        if sum.to_le_bytes() == shown {
            return Ok(sum);
        }
        Err(self.error("its sum does not fit: a byte was changed, or a block is missing or moved"))
    }

    fn nothing_follows(&mut self) -> Result<(), HistoryError> {
        let mut byte = [0];
        match self.input.read(&mut byte) {
            Ok(0) => Ok(()),
            Ok(_) => Err(self.error("bytes follow the end of the history")),
            Err(error) => Err(self.io(&error)),
        }
    }
}
