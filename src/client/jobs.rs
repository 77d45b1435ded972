//! Flink's jobs as the statements of an engine: the JobManager in the role [`Engine`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::FutureExt as _;

use super::clock;
use super::flink::{FlinkError, JobFailure, JobLine, JobManager, Vertex, is_terminal};
use super::metric;
use super::roles::{Engine, Phase, Reported, Said, Split, Statements, Stopped};
use super::state;
use super::wait::{self, Look, WaitError};

/// How long the JobManager may take to fetch metrics twice, or to take a checkpoint.
const FETCH_LIMIT: Duration = Duration::from_secs(20);

/// The option by which a job finds the state that it goes on from.
const STATE: &str = "execution.state-recovery.path";

/// A statement that sets an option of a session.
pub fn set(key: &str, value: &str) -> String {
    let quoted = |text: &str| text.replace('\'', "''");
    format!("SET '{}' = '{}'", quoted(key), quoted(value))
}

impl Engine for JobManager {
    fn phase<'a>(&'a self, id: &'a str) -> Said<'a, Option<Phase>> {
        async move { Ok(self.state(id).await?.map(|state| phase(&state))) }.boxed()
    }

    fn reported<'a>(&'a self, id: &'a str, splits: &'a [Split]) -> Said<'a, Option<Reported>> {
        async move { Ok(reported(self, id, splits).await?) }.boxed()
    }

    fn executions<'a>(&'a self, id: &'a str) -> Said<'a, Vec<String>> {
        async move { Ok(executions(self, id).await?) }.boxed()
    }

    fn stop<'a>(&'a self, id: &'a str, limit: Duration) -> Said<'a, Option<String>> {
        async move {
            if Engine::phase(self, id).await? == Some(Phase::Completed) {
                return Ok(None);
            }
            let savepoint = self.stop(id, limit).await?;
            self.until_ended(id, limit).await?;
            Ok(Some(savepoint))
        }
        .boxed()
    }

    fn resume<'a>(&'a self, session: &'a dyn Statements, stopped: Stopped<'a>) -> Said<'a, String> {
        async move {
            let state = match stopped.state {
                Some(path) => set(STATE, path),
                None => format!("RESET '{STATE}'"),
            };
            session.execute(&state).await?;
            session.submit(stopped.text).await
        }
        .boxed()
    }

    fn dispose<'a>(&'a self, state: &'a str, limit: Duration) -> Said<'a, ()> {
        async move { Ok(self.dispose(state, limit).await?) }.boxed()
    }

    /// Only then does a checkpoint complete.
    fn runs<'a>(&'a self, id: &'a str, limit: Duration) -> Said<'a, ()> {
        async move { Ok(self.checkpoint(id, limit).await.map(|_| ())?) }.boxed()
    }

    fn named<'a>(&'a self, name: &'a str) -> Said<'a, Vec<String>> {
        let ours = move |line: &JobLine| line.name == name && !is_terminal(&line.state);
        let ids = async move {
            let lines = self.jobs().await?.into_iter();
            Ok(lines.filter(ours).map(|line| line.id).collect())
        };
        ids.boxed()
    }

    fn cancel<'a>(&'a self, id: &'a str) -> Said<'a, ()> {
        async move { Ok(self.ask_to_cancel(id).await?) }.boxed()
    }

    fn until_ended<'a>(&'a self, id: &'a str, limit: Duration) -> Said<'a, ()> {
        async move { Ok(self.until_ended(id, limit).await?) }.boxed()
    }

    fn failures<'a>(&'a self, id: &'a str) -> Said<'a, Vec<JobFailure>> {
        async move { Ok(self.failures(id).await?) }.boxed()
    }

    fn job_manager(&self) -> Option<&JobManager> {
        Some(self)
    }
}

/// A job's state as a phase. One that was stopped with a savepoint has FINISHED.
fn phase(state: &str) -> Phase {
    match state {
        "RUNNING" | "RESTARTING" => Phase::Running,
        "FAILING" | "FAILED" => Phase::Failed,
        "CANCELLING" => Phase::Stopping,
        "CANCELED" => Phase::Stopped,
        "FINISHED" => Phase::Completed,
        _ => Phase::Pending,
    }
}

async fn executions(flink: &JobManager, id: &str) -> Result<Vec<String>, FlinkError> {
    let vertices = flink.job(id).await?.map(|job| job.vertices).unwrap_or_default();
    let attempts = vertices.iter().map(|vertex| flink.attempts(id, &vertex.id));
    let attempts = futures::future::try_join_all(attempts).await?.into_iter().flatten();
    Ok(attempts.map(|attempt| attempt.name()).collect())
}

/// What the sources say of themselves, in metrics that are newer than the call. A source that was
/// restored behind its last record shows no offset there: a checkpoint of its own tells then.
async fn reported(
    flink: &JobManager,
    id: &str,
    splits: &[Split],
) -> Result<Option<Reported>, FlinkError> {
    let Some(job) = flink.job(id).await? else { return Ok(None) };
    if flink.is_restored(id).await? {
        return held(flink, id, splits).await;
    }
    fetched_anew(flink, FETCH_LIMIT).await.map_err(WaitError::flatten)?;
    let mut reported = Reported { at_ms: clock::now_ms(), ..Reported::default() };
    let mut untold = Vec::new();
    for vertex in &job.vertices {
        let Some(table) = metric::source_table(&vertex.name) else { continue };
        let own = splits.iter().filter(|split| split.table == table).collect::<Vec<_>>();
        let seen = seen(flink, id, vertex).await?;
        for split in own {
            let place = (split.topic.clone(), split.partition);
            let at = if vertex.status == "FINISHED" {
                Some(i64::MAX)
            } else {
                seen.get(&(metric::sanitised(&split.topic), split.partition)).copied()
            };
            match at {
                Some(at) => {
                    let least = reported.processed.entry(place).or_insert(at);
                    *least = (*least).min(at);
                }
                None => untold.push(place),
            }
        }
    }
    reported.processed.retain(|place, _| !untold.contains(place));
    let unread = unread(&job.vertices, splits);
    reported.processed.extend(unread.map(|split| ((split.topic, split.partition), i64::MAX)));
    Ok(Some(reported))
}

/// What the plan has left out: the splits of tables that no vertex reads, as long as each source vertex
/// is known by its table.
fn unread<'a>(vertices: &'a [Vertex], splits: &'a [Split]) -> impl Iterator<Item = Split> + 'a {
    let read: BTreeSet<_> =
        vertices.iter().filter_map(|one| metric::source_table(&one.name)).collect();
    let is_known = |table: &&str| splits.iter().any(|split| split.table == **table);
    let all_known = read.iter().all(is_known);
    let topics = splits.iter().filter(|split| read.contains(split.table.as_str()));
    let topics: BTreeSet<_> = topics.map(|split| split.topic.as_str()).collect();
    let is_unread = move |split: &&Split| {
        all_known && !read.contains(split.table.as_str()) && !topics.contains(split.topic.as_str())
    };
    splits.iter().filter(is_unread).cloned()
}

/// The offsets that a source vertex shows, by topic as metrics name it, and partition.
async fn seen(
    flink: &JobManager,
    id: &str,
    vertex: &Vertex,
) -> Result<BTreeMap<(String, i32), i64>, FlinkError> {
    let mut names = flink.metric_names(id, &vertex.id).await?;
    names.retain(|name| metric::current_offset(name).is_some());
    let values = flink.metrics(id, &vertex.id, &names).await?;
    let offset = |(name, value): (&String, &String)| {
        let metric = metric::current_offset(name)?;
        Some(((metric.topic, metric.partition), value.parse().ok()?))
    };
    Ok(values.iter().filter_map(offset).collect())
}

/// What a checkpoint that is taken now holds.
async fn held(
    flink: &JobManager,
    id: &str,
    splits: &[Split],
) -> Result<Option<Reported>, FlinkError> {
    let checkpoint = flink.checkpoint(id, FETCH_LIMIT).await?;
    let folder = flink.checkpoints_of(id).await?;
    let Some(files) = state::files(&format!("{folder}/chk-{checkpoint}")) else {
        return Ok(None);
    };
    let place = |split: &Split| {
        let next = state::next_offset(&files, &split.topic, split.partition);
        ((split.topic.clone(), split.partition), next.map_or(-1, |next| next - 1))
    };
    Ok(Some(Reported { at_ms: clock::now_ms(), processed: splits.iter().map(place).collect() }))
}

/// Waits until the JobManager has fetched the metrics of every TaskManager twice: what came first may
/// have been asked for before. The time that a process has spent comes with its other metrics, and
/// another one than before tells that they were fetched.
///
/// # Errors
/// Flink's, or that it took longer than `limit`; without any TaskManager too.
pub async fn fetched_anew(
    flink: &JobManager,
    limit: Duration,
) -> Result<(), WaitError<FlinkError>> {
    let look = || flink.processor_times();
    let mut before = look().await.map_err(WaitError::Look)?;
    for _ in 0..2 {
        let known = &before;
        before = wait::until("metrics to be fetched anew", limit, || async move {
            let now = look().await?;
            let new = now.iter().all(|(id, time)| time.is_some() && known.get(id) != Some(time));
            let new = new && !now.is_empty();
            Ok(if new { Look::Holds(now) } else { Look::NotYet("they are as before".to_owned()) })
        })
        .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::a_table_that_the_plan_left_out(&["Source: a[1] -> Calc[2]"], &["b"])]
    #[case::all_are_read(&["Source: a[1]", "Source: b[2]"], &[])]
    #[case::a_source_that_nobody_knows(&["Source: a[1]", "Source: other[2]"], &[])]
    fn what_the_plan_leaves_out_is_not_waited_for(
        #[case] vertices: &[&str],
        #[case] expected: &[&str],
    ) {
        let vertex = |name: &&str| Vertex {
            id: (*name).to_owned(),
            name: (*name).to_owned(),
            parallelism: 1,
            status: "RUNNING".to_owned(),
        };
        let split = |name: &str| Split {
            table: name.to_owned(),
            topic: format!("topic.{name}"),
            partition: 0,
        };
        let vertices = vertices.iter().map(vertex).collect::<Vec<_>>();
        let splits = [split("a"), split("b")];
        let unread = unread(&vertices, &splits).map(|split| split.table).collect::<Vec<_>>();
        assert_eq!(unread, expected);
    }

    #[rstest]
    #[case("CREATED", Phase::Pending, false)]
    #[case("RUNNING", Phase::Running, false)]
    #[case("RESTARTING", Phase::Running, false)]
    #[case("FAILING", Phase::Failed, true)]
    #[case("CANCELLING", Phase::Stopping, false)]
    #[case("CANCELED", Phase::Stopped, true)]
    #[case("FINISHED", Phase::Completed, true)]
    fn the_state_of_a_job_is_a_phase(
        #[case] state: &str,
        #[case] expected: Phase,
        #[case] over: bool,
    ) {
        assert_eq!((phase(state), phase(state).is_over()), (expected, over));
    }
}
