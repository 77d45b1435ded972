//! The words of this project, each defined once: for `changeproof explain`, and for the glossary.

use super::page::{Ink, Page};

/// A word with one meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// The word, as it is written everywhere.
    pub name: &'static str,
    /// What it means: one or two sentences.
    pub meaning: &'static str,
    /// Where it is in the code: a file, and a name in it.
    pub code: (&'static str, &'static str),
}

const fn term(
    name: &'static str,
    meaning: &'static str,
    file: &'static str,
    item: &'static str,
) -> Term {
    Term { name, meaning, code: (file, item) }
}

/// All of them, by name.
pub const TERMS: &[Term] = &[
    term(
        "anomaly",
        "Something that a history shows and a correct pipeline does not. It fails a trial, unless the \
         scenario demands or allows it.",
        "src/base/anomaly.rs",
        "Anomaly",
    ),
    term(
        "application",
        "Whoever writes to a topic that the connector does not write. The timeline plays its part, with \
         `produce`.",
        "src/scenario/application.rs",
        "Application",
    ),
    term(
        "audience",
        "Who is kept informed of a batch of trials: the console, or a test.",
        "src/run/batch.rs",
        "Audience",
    ),
    term(
        "barrier",
        "A logical message that changeproof writes into the WAL. Once it has come through the \
         connector, every commit before it has.",
        "src/quiesce/barrier.rs",
        "barrier",
    ),
    term(
        "capability",
        "Something that a stack can do, such as killing a broker. A trial that needs what the stack \
         cannot do is not run.",
        "src/plan/needs.rs",
        "Capability",
    ),
    term(
        "capture",
        "The connector's part of a pipeline, from the WAL to the topics; and what the taps record.",
        "src/capture/mod.rs",
        "recorder",
    ),
    term(
        "cell",
        "One combination of the values that the lists of `settings` hold, such as \
         `partitions=3, parallelism=1`. Each cell is a trial.",
        "src/scenario/settings.rs",
        "Cell",
    ),
    term(
        "checker",
        "A function from the history and the model to findings. Each looks for one family of anomalies.",
        "src/check/mod.rs",
        "CHECKERS",
    ),
    term(
        "claim",
        "A locked file that names a run before it makes anything. When the lock is free the run was \
         killed, and what bears its name is removed.",
        "src/stack/claim.rs",
        "Claim",
    ),
    term(
        "clocks",
        "The watermarks and processing times of a running job, as the proof reads them.",
        "src/quiesce/mod.rs",
        "Clocks",
    ),
    term(
        "connectors",
        "Whoever keeps connectors: Connect's worker, or a service in its place.",
        "src/client/roles.rs",
        "Connectors",
    ),
    term(
        "control",
        "A scenario that must show a known fault. It passes when the fault is found, and so shows that \
         the checkers can find it.",
        "src/check/verdict.rs",
        "control",
    ),
    term(
        "demand",
        "Something that a scenario says a run must show: rows, a finding, a life. A demand that is not \
         met fails the trial.",
        "src/check/demands.rs",
        "demands",
    ),
    term(
        "dialect",
        "The SQL that a pipeline is written in: open-source Flink, or Confluent Cloud's, which is \
         translated.",
        "src/scenario/pipeline.rs",
        "Dialect",
    ),
    term(
        "difference",
        "Something that a run submits otherwise than the author's files say, with the reason. Reports \
         list all of them.",
        "src/base/difference.rs",
        "Difference",
    ),
    term(
        "engine",
        "Who runs the statements and tells how far each is: Flink, or Confluent Cloud.",
        "src/client/roles.rs",
        "Engine",
    ),
    term(
        "entry",
        "One line of a timeline: statements of a session, something done to a target, or an `await`.",
        "src/scenario/timeline.rs",
        "Entry",
    ),
    term(
        "fault",
        "Something done to a part of the stack on purpose: killed, paused, stopped, started.",
        "src/scenario/timeline.rs",
        "Fault",
    ),
    term(
        "faults",
        "Whoever can do something to the parts of a stack. A stack of somebody else's may have nobody.",
        "src/stack/seam.rs",
        "Faults",
    ),
    term(
        "finding",
        "An anomaly or a witness at a place, with the records that prove it.",
        "src/check/verdict.rs",
        "Finding",
    ),
    term(
        "first wrong hop",
        "The first hop at which a row was not what the hop before says. What is wrong further down \
         follows from it.",
        "src/check/verdict.rs",
        "first_hop",
    ),
    term(
        "gap",
        "Something that could not be decided, with the evidence that is missing. A gap makes a verdict \
         `unknown`, never a pass.",
        "src/check/verdict.rs",
        "Gap",
    ),
    term(
        "grade",
        "How well a proof is founded: on checkpoints, on statements that were stopped once they had \
         reported everything, or on their reports alone.",
        "src/base/grade.rs",
        "Grade",
    ),
    term(
        "history",
        "The file in which a run records what it saw: journal, records, proofs. A verdict is a function \
         of this file alone.",
        "src/history/mod.rs",
        "History",
    ),
    term(
        "hop",
        "A step of a row's way: journal, topic, sink. Each is judged against what went into it.",
        "src/check/verdict.rs",
        "hop",
    ),
    term(
        "journal",
        "What changeproof's own replication slot decodes: every committed change in commit order. \
         Everything else is judged against it.",
        "src/model/source/journal.rs",
        "Journal",
    ),
    term(
        "keeper",
        "The one process that owns the components of the local stack, and ends them when nobody uses \
         them.",
        "src/stack/keeper.rs",
        "keep",
    ),
    term(
        "lane",
        "A set of versions of the components, such as `flink=2.1.0,debezium=3.4.0.Final`. Each lane has \
         a stack of its own.",
        "src/stack/lane/mod.rs",
        "Lane",
    ),
    term(
        "lease",
        "The right to use a stack that is up. It ends when its holder does, however that dies.",
        "src/stack/seam.rs",
        "Lease",
    ),
    term(
        "life",
        "What every hop saw of one key, in order and side by side.",
        "src/check/lives.rs",
        "life",
    ),
    term(
        "mirror",
        "The Postgres of changeproof's own in which the shadow lies: the source's server, or one beside a \
         stack of somebody else's.",
        "src/stack/seam.rs",
        "mirror",
    ),
    term(
        "model",
        "What may be seen: the journal folded into tables, and the records and rows that follow from it.",
        "src/model/mod.rs",
        "source",
    ),
    term(
        "mutant",
        "A recorded history in which one thing was changed so that it is wrong. The tests require that \
         each is found, and named right.",
        "tests/proof/mutations/mod.rs",
        "mutation",
    ),
    term(
        "not judged",
        "Something that no checker looks at, such as a sink without a reference. Every report lists it.",
        "src/check/verdict.rs",
        "not_judged",
    ),
    term(
        "not run",
        "A trial that the stack cannot do, or whose versions are out of range. It is not a pass.",
        "src/base/exit.rs",
        "NothingRun",
    ),
    term(
        "outcome",
        "How a trial was judged: pass, fail, unknown or invalid.",
        "src/check/verdict.rs",
        "Outcome",
    ),
    term(
        "pipeline",
        "Source tables, connector, statements and sinks, with a reference for each sink: what is under \
         test.",
        "src/scenario/pipeline.rs",
        "Pipeline",
    ),
    term(
        "progress",
        "Whoever is kept informed of a trial's stage.",
        "src/run/context.rs",
        "Progress",
    ),
    term(
        "proof",
        "The evidence that nothing more can arrive: a barrier read back, ends reached, a checkpoint \
         completed after that. Without it a missing row is only late.",
        "src/history/proof.rs",
        "Proof",
    ),
    term(
        "reach",
        "Where everything of a stack is, as the harness and as the components see it, with login and TLS.",
        "src/client/reach.rs",
        "Reach",
    ),
    term(
        "reference",
        "The SELECT that Postgres runs on the shadow to say what a sink must hold.",
        "src/capture/shadow/reference.rs",
        "reference",
    ),
    term(
        "run",
        "One trial on one stack, from the first thing that it makes to the last that it removes.",
        "src/run/trial.rs",
        "trial",
    ),
    term(
        "run folder",
        "`.changeproof/runs/<time>-<token>`: the files as read, what was submitted, history, verdict, \
         report and logs, without secrets.",
        "src/run/folder.rs",
        "Folder",
    ),
    term(
        "scenario",
        "A file that says what happens to the source, and what must be true afterwards.",
        "src/scenario/scenario.rs",
        "Scenario",
    ),
    term(
        "seed",
        "The number that every draw of a trial depends on. The same seed draws the same.",
        "src/scenario/trial.rs",
        "seed",
    ),
    term(
        "session",
        "A connection to the source, named by a letter, whose statements run in the order of the \
         timeline. Several make transactions that overlap.",
        "src/drive/session.rs",
        "Session",
    ),
    term(
        "shadow",
        "A second database, into which the journal is replayed. It must equal the source, and the \
         references run on it.",
        "src/capture/shadow/mod.rs",
        "Shadow",
    ),
    term(
        "sink",
        "A table that statements write to: a topic, files, or a lake.",
        "src/scenario/pipeline.rs",
        "Sink",
    ),
    term(
        "snapshot",
        "The rows that a connector reads from tables instead of the WAL. They show the tables at one \
         point of the journal.",
        "src/model/feed/snapshots.rs",
        "snapshot",
    ),
    term(
        "stack",
        "Postgres, Kafka, Connect and Flink, in versions of one lane: processes of this machine, or what \
         somebody else keeps.",
        "src/stack/seam.rs",
        "Stack",
    ),
    term(
        "stand-in",
        "A topic that takes the place of a sink that cannot be here, such as a table of JDBC.",
        "src/plan/stand_ins.rs",
        "stand_in",
    ),
    term(
        "statements",
        "Whoever runs what is submitted in Flink SQL: the SQL Gateway, or a service in its place.",
        "src/client/roles.rs",
        "Statements",
    ),
    term(
        "tap",
        "A reader of changeproof's own at a hop. It records what passes there, and changes nothing.",
        "src/client/kafka/tap.rs",
        "Tap",
    ),
    term(
        "timeline",
        "The entries of a scenario, in the order in which they happen.",
        "src/scenario/timeline.rs",
        "Entry",
    ),
    term(
        "trial",
        "One cell of a scenario, with one seed: what is run and judged, and what a report counts.",
        "src/scenario/trial.rs",
        "Trial",
    ),
    term(
        "unknown",
        "A verdict that could not be decided; it names the missing evidence. It is neither pass nor fail.",
        "src/check/verdict.rs",
        "Unknown",
    ),
    term(
        "verdict",
        "The judgement of a history, with its findings, unmet demands, gaps and differences.",
        "src/check/verdict.rs",
        "Verdict",
    ),
    term(
        "watermark",
        "The event time up to which a job takes its input to be complete. A window fires once it has \
         passed the window's end.",
        "src/model/watermark.rs",
        "watermark",
    ),
    term(
        "witness",
        "A fact that a scenario can demand and that never fails a trial by itself, such as an LSN that \
         runs against the commit order.",
        "src/base/anomaly.rs",
        "is_witness",
    ),
];

/// A word by its name, in any case, and with hyphens for spaces.
pub fn find(name: &str) -> Option<&'static Term> {
    let name = name.replace('-', " ");
    TERMS.iter().find(|term| term.name.replace('-', " ").eq_ignore_ascii_case(&name))
}

/// What a word means.
pub fn explained(term: &Term) -> Page {
    let mut page = Page::new().with(Ink::Strong, term.name);
    page.add(Ink::Faint, " (a term)\n");
    page.line(format!("  {}", term.meaning));
    page
}

/// All words as one page of documentation.
pub fn page() -> String {
    let mut text = "# Glossary\n\nGenerated by `ci/generate` from the texts of `changeproof explain`. \
                    Each word is defined here and nowhere else; the names of findings are in \
                    [anomalies.md](anomalies.md).\n\n| word | meaning | in the code |\n|---|---|---|\n"
        .to_owned();
    for Term { name, meaning, code: (file, item) } in TERMS {
        text += &format!("| **{name}** | {meaning} | [`{item}`](../{file}) |\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_in_order_and_each_stands_once() {
        let names: Vec<&str> = TERMS.iter().map(|term| term.name).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(names, sorted);
    }

    #[test]
    fn a_word_is_found_however_it_is_written() {
        let name = |text| find(text).map(|term| term.name);
        assert_eq!(name("Witness"), Some("witness"));
        assert_eq!(name("first-wrong-hop"), Some("first wrong hop"));
        assert_eq!(name("stand in"), Some("stand-in"));
        assert_eq!(name("ghost-row"), None);
    }
}
