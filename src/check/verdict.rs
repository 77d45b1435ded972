//! What a history is judged to be.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::anomaly::Anomaly;
use crate::base::difference;
use crate::base::exit::Exit;
use crate::base::grade::Grade;
use crate::base::position::{Lsn, Position, RecordPosition, Xid};

/// The judgement of one trial.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Everything demanded was seen, nothing else was.
    Pass,
    /// It could not be decided; the verdict names the missing evidence.
    Unknown,
    /// An anomaly that is not allowed, or something demanded that is missing.
    Fail,
    /// The run says nothing about the pipeline (invalid input, stack down, capture broken).
    Invalid,
}

/// The judgement of a history with its reasons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Verdict {
    /// Pass, unknown, fail or invalid.
    pub outcome: Outcome,
    /// It passed, and what it passed on is that a known fault was found.
    pub control: bool,
    /// The weakest grade of the proofs that it stands on; `None` where there is no proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Grade>,
    /// Why it is invalid: the exit code's name and one sentence.
    pub invalid: Option<Invalid>,
    /// Everything found, witnesses included, most telling first.
    pub findings: Vec<Judged>,
    /// Demands that were not met, in sentences.
    pub unmet: Vec<Unmet>,
    /// What could not be decided, and the evidence that is missing.
    pub gaps: Vec<Gap>,
    /// Families, levels and columns without a check here, each with the reason.
    pub not_judged: Vec<String>,
    /// Allowed findings that were not seen, sinks not exercised.
    pub warnings: Vec<String>,
    /// What differs from the author's files: all that was submitted otherwise than they say.
    #[serde(default)]
    pub differences: Vec<difference::Difference>,
    /// What was looked at, by name (changes, records, keys, sinks compared, proofs).
    pub figures: BTreeMap<String, u64>,
}

/// Why a run says nothing about the pipeline; written as a pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(from = "(Exit, String)", into = "(Exit, String)")]
pub struct Invalid {
    /// What a script may conclude.
    pub exit: Exit,
    /// One sentence.
    pub sentence: String,
}

impl From<(Exit, String)> for Invalid {
    fn from((exit, sentence): (Exit, String)) -> Self {
        Self { exit, sentence }
    }
}

impl From<Invalid> for (Exit, String) {
    fn from(invalid: Invalid) -> Self {
        (invalid.exit, invalid.sentence)
    }
}

/// A finding and what the scenario says of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Judged {
    /// What was found.
    pub finding: Finding,
    /// Whether it fails the run.
    pub status: Status,
}

/// What the scenario says of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Nothing allows it: the run fails.
    Failing,
    /// It must be shown.
    Demanded,
    /// It may be shown, because….
    Allowed(String),
    /// A witness: it never fails by itself.
    Witness,
}

/// One anomaly or witness, with the records that prove it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Finding {
    /// Its public name.
    pub anomaly: Anomaly,
    /// Source table, sink or `connector`, as `expect` names it.
    pub place: String,
    /// The key, its columns joined by `,`.
    pub key: Option<String>,
    /// One sentence for people.
    pub sentence: String,
    /// The record it stands at.
    pub record: Option<RecordPosition>,
    /// The position in the journal it is judged against.
    pub position: Option<Position>,
    /// The first hop that went wrong: `journal → topic` or `topic → sink`, with names.
    pub first_hop: Option<String>,
    /// Where it rests on something that never came and no checkpoint proves that: the grade of the proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Grade>,
    /// At a sink: where the statement stands that writes it, as `file:line:column`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// What was expected and what was captured, a line a column or row.
    pub difference: Vec<Difference>,
    /// The life of the key side by side: what each hop saw, in order.
    pub life: Vec<Seen>,
}

/// One line of a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Difference {
    /// The column; `None` for a whole row.
    pub column: Option<String>,
    /// What was expected; `None`: nothing.
    pub expected: Option<String>,
    /// What was captured; `None`: nothing.
    pub captured: Option<String>,
}

/// One thing that happened to a key at one hop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Seen {
    /// `journal`, a topic or a sink.
    pub hop: String,
    /// Journal: the commit's LSN.
    pub commit: Option<Lsn>,
    /// The change's own LSN.
    pub lsn: Option<Lsn>,
    /// The transaction.
    pub xid: Option<Xid>,
    /// Topic and sink: the record.
    pub record: Option<RecordPosition>,
    /// `insert`, `update`, `delete`; `r c u d t null`; `+U -D`.
    pub event: String,
    /// The row in short.
    pub row: String,
    /// This is the line the finding is about.
    pub marked: bool,
}

/// A demand that was not met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Unmet {
    /// `must_show`, `rows`, `life`.
    pub demand: String,
    /// Where it is written: `file:line:column`.
    pub at: Option<String>,
    /// One sentence: what was demanded and what is there.
    pub sentence: String,
    /// For rows: the difference.
    pub difference: Vec<Difference>,
}

impl Verdict {
    /// The first finding that nothing allows.
    pub fn first_failing(&self) -> Option<&Finding> {
        let failing = self.findings.iter().find(|judged| judged.status == Status::Failing);
        failing.map(|judged| &judged.finding)
    }

    /// What a script may conclude.
    pub fn exit(&self) -> Exit {
        match self.outcome {
            Outcome::Pass => Exit::Pass,
            Outcome::Unknown => Exit::Unknown,
            Outcome::Fail => Exit::Anomaly,
            Outcome::Invalid => self.invalid.as_ref().map_or(Exit::Internal, |why| why.exit),
        }
    }

    /// It did not pass, only because something that must be shown was not, or because a fault
    /// disturbed nothing: another run may show it.
    pub fn lacks_only_a_show(&self) -> bool {
        let failing = self.findings.iter().any(|judged| judged.status == Status::Failing);
        let shows = self.unmet.iter().all(|unmet| unmet.demand == "must_show");
        matches!(self.outcome, Outcome::Fail | Outcome::Unknown) && !failing && shows
    }
}

/// Something that could not be decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Gap {
    /// What is undecided.
    pub what: String,
    /// The evidence that is missing.
    pub missing: String,
}
