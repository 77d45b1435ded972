//! `changeproof explain`: what a name means.

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;

use super::console::Console;
use super::format::show;
use super::select::Selection;
use crate::base::anomaly::Anomaly;
use crate::base::exit::Exit;
use crate::lint::RULES;
use crate::report::page::Page;
use crate::report::{claims, explain};
use crate::scenario::code::Code;
use crate::scenario::nearest;

/// Explain a finding, the code of an error or a warning, or a scenario
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// `ghost-row`, `E0201`, `W0101`, or a scenario as `run` takes it
    #[arg(required_unless_present_any = ["all", "claims"], value_name = "NAME")]
    name: Option<String>,
    /// Print the page of all findings (Markdown)
    #[arg(long, conflicts_with = "name")]
    all: bool,
    /// Print the page of claims (Markdown) from the JSON report of a run of `scenarios/claims`
    #[arg(long, value_name = "REPORT", conflicts_with_all = ["name", "all"])]
    claims: Option<Utf8PathBuf>,
}

pub(super) fn run(explain: &Explain, console: Console) -> Exit {
    if let Some(report) = &explain.claims {
        return claims(report, console);
    }
    let Some(name) = &explain.name else {
        console.out(&explain::catalogue());
        return Exit::Pass;
    };
    if let Some(page) = word(name) {
        console.out(&page.styled());
        return Exit::Pass;
    }
    let Ok(selected) = Selection::of(name).select() else { return unknown(name, console) };
    if selected.refused() {
        show(&selected.diagnostics, |file| selected.source(file), console);
        return Exit::ScenarioInvalid;
    }
    let trials: Vec<_> =
        selected.trials.into_iter().map(|planned| planned.trial.masked()).collect();
    for trials in trials.chunk_by(|one, next| one.id == next.id) {
        console.out(&explain::scenario(trials).styled());
    }
    Exit::Pass
}

fn claims(report: &Utf8Path, console: Console) -> Exit {
    let read = fs_err::read_to_string(report).map_err(|error| error.to_string());
    let page = read.and_then(|text| claims::page(&text));
    match page {
        Ok(page) => {
            console.out(page.trim_end());
            Exit::Pass
        }
        Err(sentence) => console.failed(&sentence, Exit::Usage),
    }
}

/// A finding, or the code of an error or a warning.
fn word(name: &str) -> Option<Page> {
    let code = Code::ALL.iter().copied().find(|code| code.name().eq_ignore_ascii_case(name));
    let finding = name.parse::<Anomaly>().ok();
    let rule = RULES.iter().find(|rule| rule.code.eq_ignore_ascii_case(name));
    finding
        .map(explain::anomaly)
        .or_else(|| code.map(explain::code))
        .or_else(|| rule.map(explain::rule))
}

fn unknown(name: &str, console: Console) -> Exit {
    let codes = Code::ALL.iter().map(|code| code.name()).chain(RULES.iter().map(|rule| rule.code));
    let near = nearest(name, Anomaly::ALL.iter().map(|anomaly| anomaly.name()).chain(codes));
    let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    let error =
        format!("`{name}` is no finding, no code of an error or a warning, and no scenario{near}");
    console.failed(&error, Exit::Usage)
}
