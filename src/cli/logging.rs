//! The log: on stderr, never mixed into reports, and without secrets.

use std::io::{self, IsTerminal, Write};

use tracing_subscriber::EnvFilter;

use super::known;

/// Starts logging. `filters` (the variable `CHANGEPROOF_LOG`) wins over `-v`; without either only
/// warnings are shown.
pub(super) fn start(verbose: u8, filters: Option<&str>) {
    let default = match verbose {
        0 => "changeproof=warn",
        1 => "changeproof=info",
        2 => "changeproof=debug",
        _ => "changeproof=trace",
    };
    let filter = EnvFilter::new(filters.unwrap_or(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Discreet(io::stderr()))
        .with_ansi(io::stderr().is_terminal())
        .with_target(verbose > 1)
        .compact()
        .init();
}

/// Hides secrets in what is written; a line of the log comes in one piece.
struct Discreet<W>(W);

impl<W: Write> Write for Discreet<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let hidden = known::hidden(&String::from_utf8_lossy(line));
        self.0.write_all(hidden.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_written_without_secrets() {
        let mut written = Vec::new();
        let line = b"sent {\"a.password\": \"hunter2\"}\n";
        assert_eq!(Discreet(&mut written).write(line).unwrap(), line.len());
        assert_eq!(String::from_utf8(written).unwrap(), "sent {\"a.password\": \"…\"}\n");
    }
}
