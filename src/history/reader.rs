//! Reads a history, line by line. Every error names the file, the line and the byte.

use std::io::{BufRead, BufReader, Read as _};

use camino::Utf8Path;
use fs_err::File;
use serde::Deserialize;

use super::event::{Event, FORMAT, Header, Version};
use super::sum::{Sum, time};
use crate::base::limits::{self, exceeds};
use crate::disk::{self, Unread};

/// The file is no history, or not one that this version reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// There is no such file, or it is no regular one.
    #[error("{0}")]
    Unread(String),
    /// The file cannot be opened or read.
    #[error("{file}: {problem}")]
    Io {
        /// The file.
        file: String,
        /// What the operating system says.
        problem: String,
    },
    /// A line is broken.
    #[error("{file}:{line}: byte {byte}: {problem}")]
    Line {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The byte of the line, from 0.
        byte: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A block of a packed history is broken.
    #[error("{file}: block {block}, which begins at byte {byte}: {problem}")]
    Block {
        /// The file.
        file: String,
        /// The block, from 1; the header is block 0.
        block: u64,
        /// The byte of the file at which it begins, from 0.
        byte: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// The history has another format.
    #[error(
        "{file}: the history has format {major}.{minor}; this version of changeproof reads {}.0 to {}.{}",
        FORMAT.major, FORMAT.major, FORMAT.minor
    )]
    Version {
        /// The file.
        file: String,
        /// Its major version.
        major: u32,
        /// Its minor version.
        minor: u32,
    },
}

impl From<Unread> for HistoryError {
    fn from(error: Unread) -> Self {
        Self::Unread(error.to_string())
    }
}

/// Streams the events of one history.
#[derive(Debug)]
pub struct Reader<R: BufRead = BufReader<File>> {
    input: R,
    file: String,
    header: Header,
    sum: Sum,
    line: usize,
    buffer: Vec<u8>,
    at_us: Option<u64>,
    failed: bool,
}

/// What every header has, whatever its version.
#[derive(Deserialize)]
pub(super) struct Format {
    format: Version,
}

/// Refuses a format that this version does not read.
pub(super) fn refuse_other(found: &Format, file: &str) -> Result<(), HistoryError> {
    let Version { major, minor } = found.format;
    if major != FORMAT.major || minor > FORMAT.minor {
        return Err(HistoryError::Version { file: file.to_owned(), major, minor });
    }
    Ok(())
}

impl Reader {
    /// Opens a file and reads its header.
    pub fn open(path: &Utf8Path) -> Result<Self, HistoryError> {
        let file = disk::open(path)?;
        Self::new(BufReader::with_capacity(1 << 16, file), path.as_str())
    }
}

impl<R: BufRead> Reader<R> {
    /// Reads from anything; `file` names it in errors.
    pub fn new(mut input: R, file: &str) -> Result<Self, HistoryError> {
        let mut buffer = Vec::new();
        let mut lines = Lines { input: &mut input, file, line: 0, sum: Sum::start() };
        if !lines.next(&mut buffer)? {
            return Err(lines.error(0, "the file is empty; expected the header of a history"));
        }
        let format: Format = lines.json(&buffer)?;
        refuse_other(&format, file)?;
        let header = lines.json(&buffer)?;
        let sum = lines.sum;
        let (file, at_us, failed) = (file.to_owned(), None, false);
        Ok(Self { input, file, header, sum, line: 1, buffer, at_us, failed })
    }

    /// What was run, and with what.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// When the last event was seen, in microseconds since the run's start; histories before 1.6 do
    /// not tell.
    pub fn at_us(&self) -> Option<u64> {
        self.at_us
    }

    fn event(&mut self) -> Result<Option<Event>, HistoryError> {
        let Self { input, file, line, sum, buffer, at_us, .. } = self;
        let mut lines = Lines { input, file, line: *line, sum: *sum };
        if !lines.next(buffer)? {
            return Ok(None);
        }
        let event = lines.json(buffer)?;
        *at_us = time(buffer).map_err(|problem| lines.error(0, problem))?;
        (*line, *sum) = (lines.line, lines.sum);
        Ok(Some(event))
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Event, HistoryError>;

    /// The next event; nothing follows an error.
    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let event = self.event();
        self.failed = event.is_err();
        event.transpose()
    }
}

/// Lines with their numbers and sums.
struct Lines<'a, R> {
    input: &'a mut R,
    file: &'a str,
    line: usize,
    sum: Sum,
}

impl<R: BufRead> Lines<'_, R> {
    fn error(&self, byte: usize, problem: &str) -> HistoryError {
        HistoryError::Line {
            file: self.file.to_owned(),
            line: self.line.max(1),
            byte,
            problem: problem.to_owned(),
        }
    }

    /// Reads the next line into the buffer, checked; false at the end.
    fn next(&mut self, buffer: &mut Vec<u8>) -> Result<bool, HistoryError> {
        buffer.clear();
        let mut line = self.input.by_ref().take(limits::EVENT_BYTES + 1);
        let read = line.read_until(b'\n', buffer).map_err(|error| HistoryError::Io {
            file: self.file.to_owned(),
            problem: error.to_string(),
        })?;
        if read == 0 {
            return Ok(false);
        }
        self.line += 1;
        if buffer.pop_if(|byte| *byte == b'\n').is_none() {
            if exceeds(read, limits::EVENT_BYTES) {
                let most = limits::size(limits::EVENT_BYTES);
                return Err(self.error(0, &format!("the line is longer than {most}")));
            }
            return Err(self.error(read, "the line is cut off: the writer was stopped in it"));
        }
        self.sum.holds(buffer).map_err(|problem| self.error(0, problem))?;
        Ok(true)
    }

    fn json<T: for<'de> Deserialize<'de>>(&self, buffer: &[u8]) -> Result<T, HistoryError> {
        serde_json::from_slice(buffer).map_err(|error| {
            let byte = error.column().saturating_sub(1);
            self.error(byte, &error.to_string())
        })
    }
}
