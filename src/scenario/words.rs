//! The words of the language: what is allowed where, what each means and takes, what belongs to the
//! language but is not built yet, and which word somebody may have meant.

use super::types::Type;
use crate::base::limits;

/// The words allowed at one place. From these tables come what the parser allows, the published
/// JSON Schema and the reference, so that they cannot disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Words {
    /// What has these words, as in "no key of …".
    pub of: &'static str,
    /// What is built.
    pub known: &'static [&'static str],
    /// What belongs to the language and is not built yet.
    pub later: &'static [&'static str],
    /// What somebody may well write, and what is refused for a reason.
    pub refused: &'static [Refused],
    /// What is built, with its type and meaning.
    pub rows: &'static [Word],
}

/// A word that is no part of the language, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The word.
    pub name: &'static str,
    /// Why there is none, as the second half of a sentence.
    pub why: &'static str,
    /// What comes nearest.
    pub instead: &'static str,
}

/// A word that is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word {
    /// The word.
    pub name: &'static str,
    /// What it means, in sentences.
    pub meaning: &'static str,
    /// What it takes, if it is a key.
    pub takes: Option<Type>,
    /// It must be there.
    pub is_required: bool,
}

macro_rules! words {
    ($(#[doc = $doc:literal] $name:ident = $of:literal
        { $($known:literal $([$need:ident $takes:expr])? $meaning:literal;)* }
        later [$($later:literal)*]
        $(refused [$($refused:literal $why:literal $instead:literal;)*])?;)+) => {
        $(
            #[doc = $doc]
            pub(crate) const $name: Words = Words {
                of: $of,
                known: &[$($known,)*],
                later: &[$($later,)*],
                refused: &[$($(Refused { name: $refused, why: $why, instead: $instead },)*)?],
                rows: &[$(Word {
                    name: $known,
                    meaning: $meaning,
                    takes: words!(@takes $($takes)?),
                    is_required: words!(@must $($need)?),
                },)*],
            };
        )+

        /// All of these tables.
        pub(crate) const ALL: &[Words] = &[$($name,)+];
    };
    (@takes) => { None };
    (@takes $takes:expr) => { Some($takes) };
    (@must) => { false };
    (@must may) => { false };
    (@must must) => { true };
}

pub(crate) use words;

words! {
    /// Keys of a scenario file.
    SCENARIO = "a scenario" {
        "scenario" [must Type::Word(&VERSION)] "The version of the language.";
        "title" [must Type::Text] "One sentence: what is true if the scenario passes.";
        "covers" [may Type::OneOrList(&Type::Text)] "Labels to select by.";
        "pipeline" [must Type::OneOf(&[Type::Path, Type::Map(&INLINE)])] "What is under test: the path of a pipeline file, or a pipeline written here.";
        "settings" [may Type::Map(&SETTINGS)] "Settings over those of the pipeline. A list of values makes a cell of each, several lists make their product; `null` takes out what the pipeline sets.";
        "setup" [may Type::OneOrList(&Type::Sql)] "SQL that runs before connector and statements start: it arrives as snapshot.";
        "timeline" [must Type::Timeline] "What happens, one entry after the other, once connector and statements stream; may be `[]`. After the last entry stands `await: processed`, written or not.";
        "expect" [may Type::OneOrList(&Type::Map(&EXPECT))] "What must and may be seen. With nothing written: no anomaly of any kind, and every sink as its reference says whenever nothing more can arrive.";
        "only" [may Type::OneOrList(&Type::Text)] "Sinks: only the statements they need are started and judged.";
        "requires" [may Type::Named("component", &Type::Text)] "Map component → range of versions: `from 2.2`, `below 3`, `from 2.2 below 3`. Outside of it the scenario is not run.";
    } later [];
    /// Keys of a pipeline file.
    PIPELINE = "a pipeline file" {
        "pipeline" [must Type::Word(&VERSION)] "The version of the language. Left out when a pipeline is written into a scenario.";
        "source" [must Type::OneOrList(&Type::Sql)] "DDL of the source tables for an empty database; it must create a table. As a dump, a script for psql or migrations have it: rows that it leaves behind are the set-up, psql's own lines are left out and listed. A folder (`migrations/`) or a pattern is read in the order of Flyway, sqlx, golang-migrate or plain numbers, without what takes a migration back.";
        "connector" [may Type::OneOrList(&Type::Path)] "Path of the connector's JSON file as production has it, or a list of several, each with tables of its own. What it leaves out has the default of Connect and of Debezium, as there: `schemas.enable` is true. Keys that changeproof must own (connection, slot, publication, …) are replaced; `explain` and every report list them. Without it: prefix `cdc`, all tables, JSON without schemas in which a NULL stays a NULL.";
        "outbox" [may Type::Named("source table", &Type::List(&Type::Text))] "Tables that the connector's outbox router routes, each with the values it routes by: `{outbox: [order, invoice]}`. Each value gets a topic; findings are at the table.";
        "topics" [may Type::Named("topic", &Type::Map(&TOPIC))] "Topics that an application writes and the connector does not: a `produce` of the timeline writes their records. References see the last row of each key by the topic's name, and every record as `changes.<topic>`.";
        "format" [may Type::Word(&FORMAT)] "Brings records and tables to this format, whatever the files say. Left out, every file means what it says: JSON statements over a connector that writes Avro fail as in production.";
        "dialect" [may Type::Word(&DIALECT)] "Whose Flink SQL the statements are.";
        "statements" [may Type::OneOrList(&Type::Sql)] "Flink statements, submitted in this order; `*` and `**` in a path match several files, in sorted order. Files are SQL, Markdown (its blocks of SQL), JSON (`statement`, `sql`, `query`) or Terraform (`statement = …`); options in a `.properties` beside an SQL file hold for its statements. None: the topics are the last hop.";
        "sinks" [may Type::Named("sink", &Type::Sink)] "For every table that an INSERT writes: its reference query, or `unjudged`.";
        "settings" [may Type::Map(&SETTINGS)] "Defaults for the scenarios; no lists.";
        "may_show" [may Type::List(&Type::Shown(&MAY_SHOW))] "Known deviations of this pipeline, each with its reason.";
    } later [];
    /// Keys of `changeproof.yaml`.
    PROJECT = "changeproof.yaml" {
        "changeproof" [must Type::Word(&VERSION)] "The version of the language.";
        "scenarios" [may Type::Path] "The folder with the scenarios, which commands take that are given no path, and below which ids and labels are looked for. Left out: `scenarios`, else `changeproof/scenarios`.";
    } later [];
    /// Keys of a topic that an application writes.
    TOPIC = "a topic" {
        "columns" [must Type::Text] "The columns of its records, as Flink's DDL has them: `id INT, url STRING, at TIMESTAMP(3)`.";
        "key" [may Type::OneOrList(&Type::Text)] "The columns of the records' key. Without it records have none, and every record is a row of its own.";
        "key_format" [may Type::Word(&WIRE)] "How keys are written. `json` if left out.";
        "value_format" [may Type::Word(&WIRE)] "How values are written. `json` if left out.";
        "partitions" [may Type::Count(limits::PARTITIONS)] "How many partitions it has. 1 if left out.";
    } later [];
    /// Formats of an application's records.
    WIRE = "the format of a topic" {
        "json" "A JSON object. A value holds all columns, those of the key too; times are as SQL writes them.";
        "raw" "The bytes of one column, which is a `STRING` or `BYTES`. A value then holds the one column that is not in the key.";
        "avro-registry" "Avro, its schema in the stack's schema registry. A value holds all columns, those of the key too.";
    } later [] refused [
        "avro" "without a registry nobody knows the schema of a record" "write `avro-registry`";
    ];
    /// Keys of a sink.
    SINK = "a sink" {
        "reference" [must Type::Sql] "One SELECT on Postgres that says what the sink must hold, over the tables by their names and over `changes.<table>`. It returns the sink's key; columns that it does not return are not compared.";
        "window" [may Type::Map(&WINDOW)] "The clock of a sink whose rows are windows: they are judged when they are closed.";
    } later [];
    /// Keys of a window.
    WINDOW = "a window" {
        "end" [must Type::Text] "The reference's column that holds the end of the window.";
        "time" [must Type::OneOrList(&Type::OneOf(&[Type::Text, Type::Map(&TIME)]))] "The clock: `table.column`, an expression, a list of them, `commit` or `record`.";
        "delay" [may Type::Duration] "The promise how far the watermark stays behind: a WATERMARK clause that says otherwise is an error. Left out, what the clause says is taken.";
    } later [];
    /// Keys of a clock that a statement computes.
    TIME = "a clock" {
        "expression" [must Type::Text] "An expression of Flink's over the columns of one source table that makes the event time, as the statement computes it: `TO_TIMESTAMP_LTZ(payments.paid_s * 1000, 3)`.";
    } later [];
    /// Keys of `settings`.
    SETTINGS = "settings" {
        "partitions" [may Type::PerPlace("table or sink", &Type::Count(limits::PARTITIONS))] "Partitions of every topic, or a map place → number. Default 1.";
        "parallelism" [may Type::Choice(&Type::Count(limits::PARALLELISM))] "Parallelism of the statements. Default 1.";
        "replica_identity" [may Type::PerPlace("source table", &Type::Word(&REPLICA_IDENTITY))] "Replica identity of every table, or a map table → identity. As in the DDL where nothing is set.";
        "statements" [may Type::Choice(&Type::Sql)] "Each of these statements replaces the pipeline's with the same kind and target; others are added before the first INSERT.";
        "stand_ins" [may Type::Choice(&Type::Bool)] "Whether topics stand in for sinks of connectors that are not on the stack (`jdbc`, `elasticsearch`, `print` with a reference, …); every report lists them. `true` if left out; `false` refuses such a table.";
        "variables" [may Type::Named("placeholder", &Type::Text)] "Map placeholder → what it stands for in the statements: `${X}`, `{{ x }}`, `{x}` and `<X>` are filled in before anything reads them. One without a value is an error.";
        "topics" [may Type::Named("table or sink", &Type::Options)] "Map place → options of its topic.";
        "tables" [may Type::Named("Flink table", &Type::Options)] "Map Flink table → options, as if written in its `WITH`.";
        "connector" [may Type::Options] "Options of the connector; of several, of each.";
        "format" [may Type::Choice(&Type::Word(&FORMAT))] "Brings records and tables to this format, over what the pipeline says.";
        "flink" [may Type::Options] "Options of the Flink session.";
        "worker" [may Type::Options] "Options of Connect's process: the scenario gets a stack of its own with them.";
        "kafka" [may Type::Options] "Options of the broker, on a stack of its own.";
        "postgres" [may Type::Options] "Options of the server, on a stack of its own.";
        "scoring" [may Type::Map(&SCORING)] "How the scoring service behaves that a `CREATE MODEL` of the statements calls.";
        "storage" [may Type::Choice(&Type::Word(&STORAGE))] "Where files, and tables of Iceberg's, are kept. `folder` if left out.";
        "s3" [may Type::Map(&S3)] "How the object storage behaves towards the run, with `storage: s3`.";
    } later [];
    /// Keys of `scoring`.
    SCORING = "scoring" {
        "delay" [may Type::Choice(&Type::Duration)] "Every answer comes this much later.";
        "fail_first" [may Type::Choice(&Type::Count(limits::ROUNDS))] "So many first requests of each transaction are refused with 503.";
        "out_of_order" [may Type::Choice(&Type::Bool)] "Every second answer is held back until the one after it has left.";
    } later [];
    /// Words for `storage`.
    STORAGE = "`storage`" {
        "folder" "A folder of the run's, whatever the statements call it.";
        "s3" "Object storage over the API of S3, with Flink's and Iceberg's own access to it: a server on this machine, on a stack of its own, that is fetched and started when a run asks for it.";
    } later [];
    /// Keys of `s3`.
    S3 = "s3" {
        "delay" [may Type::Choice(&Type::Duration)] "Every answer comes this much later.";
        "refuse" [may Type::Choice(&Type::Count(limits::ROUNDS))] "So many next requests that let an object be seen are refused with 503: the end of an upload in parts, or the object itself. If they never come, it is an error.";
        "cut" [may Type::Choice(&Type::Count(limits::ROUNDS))] "So many next uploads, of parts or of whole objects, are cut in the middle: the connection ends when half of it has come. If they never come, it is an error.";
    } later [];
    /// Keys of `where`.
    WHERE = "where" {
        "partitions" [may Type::Labels] "Cells with this number of partitions.";
        "parallelism" [may Type::Labels] "Cells with this parallelism.";
        "replica_identity" [may Type::Labels] "Cells with this replica identity.";
        "statements" [may Type::Labels] "Cells with these statements; the end of the path is enough.";
        "topics" [may Type::Labels] "Cells with these options of topics.";
        "tables" [may Type::Labels] "Cells with these options of Flink tables.";
        "connector" [may Type::Labels] "Cells with these options of the connector.";
        "format" [may Type::Labels] "Cells with records in this format.";
        "flink" [may Type::Labels] "Cells with these options of the Flink session.";
        "worker" [may Type::Labels] "Cells with these options of Connect's process.";
        "kafka" [may Type::Labels] "Cells with these options of the broker.";
        "postgres" [may Type::Labels] "Cells with these options of the server.";
        "stand_ins" [may Type::Labels] "Cells with stand-ins, or without.";
        "scoring" [may Type::Labels] "Cells with this behaviour of the scoring service.";
        "storage" [may Type::Labels] "Cells with files kept there.";
        "s3" [may Type::Labels] "Cells with this behaviour of the object storage.";
        "versions" [may Type::Labels] "Stacks with these versions: map component → range.";
    } later [];
    /// Main keys of a timeline entry beside the sessions.
    MAIN = "the timeline" {
        "await" [may Type::OneOf(&[Type::Word(&CONDITION), Type::Map(&CONDITION_MAP)])] "Wait for a condition; never for a fixed time.";
        "arm" [may Type::Map(&ARM)] "Go on at once, and do this to a part of the pipeline when it has come so far. A fault that did not act is an error.";
        "kill" [may Type::Word(&TARGET)] "SIGKILL; of `statements`: their jobs are cancelled. The connector is not a process and has none.";
        "pause" [may Type::OneOf(&[Type::Word(&TARGET), Type::Map(&TARGET_MAP)])] "SIGSTOP; of the connector Connect's own pause. Statements have none.";
        "resume" [may Type::OneOf(&[Type::Word(&TARGET), Type::Map(&TARGET_MAP)])] "SIGCONT; of the connector Connect's own resume. Statements have none.";
        "stop" [may Type::OneOf(&[Type::Word(&TARGET), Type::Map(&TARGET_MAP)])] "An orderly end; of `statements` with a savepoint, unless `savepoint: false` stands below.";
        "start" [may Type::OneOf(&[Type::Word(&TARGET), Type::Map(&TARGET_MAP)])] "Wait for an armed fault of the target first, then start it and wait until it serves. `statements` go on from their savepoint, else from nothing; after a `jobmanager` they go on from their last checkpoint.";
        "lose" [may Type::Word(&OFFSETS)] "While the connector is stopped: what Connect has stored for it is deleted, so that it starts as for the first time, with what `snapshot.mode` says, and finds its slot as it was.";
        "drop" [may Type::Word(&SLOT)] "While the connector is stopped: its replication slot is dropped.";
        "advance" [may Type::Word(&SLOT)] "While the connector is stopped: its replication slot is moved to the end of the WAL, as if everything so far had been read and were no more to be had: what is confirmed and `restart_lsn` both (by checkpoints, for which the user must be a superuser).";
        "recreate" [may Type::Word(&SLOT)] "While the connector is stopped: its replication slot is dropped and created again by hand, which knows nothing of what was before. It waits for open transactions.";
        "hold" [may Type::Map(&HELD)] "Who reads the topic sees nothing of what is written to it from here on, until its `release`. A transaction of the run's own is left open on each of its partitions for that, and aborted in the end; statements read committed records alone, which every report lists.";
        "release" [may Type::Map(&HELD)] "Who reads the topic sees what was held back, in its order. Where nothing was, it is an error: `await: captured` before it.";
        "produce" [may Type::Text] "Write records to this topic of `topics`, as an application would, and wait until the broker has them. To the topic of a source table or sink only bytes as they stand are written.";
        "permute" [may Type::Text] "`all`: every order of the entries under `of` that keeps each session's own, one cell each; a number draws so many by the seed. Waits and deadlocks are found, not declared; an order that needs a session that waits is not run, and none left is an error.";
        "set" [may Type::Map(&SET)] "Settings that change from here, without lists: `connector`, `topics` and `partitions` at once, the others when the statements are started next.";
    } later ["cut" "heal"];
    /// Keys of a `set`.
    SET = "a set" {
        "connector" [may Type::Named("option", &Type::Text)] "Options of the connector; of several, of each. Once all changes so far are captured, it is stopped, given the new configuration, and started; the entry ends when it streams. What was committed before is judged by the old options, what comes behind by the new ones: what they leave out, the lists of columns, converters, transforms of fields. Where values are written in another form, or rows and keys stand elsewhere, the topics are not judged by their records any more.";
        "topics" [may Type::Named("table or sink", &Type::Named("option", &Type::Text))] "Options of topics.";
        "partitions" [may Type::PerPlace("source table", &Type::Count(limits::PARTITIONS))] "More partitions for the topics of source tables; a number is for all that have fewer. From here on keys go to other partitions than before, which is `moved-key`, and nothing promises the order of their old and new records. Who writes and who reads a topic learns of it by their own intervals, or when they are started anew.";
        "flink" [may Type::Named("option", &Type::Text)] "Options of the Flink session, from the next `start: statements` on.";
        "parallelism" [may Type::Count(limits::PARALLELISM)] "Parallelism of the statements, from the next `start: statements` on.";
        "s3" [may Type::Map(&S3)] "How the object storage behaves from here on.";
    } later ["format" "kafka" "postgres" "replica_identity" "scoring" "statements" "tables" "worker"];
    /// Modifiers of `produce`.
    PRODUCE = "a produce" {
        "rows" [must Type::RowTable] "A record in each row; what is left out is NULL. Besides the topic's columns: `_op` (`c`, or `d` for a tombstone: a null value), `_partition`, `_timestamp` (UTC without a zone), and `_key` and `_value`, the bytes of a key or value as they stand (text, or `\\x` and digits).";
        "headers" [may Type::Named("header", &Type::Text)] "Headers that every record of it bears.";
        "transaction" [may Type::Word(&ENDING)] "The records are written in one transaction, which ends so. Without it they are written outside of one.";
    } later [];
    /// How a transaction of `produce` ends.
    ENDING = "a transaction" {
        "commit" "Its records count once it has ended.";
        "abort" "Who reads committed records never sees them; who reads uncommitted ones does.";
    } later [];
    /// Modifiers of `permute`.
    PERMUTE = "a permute" {
        "of" [must Type::Sessions] "Entries of sessions.";
    } later [];
    /// Modifiers of a session's entry.
    SESSION = "a session's entry" {
        "blocks_on" [may Type::Session] "The session that holds the lock for which the entry's last statement must be seen waiting. A wait that is not announced is an error.";
        "error" [may Type::Text] "Postgres must refuse the SQL with this SQLSTATE or condition name.";
        "repeat" [may Type::Count(limits::ROUNDS)] "So many rounds; `:i` outside quotes is 1, 2, …";
        "until" [may Type::OneOf(&[Type::Word(&CONDITION), Type::Map(&CONDITION_MAP)])] "Instead of `repeat`: rounds, each captured before the next, until the condition holds.";
        "within" [may Type::Duration] "The limit; 30 s if left out.";
    } later [];
    /// Modifiers of `await`.
    AWAIT = "an await" {
        "within" [may Type::Duration] "The limit; 30 s if left out.";
    } later [];
    /// Modifiers of `stop`.
    STOP = "a stop" {
        "savepoint" [may Type::Bool] "Of `statements`: whether they end with a savepoint, from which `start` goes on. `true` if left out.";
    } later [];
    /// Modifiers of what is done to a part of the pipeline.
    FAULT = "a fault" {} later [];
    /// Modifiers of what is not built yet.
    MODIFIERS = "the timeline" {
        "savepoint" "Of a stop.";
        "of" "Of a permute.";
        "rows" "Of a produce.";
        "headers" "Of a produce.";
        "transaction" "Of a produce.";
    } later ["delay" "rate"];
    /// What of the connector is stored.
    OFFSETS = "what is lost" {
        "offsets" "What Connect has stored of how far the connector is; of several, of each that is stopped.";
    } later [] refused [
        "slot" "a slot is dropped, not lost" "write `drop: slot`";
        "topic" "no topic is taken away" "write `hold: {topic: …}` for one that its readers do not see";
    ];
    /// The connector's slot.
    SLOT = "what is done to a slot" {
        "slot" "The connector's replication slot; of several connectors, that of each that is stopped.";
    } later [] refused [
        "offsets" "offsets are stored, and lost" "write `lose: offsets`";
        "publication" "the run's own publication stays" "alter it by SQL in a session, as production would";
    ];
    /// Keys of a `hold` and a `release`.
    HELD = "what is held" {
        "topic" [must Type::Text] "A source table or sink: its topic, with all partitions.";
    } later [];
    /// What can be awaited, as a word.
    CONDITION = "await" {
        "streaming" "The snapshot is over and the connector streams; of several, each.";
        "captured" "Every captured change of the sessions so far was read from its topic; where the topic is held, it was written to it.";
        "processed" "It is proven that nothing more can arrive, through the last hop. While a topic is held: nothing but what waits there, and nothing is compared.";
        "stored" "Connect has stored an offset past the snapshot: a restart streams on from it; of several connectors, for each.";
        "confirmed" "The slot, or each of several, has confirmed the last commit; no barrier helps, so a later captured change or a heartbeat must.";
        "slot" "The connector's slot has a consistent point; of several, that of each.";
        "uncommitted" "On some topic stands a record whose transaction is still open: it is written and not committed.";
    } later [];
    /// What can be awaited, as a map.
    CONDITION_MAP = "a condition" {
        "watermark" [may Type::Text] "The watermark has come to this time at every task that fires windows; without a zone it is UTC.";
        "compacted" [may Type::Named("table or sink", &Type::Text)] "No record of the key is left on the topic: `{orders: 7}`.";
        "uncommitted" [may Type::Text] "On the topic of this source table or sink stands a record whose transaction is still open.";
        "expired" [may Type::Text] "The duration that `settings` sets for this option has passed since the entry before.";
    } later [];
    /// What can be armed.
    ARM = "an arm" {
        "kill" [may Type::Word(&TARGET)] "Kill this.";
        "pause" [may Type::OneOf(&[Type::Word(&TARGET), Type::Map(&TARGET_MAP)])] "Pause this.";
        "stop" [may Type::OneOf(&[Type::Word(&TARGET), Type::Map(&TARGET_MAP)])] "Stop this.";
        "at" [must Type::Named("place", &Type::Count(limits::ROUNDS))] "When: `{orders: 60}`, once 60 more records were read from the topic; `{checkpoint: 2}`, after two more checkpoints.";
        "savepoint" [may Type::Bool] "Of a stop of `statements`: whether they end with a savepoint.";
    } later [];
    /// Parts of the pipeline that something can be done to.
    TARGET = "a target" {
        "postgres" "The database server.";
        "kafka" "The broker.";
        "worker" "Connect's process.";
        "connector" "The connector in it; of several, each.";
        "taskmanager" "Flink's worker.";
        "jobmanager" "Flink's coordinator.";
        "statements" "The jobs of the statements.";
    } later [] refused [
        "slot" "it does not run" "write `drop: slot`, `advance: slot` or `recreate: slot`, while the connector is stopped";
        "offsets" "they do not run" "write `lose: offsets`, while the connector is stopped";
    ];
    /// One of several parts of a kind.
    TARGET_MAP = "one of several connectors" {
        "connector" [may Type::Text] "The connector of this name: what its file says under `name`, else what the file is called, without `.json`. `connector` alone is all of them.";
    } later [];
    /// Words that are true or false.
    BOOL = "a choice" {
        "true" "It is so.";
        "false" "It is not.";
    } later [];
    /// Keys of an entry of `expect`.
    EXPECT = "expect" {
        "where" [may Type::Map(&WHERE)] "The cells for which the entry holds: a value or a list of values for axes of the matrix. All cells if left out.";
        "delivery" [may Type::Word(&DELIVERY)] "The delivery contract of the source topics, and of the rows of append sinks and of windows.";
        "proof" [may Type::Word(&PROOF)] "How well it must be proven that nothing more can arrive. Any proof that the stack can give if left out; a stack that cannot give this one does not run the cell.";
        "consistency" [may Type::Named("sink", &Type::Word(&LEVEL))] "What every state of a sink must satisfy.";
        "rows" [may Type::Named("sink", &Type::RowTable)] "Exactly these rows at the end. They are checked against the sink and against the reference, so that a wrong expectation is told apart from a wrong pipeline.";
        "life" [may Type::Named("table or sink", &Type::Named("key", &Type::Life))] "The events of single keys, after legal replays are folded.";
        "must_show" [may Type::List(&Type::Shown(&MUST_SHOW))] "Findings whose absence fails. A scenario that passes on an anomaly is a positive control.";
        "may_show" [may Type::List(&Type::Shown(&MAY_SHOW))] "Findings that are allowed, each with its reason.";
        "plan" [may Type::Named("sink", &Type::Map(&PLAN))] "Texts that EXPLAIN of the statement that writes the sink has or lacks.";
        "attempts" [may Type::Count(limits::ATTEMPTS)] "Run the cell until one run shows all that must be shown; every run must be free of the rest. Default 1.";
    } later [];
    /// Keys of a sink's `plan`.
    PLAN = "a plan" {
        "has" [may Type::OneOrList(&Type::Text)] "Texts that the plan holds.";
        "lacks" [may Type::OneOrList(&Type::Text)] "Texts that it does not hold.";
    } later [];
    /// Components that have a version.
    COMPONENT = "a component" {
        "postgres" "The database server.";
        "debezium" "The connector's plugin.";
        "kafka" "The broker.";
        "flink" "Flink.";
        "parquet" "Flink's writer of Parquet files, in a changeproof with the feature `lake`.";
        "iceberg" "Flink's writer of Iceberg tables, in a changeproof with the feature `lake`.";
    } later [];
    /// Modifiers of an entry of `must_show`.
    MUST_SHOW = "must_show" {
        "key" [may Type::OneOrList(&Type::Text)] "The keys it must be shown for. Without it: at least one, and all are covered.";
        "says" [may Type::Text] "Text that the finding's sentence contains.";
    } later [];
    /// Modifiers of an entry of `may_show`.
    MAY_SHOW = "may_show" {
        "key" [may Type::OneOrList(&Type::Text)] "The keys it may be shown for. Without it: all.";
        "because" [must Type::Text] "Why it is allowed.";
    } later [];
    /// Wire formats.
    FORMAT = "format" {
        "json" "JSON, with schemas or without, as the connector's converters say.";
        "avro-registry" "Avro, its schemas in the stack's schema registry. Statements and a connector file that are written for JSON are brought to it: converters, the formats of tables, decimals as Avro's own, `TIMESTAMP_LTZ` as `TIMESTAMP`.";
    } later [] refused [
        "json-registry" "open-source Flink has no format that reads JSON after the id of a registry's schema, which this format puts before each value" "write `json`: the same values without the id; or `avro-registry`, if the registry itself is under test";
        "proto-registry" "open-source Flink has no Protobuf format that asks a registry for the schema" "write `avro-registry`: the format with a registry that both the connector and Flink have";
    ];
    /// Dialects.
    DIALECT = "dialect" {
        "confluent" "Confluent Cloud's; the default. Tables are inferred from the connector's topics, as there; what becomes of a statement is in [dialect.md](dialect.md).";
        "flink" "Open-source Flink SQL. In both, hosts and the names of the run's topics are filled into `WITH`.";
    } later [];
    /// Replica identities.
    REPLICA_IDENTITY = "replica_identity" {
        "default" "An update or delete carries the old key alone.";
        "full" "An update or delete carries the whole old row.";
    } later [];
    /// Delivery contracts.
    DELIVERY = "delivery" {
        "at-least-once" "A replay is legal after a fault before the hop, and only then. The default.";
        "exactly-once" "No record, row or window twice, not even after a fault.";
    } later [];
    /// Grades of proof.
    PROOF = "proof" {
        "checkpoint" "Of every statement a checkpoint completed that was taken after it had processed everything.";
        "stopped" "A checkpoint, or the statements were stopped after they had reported that they had processed everything, at every proof: they go on from there.";
    } later [];
    /// Levels of consistency.
    LEVEL = "consistency" {
        "final" "Equal to the reference whenever nothing more can arrive (of a windowed sink: the closed windows).";
        "windows" "Each window, once a proof shows it closed, fired once, not early, with what the reference gives at a state of the input at which it may have fired. The default of a windowed sink.";
        "cut" "Every state on the way equals the reference at a cut: a place in each partition of the input, which never goes back.";
        "commit" "Every state on the way equals the reference at a commit.";
    } later [];
    /// The version of both kinds of files.
    VERSION = "the version of the language" {
        "v1" "The first.";
    } later [];
    /// Events of a topic's life.
    TOPIC_EVENT = "the life of a topic's key" {
        "r" "Read by the snapshot.";
        "c" "Created.";
        "u" "Updated.";
        "d" "Deleted.";
        "t" "Truncated.";
        "null" "A tombstone.";
    } later [];
    /// Events of a sink's life.
    SINK_EVENT = "the life of a sink's key" {
        "+I" "Inserted.";
        "-U" "Taken back before an update.";
        "+U" "Updated, or inserted into an upsert sink.";
        "-D" "Deleted.";
    } later [];
}

/// Keys of a pipeline inside a scenario: those of a file without its version.
pub(crate) const INLINE: Words = Words {
    of: "an inline pipeline",
    known: PIPELINE.known.split_at(1).1,
    rows: PIPELINE.rows.split_at(1).1,
    ..PIPELINE
};

/// The modifiers that a main key of the timeline takes; what is no word is a session.
pub(crate) fn modifiers(main: &str) -> Words {
    match main {
        "await" => AWAIT,
        "stop" => STOP,
        "permute" => PERMUTE,
        "produce" => PRODUCE,
        "arm" | "kill" | "pause" | "resume" | "start" | "set" | "lose" | "drop" | "advance"
        | "recreate" | "hold" | "release" => FAULT,
        _ => SESSION,
    }
}

impl Words {
    /// Both kinds.
    pub(crate) fn all(self) -> impl Iterator<Item = &'static str> {
        self.known.iter().chain(self.later).copied()
    }
}

/// The word of `allowed` that `written` may have meant: at most a third of its letters differ, case
/// and the kind of dash aside.
pub(crate) fn nearest<'a>(
    written: &str,
    allowed: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let plain = |word: &str| word.to_lowercase().replace('_', "-");
    let written = plain(written);
    let limit = (written.chars().count().max(2) / 3).max(1);
    let distances = allowed.into_iter().map(|word| (distance(&written, &plain(word)), word));
    distances.filter(|(distance, _)| *distance <= limit).min().map(|(_, word)| word)
}

/// The number of letters to put in, take out, replace or swap with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    let get = |row: &[usize], n: usize| row.get(n).copied().unwrap_or(usize::MAX / 2);
    for (i, x) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let replaced = get(&row, j) + usize::from(x != y);
            let mut least = replaced.min(get(&row, j + 1) + 1).min(get(&next, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                least = least.min(get(&before, j - 1) + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    get(&row, b.len())
}

/// "`a`, `b` or `c`".
pub(crate) fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        None => "nothing".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

/// "did you mean `title`? allowed: …", or the list alone.
pub(crate) fn suggestion<'a>(
    written: &str,
    allowed: impl IntoIterator<Item = &'a str> + Clone,
) -> String {
    let list = listed(allowed.clone());
    match nearest(written, allowed) {
        Some(word) => format!("did you mean `{word}`? allowed: {list}"),
        None => format!("allowed: {list}"),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("titel", Some("title"))]
    #[case("Title", Some("title"))]
    #[case("must-show", Some("must_show"))]
    #[case("timline", Some("timeline"))]
    #[case("x", None)]
    #[case("", None)]
    #[case("wait", None)]
    fn the_nearest_word(#[case] written: &str, #[case] expected: Option<&str>) {
        let words = ["title", "timeline", "must_show", "settings"];
        assert_eq!(nearest(written, words), expected);
    }

    #[test]
    fn lists_read_as_people_write_them() {
        assert_eq!(listed([]), "nothing");
        assert_eq!(listed(["a"]), "`a`");
        assert_eq!(listed(["a", "b", "c"]), "`a`, `b` or `c`");
    }
}
