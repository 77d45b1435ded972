//! `changeproof libtest`: scenarios as tests of somebody's own crate. It speaks the command line of
//! Rust's test harness, as `cargo test` and `cargo nextest run` use it.

use clap::{Args, Parser};

use super::chosen::Chosen;
use super::console::Console;
use super::environment::Environment;
use super::format::show;
use super::lane::Lanes;
use super::list::missing;
use super::run;
use super::select::{Nothing, Planned, Selected, Selection};
use crate::base::exit::Exit;

/// Run scenarios as tests of a crate: the command line of Rust's test harness comes after `--`
///
/// A test target without harness hands its arguments over, and then `cargo test` and `cargo nextest run` list
/// and run each trial as a test of its own. docs/ci.md has the five lines of that target.
#[derive(Debug, Args)]
pub(super) struct Libtest {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    lanes: Lanes,
    /// What the harness was told: `--list`, `--exact NAME`, …
    #[arg(last = true, value_name = "ARGUMENTS")]
    harness: Vec<String>,
}

/// The command line of Rust's test harness, as far as it means something here.
#[derive(Debug, Default, PartialEq, Eq, Parser)]
#[expect(clippy::struct_excessive_bools, reason = "these are the switches that the harness has")]
#[command(name = "libtest", no_binary_name = true, disable_help_flag = true)]
struct Harness {
    /// Parts of names, or whole names with --exact.
    filters: Vec<String>,
    #[arg(long)]
    list: bool,
    #[arg(long)]
    exact: bool,
    #[arg(long)]
    ignored: bool,
    #[arg(long)]
    include_ignored: bool,
    #[arg(long)]
    skip: Vec<String>,
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    test_threads: Option<u16>,
    /// `terse`, as nextest asks for; the list is the same in any form.
    #[arg(long)]
    format: Option<String>,
    #[arg(long)]
    color: Option<String>,
    #[arg(short, long)]
    quiet: bool,
    // What is printed is never captured.
    #[arg(long, visible_alias = "no-capture")]
    nocapture: bool,
    #[arg(long)]
    show_output: bool,
}

impl Harness {
    /// Whether a test is wanted, by its name and whether it is ignored.
    fn wants(&self, name: &str, is_ignored: bool) -> bool {
        let fits = |filter: &String| {
            if self.exact { name == filter } else { name.contains(filter.as_str()) }
        };
        let by_kind = if self.ignored { is_ignored } else { true };
        let by_name = self.filters.is_empty() || self.filters.iter().any(fits);
        by_kind && by_name && !self.skip.iter().any(fits)
    }

    /// Whether a test that is ignored is run if it is wanted.
    fn runs_ignored(&self) -> bool {
        self.ignored || self.include_ignored
    }
}

pub(super) fn run(libtest: &Libtest, environment: &Environment, console: Console) -> Exit {
    let harness = match Harness::try_parse_from(&libtest.harness) {
        Ok(harness) => harness,
        Err(error) => {
            // Nothing can be done for a console that is gone.
            error.print().ok();
            return Exit::Usage;
        }
    };
    let lanes = match libtest.lanes.all() {
        Ok(lanes) => lanes,
        Err(error) => return console.failed(&error, Exit::ScenarioInvalid),
    };
    let mut selection = libtest.selection.clone();
    if harness.exact && !harness.list {
        // A process for each test reads the file of that test alone.
        let plain = |name: &String| {
            let mut suffixes = lanes.iter().map(|lane| format!(" on {lane}"));
            let cut = suffixes.find_map(|suffix| name.strip_suffix(&suffix).map(str::to_owned));
            cut.unwrap_or_else(|| name.clone())
        };
        selection.only = harness.filters.iter().map(plain).collect();
    }
    let mut selected = match selection.select(console) {
        Ok(selected) => selected,
        // A filter that fits nothing passes, as it does with any test target; files that are not there do not.
        Err(Nothing { exit: Exit::NothingRun, .. })
            if harness.exact && libtest.selection.select(console).is_ok() =>
        {
            return Exit::Pass;
        }
        Err(nothing) => return nothing.tell(console),
    };
    let on: Vec<Chosen> = lanes.iter().cloned().map(Chosen::Local).collect();
    selected.on(&on);
    if harness.list {
        let list = list(&selected, &harness);
        // An empty line is no test either.
        if !list.is_empty() {
            console.out(&list);
        }
        return Exit::Pass;
    }
    let wrong: Vec<&str> = selected.wrong.iter().map(|one| one.name.as_str()).collect();
    let is_refused = wrong.iter().any(|id| harness.wants(id, false));
    if is_refused {
        show(&selected.diagnostics, |file| selected.source(file), console);
        return Exit::ScenarioInvalid;
    }
    let wanted = |planned: &Planned| {
        let is_ignored = missing(planned).is_some();
        let is_run = !is_ignored || harness.runs_ignored();
        is_run && harness.wants(&planned.name(), is_ignored)
    };
    selected
        .trials
        .retain(|planned| !wrong.contains(&planned.trial.id.as_str()) && wanted(planned));
    if selected.trials.is_empty() {
        return Exit::Pass;
    }
    run::planned(selected.trials, (lanes, harness.test_threads), environment, console)
}

/// `name: test`, a line each; a scenario that is refused is a test that fails.
fn list(selected: &Selected, harness: &Harness) -> String {
    let is_wrong = |id: &str| selected.wrong.iter().any(|one| one.name == id);
    let right = selected.trials.iter().filter(|planned| !is_wrong(&planned.trial.id));
    let right = right.map(|planned| (planned.name(), missing(planned).is_some()));
    let all = selected.wrong.iter().map(|one| (one.name.clone(), false)).chain(right);
    let wanted = all.filter(|(name, is_ignored)| harness.wants(name, *is_ignored));
    wanted.map(|(name, _)| format!("{name}: test\n")).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn harness(line: &str) -> Harness {
        Harness::try_parse_from(line.split_whitespace()).unwrap()
    }

    #[rstest]
    #[case("--list --format terse", "a", false, true)]
    #[case("--list --format terse --ignored", "a", false, false)]
    #[case("--list --format terse --ignored", "a", true, true)]
    #[case("--nocapture --exact a/b", "a/b", false, true)]
    #[case("--nocapture --exact a", "a/b", false, false)]
    #[case("a --skip b", "a/c", false, true)]
    #[case("a --skip b", "a/b", false, false)]
    #[case("--test-threads=2 -q --color always", "a", true, true)]
    fn the_harness_chooses_as_rusts_does(
        #[case] line: &str,
        #[case] name: &str,
        #[case] is_ignored: bool,
        #[case] expected: bool,
    ) {
        assert_eq!(harness(line).wants(name, is_ignored), expected);
    }

    #[rstest]
    #[case("", false)]
    #[case("--ignored", true)]
    #[case("--include-ignored", true)]
    fn what_is_ignored_runs_if_asked_for(#[case] line: &str, #[case] expected: bool) {
        assert_eq!(harness(line).runs_ignored(), expected);
    }

    #[test]
    fn a_switch_that_means_nothing_here_is_refused() {
        assert!(Harness::try_parse_from(["--bench"]).is_err());
    }
}
