//! The shadow database of a run.

use tokio::sync::watch;

use crate::base::text::Text;
use crate::capture::shadow::{Shadow, ShadowError, schema};
use crate::check;
use crate::client::postgres::{self, CONTROL_DATABASE};
use crate::history::event::{Reference, Side, SinkTable, Table};
use crate::model::source::Transaction;
use crate::run::outcome::Stop;
use crate::run::prepare::Run;
use crate::run::start::coming;
use crate::scenario::pipeline::Sink;

/// Builds the shadow with the references of all judged sinks. `ready` tells when the source has its
/// tables: what it refuses too, it tells better.
pub(in crate::run) async fn build(
    run: &Run<'_>,
    mut ready: watch::Receiver<Option<Vec<Table>>>,
) -> Result<Shadow, Stop> {
    let shadow = match database(run, &run.names.shadow()).await {
        Ok(shadow) => shadow,
        Err(stop) => {
            // An error here means that the source's own refusal ends the run.
            if ready.wait_for(Option::is_some).await.is_err() {
                std::future::pending::<()>().await;
            }
            return Err(stop);
        }
    };
    run.log("the shadow database is there");
    Ok(shadow)
}

/// A database with the source's tables, empty, and the references.
pub(in crate::run) async fn database(run: &Run<'_>, name: &str) -> Result<Shadow, Stop> {
    let mirror = run.context.mirror();
    let control = postgres::connect(mirror, CONTROL_DATABASE, "changeproof").await?;
    run.tools.created.database(name);
    control.create_database(name, &run.names.owner()).await?;
    let owner = mirror.as_role(run.names.owner());
    let connection = postgres::connect(&owner, name, "changeproof shadow").await?;
    schema::build(&run.ddl(&connection, (mirror, name)), &run.effective.source.ddl)
        .await
        .map_err(ShadowError::Replay)?;
    let changes = coming::changes_schema(run.trial);
    Ok(Shadow::build(connection, &references(run), &run.trial.pipeline.topics, changes).await?)
}

/// The references of these sinks over what the topics told, in a database that is gone afterwards.
pub(in crate::run) async fn over_topics(
    run: &Run<'_>,
    of_run: &Shadow,
    sinks: &[SinkTable],
    (proof, told): (u32, Vec<Transaction>),
) -> Result<Vec<Reference>, Stop> {
    let name = run.names.topics_database();
    let mut shadow = database(run, &name).await?;
    shadow.follow_schema(of_run).await?;
    shadow.let_nothing_be_generated().await?;
    shadow.snapshot_everywhere_at(check::POINT);
    shadow.replay_told(told).await?;
    let references = shadow.references(sinks, proof, Side::Topics).await?;
    let control = postgres::connect(run.context.mirror(), CONTROL_DATABASE, "changeproof").await?;
    control.drop_database(&name).await?;
    run.tools.created.dropped(&name);
    Ok(references)
}

fn references(run: &Run<'_>) -> Vec<(String, Text)> {
    let sinks = run.trial.pipeline.sinks.iter();
    sinks
        .filter_map(|(name, sink)| match sink {
            Sink::Judged { reference, .. } => Some((name.clone(), reference.clone())),
            Sink::Unjudged => None,
        })
        .collect()
}
