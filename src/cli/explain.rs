//! `changeproof explain`: what a name means.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;

use super::console::Console;
use super::format::show;
use super::known;
use super::select::Selection;
use crate::base::anomaly::Anomaly;
use crate::base::diagnostic::{Diagnostic, Severity};
use crate::base::difference::Difference;
use crate::base::exit::Exit;
use crate::lint::RULES;
use crate::plan;
use crate::report::differences::section;
use crate::report::page::Page;
use crate::report::terms::{self, TERMS};
use crate::report::{claims, explain};
use crate::run;
use crate::scenario::code::Code;
use crate::scenario::trial::Trial;
use crate::scenario::{load_pipeline, nearest};

/// Explain a finding, a term, the code of an error or a warning, a scenario, or a pipeline
///
/// Of a scenario and of a pipeline it also lists what differs from their files when they run: each
/// option that is replaced, left out or added, theirs and ours, with the reason.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// `ghost-row`, `witness`, `E0201`, `W0101`, a scenario as `run` takes it, or the file of a pipeline
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
    if is_pipeline(Utf8Path::new(name)) {
        return pipeline(Utf8Path::new(name), console);
    }
    let Ok(selected) = Selection::of(name).select(console) else { return unknown(name, console) };
    if selected.refused() {
        show(&selected.diagnostics, |file| selected.source(file), console);
        return Exit::ScenarioInvalid;
    }
    for planned in selected.trials.chunk_by(|one, next| one.trial.id == next.trial.id) {
        let trials: Vec<_> = planned.iter().map(|planned| planned.trial.masked()).collect();
        let mut page = explain::scenario(&trials);
        match differences(planned.iter().map(|one| (&one.trial, one.sources.as_slice()))) {
            Ok(differences) => page.append(section(&differences)),
            Err(wrong) => {
                show(&wrong, |file| selected.source(file), console);
                return Exit::ScenarioInvalid;
            }
        }
        console.out(&page.styled());
    }
    Exit::Pass
}

/// A file that is no scenario.
fn is_pipeline(path: &Utf8Path) -> bool {
    let text = if path.is_file() { fs_err::read_to_string(path).ok() } else { None };
    let begins = |text: &str, word: &str| text.lines().any(|line| line.starts_with(word));
    text.is_some_and(|text| begins(&text, "pipeline:") && !begins(&text, "scenario:"))
}

fn pipeline(path: &Utf8Path, console: Console) -> Exit {
    let loaded = load_pipeline(path);
    let texts = loaded.sources.into_iter().map(|source| (source.path, source.text));
    let sources: Vec<_> = texts.collect();
    let mut wrong = loaded.diagnostics;
    let mut page = Page::new();
    if let Some((pipeline, settings)) = loaded.pipeline {
        let title = "what is under test";
        let mut trial = Trial { settings, ..Trial::idle(path.as_str(), title, pipeline) };
        plan::stand_in(&mut trial);
        known::learn(&trial.secrets());
        wrong.extend(run::refuse(&trial, &sources));
        page = explain::pipeline_alone(&trial.masked());
        if let Ok(differences) = differences(std::iter::once((&trial, sources.as_slice()))) {
            page.append(section(&differences));
        }
    }
    let refused = wrong.iter().any(|one| one.severity == Severity::Error);
    let texts: BTreeMap<_, _> = sources.into_iter().collect();
    if !wrong.is_empty() {
        show(&wrong, |file| texts.get(file).map(String::as_str), console);
    }
    if refused {
        return Exit::ScenarioInvalid;
    }
    console.out(&page.styled());
    Exit::Pass
}

/// What differs from the files of some trials, each once.
fn differences<'a>(
    trials: impl Iterator<Item = (&'a Trial, &'a [(Utf8PathBuf, String)])>,
) -> Result<Vec<Difference>, Vec<Diagnostic>> {
    let mut all = Vec::new();
    for (trial, sources) in trials {
        let secrets = trial.secrets();
        for difference in run::differences(trial, sources)? {
            let difference = difference.hidden(&secrets);
            if !all.contains(&difference) {
                all.push(difference);
            }
        }
    }
    all.sort();
    Ok(all)
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

/// A finding, a term, or the code of an error or a warning.
fn word(name: &str) -> Option<Page> {
    let code = Code::ALL.iter().copied().find(|code| code.name().eq_ignore_ascii_case(name));
    let finding = name.parse::<Anomaly>().ok();
    let rule = RULES.iter().find(|rule| rule.code.eq_ignore_ascii_case(name));
    finding
        .map(explain::anomaly)
        .or_else(|| code.map(explain::code))
        .or_else(|| rule.map(explain::rule))
        .or_else(|| terms::find(name).map(terms::explained))
}

fn unknown(name: &str, console: Console) -> Exit {
    let codes = Code::ALL.iter().map(|code| code.name()).chain(RULES.iter().map(|rule| rule.code));
    let names = Anomaly::ALL.iter().map(|anomaly| anomaly.name()).chain(codes);
    let near = nearest(name, names.chain(TERMS.iter().map(|term| term.name)));
    let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    let error =
        format!("`{name}` is not a finding, a term, an error or warning code, or a scenario{near}");
    console.failed(&error, Exit::Usage)
}
