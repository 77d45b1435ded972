//! A run from its first name to the last thing it removes, on one screen: what is prepared is started,
//! performed and judged, and whatever happens, cleaned up.

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;

use super::context::{Progress, RunContext, Stage, TrialResult};
use super::judge::{self, Ended};
use super::outcome::Stop;
use super::prepare::{self, Run};
use super::{kept, perform, start};
use crate::base::secret::Secrets;
use crate::client::clock::Stopwatch;
use crate::history::event::{End, Event};
use crate::scenario::trial::Trial;

/// Runs a trial and judges it. Whatever happens, what it made is removed before this returns, and
/// nothing that it leaves or says shows a secret.
pub async fn trial(trial: &Trial, context: &RunContext, progress: &dyn Progress) -> TrialResult {
    let mut secrets = trial.secrets();
    secrets.join(&context.secrets);
    driven(trial, context, progress, &secrets).await.hidden(&secrets)
}

async fn driven(
    trial: &Trial,
    context: &RunContext,
    progress: &dyn Progress,
    secrets: &Secrets,
) -> TrialResult {
    let watch = Stopwatch::start();
    let prepared = prepare::prepare(trial, context, progress, (secrets, watch));
    let (run, folder) = match prepared {
        Ok(prepared) => prepared,
        Err((stop, folder)) => return judge::early(&stop, folder, watch),
    };
    let stop = tokio::select! {
        // In a box: it is large, and so would everything be that holds it.
        caught = AssertUnwindSafe(Box::pin(stages(&run))).catch_unwind() => match caught {
            Ok(ended) => ended.err(),
            Err(panic) => Some(Stop::Internal(message(&*panic))),
        },
        () = context.cancel.cancelled() => Some(Stop::Interrupted),
    };
    let end = stop.as_ref().map_or(End::Completed, Stop::end);
    let written = run.recorder.record(Event::End(end)).and_then(|()| run.recorder.flush());
    let stop = stop.or_else(|| written.err().map(Stop::from));
    run.tell(&Stage::Judging);
    // In a box: it is large too.
    let ended = Box::pin(ended(&run, stop)).await;
    run.log("judged and cleaned up");
    judge::finish(&run, &folder, ended)
}

/// Judges a run, and removes what it made, or keeps it.
async fn ended(run: &Run<'_>, stop: Option<Stop>) -> Ended {
    // Whatever ended it may have left calls under way.
    let cut = stop.is_some();
    // What is down can neither be cleaned up nor used by the next run.
    let mend = run.tools.hand.mend();
    let remove = async {
        // The folder is kept once everything is removed.
        let unkept = run.fetch_objects().await;
        let mut left = run.tools.created.remove(run.site(), cut).await;
        left.extend(run.tools.hand.dispose().await);
        left.extend(unkept);
        left
    };
    let (verdict, kept, mut leftovers, broken) = if run.context.keep_run {
        // What is kept depends on the verdict.
        let (verdict, broken) = futures::join!(judge::judge(run), mend);
        if kept::is_wanted(run, stop.as_ref(), verdict.as_ref().ok()) {
            let (kept, left) = kept::keep(run).await;
            (verdict, kept, left, broken)
        } else {
            (verdict, Vec::new(), remove.await, broken)
        }
    } else {
        let clean_up = async {
            let broken = mend.await;
            (broken, remove.await)
        };
        let (verdict, (broken, left)) = futures::join!(judge::judge(run), clean_up);
        (verdict, Vec::new(), left, broken)
    };
    leftovers.extend(broken);
    Ended { stop, verdict, leftovers, kept }
}

/// The stages behind the first, in order.
async fn stages(run: &Run<'_>) -> Result<(), Stop> {
    // In boxes: they are large.
    let started = Box::pin(start::start(run)).await?;
    Box::pin(perform::perform(run, started)).await
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("changeproof panicked: {}", text.unwrap_or("without a message"))
}
