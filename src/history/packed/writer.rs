//! Writes a packed history, block by block.

use std::io::{BufWriter, Error, Write};

use camino::Utf8Path;
use fs_err::File;

use super::bytes::{put, put_bytes, put_optional, put_signed};
use super::frame::{BLOCK_MAX, START, head, sum};
use super::{Head, MAGIC, PACKED, tag};
use crate::history::event::{Event, Header};
use crate::history::stream::{RecordView, Seen};

/// A block is written when it is this long.
const BLOCK: usize = 256 * 1024;

/// Writes one packed history. A file that was not [finished](PackedWriter::finish) is refused as cut
/// off.
#[derive(Debug)]
pub struct PackedWriter<W: Write = BufWriter<File>> {
    output: W,
    sum: u64,
    block: Vec<u8>,
    /// Events in the block.
    in_block: u32,
    /// Events in the file.
    total: u64,
    topics: Vec<String>,
    last_lsn: u64,
    at_us: Option<u64>,
}

impl PackedWriter {
    /// Creates the file (which must not be there yet) and writes the header.
    pub fn create(path: &Utf8Path, header: &Header) -> std::io::Result<Self> {
        Self::new(BufWriter::new(File::create_new(path)?), header)
    }
}

impl<W: Write> PackedWriter<W> {
    /// Writes to anything.
    pub fn new(mut output: W, header: &Header) -> std::io::Result<Self> {
        let json = serde_json::to_vec(&Head { packed: PACKED, header })?;
        let length = length(json.len())?.to_le_bytes();
        let sum = sum(START, &length, &json);
        output.write_all(MAGIC)?;
        output.write_all(&length)?;
        output.write_all(&sum.to_le_bytes())?;
        output.write_all(&json)?;
        let block = Vec::with_capacity(BLOCK + BLOCK / 4);
        let (in_block, total, topics) = (0, 0, Vec::new());
        Ok(Self { output, sum, block, in_block, total, topics, last_lsn: 0, at_us: None })
    }

    /// Appends an event, seen so many microseconds after the run's start.
    pub fn write(&mut self, at_us: Option<u64>, event: &Event) -> std::io::Result<()> {
        match Seen::of(event) {
            Some(seen) => self.see(at_us, &seen),
            None => {
                self.time(at_us);
                self.json(event)
            }
        }
    }

    /// Appends what a reader has seen.
    pub fn see(&mut self, at_us: Option<u64>, seen: &Seen<'_>) -> std::io::Result<()> {
        self.time(at_us);
        match seen {
            Seen::Wal { lsn, xid, data } => {
                self.block.push(tag::WAL);
                // LSNs mostly grow; the difference is short either way.
                put_signed(&mut self.block, lsn.0.wrapping_sub(self.last_lsn).cast_signed());
                self.last_lsn = lsn.0;
                put(&mut self.block, u64::from(xid.0));
                put_bytes(&mut self.block, data);
                self.event_ends()
            }
            Seen::Record(record) => self.record(record),
            Seen::Other(event) => self.json(event),
        }
    }

    /// Says when the events from here on were seen, if it is not when those before were.
    fn time(&mut self, at_us: Option<u64>) {
        if at_us == self.at_us {
            return;
        }
        match at_us {
            Some(at_us) => {
                self.block.push(tag::TIME);
                let before = self.at_us.unwrap_or_default();
                put_signed(&mut self.block, at_us.wrapping_sub(before).cast_signed());
            }
            None => self.block.push(tag::TIMELESS),
        }
        self.at_us = at_us;
    }

    fn json(&mut self, event: &Event) -> std::io::Result<()> {
        self.block.push(tag::JSON);
        put_bytes(&mut self.block, &serde_json::to_vec(event)?);
        self.event_ends()
    }

    fn record(&mut self, record: &RecordView<'_>) -> std::io::Result<()> {
        let known = self.topics.iter().position(|topic| topic == record.topic);
        let topic = known.unwrap_or_else(|| {
            self.block.push(tag::TOPIC);
            put_bytes(&mut self.block, record.topic.as_bytes());
            self.topics.push(record.topic.to_owned());
            self.topics.len() - 1
        });
        let block = &mut self.block;
        block.push(tag::RECORD);
        put(block, u64::try_from(topic).unwrap_or(u64::MAX));
        put_signed(block, i64::from(record.partition));
        put_signed(block, record.offset);
        match record.timestamp {
            Some(at) => {
                block.push(1);
                put_signed(block, at);
            }
            None => block.push(0),
        }
        put_optional(block, record.key);
        put_optional(block, record.value);
        let headers = record.headers.to_vec();
        put(block, u64::try_from(headers.len()).unwrap_or(u64::MAX));
        for (name, value) in &headers {
            put_bytes(block, name.as_bytes());
            put_optional(block, value.as_ref().map(|value| value.0.as_slice()));
        }
        self.event_ends()
    }

    fn event_ends(&mut self) -> std::io::Result<()> {
        self.in_block += 1;
        self.total += 1;
        if self.block.len() >= BLOCK { self.end_block() } else { Ok(()) }
    }

    fn end_block(&mut self) -> std::io::Result<()> {
        if self.in_block == 0 {
            return Ok(());
        }
        let stored = lz4_flex::block::compress(&self.block);
        let head = head([length(stored.len())?, length(self.block.len())?, self.in_block]);
        self.frame(&head, &stored)?;
        self.block.clear();
        self.in_block = 0;
        Ok(())
    }

    fn frame(&mut self, head: &[u8], content: &[u8]) -> std::io::Result<()> {
        self.sum = sum(self.sum, head, content);
        self.output.write_all(head)?;
        self.output.write_all(&self.sum.to_le_bytes())?;
        self.output.write_all(content)
    }

    /// Writes the end, flushes and gives the output back.
    pub fn finish(mut self) -> std::io::Result<W> {
        self.end_block()?;
        let total = self.total.to_le_bytes();
        self.frame(&head([0, 0, 0]), &total)?;
        self.output.flush()?;
        Ok(self.output)
    }
}

fn length(bytes: usize) -> std::io::Result<u32> {
    let length = u32::try_from(bytes).ok().filter(|length| *length <= BLOCK_MAX);
    length.ok_or_else(|| Error::other(format!("an event of {bytes} bytes is too large to pack")))
}
