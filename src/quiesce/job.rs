//! A job's part: what its sources delivered, how far its event time is, its checkpoint.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::try_join_all;
use itertools::Itertools as _;

use super::failing::{self, Asked};
use super::watermark::{self, Bounds, Expected, Partition, Place};
use super::{Clause, Clients, Job, Read, Unproven, firing};
use crate::base::anomaly::Anomaly;
use crate::client::flink::{self, Attempt, FlinkError, JobManager};
use crate::client::kafka::Ends;
use crate::client::metric;
use crate::client::wait::{self, Look, WaitError};
use crate::history::event::Unassigned;

/// The watermark of a task that has had none.
const START: i64 = i64::MIN;

/// A job whose graph is known.
pub(super) struct Watched<'a> {
    pub(super) job: &'a Job,
    pub(super) flink: JobManager,
    pub(super) graph: flink::Job,
    /// Attempts before anything was looked at.
    pub(super) attempts: Vec<Attempt>,
    /// Offset metrics by source vertex, as far as they were seen.
    offsets: Mutex<BTreeMap<String, Vec<String>>>,
}

/// What was seen of a job whose sources have delivered everything.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    /// Operator, physical topic, partition, offset.
    pub(super) sources: Vec<(String, String, i32, i64)>,
    /// Vertex name, computed, seen.
    pub(super) watermarks: Vec<(String, i64, i64)>,
    /// By vertex, its input watermark: what it has come to for sure, and at most.
    pub(super) inputs: BTreeMap<String, (Option<i64>, Option<i64>)>,
    /// Sources with subtasks that read no partition.
    pub(super) unassigned: Vec<Unassigned>,
    /// Why a watermark could not be computed.
    pub(super) gaps: Vec<String>,
}

impl Delivered {
    /// Takes note of the input watermarks that were seen of a vertex.
    fn take(&mut self, vertex: &flink::Vertex, bounds: Bounds, seen: (i64, i64)) {
        if left(seen.1) > bounds.most {
            let most = bounds.most.map_or("none".to_owned(), |at| at.to_string());
            self.gaps.push(format!(
                "the watermark of `{}` is {}, but the records make it {most}",
                vertex.name, seen.1
            ));
        } else if let Some(least) = bounds.least {
            self.watermarks.push((vertex.name.clone(), least, seen.0));
        }
        let sure = left(seen.0).filter(|at| Some(*at) > bounds.stale);
        self.inputs.insert(vertex.id.clone(), (sure, bounds.most.max(sure)));
    }
}

/// A task's watermark, if it has left its start.
fn left(watermark: i64) -> Option<i64> {
    (watermark != START).then_some(watermark)
}

impl<'a> Watched<'a> {
    /// Reads the graph and the attempts, and makes the JobManager fetch the job's metrics.
    pub(super) async fn start(clients: &Clients<'_>, job: &'a Job) -> Result<Self, Unproven> {
        let Some(flink) = clients.engine.job_manager().cloned() else {
            return Err(Unproven::broken(&"the engine has no JobManager that takes checkpoints"));
        };
        let graph = match flink.job(&job.id).await {
            Ok(Some(graph)) => graph,
            Ok(None) => {
                let sentence = format!("Flink knows no job {}", job.id);
                return Err(Unproven::at_sinks(job, Anomaly::StatementFailed, &sentence, &[]));
            }
            Err(error) => return Err(Unproven::broken(&error)),
        };
        let attempts = attempts(&flink, &graph).await?;
        let watched = Self { job, flink, graph, attempts, offsets: Mutex::default() };
        let sources = watched.sources();
        try_join_all(sources.iter().map(|source| watched.offset_names(source)))
            .await
            .map_err(|error| Unproven::broken(&error))?;
        Ok(watched)
    }

    /// Table, topic, partition, and the last record below the end of everything it reads.
    pub(super) fn last_records(
        &self,
        clients: &Clients<'_>,
        ends: &Ends,
    ) -> Vec<(String, String, i32, Option<i64>)> {
        let partitions = self.job.reads.iter().flat_map(|read| {
            let of = ends.iter().filter(move |(place, _)| place.0 == read.topic);
            of.map(move |(place, bounds)| (read, place.1, bounds.stable))
        });
        partitions
            .map(|(read, partition, end)| {
                let last = clients.tap.last_visible(&read.topic, partition, end);
                let last = read.last(partition, last, end);
                (read.table.clone(), read.topic.clone(), partition, last)
            })
            .collect()
    }

    /// The attempts now.
    pub(super) async fn attempts_now(&self) -> Result<Vec<Attempt>, Unproven> {
        attempts(&self.flink, &self.graph).await
    }

    /// Vertices that read a topic, with the tables they read.
    pub(super) fn sources(&self) -> Vec<SourceVertex<'_>> {
        let vertices = self.graph.vertices.iter();
        vertices
            .filter_map(|vertex| {
                let table = metric::source_table(&vertex.name)?;
                let reads = self.job.reads.iter().filter(|read| read.table == table).collect();
                Some(SourceVertex { vertex, reads })
            })
            .collect()
    }

    /// Why quiescence of its sinks is not proven: it reads on, and how far is not known.
    pub(super) fn unknown(&self) -> impl Iterator<Item = String> + '_ {
        let unknown = |source: &SourceVertex<'_>| {
            source.reads.is_empty() && source.vertex.status != "FINISHED"
        };
        let sources = self.sources().into_iter().filter(unknown);
        sources.map(|source| {
            format!("the statement reads `{}`, which is no topic of the run", source.table())
        })
    }

    /// The names of the vertex's offset metrics that the JobManager has now.
    async fn offset_names(&self, source: &SourceVertex<'_>) -> Result<Vec<String>, FlinkError> {
        let mut names = self.flink.metric_names(&self.graph.id, &source.vertex.id).await?;
        names.retain(|name| metric::current_offset(name).is_some());
        let mut offsets = self.offsets.lock().unwrap_or_else(PoisonError::into_inner);
        offsets.insert(source.vertex.id.clone(), names.clone());
        Ok(names)
    }

    fn known_names(&self, source: &SourceVertex<'_>) -> Vec<String> {
        let offsets = self.offsets.lock().unwrap_or_else(PoisonError::into_inner);
        offsets.get(&source.vertex.id).cloned().unwrap_or_default()
    }

    /// Waits until every source operator has delivered the last record below the ends and every
    /// task behind them has the watermark that follows from these records.
    pub(super) async fn delivered(
        &self,
        clients: &Clients<'_>,
        ends: &Ends,
        limit: Duration,
    ) -> Result<Delivered, Unproven> {
        let sources = self.sources();
        let condition = "the statement's sources to deliver everything";
        let delivered = wait::until(condition, limit, || self.look(clients, &sources, ends)).await;
        match delivered {
            Ok(delivered) => Ok(delivered),
            Err(WaitError::Look(error)) => Err(self.diagnose(clients, error).await),
            Err(WaitError::TimedOut(late)) => Err(self.stalled(clients, &late.to_string()).await),
        }
    }

    async fn look(
        &self,
        clients: &Clients<'_>,
        sources: &[SourceVertex<'_>],
        ends: &Ends,
    ) -> Result<Look<Delivered>, FlinkError> {
        let looks = sources.iter().map(|source| self.look_at_source(clients, source, ends));
        let mut delivered = Delivered::default();
        let mut expected = BTreeMap::new();
        for (source, look) in itertools::zip_eq(sources, try_join_all(looks).await?) {
            let (offsets, subtasks) = match look {
                Look::Holds(found) => found,
                Look::NotYet(lag) => return Ok(Look::NotYet(lag)),
            };
            delivered.sources.extend(offsets);
            let emits = source.watermark(clients, ends, &subtasks);
            delivered.unassigned.extend(source.unassigned(&subtasks));
            expected.insert(source.vertex.id.clone(), emits);
        }
        self.look_at_time(&expected, delivered).await
    }

    /// The offsets delivered, and which subtask reads which partition.
    async fn look_at_source(
        &self,
        clients: &Clients<'_>,
        source: &SourceVertex<'_>,
        ends: &Ends,
    ) -> Result<Look<(Vec<Offset>, Subtasks)>, FlinkError> {
        let wanted = source.last_records(clients, ends);
        if source.vertex.status == "FINISHED" {
            return Ok(Look::Holds((Vec::new(), Subtasks::new())));
        }
        let mut names = self.known_names(source);
        if !source.is_covered_by(&names, ends) {
            names = self.offset_names(source).await?;
        }
        let values = self.flink.metrics(&self.graph.id, &source.vertex.id, &names).await?;
        let mut seen = BTreeMap::new();
        let mut subtasks = Subtasks::new();
        let mut operator = String::new();
        for (name, value) in &values {
            if let (Some(metric), Ok(offset)) = (metric::current_offset(name), value.parse::<i64>())
            {
                operator = metric.operator;
                let place = (metric.topic, metric.partition);
                subtasks.insert(place.clone(), metric.subtask);
                seen.insert(place, offset);
            }
        }
        let mut offsets = Vec::new();
        for (topic, partition, last) in wanted {
            let at = seen.get(&(metric::sanitised(&topic), partition)).copied();
            match (at, last) {
                (Some(at), Some(last)) if at < last => {
                    return Ok(Look::NotYet(format!(
                        "`{}` was delivered {topic}[{partition}] up to offset {at}, the last \
                         record is at {last}",
                        source.table()
                    )));
                }
                (None, _) => {
                    return Ok(Look::NotYet(format!(
                        "`{}` shows no progress in {topic}[{partition}]",
                        source.table()
                    )));
                }
                (Some(at), _) => offsets.push((operator.clone(), topic, partition, at)),
            }
        }
        Ok(Look::Holds((offsets, subtasks)))
    }

    pub(super) async fn look_at_time(
        &self,
        sources: &BTreeMap<String, Expected>,
        mut delivered: Delivered,
    ) -> Result<Look<Delivered>, FlinkError> {
        let expected = watermark::inputs(&self.places(), sources);
        let waits = |vertex: &&flink::Vertex| {
            vertex.status != "FINISHED"
                && expected.get(&vertex.id).is_some_and(|at| *at != Expected::START)
        };
        let vertices: Vec<_> = self.graph.vertices.iter().filter(waits).collect();
        let reads = vertices.iter().map(|vertex| self.input_watermarks(vertex));
        for (vertex, seen) in itertools::zip_eq(&vertices, try_join_all(reads).await?) {
            let seen = match seen {
                Look::Holds(seen) => seen,
                Look::NotYet(missing) => return Ok(Look::NotYet(missing)),
            };
            let bounds = match expected.get(&vertex.id) {
                Some(Expected::Within(bounds)) => *bounds,
                Some(Expected::Unknown(why)) => {
                    delivered.gaps.push(why.clone());
                    Bounds { most: left(seen.1), ..Bounds::default() }
                }
                None => continue,
            };
            if left(seen.0) < bounds.least {
                let shown = |at: Option<i64>| at.map_or("none".to_owned(), |at| at.to_string());
                return Ok(Look::NotYet(format!(
                    "the watermark of `{}` is {}, the records make it {}",
                    vertex.name,
                    shown(left(seen.0)),
                    shown(bounds.least)
                )));
            }
            delivered.take(vertex, bounds, seen);
        }
        delivered.gaps.sort();
        delivered.gaps.dedup();
        Ok(Look::Holds(delivered))
    }

    /// The least and the most of the input watermarks of a vertex's subtasks.
    async fn input_watermarks(
        &self,
        vertex: &flink::Vertex,
    ) -> Result<Look<(i64, i64)>, FlinkError> {
        let names: Vec<_> = (0..vertex.parallelism).map(metric::input_watermark).collect();
        let values = self.flink.metrics(&self.graph.id, &vertex.id, &names).await?;
        let seen: Vec<i64> = values.values().filter_map(|value| value.parse().ok()).collect();
        Ok(match seen.iter().copied().minmax().into_option() {
            Some(bounds) if seen.len() == names.len() => Look::Holds(bounds),
            _ => Look::NotYet(format!("`{}` shows no watermark yet", vertex.name)),
        })
    }

    /// Per windowed operator, how many rows it says it dropped as late. The JobManager may lag, so
    /// there may be more of them by now, and never fewer.
    pub(super) async fn late_rows(&self) -> Result<Vec<(String, u64)>, Unproven> {
        let mut late = BTreeMap::<String, u64>::new();
        for vertex in self.graph.vertices.iter().filter(|v| v.name.contains("Window")) {
            let broken = |error: FlinkError| Unproven::broken(&error);
            let names = self.flink.metric_names(&self.graph.id, &vertex.id);
            let mut names = names.await.map_err(broken)?;
            names.retain(|name| metric::late_rows(name).is_some());
            let values = self.flink.metrics(&self.graph.id, &vertex.id, &names);
            for (name, value) in values.await.map_err(broken)? {
                if let (Some(of), Ok(count)) = (metric::late_rows(&name), value.parse::<u64>()) {
                    *late.entry(of.to_owned()).or_default() += count;
                }
            }
        }
        Ok(late.into_iter().collect())
    }

    pub(super) fn places(&self) -> BTreeMap<String, Place> {
        let delays = |id: &str| {
            let vertex = self.graph.vertices.iter().find(|vertex| vertex.id == id);
            vertex.is_some_and(|vertex| vertex.name.contains("IntervalJoin"))
        };
        let nodes = self.graph.plan.nodes.iter();
        nodes
            .map(|node| {
                let inputs = node.inputs.iter().map(|input| input.id.clone()).collect();
                (node.id.clone(), Place { inputs, delays: delays(&node.id) })
            })
            .collect()
    }

    /// The ids of all vertices.
    pub(super) fn vertices(&self) -> impl Iterator<Item = &str> {
        self.graph.vertices.iter().map(|vertex| vertex.id.as_str())
    }

    /// Triggers a checkpoint and waits for it; gives its id. A job that has finished needs none: it
    /// flushed everything when it ended.
    pub(super) async fn checkpoint(
        &self,
        clients: &Clients<'_>,
        limit: Duration,
    ) -> Result<u64, Unproven> {
        let taken = match self.flink.checkpoint(&self.job.id, limit).await {
            Err(error) if self.has_finished().await => {
                tracing::debug!(job = self.job.id, %error, "the job finished without a checkpoint");
                self.flink.last_checkpoint(&self.job.id).await.map(Option::unwrap_or_default)
            }
            other => other,
        };
        match taken {
            Ok(id) => Ok(id),
            Err(FlinkError::Late(late)) => Err(self.stalled(clients, &late.to_string()).await),
            Err(error) => Err(self.diagnose(clients, error).await),
        }
    }

    async fn has_finished(&self) -> bool {
        let state = self.flink.state(&self.job.id).await;
        state.is_ok_and(|state| state.as_deref() == Some("FINISHED"))
    }

    /// Why the job has failed, if it has.
    pub(super) async fn failure(&self, clients: &Clients<'_>) -> Option<Unproven> {
        failing::failure(clients.engine, clients.disturbances, self.job, Asked::Nothing).await
    }

    /// The job's failure if it has failed, else that its looks do.
    pub(super) async fn diagnose(&self, clients: &Clients<'_>, error: FlinkError) -> Unproven {
        self.failure(clients).await.unwrap_or_else(|| Unproven::broken(&error))
    }

    pub(super) async fn stalled(&self, clients: &Clients<'_>, late: &str) -> Unproven {
        if let Some(failure) = self.failure(clients).await {
            return failure;
        }
        let mut detail = Vec::new();
        if let Ok(Some(state)) = self.flink.state(&self.job.id).await {
            detail.push(format!("job {} is {state}", self.job.id));
        }
        if let Ok(Some(cause)) = self.flink.failure(&self.job.id).await {
            detail.push(format!("it failed before: {}", cause.sentence));
        }
        Unproven::at_sinks(self.job, Anomaly::Stalled, late, &detail)
    }
}

/// Operator, physical topic, partition, offset delivered.
type Offset = (String, String, i32, i64);

/// By topic (sanitised) and partition, the subtask that reads it.
type Subtasks = BTreeMap<(String, i32), u32>;

/// A vertex that begins with a source operator.
pub(super) struct SourceVertex<'a> {
    pub(super) vertex: &'a flink::Vertex,
    /// Normally one; several when tables of the same name stand in several databases.
    pub(super) reads: Vec<&'a Read>,
}

impl SourceVertex<'_> {
    fn table(&self) -> &str {
        metric::source_table(&self.vertex.name).unwrap_or(&self.vertex.name)
    }

    /// Read, partition and end of everything it reads.
    fn partitions<'b>(&'b self, ends: &'b Ends) -> impl Iterator<Item = (&'b Read, i32, i64)> {
        self.reads.iter().flat_map(move |&read| {
            let of = ends.iter().filter(move |(place, _)| place.0 == read.topic);
            of.map(move |(place, bounds)| (read, place.1, bounds.stable))
        })
    }

    /// Topic, partition, and the offset of the last record below the end (`None`: there is none).
    fn last_records(&self, clients: &Clients<'_>, ends: &Ends) -> Vec<(String, i32, Option<i64>)> {
        let last = |(read, partition, end): (&Read, i32, i64)| {
            let offset = clients.tap.last_visible(&read.topic, partition, end);
            let offset = read.last(partition, offset, end);
            (read.topic.clone(), partition, offset)
        };
        self.partitions(ends).map(last).collect()
    }

    /// Whether there is a metric for each partition.
    fn is_covered_by(&self, names: &[String], ends: &Ends) -> bool {
        let known: BTreeSet<_> = names
            .iter()
            .filter_map(|name| metric::current_offset(name))
            .map(|metric| (metric.topic, metric.partition))
            .collect();
        self.partitions(ends).all(|(read, partition, _)| {
            known.contains(&(metric::sanitised(&read.topic), partition))
        })
    }

    /// What it emits once it has delivered everything.
    fn watermark(&self, clients: &Clients<'_>, ends: &Ends, subtasks: &Subtasks) -> Expected {
        let partitions: Vec<_> = self
            .partitions(ends)
            .map(|(read, partition, end)| Partition {
                subtask: subtasks.get(&(metric::sanitised(&read.topic), partition)).copied(),
                all: clients.clocks.watermark(read, partition, end),
                parted: None,
            })
            .collect();
        let assigned = subtasks.values().collect::<BTreeSet<_>>().len();
        self.emits(&partitions, assigned)
    }

    /// The same for a source that was started again at a time, in milliseconds since 1970. Behind
    /// the topics that the connector writes, a record is stamped before it is appended, so one with a
    /// later stamp was read by this attempt alone.
    pub(super) fn watermark_since(
        &self,
        clients: &Clients<'_>,
        ends: &Ends,
        since_ms: i64,
    ) -> Expected {
        let topics: BTreeSet<_> = self.reads.iter().map(|read| &read.topic).collect();
        if topics.len() > 1 {
            let sentence = format!(
                "tasks that read `{}` were started again, and which of them reads which of its \
                 topics is not seen",
                self.table()
            );
            return Expected::Unknown(sentence);
        }
        let partitions: Vec<_> = self
            .partitions(ends)
            .map(|(read, partition, end)| {
                let all = clients.clocks.watermark(read, partition, end);
                let stamped = clients.clocks.parted(read, partition, end, since_ms);
                Partition { subtask: None, all, parted: Some(stamped.unwrap_or((None, all))) }
            })
            .collect();
        // The partitions of a topic are dealt out in turn.
        let assigned = partitions.len();
        self.emits(&partitions, assigned)
    }

    /// The subtasks without a partition, if there are any.
    fn unassigned(&self, subtasks: &Subtasks) -> Option<Unassigned> {
        let assigned = subtasks.values().collect::<BTreeSet<_>>().len();
        let subtasks = self.vertex.parallelism;
        let without = subtasks.saturating_sub(u32::try_from(assigned).unwrap_or(u32::MAX));
        let table = self.table().to_owned();
        (without > 0 && assigned > 0).then_some(Unassigned { table, without, subtasks })
    }

    fn emits(&self, partitions: &[Partition], assigned: usize) -> Expected {
        if self.reads.iter().any(|read| read.watermark == Clause::None) || self.reads.is_empty() {
            return Expected::START;
        }
        let parallelism = usize::try_from(self.vertex.parallelism).unwrap_or(usize::MAX);
        let source = watermark::Source {
            parallelism,
            assigned: assigned >= parallelism,
            assigner: self.vertex.name.contains("WatermarkAssigner"),
            idles: self.reads.iter().any(|read| read.watermark == Clause::Idle),
        };
        watermark::of_source(source, partitions)
    }
}

/// The least watermark that has come to the tasks of these jobs that fire windows (without any: to
/// all tasks behind the sources), in milliseconds; `None` while a task has had none.
pub async fn watermark(clients: &Clients<'_>, jobs: &[&Job]) -> Result<Option<i64>, Unproven> {
    let all = try_join_all(jobs.iter().map(|job| Watched::start(clients, job))).await?;
    let fires = |vertex: &flink::Vertex| firing::fires(&vertex.name);
    let any = all.iter().flat_map(|job| &job.graph.vertices).any(fires);
    let mut least = None::<i64>;
    for watched in &all {
        for vertex in &watched.graph.vertices {
            if metric::source_table(&vertex.name).is_some() || any && !fires(vertex) {
                continue;
            }
            let seen = watched.input_watermarks(vertex).await;
            match seen.map_err(|error| Unproven::broken(&error))? {
                Look::Holds((at, _)) if at != START => {
                    least = Some(least.map_or(at, |least| least.min(at)));
                }
                Look::Holds(_) | Look::NotYet(_) => return Ok(None),
            }
        }
    }
    Ok(least)
}

async fn attempts(flink: &JobManager, graph: &flink::Job) -> Result<Vec<Attempt>, Unproven> {
    let vertices = graph.vertices.iter().map(|v| flink.attempts(&graph.id, &v.id));
    let attempts = try_join_all(vertices).await.map_err(|error| Unproven::broken(&error))?;
    Ok(attempts.into_iter().flatten().collect())
}
