//! What an application wrote: the records that a history tells of, with the rows that its timeline says
//! they are.
//!
//! Source: KIP-98, and `isolation.level` in Kafka's "Consumer Configs". Seen on Kafka 4.3.1
//! (scenario `topics/an-aborted-transaction`).

use std::collections::BTreeMap;

use itertools::Itertools as _;

use crate::codec::types::arguments;
use crate::history::event::{Column, Cut, Record, Table};
use crate::scenario::application::{Application, Draft, Ending};
use crate::scenario::settings::ReplicaIdentity;
use crate::scenario::timeline::Action;
use crate::scenario::trial::Trial;

/// A record that an application wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The record, as the broker has acknowledged it.
    pub record: Record,
    /// The cells of the topic's columns; `None` where the timeline gives bytes as they stand.
    pub row: Option<Row>,
    /// How the transaction ended in which it was written.
    pub transaction: Option<Ending>,
    /// The entry of the timeline.
    pub entry: usize,
}

/// The row of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// A cell for each column of the topic, as text.
    pub cells: Vec<Option<String>>,
    /// The record takes the row of its key away.
    pub is_delete: bool,
}

/// A row among the changes of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// `c`, `u` or `d`.
    pub op: char,
    /// A cell for each column of the topic.
    pub cells: Vec<Option<String>>,
    /// The record's timestamp, in milliseconds since 1970.
    pub timestamp: Option<i64>,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
}

impl Written {
    /// Who reads committed records sees it.
    pub fn counts(&self) -> bool {
        self.transaction != Some(Ending::Abort)
    }
}

/// What an entry of the timeline wrote.
pub fn written(trial: &Trial, entry: usize, records: &[Record]) -> Vec<Written> {
    let Some(Action::Produce(produce)) = trial.timeline.get(entry).map(|entry| &entry.action)
    else {
        return Vec::new();
    };
    let application = trial.pipeline.topics.get(&produce.topic);
    let drafts = produce.drafts(application);
    // An entry that failed half way has fewer records than rows.
    let pairs = records.iter().zip_longest(drafts).filter_map(itertools::EitherOrBoth::both);
    let one = |(record, draft): (&Record, Draft<'_>)| {
        let is_delete = draft.is_delete;
        let row = draft.row.map(|fields| {
            let cells = fields.into_iter().map(|(_, _, text)| text.map(ToOwned::to_owned));
            Row { cells: cells.collect(), is_delete }
        });
        Written { record: record.clone(), row, transaction: produce.transaction, entry }
    };
    pairs.map(one).collect()
}

/// The changes of a topic that committed records make, in the order in which they were written; of the
/// records below a cut, if one is given.
pub fn changes(of: &Application, written: &[Written], below: Option<&Cut>) -> Vec<Change> {
    let mut live = BTreeMap::<Vec<Option<String>>, bool>::new();
    let mut changes = Vec::new();
    for one in written.iter().filter(|one| one.counts()) {
        let Some(row) = &one.row else { continue };
        let record = &one.record;
        if below.is_some_and(|cut| !is_below(cut, record)) {
            continue;
        }
        let is_live = live.entry(key(of, &row.cells)).or_default();
        let op = match (row.is_delete, of.key.is_empty() || !*is_live) {
            (true, _) => 'd',
            (false, true) => 'c',
            (false, false) => 'u',
        };
        *is_live = !row.is_delete;
        changes.push(Change {
            op,
            cells: row.cells.clone(),
            timestamp: record.timestamp,
            partition: record.partition,
            offset: record.offset,
        });
    }
    changes
}

/// The type of Postgres that holds the values of a Flink type.
pub fn postgres(flink: &str) -> String {
    let (name, numbers) = arguments(flink);
    let zoned = name == "TIMESTAMP_LTZ" || flink.to_ascii_uppercase().contains("LOCAL TIME ZONE");
    // Postgres keeps at most six digits of a second.
    let digits = |default: u32| numbers.first().copied().unwrap_or(default).min(6);
    match name.split(['<', ' ']).next().unwrap_or_default() {
        "BOOLEAN" => "boolean".to_owned(),
        "TINYINT" | "SMALLINT" => "smallint".to_owned(),
        "INT" | "INTEGER" => "integer".to_owned(),
        "BIGINT" => "bigint".to_owned(),
        "DECIMAL" | "DEC" | "NUMERIC" => {
            let precision = numbers.first().copied().unwrap_or(10);
            format!("numeric({precision},{})", numbers.get(1).copied().unwrap_or(0))
        }
        "FLOAT" => "real".to_owned(),
        "DOUBLE" => "double precision".to_owned(),
        "BYTES" | "BINARY" | "VARBINARY" => "bytea".to_owned(),
        "DATE" => "date".to_owned(),
        "TIME" => format!("time({}) without time zone", digits(0)),
        "TIMESTAMP" | "TIMESTAMP_LTZ" if zoned => {
            format!("timestamp({}) with time zone", digits(6))
        }
        "TIMESTAMP" => format!("timestamp({}) without time zone", digits(6)),
        "ARRAY" | "MAP" | "ROW" | "MULTISET" => "jsonb".to_owned(),
        _ => "text".to_owned(),
    }
}

/// A topic as the table that its rows make.
pub fn table(name: &str, of: &Application) -> Table {
    let column = |(name, kind): &(String, String)| Column {
        name: name.clone(),
        type_oid: 0,
        type_name: postgres(kind),
        base: None,
        not_null: false,
        default: None,
        generated: false,
    };
    Table {
        oid: 0,
        schema: String::new(),
        name: name.to_owned(),
        columns: of.columns.iter().map(column).collect(),
        key: of.key.clone(),
        identity: ReplicaIdentity::Default,
        captured: false,
        partitioned: false,
        within: Vec::new(),
        connector: None,
    }
}

/// The cells of a key.
pub fn key(of: &Application, cells: &[Option<String>]) -> Vec<Option<String>> {
    let place = |part: &String| of.columns.iter().position(|(name, _)| name == part);
    of.key.iter().filter_map(place).map(|n| cells.get(n).cloned().flatten()).collect()
}

/// Whether a cut has a record of its topic below it; a topic that it does not name counts whole.
fn is_below(cut: &Cut, record: &Record) -> bool {
    let Some(ends) = cut.0.get(&record.topic) else { return true };
    let end = usize::try_from(record.partition).ok().and_then(|n| ends.get(n));
    end.is_some_and(|end| record.offset < *end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::application::Wire;

    fn application(key: &[&str]) -> Application {
        let text = |text: &str| text.to_owned();
        Application {
            text: crate::base::text::Text::whole("p.yaml".into(), String::new()),
            columns: vec![(text("id"), text("INT")), (text("v"), text("STRING"))],
            key: key.iter().map(|part| text(part)).collect(),
            key_format: Wire::Json,
            value_format: Wire::Json,
            partitions: 1,
        }
    }

    fn record(offset: i64) -> Record {
        Record {
            topic: "t".to_owned(),
            partition: 0,
            offset,
            timestamp: Some(offset),
            key: None,
            value: None,
            headers: Vec::new(),
        }
    }

    fn ops(of: &Application, below: Option<&Cut>) -> String {
        let records = (0..6).map(record).collect::<Vec<_>>();
        let row =
            |id: &str, is_delete| Some(Row { cells: vec![Some(id.to_owned()), None], is_delete });
        let rows = [
            (row("1", false), None),
            (row("1", false), None),
            (row("2", false), Some(Ending::Abort)),
            (row("1", true), None),
            (None, None),
            (row("2", false), Some(Ending::Commit)),
        ];
        let written: Vec<_> = records
            .iter()
            .zip_eq(rows)
            .map(|(record, (row, transaction))| Written {
                record: record.clone(),
                row,
                transaction,
                entry: 0,
            })
            .collect();
        changes(of, &written, below).iter().map(|change| change.op).collect()
    }

    #[rstest::rstest]
    #[case("DECIMAL(10, 2)", "numeric(10,2)")]
    #[case("TIMESTAMP(9)", "timestamp(6) without time zone")]
    #[case("TIMESTAMP_LTZ(3)", "timestamp(3) with time zone")]
    #[case("TIMESTAMP(3) WITH LOCAL TIME ZONE", "timestamp(3) with time zone")]
    #[case("ROW<a DECIMAL(3, 1)>", "jsonb")]
    #[case("VARCHAR(3)", "text")]
    fn a_type_of_flinks_is_held_by_one_of_postgres(#[case] flink: &str, #[case] expected: &str) {
        assert_eq!(postgres(flink), expected);
    }

    #[test]
    fn what_was_committed_creates_updates_and_deletes() {
        assert_eq!(ops(&application(&["id"]), None), "cudc");
    }

    #[test]
    fn without_a_key_every_row_is_its_own() {
        assert_eq!(ops(&application(&[]), None), "ccdc");
    }

    #[test]
    fn a_cut_leaves_out_what_is_not_below_it() {
        let cut = Cut([("t".to_owned(), vec![2])].into());
        assert_eq!(ops(&application(&["id"]), Some(&cut)), "cu");
        let other = Cut([("u".to_owned(), vec![0])].into());
        assert_eq!(ops(&application(&["id"]), Some(&other)), "cudc");
    }
}
