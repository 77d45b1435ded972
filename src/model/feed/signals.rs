//! Snapshots that are asked for while the stream goes on: the rows of the signal table, as the
//! journal has them.
//!
//! An incremental snapshot reads its tables chunk by chunk. Around each chunk the connector itself
//! writes two rows into the signal table, and lets go of those rows of the chunk that a change
//! between the two is about; what is left it writes when the second comes by in the stream.
//!
//! Source: Debezium's manual, "Sending signals to a Debezium connector", and "Incremental
//! snapshots" of the PostgreSQL connector ("Snapshot window"); Debezium's design document DDD-3.
//! Seen on 3.6.3 (scenario `snapshot/an-incremental-snapshot-beside-the-stream`).

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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::base::position::Xid;
    use crate::codec::pgoutput::write;
    use crate::history::testing::text_table;
    use crate::model::source::Journal;

    fn table(oid: u32, name: &str, captured: bool) -> Table {
        Table { oid, captured, ..text_table(name, &["id", "type", "data"]) }
    }

    fn tables() -> [Table; 4] {
        [
            table(1, "orders", true),
            table(2, "signals", true),
            table(3, "payments", true),
            table(4, "notes", false),
        ]
    }

    fn row(cells: [&str; 3]) -> write::Row {
        cells.map(|text| Cell::Text(text.to_owned())).to_vec()
    }

    /// What is read of these messages, each in a transaction of its own.
    fn read(messages: &[Vec<u8>], signal: &str) -> Result<Signals, String> {
        let tables = tables();
        let mut journal = Journal::new(&tables);
        let mut transactions = Vec::new();
        for (place, message) in messages.iter().enumerate() {
            let place = u32::try_from(place).unwrap() + 1;
            let lsn = Lsn(u64::from(place) * 10);
            let (begin, end) = (write::begin(lsn, 0, Xid(place)), Lsn(lsn.0 + 5));
            for data in [begin, message.clone(), write::commit(lsn, end, 0)] {
                transactions.extend(journal.push(lsn, Xid(place), &data).unwrap());
            }
        }
        let config = Options::from([("signal.data.collection".to_owned(), signal.to_owned())]);
        Signals::of(&config, &tables, &transactions)
    }

    fn signals(rows: &[[&str; 3]]) -> Result<Signals, String> {
        let inserts = rows.iter().map(|cells| write::insert(2, &row(*cells)));
        read(&inserts.collect::<Vec<_>>(), "public.signals")
    }

    fn asked(at: usize, tables: &[usize]) -> Asked {
        Asked { id: format!("s{at}"), at, tables: tables.to_vec() }
    }

    const OPEN: [&str; 3] = ["w-open", "snapshot-window-open", ""];
    const CLOSE: [&str; 3] = ["w-close", "snapshot-window-close", ""];

    #[rstest]
    #[case::incremental(r#"{"data-collections": ["public.orders"]}"#, true, &[0])]
    #[case::by_its_type(r#"{"data-collections": ["public.orders"], "type": "Incremental"}"#, true, &[0])]
    #[case::blocking(r#"{"data-collections": ["public.orders"], "type": "BLOCKING"}"#, false, &[0])]
    #[case::by_an_expression(r#"{"data-collections": [" public.(orders|payments)"]}"#, true, &[0, 2])]
    #[case::not_captured(r#"{"data-collections": ["public.notes", "public.payments"]}"#, true, &[2])]
    fn a_snapshot_is_asked_for_by_a_row(
        #[case] data: &str,
        #[case] incremental: bool,
        #[case] tables: &[usize],
    ) {
        let signals = signals(&[["s0", "execute-snapshot", data]]).unwrap();
        let (wanted, other) = if incremental {
            (signals.incremental, signals.blocking)
        } else {
            (signals.blocking, signals.incremental)
        };
        assert_eq!((wanted, other), (vec![asked(0, tables)], Vec::new()));
        assert_eq!((signals.windows, signals.open), (Vec::new(), false));
    }

    #[rstest]
    #[case::no_json(["s", "execute-snapshot", "all"], "the data of the signal `s` cannot be read")]
    #[case::another_type(
        ["s", "execute-snapshot", r#"{"data-collections": [], "type": "x"}"#],
        "the type `x` of the signal `s` has no model"
    )]
    #[case::a_part(
        ["s", "execute-snapshot", r#"{"data-collections": [], "additional-conditions": [1]}"#],
        "a snapshot of a part of a table"
    )]
    #[case::a_part_as_it_was_written_once(
        ["s", "execute-snapshot", r#"{"data-collections": [], "additional-condition": "x"}"#],
        "a snapshot of a part of a table"
    )]
    #[case::by_another_key(
        ["s", "execute-snapshot", r#"{"data-collections": [], "surrogate-key": "x"}"#],
        "by another key"
    )]
    #[case::stopped(["s", "stop-snapshot", ""], "the signal `stop-snapshot` (`s`) has no model")]
    #[case::closed_unopened(CLOSE, "closes a window that was not opened")]
    fn what_has_no_model_is_told(#[case] row: [&str; 3], #[case] told: &str) {
        let error = signals(&[row]).err();
        assert!(error.as_ref().is_some_and(|error| error.contains(told)), "{error:?}");
    }

    #[test]
    fn a_chunk_is_read_between_two_rows() {
        let read = signals(&[OPEN, ["x", "log", ""], CLOSE, OPEN]).unwrap();
        let closed = Window { open: 0, close: 2, end: Lsn(35) };
        let open = Window { open: 3, close: 3, end: Lsn(45) };
        assert_eq!((read.windows, read.open), (vec![closed, open], true));
        assert!(!signals(&[OPEN, CLOSE]).unwrap().open);
    }

    #[test]
    fn only_rows_that_come_into_the_signal_table_are_signals() {
        let open = row(OPEN);
        let messages = [
            write::insert(1, &open),
            write::insert(2, &row(["s", "log", ""])),
            write::update(2, Some(&write::full(&row(["s", "log", ""]))), &open),
            write::delete(2, &write::full(&open)),
        ];
        assert_eq!(read(&messages, "public.signals"), Ok(Signals::default()));
        let messages = [write::insert(2, &open)];
        assert_eq!(read(&messages, "public.signals").map(|signals| signals.windows.len()), Ok(1));
        assert_eq!(read(&messages, "public.other"), Ok(Signals::default()));
    }

    fn window(open: usize, close: usize) -> Window {
        Window { open, close, end: Lsn(0) }
    }

    #[test]
    fn what_stands_before_the_stream_is_forgotten() {
        let mut signals = Signals {
            incremental: vec![asked(4, &[0]), asked(5, &[0])],
            blocking: vec![asked(4, &[0]), asked(5, &[0])],
            windows: vec![window(4, 6), window(5, 7)],
            open: false,
        };
        signals.from(5);
        assert_eq!(signals.incremental, [asked(5, &[0])]);
        assert_eq!(signals.blocking, [asked(5, &[0])]);
        assert_eq!(signals.windows, [window(5, 7)]);
    }

    #[test]
    fn a_snapshot_reads_its_tables_until_the_next_one_of_them() {
        let signals = Signals {
            incremental: vec![asked(2, &[0, 1]), asked(6, &[2]), asked(9, &[1]), asked(12, &[0])],
            // One before, one as it was asked for, one that is not closed, and one that goes on as the
            // next begins.
            windows: vec![
                window(0, 1),
                window(2, 3),
                window(4, 5),
                window(7, 7),
                window(7, 8),
                window(8, 9),
                window(10, 11),
                window(13, 14),
            ],
            ..Signals::default()
        };
        let of = |asked: &Asked| signals.windows_of(asked).copied().collect::<Vec<_>>();
        let [first, second, third, last] = &signals.incremental[..] else { panic!("four") };
        assert_eq!(signals.next(first), Some(third));
        assert_eq!(
            (signals.next(second), signals.next(third), signals.next(last)),
            (None, None, None)
        );
        assert_eq!(of(first), [window(4, 5), window(7, 8)]);
        assert_eq!(of(second), [window(7, 8), window(8, 9), window(10, 11), window(13, 14)]);
        assert_eq!(of(third), [window(10, 11), window(13, 14)]);
    }
}
