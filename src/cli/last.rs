//! How trials ended the last time they ran here, as the run folders tell.

use std::collections::BTreeMap;
use std::io::Read as _;

use camino::{Utf8Path, Utf8PathBuf};
use clap::{Args, ValueEnum};
use serde_json::Value;

use super::select::Planned;
use crate::base::limits;
use crate::check::verdict::Outcome;
use crate::disk;
use crate::history::stack;
use crate::report::page::Ink;
use crate::run::folder;

/// Filters that ask for the last recorded run of a trial.
#[derive(Debug, Default, Args)]
pub(super) struct ByLast {
    /// Only trials whose last run here ended so
    #[arg(long, value_enum, help_heading = "Filters")]
    verdict: Option<Last>,
    /// Only trials whose last run here did not pass
    #[arg(long, conflicts_with = "verdict", help_heading = "Filters")]
    last_failed: bool,
}

impl ByLast {
    /// Whether trials that ended so are wanted.
    pub(super) fn wants(&self, last: Last) -> bool {
        let failed = matches!(last, Last::Fail | Last::Unknown | Last::Invalid);
        self.verdict.is_none_or(|wanted| wanted == last) && (failed || !self.last_failed)
    }

    /// Why none is left of `n` trials.
    pub(super) fn nothing(&self, n: usize) -> String {
        if self.last_failed {
            return format!("none of the {n} selected trials failed when it last ran here");
        }
        format!("none of the {n} selected trials fits")
    }
}

/// How the last recorded run of a trial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Last {
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

    /// The outcome of that run.
    pub(super) fn outcome(self) -> Option<Outcome> {
        match self {
            Self::Pass => Some(Outcome::Pass),
            Self::Unknown => Some(Outcome::Unknown),
            Self::Fail => Some(Outcome::Fail),
            Self::Invalid => Some(Outcome::Invalid),
            Self::None => None,
        }
    }

    /// A word for people, with its ink.
    pub(super) fn shown(self) -> (Ink, &'static str) {
        match self {
            Self::Pass => (Ink::Good, "pass"),
            Self::Unknown => (Ink::Doubt, "unknown"),
            Self::Fail => (Ink::Bad, "fail"),
            Self::Invalid => (Ink::Bad, "invalid"),
            Self::None => (Ink::Faint, ""),
        }
    }
}

/// Trial → how its last run ended.
#[derive(Debug, Default)]
pub(super) struct LastRuns(BTreeMap<String, Last>);

impl LastRuns {
    /// Those of a folder of runs. Run folders are named after the time; what cannot be read is no run.
    pub(super) fn of(runs: &Utf8Path) -> Self {
        let folders = folder::recorded(runs).into_iter().map(|name| runs.join(name));
        Self(folders.filter_map(|folder| last_verdict(&folder)).collect())
    }

    /// How the last run of a trial ended.
    pub(super) fn of_trial(&self, planned: &Planned) -> Last {
        self.0.get(&planned.name()).copied().unwrap_or(Last::None)
    }
}

fn last_verdict(folder: &Utf8PathBuf) -> Option<(String, Last)> {
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
    let on = head.get("stack").and_then(Value::as_str).unwrap_or(stack::OWN);
    Some((name + &stack::suffix(on), Last::of(verdict.get("outcome")?.as_str()?)))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Last::Pass, false)]
    #[case(Last::None, false)]
    #[case(Last::Fail, true)]
    #[case(Last::Unknown, true)]
    #[case(Last::Invalid, true)]
    fn what_did_not_pass_failed(#[case] last: Last, #[case] expected: bool) {
        let filter = ByLast { verdict: None, last_failed: true };
        assert_eq!(filter.wants(last), expected);
        assert!(ByLast::default().wants(last));
        assert!(ByLast { verdict: Some(last), last_failed: false }.wants(last));
    }

    #[test]
    fn the_last_run_of_a_trial_counts_stack_by_stack() {
        let temporary = tempfile::tempdir().unwrap();
        let runs = Utf8Path::from_path(temporary.path()).unwrap();
        let keep = |name: &str, stack: &str, outcome: &str| {
            let folder = runs.join(name);
            fs_err::create_dir(&folder).unwrap();
            let head =
                serde_json::json!({"trial": {"id": "a/b", "cell": [["p", "1"]]}, "stack": stack});
            fs_err::write(folder.join("history.jsonl"), format!("{head}\n")).unwrap();
            let verdict = serde_json::json!({"outcome": outcome}).to_string();
            fs_err::write(folder.join("verdict.json"), verdict).unwrap();
        };
        keep("20250101-000000-0123456789", "local", "fail");
        keep("20250102-000000-0123456789", "local", "pass");
        keep("20250103-000000-0123456789", "local flink=2.1.0", "fail");
        keep("20250104-000000-0123456789", "shop.yaml", "unknown");
        let found = LastRuns::of(runs).0;
        let expected = [
            ("a/b [p=1]", Last::Pass),
            ("a/b [p=1] on flink=2.1.0", Last::Fail),
            ("a/b [p=1] on shop.yaml", Last::Unknown),
        ];
        assert_eq!(found, expected.map(|(name, last)| (name.to_owned(), last)).into());
    }
}
