//! A job whose tasks were started again: what its sources have delivered is read from a checkpoint.

use std::time::Duration;

use super::job::{Delivered, Watched};
use super::{Clause, Clients, Unproven, state};
use crate::client::flink::FlinkError;
use crate::client::kafka::Ends;
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
        let held = wait::until(condition, limit, || self.look_at_state(clients, ends, limit));
        match held.await {
            Ok(held) => Ok(held),
            Err(WaitError::Look(error)) => Err(self.diagnose(clients, error).await),
            Err(WaitError::TimedOut(late)) => Err(self.stalled(clients, &late.to_string()).await),
        }
    }

    async fn look_at_state(
        &self,
        clients: &Clients<'_>,
        ends: &Ends,
        limit: Duration,
    ) -> Result<Look<(Delivered, u64)>, FlinkError> {
        let id = clients.flink.checkpoint(&self.job.id, limit).await?;
        let folder = clients.flink.checkpoints_of(&self.job.id).await?;
        let Some(files) = state::files(&format!("{folder}/chk-{id}")) else {
            return Ok(Look::NotYet(format!("checkpoint {id} was replaced before it was read")));
        };
        let mut delivered = Delivered::default();
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
        let timed = self.job.reads.iter().find(|read| read.watermark != Clause::None);
        delivered.gaps.extend(timed.map(|read| {
            format!(
                "tasks that read `{}` were started again, and its watermark with them: how far \
                 event time is cannot be computed from the records",
                read.table
            )
        }));
        Ok(Look::Holds((delivered, id)))
    }
}
