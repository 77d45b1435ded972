//! A job whose tasks were started again: what its sources have delivered is read from a checkpoint,
//! and event time is what the records make it that this attempt alone has read.

use std::collections::BTreeMap;
use std::time::Duration;

use super::job::{Delivered, SourceVertex, Watched};
use super::watermark::Expected;
use super::{Clients, Unproven};
use crate::client::flink::FlinkError;
use crate::client::kafka::Ends;
use crate::client::state;
use crate::client::wait::{self, Look, WaitError};

impl Watched<'_> {
    /// Its metrics may be those of an attempt before, or show nothing.
    pub(super) fn is_restored(&self) -> bool {
        self.job.restored || self.attempts.iter().any(|attempt| attempt.attempt > 0)
    }

    /// Waits for a checkpoint that holds every source behind the last record below the ends: its
    /// completion is also the proof that the sinks have written what follows from them.
    pub(super) async fn held(
        &self,
        clients: &Clients<'_>,
        ends: &Ends,
        limit: Duration,
    ) -> Result<(Delivered, u64), Unproven> {
        let condition = "a checkpoint that holds everything";
        let sources = self.sources();
        let look = || self.look_at_state(clients, &sources, (ends, limit));
        let held = wait::until(condition, limit, look);
        match held.await {
            Ok(held) => Ok(held),
            Err(WaitError::Look(error)) => Err(self.diagnose(clients, error).await),
            Err(WaitError::TimedOut(late)) => Err(self.stalled(clients, &late.to_string()).await),
        }
    }

    /// How far event time is at tasks that may have been started again, without any checkpoint.
    async fn restored_time(
        &self,
        clients: &Clients<'_>,
        ends: &Ends,
        limit: Duration,
    ) -> Result<Delivered, Unproven> {
        let condition = "the statement's watermarks to come to what the records make of them";
        let sources = self.sources();
        let look = || self.look_at_restored_time(clients, &sources, ends);
        match wait::until(condition, limit, look).await {
            Ok(delivered) => Ok(delivered),
            Err(WaitError::Look(error)) => Err(self.diagnose(clients, error).await),
            Err(WaitError::TimedOut(late)) => Err(self.stalled(clients, &late.to_string()).await),
        }
    }

    /// What its sources delivered and how far event time is, by its metrics alone.
    pub(super) async fn timed(
        &self,
        clients: &Clients<'_>,
        ends: &Ends,
        limit: Duration,
    ) -> Result<Delivered, Unproven> {
        if self.is_restored() {
            self.restored_time(clients, ends, limit).await
        } else {
            self.delivered(clients, ends, limit).await
        }
    }

    async fn look_at_state(
        &self,
        clients: &Clients<'_>,
        sources: &[SourceVertex<'_>],
        (ends, limit): (&Ends, Duration),
    ) -> Result<Look<(Delivered, u64)>, FlinkError> {
        let mut delivered = match self.look_at_restored_time(clients, sources, ends).await? {
            Look::Holds(delivered) => delivered,
            Look::NotYet(missing) => return Ok(Look::NotYet(missing)),
        };
        // Taken after the watermark was seen, so that what it closed is written.
        let id = self.flink.checkpoint(&self.job.id, limit).await?;
        let folder = self.flink.checkpoints_of(&self.job.id).await?;
        let Some(files) = state::files(&format!("{folder}/chk-{id}")) else {
            return Ok(Look::NotYet(format!("checkpoint {id} was replaced before it was read")));
        };
        for (table, topic, partition, last) in self.last_records(clients, ends) {
            let Some(last) = last else { continue };
            match state::next_offset(&files, &topic, partition) {
                Some(next) if next > last => {
                    delivered.sources.push((table, topic, partition, next - 1));
                }
                next => {
                    let next = next.map_or_else(|| "nothing".to_owned(), |next| next.to_string());
                    return Ok(Look::NotYet(format!(
                        "checkpoint {id} holds {next} as the next offset of {topic}[{partition}], \
                         the last record is at {last}"
                    )));
                }
            }
        }
        Ok(Look::Holds((delivered, id)))
    }

    async fn look_at_restored_time(
        &self,
        clients: &Clients<'_>,
        sources: &[SourceVertex<'_>],
        ends: &Ends,
    ) -> Result<Look<Delivered>, FlinkError> {
        let mut expected = BTreeMap::new();
        for source in sources {
            // Read anew at each look: a copy from before the restart would tell too early a time.
            let attempts = self.flink.attempts(&self.job.id, &source.vertex.id).await?;
            let since_ms = attempts.iter().map(|attempt| attempt.start_time).max();
            let emits = since_ms.map_or(Expected::START, |since_ms| {
                source.watermark_since(clients, ends, since_ms)
            });
            expected.insert(source.vertex.id.clone(), emits);
        }
        self.look_at_time(&expected, Delivered::default()).await
    }
}
