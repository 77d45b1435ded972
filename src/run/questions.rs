//! The questions that the judge asks during a run, and their answers: what the references give at states
//! of the input depends on what the pipeline did, and the databases that can tell are gone after the
//! run. What was asked is recorded beside the answers.

use std::sync::Arc;

use super::outcome::Stop;
use super::prepare::Run;
use super::start::shadow;
use crate::capture::shadow::Shadow;
use crate::check;
use crate::history::History;
use crate::history::event::{Event, Question, SinkTable};

/// How often the cuts are asked for after a proof.
const CUT_ROUNDS: usize = 3;

/// Who asks, and who answers.
pub(super) struct Asker<'a> {
    pub(super) run: &'a Run<'a>,
    /// Answers with references over the journal.
    pub(super) shadow: &'a Shadow,
    pub(super) sinks: &'a [SinkTable],
}

impl Asker<'_> {
    /// Asks all that is to be asked after a proof, and records the answers.
    pub(super) async fn ask(&self, proof: u32) -> Result<(), Stop> {
        let questions = Question::ALL.to_vec();
        self.run.recorder.record(Event::Asked { proof, questions })?;
        self.cuts().await?;
        self.look_back(proof).await
    }

    /// Looks at what was recorded so far, beside everything that goes on.
    async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&History) -> T + Send + 'static,
    ) -> Result<T, Stop> {
        let history: Arc<History> = self.run.recorder.snapshot();
        let looked = tokio::task::spawn_blocking(move || look(&history)).await;
        looked.map_err(|error| Stop::Internal(format!("the checks panicked: {error}")))
    }

    /// What the references give at the states of the input that a sink may have shown on the way. A
    /// cut can show a window that was not known before, so it is asked more than once.
    async fn cuts(&self) -> Result<(), Stop> {
        for _ in 0..CUT_ROUNDS {
            let mut found = Vec::new();
            for wanted in &self.look(check::wanted).await? {
                let check::Wanted { sink, cut, tables, unseen } = wanted;
                let Some(sink) = self.sinks.iter().find(|other| other.name == *sink) else {
                    continue;
                };
                found.extend(
                    self.shadow.reference_over(sink, cut, (tables, unseen.as_deref())).await?,
                );
            }
            if found.is_empty() {
                break;
            }
            self.run.recorder.record_all(found.into_iter().map(Event::CutReference))?;
        }
        self.run.log("the references at the cuts are computed");
        Ok(())
    }

    /// Where sinks diverge, records their references over what the topics told: these say which
    /// hop went wrong first. Without them the divergence stands all the same.
    async fn look_back(&self, proof: u32) -> Result<(), Stop> {
        let run = self.run;
        let looked = self.look(move |history| {
            let diverged = check::diverged(history, proof);
            let told = if diverged.is_empty() { None } else { check::told(history, proof) };
            (diverged, told)
        });
        let (diverged, told) = looked.await?;
        let Some(told) = told else { return Ok(()) };
        let sinks = self.sinks.iter().filter(|sink| diverged.contains(&sink.name));
        let sinks: Vec<_> = sinks.cloned().collect();
        match shadow::over_topics(run, self.shadow, &sinks, (proof, told)).await {
            Ok(references) => {
                run.recorder.record_all(references.into_iter().map(Event::Reference))?;
            }
            Err(stop) => tracing::warn!("no reference over the topics: {:?}", stop.sentence()),
        }
        run.log("the diverged sinks are looked back from");
        Ok(())
    }
}
