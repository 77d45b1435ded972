//! What a statement reads, it makes rows of: the rows that its source operators say they gave on are
//! those that the records hold.
//!
//! Only a format that ignores what it cannot read leaves a record out without an error, so only such
//! tables are counted.
//!
//! Source: Flink's manual, Debezium format, "Format Options" (`ignore-parse-errors`). Seen on
//! 2.2.0 (scenario `silent/an-update-that-ignored-errors-swallow`).

use super::case::Case;
use super::found::{Draft, Found};
use super::topic::position;
use crate::base::anomaly::Anomaly;
use crate::history::event::{Proof, Reading, Record};
use crate::model::reading::held;

pub(super) const FINDS: &[Anomaly] = &[Anomaly::RecordSkipped];

pub(super) fn check(case: &Case<'_>, found: &mut Found) {
    let Some(proof) = case.last_proof() else { return };
    for job in &proof.jobs {
        for reading in &job.readings {
            match compare(case, proof, reading) {
                Ok(None) => {}
                Ok(Some(skipped)) => {
                    for sink in &job.sinks {
                        found.add(skipped.draft(reading, sink));
                    }
                }
                Err(missing) => {
                    let what = format!("whether `{}` leaves records out", reading.table);
                    found.gap(what, missing);
                }
            }
        }
    }
}

/// Fewer rows than the records hold.
struct Skipped<'a> {
    rows: u64,
    held: u64,
    /// The first record that the format cannot read, if such records explain the difference.
    record: Option<&'a Record>,
}

fn compare<'a>(
    case: &Case<'a>,
    proof: &Proof,
    reading: &Reading,
) -> Result<Option<Skipped<'a>>, String> {
    let rows = reading.rows.ok_or(
        "the rows that it gave on are not counted from the first record on: its task was started \
         again, or it begins to read elsewhere",
    )?;
    let (mut all, mut unreadable, mut first) = (0, 0, None);
    for topic in &reading.topics {
        for record in case.index.of_topic(topic).iter().filter(|record| is_below(proof, record)) {
            let held = held(reading, record).ok_or_else(|| {
                format!(
                    "how many rows a record of the format `{}` holds has no model",
                    reading.format
                )
            })?;
            all += held.rows;
            if !held.readable {
                unreadable += held.rows;
                first.get_or_insert(*record);
            }
        }
    }
    if rows > all {
        return Err(format!(
            "it says that it gave on {rows} rows, and the records that were read hold {all}"
        ));
    }
    let record = first.filter(|_| unreadable == all - rows);
    Ok((rows < all).then_some(Skipped { rows, held: all, record }))
}

/// The record was there when the proof was made.
fn is_below(proof: &Proof, record: &Record) -> bool {
    let ends = proof.ends.get(&record.topic).map_or(&[][..], Vec::as_slice);
    let end = usize::try_from(record.partition).ok().and_then(|partition| ends.get(partition));
    end.is_some_and(|(_, high)| record.offset < *high)
}

impl Skipped<'_> {
    fn draft<'d>(&'d self, reading: &Reading, sink: &'d str) -> Draft<'d> {
        let (table, topics) = (&reading.table, reading.topics.join("`, `"));
        let example = self.record.map_or_else(String::new, |record| {
            format!(
                "; record {} is the first that `{}` cannot read",
                position(record),
                reading.format
            )
        });
        Draft {
            anomaly: Anomaly::RecordSkipped,
            place: sink,
            key: None,
            key_columns: &[],
            sentence: format!(
                "`{table}` gave on {} of the {} rows that the records of `{topics}` hold, and \
                 ignores what it cannot read{example}",
                self.rows, self.held
            ),
            record: self.record,
            position: None,
            first_hop: Some(format!("{} → {sink}", reading.topics.join(", "))),
            difference: Vec::new(),
        }
    }
}
