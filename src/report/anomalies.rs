//! What each finding means, for people who have just met one.

use crate::base::anomaly::Anomaly;

/// The texts about one finding. Sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Texts {
    /// What exactly it is.
    pub definition: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// What usually brings it about.
    pub cause: &'static str,
    /// What to do.
    pub mend: &'static str,
}

/// The texts about `anomaly`.
pub fn texts(anomaly: Anomaly) -> Texts {
    let found = TEXTS.iter().find(|(of, _)| *of == anomaly);
    let (_, [definition, why, cause, mend]) =
        found.expect("every finding has its texts (there is a test)");
    Texts { definition, why, cause, mend }
}

/// What else some findings are at a kind of hop: which, what exactly, the usual cause, what to do.
pub fn elsewhere(anomaly: Anomaly) -> impl Iterator<Item = (&'static str, [&'static str; 3])> {
    ELSEWHERE.iter().filter(move |(of, ..)| *of == anomaly).map(|(_, hop, texts)| (*hop, *texts))
}

const ELSEWHERE: &[(Anomaly, &str, [&str; 3])] = &[
    (
        Anomaly::LostChange,
        "at a sink",
        [
            "The reference has a row at the end that the sink does not hold.",
            "A join whose other side is missing or comes too late, a filter that compares unlike texts or NULL, rows that are read from the end of a topic, a tombstone of one group that deletes the row of another.",
            "Compare the row below with the conditions of the statement; where the first wrong hop is the topic, begin there.",
        ],
    ),
    (
        Anomaly::GhostRow,
        "at an append sink",
        [
            "The sink holds a row that its reference does not have, and nothing can take it back: every row that was ever written stays.",
            "The statement writes rows that are changed or deleted later, or that its condition should keep out.",
            "Write the reference over `changes.<table>`, as a sink of changes; or give the sink a primary key and read the topic as a changelog.",
        ],
    ),
    (
        Anomaly::DuplicateChange,
        "at a sink",
        [
            "The sink holds a row more often than its reference has it, and no recorded restart explains it.",
            "A join that finds two rows for one, UNION ALL over streams that overlap, a topic that was read twice.",
            "Join on the whole key; give the sink a primary key, or remove duplicates in the statement.",
        ],
    ),
    (
        Anomaly::StaleOverwrite,
        "at a sink",
        [
            "The sink shows a value that its reference had before the right one.",
            "Changes of one key on several partitions or subtasks: the sink's key is not the key that the topic or the join is spread by.",
            "Keep one key on one path: the same key for topic, join and sink, or upsert materialization.",
        ],
    ),
];

/// Definition, why it matters, usual cause, what to do.
const TEXTS: &[(Anomaly, [&str; 4])] = &[
    (
        Anomaly::LostChange,
        [
            "The journal holds a committed change of a captured table that no record of its topic carries, and nothing more can arrive.",
            "Everything downstream is wrong without any error: sinks keep the older row or never learn of it.",
            "A slot or its offsets were dropped or moved forward; the table or operation is not in the publication or is filtered by the connector; records were removed by retention.",
            "Compare publication, table list and skipped operations with the tables; after moving a slot, snapshot again.",
        ],
    ),
    (
        Anomaly::PhantomChange,
        [
            "A record of a source topic matches no change of the journal by transaction, LSN and row.",
            "The topic says something that never happened in the database.",
            "Another connector or program writes to the topic; a transform rewrites keys or values; a topic was reused after the database was restored.",
            "Give the topic one writer; look at the record's headers and source block for who wrote it.",
        ],
    ),
    (
        Anomaly::AbortedChange,
        [
            "A record carries a change of a transaction that was rolled back.",
            "Consumers act on data that never existed.",
            "The source of the records is not the write-ahead log (a trigger, a dual write), or the log reader ignores rollbacks.",
            "Read changes by logical decoding only.",
        ],
    ),
    (
        Anomaly::SnapshotGap,
        [
            "The connector took a snapshot, and a change that was committed after the snapshot's point is missing although later changes were streamed: it stands before the first change that arrived.",
            "The row stays as the snapshot saw it until it changes again, perhaps for ever.",
            "The slot was created after the snapshot was read, or the slot was lost and the connector went on without a new snapshot.",
            "Let the connector create its slot itself before the snapshot; after a lost slot, snapshot again.",
        ],
    ),
    (
        Anomaly::HistoryTruncated,
        [
            "The first offset that a partition still has is above offsets that were never read; nothing is said of what is missing there otherwise.",
            "What was removed before it was read cannot be judged, and a consumer that starts now never sees it.",
            "Retention removed records while the run, or a consumer, was still behind.",
            "Raise the topic's retention above the longest time a consumer may be down.",
        ],
    ),
    (
        Anomaly::ReorderedKey,
        [
            "Two changes of one key stand on a partition in another order than they were committed, and it is not a replay.",
            "A consumer that keeps the last value ends at the wrong one.",
            "More than one producer or task writes the key; retries without idempotence; a transform changes the key; sorting by the change's LSN instead of the commit order.",
            "One producer per key, idempotent; order by commit position, never by timestamps.",
        ],
    ),
    (
        Anomaly::StaleOverwrite,
        [
            "At the end a row shows an older committed value of the row, not the newest.",
            "The sink looks healthy and stays wrong until the row changes again.",
            "An update overtook another between two operators (join key is not the row key, parallelism above 1), or a replayed older record came last.",
            "Keep the sink's key as the partitioning key up to the sink, or let the sink order by a version column.",
        ],
    ),
    (
        Anomaly::MovedKey,
        [
            "A key was written to one partition of the topic first and to another one later. The finding names the first record of each.",
            "Kafka orders records only within a partition, so nobody can order this key any more.",
            "The number of partitions was raised, a partitioner or key transform changed, or the key serialises in two ways.",
            "Never raise partitions of a keyed topic in place: copy it to a new one.",
        ],
    ),
    (
        Anomaly::RespelledKey,
        [
            "Two records of one partition carry the key of the same row, and its bytes differ: with a schema and without one, fields in another order, another form of a number.",
            "Kafka knows keys by their bytes: compaction keeps the last record of each spelling, so that a deleted row stays, and the next producer may send them to two partitions.",
            "Another converter or another `schemas.enable` for keys, a key column of another type, or a second program that writes the topic.",
            "Let one converter with one configuration write the keys of a topic; after a change of it, copy the topic to a new one.",
        ],
    ),
    (
        Anomaly::DuplicateChange,
        [
            "A change arrived again although no recorded restart explains it under the hop's delivery contract.",
            "Counts and sums over the stream are too high; a keyed sink may go back and forth.",
            "A restart that nobody recorded, two connectors on one topic, a producer that retries without idempotence.",
            "Make consumers idempotent by key and position; switch on removal of duplicates where the engine has it.",
        ],
    ),
    (
        Anomaly::SnapshotOverlap,
        [
            "A record streams a change of a transaction that was committed before the snapshot's point, so that the snapshot shows it already.",
            "Whoever adds up changes counts the row twice; whoever keeps the last value may fall back to an older one.",
            "An old slot was used again with a new snapshot, or a second snapshot was taken while the stream went on.",
            "Start a new snapshot with a new slot; read the topic by key, so that a repeat replaces.",
        ],
    ),
    (
        Anomaly::WrongValue,
        [
            "A column of an after-image differs from the value that Postgres committed.",
            "The sink is wrong although every record arrived.",
            "A converter or format loses scale, zone, precision or special values; a transform; a wrong cast in a statement.",
            "Set the converter's handling mode to one that is exact (decimals as text, times with zone).",
        ],
    ),
    (
        Anomaly::WrongBefore,
        [
            "A column of a before-image differs from the row as it was before the change.",
            "Retractions take away a row that was not there: sums and joins drift.",
            "Replica identity that carries only a part of the row, or a transform that fills the rest.",
            "Set REPLICA IDENTITY FULL where consumers read before-images.",
        ],
    ),
    (
        Anomaly::FabricatedBefore,
        [
            "A before-image shows a value where the write-ahead log carried none.",
            "It looks like data and is a default: a deleted row loses its values, a retraction misses.",
            "REPLICA IDENTITY DEFAULT: only the key is logged, and the connector fills NOT NULL columns with defaults.",
            "ALTER TABLE … REPLICA IDENTITY FULL, or read only the key from before-images.",
        ],
    ),
    (
        Anomaly::NullBecameDefault,
        [
            "The value that was committed is NULL; the record, or the sink, shows what the column's DEFAULT clause says instead.",
            "Unknown becomes a value; averages, filters and joins change.",
            "The JSON converter replaces null by the schema's default unless told otherwise.",
            "Set `replace.null.with.default=false` on the value converter.",
        ],
    ),
    (
        Anomaly::ToastPlaceholder,
        [
            "Postgres does not log a long value that an UPDATE did not touch, and Debezium writes `__debezium_unavailable_value` in its place. A table shows that marker as if it were the value.",
            "A long text is overwritten by a marker.",
            "The update did not touch the column, so the log does not carry it, and the statement copied the marker.",
            "REPLICA IDENTITY FULL, or keep the old value where the marker is seen.",
        ],
    ),
    (
        Anomaly::KeyValueMismatch,
        [
            "A record's Kafka key and the row in its value disagree about which row the record is of.",
            "Compaction and keyed consumers file the row under the wrong key.",
            "`message.key.columns`, a transform on only one side, or a key column changed by a statement.",
            "Build key and value from the same columns.",
        ],
    ),
    (
        Anomaly::SchemaDrift,
        [
            "A record has a column that the table did not have when the change was committed, or lacks one that it had.",
            "New columns are missing, or dropped ones live on.",
            "A schema change during the run that the connector learned late, or a column filter.",
            "Change schemas in steps that readers of both forms understand; restart the connector if it caches.",
        ],
    ),
    (
        Anomaly::LostDelete,
        [
            "The journal holds a committed DELETE that no record of its topic carries, and nothing more can arrive.",
            "The row lives for ever downstream.",
            "Deletes are skipped or dropped by a transform, or the delete happened while a snapshot was restarted.",
            "Look at skipped operations and tombstone settings; compare keys after a snapshot.",
        ],
    ),
    (
        Anomaly::MissingTombstone,
        [
            "A delete is not followed by a record with the same key and a null value.",
            "Compaction keeps the key for ever, and upsert readers that need the tombstone keep the row.",
            "`tombstones.on.delete=false`, or a transform that drops null values.",
            "Leave tombstones on for compacted topics.",
        ],
    ),
    (
        Anomaly::ResurrectedRow,
        [
            "After its delete was seen at this hop, the row came back without being inserted again.",
            "What was deleted, perhaps by law, is there again.",
            "A late or replayed older record follows the delete; state that expired; two paths of different speed write one key.",
            "Keep one path per key; compare versions at the sink; keep state at least as long as records may be late.",
        ],
    ),
    (
        Anomaly::GhostRow,
        [
            "At the end the sink holds a row that the reference does not.",
            "Reports count what is not there.",
            "Deletes or updates that leave a filter do not retract: the topic is read as an append stream, or the sink ignores deletes.",
            "Read the topic as a changelog with a primary key, so that leaving a filter is a delete.",
        ],
    ),
    (
        Anomaly::SplitKeyChange,
        [
            "An update of the primary key did not arrive as delete of the old key, tombstone, and create of the new key.",
            "The old row stays, or the new one is missing.",
            "Custom key columns, or transforms that drop one of the three records.",
            "Keep all three records; they may stand on two partitions.",
        ],
    ),
    (
        Anomaly::TornTransaction,
        [
            "The transaction metadata disagree with the journal: no BEGIN or END of a committed transaction, another number of events than it has, or a record that names another transaction or another place in it.",
            "A consumer that waits for whole transactions waits for ever, or acts on half of one.",
            "Events are filtered or lost after the place where they are counted, or a transform drops some of them.",
            "Count with the metadata only what the connector sends unfiltered; correlate by the transaction's number, not by the whole id, which differs from event to event.",
        ],
    ),
    (
        Anomaly::LostRetraction,
        [
            "A sink that writes row kinds wrote a new row for a key whose old row it had not taken back.",
            "Whoever adds up the changelog counts both: sums are too high.",
            "A stage that emits only new values (an upsert changelog) feeds a sink that needs old ones too.",
            "Let the planner see the real changelog mode of the source; read the plan for a ChangelogNormalize.",
        ],
    ),
    (
        Anomaly::OrphanRetraction,
        [
            "A sink that writes row kinds took back a row that was not there, or that had another value.",
            "Whoever adds up the changelog subtracts what was never added: sums are too low.",
            "A before-image with invented values (replica identity DEFAULT), or a retraction after the row's state had expired.",
            "REPLICA IDENTITY FULL; keep state as long as rows live.",
        ],
    ),
    (
        Anomaly::DoubleInsert,
        [
            "A sink that writes row kinds added a row that was there already with the same value.",
            "Whoever adds up the changelog counts the row twice.",
            "A replay or a snapshot overlap that nothing removed.",
            "Declare the primary key and let the engine remove duplicates.",
        ],
    ),
    (
        Anomaly::DivergedSink,
        [
            "When nothing more can arrive the sink differs from its reference, and nothing more specific explains it.",
            "The pipeline does not compute what its authors say it computes.",
            "A statement that means something else than the reference: a cast, a time zone, a date pattern, a join that loses rows.",
            "Compare the difference below with the statement; the first wrong hop says where to look.",
        ],
    ),
    (
        Anomaly::ImpossibleOutput,
        [
            "A sink passed through a state that its reference has at no allowed state of the input. At the level `cut` that is any state after whole records of the source topics, never going back; at `commit`, after whole transactions. The finding says how many outputs were wrong and for how long.",
            "Whoever reads the sink at that moment sees a result that was never true: a sum in the middle of a transfer, a join with half of its sides.",
            "Joins and aggregates emit after each row, not after each transaction; several partitions are read at different speeds.",
            "Where readers must not see it: buffer by transaction, or let them wait for a settled state. Where they may, do not demand the level.",
        ],
    ),
    (
        Anomaly::WindowMissing,
        [
            "A proof of quiescence shows the window's end passed by the watermark, its reference has a row for it at every state of the input at which it may have fired, and the sink has none.",
            "A whole period is absent, and nothing says so.",
            "Its rows were late for the watermark already, a filter or join before the window lost them, or the statement lost its state in a restart.",
            "Compare the event times of the window's rows with the watermark when they arrived; raise the delay, or mend the filter.",
        ],
    ),
    (
        Anomaly::WindowRepeated,
        [
            "A window that fires once was written to the sink more than once, or written and taken back. No restart that was recorded before it excuses that, or the scenario demands exactly-once. A row that a join behind the windows changes is no repeat.",
            "Whoever adds up the windows counts twice.",
            "A restart without its state, an aggregation that is not a window (a plain GROUP BY corrects itself), or two statements that write the same sink.",
            "Write windows by key, so that a repeat replaces; look at the plan for what the statement really is.",
        ],
    ),
    (
        Anomaly::WindowWrongValue,
        [
            "A window fired with a row that its reference gives at no state of the input at which the window may have fired: none between the records by which the watermark passed its end and the proof that it had.",
            "The period shows numbers that were never true; a row that came too late does not explain them.",
            "Deletes and updates that the statement reads as new rows, duplicates after a replay, a row dropped although it was in time, a wrong time zone or boundary.",
            "Look at the difference: twice a row points at duplicates or at an append reading, a missing row at a filter, a whole shift at the time zone.",
        ],
    ),
    (
        Anomaly::WindowGhost,
        [
            "A window fired for a key and a time for which its reference has no row, at any state.",
            "A period shows rows that do not exist in the source.",
            "A wrong time zone or time column, a key built otherwise than in the reference, or deletes that the statement cannot see.",
            "Compare the window's key and boundaries with the reference; check the time attribute.",
        ],
    ),
    (
        Anomaly::LateDropped,
        [
            "A windowed operator says that it dropped more rows as late than there are rows behind the watermark of their own partition.",
            "Rows that came in time are lost without a trace.",
            "A watermark that runs ahead of the records: another column, idle partitions, a source of its own after the topic that mixes partitions.",
            "Check the WATERMARK clause and how many partitions one source task reads; a row that is truly late is the witness late-change.",
        ],
    ),
    (
        Anomaly::WindowEarly,
        [
            "A window stands in the sink although a proof of quiescence, taken later, shows that the watermark had not reached the window's end.",
            "The period is incomplete, and will not be corrected when its end comes.",
            "Processing time instead of event time, a watermark from another column, or idle partitions that were left out.",
            "Check the WATERMARK clause and the column in it; take care with idle time-outs.",
        ],
    ),
    (
        Anomaly::RecordSkipped,
        [
            "A statement read records of its topic and made fewer rows of them than they hold. Counted where a table ignores parse errors: there its source operator says how many rows it gave on, and the records say how many there are.",
            "Data vanish and every light stays green: the job runs, its lag is nought, its offsets move on.",
            "A format with `ignore-parse-errors` over records that it cannot read: an update without its old row (REPLICA IDENTITY DEFAULT), a TRUNCATE, something that is no JSON.",
            "Let the job fail where a record cannot be read, and mend the record's source; where errors must be ignored, compare the operator's `numRecordsOut` with what was written.",
        ],
    ),
    (
        Anomaly::TruncateUnseen,
        [
            "A TRUNCATE removed rows of a captured table, and no record of its topic says so.",
            "Every consumer keeps the rows for ever.",
            "The connector leaves truncates out unless told otherwise (`skipped.operations=t`), and most formats of Flink cannot read them anyway.",
            "Delete rows with DELETE where consumers must know; take the right to TRUNCATE from the application.",
        ],
    ),
    (
        Anomaly::CaptureDrift,
        [
            "A table left or entered the connector's publication during the run, or its replica identity is another one than at the start.",
            "Changes stop to arrive, or arrive without the old values that statements need, while everything looks healthy.",
            "A migration altered the publication, or created the table again and forgot REPLICA IDENTITY FULL.",
            "Keep publication and replica identity in the same migration as the table, and check them after each.",
        ],
    ),
    (
        Anomaly::Stalled,
        [
            "A condition the run waits for did not come about within its limit, and the finding names the stage that lags behind: connector, topic, statement or slot.",
            "The pipeline is stuck, or too slow for its limit.",
            "A missing topic, a failed task, a slot that waits for an open transaction, a partition without records.",
            "The report says what was there when the limit passed; start with that.",
        ],
    ),
    (
        Anomaly::ConnectorFailed,
        [
            "Kafka Connect reports the state FAILED for the connector or for its task, and restarts neither by itself; or the connector says in its log that it gave up what a signal asked for.",
            "Nothing more is captured, and the slot holds back the log; rows of a snapshot that is given up never arrive.",
            "The cause stands in the finding, as the connector reports it.",
            "Mend the cause, then restart the task.",
        ],
    ),
    (
        Anomaly::StatementFailed,
        [
            "Flink accepted the statement and ran it; then its job ended with an error, or was started again and failed of the same.",
            "Its sinks get nothing more.",
            "The cause stands in the finding: a record it cannot read, a cast, a constraint.",
            "Mend the statement or the record; see the statement's place in the file.",
        ],
    ),
    (
        Anomaly::StatementRejected,
        [
            "Flink's SQL Gateway answered the statement with an error: it does not parse, names what is not there, or cannot be planned.",
            "It never ran.",
            "A mistake in the SQL, or something this version does not have.",
            "The message is Flink's own; the finding names the place in the file.",
        ],
    ),
    (
        Anomaly::SlotRetained,
        [
            "The position that the replication slot has confirmed stays behind the commits, and did not catch up within the limit.",
            "Postgres keeps the log and the disk fills up.",
            "No captured change follows, and no heartbeat is on.",
            "Switch on heartbeats; watch the lag of slots.",
        ],
    ),
    (
        Anomaly::SharedSlot,
        [
            "A replication slot serves one reader at a time. The connector found another process on its slot and could not read it.",
            "Each change goes to one of the two readers: both see a part, and neither knows.",
            "Two connectors with the same `slot.name`, or an old task that was not stopped.",
            "One slot for each connector; stop the old task before the new one starts.",
        ],
    ),
    (
        Anomaly::Replay,
        [
            "What was written between the last stored offset or checkpoint and a restart was written once more: records of a topic, rows of an append sink, windows. It is legal under at-least-once, and never fails by itself.",
            "It shows that the run really exercised what it wanted to show.",
            "A worker ended before it had stored its offsets, or a statement went on from an older state or from none.",
            "Nothing to mend; consumers must bear it.",
        ],
    ),
    (
        Anomaly::LateChange,
        [
            "A window fired rightly, and its reference gives another row by now: a row was added, changed or removed after the window had fired. It never fails by itself.",
            "The sink keeps what the window fired with; whether that is right is for the reader of the sink to say.",
            "The change is later than the watermark's delay allows, or a correction of an old row.",
            "Nothing to mend if that is agreed. Else raise the delay, or demand `consistency: final` so that the difference fails.",
        ],
    ),
    (
        Anomaly::UnchangedToast,
        [
            "Postgres keeps long values apart (TOAST), and an UPDATE that does not touch one does not log it. Such an update was seen; it never fails by itself.",
            "It shows that the run really met the case.",
            "The update did not touch a long value stored apart.",
            "Nothing to mend by itself; see toast-placeholder.",
        ],
    ),
    (
        Anomaly::MidSnapshot,
        [
            "A transaction was committed after the snapshot's point and before the last row of the snapshot was written, by the clocks of database and connector; or it was committed while the window of a chunk of an incremental snapshot was open. It never fails by itself.",
            "It proves that the place where snapshot and stream meet was really tried.",
            "Work on the database while the connector starts.",
            "Nothing to mend.",
        ],
    ),
    (
        Anomaly::LsnInversion,
        [
            "A transaction that wrote first committed last: its changes have lower LSNs than those of a transaction that stands before it in the topic. It never fails by itself.",
            "Whoever orders by the change's LSN orders wrongly.",
            "Transactions were written side by side.",
            "Order by commit position.",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finding_has_its_texts_in_the_order_of_the_names() {
        let have: Vec<Anomaly> = TEXTS.iter().map(|(of, _)| *of).collect();
        assert_eq!(have, Anomaly::ALL);
    }
}
