//! `changeproof convert`: a history in its other form.

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;

use super::check::found;
use super::console::Console;
use crate::base::exit::Exit;
use crate::history::packed::PackedWriter;
use crate::history::stream::{Seen, Stream};
use crate::history::{HistoryError, Writer};
use crate::run;

/// Write a history in another form: as JSON Lines, or packed
///
/// Both hold the same events, and are judged alike. The packed form takes a small part of the room,
/// and is read several times as fast.
#[derive(Debug, Args)]
pub(super) struct Convert {
    /// A run folder (or its name below `.changeproof/runs`), or a history file
    #[arg(value_name = "RUN")]
    run: Utf8PathBuf,
    /// The file to write, which must not be there yet: `.jsonl` for JSON Lines, `.cph` packed
    #[arg(value_name = "FILE")]
    file: Utf8PathBuf,
}

/// Why nothing was written.
enum Failed {
    Read(HistoryError),
    Write(std::io::Error),
}

impl From<HistoryError> for Failed {
    fn from(error: HistoryError) -> Self {
        Self::Read(error)
    }
}

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        Self::Write(error)
    }
}

/// Where the events go.
enum Output {
    Lines(Writer),
    Packed(PackedWriter),
}

pub(super) fn run(convert: &Convert, console: Console) -> Exit {
    let from = run::history_file(&found(&convert.run));
    let to = &convert.file;
    if !matches!(to.extension(), Some("jsonl" | "cph")) {
        let sentence = format!("{to}: a history is written as `.jsonl` or as `.cph`");
        return console.failed(&sentence, Exit::Usage);
    }
    if to.exists() {
        return console.failed(&format!("{to} is there already"), Exit::Usage);
    }
    match copy(&from, to) {
        Ok(events) => {
            console.err(&format!("{events} events from {from} to {to}"));
            Exit::Pass
        }
        Err(failed) => {
            // What was written is no whole history.
            fs_err::remove_file(to).ok();
            match failed {
                Failed::Read(error) => console.failed(&error, Exit::ScenarioInvalid),
                Failed::Write(error) => console.failed(&error, Exit::Usage),
            }
        }
    }
}

/// Copies all events; gives their number.
fn copy(from: &Utf8Path, to: &Utf8Path) -> Result<u64, Failed> {
    let mut stream = Stream::open(from)?;
    let header = stream.header();
    let mut output = match to.extension() {
        Some("cph") => Output::Packed(PackedWriter::create(to, header)?),
        _ => Output::Lines(Writer::create(to, header)?),
    };
    let mut events = 0;
    while let Some((at_us, seen)) = stream.see_at()? {
        output.see(at_us, seen)?;
        events += 1;
    }
    match output {
        Output::Lines(writer) => drop(writer.finish()?),
        Output::Packed(writer) => drop(writer.finish()?),
    }
    Ok(events)
}

impl Output {
    fn see(&mut self, at_us: Option<u64>, seen: Seen<'_>) -> std::io::Result<()> {
        match self {
            Self::Lines(writer) => writer.write(at_us, &seen.into_event()),
            Self::Packed(writer) => writer.see(at_us, &seen),
        }
    }
}
