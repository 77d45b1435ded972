//! From what is prepared to a pipeline that runs: source, capture, shadow and statements, side by side
//! where nothing waits for the other.

pub(super) mod capture;
pub(super) mod coming;
pub(super) mod jobs;
mod refused;
mod schemas;
pub(super) mod shadow;
pub(super) mod source;
pub(super) mod stream;
mod subjects;
pub(super) mod walsender;
mod written;

use super::context::Stage;
use super::outcome::Stop;
use super::prepare::Run;
use crate::capture::shadow::Shadow;
use jobs::Jobs;
use source::Source;
use stream::Streams;

/// A pipeline that runs.
pub(super) struct Started {
    /// The source, and what reads it.
    pub(super) source: Source,
    /// Since when the connector streams; `None` where the timeline starts it.
    pub(super) streams: Option<Streams>,
    /// The database that replays the journal.
    pub(super) shadow: Shadow,
    /// The statements.
    pub(super) jobs: Jobs,
}

/// Starts everything that the timeline does not start itself.
pub(super) async fn start(run: &Run<'_>) -> Result<Started, Stop> {
    run.tell(&Stage::Preparing);
    source::roles(run).await?;
    // In a box: it is large.
    Box::pin(run.begin_objects()).await?;
    let (ready, topics) = tokio::sync::watch::channel(None);
    let ((source, streams), shadow, jobs) = futures::try_join!(
        stream::stream(run, ready),
        shadow::build(run, topics.clone()),
        jobs::start(run, topics),
    )?;
    Ok(Started { source, streams, shadow, jobs })
}
