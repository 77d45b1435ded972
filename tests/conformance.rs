//! The conformance run: every scenario × cell on the real components, one trial each.
//!
//! A trial runs the built command as a user would, so a trial's process is isolated and its exit
//! code and report are part of what is tested. Trials of `scenarios/` must pass; those of
//! `tests/outcomes/` say in their first comment lines with which exit code they must end and which
//! words the output must hold:
//!
//! ```yaml
//! # exit: 10
//! # says: diverged-sink
//! ```
//!
//! A scenario over the hand-written pipeline `card_tx_oss` has a twin over `card_tx`, the same pipeline
//! in Confluent's dialect: the same timeline must give the same tables.
//!
//! Scenarios over either pipeline run in Avro too, with the setting `format` in front of their own: the
//! same tables again. One that names the format itself has said what is different there.
//!
//! Listing reads the files without a stack. A file with errors lists as one failing trial. A
//! process that is given one exact name reads only the file of that name.

#![expect(clippy::disallowed_methods, reason = "a trial runs the built command")]

use std::process::{Command, ExitCode};

use camino::{Utf8Path, Utf8PathBuf};
use changeproof::plan::{self, Matrix};
use changeproof::scenario;
use changeproof::scenario::trial::Trial as Planned;
use changeproof::stack;
use libtest_mimic::{Arguments, Failed, Trial};

/// The scenarios that must pass; their ids are relative to this folder.
const SCENARIOS: &str = "scenarios";

/// The scenarios that say how they must end; their ids begin with `outcomes/`.
const OUTCOMES: &str = "tests/outcomes";

/// What the ids of twins begin with.
const TWINS: &str = "twins/";

/// What the ids of scenarios in Avro begin with.
const IN_AVRO: &str = "avro/";

/// The pipeline that is written by hand, as its scenarios name it.
const HAND_WRITTEN: &str = "../../flink-sql/card_tx_oss/pipeline.yaml";

/// The same pipeline in Confluent's dialect.
const TRANSLATED: &str = "flink-sql/card_tx/pipeline.yaml";

/// The axis of the orders of a `permute`; of a further one `order.2` and so on.
const ORDER: &str = "order";

/// Every draw of a conformance run is the same, so that a failure repeats.
const SEED: u64 = 1;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let root = Utf8Path::new(env!("CARGO_MANIFEST_DIR"));
    let ids = match (&arguments.filter, arguments.exact) {
        (Some(name), true) => vec![id_of(name)],
        _ => {
            let ids = [SCENARIOS, OUTCOMES].into_iter().flat_map(|folder| ids_below(root, folder));
            let own = ids.flat_map(|id| [twin_of(root, &id), Some(id)]).flatten();
            own.flat_map(|id| [in_avro_of(root, &id), Some(id)]).flatten().collect()
        }
    };
    let trials = ids.iter().flat_map(|id| trials_of(root, id)).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// `order/a-waiting-writer-wins [partitions=3] (alone)` → what stands before the blank.
fn id_of(name: &str) -> String {
    name.split_once(' ').map_or(name, |(id, _)| id).to_owned()
}

fn ids_below(root: &Utf8Path, folder: &str) -> Vec<String> {
    let prefix = if folder == OUTCOMES { "outcomes/" } else { "" };
    let whole = root.join(folder);
    let id = |one: plan::Selected| {
        let below = one.path.strip_prefix(&whole).map(|path| path.with_extension(""));
        format!("{prefix}{}", below.map_or(one.id, Utf8PathBuf::into_string))
    };
    match plan::list(&whole) {
        Ok(found) => found.into_iter().map(id).collect(),
        // A folder that cannot be read must fail, not run nothing.
        Err(error) => vec![format!("{folder}: {error}")],
    }
}

/// The id of the twin of a scenario over the hand-written pipeline. A scenario that swaps statements
/// has none: they are written for its own pipeline.
fn twin_of(root: &Utf8Path, id: &str) -> Option<String> {
    let text = std::fs::read_to_string(root.join(file_of(id))).ok()?;
    let is_outcome = id.starts_with("outcomes/");
    let is_own = text.contains(HAND_WRITTEN) && !text.contains("statements:") && !is_outcome;
    is_own.then(|| format!("{TWINS}{id}"))
}

/// The id in Avro of a scenario over one of the two pipelines, or of its twin.
fn in_avro_of(root: &Utf8Path, id: &str) -> Option<String> {
    let text = std::fs::read_to_string(root.join(file_of(id))).ok()?;
    let is_outcome = id.starts_with("outcomes/");
    // The demo is in Avro as it is.
    let is_demo = text.contains("/card_tx_demo");
    let runs_in_both =
        text.contains("/card_tx") && !is_demo && !text.contains("format:") && !is_outcome;
    runs_in_both.then(|| format!("{IN_AVRO}{id}"))
}

/// Writes a scenario with its records in Avro; `settings` is one line or several, or not there.
fn in_avro_file(id: &str) -> Utf8PathBuf {
    let root = Utf8Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join(file_of(id))).unwrap_or_default();
    // The longer way first: it ends like the shorter one.
    let flink_sql = root.join("flink-sql");
    let text = text.replace("../../../flink-sql", flink_sql.as_str());
    let text = text.replace("../../flink-sql", flink_sql.as_str());
    let text = if text.contains("\nsettings: {") {
        text.replace("\nsettings: {", "\nsettings: {format: avro-registry, ")
    } else if text.contains("\nsettings:\n") {
        text.replace("\nsettings:\n", "\nsettings:\n  format: avro-registry\n")
    } else {
        text.replace("\ntimeline:", "\nsettings: {format: avro-registry}\ntimeline:")
    };
    written(&format!("{IN_AVRO}{id}"), &text)
}

/// Writes the twin of a scenario; it names its pipeline by the full path.
fn twin_file(id: &str) -> Utf8PathBuf {
    let root = Utf8Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join(file_of(id))).unwrap_or_default();
    let text = text.replace(HAND_WRITTEN, root.join(TRANSLATED).as_str());
    written(&format!("{TWINS}{id}"), &text)
}

/// Puts a file in its place in one step: trials side by side write the same one and read it at once.
fn written(id: &str, text: &str) -> Utf8PathBuf {
    let file = Utf8Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{id}.yaml"));
    // What cannot be written cannot be read, and fails as a trial.
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).ok();
    }
    let draft = file.with_extension(std::process::id().to_string());
    std::fs::write(&draft, text).and_then(|()| std::fs::rename(&draft, &file)).ok();
    file
}

fn file_of(id: &str) -> Utf8PathBuf {
    if let Some(id) = id.strip_prefix(IN_AVRO) {
        return in_avro_file(id);
    }
    if let Some(id) = id.strip_prefix(TWINS) {
        return twin_file(id);
    }
    let (folder, id) = match id.strip_prefix("outcomes/") {
        Some(id) => (OUTCOMES, id),
        None => (SCENARIOS, id),
    };
    Utf8Path::new(folder).join(format!("{id}.yaml"))
}

fn trials_of(root: &Utf8Path, id: &str) -> Vec<Trial> {
    let file = &file_of(id);
    let loaded = scenario::load_as(&root.join(file), id);
    let broken = loaded.diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>();
    let outcome = Outcome::of(root, file);
    match (loaded.scenario, outcome) {
        (Some(scenario), Ok(outcome)) => {
            let mut planned = plan::trials(&scenario, Matrix::Full, SEED);
            planned.iter_mut().for_each(forget_order);
            // The orders of a `permute` are one trial: some of them may turn out to be impossible,
            // and only the command that runs them all can say whether none was left.
            planned.dedup_by(|one, other| one.cell == other.cell);
            let trials = planned.into_iter();
            trials.map(|planned| trial(root.join(file), planned, outcome.clone())).collect()
        }
        (_, outcome) => {
            let why = outcome.err().unwrap_or_else(|| broken.join("\n"));
            vec![Trial::test(id.to_owned(), move || Err(Failed::from(why)))]
        }
    }
}

/// Takes the order out of the cell of a permuted trial.
fn forget_order(planned: &mut Planned) {
    if planned.is_permuted() {
        planned.cell.0.retain(|(axis, _)| axis != ORDER && !axis.starts_with("order."));
    }
}

fn trial(file: Utf8PathBuf, planned: Planned, outcome: Outcome) -> Trial {
    let alone = if planned.alone { " (alone)" } else { "" };
    let name = format!("{}{alone}", planned.name());
    let is_out = is_out_of_range(&planned);
    let trial = Trial::test(name, move || outcome.check(&run(&file, &planned)?));
    trial.with_ignored_flag(is_out)
}

/// Whether a pinned version says already that the trial is not run; what only the machine knows
/// (Postgres) is decided by the run.
fn is_out_of_range(planned: &Planned) -> bool {
    let versions = stack::local_profile(&stack::Lane::default()).versions;
    let mut ranges = planned.requires.iter();
    ranges.any(|(component, range)| match versions.get(component) {
        Some(version) => !range.holds(version),
        // What is not pinned is not there, apart from what the machine has.
        None => component != "postgres",
    })
}

/// What a trial's command did.
struct Ended {
    exit: Option<i32>,
    output: String,
}

fn run(file: &Utf8Path, planned: &Planned) -> Result<Ended, Failed> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_changeproof"));
    command.args(["run", file.as_str(), "--seed", &SEED.to_string()]);
    for (axis, value) in &planned.cell.0 {
        command.args(["--cell", &format!("{axis}={value}")]);
    }
    let output = command.output().map_err(|error| Failed::from(error.to_string()))?;
    let text = [output.stdout, output.stderr].concat();
    Ok(Ended { exit: output.status.code(), output: String::from_utf8_lossy(&text).into_owned() })
}

/// How a trial must end.
#[derive(Clone)]
struct Outcome {
    exit: i32,
    says: Vec<String>,
}

impl Outcome {
    /// Read from the comments at the head of a file of `tests/outcomes/`; elsewhere: a pass.
    fn of(root: &Utf8Path, file: &Utf8Path) -> Result<Self, String> {
        if !file.starts_with(OUTCOMES) {
            return Ok(Self { exit: 0, says: Vec::new() });
        }
        let text = std::fs::read_to_string(root.join(file)).map_err(|error| error.to_string())?;
        let said = |key: &str| {
            let head = text.lines().take_while(|line| line.starts_with('#'));
            let values = head.filter_map(|line| line.strip_prefix(&format!("# {key}: ")));
            values.map(str::to_owned).collect::<Vec<_>>()
        };
        match said("exit").as_slice() {
            [exit] => {
                let exit = exit.parse().map_err(|_| format!("{file}: `# exit: {exit}`"))?;
                Ok(Self { exit, says: said("says") })
            }
            _ => Err(format!("{file}: one line `# exit: CODE` must stand at its head")),
        }
    }

    fn check(&self, ended: &Ended) -> Result<(), Failed> {
        let mut wrong = Vec::new();
        if ended.exit != Some(self.exit) {
            wrong.push(format!("exit code {:?}, expected {}", ended.exit, self.exit));
        }
        let missing = self.says.iter().filter(|words| !ended.output.contains(*words));
        wrong.extend(missing.map(|words| format!("the output does not say `{words}`")));
        if wrong.is_empty() {
            return Ok(());
        }
        Err(Failed::from(format!("{}\n{}", wrong.join("\n"), ended.output)))
    }
}
