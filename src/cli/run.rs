//! `changeproof run`: drives the selected scenarios on the real components and judges them.

use std::collections::BTreeSet;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;
use itertools::Itertools as _;

use super::chosen::{Chosen, On};
use super::console::Console;
use super::environment::Environment;
use super::format::{Output, Shown, show};
use super::known;
use super::last::{ByLast, LastRuns};
use super::progress::Bars;
use super::select::{Planned, Selected, Selection};
use super::stack::{inside, inside_with_metrics, own_options};
use crate::base::diagnostic::Diagnostic;
use crate::base::exit::Exit;
use crate::base::grade::Grade;
use crate::client::clock::Stopwatch;
use crate::report::{Case, NotRun, Results, human};
use crate::run::batch::{self, Audience, Common, Ended, Task};
use crate::run::folder::FolderError;
use crate::run::{self, Cancel, Progress, Stage};
use crate::stack::{Lane, Stack, StackError, StackOptions};

/// Where run folders are kept.
pub(super) const RUNS: &str = ".changeproof/runs";

/// How many scenarios run side by side, unless told otherwise.
const JOBS: u16 = 4;

/// Drive scenarios on the real components and judge what was seen
///
/// The stack is started on demand and kept warm for the next run.
#[derive(Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    on: On,
    /// Run on the stack whose components tell their figures to Prometheus (`up --metrics`)
    #[arg(long)]
    metrics: bool,
    #[command(flatten)]
    manner: Manner,
    #[command(flatten)]
    last: ByLast,
    #[command(flatten)]
    output: Output,
}

/// How trials are run.
#[derive(Debug, Default, Args)]
struct Manner {
    /// How many scenarios run side by side
    #[arg(long, default_value_t = JOBS, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// Keep the stack up afterwards, until `changeproof down`
    #[arg(long)]
    keep: bool,
    /// Keep what a run that does not pass has made on the stack: databases, topics, the session
    ///
    /// Its report says how to look at them. The stack stays up; `changeproof prune --kept` and
    /// `changeproof down` remove them.
    #[arg(long)]
    keep_run: bool,
    /// Prove by this grade that nothing more can arrive, instead of by the best that the stack gives
    ///
    /// A weaker grade leaves more undecided. It shows how a verdict would stand on a stack that gives no
    /// better one.
    #[arg(long, value_name = "GRADE", value_parser = grade)]
    evidence: Option<Grade>,
    /// Begin no other trial once one did not pass; those that run end
    #[arg(long)]
    fail_fast: bool,
}

/// `reported`, `stopped` or `checkpoint`.
fn grade(text: &str) -> Result<Grade, String> {
    let names = Grade::ALL.map(Grade::name).join(", ");
    Grade::of_name(text).ok_or_else(|| format!("it is one of {names}"))
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
        kept: &result.kept,
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
    if let Err(error) = run.output.begin() {
        return console.failed(&error, Exit::Usage);
    }
    match begin(run, environment, console) {
        Ok(begun) => drive(begun, &run.manner, &run.output, console),
        Err(Nothing { exit, asked, diagnostics }) => {
            let results = Results { cases: &[], not_run: &asked, diagnostics: &diagnostics, exit };
            run.output.nothing_ran(&results, console)
        }
    }
}

/// Why nothing runs; it has been said to people.
struct Nothing {
    exit: Exit,
    asked: Vec<NotRun>,
    diagnostics: Vec<Diagnostic>,
}

impl Nothing {
    /// What could not be had for all of the trials.
    fn for_all(trials: &[Planned], (exit, error): (Exit, &dyn std::fmt::Display)) -> Self {
        let sentence = format!("not begun: {error}");
        let mut asked = vec![NotRun::wrong("changeproof", error.to_string())];
        asked.extend(trials.iter().map(|one| NotRun::not_begun(one.name(), sentence.as_str())));
        Self { exit, asked, diagnostics: Vec::new() }
    }
}

/// What is about to run.
struct Begun {
    trials: Vec<Planned>,
    stacks: Vec<Chosen>,
    options: StackOptions,
    /// Warnings, by now.
    diagnostics: Vec<Diagnostic>,
}

/// Everything that can be wrong before a stack is there.
fn begin(run: &Run, environment: &Environment, console: Console) -> Result<Begun, Nothing> {
    let fail = |trials: &[Planned], exit: Exit, error: &dyn std::fmt::Display| {
        console.failed(error, exit);
        Nothing::for_all(trials, (exit, error))
    };
    let stacks = run.on.stacks(console).map_err(|wrong| Nothing {
        exit: wrong.exit,
        asked: vec![NotRun::wrong("--stack", wrong.sentence)],
        diagnostics: wrong.diagnostics,
    })?;
    let lanes: Vec<Lane> = stacks.iter().filter_map(Chosen::lane).cloned().collect();
    if run.metrics && lanes.is_empty() {
        let told = "`--metrics` is for changeproof's own stack; take it or `--stack` away";
        return Err(fail(&[], Exit::Usage, &told));
    }
    let tell = |nothing: super::select::Nothing| {
        nothing.tell(console);
        Nothing { exit: nothing.exit, asked: nothing.asked, diagnostics: Vec::new() }
    };
    let mut selected = run.selection.select(console).map_err(tell)?;
    selected.on(&stacks);
    selected.retain(&run.last, &LastRuns::of(Utf8Path::new(RUNS))).map_err(tell)?;
    let has_stack = if selected.refused() { None } else { Some(&lanes) };
    // Before anything is said, since all of it is said there.
    let options = options(environment, has_stack, run.metrics, console)
        .map_err(|error| fail(&selected.trials, error.exit(), &error))?;
    if !selected.diagnostics.is_empty() {
        show(&selected.diagnostics, |file| selected.source(file), console);
    }
    if selected.refused() {
        let (exit, asked) = (Exit::ScenarioInvalid, selected.not_run());
        return Err(Nothing { exit, asked, diagnostics: selected.diagnostics });
    }
    run::folder::check(Utf8Path::new(RUNS))
        .map_err(|error| fail(&selected.trials, folder_exit(&error), &error))?;
    let Selected { trials, diagnostics, .. } = selected;
    Ok(Begun { trials, stacks, options, diagnostics })
}

/// Where the stack is; goes on in its network, if it has one of its own.
fn options(
    environment: &Environment,
    lanes: Option<&Vec<Lane>>,
    metrics: bool,
    console: Console,
) -> Result<StackOptions, StackError> {
    let options = own_options(environment, None)?;
    if let (Some([lane, ..]), true) = (lanes.map(Vec::as_slice), metrics) {
        return inside_with_metrics(&options, lane, console);
    }
    if let Some(lanes) = lanes {
        inside(&options, lanes, console)?;
    }
    Ok(options)
}

fn folder_exit(error: &FolderError) -> Exit {
    if error.is_full() { Exit::StackNotUp } else { Exit::Usage }
}

/// Runs trials that are selected already, and reports to people.
pub(super) fn planned(
    trials: Vec<Planned>,
    (lanes, jobs): (Vec<Lane>, Option<u16>),
    environment: &Environment,
    console: Console,
) -> Exit {
    let options = match options(environment, Some(&lanes), false, console) {
        Ok(options) => options,
        Err(error) => return console.failed(&error, error.exit()),
    };
    if let Err(error) = run::folder::check(Utf8Path::new(RUNS)) {
        return console.failed(&error, folder_exit(&error));
    }
    let manner = Manner { jobs: jobs.unwrap_or(JOBS), ..Manner::default() };
    let stacks = lanes.into_iter().map(Chosen::Local).collect();
    let begun = Begun { trials, stacks, options, diagnostics: Vec::new() };
    drive(begun, &manner, &Output::default(), console)
}

fn drive(begun: Begun, manner: &Manner, output: &Output, console: Console) -> Exit {
    let Begun { trials, stacks, options, diagnostics } = begun;
    let shown = output.shown(console);
    let n_trials = u64::try_from(trials.len()).unwrap_or(u64::MAX);
    let bars = Arc::new(Bars::new(n_trials, console));
    let on = |chosen: &Chosen| {
        let own = trials.iter().filter(|planned| planned.on.name() == chosen.name());
        let tasks = own.cloned().map(|planned| task(planned, manner.evidence)).collect();
        let stack = chosen.stack(&options)?;
        let watcher = Watcher { bars: Arc::clone(&bars), shown, stack: stack.profile().name };
        Ok::<_, StackError>(Round { stack, tasks, watcher: Arc::new(watcher) })
    };
    let rounds: Vec<Round> = match stacks.iter().map(on).collect() {
        Ok(rounds) => rounds,
        Err(error) => {
            bars.clear();
            let exit = console.failed(&error, error.exit());
            let nothing = Nothing::for_all(&trials, (exit, &error));
            let results =
                Results { cases: &[], not_run: &nothing.asked, diagnostics: &diagnostics, exit };
            return output.nothing_ran(&results, console);
        }
    };
    let common = Arc::new(Common {
        runs: Utf8PathBuf::from(RUNS),
        secrets: known::all(),
        jobs: usize::from(manner.jobs),
        keep: manner.keep,
        keep_run: manner.keep_run,
        evidence: manner.evidence,
        fail_fast: manner.fail_fast,
        cancel: Cancel::new(),
    });
    let asked = Asked { names: trials.iter().map(Planned::name).collect(), diagnostics };
    let reporter = Reporter { bars: &bars, shown, output, asked: &asked };
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => {
            let exit = runtime.block_on(unless_insisted(rounds, &reporter, &common));
            // Whoever insisted on the end waits for nothing that still runs.
            runtime.shutdown_background();
            exit
        }
        Err(error) => console.failed(&error, Exit::Internal),
    }
}

/// What the command was asked for.
struct Asked {
    /// The names of the trials.
    names: Vec<String>,
    /// What should be known of their files.
    diagnostics: Vec<Diagnostic>,
}

/// Who tells how all of it ended.
struct Reporter<'a> {
    bars: &'a Bars,
    shown: Shown,
    output: &'a Output,
    asked: &'a Asked,
}

impl Reporter<'_> {
    /// Reports the whole; gives the exit code.
    fn report(&self, cases: &[Case<'_>], (exit, why): (Exit, &str), watch: Stopwatch) -> Exit {
        let ended: BTreeSet<String> = cases.iter().map(Case::name).collect();
        let open = self.asked.names.iter().filter(|name| !ended.contains(*name));
        let not_run: Vec<NotRun> = open.map(|name| NotRun::not_begun(name, why)).collect();
        let diagnostics = &self.asked.diagnostics;
        let results = Results { cases, not_run: &not_run, diagnostics, exit };
        if cases.is_empty() {
            return self.output.nothing_ran(&results, self.shown.console);
        }
        self.shown.end(&results, watch.elapsed_ms());
        self.output.keep(&results, self.shown.console)
    }
}

/// The trials on one stack.
struct Round {
    stack: Box<dyn Stack>,
    tasks: Vec<Task>,
    watcher: Arc<Watcher>,
}

fn task(planned: Planned, evidence: Option<Grade>) -> Task {
    let evidence = evidence.map(|grade| format!(" --evidence {grade}")).unwrap_or_default();
    let command = planned.command() + &evidence;
    Task { trial: planned.trial, sources: planned.sources, command }
}

/// Runs all trials, until somebody insists on the end.
async fn unless_insisted(
    rounds: Vec<Round>,
    reporter: &Reporter<'_>,
    common: &Arc<Common>,
) -> Exit {
    let watch = Stopwatch::start();
    let sweepers: Vec<_> = rounds.iter().map(|round| round.stack.sweeper()).collect();
    tokio::select! {
        exit = all(rounds, reporter, common) => exit,
        () = common.cancel.insisted() => {
            reporter.bars.clear();
            let by = sweepers.into_iter().unique().join(" and ");
            let left = format!(
                "interrupted twice: nothing was cleaned up here; {by} removes what the runs made"
            );
            let exit = reporter.shown.console.failed(&left, Exit::Interrupted);
            reporter.report(&[], (exit, &left), watch)
        }
    }
}

/// Runs all trials, stack by stack, and reports the whole.
async fn all(rounds: Vec<Round>, reporter: &Reporter<'_>, common: &Arc<Common>) -> Exit {
    let watch = Stopwatch::start();
    let console = reporter.shown.console;
    if let Err(error) = common.cancel.on_signals() {
        return console.failed(&error, Exit::Internal);
    }
    let (mut ended, mut stacks, mut failure) = (Vec::new(), Vec::new(), None);
    for Round { stack, tasks, watcher } in rounds {
        let is_over = ended.iter().any(|one: &Ended| common.ends_with(one.result.exit));
        if failure.is_some() || common.cancel.is_cancelled() || is_over {
            break;
        }
        let name = watcher.stack.clone();
        let (some, none) = batch::all(tasks, &*stack, Arc::clone(common), watcher).await;
        stacks.extend(some.iter().map(|_| name.clone()));
        ended.extend(some);
        failure = none;
    }
    reporter.bars.clear();
    // Why no stack could be had; what was judged before it stands beside it.
    let failed = failure.as_ref().map(|none| console.failed(&none.sentence, none.exit));
    let cases: Vec<Case<'_>> =
        ended.iter().zip_eq(&stacks).map(|(one, stack)| case(one, stack)).collect();
    // What was not run changes nothing, unless nothing was.
    let ran = cases.iter().map(|case| case.exit).filter(|exit| *exit != Exit::NothingRun);
    let mut exit = ran.chain(failed).reduce(Exit::worst).unwrap_or(Exit::NothingRun);
    if let Some(sentence) = batch::without_order(&ended) {
        exit = exit.worst(console.failed(&sentence, Exit::ScenarioInvalid));
    }
    let is_cancelled = common.cancel.is_cancelled();
    let exit = if is_cancelled { exit.worst(Exit::Interrupted) } else { exit };
    let why = match &failure {
        Some(none) => format!("not begun: {}", none.sentence),
        None if is_cancelled => "not begun: the command was interrupted".to_owned(),
        None => "not begun: another trial did not pass (--fail-fast)".to_owned(),
    };
    reporter.report(&cases, (exit, &why), watch)
}

/// The report for people, beside the history.
fn keep_report(case: &Case<'_>) {
    let Some(folder) = case.folder else { return };
    let text = human::whole(case).to_string();
    if let Err(error) = fs_err::write(folder.join("report.txt"), text) {
        tracing::warn!("the report was not kept: {error}");
    }
}
