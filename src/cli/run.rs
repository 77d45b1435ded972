//! `changeproof run`: drives the selected scenarios on the real components and judges them.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;
use itertools::Itertools as _;

use super::chosen::{Chosen, On};
use super::console::Console;
use super::environment::Environment;
use super::format::{Format, Shown};
use super::known;
use super::progress::Bars;
use super::select::{Planned, Selection};
use super::stack::{inside, own_options};
use crate::base::exit::Exit;
use crate::client::clock::Stopwatch;
use crate::report::{Case, human};
use crate::run::batch::{self, Audience, Common, Ended, Task};
use crate::run::{self, Cancel, Progress, Stage};
use crate::stack::{Lane, Stack, StackError};

/// Where run folders are kept.
pub(super) const RUNS: &str = ".changeproof/runs";

/// Drive scenarios on the real components and judge what was seen
///
/// The stack is started on demand and kept warm for the next run.
#[derive(Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    on: On,
    /// How many scenarios run side by side
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// Keep the stack up afterwards, until `changeproof down`
    #[arg(long)]
    keep: bool,
    /// The form of the report on stdout
    #[arg(long, value_enum, default_value_t = Format::Human, help_heading = "Output")]
    format: Format,
}

/// The judgement of a trial that ended.
fn case<'a>(ended: &'a Ended, stack: &'a str) -> Case<'a> {
    let result = &ended.result;
    let folder = Some(result.folder.as_path()).filter(|folder| !folder.as_str().is_empty());
    Case {
        trial: &ended.task.trial,
        stack,
        versions: &ended.versions,
        command: &ended.task.command,
        exit: result.exit,
        verdict: result.verdict.as_ref(),
        sentence: result.sentence.as_deref(),
        diagnostics: &result.diagnostics,
        leftovers: &result.leftovers,
        folder,
        elapsed_ms: Some(result.elapsed_ms),
    }
}

/// Who watches the trials of one command.
struct Watcher {
    bars: Arc<Bars>,
    shown: Shown,
    stack: String,
}

impl Progress for Watcher {
    fn stage(&self, trial: &str, stage: &Stage) {
        self.bars.stage(trial, stage);
    }
}

impl Audience for Watcher {
    fn say(&self, line: &str) {
        self.bars.say(line);
    }

    fn ended(&self, ended: &Ended) {
        let case = case(ended, &self.stack);
        keep_report(&case);
        self.bars.ended(&case.trial.name(), || self.shown.case(&case));
    }
}

pub(super) fn run(run: &Run, environment: &Environment, console: Console) -> Exit {
    let shown = Shown::new(run.format, console);
    let stacks = match run.on.stacks(console) {
        Ok(stacks) => stacks,
        Err(exit) => return exit,
    };
    let lanes: Vec<Lane> = stacks.iter().filter_map(Chosen::lane).cloned().collect();
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
        && let Err(error) = inside(&options, &lanes, console)
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
    let n_trials = u64::try_from(selected.trials.len() * stacks.len()).unwrap_or(u64::MAX);
    let bars = Arc::new(Bars::new(n_trials, console));
    let on = |chosen: &Chosen| {
        let tasks = selected.trials.iter().map(|planned| task(planned.on(chosen))).collect();
        let stack = chosen.stack(&options)?;
        let watcher = Watcher { bars: Arc::clone(&bars), shown, stack: stack.profile().name };
        Ok::<_, StackError>(Round { stack, tasks, watcher: Arc::new(watcher) })
    };
    let rounds: Vec<Round> = match stacks.iter().map(on).collect() {
        Ok(rounds) => rounds,
        Err(error) => {
            bars.clear();
            return console.failed(&error, error.exit());
        }
    };
    let common = Arc::new(Common {
        runs: Utf8PathBuf::from(RUNS),
        secrets: known::all(),
        jobs: usize::from(run.jobs),
        keep: run.keep,
        cancel: Cancel::new(),
    });
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => {
            let exit = runtime.block_on(unless_insisted(rounds, (&*bars, shown), &common));
            // Whoever insisted on the end waits for nothing that still runs.
            runtime.shutdown_background();
            exit
        }
        Err(error) => console.failed(&error, Exit::Internal),
    }
}

/// The trials on one stack.
struct Round {
    stack: Box<dyn Stack>,
    tasks: Vec<Task>,
    watcher: Arc<Watcher>,
}

fn task(planned: Planned) -> Task {
    let command = planned.command();
    Task { trial: planned.trial, sources: planned.sources, command }
}

/// Runs all trials, until somebody insists on the end.
async fn unless_insisted(
    rounds: Vec<Round>,
    console: (&Bars, Shown),
    common: &Arc<Common>,
) -> Exit {
    let (bars, shown) = console;
    let sweepers: Vec<_> = rounds.iter().map(|round| round.stack.sweeper()).collect();
    tokio::select! {
        exit = all(rounds, console, common) => exit,
        () = common.cancel.insisted() => {
            bars.clear();
            let by = sweepers.into_iter().unique().join(" and ");
            let left = format!(
                "interrupted twice: nothing was cleaned up here; {by} removes what the runs made"
            );
            shown.console.failed(&left, Exit::Interrupted)
        }
    }
}

/// Runs all trials, stack by stack, and reports the whole.
async fn all(rounds: Vec<Round>, console: (&Bars, Shown), common: &Arc<Common>) -> Exit {
    let watch = Stopwatch::start();
    let (bars, shown) = console;
    let console = shown.console;
    if let Err(error) = common.cancel.on_signals() {
        return console.failed(&error, Exit::Internal);
    }
    let (mut ended, mut stacks, mut failure) = (Vec::new(), Vec::new(), None);
    for Round { stack, tasks, watcher } in rounds {
        if failure.is_some() || common.cancel.is_cancelled() {
            break;
        }
        let name = watcher.stack.clone();
        let (some, none) = batch::all(tasks, &*stack, Arc::clone(common), watcher).await;
        stacks.extend(some.iter().map(|_| name.clone()));
        ended.extend(some);
        failure = none;
    }
    bars.clear();
    // Why no stack could be had; what was judged before it stands beside it.
    let failure = failure.map(|none| console.failed(&none.sentence, none.exit));
    if let (true, Some(exit)) = (ended.is_empty(), failure) {
        return exit;
    }
    let cases: Vec<Case<'_>> =
        ended.iter().zip_eq(&stacks).map(|(one, stack)| case(one, stack)).collect();
    // What was not run changes nothing, unless nothing was.
    let ran = cases.iter().map(|case| case.exit).filter(|exit| *exit != Exit::NothingRun);
    let mut exit = ran.chain(failure).reduce(Exit::worst).unwrap_or(Exit::NothingRun);
    if let Some(sentence) = batch::without_order(&ended) {
        exit = exit.worst(console.failed(&sentence, Exit::ScenarioInvalid));
    }
    let exit = if common.cancel.is_cancelled() { exit.worst(Exit::Interrupted) } else { exit };
    shown.end(&cases, exit, watch.elapsed_ms());
    exit
}

/// The report for people, beside the history.
fn keep_report(case: &Case<'_>) {
    let Some(folder) = case.folder else { return };
    let text = human::whole(case).to_string();
    if let Err(error) = fs_err::write(folder.join("report.txt"), text) {
        tracing::warn!("the report was not kept: {error}");
    }
}
