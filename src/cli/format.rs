//! The forms a report can take on stdout.

use camino::Utf8Path;
use jiff::Timestamp;

use super::console::Console;
use super::pages;
use super::select::Selected;
use crate::base::diagnostic::Diagnostic;
use crate::base::exit::Exit;
use crate::client::clock;
use crate::report::diagnostics::{self, Paint};
use crate::report::{Case, differences, human, json, junit, openmetrics};

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// Text for people: a line for a pass, the whole story for anything else
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

/// Shows cases in one form.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    format: Format,
    /// Where it is shown.
    pub(super) console: Console,
}

impl Shown {
    pub(super) fn new(format: Format, console: Console) -> Self {
        Self { format, console }
    }

    /// One case, as soon as it ended. Only the form for people is shown piece by piece.
    pub(super) fn case(self, case: &Case<'_>) {
        if self.format != Format::Human {
            return;
        }
        let passed = case.exit == Exit::Pass && case.leftovers.is_empty();
        let page = match (passed, self.console.tells_all()) {
            (true, false) => human::passed(case).styled(),
            (true, true) => human::passed(case).styled() + &human::differing(case).styled(),
            (false, false) => human::full(case).styled() + "\n",
            (false, true) => human::whole(case).styled() + "\n",
        };
        self.console.out(&page);
    }

    /// What follows the cases, or holds all of them.
    pub(super) fn end(self, cases: &[Case<'_>], exit: Exit, elapsed_ms: u64) {
        match self.format {
            Format::Human => {
                let mut page = human::not_judged(cases);
                page.append(differences::line(cases));
                page.append(human::summary(cases, elapsed_ms));
                self.console.out(&page.styled());
            }
            Format::Json => self.console.out(&json::text(&json::report(cases, &[], exit))),
            Format::Junit => self.console.out(&junit::text(cases)),
            Format::Openmetrics => {
                let now = Timestamp::try_from(clock::now()).unwrap_or_default();
                self.console.out(&openmetrics::text(cases, now.as_second()));
            }
            Format::Html => self.console.out(&pages::page(cases, self.console)),
        }
    }

    /// What is wrong with files. As JSON it is the whole report, since then nothing runs.
    pub(super) fn diagnostics(self, selected: &Selected) {
        if self.format == Format::Json && selected.refused() {
            let report = json::report(&[], &selected.diagnostics, Exit::ScenarioInvalid);
            self.console.out(&json::text(&report));
        } else {
            show(&selected.diagnostics, |file| selected.source(file), self.console);
        }
    }
}

/// Shows diagnostics in their files, on stderr.
pub(super) fn show<'a>(
    found: &'a [Diagnostic],
    source: impl Fn(&Utf8Path) -> Option<&'a str>,
    console: Console,
) {
    console.err(&diagnostics::render(found, source, Paint::Styled));
}
