//! `changeproof run`: drives the selected scenarios on the real components and judges them.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;
use futures::StreamExt;

use super::console::Console;
use super::environment::Environment;
use super::format::{Format, Shown};
use super::known;
use super::progress::Bars;
use super::select::{Planned, Selection};
use super::stack::{inside, own_options};
use crate::base::exit::Exit;
use crate::check::verdict::Verdict;
use crate::client::clock::Stopwatch;
use crate::dialect::avro;
use crate::report::{Case, human, repeat};
use crate::run::{self, Cancel, Limits, RunContext, TrialResult};
use crate::scenario::trial::Trial;
use crate::stack::{self, Lease, OwnOptions, Say, Share, StackError, StackOptions};

/// Where run folders are kept.
pub(super) const RUNS: &str = ".changeproof/runs";

/// Drive scenarios on the real components and judge what was seen
///
/// The stack is started on demand and kept warm for the next run.
#[derive(Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    selection: Selection,
    /// How many scenarios run side by side
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// What to run on
    #[arg(long, value_enum, default_value_t = Stack::Local)]
    stack: Stack,
    /// Keep the stack up afterwards, until `changeproof down`
    #[arg(long)]
    keep: bool,
    /// The form of the report on stdout
    #[arg(long, value_enum, default_value_t = Format::Human, help_heading = "Output")]
    format: Format,
}

/// The stacks that are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Stack {
    /// The real components as processes of this machine
    Local,
}

/// A trial and how it ended.
struct Ended {
    planned: Planned,
    command: String,
    versions: BTreeMap<String, String>,
    result: TrialResult,
}

impl Ended {
    fn case(&self) -> Case<'_> {
        let result = &self.result;
        let folder = Some(result.folder.as_path()).filter(|folder| !folder.as_str().is_empty());
        Case {
            trial: &self.planned.trial,
            stack: "local",
            versions: &self.versions,
            command: &self.command,
            exit: result.exit,
            verdict: result.verdict.as_ref(),
            sentence: result.sentence.as_deref(),
            diagnostics: &result.diagnostics,
            leftovers: &result.leftovers,
            folder,
            elapsed_ms: Some(result.elapsed_ms),
        }
    }
}

/// What all trials of one command share.
struct Shared {
    options: StackOptions,
    cancel: Cancel,
    bars: Bars,
    shown: Shown,
    jobs: usize,
    keep: bool,
}

pub(super) fn run(run: &Run, environment: &Environment, console: Console) -> Exit {
    let shown = Shown::new(run.format, console);
    let selected = match run.selection.select(console) {
        Ok(selected) => selected,
        Err(nothing) => return nothing.tell(console),
    };
    let options = match own_options(environment, None) {
        Ok(options) => options,
        Err(error) => return console.failed(&error, error.exit()),
    };
    // Before anything is said, since all of it is said there.
    if !selected.refused()
        && let Err(error) = inside(&options, console)
    {
        return console.failed(&error, error.exit());
    }
    if !selected.diagnostics.is_empty() {
        shown.diagnostics(&selected);
    }
    if selected.refused() {
        return Exit::ScenarioInvalid;
    }
    if let Err(error) = run::folder::check(Utf8Path::new(RUNS)) {
        let exit = if error.is_full() { Exit::StackNotUp } else { Exit::Usage };
        return console.failed(&error, exit);
    }
    let shared = Arc::new(Shared {
        options,
        cancel: Cancel::new(),
        bars: Bars::new(u64::try_from(selected.trials.len()).unwrap_or(u64::MAX), console),
        shown,
        jobs: usize::from(run.jobs),
        keep: run.keep,
    });
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => {
            let exit = runtime.block_on(unless_insisted(selected.trials, &shared));
            // Whoever insisted on the end waits for nothing that still runs.
            runtime.shutdown_background();
            exit
        }
        Err(error) => console.failed(&error, Exit::Internal),
    }
}

/// Runs all trials, until somebody insists on the end.
async fn unless_insisted(trials: Vec<Planned>, shared: &Arc<Shared>) -> Exit {
    tokio::select! {
        exit = all(trials, shared) => exit,
        () = shared.cancel.insisted() => {
            shared.bars.clear();
            let left = "interrupted twice: nothing was cleaned up here; the keeper of the stack \
                        removes what the runs made";
            shared.shown.console.failed(&left, Exit::Interrupted)
        }
    }
}

/// Runs all trials: first those that share the stack, side by side, then each that needs it alone.
async fn all(trials: Vec<Planned>, shared: &Arc<Shared>) -> Exit {
    let watch = Stopwatch::start();
    if let Err(error) = shared.cancel.on_signals() {
        return shared.shown.console.failed(&error, Exit::Internal);
    }
    let order: Vec<String> = trials.iter().map(|planned| planned.trial.name()).collect();
    let mut ended = Vec::new();
    let mut failure = None;
    for (on, trials) in batches(trials, &shared.options) {
        if failure.is_none() && !shared.cancel.is_cancelled() {
            failure = batch(trials, &on, shared, &mut ended).await.err();
        }
    }
    shared.bars.clear();
    // Why no stack could be had; what was judged before it stands beside it.
    let failure = failure.map(|(exit, sentence)| shared.shown.console.failed(&sentence, exit));
    if let (true, Some(exit)) = (ended.is_empty(), failure) {
        return exit;
    }
    let place = |one: &Ended| order.iter().position(|name| *name == one.planned.trial.name());
    ended.sort_by_key(place);
    let cases: Vec<Case<'_>> = ended.iter().map(Ended::case).collect();
    // What was not run changes nothing, unless nothing was.
    let ran = cases.iter().map(|case| case.exit).filter(|exit| *exit != Exit::NothingRun);
    let mut exit = ran.chain(failure).reduce(Exit::worst).unwrap_or(Exit::NothingRun);
    if let Some(sentence) = without_order(&ended) {
        exit = exit.worst(shared.shown.console.failed(&sentence, Exit::ScenarioInvalid));
    }
    let exit = if shared.cancel.is_cancelled() { exit.worst(Exit::Interrupted) } else { exit };
    shared.shown.end(&cases, exit, watch.elapsed_ms());
    exit
}

/// Which stack, and with whom it is shared.
struct On {
    options: StackOptions,
    share: Share,
    /// Something is in Avro.
    registry: bool,
}

/// Trials that can run side by side on one stack: first those that share the one without options of
/// its own, then stack by stack; those that need one alone one by one.
fn batches(trials: Vec<Planned>, options: &StackOptions) -> Vec<(On, Vec<Planned>)> {
    let mut by_stack = BTreeMap::<(OwnOptions, bool, bool), Vec<Planned>>::new();
    for planned in trials {
        let own = OwnOptions::of(&planned.trial);
        let registry = avro::needs_registry(&planned.trial.pipeline, &planned.trial.settings);
        by_stack.entry((own, planned.trial.alone, registry)).or_default().push(planned);
    }
    let mut batches = Vec::new();
    for ((own, alone, registry), trials) in by_stack {
        let on = |share| On { options: options.with(own.clone()), share, registry };
        if alone {
            let ones = trials.into_iter().map(|planned| (on(Share::Alone), vec![planned]));
            batches.extend(ones);
        } else {
            batches.push((on(Share::WithOthers), trials));
        }
    }
    batches
}

/// Runs trials under one lease.
async fn batch(
    trials: Vec<Planned>,
    on: &On,
    shared: &Arc<Shared>,
    ended: &mut Vec<Ended>,
) -> Result<(), (Exit, String)> {
    let lease = Arc::new(lease(on, shared).await?);
    let running = trials.into_iter().map(|planned| {
        let (shared, lease) = (Arc::clone(shared), Arc::clone(&lease));
        let options = on.options.clone();
        async move {
            let command = repeat::command(&planned.file, &planned.trial);
            let kept = (planned.clone(), command.clone(), lease.versions.clone());
            let spawned = tokio::spawn(one(planned, command, (options, lease), shared));
            spawned.await.unwrap_or_else(|error| lost(kept, &error.to_string()))
        }
    });
    let mut running = futures::stream::iter(running).buffer_unordered(shared.jobs);
    while let Some(one) = running.next().await {
        let case = one.case();
        shared.bars.ended(&case.trial.name(), || shared.shown.case(&case));
        ended.push(one);
    }
    Ok(())
}

async fn leased(on: &On, say: Say<'_>) -> Result<Lease, StackError> {
    let lease = stack::lease(&on.options, on.share, say).await?;
    if on.registry { lease.with_registry(&on.options, say).await } else { Ok(lease) }
}

async fn lease(on: &On, shared: &Shared) -> Result<Lease, (Exit, String)> {
    let say = |line: &str| shared.bars.say(line);
    let leased = tokio::select! {
        leased = leased(on, &say) => leased,
        () = shared.cancel.cancelled() => {
            return Err((Exit::Interrupted, "interrupted while the stack started".to_owned()));
        }
    };
    let not_up = |error: StackError| (error.exit(), error.to_string());
    let lease = leased.map_err(not_up)?;
    if shared.keep {
        lease.hold().map_err(not_up)?;
    }
    shared.bars.say("scenarios");
    Ok(lease)
}

async fn one(
    planned: Planned,
    command: String,
    (options, lease): (StackOptions, Arc<Lease>),
    shared: Arc<Shared>,
) -> Ended {
    let context = RunContext {
        endpoints: lease.endpoints.clone(),
        stack: "local".to_owned(),
        claims: Some(options),
        control: Some(lease.control.clone()),
        versions: lease.versions.clone(),
        logs: lease.logs.clone(),
        runs: Utf8PathBuf::from(RUNS),
        sources: planned.sources.clone(),
        secrets: known::all(),
        command: command.clone(),
        limits: Limits::local(),
        cancel: shared.cancel.clone(),
    };
    let mut planned = planned;
    planned.trial.settle(&lease.versions);
    let result = match planned.trial.is_out_of_range(&lease.versions) {
        Some(why) => not_run(why),
        None => attempts(&planned.trial, &context, &shared).await,
    };
    let ended = Ended { planned, command, versions: lease.versions.clone(), result };
    keep_report(&ended);
    ended
}

/// Runs a trial until one run shows all that must be shown, at most as often as the scenario says.
async fn attempts(trial: &Trial, context: &RunContext, shared: &Shared) -> TrialResult {
    let wanted = trial.expect.attempts.unwrap_or(1);
    let mut result = run::trial(trial, context, &shared.bars).await;
    for _ in 1..wanted {
        let lacks_only_a_show = result.verdict.as_ref().is_some_and(Verdict::lacks_only_a_show);
        if !lacks_only_a_show || shared.cancel.is_cancelled() {
            break;
        }
        let before = result.elapsed_ms;
        result = run::trial(trial, context, &shared.bars).await;
        result.elapsed_ms += before;
    }
    result
}

fn not_run(why: String) -> TrialResult {
    TrialResult {
        exit: Exit::NothingRun,
        verdict: None,
        folder: Utf8PathBuf::new(),
        sentence: Some(why),
        diagnostics: Vec::new(),
        elapsed_ms: 0,
        leftovers: Vec::new(),
    }
}

/// A scenario none of whose orders can happen: nothing of it was tried.
fn without_order(ended: &[Ended]) -> Option<String> {
    let permuted = ended.iter().filter(|one| one.planned.trial.is_permuted());
    let mut by_id = BTreeMap::<&str, bool>::new();
    for one in permuted {
        let ran = one.result.exit != Exit::NothingRun;
        *by_id.entry(&one.planned.trial.id).or_default() |= ran;
    }
    let none = by_id.into_iter().find(|(_, ran)| !ran);
    none.map(|(id, _)| {
        format!("none of the orders of `{id}` can happen: its `permute` tries nothing")
    })
}

/// The report for people, beside the history.
fn keep_report(ended: &Ended) {
    let case = ended.case();
    let Some(folder) = case.folder else { return };
    let text = human::whole(&case).to_string();
    if let Err(error) = fs_err::write(folder.join("report.txt"), text) {
        tracing::warn!("the report was not kept: {error}");
    }
}

/// A trial that took its task down: a bug of ours, and no reason to lose the other trials.
fn lost(kept: (Planned, String, BTreeMap<String, String>), panic: &str) -> Ended {
    let (planned, command, versions) = kept;
    let result = TrialResult {
        exit: Exit::Internal,
        verdict: None,
        folder: Utf8PathBuf::new(),
        sentence: Some(format!("changeproof itself failed: {panic}")),
        diagnostics: Vec::new(),
        elapsed_ms: 0,
        leftovers: vec!["changeproof down removes what the trial made".to_owned()],
    };
    Ended { planned, command, versions, result }
}
