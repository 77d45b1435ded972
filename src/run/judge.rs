//! What a run comes to: the verdict on its history, and what is kept of it.

use camino::Utf8PathBuf;

use super::context::TrialResult;
use super::folder::{self, Folder, FolderError};
use super::outcome::Stop;
use super::prepare::Run;
use crate::base::exit::Exit;
use crate::check;
use crate::check::verdict::{Outcome, Verdict};
use crate::client::clock::Stopwatch;
use crate::report::Kept;

/// A run that ended before it could write a history.
pub(super) fn early(stop: &Stop, folder: Utf8PathBuf, watch: Stopwatch) -> TrialResult {
    let diagnostics = match stop {
        Stop::Invalid(diagnostics) => diagnostics.clone(),
        _ => Vec::new(),
    };
    TrialResult {
        exit: stop.exit().unwrap_or(Exit::Internal),
        verdict: None,
        folder,
        sentence: stop.sentence(),
        diagnostics,
        elapsed_ms: watch.elapsed_ms(),
        leftovers: Vec::new(),
        kept: Vec::new(),
    }
}

/// Judges the history.
pub(super) async fn judge(run: &Run<'_>) -> Result<Verdict, Stop> {
    let recorder = run.recorder.clone();
    let judged = tokio::task::spawn_blocking(move || check::judge(&recorder.snapshot())).await;
    judged.map_err(|error| Stop::Internal(format!("the checks panicked: {error}")))
}

/// A run that has ended, with what it left.
pub(super) struct Ended {
    /// Why it ended early.
    pub(super) stop: Option<Stop>,
    /// What its history is judged to be.
    pub(super) verdict: Result<Verdict, Stop>,
    /// What could not be removed.
    pub(super) leftovers: Vec<String>,
    /// What is kept on purpose; if anything is, the run's name stays claimed.
    pub(super) kept: Vec<Kept>,
}

/// What a run comes to; keeps it in the folder, and gives the run's name free.
pub(super) fn finish(run: &Run<'_>, folder: &Folder, ended: Ended) -> TrialResult {
    let Ended { stop, verdict, mut leftovers, kept } = ended;
    let mut result =
        early(stop.as_ref().unwrap_or(&Stop::Trouble), folder.path().to_owned(), run.watch);
    result.exit = match (stop.as_ref().and_then(Stop::exit), &verdict) {
        // What was proven before the stack was lost; the verdict says why the run ended.
        (Some(Exit::StackNotUp), Ok(verdict)) if verdict.outcome == Outcome::Fail => {
            result.sentence = None;
            verdict.exit()
        }
        (Some(exit), _) => exit,
        (None, Ok(verdict)) => verdict.exit(),
        (None, Err(_)) => Exit::Internal,
    };
    if let Err(stop) = &verdict {
        result.sentence = result.sentence.or_else(|| stop.sentence());
    }
    result.verdict = verdict.ok();
    if let Err(error) = keep_results(run, folder, &result) {
        result.exit = result.exit.worst(Exit::StackNotUp);
        result.sentence = Some(error.to_string());
    }
    if let Err(error) = folder.keep_lake(&run.claim.lake) {
        result.exit = result.exit.worst(Exit::StackNotUp);
        result.sentence = Some(error.to_string());
    }
    if leftovers.is_empty() && kept.is_empty() {
        leftovers.extend(run.claim.release().err().map(|error| error.to_string()));
    }
    (result.leftovers, result.kept) = (leftovers, kept);
    folder::prune(&run.context.runs);
    result.elapsed_ms = run.watch.elapsed_ms();
    result
}

/// The verdict, and the ends of the logs of a run that did not pass.
fn keep_results(run: &Run<'_>, folder: &Folder, result: &TrialResult) -> Result<(), FolderError> {
    if let Some(verdict) = &result.verdict {
        folder.write_json("verdict.json", verdict)?;
    }
    if result.exit != Exit::Pass {
        for (component, log, begun) in run.troubles.logs() {
            folder.keep_log((component, log), begun, &run.secrets)?;
        }
    }
    Ok(())
}
