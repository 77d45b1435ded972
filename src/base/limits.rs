//! How much of each thing changeproof takes, in one table: `docs/limits.md` shows it.
//!
//! The bounds lie far above what people write, and low enough that whatever is given ends soon and
//! in little memory, with a sentence that names the bound.

/// One bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The most that is taken.
    pub most: u64,
    /// As the table shows it.
    pub shown: &'static str,
    /// What is counted.
    pub of: &'static str,
    /// Why it is not more.
    pub why: &'static str,
}

macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident = $most:expr, $shown:literal, $of:literal, $why:literal;)+) => {
        $($(#[doc = $doc])+ pub const $name: u64 = $most;)+

        /// All of them, in the order of the table.
        pub const ALL: &[Limit] = &[$(Limit { most: $name, shown: $shown, of: $of, why: $why },)+];
    };
}

limits! {
    /// Bytes of a file that is read as a text.
    FILE_BYTES = 4 << 20, "4 MiB",
        "a scenario, a pipeline, SQL or a connector file",
        "files that people write are a thousandth of that";
    /// Bytes of all files that a scenario names, itself included.
    FILES_BYTES = 16 << 20, "16 MiB",
        "all files of one scenario together",
        "they are held in memory, and kept with every run";
    /// Files that a scenario names.
    FILES = 1_000, "1,000",
        "files of one scenario",
        "a pattern may match more than was meant";
    /// Names that are looked at to find files.
    VISITED = 100_000, "100,000",
        "names looked at below a folder, or for the patterns of one scenario",
        "a folder may hold far more than was meant: a cache, a whole disk";
    /// Values and keys of a YAML file.
    VALUES = 100_000, "100,000",
        "keys and values of one YAML file",
        "each keeps its place in the file, which takes more room than its text";
    /// Keys of one map of YAML.
    KEYS = 1_000, "1,000",
        "keys of one map, options of a connector file",
        "a connector of Debezium's has some two hundred options";
    /// Errors that are told.
    ERRORS = 100, "100",
        "errors and warnings reported for one scenario and its files",
        "nobody reads more at once; how many more there are is reported";
    /// Trials of one scenario.
    TRIALS = 2_000, "2,000",
        "trials of one scenario: the product of its lists and its orders",
        "at a second each, four side by side, they take ten minutes";
    /// Entries of a timeline.
    TIMELINE = 10_000, "10,000",
        "entries of a timeline",
        "`repeat` says the same entry many times";
    /// Statements of one SQL text.
    STATEMENTS = 5_000, "5,000",
        "statements of one SQL text",
        "each is read and looked at for what it reaches";
    /// Entries of all trials of a scenario.
    ENTRIES = 200_000, "200,000",
        "entries of the timelines of all trials of one scenario",
        "every trial has a timeline of its own";
    /// Bytes of all trials of a scenario.
    TRIALS_BYTES = 32 << 20, "32 MiB",
        "the texts of all trials of one scenario",
        "every trial has a pipeline of its own";
    /// Orders of one `permute`.
    ORDERS = 1_000, "1,000",
        "orders of one `permute`, drawn or all",
        "each is a trial";
    /// Partitions of a topic.
    PARTITIONS = 1_000, "1,000",
        "partitions of one topic",
        "each is a folder of open files at the one local broker, which took 1,500 in all";
    /// Parallelism of the statements.
    PARALLELISM = 64, "64",
        "parallelism of the statements",
        "the local stack has so many task slots: a job that needs more never starts";
    /// Rounds of an entry, and what else is counted while a timeline runs.
    ROUNDS = 1_000_000, "1,000,000",
        "rounds of a `repeat`; records, checkpoints and refusals that are counted",
        "a round takes about a millisecond, and everything is recorded";
    /// Attempts of a cell.
    ATTEMPTS = 100, "100",
        "attempts of a cell",
        "what a hundred runs do not show is not shown";
    /// Milliseconds of a duration.
    DURATION_MS = 24 * 3_600_000, "24 h",
        "durations: `within`, delays",
        "nobody waits longer for a run";
    /// Letters of a topic's name.
    TOPIC_NAME = 249, "249",
        "letters of a topic's name",
        "Kafka's own bound";
    /// Bytes of an event of a history.
    EVENT_BYTES = 64 << 20, "64 MiB",
        "a line of a history, or a block of a packed one",
        "a row of Postgres may be large, a line without end is none";
    /// Topics that a packed history names.
    TOPICS = 10_000, "10,000",
        "topics of a packed history",
        "each is held in memory";
    /// Bytes of a history that is judged with all events in memory.
    WHOLE_BYTES = 256 << 20, "256 MiB",
        "a history that is judged with all of its events in memory, as JSON Lines or unpacked",
        "a larger one is judged in one pass";
    /// Events of a packed history that is judged with all events in memory.
    WHOLE_EVENTS = 1_000_000, "1,000,000",
        "events of a packed history that is judged with all of them in memory",
        "an event takes some 200 bytes, however short it is packed";
    /// Bytes of a schema of Avro.
    SCHEMA_BYTES = 1 << 20, "1 MiB",
        "a schema of Avro",
        "a table of a thousand columns has a tenth of that";
    /// Digits of a decimal behind the point.
    SCALE = 20_000, "20,000",
        "the scale of a decimal in Avro",
        "Postgres has at most 16,383";
    /// Bytes of a verdict that is compared with.
    VERDICT_BYTES = 16 << 20, "16 MiB",
        "a `verdict.json`",
        "it holds findings, and of each a few records";
    /// Confluent's units of Flink that a stack file may allow.
    CFU = 1_000, "1,000",
        "`max_cfu` of a stack file",
        "no compute pool may have more";
    /// Minutes for which a command may use a stack that costs.
    MINUTES = 1_440, "1,440",
        "`max_minutes` of a stack file",
        "it is a day";
    /// Connectors that may be there at once on a stack that costs.
    CONNECTORS = 100, "100",
        "`max_connectors` of a stack file",
        "each costs, and a cluster takes few";
}

/// Whether there are more than a limit allows.
pub fn exceeds(count: usize, most: u64) -> bool {
    u64::try_from(count).is_ok_and(|count| count > most)
}

/// A number, for people: `1,000,000`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of bytes, for people.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..0x400 => format!("{bytes} bytes"),
        0x400..0x10_0000 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(4, "4 bytes")]
    #[case(1 << 16, "64 KiB")]
    #[case(4 << 20, "4 MiB")]
    fn sizes_are_told_as_people_count(#[case] bytes: u64, #[case] expected: &str) {
        assert_eq!(size(bytes), expected);
    }

    #[rstest]
    #[case(7, "7")]
    #[case(1_000, "1,000")]
    #[case(123_456_789, "123,456,789")]
    fn numbers_are_grouped(#[case] number: u64, #[case] expected: &str) {
        assert_eq!(grouped(number), expected);
    }

    #[test]
    fn the_page_shows_every_limit_as_it_is() {
        let page = fs_err::read_to_string("docs/limits.md").unwrap();
        let rows: Vec<String> = ALL
            .iter()
            .map(|limit| format!("| {} | {} | {} |", limit.of, limit.shown, limit.why))
            .collect();
        let shown: Vec<&str> = page.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
        assert_eq!(shown, rows);
    }

    #[test]
    fn what_is_shown_is_the_number() {
        for limit in ALL {
            let (number, unit) = limit.shown.split_once(' ').unwrap_or((limit.shown, ""));
            let number: u64 = number.replace(',', "").parse().unwrap();
            let unit = match unit {
                "" | "bytes" => 1,
                "KiB" => 1 << 10,
                "MiB" => 1 << 20,
                "h" => 3_600_000,
                other => panic!("{other}"),
            };
            assert_eq!(number * unit, limit.most, "{}", limit.of);
        }
    }
}
