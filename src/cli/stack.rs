//! `changeproof up`, `down`, `status`, `doctor`, and the hidden `keeper`.

use std::time::Duration;

use anstyle::{AnsiColor, Style};
use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;
use itertools::Itertools as _;

use super::console::Console;
use super::environment::Environment;
use super::lane::OneLane;
use crate::base::exit::Exit;
use crate::disk;
use crate::stack::confine::{self, Access};
use crate::stack::doctor::{Finding, Grade};
use crate::stack::network;
use crate::stack::record::Record;
use crate::stack::status::State;
use crate::stack::{self, Lane, Network, OwnOptions, StackError, StackOptions};

/// How long the stack idles before it ends, unless told otherwise.
const IDLE: Duration = Duration::from_mins(5);

/// Start the local stack and keep it up until `down`
///
/// Commands that need the stack start it by themselves; it then ends after five minutes without
/// use.
#[derive(Debug, Args)]
pub(super) struct Up {
    /// Do not hold it: let it end after this time without use, as in `90s` or `10m`
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    idle: Option<Duration>,
    #[command(flatten)]
    lane: OneLane,
    /// Start one whose components tell their figures to Prometheus, on a network of its own
    ///
    /// It stands beside the one that is usually started; `run --metrics` uses it.
    #[arg(long, help_heading = "Metrics")]
    metrics: bool,
    /// Write what Prometheus has to scrape to this file, as its `file_sd_configs` reads it
    #[arg(long, value_name = "PATH", requires = "metrics", help_heading = "Metrics")]
    targets: Option<Utf8PathBuf>,
    #[command(flatten)]
    format: Format,
}

/// End the local stack and remove everything that it and killed runs left
#[derive(Debug, Args)]
pub(super) struct Down {}

/// Show what runs and where it listens
#[derive(Debug, Args)]
pub(super) struct Status {
    #[command(flatten)]
    format: Format,
}

/// List what this machine lacks for the local stack, and what mends it
#[derive(Debug, Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    format: Format,
}

/// Own the components of a stack (started by the other commands)
#[derive(Debug, Args)]
pub(super) struct Keeper {
    /// The file that says what to do
    order: Utf8PathBuf,
}

/// Stand before the object storage of a stack (started by the keeper)
#[derive(Debug, Args)]
pub(super) struct Door {
    /// The file that says what to do
    order: Utf8PathBuf,
}

/// Start a program that reaches some files alone (started by the keeper)
#[derive(Debug, Args)]
pub(super) struct Confined {
    /// What it may read
    #[arg(long = "read")]
    reads: Vec<Utf8PathBuf>,
    /// What it may read and write
    #[arg(long = "write")]
    writes: Vec<Utf8PathBuf>,
    /// The program
    program: Utf8PathBuf,
    /// What it is told
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// How to print.
#[derive(Debug, Args)]
pub(super) struct Format {
    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Shape::Human)]
    pub(super) format: Shape,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Shape {
    Human,
    Json,
}

/// What the environment says about the stack. `program` is the `changeproof` binary.
pub fn options(
    environment: &Environment,
    program: &Utf8Path,
    idle: Option<Duration>,
) -> Result<StackOptions, StackError> {
    let cache = environment.cache.clone().ok_or_else(|| StackError::Missing {
        what: "none of CHANGEPROOF_CACHE, XDG_CACHE_HOME and HOME is set".to_owned(),
        mend: "set CHANGEPROOF_CACHE to a folder for jars".to_owned(),
    })?;
    let state = environment.state.clone().unwrap_or_else(default_state);
    Ok(StackOptions {
        program: absolute(program)?,
        cache: absolute(&cache)?,
        state: absolute(&state)?,
        search: environment.path.clone(),
        java_home: environment.java_home.clone(),
        postgres_bin: environment.postgres_bin.clone(),
        idle: idle.unwrap_or(IDLE),
        network: environment.network,
        own: OwnOptions::default(),
    })
}

/// A folder of this user's own: in memory where a file system there is large enough, else on disk.
///
/// A run makes and removes about a thousand small files (a database alone is 300), which on a disk
/// takes longer than all else it does. The answer must not change from one call to the next, so it
/// looks at what never changes: the size, not what is free.
fn default_state() -> Utf8PathBuf {
    let user = rustix::process::getuid().as_raw();
    let base = if holds_stacks(MEMORY) { MEMORY } else { "/var/tmp" };
    format!("{base}/changeproof-{user}").into()
}

/// Where Linux keeps files in memory.
const MEMORY: &str = "/dev/shm";
/// Size that a file system in memory must have.
const LARGE: u64 = 4 << 30;

/// Whether it is large, and lets programs load the libraries they unpack there.
fn holds_stacks(folder: &str) -> bool {
    let Ok(found) = rustix::fs::statvfs(folder) else { return false };
    let barred = rustix::fs::StatVfsMountFlags::NOEXEC | rustix::fs::StatVfsMountFlags::RDONLY;
    found.f_blocks.saturating_mul(found.f_frsize) >= LARGE && !found.f_flag.intersects(barred)
}

fn absolute(path: &Utf8Path) -> Result<Utf8PathBuf, StackError> {
    camino::absolute_utf8(path)
        .map_err(|error| StackError::io(format!("find the folder {path}"), &error))
}

/// The same for this binary.
pub(super) fn own_options(
    environment: &Environment,
    idle: Option<Duration>,
) -> Result<StackOptions, StackError> {
    let doing = "find the changeproof binary";
    let program = std::env::current_exe().map_err(|error| StackError::io(doing, &error))?;
    let program = Utf8PathBuf::from_path_buf(program).map_err(|path| StackError::Refused {
        doing: doing.to_owned(),
        cause: format!("its path is not UTF-8: {}", path.display()),
    })?;
    options(environment, &program, idle)
}

/// Goes on inside the network of the stack, if that is one of its own, as the same command; what
/// the lanes need is fetched before.
pub(super) fn inside(
    options: &StackOptions,
    lanes: &[Lane],
    console: Console,
) -> Result<(), StackError> {
    let say = |line: &str| console.err(line);
    run(stack::enter(options, lanes, &arguments(), &say))
}

/// Goes on inside the network of the stack with metrics; gives the options for in there.
pub(super) fn inside_with_metrics(
    options: &StackOptions,
    lane: &Lane,
    console: Console,
) -> Result<StackOptions, StackError> {
    let say = |line: &str| console.err(line);
    run(stack::enter_with_metrics(options, lane, &arguments(), &say))
}

/// What the command line says after the program's name.
fn arguments() -> Vec<String> {
    std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect()
}

pub(super) fn up(up: &Up, environment: &Environment, console: Console) -> Exit {
    let say = |line: &str| console.err(line);
    let lane = match up.lane.one() {
        Ok(lane) => lane,
        Err(sentence) => return console.failed(&sentence, Exit::ScenarioInvalid),
    };
    finish(console, || {
        let options = own_options(environment, up.idle)?;
        let options = if up.metrics { on_its_own(&options) } else { options };
        let options = options.with(lane.into());
        let record = run(async {
            if up.idle.is_some() {
                return stack::start_unheld(&options, &say).await;
            }
            stack::up(&options, &say).await
        })?;
        if let Some(file) = &up.targets {
            let text = format!("{}\n", json(&record.metrics)?);
            disk::replace(file, text.as_bytes())
                .map_err(|error| StackError::io(format!("write {file}"), &error))?;
        }
        match up.format.format {
            Shape::Human => console.out(&addresses(&record)),
            Shape::Json => console.out(&json(&shown(record))?),
        }
        Ok(Exit::Pass)
    })
}

/// A stack with metrics. Flink's reporter listens on every address.
fn on_its_own(options: &StackOptions) -> StackOptions {
    StackOptions { network: Network::Own, ..options.with_metrics() }
}

/// What a stack says about itself, for anybody's eyes.
fn shown(record: Record) -> Record {
    Record { reach: record.reach.without_secrets(), ..record }
}

pub(super) fn down(_down: &Down, environment: &Environment, console: Console) -> Exit {
    let say = |line: &str| console.err(line);
    finish(console, || {
        let options = own_options(environment, None)?;
        let was_there = run(stack::down(&options, &say))?;
        console.err(if was_there { "the stack is down" } else { "there was no stack" });
        Ok(Exit::Pass)
    })
}

pub(super) fn status(status: &Status, environment: &Environment, console: Console) -> Exit {
    finish(console, || {
        let mut found = stack::status::status(&own_options(environment, None)?)?;
        found.stack = found.stack.map(shown);
        if status.format.format == Shape::Json {
            console.out(&json(&found)?);
            return Ok(Exit::Pass);
        }
        let mut lines = vec![match found.state {
            State::Up => format!(
                "up{}{}, {} MiB",
                if found.held { ", held until down" } else { "" },
                if found.in_use { ", in use" } else { "" },
                found.resident_bytes >> 20
            ),
            State::Changing => "starting or ending".to_owned(),
            State::Down => "down".to_owned(),
        }];
        lines.extend(found.stack.iter().map(addresses));
        lines.extend(found.runs.iter().map(|run| format!("run      {run}")));
        let failure = found.last_failure.iter();
        lines.extend(failure.map(|logs| format!("the logs of the last stack that failed: {logs}")));
        console.out(&lines.join("\n"));
        Ok(Exit::Pass)
    })
}

pub(super) fn doctor(doctor: &Doctor, environment: &Environment, console: Console) -> Exit {
    finish(console, || {
        let options = own_options(environment, None)?;
        let findings = run(async { Ok(stack::doctor::doctor(&options).await) })?;
        match doctor.format.format {
            Shape::Json => console.out(&json(&findings)?),
            Shape::Human => {
                let lines: Vec<String> = findings.iter().map(finding).collect();
                console.out(&lines.join("\n"));
            }
        }
        let missing = findings.iter().any(|finding| finding.grade == Grade::Missing);
        Ok(if missing { Exit::StackNotUp } else { Exit::Pass })
    })
}

pub(super) fn keeper(keeper: &Keeper, console: Console) -> Exit {
    finish(console, || stack::keeper::keep(&keeper.order))
}

pub(super) fn door(door: &Door, console: Console) -> Exit {
    finish(console, || stack::door::serve(&door.order))
}

pub(super) fn confined(confined: &Confined, console: Console) -> Exit {
    let Confined { reads, writes, program, args } = confined;
    let reach = Access { reads: reads.clone(), writes: writes.clone() };
    finish(console, || Err(confine::start(&reach, program, args)))
}

pub(super) fn finding(finding: &Finding) -> String {
    let (word, color) = match finding.grade {
        Grade::Good => ("ok      ", AnsiColor::Green),
        Grade::Doubtful => ("doubtful", AnsiColor::Yellow),
        Grade::Missing => ("missing ", AnsiColor::Red),
    };
    let style = Style::new().fg_color(Some(color.into()));
    let line = format!("{style}{word}{style:#}  {}: {}", finding.name, finding.found);
    match &finding.mend {
        Some(mend) => format!("{line}\n          to mend it: {mend}"),
        None => line,
    }
}

/// Where a stack listens, a line for each component.
fn addresses(record: &Record) -> String {
    let at = &record.reach;
    let version =
        |name: &str| record.versions.get(name).map_or_else(String::new, |v| format!(" {v}"));
    let postgres = format!("postgres://{}@{}/postgres", at.postgres.user, at.postgres.at.outside);
    let metrics = record.metrics.iter().map(|target| {
        let job = target.labels.values().join(" ");
        format!("metrics ({job})  {}", target.targets.join(" "))
    });
    let network = network::way_in(record).map(|way| format!("network  its own, entered by: {way}"));
    [
        format!("postgres{}  {postgres}", version("postgres")),
        format!("kafka{}  {}", version("kafka"), at.kafka.outside.bootstrap),
        format!("connect (debezium{})  {}", version("debezium"), at.connect.url),
        format!("flink{}  {}", version("flink"), at.flink.url),
        format!("gateway  {}", at.gateway.url),
        format!("folder  {}", record.folder),
    ]
    .into_iter()
    .chain(metrics)
    .chain(network)
    .collect::<Vec<_>>()
    .join("\n")
}

pub(super) fn json(value: &impl serde::Serialize) -> Result<String, StackError> {
    serde_json::to_string_pretty(value).map_err(|error| StackError::Refused {
        doing: "print JSON".to_owned(),
        cause: error.to_string(),
    })
}

pub(super) fn run<T>(future: impl Future<Output = Result<T, StackError>>) -> Result<T, StackError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| StackError::io("start a runtime", &error))?.block_on(future)
}

/// Prints an error and gives the exit code.
fn finish(console: Console, command: impl FnOnce() -> Result<Exit, StackError>) -> Exit {
    command().unwrap_or_else(|error| {
        console.err(&format!("error: {error}"));
        error.exit()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_lies_in_memory_only_where_it_fits_and_may_load_libraries() {
        // Nothing is stored there, and nothing is there.
        assert!(!holds_stacks("/proc"));
        assert!(!holds_stacks("/no/such/folder"));
        let memory = rustix::fs::statvfs(MEMORY);
        let fits = memory.is_ok_and(|found| found.f_blocks * found.f_frsize >= LARGE);
        let state = default_state();
        assert!(fits || state.starts_with("/var/tmp"), "{state}");
    }
}
