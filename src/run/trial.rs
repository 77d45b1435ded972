//! A run from its first name to the last thing it removes, on one screen: what is prepared is started,
//! performed and judged, and whatever happens, cleaned up.

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;

use super::context::{Progress, RunContext, Stage, TrialResult};
use super::judge::{self, Ended};
use super::outcome::Stop;
use super::prepare::{self, Run};
use super::{perform, start};
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
    // Whatever ended it may have left calls under way.
    let cut = stop.is_some();
    let clean_up = async {
        // What is down can neither be cleaned up nor used by the next run.
        let broken = run.tools.hand.mend().await;
        let mut left = run.tools.created.remove(run.site(), cut).await;
        left.extend(run.tools.hand.dispose().await);
        left.extend(broken);
        left
    };
    let (verdict, leftovers) = futures::join!(judge::judge(&run), clean_up);
    run.log("judged and cleaned up");
    judge::finish(&run, &folder, Ended { stop, verdict, leftovers })
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
