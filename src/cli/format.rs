//! The forms a report can take on stdout.

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;

use super::console::Console;
use super::pages;
use crate::base::diagnostic::Diagnostic;
use crate::base::exit::Exit;
use crate::check::verdict::Verdict;
use crate::client::clock;
use crate::report::diagnostics::{self, Paint};
use crate::report::{
    Case, Results, Room, differences, ended, explain, human, json, junit, openmetrics,
};

/// The form of a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// Text for people: a line for a pass, the whole story for anything else
    #[default]
    Human,
    /// JSON, as `changeproof schema report` describes it
    Json,
    /// JUnit XML
    Junit,
    /// OpenMetrics text, for Prometheus
    Openmetrics,
    /// One HTML page; of several trials an overview, and a page in each run's folder
    Html,
}

/// The reports of a command: the one on stdout, and files beside it.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Output {
    /// The form of the report on stdout
    #[arg(long, value_enum, default_value_t = Format::Human, help_heading = "Output")]
    format: Format,
    /// Cut nothing: every row of a life and every difference
    #[arg(long, help_heading = "Output")]
    full: bool,
    /// Explain the first finding of each trial that fails, below its report
    #[arg(long, help_heading = "Output")]
    explain: bool,
    /// Write the report as JUnit XML to this file too
    ///
    /// It is complete whatever happens: files with errors, names that select nothing and trials that
    /// were not begun are in it.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    junit: Option<Utf8PathBuf>,
    /// Write the report as JSON to this file too; as complete as that of --junit
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    json: Option<Utf8PathBuf>,
}

impl Output {
    /// How cases are shown on stdout.
    pub(super) fn shown(&self, console: Console) -> Shown {
        Shown { format: self.format, is_full: self.full, explains: self.explain, console }
    }

    /// Makes the files, empty: what cannot be written is found before anything runs, and nobody takes
    /// a report of before for one of now.
    pub(super) fn begin(&self) -> Result<(), String> {
        for file in self.junit.iter().chain(&self.json) {
            let folder = file.parent().filter(|folder| !folder.as_str().is_empty());
            let made = folder.map_or(Ok(()), fs_err::create_dir_all);
            made.and_then(|()| fs_err::write(file, ""))
                .map_err(|error| format!("no report can be written to {file}: {error}"))?;
        }
        Ok(())
    }

    /// Writes the files; gives the exit code of the command, which is another one if that fails.
    pub(super) fn keep(&self, results: &Results<'_>, console: Console) -> Exit {
        let junit = self.junit.as_ref().map(|file| (file, junit::text(results)));
        let json = self.json.as_ref().map(|file| (file, json::text(&json::report(results)) + "\n"));
        let mut exit = results.exit;
        for (file, text) in junit.into_iter().chain(json) {
            if let Err(error) = fs_err::write(file, text) {
                let sentence = format!("the report {file} was not written: {error}");
                exit = exit.worst(console.failed(&sentence, Exit::StackNotUp));
            }
        }
        exit
    }

    /// The reports of a command that ran nothing; what is wrong was said to people already.
    pub(super) fn nothing_ran(&self, results: &Results<'_>, console: Console) -> Exit {
        match self.format {
            Format::Json => console.out(&json::text(&json::report(results))),
            Format::Junit => console.out(&junit::text(results)),
            Format::Openmetrics => console.out(&metrics(&[])),
            Format::Human | Format::Html => {}
        }
        self.keep(results, console)
    }
}

/// Shows cases in one form.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    format: Format,
    is_full: bool,
    explains: bool,
    /// Where it is shown.
    pub(super) console: Console,
}

impl Shown {
    /// One case, as soon as it ended. Only the form for people is shown piece by piece.
    pub(super) fn case(self, case: &Case<'_>) {
        if self.format != Format::Human {
            return;
        }
        let passed = case.exit == Exit::Pass && case.leftovers.is_empty();
        let room = Room::of(Console::columns(), self.is_full);
        let page = match (passed, self.console.tells_all()) {
            (true, false) => human::passed(case).styled(),
            (true, true) => human::passed(case).styled() + &human::differing(case).styled(),
            (false, false) => human::full(case, room).styled() + "\n",
            (false, true) => human::with_differences(case, room).styled() + "\n",
        };
        self.console.out(&page);
        let verdict = case.judgement().filter(|_| self.explains);
        let failing = verdict.and_then(Verdict::first_failing);
        if let Some(finding) = failing {
            self.console.out(&(explain::anomaly(finding.anomaly).styled() + "\n"));
        }
    }

    /// What follows the cases, or holds all of them.
    pub(super) fn end(self, results: &Results<'_>, elapsed_ms: u64) {
        let cases = results.cases;
        match self.format {
            Format::Human => {
                let mut page = ended::not_passed(cases);
                page.append(human::not_judged(cases));
                page.append(differences::line(cases));
                page.append(human::summary(results, elapsed_ms));
                self.console.out(&page.styled());
            }
            Format::Json => self.console.out(&json::text(&json::report(results))),
            Format::Junit => self.console.out(&junit::text(results)),
            Format::Openmetrics => self.console.out(&metrics(cases)),
            Format::Html => self.console.out(&pages::page(cases, self.console)),
        }
    }
}

/// What Prometheus reads, as of now.
fn metrics(cases: &[Case<'_>]) -> String {
    let now = Timestamp::try_from(clock::now()).unwrap_or_default();
    openmetrics::text(cases, now.as_second())
}

/// Shows diagnostics in their files, on stderr.
pub(super) fn show<'a>(
    found: &'a [Diagnostic],
    source: impl Fn(&Utf8Path) -> Option<&'a str>,
    console: Console,
) {
    console.err(&diagnostics::render(found, source, Paint::Styled));
}
