//! `changeproof bench` (hidden; `ci/bench` calls it): how long the stack and its runs take.

use std::sync::Arc;

use camino::Utf8PathBuf;
use clap::Args;
use futures::StreamExt as _;
use serde::Serialize;

use super::console::Console;
use super::environment::Environment;
use super::lane::OneLane;
use super::stack::own_options;
use crate::base::exit::Exit;
use crate::base::secret::Secrets;
use crate::client::clock::Stopwatch;
use crate::plan::needs::Sharing;
use crate::plan::{self, Matrix};
use crate::run::{self, Cancel, Limits, RunContext, Silent};
use crate::scenario;
use crate::scenario::trial::Trial;
use crate::stack::{self, Lane, Lease, Local, Stack as _, StackOptions};

/// Measure the stack and the runs of a scenario; prints JSON
#[derive(Debug, Args)]
pub(super) struct Bench {
    /// The scenario; the first cell of its matrix is run
    scenario: Utf8PathBuf,
    #[command(flatten)]
    lane: OneLane,
    /// Runs of each kind
    #[arg(long, default_value_t = 40)]
    runs: u32,
    /// Cold starts
    #[arg(long, default_value_t = 3)]
    starts: u32,
}

/// What was measured. Times in milliseconds.
#[derive(Debug, Serialize)]
struct Measured {
    scenario: String,
    runs: u32,
    /// From nothing to a ready stack, caches warm: the median of the starts.
    cold_start_ms: u64,
    /// From nothing to the first verdict.
    first_verdict_ms: u64,
    warm: Spread,
    /// The same calls without journal, storage, reference and checks, each after one of `warm`.
    bare: Spread,
    /// Median by median.
    ratio: f64,
    /// Wall time by scenario, one at a time and four.
    per_scenario_1_ms: u64,
    per_scenario_4_ms: u64,
    bare_per_scenario_4_ms: u64,
    ratio_4: f64,
}

#[derive(Debug, Serialize)]
struct Spread {
    p50_ms: u64,
    p95_ms: u64,
    max_ms: u64,
}

pub(super) fn bench(bench: &Bench, environment: &Environment, console: Console) -> Exit {
    let options = match own_options(environment, None) {
        Ok(options) => options,
        Err(error) => return console.failed(&error, error.exit()),
    };
    let lane = match bench.lane.one() {
        Ok(lane) => lane,
        Err(sentence) => return console.failed(&sentence, Exit::ScenarioInvalid),
    };
    let loaded = scenario::load_as(&bench.scenario, bench.scenario.file_stem().unwrap_or("bench"));
    let Some(scenario) = loaded.scenario else {
        let said = loaded.diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>();
        return console.failed(&said.join("\n"), Exit::ScenarioInvalid);
    };
    let Some(trial) = plan::trials(&scenario, Matrix::First, 1).into_iter().next() else {
        return console.failed(&"the scenario has no cell", Exit::NothingRun);
    };
    let measured = tokio::runtime::Runtime::new()
        .map_err(|error| error.to_string())
        .and_then(|runtime| runtime.block_on(measure(bench, &trial, (&options, &lane), console)));
    match measured.and_then(|m| serde_json::to_string_pretty(&m).map_err(|e| e.to_string())) {
        Ok(json) => {
            console.out(&json);
            Exit::Pass
        }
        Err(sentence) => console.failed(&sentence, Exit::StackNotUp),
    }
}

async fn measure(
    bench: &Bench,
    trial: &Trial,
    on: (&StackOptions, &Lane),
    console: Console,
) -> Result<Measured, String> {
    let (options, _) = on;
    let say = |line: &str| console.err(line);
    let silent = |_: &str| {};
    let mut starts = Vec::new();
    let mut first = Vec::new();
    for _ in 0..bench.starts.max(1) {
        stack::down(options, &silent).await.map_err(|error| error.to_string())?;
        let watch = Stopwatch::start();
        let lease = lease(on).await?;
        starts.push(watch.elapsed_ms());
        judged(trial, &context(lease)).await?;
        first.push(watch.elapsed_ms());
    }
    say("the stack was started");
    let lease = lease(on).await?;
    let context = context(lease);
    // The first run of a warm stack is not one of it.
    judged(trial, &context).await?;
    let (mut warm, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..bench.runs {
        warm.push(judged(trial, &context).await?);
        // In a box: it is large.
        bare.push(Box::pin(run::bare(trial, &context)).await?);
    }
    say("one at a time is measured");
    let (context, trial) = (Arc::new(context), Arc::new(trial.clone()));
    let four = four(bench.runs, || {
        let (trial, context) = (Arc::clone(&trial), Arc::clone(&context));
        tokio::spawn(async move { judged(&trial, &context).await })
    });
    let four = four.await?;
    let bare_four = self::four(bench.runs, || {
        let (trial, context) = (Arc::clone(&trial), Arc::clone(&context));
        tokio::spawn(async move { Box::pin(run::bare(&trial, &context)).await })
    });
    let bare_four = bare_four.await?;
    let per_scenario_1_ms = warm.iter().sum::<u64>() / u64::from(bench.runs.max(1));
    let (warm, bare) = (spread(warm), spread(bare));
    Ok(Measured {
        scenario: trial.name(),
        runs: bench.runs,
        cold_start_ms: spread(starts).p50_ms,
        first_verdict_ms: spread(first).p50_ms,
        ratio: ratio(warm.p50_ms, bare.p50_ms),
        warm,
        bare,
        per_scenario_1_ms,
        per_scenario_4_ms: four,
        bare_per_scenario_4_ms: bare_four,
        ratio_4: ratio(four, bare_four),
    })
}

async fn lease(on: (&StackOptions, &Lane)) -> Result<Arc<dyn Lease>, String> {
    let (options, lane) = on;
    let (stack, sharing) = (Local::new(options.clone(), lane.clone()), Sharing::default());
    stack.lease(&sharing, &|_| {}).await.map_err(|error| error.to_string())
}

/// Milliseconds by run, four side by side.
async fn four<F>(runs: u32, start: impl Fn() -> F) -> Result<u64, String>
where
    F: Future<Output = Result<Result<u64, String>, tokio::task::JoinError>>,
{
    let watch = Stopwatch::start();
    let mut running = futures::stream::iter((0..runs).map(|_| start())).buffer_unordered(4);
    while let Some(ended) = running.next().await {
        ended.map_err(|error| error.to_string())??;
    }
    Ok(watch.elapsed_ms() / u64::from(runs.max(1)))
}

/// Runs the trial, which must pass; gives its milliseconds.
async fn judged(trial: &Trial, context: &RunContext) -> Result<u64, String> {
    let result = run::trial(trial, context, &Silent).await;
    if result.exit != Exit::Pass {
        let why = result.sentence.unwrap_or_default();
        return Err(format!("a measured run did not pass; see {}. {why}", result.folder));
    }
    Ok(result.elapsed_ms)
}

fn context(lease: Arc<dyn Lease>) -> RunContext {
    RunContext {
        lease,
        runs: Utf8PathBuf::from(".changeproof/runs"),
        sources: Vec::new(),
        secrets: Secrets::none(),
        command: "ci/bench".to_owned(),
        evidence: None,
        keep_run: false,
        limits: Limits::local(),
        cancel: Cancel::new(),
    }
}

fn spread(mut times: Vec<u64>) -> Spread {
    times.sort_unstable();
    let at = |percent: usize| {
        let place = (times.len() * percent).div_ceil(100).saturating_sub(1);
        times.get(place).copied().unwrap_or_default()
    };
    Spread { p50_ms: at(50), p95_ms: at(95), max_ms: at(100) }
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "milliseconds of minutes")]
fn ratio(of: u64, to: u64) -> f64 {
    let hundredths = (of as f64 / to.max(1) as f64 * 100.0).round();
    hundredths / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_measured_values() {
        let spread = spread((1..=40).rev().collect());
        assert_eq!((spread.p50_ms, spread.p95_ms, spread.max_ms), (20, 38, 40));
        assert!((ratio(130, 100) - 1.3).abs() < f64::EPSILON);
    }
}
