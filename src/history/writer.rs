//! Writes a history, line by line.

use std::io::{BufWriter, Write};

use camino::Utf8Path;
use fs_err::File;
use serde::Serialize;

use super::event::{Event, Header};
use super::sum::{Sum, timed};

/// Writes one history. What was written is in the file after [`Writer::flush`] or
/// [`Writer::finish`]; a killed process leaves a file whose last line may be cut.
#[derive(Debug)]
pub struct Writer<W: Write = BufWriter<File>> {
    output: W,
    sum: Sum,
}

impl Writer {
    /// Creates the file (which must not be there yet) and writes the header.
    pub fn create(path: &Utf8Path, header: &Header) -> std::io::Result<Self> {
        Self::new(BufWriter::new(File::create_new(path)?), header)
    }
}

impl<W: Write> Writer<W> {
    /// Writes to anything.
    pub fn new(output: W, header: &Header) -> std::io::Result<Self> {
        let mut writer = Self { output, sum: Sum::start() };
        writer.line(None, header)?;
        Ok(writer)
    }

    fn line(&mut self, at_us: Option<u64>, content: &impl Serialize) -> std::io::Result<()> {
        let object = serde_json::to_string(content)?;
        let object = at_us.map_or_else(|| object.clone(), |at_us| timed(at_us, &object));
        let sealed = self.sum.seal(&object);
        self.output.write_all(sealed.as_bytes())?;
        self.output.write_all(b"\n")
    }

    /// Appends an event, seen so many microseconds after the run's start.
    pub fn write(&mut self, at_us: Option<u64>, event: &Event) -> std::io::Result<()> {
        self.line(at_us, event)
    }

    /// Hands everything to the operating system.
    pub fn flush(&mut self) -> std::io::Result<()> {
        self.output.flush()
    }

    /// Flushes and gives the output back.
    pub fn finish(mut self) -> std::io::Result<W> {
        self.output.flush()?;
        Ok(self.output)
    }
}
