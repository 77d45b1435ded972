//! Trouble that a run sees: the pipeline's, unless the machine has run out of something, or somebody was
//! not let in.

use std::collections::BTreeMap;
use std::io::{Read as _, Seek as _, SeekFrom};

use camino::{Utf8Path, Utf8PathBuf};

use crate::base::text::Place;
use crate::capture::recorder::Recorder;
use crate::client::{denied, exhaustion};
use crate::history::event::Event;
use crate::quiesce::Unproven;
use crate::run::outcome::Stop;

/// How much of what a component wrote during the run is looked at.
const LOG_END: u64 = 1 << 20;

/// The component whose log tells what Connect's worker says.
const WORKER: &str = "connect";

/// Records trouble. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Troubles {
    recorder: Recorder,
    logs: Logs,
}

impl Troubles {
    /// For a run that begins now; `logs` are those of the components, by name.
    pub(super) fn new(recorder: Recorder, logs: &BTreeMap<String, Utf8PathBuf>) -> Self {
        Self { recorder, logs: Logs::from_now_on(logs) }
    }

    /// Each component's log with its length when the run began.
    pub(super) fn logs(&self) -> impl Iterator<Item = (&str, &Utf8Path, u64)> {
        self.logs.0.iter().map(|(name, log, begun)| (name.as_str(), log.as_path(), *begun))
    }

    /// The log of Connect's worker with its length when the run began, where it is known.
    pub(super) fn of_the_worker(&self) -> Option<(&Utf8Path, u64)> {
        let mut logs = self.logs();
        let worker = logs.find(|(component, ..)| *component == WORKER);
        worker.map(|(_, log, begun)| (log, begun))
    }

    /// Records the trouble that kept a condition from holding; gives why the run stops. `places` are
    /// those of the statements, by sink.
    pub(super) fn unproven(
        &self,
        unproven: Unproven,
        places: &BTreeMap<String, Place>,
    ) -> Result<Stop, Stop> {
        match unproven {
            Unproven::Broken(sentence) => Ok(Stop::Stack(sentence)),
            Unproven::Trouble(troubles) => {
                for trouble in troubles {
                    self.record(Event::Trouble {
                        finding: trouble.finding,
                        at: places.get(&trouble.place).cloned(),
                        place: trouble.place,
                        sentence: trouble.sentence,
                        detail: trouble.detail,
                    })?;
                }
                Ok(Stop::Trouble)
            }
        }
    }

    /// Records that the pipeline did something wrong that the run itself saw.
    ///
    /// A component that the machine gives no file, space, thread or memory fails like a pipeline, or
    /// falls silent, and so does one that is not let in: then nothing is recorded, and this stops the run
    /// as one that had no stack.
    pub(super) fn record(&self, trouble: Event) -> Result<(), Stop> {
        match of_the_machine(&trouble, &self.logs).or_else(|| of_the_doors(&trouble)) {
            Some(sentence) => Err(Stop::Stack(sentence)),
            None => Ok(self.recorder.record(trouble)?),
        }
    }
}

/// The logs of the components, with their lengths when the run began.
#[derive(Debug, Clone)]
struct Logs(Vec<(String, Utf8PathBuf, u64)>);

impl Logs {
    fn from_now_on(logs: &BTreeMap<String, Utf8PathBuf>) -> Self {
        let length = |log: &Utf8Path| fs_err::metadata(log).map_or(0, |found| found.len());
        let logs = logs.iter().map(|(name, log)| (name.clone(), log.clone(), length(log)));
        Self(logs.collect())
    }

    /// Each line since then, with its component.
    fn lines(&self) -> impl Iterator<Item = (&str, String)> {
        self.0.iter().flat_map(|(name, log, begun)| {
            // A log that cannot be read tells nothing.
            let text = written_since(log, *begun).unwrap_or_default();
            let lines: Vec<_> = text.lines().map(|line| (name.as_str(), line.to_owned())).collect();
            lines
        })
    }
}

fn written_since(log: &Utf8Path, begun: u64) -> std::io::Result<String> {
    let mut file = fs_err::File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(begun.max(length.saturating_sub(LOG_END))))?;
    let mut bytes = Vec::new();
    file.take(LOG_END).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What the machine has run out of, if that is behind the trouble.
fn of_the_machine(trouble: &Event, logs: &Logs) -> Option<String> {
    let Event::Trouble { place, sentence, detail, .. } = trouble else { return None };
    let said = std::iter::once(sentence).chain(detail);
    let mut said = said.map(|line| (place.as_str(), line.clone())).chain(logs.lines());
    said.find_map(|(who, line)| exhaustion::told(who, &line))
}

/// Who was not let in where, if that is behind the trouble.
fn of_the_doors(trouble: &Event) -> Option<String> {
    let Event::Trouble { place, sentence, detail, .. } = trouble else { return None };
    std::iter::once(sentence).chain(detail).find_map(|line| denied::told(place, line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::anomaly::Anomaly;

    fn trouble(sentence: &str, detail: &str) -> Event {
        Event::Trouble {
            finding: Anomaly::StatementFailed,
            place: "o".to_owned(),
            at: None,
            sentence: sentence.to_owned(),
            detail: vec![detail.to_owned()],
        }
    }

    #[test]
    fn what_the_machine_lacks_is_told_with_who_met_it_and_what_mends_it() {
        let none = Logs(Vec::new());
        let trouble = trouble("Failed to create new NetworkClient", "Too many open files");
        insta::assert_snapshot!(of_the_machine(&trouble, &none).unwrap(), @r"
        this machine has no open files left, which says nothing about the pipeline (o: Too many open files)
          to mend it: raise the hard limit (`ulimit -Hn`; `changeproof doctor` says how many are needed)
        ");
    }

    #[test]
    fn a_silent_pipeline_is_the_machines_if_a_log_of_the_run_says_so() {
        let temporary = tempfile::tempdir().unwrap();
        let log = Utf8Path::from_path(temporary.path()).unwrap().join("kafka.log");
        fs_err::write(&log, "ERROR of a run before: Too many open files\n").unwrap();
        let logs = Logs::from_now_on(&BTreeMap::from([("kafka".to_owned(), log.clone())]));
        let stalled = trouble("waited 60 s for the barrier", "the connector is Running");
        assert_eq!(of_the_machine(&stalled, &logs), None);

        let more =
            "ERROR of a run before: Too many open files\nERROR accept: Too many open files\n";
        fs_err::write(&log, more).unwrap();
        let sentence = of_the_machine(&stalled, &logs).unwrap();
        assert!(sentence.contains("(kafka: ERROR accept: Too many open files)"), "{sentence}");
    }
}
