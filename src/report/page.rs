//! Text with its colours beside it: written once, printed plain or coloured, never drifting apart.

use std::fmt;

use anstyle::{AnsiColor, Style};

/// What a piece of text is, from which its colour follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// Nothing special.
    Plain,
    /// A title or a name that the eye should find.
    Strong,
    /// Beside the point.
    Faint,
    /// A pass.
    Good,
    /// A failure.
    Bad,
    /// Undecided, or a warning.
    Doubt,
    /// What was expected (`-`).
    Expected,
    /// What was captured (`+`).
    Captured,
}

impl Ink {
    fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Strong => Style::new().bold(),
            Self::Faint => Style::new().dimmed(),
            Self::Good => AnsiColor::Green.on_default().bold(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Doubt => AnsiColor::Yellow.on_default().bold(),
            Self::Expected => AnsiColor::Red.on_default(),
            Self::Captured => AnsiColor::Green.on_default(),
        }
    }
}

/// Text in pieces, each with its ink. `Display` is the plain text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    pieces: Vec<(Ink, String)>,
}

impl Page {
    /// An empty page.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a piece.
    #[must_use]
    pub fn with(mut self, ink: Ink, text: impl Into<String>) -> Self {
        self.add(ink, text);
        self
    }

    /// Adds a piece.
    pub fn add(&mut self, ink: Ink, text: impl Into<String>) {
        self.pieces.push((ink, text.into()));
    }

    /// Adds plain text and ends the line.
    pub fn line(&mut self, text: impl Into<String>) {
        self.add(Ink::Plain, text);
        self.end();
    }

    /// Ends the line.
    pub fn end(&mut self) {
        self.add(Ink::Plain, "\n");
    }

    /// Adds another page.
    pub fn append(&mut self, other: Self) {
        self.pieces.extend(other.pieces);
    }

    /// How many characters wide it is, if it is one line.
    pub fn width(&self) -> usize {
        self.pieces.iter().map(|(_, text)| text.chars().count()).sum()
    }

    /// The text with terminal colours; take them out of it and the plain text is left.
    pub fn styled(&self) -> String {
        // A line break stays outside, so that a coloured text ends as the plain one does.
        let paint = |(ink, text): &(Ink, String)| match (ink, text.strip_suffix('\n')) {
            (Ink::Plain, _) => text.clone(),
            (_, Some(line)) => format!("{0}{line}{0:#}\n", ink.style()),
            (_, None) => format!("{0}{text}{0:#}", ink.style()),
        };
        self.pieces.iter().map(paint).collect()
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces.iter().try_for_each(|(_, text)| f.write_str(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coloured_page_without_its_colours_is_the_plain_page() {
        let page = Page::new().with(Ink::Bad, "fail").with(Ink::Plain, "  a [p=1]\n");
        assert_ne!(page.styled(), page.to_string());
        assert_eq!(anstream::adapter::strip_str(&page.styled()).to_string(), page.to_string());
    }
}
