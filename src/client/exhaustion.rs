//! The words in which programs say that the machine has no more of something.
//!
//! Files, space, threads, memory and connections are the machine's to give. Whoever runs out of them
//! says nothing about the pipeline, in whichever component it shows first.

/// Something of the machine that has run out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhaustion {
    /// What there is no more of: `open files`.
    pub what: &'static str,
    /// What to do.
    pub mend: &'static str,
}

const FILES: Exhaustion = Exhaustion {
    what: "open files",
    mend: "raise the hard limit (`ulimit -Hn`; `changeproof doctor` says how many are needed)",
};
const SPACE: Exhaustion = Exhaustion {
    what: "space",
    mend: "free some space, or name a folder on another disk in CHANGEPROOF_STATE",
};
const THREADS: Exhaustion = Exhaustion {
    what: "processes and threads",
    mend: "raise `ulimit -Hu`, or the limit of processes of the container",
};
/// The heap of a JVM too: its size is the stack's and not the author's, so that running out of it
/// tells nothing about a machine of production's size.
const MEMORY: Exhaustion =
    Exhaustion { what: "memory", mend: "end other programs, or run fewer scenarios side by side" };
const CONNECTIONS: Exhaustion = Exhaustion {
    what: "connections to Postgres",
    mend: "run fewer scenarios side by side (`--jobs`)",
};

const SLOTS: Exhaustion = Exhaustion {
    what: "slots for a statement",
    mend: "run fewer scenarios side by side (`--jobs`), or end other programs",
};

/// In lower case, because some write the same words with a capital.
const WORDS: [(&str, Exhaustion); 17] = [
    ("too many open files", FILES),
    ("no space left on device", SPACE),
    ("disk quota exceeded", SPACE),
    // The broker's, to whom a full disk is one that fails.
    ("disk error when trying to access log file", SPACE),
    // Before the words of memory, which Java appends.
    ("unable to create native thread", THREADS),
    ("could not fork new process", THREADS),
    ("failed to start the native thread", THREADS),
    ("cannot allocate memory", MEMORY),
    // Not the option of the JVMs that is named after it.
    ("java.lang.outofmemoryerror", MEMORY),
    ("java heap space", MEMORY),
    ("gc overhead limit exceeded", MEMORY),
    (": out of memory", MEMORY),
    (":  out of memory", MEMORY),
    ("insufficient memory", MEMORY),
    // A machine that is too busy gives them back before the job has begun.
    ("has no more allocated slots for job", SLOTS),
    ("too many clients already", CONNECTIONS),
    ("remaining connection slots are reserved", CONNECTIONS),
];

/// What has run out, if `said` says so in words of its own: what it quotes is data.
pub fn exhaustion(said: &str) -> Option<&'static Exhaustion> {
    let own = without_quotes(said).to_lowercase();
    WORDS.iter().find(|(words, _)| own.contains(words)).map(|(_, exhaustion)| exhaustion)
}

/// What has run out, in a sentence, with `who` met it and with what mends it.
pub fn told(who: &str, said: &str) -> Option<String> {
    let Exhaustion { what, mend } = exhaustion(said)?;
    Some(format!(
        "this machine has no {what} left, which says nothing about the pipeline ({who}: {})\n  to \
         mend it: {mend}",
        said.trim()
    ))
}

/// The text without all that lies between the first and the last quote of a kind.
pub(super) fn without_quotes(text: &str) -> String {
    let mut own = text.to_owned();
    for quote in ['"', '\''] {
        if let (Some(first), Some(last)) = (own.find(quote), own.rfind(quote)) {
            own.replace_range(first..last, "");
        }
    }
    own
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::socket("java.net.SocketException: Too many open files", "open files")]
    #[case::file("/x/chk-1/_metadata (Too many open files)", "open files")]
    #[case::disk("java.io.IOException: No space left on device", "space")]
    #[case::quota("write failed: Disk quota exceeded", "space")]
    #[case::postgres(
        "ERROR: could not extend file \"base/5/16384\": No space left on device Hint: Check free \
         disk space.",
        "space"
    )]
    #[case::broker("Disk error when trying to access log file on the disk.", "space")]
    #[case::thread(
        "unable to create native thread: possibly out of memory or process/resource limits reached",
        "processes and threads"
    )]
    #[case::fork(
        "could not fork new process for connection: Resource temporarily unavailable",
        "processes and threads"
    )]
    #[case::heap("java.lang.OutOfMemoryError: Java heap space", "memory")]
    #[case::native("Cannot allocate memory (errno=12)", "memory")]
    #[case::slots(
        "TaskExecutor pekko.tcp://flink@h:1/user/rpc/taskmanager_0 has no more allocated slots for job c5",
        "slots for a statement"
    )]
    #[case::clients("FATAL: sorry, too many clients already", "connections to Postgres")]
    fn what_has_run_out_is_told_by_its_words(#[case] said: &str, #[case] what: &str) {
        assert_eq!(exhaustion(said).map(|exhaustion| exhaustion.what), Some(what));
    }

    #[rstest]
    #[case::a_record("Corrupt Debezium JSON message '{\"note\":\"no space left on device\"}'.")]
    #[case::a_value("For input string: \"Too many open files\"")]
    #[case::a_statement("duplicate key: INSERT INTO t VALUES ('out of memory', 'it''s')")]
    #[case::an_option("jvm.args = -XX:+UseSerialGC, -XX:+ExitOnOutOfMemoryError, -Xmx256m")]
    #[case::otherwise("/ by zero")]
    fn what_is_quoted_has_not_run_out(#[case] said: &str) {
        assert_eq!(exhaustion(said), None);
    }
}
