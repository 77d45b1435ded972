//! Many trials on one kind of stack: which of them share a lease, in which order they run, and how
//! often each is tried.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use camino::Utf8PathBuf;
use futures::StreamExt as _;
use tokio::task::JoinError;

use super::{Cancel, Limits, Progress, RunContext, TrialResult};
use crate::base::exit::Exit;
use crate::base::grade::Grade;
use crate::base::secret::Secrets;
use crate::check::verdict::Verdict;
use crate::plan::needs::{Needs, Sharing};
use crate::run::trial;
use crate::scenario::trial::Trial;
use crate::stack::{Lease, Profile, Stack, StackError};

/// A trial that is to be run, and what is kept beside it.
#[derive(Debug, Clone)]
pub struct Task {
    /// The trial.
    pub trial: Trial,
    /// The files that were read for it, path and text.
    pub sources: Vec<(Utf8PathBuf, String)>,
    /// The one command that repeats it.
    pub command: String,
}

/// A task and how it ended.
#[derive(Debug)]
pub struct Ended {
    /// The task, as what is known of versions made it.
    pub task: Task,
    /// Component → version, as the stack knows them.
    pub versions: BTreeMap<String, String>,
    /// How the trial ended.
    pub result: TrialResult,
}

/// What all trials of a batch have in common.
#[derive(Debug)]
pub struct Common {
    /// The folder of run directories.
    pub runs: Utf8PathBuf,
    /// Secrets besides those of the trials.
    pub secrets: Secrets,
    /// How many run side by side.
    pub jobs: usize,
    /// Keep the stack up afterwards.
    pub keep: bool,
    /// Keep on the stack what runs that do not pass have made.
    pub keep_run: bool,
    /// The grade of every proof, where it is not the stack's to say.
    pub evidence: Option<Grade>,
    /// Begin nothing more once a trial did not pass.
    pub fail_fast: bool,
    /// Thrown when all shall end early.
    pub cancel: Cancel,
}

impl Common {
    /// Whether no trial shall begin after one that ended so.
    pub fn ends_with(&self, exit: Exit) -> bool {
        self.fail_fast && !matches!(exit, Exit::Pass | Exit::NothingRun)
    }
}

/// Told what happens, from any thread.
pub trait Audience: Progress {
    /// Something that is worth a line.
    fn say(&self, line: &str);

    /// A trial has ended.
    fn ended(&self, ended: &Ended);
}

/// Why no stack could be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoStack {
    /// What a script may conclude.
    pub exit: Exit,
    /// One sentence.
    pub sentence: String,
}

impl From<StackError> for NoStack {
    fn from(error: StackError) -> Self {
        Self { exit: error.exit(), sentence: error.to_string() }
    }
}

/// Runs all tasks: first those that share the stack, side by side, then each that needs it alone.
/// Gives them in their order, and why there was no stack for the rest.
pub async fn all(
    tasks: Vec<Task>,
    stack: &dyn Stack,
    common: Arc<Common>,
    audience: Arc<dyn Audience>,
) -> (Vec<Ended>, Option<NoStack>) {
    let order: Vec<String> = tasks.iter().map(|task| task.trial.name()).collect();
    let batch = Batch { common, audience, is_over: Arc::default() };
    let (leases, mut ended) = shared(tasks, &stack.profile().proving(batch.common.evidence));
    for one in &ended {
        batch.audience.ended(one);
    }
    let mut failure = None;
    for (sharing, tasks) in leases {
        if failure.is_none() && !batch.is_over() {
            failure = batch.under_one_lease(stack, &sharing, tasks, &mut ended).await.err();
        }
    }
    ended.sort_by_key(|one| order.iter().position(|name| *name == one.task.trial.name()));
    (ended, failure)
}

/// Tasks that can run under one lease: first those that ask nothing of it, then need by need; those
/// that need the stack alone one by one. Apart from them those that need what the stack cannot give.
fn shared(tasks: Vec<Task>, profile: &Profile) -> (Vec<(Sharing, Vec<Task>)>, Vec<Ended>) {
    let mut by_need = BTreeMap::<Sharing, Vec<Task>>::new();
    let mut not_run = Vec::new();
    for task in tasks {
        let needs = Needs::of(&task.trial);
        match needs.missing(&profile.name, &profile.capabilities) {
            Some(why) => {
                let result = TrialResult::without_run(Exit::NothingRun, why);
                not_run.push(Ended { task, versions: profile.versions.clone(), result });
            }
            None => by_need.entry(needs.sharing).or_default().push(task),
        }
    }
    let mut leases = Vec::new();
    for (sharing, tasks) in by_need {
        if sharing.alone {
            leases.extend(tasks.into_iter().map(|task| (sharing.clone(), vec![task])));
        } else {
            leases.push((sharing, tasks));
        }
    }
    (leases, not_run)
}

#[derive(Clone)]
struct Batch {
    common: Arc<Common>,
    audience: Arc<dyn Audience>,
    /// A trial ended so that no other shall begin.
    is_over: Arc<AtomicBool>,
}

impl Batch {
    /// Nothing more shall begin.
    fn is_over(&self) -> bool {
        self.common.cancel.is_cancelled() || self.is_over.load(Ordering::Relaxed)
    }

    async fn under_one_lease(
        &self,
        stack: &dyn Stack,
        sharing: &Sharing,
        tasks: Vec<Task>,
        ended: &mut Vec<Ended>,
    ) -> Result<(), NoStack> {
        let lease = self.lease(stack, sharing).await?;
        let running = tasks.into_iter().map(|task| {
            let (batch, lease) = (self.clone(), Arc::clone(&lease));
            async move {
                if batch.is_over() {
                    return None;
                }
                let (kept, versions) = (task.clone(), lease.versions().clone());
                let spawned = tokio::spawn(async move { batch.one(task, lease).await });
                let panic = |error: JoinError| error.to_string();
                let ended = spawned.await.map_err(panic);
                Some(ended.unwrap_or_else(|panic| lost((kept, versions), &panic, &stack.sweeper())))
            }
        });
        let mut running = futures::stream::iter(running).buffer_unordered(self.common.jobs);
        while let Some(one) = running.next().await {
            let Some(one) = one else { continue };
            if self.common.ends_with(one.result.exit) {
                self.is_over.store(true, Ordering::Relaxed);
            }
            self.audience.ended(&one);
            ended.push(one);
        }
        Ok(())
    }

    async fn lease(&self, stack: &dyn Stack, sharing: &Sharing) -> Result<Arc<dyn Lease>, NoStack> {
        let say = |line: &str| self.audience.say(line);
        let lease = tokio::select! {
            lease = stack.lease(sharing, &say) => lease?,
            () = self.common.cancel.cancelled() => {
                let sentence = "interrupted while the stack started".to_owned();
                return Err(NoStack { exit: Exit::Interrupted, sentence });
            }
        };
        if self.common.keep {
            lease.hold()?;
        }
        self.audience.say("scenarios");
        Ok(lease)
    }

    async fn one(&self, mut task: Task, lease: Arc<dyn Lease>) -> Ended {
        let versions = lease.versions().clone();
        task.trial.settle(&versions);
        let result = match task.trial.is_out_of_range(&versions) {
            Some(why) => TrialResult::without_run(Exit::NothingRun, why),
            None => self.attempts(&task, lease).await,
        };
        Ended { task, versions, result }
    }

    /// Runs a trial until one run shows all that must be shown, at most as often as the scenario says.
    async fn attempts(&self, task: &Task, lease: Arc<dyn Lease>) -> TrialResult {
        let limits = if lease.takes_as_written() { Limits::afar() } else { Limits::local() };
        let context = RunContext {
            lease,
            runs: self.common.runs.clone(),
            sources: task.sources.clone(),
            secrets: self.common.secrets.clone(),
            command: task.command.clone(),
            keep_run: self.common.keep_run,
            evidence: self.common.evidence,
            limits,
            cancel: self.common.cancel.clone(),
        };
        let trial = &task.trial;
        let progress: &dyn Progress = &*self.audience;
        let mut result = trial::trial(trial, &context, progress).await;
        for _ in 1..trial.expect.attempts.unwrap_or(1) {
            let lacks_only_a_show = result.verdict.as_ref().is_some_and(Verdict::lacks_only_a_show);
            if !lacks_only_a_show || self.common.cancel.is_cancelled() {
                break;
            }
            let before = result.elapsed_ms;
            result = trial::trial(trial, &context, progress).await;
            result.elapsed_ms += before;
        }
        result
    }
}

/// A trial that took its task down: a bug of ours, and no reason to lose the other trials.
fn lost((task, versions): (Task, BTreeMap<String, String>), panic: &str, sweeper: &str) -> Ended {
    let sentence = format!("changeproof itself failed: {panic}");
    let mut result = TrialResult::without_run(Exit::Internal, sentence);
    result.leftovers.push(format!("{sweeper} removes what the trial made"));
    Ended { task, versions, result }
}

/// A scenario none of whose orders can happen: nothing of it was tried.
pub fn without_order(ended: &[Ended]) -> Option<String> {
    let permuted = ended.iter().filter(|one| one.task.trial.is_permuted());
    let mut by_id = BTreeMap::<&str, bool>::new();
    for one in permuted {
        let ran = one.result.exit != Exit::NothingRun;
        *by_id.entry(&one.task.trial.id).or_default() |= ran;
    }
    let none = by_id.into_iter().find(|(_, ran)| !ran);
    none.map(|(id, _)| {
        format!("none of the orders of `{id}` can happen: its `permute` tries nothing")
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::plan::needs::Capability;
    use crate::scenario::pipeline::{Dialect, Pipeline};

    fn task(id: &str, alter: impl FnOnce(&mut Trial)) -> Task {
        let pipeline = Pipeline {
            file: None,
            source: Vec::new(),
            left_out: Vec::new(),
            connectors: Vec::new(),
            outbox: BTreeMap::new(),
            topics: BTreeMap::new(),
            format: None,
            dialect: Dialect::Flink,
            statements: Vec::new(),
            sinks: BTreeMap::new(),
        };
        let mut trial = Trial::idle(id, id, pipeline);
        alter(&mut trial);
        Task { trial, sources: Vec::new(), command: String::new() }
    }

    fn profile(capabilities: &[Capability]) -> Profile {
        let capabilities: BTreeSet<_> = capabilities.iter().copied().collect();
        Profile { name: "theirs".to_owned(), versions: BTreeMap::new(), capabilities }
    }

    fn names(tasks: &[Task]) -> Vec<&str> {
        tasks.iter().map(|task| task.trial.id.as_str()).collect()
    }

    #[test]
    fn those_alone_run_one_by_one_behind_those_that_share() {
        let tasks = vec![
            task("alone", |trial| trial.alone = true),
            task("a", |_| {}),
            task("alone too", |trial| trial.alone = true),
            task("b", |_| {}),
        ];
        let (leases, not_run) = shared(tasks, &profile(&[Capability::Alone]));
        let order: Vec<_> = leases.iter().map(|(_, tasks)| names(tasks)).collect();
        assert_eq!(order, [vec!["a", "b"], vec!["alone"], vec!["alone too"]]);
        assert!(not_run.is_empty());
    }

    #[test]
    fn what_the_stack_cannot_give_is_not_run_and_says_why() {
        let tasks = vec![task("alone", |trial| trial.alone = true), task("a", |_| {})];
        let (leases, not_run) = shared(tasks, &profile(&[]));
        assert_eq!(leases.iter().map(|(_, tasks)| names(tasks)).collect::<Vec<_>>(), [["a"]]);
        let [ended] = not_run.as_slice() else { panic!("{not_run:?}") };
        assert_eq!(ended.result.exit, Exit::NothingRun);
        let sentence = ended.result.sentence.as_deref();
        assert_eq!(
            sentence,
            Some("it needs nobody else on the stack, which the stack `theirs` cannot give")
        );
    }
}
