//! Writes a history, line by line.

use std::io::{BufWriter, Write};

use camino::Utf8Path;
use fs_err::File;
use serde::Serialize;

use super::event::{Event, Header};
use super::sum::Sum;

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
        writer.line(header)?;
        Ok(writer)
    }

    fn line(&mut self, content: &impl Serialize) -> std::io::Result<()> {
        let sealed = self.sum.seal(&serde_json::to_string(content)?);
        self.output.write_all(sealed.as_bytes())?;
        self.output.write_all(b"\n")
    }

    /// Appends an event.
    pub fn write(&mut self, event: &Event) -> std::io::Result<()> {
        self.line(event)
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
