//! `changeproof bless`: the rows of a run into the scenario that it ran.

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;
use itertools::{EitherOrBoth, Itertools as _};
use similar::TextDiff;

use super::check::found;
use super::console::Console;
use crate::base::exit::Exit;
use crate::base::limits;
use crate::base::text::Text;
use crate::check::settled::{Settled, settled};
use crate::check::verdict::{Outcome, Status, Verdict};
use crate::check::{self};
use crate::disk;
use crate::history::History;
use crate::plan::{self, Matrix};
use crate::run;
use crate::scenario::bless::{Seen, blessed};
use crate::scenario::load_edited;
use crate::scenario::timeline::Action;
use crate::scenario::trial::Trial;

/// Fill in or update `rows` of a scenario from a recorded run
///
/// Only if the oracle agrees: no anomaly but what the scenario demands or allows, every sink equal to
/// its reference, and the run judged anew with the new rows must pass. Without `--write` the
/// difference is shown and nothing changes.
#[derive(Debug, Args)]
pub(super) struct Bless {
    /// Run folders, or their names below `.changeproof/runs`
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<Utf8PathBuf>,
    /// Write the rows into the scenario's file
    #[arg(long)]
    write: bool,
}

/// Why a run is not blessed.
struct Refused(Exit, String);

pub(super) fn run(bless: &Bless, console: Console) -> Exit {
    let mut exit = Exit::Pass;
    for named in &bless.runs {
        if let Err(Refused(code, sentence)) = one(&found(named), bless.write, console) {
            exit = exit.worst(console.failed(&format!("{named} is not blessed: {sentence}"), code));
        }
    }
    exit
}

fn one(folder: &Utf8Path, write: bool, console: Console) -> Result<(), Refused> {
    let history = History::read(&run::history_file(folder));
    let mut history = history.map_err(|error| Refused(Exit::ScenarioInvalid, error.to_string()))?;
    let verdict = check::judge(&history);
    agrees(&verdict)?;
    let rows = settled(&history).map_err(|why| Refused(Exit::Unknown, why))?;
    let ran = history.header.trial.clone();
    let file = ran.timeline.last().map(|entry| entry.place.file.clone()).unwrap_or_default();
    let invalid = |sentence: String| Refused(Exit::ScenarioInvalid, sentence);
    let text = disk::read_text(&file, limits::FILE_BYTES);
    let text = text.map_err(|error| invalid(error.to_string()))?;
    let now = trial(&file, &text, &ran).ok_or_else(|| invalid(changed(&file, &text, &ran)))?;
    let source = Text::whole(file.clone(), text.clone());
    let new = blessed(&source, &seen(&rows, &now, &verdict)).map_err(invalid)?;
    if new == text {
        console.err(&format!("{file}: the rows are as they were seen"));
        return Ok(());
    }
    let blessed = trial(&file, &new, &ran)
        .ok_or_else(|| Refused(Exit::Internal, format!("{file} would not read any more")))?;
    history.header.trial = blessed;
    passes(&history)?;
    let diff = TextDiff::from_lines(&text, &new);
    console
        .out(&diff.unified_diff().header(file.as_str(), &format!("{file} (blessed)")).to_string());
    if write {
        let written = disk::replace(&file, new.as_bytes());
        written.map_err(|error| Refused(Exit::Usage, format!("{file} stays as it is: {error}")))?;
        console.err(&format!("{file} is written"));
    } else {
        console.err("nothing is written; add --write to do so");
    }
    Ok(())
}

/// Nothing but rows may be amiss.
fn agrees(verdict: &Verdict) -> Result<(), Refused> {
    let refused =
        |exit, sentence: &str| Err(Refused(exit, format!("the oracle does not agree: {sentence}")));
    if verdict.outcome == Outcome::Invalid {
        return refused(Exit::ScenarioInvalid, "the run says nothing about the pipeline");
    }
    let failing = verdict.findings.iter().find(|judged| judged.status == Status::Failing);
    if let Some(judged) = failing {
        return refused(Exit::Anomaly, &judged.finding.sentence);
    }
    if let Some(unmet) = verdict.unmet.iter().find(|unmet| unmet.demand != "rows") {
        return refused(Exit::Anomaly, &unmet.sentence);
    }
    match verdict.gaps.first() {
        Some(gap) => refused(Exit::Unknown, &format!("{} is not known: {}", gap.what, gap.missing)),
        None => Ok(()),
    }
}

/// With the new rows the same history must pass.
fn passes(history: &History) -> Result<(), Refused> {
    let verdict = check::judge(history);
    if verdict.outcome == Outcome::Pass {
        return Ok(());
    }
    agrees(&verdict)?;
    let unmet = verdict.unmet.first().map_or("it does not pass", |unmet| &unmet.sentence);
    Err(Refused(Exit::Anomaly, format!("with the new rows: {unmet}")))
}

/// The trial that this text of the file gives for the cell that ran; `None` if it would drive
/// something else.
fn trial(file: &Utf8Path, text: &str, ran: &Trial) -> Option<Trial> {
    let scenario = load_edited(file, &ran.id, text.to_owned()).scenario?;
    let trials = plan::trials(&scenario, Matrix::Full, ran.seed);
    // What ran is recorded without its secrets.
    let mut masked = trials.iter().map(Trial::masked);
    masked.find(|trial| trial.cell == ran.cell && drives(trial) == drives(ran))
}

/// Which file is not what it was when the run was made.
fn changed(file: &Utf8Path, text: &str, ran: &Trial) -> String {
    let again = "since this run was made: run it again";
    let Some(scenario) = load_edited(file, &ran.id, text.to_owned()).scenario else {
        return format!(
            "{file} or a file that it names cannot be read any more: changeproof lint {file}"
        );
    };
    let trials = plan::trials(&scenario, Matrix::Full, ran.seed);
    let Some(now) = trials.iter().map(Trial::masked).find(|trial| trial.cell == ran.cell) else {
        return format!("{file} has no cell [{}] any more", ran.cell);
    };
    let pairs = texts(&now).zip_longest(texts(ran));
    let other = pairs.into_iter().find_map(|pair| match pair {
        EitherOrBoth::Both(now, then) => (now.value != then.value).then(|| now.file.clone()),
        EitherOrBoth::Left(only) | EitherOrBoth::Right(only) => Some(only.file.clone()),
    });
    format!("{} was changed {again}", other.unwrap_or_else(|| file.to_owned()))
}

/// What is driven, with its places.
fn texts(trial: &Trial) -> impl Iterator<Item = &Text> {
    let sessions = trial.timeline.iter().filter_map(|entry| match &entry.action {
        Action::Session(session) => Some(&session.statements),
        _ => None,
    });
    let pipeline = trial.pipeline.source.iter().chain(&trial.pipeline.statements);
    pipeline.chain(&trial.setup).chain(sessions.flatten())
}

/// What is driven, without the places at which it is written.
fn drives(trial: &Trial) -> Vec<&str> {
    let sessions = trial.timeline.iter().filter_map(|entry| match &entry.action {
        Action::Session(session) => Some(session.session.as_str()),
        _ => None,
    });
    texts(trial).map(|text| text.value.as_str()).chain(sessions).collect()
}

/// What is to be written: tables that are not there, and those that do not hold.
fn seen<'a>(rows: &'a [Settled], trial: &'a Trial, verdict: &Verdict) -> Vec<Seen<'a>> {
    let mut seen = Vec::new();
    for one in rows {
        let written = trial.expect.rows.get(&one.sink);
        let is_unmet = |table: &crate::scenario::expect::RowTable| {
            let place = Some(table.text.place(0).to_string());
            verdict.unmet.iter().any(|unmet| unmet.at == place)
        };
        if written.is_none_or(is_unmet) {
            seen.push(Seen { sink: &one.sink, written, columns: &one.columns, rows: &one.rows });
        }
    }
    seen
}
