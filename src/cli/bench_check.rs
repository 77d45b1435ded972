//! `changeproof bench-check` (hidden; `ci/bench check` calls it): how fast long histories are judged.
//! Each step is a process of its own, so that its time and its memory are its own.

use std::io::BufWriter;

use camino::{Utf8Path, Utf8PathBuf};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::console::Console;
use crate::base::exit::Exit;
use crate::check::once::judge_once;
use crate::check::verdict::Status;
use crate::client::clock::Stopwatch;
use crate::generate::history::{Plan, write};
use crate::history::HistoryError;
use crate::history::stream::{Seen, Stream};

/// Measure how fast a long history is judged; prints JSON
#[derive(Debug, Args)]
pub(super) struct BenchCheck {
    #[command(subcommand)]
    step: Step,
}

/// One step.
#[derive(Debug, Subcommand)]
enum Step {
    /// Make a history
    Make(Make),
    /// Read it, and do nothing with it
    Read(Of),
    /// Parse every record once into a tree of values
    Parse(Of),
    /// Judge it in one pass
    Judge(Of),
}

#[derive(Debug, Args)]
struct Make {
    /// The file to write
    file: Utf8PathBuf,
    /// How many events, about
    #[arg(long)]
    events: u64,
    /// How many rows the table has, about
    #[arg(long)]
    keys: u64,
    /// What decides everything else
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One record shows another value than the journal
    #[arg(long)]
    alter: bool,
}

#[derive(Debug, Args)]
struct Of {
    /// The history
    file: Utf8PathBuf,
}

/// What was measured.
#[derive(Debug, Default, Serialize)]
struct Measured {
    events: u64,
    file_bytes: u64,
    wall_ms: u64,
    /// Time on a processor.
    cpu_ms: u64,
    /// Events a second of that time.
    events_per_cpu_s: u64,
    /// The most memory that the process had.
    rss_kib: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    judged: Option<Judged>,
}

#[derive(Debug, Serialize)]
struct Judged {
    outcome: String,
    failing: Vec<String>,
    live_keys: usize,
    /// The table of keys: state, name and digest of the last row.
    bytes_per_live_key: usize,
    /// The same without name (16 bytes) and digest (8 bytes).
    state_bytes_per_live_key: usize,
    due_bytes: usize,
    deviating_keys: usize,
    events_looked_at: usize,
}

pub(super) fn run(bench: &BenchCheck, console: Console) -> Exit {
    let watch = Stopwatch::start();
    let (file, done) = match &bench.step {
        Step::Make(make) => (&make.file, self::make(make).map(|()| (make.events, None))),
        Step::Read(of) => (&of.file, read(&of.file, |_| true)),
        Step::Parse(of) => (&of.file, read(&of.file, parses)),
        Step::Judge(of) => (&of.file, judge(&of.file)),
    };
    let (events, judged) = match done {
        Ok(done) => done,
        Err(sentence) => return console.failed(&sentence, Exit::ScenarioInvalid),
    };
    let (wall_ms, cpu_ms) = (watch.elapsed_ms(), cpu_ms());
    let measured = Measured {
        events,
        file_bytes: fs_err::metadata(file).map_or(0, |found| found.len()),
        wall_ms,
        cpu_ms,
        events_per_cpu_s: events.saturating_mul(1000) / cpu_ms.max(1),
        rss_kib: rss_kib(),
        judged,
    };
    match serde_json::to_string_pretty(&measured) {
        Ok(json) => {
            console.out(&json);
            Exit::Pass
        }
        Err(error) => console.failed(&error, Exit::Internal),
    }
}

type Done = Result<(u64, Option<Judged>), String>;

fn make(make: &Make) -> Result<(), String> {
    let Make { events, keys, seed, alter, .. } = *make;
    let output = fs_err::File::create(&make.file).map_err(|error| error.to_string())?;
    let made = write(Plan { events, keys, seed, alter }, BufWriter::new(output));
    made.map(drop).map_err(|error| error.to_string())
}

fn read(file: &Utf8Path, mut each: impl FnMut(&Seen<'_>) -> bool) -> Done {
    let told = |error: HistoryError| error.to_string();
    let mut stream = Stream::open(file).map_err(told)?;
    let mut events = 0;
    while let Some(seen) = stream.see().map_err(told)? {
        events += 1;
        if !each(&seen) {
            return Err(format!("event {events} cannot be parsed"));
        }
    }
    Ok((events, None))
}

/// What the plainest reader does with a record; messages of the journal are no JSON.
fn parses(seen: &Seen<'_>) -> bool {
    let Seen::Record(record) = seen else { return true };
    let mut parts = [record.key, record.value].into_iter().flatten();
    parts.all(|part| serde_json::from_slice::<serde_json::Value>(part).is_ok())
}

fn judge(file: &Utf8Path) -> Done {
    let once = judge_once(|| Stream::open(file)).map_err(|error| error.to_string())?;
    let (verdict, taken) = (once.judged?, once.taken);
    let failing = verdict.findings.iter().filter(|judged| judged.status == Status::Failing);
    let bytes_per_live_key = taken.key_bytes / taken.live_keys.max(1);
    let judged = Judged {
        outcome: format!("{:?}", verdict.outcome).to_lowercase(),
        failing: failing.map(|judged| judged.finding.anomaly.name().to_owned()).collect(),
        live_keys: taken.live_keys,
        bytes_per_live_key,
        state_bytes_per_live_key: bytes_per_live_key.saturating_sub(24),
        due_bytes: taken.due_bytes,
        deviating_keys: taken.deviating_keys,
        events_looked_at: taken.looked_at,
    };
    Ok((taken.events, Some(judged)))
}

/// The time that this process was on a processor; each step is one thread.
fn cpu_ms() -> u64 {
    let text = fs_err::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let ns = text.split_whitespace().next().and_then(|ns| ns.parse::<u64>().ok());
    ns.unwrap_or_default() / 1_000_000
}

fn rss_kib() -> u64 {
    let text = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
