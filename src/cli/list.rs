//! `changeproof list`: the trials that a run would make.

use std::collections::BTreeMap;
use std::io::Read as _;

use camino::{Utf8Path, Utf8PathBuf};
use clap::{Args, ValueEnum};
use serde_json::Value;

use super::chosen::On;
use super::console::Console;
use super::format::show;
use super::run::RUNS;
use super::select::{Planned, Selection};
use crate::base::anomaly::Anomaly;
use crate::base::exit::Exit;
use crate::base::limits;
use crate::disk;
use crate::plan::needs::Needs;
use crate::report::page::{Ink, Page};

/// List the selected trials: name, title, labels, and how each ended last
#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    on: On,
    /// Only trials with this label in `covers`
    #[arg(long, value_name = "LABEL", help_heading = "Filters")]
    covers: Option<String>,
    /// Only trials that must or may show this finding
    #[arg(long, value_name = "FINDING", help_heading = "Filters")]
    anomaly: Option<Anomaly>,
    /// Only trials of this pipeline file; the end of its path is enough
    #[arg(long, value_name = "PATH", help_heading = "Filters")]
    pipeline: Option<Utf8PathBuf>,
    /// Only trials whose last run here ended so
    #[arg(long, value_enum, help_heading = "Filters")]
    verdict: Option<Last>,
}

/// How the last recorded run of a trial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Last {
    /// Everything demanded was seen, nothing else was
    Pass,
    /// It could not be decided
    Unknown,
    /// An anomaly, or something demanded that was missing
    Fail,
    /// The run says nothing about the pipeline
    Invalid,
    /// No run is recorded
    None,
}

impl Last {
    fn of(outcome: &str) -> Self {
        Self::from_str(outcome, true).unwrap_or(Self::None)
    }

    fn shown(self) -> (Ink, &'static str) {
        match self {
            Self::Pass => (Ink::Good, "pass"),
            Self::Unknown => (Ink::Doubt, "unknown"),
            Self::Fail => (Ink::Bad, "fail"),
            Self::Invalid => (Ink::Bad, "invalid"),
            Self::None => (Ink::Faint, ""),
        }
    }
}

pub(super) fn run(list: &List, console: Console) -> Exit {
    let stacks = match list.on.stacks(console) {
        Ok(stacks) => stacks,
        Err(exit) => return exit,
    };
    let mut selected = match list.selection.select(console) {
        Ok(selected) => selected,
        Err(nothing) => return nothing.tell(console),
    };
    selected.on(&stacks);
    let last = last_verdicts(Utf8Path::new(RUNS));
    let of = |planned: &Planned| last.get(&planned.trial.name()).copied().unwrap_or(Last::None);
    let mut page = Page::new();
    let mut n_listed = 0;
    for planned in selected.trials.iter().filter(|planned| list.wants(planned, of(planned))) {
        let trial = &planned.trial;
        let stack = planned.on.profile();
        n_listed += 1;
        page.add(Ink::Strong, planned.name());
        page.add(Ink::Faint, if trial.alone { " (alone)" } else { "" });
        let (ink, verdict) = of(planned).shown();
        if !verdict.is_empty() {
            page.add(Ink::Plain, "  ");
            page.add(ink, verdict);
        }
        page.line(format!("\n  {}", trial.title));
        if let Some(why) = Needs::of(trial).missing(&stack.name, &stack.capabilities) {
            page.line(format!("  not run: {why}"));
        }
        page.add(Ink::Faint, format!("  {}\n", trial.covers.join(", ")));
    }
    console.out(&page.styled());
    if selected.refused() {
        show(&selected.diagnostics, |file| selected.source(file), console);
        return Exit::ScenarioInvalid;
    }
    if n_listed == 0 {
        let sentence = format!("none of the {} selected trials fits", selected.trials.len());
        return console.failed(&sentence, Exit::NothingRun);
    }
    Exit::Pass
}

impl List {
    fn wants(&self, planned: &Planned, last: Last) -> bool {
        let trial = &planned.trial;
        let covers = self.covers.as_ref().is_none_or(|label| trial.covers.contains(label));
        let anomaly = self.anomaly.is_none_or(|anomaly| {
            let must = trial.expect.must_show.iter().map(|demand| demand.finding);
            let may = trial.expect.may_show.iter().map(|allowance| allowance.finding);
            must.chain(may).any(|finding| finding == anomaly)
        });
        let file = trial.pipeline.file.as_ref();
        let pipeline = self.pipeline.as_ref();
        let pipeline = pipeline.is_none_or(|end| file.is_some_and(|file| file.ends_with(end)));
        covers && anomaly && pipeline && self.verdict.is_none_or(|wanted| wanted == last)
    }
}

/// How the last run of each trial ended, by the trial's name. Run folders are named after the time;
/// what cannot be read is no run.
fn last_verdicts(runs: &Utf8Path) -> BTreeMap<String, Last> {
    let mut folders: Vec<Utf8PathBuf> = runs
        .read_dir_utf8()
        .map(|entries| entries.flatten().map(camino::Utf8DirEntry::into_path).collect())
        .unwrap_or_default();
    folders.sort();
    folders.iter().filter_map(|folder| last_verdict(folder)).collect()
}

fn last_verdict(folder: &Utf8Path) -> Option<(String, Last)> {
    let verdict = disk::read_text(&folder.join("verdict.json"), limits::VERDICT_BYTES).ok()?;
    let verdict: Value = serde_json::from_str(&verdict).ok()?;
    let history = disk::open(&folder.join("history.jsonl")).ok()?.take(limits::EVENT_BYTES);
    let mut head = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(history), &mut head).ok()?;
    let head: Value = serde_json::from_str(&head).ok()?;
    let trial = head.get("trial")?;
    let cell: crate::scenario::settings::Cell =
        serde_json::from_value(trial.get("cell")?.clone()).ok()?;
    let id = trial.get("id")?.as_str()?;
    let name = if cell.0.is_empty() { id.to_owned() } else { format!("{id} [{cell}]") };
    Some((name, Last::of(verdict.get("outcome")?.as_str()?)))
}
