//! The root cause of a Java stack trace, in one sentence.
//!
//! Flink and Connect answer with whole traces: an outer exception that says nothing, dozens of
//! frames, and the reason behind the last `Caused by`. People get the reason; frames never leave
//! this file.

use std::fmt;

use super::{exhaustion, wall};

/// How many lines are kept beside the sentence.
const DETAIL_LINES: usize = 12;

/// How many characters of a line are kept there: a message may quote a whole record.
const DETAIL_WIDTH: usize = 400;

/// What outer exceptions say about themselves instead of about the cause.
const EMPTY_WORDS: [&str; 6] = [
    "Could not forward element to next operator",
    "Failed to fetchResults",
    "Failed to execute the operation",
    "Recovery is suppressed by",
    "Failed to deserialize consumer record due to",
    "Exiting WorkerSourceTask due to unrecoverable exception",
];

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cause {
    /// The exception's class, without its package (`ValidationException`).
    pub class: String,
    /// The message up to its first blank line, as one line.
    pub sentence: String,
    /// The place in a statement, if the message or one above it names one.
    pub place: Option<StatementPlace>,
    /// The rest of the message, then what the exceptions around it add.
    pub detail: Vec<String>,
    /// Everything that the chain says, line by line, without frames: it names tables and options.
    pub said: Vec<String>,
}

/// A place in the text of a statement: lines and columns in characters from 1, the end included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementPlace {
    /// The first line.
    pub line: usize,
    /// The first column.
    pub column: usize,
    /// The last line.
    pub end_line: usize,
    /// The last column.
    pub end_column: usize,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sentence.fmt(f)
    }
}

/// What Flink says when it has lost a process or has no slot, whichever statement it runs; in lower
/// case, because it writes the same words with and without a capital.
const LOST_WORDS: [&str; 6] = [
    "heartbeat of taskmanager",
    "is no longer reachable",
    "connection unexpectedly closed by remote task manager",
    "could not acquire the minimum required resources",
    "slot request bulk is not fulfillable",
    "insufficient number of network buffers",
];

/// Exceptions that are thrown only where the machine has no more of something.
const OF_THE_STACK: [&str; 3] =
    ["OutOfMemoryError", "NoResourceAvailableException", "KafkaStorageException"];

impl Cause {
    /// A sentence if the stack is at fault (a process was lost, slots, memory or disk ran out),
    /// which says nothing about the pipeline. `job` is Flink's id of the job that failed.
    pub fn of_the_stack(&self, job: &str) -> Option<String> {
        let said = self.sentence.to_lowercase();
        exhaustion::told("Flink", &self.sentence).or_else(|| {
            let lost = OF_THE_STACK.contains(&self.class.as_str())
                || LOST_WORDS.iter().any(|words| said.contains(words));
            lost.then(|| format!("Flink lost job {job}: {self}"))
        })
    }
}

impl StatementPlace {
    /// The bytes of `statement` that the place covers, from the first up to (not including) the
    /// byte after the last.
    pub fn bytes(&self, statement: &str) -> (usize, usize) {
        let start = byte_of(statement, self.line, self.column);
        let last = byte_of(statement, self.end_line, self.end_column);
        let width = statement.get(last..).and_then(|rest| rest.chars().next());
        (start, (last + width.map_or(0, char::len_utf8)).max(start))
    }
}

fn byte_of(text: &str, line: usize, column: usize) -> usize {
    let before = line.saturating_sub(1);
    let start: usize = text.split_inclusive('\n').take(before).map(str::len).sum();
    let rest = text.get(start..).unwrap_or("");
    let inside = rest.char_indices().nth(column.saturating_sub(1));
    start + inside.map_or(rest.len(), |(byte, _)| byte)
}

/// The root cause of a trace, or of a message without one.
pub fn root(trace: &str) -> Cause {
    let mut causes = messages(trace);
    let said = causes.iter().flat_map(|(_, lines)| lines.iter().cloned()).collect();
    let place = causes.iter().rev().find_map(|(_, lines)| place(&lines.join(" ")));
    let Some((class, lines)) = causes.pop() else {
        return Cause { sentence: "no cause was given".to_owned(), ..Cause::default() };
    };
    let mut rest = lines.into_iter().skip_while(String::is_empty).peekable();
    let mut head = Vec::new();
    while let Some(line) = rest.next_if(|line| !line.is_empty() && !opens_a_list(line)) {
        head.push(line);
    }
    let sentence = head.join(" ");
    let sentence =
        if sentence.is_empty() { format!("{class} without a message") } else { sentence };
    let around = causes.into_iter().rev().filter_map(|(_, lines)| lines.into_iter().next());
    let around = around.filter(|line| {
        !line.contains(&sentence) && !EMPTY_WORDS.iter().any(|words| line.contains(words))
    });
    let detail = rest.chain(around).filter(|line| !line.is_empty()).take(DETAIL_LINES);
    let detail = detail.map(|line| line.chars().take(DETAIL_WIDTH).collect()).collect();
    let sentence = match wall::met(&class, &sentence) {
        Some(wall) => format!("{sentence} ({wall})"),
        None => sentence,
    };
    Cause { class, sentence, place, detail, said }
}

/// A list of everything that would have been right is no part of the sentence.
fn opens_a_list(line: &str) -> bool {
    line.starts_with("Was expecting")
}

/// Class and message of each exception of the chain, the outermost first.
fn messages(trace: &str) -> Vec<(String, Vec<String>)> {
    let mut causes: Vec<(String, Vec<String>)> = Vec::new();
    // Everything below a suppressed exception belongs to it: it is indented, as frames are.
    for line in trace.lines() {
        let inside = line.trim_start();
        let frame = inside.len() < line.len()
            && (inside.starts_with("... ") || inside.starts_with("at ") && inside.ends_with(')'));
        let suppressed = line.starts_with('\t') && line.trim_start().starts_with("Suppressed: ")
            || line.starts_with("\tCaused by: ")
            || line.starts_with("\t\t");
        if frame || suppressed || line.starts_with("End of exception on server side") {
            continue;
        }
        let line = line.strip_prefix("<Exception on server side:").unwrap_or(line);
        if let Some(text) = line.strip_prefix("Caused by: ") {
            causes.push(exception(text));
        } else if let Some((_, lines)) = causes.last_mut() {
            lines.push(line.trim().to_owned());
        } else if !line.trim().is_empty() {
            causes.push(exception(line));
        }
    }
    causes
}

/// `java.lang.IllegalStateException: text` or a class alone; a serialised one repeats its class.
fn exception(text: &str) -> (String, Vec<String>) {
    let is_class = |word: &str| {
        word.contains('.')
            && !word.contains(' ')
            && word.rsplit('.').next().is_some_and(|name| name.starts_with(char::is_uppercase))
    };
    let mut class = String::new();
    let mut rest = text.trim();
    loop {
        let (word, after) = rest.split_once(':').unwrap_or((rest, ""));
        if !is_class(word) {
            return (class, vec![rest.to_owned()]);
        }
        word.rsplit('.').next().unwrap_or(word).clone_into(&mut class);
        rest = after.trim_start();
        if rest.is_empty() {
            return (class, Vec::new());
        }
    }
}

/// `From line 2, column 3 to line 2, column 6`, `At line 1, column 15`, `at line 1, column 20`.
fn place(message: &str) -> Option<StatementPlace> {
    let (line, column, rest) = line_and_column(message)?;
    let end = rest.strip_prefix(" to ").and_then(line_and_column);
    let (end_line, end_column) = end.map_or((line, column), |(line, column, _)| (line, column));
    Some(StatementPlace { line, column, end_line, end_column })
}

fn line_and_column(text: &str) -> Option<(usize, usize, &str)> {
    let (_, text) = text.split_once("line ")?;
    let (line, text) = number(text)?;
    let (column, text) = number(text.strip_prefix(", column ")?)?;
    Some((line, column, text))
}

fn number(text: &str) -> Option<(usize, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(digits);
    Some((digits.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const GATEWAY: &str = "<Exception on server side:
org.apache.flink.table.gateway.api.utils.SqlGatewayException: org.apache.flink.table.gateway.api.utils.SqlGatewayException: Failed to fetchResults.
\tat org.apache.flink.table.gateway.rest.handler.statement.FetchResultsHandler.handleRequest(FetchResultsHandler.java:91)
Caused by: org.apache.flink.table.gateway.api.utils.SqlGatewayException: Failed to fetchResults.
\tat org.apache.flink.table.gateway.service.SqlGatewayServiceImpl.fetchResults(SqlGatewayServiceImpl.java:243)
\t... 47 more
Caused by: org.apache.flink.table.gateway.service.utils.SqlExecutionException: Failed to execute the operation 3f8f9f3f-53f5-4879-aaa6-a20a0acc3a57.
\t... 1 more
";

    fn gateway(rest: &str) -> Cause {
        root(&format!("{GATEWAY}{rest}\n\nEnd of exception on server side>"))
    }

    fn place(line: usize, column: usize, end_line: usize, end_column: usize) -> StatementPlace {
        StatementPlace { line, column, end_line, end_column }
    }

    #[test]
    fn a_file_outside_of_the_run_is_told_as_one() {
        let cause =
            root("java.nio.file.AccessDeniedException: /home/ann/rows\n\tat x.Y.z(Y.java:1)");
        let told = "/home/ann/rows (a component reaches no file outside of the run)";
        assert_eq!(cause.sentence, told);
    }

    #[test]
    fn a_validation_error_names_its_range() {
        let cause = gateway(
            "Caused by: org.apache.flink.table.api.ValidationException: SQL validation failed. From \
             line 2, column 3 to line 2, column 6: Column 'nope' not found in any table
\tat org.apache.flink.table.planner.calcite.FlinkPlannerImpl.validate(FlinkPlannerImpl.scala:196)
Caused by: org.apache.calcite.runtime.CalciteContextException: From line 2, column 3 to line 2, \
             column 6: Column 'nope' not found in any table
Caused by: org.apache.calcite.sql.validate.SqlValidatorException: Column 'nope' not found in any \
             table",
        );
        assert_eq!(cause.sentence, "Column 'nope' not found in any table");
        assert_eq!(cause.class, "SqlValidatorException");
        assert_eq!(cause.place, Some(place(2, 3, 2, 6)));
        assert_eq!(cause.detail, Vec::<String>::new());
        let sql = "SELECT\n  nope FROM a";
        assert_eq!(cause.place.unwrap().bytes(sql), (9, 13));
    }

    #[test]
    fn a_parse_error_keeps_its_sentence_and_some_of_what_was_expected() {
        let message = "Encountered \"a\" at line 1, column 20.
Was expecting one of:
    <EOF>
    \"EXCEPT\" ...
    \"FROM\" ...
    ";
        let cause = gateway(&format!(
            "Caused by: org.apache.flink.table.api.SqlParserException: SQL parse failed. {message}
Caused by: org.apache.flink.sql.parser.impl.ParseException: {message}"
        ));
        assert_eq!(cause.sentence, "Encountered \"a\" at line 1, column 20.");
        assert_eq!(cause.place, Some(place(1, 20, 1, 20)));
        let expected = ["Was expecting one of:", "<EOF>", "\"EXCEPT\" ...", "\"FROM\" ..."];
        assert_eq!(cause.detail, expected);
        let sql = "SELECT 'é', id FRO a";
        assert_eq!(cause.place.unwrap().bytes(sql), (20, 21));
    }

    #[test]
    fn a_message_of_several_lines_becomes_a_sentence_and_detail() {
        let cause = gateway(
            "Caused by: org.apache.flink.table.api.ValidationException: Column types of query \
             result and sink for 'default_catalog.default_database.a' do not match.
Cause: Different number of columns.

Query schema: [EXPR$0: INT NOT NULL]
Sink schema:  [id: INT, n: DECIMAL(10, 2)]",
        );
        assert_eq!(
            cause.sentence,
            "Column types of query result and sink for 'default_catalog.default_database.a' do \
             not match. Cause: Different number of columns."
        );
        let schemas =
            ["Query schema: [EXPR$0: INT NOT NULL]", "Sink schema:  [id: INT, n: DECIMAL(10, 2)]"];
        assert_eq!(cause.detail, schemas);
        assert_eq!(cause.place, None);
    }

    #[test]
    fn a_failed_job_names_the_cause_and_the_record() {
        let cause = root(
            "org.apache.flink.runtime.JobException: Recovery is suppressed by \
             NoRestartBackoffTimeStrategy
\tat org.apache.flink.runtime.executiongraph.failover.ExecutionFailureHandler.handleFailure(ExecutionFailureHandler.java:219)
Caused by: java.io.IOException: Failed to deserialize consumer record due to
\tat org.apache.flink.connector.kafka.source.reader.KafkaRecordEmitter.emitRecord(KafkaRecordEmitter.java:56)
\tSuppressed: java.lang.RuntimeException: while closing
\t\tat a.b.C.close(C.java:1)
\tCaused by: java.lang.RuntimeException: something else
Caused by: java.io.IOException: Corrupt Debezium JSON message '{\"before\":null,\"op\":\"u\"}'.
\t... 15 more
Caused by: java.lang.IllegalStateException: The \"before\" field of UPDATE message is null, if you \
             are using Debezium Postgres Connector, please check the Postgres table has been set \
             REPLICA IDENTITY to FULL level.
\t... 17 more
",
        );
        assert!(cause.sentence.starts_with("The \"before\" field of UPDATE message is null"));
        assert_eq!(cause.class, "IllegalStateException");
        let record = "Corrupt Debezium JSON message '{\"before\":null,\"op\":\"u\"}'.";
        assert_eq!(cause.detail, [record]);
    }

    #[rstest]
    #[case("The heartbeat of TaskManager with id 127.0.0.1:33931-d3516c timed out.", true)]
    #[case("Heartbeat of TaskManager with id 127.0.0.1:33931-d3516c timed out.", true)]
    #[case("java.lang.OutOfMemoryError: Java heap space", true)]
    #[case("java.io.IOException: No space left on device", true)]
    #[case("java.net.SocketException: Too many open files", true)]
    #[case("org.apache.kafka.common.errors.KafkaStorageException: of some words", true)]
    #[case("java.lang.ArithmeticException: / by zero", false)]
    fn a_lost_process_is_not_the_statements_fault(#[case] trace: &str, #[case] of_the_stack: bool) {
        assert_eq!(root(trace).of_the_stack("j").is_some(), of_the_stack);
    }

    #[rstest]
    #[case::class_alone("java.lang.NullPointerException", "NullPointerException without a message")]
    #[case::serialised(
        "org.apache.flink.util.SerializedThrowable: java.lang.ArithmeticException: / by zero",
        "/ by zero"
    )]
    #[case::no_trace(
        "Checkpoint was declined: tasks not ready",
        "Checkpoint was declined: tasks not ready"
    )]
    #[case::nothing("", "no cause was given")]
    fn other_forms_give_a_sentence_too(#[case] trace: &str, #[case] sentence: &str) {
        assert_eq!(root(trace).sentence, sentence);
    }
}
