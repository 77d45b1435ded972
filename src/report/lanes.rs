//! The conformance page: which guarantee holds with which versions, taken from the reports of runs.

use std::collections::BTreeMap;

use itertools::Itertools as _;
use serde::{Deserialize, Serialize};

use super::json::{Report, TrialReport};
use super::plural;
use crate::base::exit::Exit;

/// What runs of the suite on several lanes gave: `docs/lanes.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The lanes by name.
    lanes: BTreeMap<String, LaneRun>,
    /// The scenarios by id.
    scenarios: BTreeMap<String, Row>,
}

/// One run of the suite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct LaneRun {
    /// When it was.
    day: String,
    /// What made it.
    command: String,
    /// The version of changeproof that judged.
    changeproof: String,
    /// Component → version.
    versions: BTreeMap<String, String>,
}

/// A scenario and its verdicts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Row {
    /// The one sentence that is true if it passes.
    title: String,
    /// Its verdicts, by lane.
    verdicts: BTreeMap<String, Cell>,
}

/// How the trials of a scenario ended on a lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Cell {
    /// The ending that counts.
    exit: Exit,
    /// How many trials were run.
    ran: usize,
    /// Why some were not, or what was found instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    why: Vec<String>,
}

impl Record {
    /// A record that was kept; the error is a sentence.
    pub fn read(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| format!("it is no record of lanes: {error}"))
    }

    /// As it is kept.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).expect("a record holds texts and numbers") + "\n"
    }

    /// Takes in the report of one run on one lane or several, in the place of what was known of the
    /// scenarios that it ran there.
    pub fn add(&mut self, report: &str, day: &str, command: &str) -> Result<(), String> {
        let report: Report =
            serde_json::from_str(report).map_err(|error| format!("it is no report: {error}"))?;
        let ended = report.trials.iter().filter(|trial| trial.exit != Exit::Interrupted);
        let trials = ended.into_group_map_by(|trial| (lane(trial), &trial.id));
        for ((lane, id), trials) in trials {
            let Some(first) = trials.first() else { continue };
            let run = LaneRun {
                day: day.to_owned(),
                command: command.to_owned(),
                changeproof: report.changeproof.clone(),
                versions: first.versions.clone(),
            };
            self.lanes.insert(lane.to_owned(), run);
            let row = self.scenarios.entry(id.clone()).or_default();
            row.title.clone_from(&first.title);
            row.verdicts.insert(lane.to_owned(), cell(&trials));
        }
        Ok(())
    }

    /// The lanes, the default one first.
    fn columns(&self) -> Vec<(&str, &LaneRun)> {
        let lanes = self.lanes.iter().map(|(name, run)| (name.as_str(), run));
        lanes.sorted_by_key(|(name, _)| (*name != DEFAULT, *name)).collect()
    }

    /// The page (Markdown).
    pub fn page(&self) -> String {
        let mut page = HEAD.to_owned();
        let columns = self.columns();
        page += "\n| | lane | Postgres | Kafka | Debezium | Flink | ran | passed | not run | other | day, command |\n";
        page += "|---|---|---|---|---|---|---|---|---|---|---|\n";
        for (number, (name, run)) in columns.iter().enumerate() {
            let version = |part: &str| run.versions.get(part).map_or("?", String::as_str);
            let cells = self.scenarios.values().filter_map(|row| row.verdicts.get(*name));
            let of = |wanted: fn(Exit) -> bool| cells.clone().filter(|c| wanted(c.exit)).count();
            page += &format!(
                "| {} | `{name}` | {} | {} | {} | {} | {} | {} | {} | {} | {}, `{}` |\n",
                number + 1,
                version("postgres"),
                version("kafka"),
                version("debezium"),
                version("flink"),
                of(|exit| exit != Exit::NothingRun),
                of(|exit| exit == Exit::Pass),
                of(|exit| exit == Exit::NothingRun),
                of(|exit| !matches!(exit, Exit::Pass | Exit::NothingRun)),
                run.day,
                run.command,
            );
        }
        page += &self.differences(&columns);
        page += &self.matrix(&columns);
        page
    }

    /// What did not pass on a lane, and why.
    fn differences(&self, columns: &[(&str, &LaneRun)]) -> String {
        let mut section = "\n## What does not pass everywhere\n".to_owned();
        let differs = |row: &Row| row.verdicts.values().any(|cell| cell.exit != Exit::Pass);
        let rows = self.scenarios.iter().filter(|(_, row)| differs(row)).collect::<Vec<_>>();
        if rows.is_empty() {
            return section + "\nNothing: each scenario passed on every lane.\n";
        }
        for (id, row) in rows {
            section += &format!("\n`{id}`: {}\n\n", row.title);
            let other = columns.iter().filter_map(|(name, _)| {
                let cell = row.verdicts.get(*name).filter(|cell| cell.exit != Exit::Pass)?;
                Some(format!("- `{name}`: {}\n", told(cell)))
            });
            section.extend(other);
        }
        section
    }

    fn matrix(&self, columns: &[(&str, &LaneRun)]) -> String {
        let numbers = (1..=columns.len()).map(|n| n.to_string()).join(" | ");
        let rule = "---|".repeat(columns.len());
        let mut section = "\n## Every scenario\n\n`+` passed, `-` not run, blank: not tried, \
                           anything else as said above.\n"
            .to_owned();
        let family = |id: &str| id.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        for (family, rows) in &self.scenarios.iter().chunk_by(|(id, _)| family(id)) {
            section += &format!("\n### {family}\n\n| | {numbers} |\n|---|{rule}\n");
            for (_, row) in rows {
                let cells =
                    columns.iter().map(|(name, _)| row.verdicts.get(*name).map_or("", sign));
                section += &format!("| {} | {} |\n", row.title, cells.into_iter().join(" | "));
            }
        }
        section
    }
}

/// The lane that differs in nothing.
const DEFAULT: &str = "default";

const HEAD: &str = "# Versions\n\nWhich guarantee holds with which versions. Written by `ci/lanes` from the \
                    verdicts of runs on the real components; no verdict here was written by hand. The same as \
                    JSON: `docs/lanes.json`.\n";

fn lane(trial: &TrialReport) -> &str {
    trial.stack.split_once(' ').map_or(DEFAULT, |(_, lane)| lane)
}

fn cell(trials: &[&TrialReport]) -> Cell {
    let ran: Vec<_> = trials.iter().filter(|trial| trial.exit != Exit::NothingRun).collect();
    let exit = ran.iter().map(|trial| trial.exit).reduce(Exit::worst);
    let why = trials.iter().filter(|trial| trial.exit != Exit::Pass).filter_map(|trial| {
        let found = || {
            let judged = trial.verdict.as_ref()?.findings.first()?;
            Some(format!("{} at {}", judged.finding.anomaly.name(), judged.finding.place))
        };
        trial.sentence.clone().or_else(found)
    });
    Cell { exit: exit.unwrap_or(Exit::NothingRun), ran: ran.len(), why: why.unique().collect() }
}

fn sign(cell: &Cell) -> &'static str {
    match cell.exit {
        Exit::Pass => "+",
        Exit::NothingRun => "-",
        Exit::Unknown => "unknown",
        Exit::Anomaly => "fails",
        Exit::Usage
        | Exit::ScenarioInvalid
        | Exit::StackNotUp
        | Exit::CaptureBroken
        | Exit::Internal
        | Exit::Interrupted => "invalid",
    }
}

fn told(cell: &Cell) -> String {
    let word = match cell.exit {
        Exit::NothingRun => "not run".to_owned(),
        _ => format!("{} ({})", sign(cell), plural(cell.ran, "trial")),
    };
    let why = cell.why.iter().map(|why| why.lines().next().unwrap_or_default()).join("; ");
    if why.is_empty() { word } else { format!("{word}: {why}") }
}

#[cfg(test)]
mod tests {
    use super::super::{Results, examples, json};
    use super::*;

    fn report(stack: &str, exit: Exit, sentence: Option<&str>) -> String {
        let mut report = json::report(&Results::of(&[], exit));
        let header = examples::header();
        report.trials.push(TrialReport {
            name: header.trial.name(),
            id: header.trial.id.clone(),
            cell: BTreeMap::new(),
            title: header.trial.title.clone(),
            covers: Vec::new(),
            seed: 1,
            stack: stack.to_owned(),
            versions: header.versions.clone(),
            exit,
            verdict: None,
            sentence: sentence.map(str::to_owned),
            diagnostics: Vec::new(),
            leftovers: Vec::new(),
            kept: Vec::new(),
            folder: None,
            elapsed_ms: None,
            command: header.command.clone(),
        });
        json::text(&report)
    }

    #[test]
    fn a_page_shows_each_lane_and_says_why_they_differ() {
        let mut record = Record::default();
        let why = "it requires flink from 2.1, and the stack's is 2.0.0";
        for (stack, exit, why) in [
            ("local flink=2.0.0", Exit::NothingRun, Some(why)),
            ("local", Exit::Pass, None),
            ("local postgres=17.11", Exit::Anomaly, None),
        ] {
            record.add(&report(stack, exit, why), "2026-11-30", "ci/lanes").unwrap();
        }
        assert_eq!(Record::read(&record.text()).as_ref(), Ok(&record));
        let page = record.page();
        for line in [
            "| 1 | `default` |",
            "| 2 | `flink=2.0.0` |",
            "- `flink=2.0.0`: not run: it requires flink from 2.1, and the stack's is 2.0.0\n",
            "- `postgres=17.11`: fails (1 trial)\n",
            "| + | - | fails |\n",
        ] {
            assert!(page.contains(line), "{line}\n{page}");
        }
    }

    #[test]
    fn a_later_run_takes_the_place_of_an_earlier_one() {
        let mut record = Record::default();
        record.add(&report("local", Exit::Anomaly, None), "2026-11-29", "ci/lanes").unwrap();
        record.add(&report("local", Exit::Pass, None), "2026-11-30", "ci/lanes").unwrap();
        assert!(record.page().contains("Nothing: each scenario passed"));
        assert!(record.add("{}", "2026-11-30", "ci/lanes").unwrap_err().contains("no report"));
    }
}
