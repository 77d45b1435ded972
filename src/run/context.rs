//! What a run is given, and what it gives back.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use camino::Utf8PathBuf;

use crate::base::diagnostic::Diagnostic;
use crate::base::exit::Exit;
use crate::base::grade::Grade;
use crate::base::secret::Secrets;
use crate::check::verdict::Verdict;
use crate::client::reach::Reach;
use crate::client::roles::{Connectors, Engine};
use crate::report::Kept;
use crate::run::cancel::Cancel;
use crate::run::outcome::Stop;
use crate::stack::Lease;

/// Everything a trial needs besides itself. Cheap to clone: the trials of one process share a stack.
#[derive(Debug, Clone)]
pub struct RunContext {
    /// The right to use the stack.
    pub lease: Arc<dyn Lease>,
    /// The folder of run directories (`.changeproof/runs`); made if it is not there.
    pub runs: Utf8PathBuf,
    /// The files that were read for this trial, path and text, to be kept in the run directory.
    pub sources: Vec<(Utf8PathBuf, String)>,
    /// Secrets besides those of the trial: of trials beside it, and of the environment.
    pub secrets: Secrets,
    /// The one command that repeats this trial.
    pub command: String,
    /// Keep what the run made on the stack if it does not pass.
    pub keep_run: bool,
    /// The grade of every proof, where it is not the stack's to say.
    pub evidence: Option<Grade>,
    /// How long things may take.
    pub limits: Limits,
    /// Thrown when the run shall end early.
    pub cancel: Cancel,
}

impl RunContext {
    /// Where the components listen.
    pub fn reach(&self) -> &Reach {
        self.lease.reach()
    }

    /// Where the shadow lies.
    pub fn mirror(&self) -> &Reach {
        self.lease.mirror()
    }

    /// Who keeps the connector.
    pub(super) fn connectors(&self) -> Result<Arc<dyn Connectors>, Stop> {
        self.lease.connectors().map_err(|error| Stop::Stack(error.to_string()))
    }

    /// The grade of a proof: what was chosen for the run, else the best that the stack gives.
    /// `demanded` is the trial's word, `last` tells that the timeline ends with it.
    pub(super) fn grade(&self, demanded: Option<Grade>, last: bool) -> Grade {
        graded(self.evidence, self.lease.grade(), (demanded, last))
    }

    /// Who runs the statements.
    pub(super) fn engine(&self) -> Result<Arc<dyn Engine>, Stop> {
        self.lease.engine().map_err(|error| Stop::Stack(error.to_string()))
    }
}

/// A statement that is stopped has to be started again, so that an engine without checkpoints is taken
/// at its word as long as the timeline goes on.
fn graded(chosen: Option<Grade>, best: Grade, (demanded, last): (Option<Grade>, bool)) -> Grade {
    match (chosen, best) {
        (Some(chosen), _) => chosen,
        (None, Grade::Stopped) if !last && demanded < Some(Grade::Stopped) => Grade::Reported,
        (None, best) => best,
    }
}

/// How long the stages may take that no scenario sets a limit for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Each step of the setting up: databases, topics, DDL.
    pub prepare: Duration,
    /// Until no other run has the names of production that the topics need.
    pub names: Duration,
    /// From the connector's submission to the first barrier read back.
    pub streaming: Duration,
    /// All of the clean-up.
    pub clean_up: Duration,
}

impl Limits {
    /// Limits that a warm local stack keeps by a factor of thirty.
    pub fn local() -> Self {
        Self {
            prepare: Duration::from_secs(30),
            names: Duration::from_hours(1),
            streaming: Duration::from_mins(1),
            clean_up: Duration::from_secs(20),
        }
    }

    /// Limits for a service that makes what is asked for within minutes.
    pub fn afar() -> Self {
        Self {
            prepare: Duration::from_mins(2),
            names: Duration::from_hours(1),
            streaming: Duration::from_mins(10),
            clean_up: Duration::from_mins(5),
        }
    }
}

/// How a trial ended.
#[derive(Debug, Clone)]
pub struct TrialResult {
    /// What a script may conclude.
    pub exit: Exit,
    /// The judgement, unless the run did not come as far as a history.
    pub verdict: Option<Verdict>,
    /// The run directory; empty path if it could not be made.
    pub folder: Utf8PathBuf,
    /// Why it said nothing about the pipeline: one sentence.
    pub sentence: Option<String>,
    /// What is wrong with the author's files, found only by running them.
    pub diagnostics: Vec<Diagnostic>,
    /// From the first call to the end of the clean-up, in milliseconds.
    pub elapsed_ms: u64,
    /// What the clean-up could not remove, in sentences; empty if nothing is left.
    pub leftovers: Vec<String>,
    /// What was kept on the stack because it was asked for.
    pub kept: Vec<Kept>,
}

impl TrialResult {
    /// A trial of which nothing was made.
    pub fn without_run(exit: Exit, sentence: String) -> Self {
        Self {
            exit,
            verdict: None,
            folder: Utf8PathBuf::new(),
            sentence: Some(sentence),
            diagnostics: Vec::new(),
            elapsed_ms: 0,
            leftovers: Vec::new(),
            kept: Vec::new(),
        }
    }

    /// The same without secrets. The verdict has none: it is made of the history.
    #[must_use]
    pub fn hidden(mut self, secrets: &Secrets) -> Self {
        let sentences = self.sentence.iter_mut().chain(&mut self.leftovers);
        sentences.for_each(|text| *text = secrets.hidden(text).into_owned());
        self.diagnostics.iter_mut().for_each(|diagnostic| diagnostic.hide(secrets));
        self
    }
}

/// Where a trial is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Databases, topics, tables.
    Preparing,
    /// Another run has what it needs.
    Waiting {
        /// What it needs.
        what: String,
        /// Who has it, as a sentence.
        holder: String,
    },
    /// Connector and statements start.
    Starting,
    /// The snapshot, until the connector streams.
    Snapshot,
    /// An entry of the timeline, counted from 1.
    Entry {
        /// Which.
        number: usize,
        /// Of how many.
        of: usize,
    },
    /// The history is judged.
    Judging,
    /// What the run made is removed.
    CleaningUp,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Preparing => f.write_str("preparing databases and topics"),
            Self::Waiting { what, holder } => write!(f, "waiting for {what}: {holder}"),
            Self::Starting => f.write_str("starting connector and statements"),
            Self::Snapshot => f.write_str("waiting for the connector to stream"),
            Self::Entry { number, of } => write!(f, "timeline {number}/{of}"),
            Self::Judging => f.write_str("judging"),
            Self::CleaningUp => f.write_str("cleaning up"),
        }
    }
}

/// Told where a trial is, from any thread.
pub trait Progress: Send + Sync {
    /// The trial named `trial` has come to `stage`.
    fn stage(&self, trial: &str, stage: &Stage);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn stage(&self, _trial: &str, _stage: &Stage) {}
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const CHECKPOINT: Grade = Grade::Checkpoint;
    const STOPPED: Grade = Grade::Stopped;
    const REPORTED: Grade = Grade::Reported;

    #[rstest]
    #[case::checkpoints(None, CHECKPOINT, None, false, CHECKPOINT)]
    #[case::on_the_way(None, STOPPED, None, false, REPORTED)]
    #[case::at_the_end(None, STOPPED, None, true, STOPPED)]
    #[case::demanded(None, STOPPED, Some(STOPPED), false, STOPPED)]
    #[case::nothing_else_is_there(None, REPORTED, None, true, REPORTED)]
    #[case::chosen(Some(REPORTED), CHECKPOINT, None, true, REPORTED)]
    fn a_proof_is_of_the_best_grade_there_is(
        #[case] chosen: Option<Grade>,
        #[case] best: Grade,
        #[case] demanded: Option<Grade>,
        #[case] last: bool,
        #[case] expected: Grade,
    ) {
        assert_eq!(graded(chosen, best, (demanded, last)), expected);
    }
}
