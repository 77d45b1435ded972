//! What reaches the terminal: reports on stdout, progress and errors on stderr.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use anstream::{AutoStream, ColorChoice};

use super::known;
use crate::base::exit::Exit;
use crate::report::page::{Ink, Page};

/// How many columns a file or a pipe has.
const COLUMNS: usize = 120;

/// When to colour what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Color {
    /// On a terminal that shows colours, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Where a command prints.
#[derive(Debug, Clone, Copy)]
pub(super) struct Console {
    choice: ColorChoice,
    tells_all: bool,
}

impl Console {
    /// A console that colours as told, and tells all if asked to (`-v`).
    pub(super) fn new(color: Color, verbose: u8) -> Self {
        let choice = match color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        Self { choice, tells_all: verbose > 0 }
    }

    /// Reports are to hold what is otherwise only counted.
    pub(super) fn tells_all(self) -> bool {
        self.tells_all
    }

    /// How many columns stdout has: those of the terminal, else 120.
    pub(super) fn columns() -> usize {
        let terminal = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        terminal.unwrap_or(COLUMNS)
    }

    /// Prints to stdout what the command was asked for; a line break is added where none is.
    pub(super) fn out(self, text: &str) {
        let mut stream = AutoStream::new(std::io::stdout(), self.choice).lock();
        write_text(&mut stream, text);
    }

    /// Prints to stderr what people should know besides, without secrets.
    pub(super) fn err(self, text: &str) {
        let mut stream = AutoStream::new(std::io::stderr(), self.choice).lock();
        write_text(&mut stream, &known::hidden(text));
    }

    /// Says on stderr what failed; gives `exit`.
    pub(super) fn failed(self, error: &dyn std::fmt::Display, exit: Exit) -> Exit {
        let page = Page::new().with(Ink::Bad, "error").with(Ink::Plain, format!(": {error}\n"));
        self.err(&page.styled());
        exit
    }

    /// Names on stderr what was left out below a folder since its name is no text.
    pub(super) fn nameless(self, paths: &[PathBuf]) {
        for path in paths {
            self.err(&format!("note: {} is left out: its name is not UTF-8", path.display()));
        }
    }

    /// Whether somebody watches stderr, so that progress is worth showing.
    pub(super) fn watched() -> bool {
        std::io::stderr().is_terminal()
    }
}

/// A reader that went away (`changeproof list | head`) is no error of ours.
fn write_text(stream: &mut impl Write, text: &str) {
    stream.write_all(text.as_bytes()).ok();
    if !text.ends_with('\n') {
        stream.write_all(b"\n").ok();
    }
    stream.flush().ok();
}
