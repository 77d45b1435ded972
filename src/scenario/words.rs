//! The words of the language: what is allowed where, what belongs to it but is not built yet, and
//! which word somebody may have meant.

/// The words allowed at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Words {
    /// What has these words, as in "no key of …".
    pub of: &'static str,
    /// What is built.
    pub known: &'static [&'static str],
    /// What belongs to the language and is not built yet.
    pub later: &'static [&'static str],
}

macro_rules! words {
    ($(#[doc = $doc:literal] $name:ident = $of:literal [$($known:literal)*] later [$($later:literal)*];)+) => {
        $(
            #[doc = $doc]
            pub(crate) const $name: Words =
                Words { of: $of, known: &[$($known,)*], later: &[$($later,)*] };
        )+
    };
}

words! {
    /// Keys of a scenario file.
    SCENARIO = "a scenario" ["scenario" "title" "covers" "pipeline" "settings" "setup" "timeline" "expect" "only" "requires"]
        later [];
    /// Keys of a pipeline file.
    PIPELINE = "a pipeline file" ["pipeline" "source" "connector" "outbox" "format" "dialect" "statements" "sinks" "settings" "may_show"]
        later [];
    /// Keys of a pipeline inside a scenario.
    INLINE = "an inline pipeline" ["source" "connector" "outbox" "format" "dialect" "statements" "sinks" "settings" "may_show"]
        later [];
    /// Keys of a sink.
    SINK = "a sink" ["reference" "window"] later [];
    /// Keys of a window.
    WINDOW = "a window" ["end" "time" "delay"] later [];
    /// Keys of `settings`.
    SETTINGS = "settings" ["partitions" "parallelism" "replica_identity" "statements" "topics" "tables" "connector" "flink" "worker" "kafka" "postgres"]
        later [];
    /// Keys of `where`.
    WHERE = "where" ["partitions" "parallelism" "replica_identity" "statements" "topics" "tables" "connector" "flink" "worker" "kafka" "postgres" "versions"]
        later [];
    /// Main keys of a timeline entry beside the sessions.
    MAIN = "the timeline" ["await" "arm" "kill" "pause" "resume" "stop" "start" "permute"]
        later ["cut" "heal" "set"];
    /// Modifiers of `permute`.
    PERMUTE = "a permute" ["of"] later [];
    /// Modifiers of a session's entry.
    SESSION = "a session's entry" ["blocks_on" "error" "repeat" "until" "within"] later [];
    /// Modifiers of `await`.
    AWAIT = "an await" ["within"] later [];
    /// Modifiers of `stop`.
    STOP = "a stop" ["savepoint"] later [];
    /// Modifiers of what is done to a part of the pipeline.
    FAULT = "a fault" [] later [];
    /// Modifiers of what is not built yet.
    MODIFIERS = "the timeline" ["savepoint" "of"] later ["delay" "rate"];
    /// What can be awaited, as a word.
    CONDITION = "await" ["streaming" "captured" "processed" "stored" "confirmed" "slot"] later [];
    /// What can be awaited, as a map.
    CONDITION_MAP = "await" ["watermark" "compacted" "expired"] later [];
    /// What can be armed.
    ARM = "an arm" ["kill" "pause" "stop" "at" "savepoint"] later [];
    /// Parts of the pipeline that something can be done to.
    TARGET = "a target" ["postgres" "kafka" "worker" "connector" "taskmanager" "jobmanager" "statements"]
        later [];
    /// Words that are true or false.
    BOOL = "a choice" ["true" "false"] later [];
    /// Keys of an entry of `expect`.
    EXPECT = "expect" ["where" "delivery" "consistency" "rows" "life" "must_show" "may_show" "plan" "attempts"]
        later [];
    /// Keys of a sink's `plan`.
    PLAN = "a plan" ["has" "lacks"] later [];
    /// Components that have a version.
    COMPONENT = "a component" ["postgres" "debezium" "kafka" "flink"] later [];
    /// Modifiers of an entry of `must_show`.
    MUST_SHOW = "must_show" ["key" "says"] later [];
    /// Modifiers of an entry of `may_show`.
    MAY_SHOW = "may_show" ["key" "because"] later [];
    /// Wire formats.
    FORMAT = "format" ["json"] later ["json-registry" "avro-registry"];
    /// Dialects.
    DIALECT = "dialect" ["confluent" "flink"] later [];
    /// Replica identities.
    REPLICA_IDENTITY = "replica_identity" ["default" "full"] later [];
    /// Delivery contracts.
    DELIVERY = "delivery" ["at-least-once" "exactly-once"] later [];
    /// Levels of consistency.
    LEVEL = "consistency" ["final" "windows" "cut" "commit"] later [];
    /// The version of both kinds of files.
    VERSION = "the version of the language" ["v1"] later [];
    /// Events of a topic's life.
    TOPIC_EVENT = "the life of a topic's key" ["r" "c" "u" "d" "t" "null"] later [];
    /// Events of a sink's life.
    SINK_EVENT = "the life of a sink's key" ["+I" "-U" "+U" "-D"] later [];
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
