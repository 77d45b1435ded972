//! Snapshots that are asked for while the stream goes on: the rows of the signal table, as the
//! journal has them.
//!
//! An incremental snapshot reads its tables chunk by chunk. Around each chunk the connector itself
//! writes two rows into the signal table, and lets go of those rows of the chunk that a change
//! between the two is about; what is left it writes when the second comes by in the stream.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::message_key::expression;
use crate::base::position::Lsn;
use crate::codec::pgoutput::Cell;
use crate::history::event::Table;
use crate::model::source::{Change, Kind, Transaction};
use crate::scenario::settings::Options;

/// What the signal table says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signals {
    /// The incremental snapshots, in the order in which they were asked for.
    pub incremental: Vec<Asked>,
    /// The blocking ones.
    pub blocking: Vec<Asked>,
    /// The windows of the chunks that were closed.
    pub windows: Vec<Window>,
    /// The last window was opened and not closed.
    pub open: bool,
}

/// A snapshot that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The signal's id.
    pub id: String,
    /// The place of its transaction in the journal.
    pub at: usize,
    /// The tables it names, by their places.
    pub tables: Vec<usize>,
}

/// The window of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The place of the transaction that opened it.
    pub open: usize,
    /// The place of the one that closed it.
    pub close: usize,
    /// The end of that one.
    pub end: Lsn,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(rename = "data-collections")]
    collections: Vec<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(borrow, rename = "additional-conditions")]
    conditions: Option<&'a RawValue>,
    #[serde(borrow, rename = "additional-condition")]
    condition: Option<&'a RawValue>,
    #[serde(borrow, rename = "surrogate-key")]
    surrogate: Option<&'a RawValue>,
}

impl Signals {
    /// Reads the signal table that the configuration names; what has no model is told.
    pub fn of(
        config: &Options,
        tables: &[Table],
        transactions: &[Transaction],
    ) -> Result<Self, String> {
        let mut signals = Self::default();
        let Some(name) = config.get("signal.data.collection") else { return Ok(signals) };
        let is_it = |table: &Table| format!("{}.{}", table.schema, table.name) == *name;
        let Some(signal) = tables.iter().position(is_it) else { return Ok(signals) };
        for (at, transaction) in transactions.iter().enumerate() {
            let own = transaction.changes.iter().filter(|change| change.table == signal);
            for change in own.filter(|change| change.kind == Kind::Insert) {
                signals.take((at, transaction), change, tables)?;
            }
        }
        Ok(signals)
    }

    /// The columns count by their places, whatever they are called.
    fn take(
        &mut self,
        (at, transaction): (usize, &Transaction),
        change: &Change,
        tables: &[Table],
    ) -> Result<(), String> {
        let text = |place: usize| match change.new.as_ref().and_then(|row| row.get(place)) {
            Some(Cell::Text(text)) => text.as_str(),
            Some(Cell::Null | Cell::Unchanged) | None => "",
        };
        let (id, kind) = (text(0), text(1));
        match kind {
            "execute-snapshot" => self.ask((at, id), text(2), tables),
            "snapshot-window-open" => {
                self.windows.push(Window { open: at, close: at, end: transaction.end });
                self.open = true;
                Ok(())
            }
            "snapshot-window-close" => {
                let Some(last) = self.windows.last_mut() else {
                    return Err(format!("the signal `{id}` closes a window that was not opened"));
                };
                (last.close, last.end) = (at, transaction.end);
                self.open = false;
                Ok(())
            }
            "stop-snapshot" | "pause-snapshot" | "resume-snapshot" => {
                Err(format!("the signal `{kind}` (`{id}`) has no model"))
            }
            _ => Ok(()),
        }
    }

    fn ask(&mut self, (at, id): (usize, &str), data: &str, tables: &[Table]) -> Result<(), String> {
        let data: Data<'_> = serde_json::from_str(data)
            .map_err(|error| format!("the data of the signal `{id}` cannot be read: {error}"))?;
        if data.conditions.or(data.condition).is_some() || data.surrogate.is_some() {
            let what = "a snapshot of a part of a table, or by another key,";
            return Err(format!("{what} has no model (signal `{id}`)"));
        }
        let mut named = Vec::new();
        for collection in &data.collections {
            let pattern = expression(collection.trim())
                .ok_or_else(|| format!("`{collection}` of the signal `{id}` has no model"))?;
            let fits = |table: &Table| {
                table.captured && pattern.is_match(&format!("{}.{}", table.schema, table.name))
            };
            let places = tables.iter().enumerate().filter(|(_, table)| fits(table));
            named.extend(places.map(|(place, _)| place));
        }
        let asked = Asked { id: id.to_owned(), at, tables: named };
        match data.kind.as_deref().unwrap_or("incremental") {
            kind if kind.eq_ignore_ascii_case("incremental") => self.incremental.push(asked),
            kind if kind.eq_ignore_ascii_case("blocking") => self.blocking.push(asked),
            kind => return Err(format!("the type `{kind}` of the signal `{id}` has no model")),
        }
        Ok(())
    }

    /// Forgets what stands before this transaction: the connector did not stream it.
    pub fn from(&mut self, first: usize) {
        self.incremental.retain(|asked| asked.at >= first);
        self.blocking.retain(|asked| asked.at >= first);
        self.windows.retain(|window| window.open >= first);
    }

    /// The windows in which an incremental snapshot may have read its tables: those until the next
    /// one that reads one of them too.
    pub fn windows_of(&self, asked: &Asked) -> impl Iterator<Item = &Window> {
        let until = self.next(asked).map_or(usize::MAX, |next| next.at);
        let closed = self.windows.iter().filter(|window| window.close > window.open);
        closed.filter(move |window| window.open > asked.at && window.close < until)
    }

    /// The next incremental snapshot that reads one of the same tables.
    pub fn next(&self, asked: &Asked) -> Option<&Asked> {
        let shares = |other: &Asked| other.tables.iter().any(|t| asked.tables.contains(t));
        self.incremental.iter().find(|other| other.at > asked.at && shares(other))
    }
}
