//! Reports as one HTML file each: no network, no other file, read by eye, keyboard or screen reader.
//!
//! The file embeds what it shows as JSON, in the form that `changeproof schema page` publishes; a
//! script of ours draws it. A page of one run shows its verdict, the pipeline with the first wrong
//! hop, all that was seen on a timeline, latencies, proofs and how to repeat it. A page of several
//! runs lists them and links to theirs.

mod latency;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::json::{Form, TrialReport, trial};
use super::{Case, anomalies, explain};
use crate::check::observed::{Observed, observed};
use crate::history::History;
use crate::history::event::Event;
pub use latency::Latency;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const COMMON: &str = include_str!("common.js");
const RUN: &str = include_str!("run.js");
const SUITE: &str = include_str!("suite.js");

/// What the page of one run shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RunPage {
    /// The version of this form.
    pub page: Form,
    /// The version of changeproof that made it.
    pub changeproof: String,
    /// The run's own name.
    pub run: Option<String>,
    /// The trial and its judgement.
    pub trial: TrialReport,
    /// The entries of its timeline in words.
    pub timeline: Vec<String>,
    /// What was seen, unless it is too much or could not be read.
    pub observed: Option<Observed>,
    /// Why something is not shown.
    pub not_shown: Option<String>,
    /// How long rows took from the commit to each hop; empty for histories without times.
    pub latencies: Vec<Latency>,
    /// The proofs as the history has them.
    pub proofs: Vec<Value>,
    /// What the anomalies found mean, by name.
    pub explained: BTreeMap<String, Explained>,
}

/// What an anomaly means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Explained {
    /// What exactly it is.
    pub definition: String,
    /// Why it matters.
    pub why: String,
    /// What usually brings it about.
    pub cause: String,
    /// What to do.
    pub mend: String,
}

/// What the page of several runs shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SuitePage {
    /// The version of this form.
    pub page: Form,
    /// The version of changeproof that made it.
    pub changeproof: String,
    /// The trials in the order in which they were selected.
    pub trials: Vec<Linked>,
}

/// A trial and where its own page is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Linked {
    /// The trial.
    pub trial: TrialReport,
    /// The address of its page, relative to this one; `None` if it has none.
    pub page: Option<String>,
}

/// What there is to show of a run besides its verdict.
#[derive(Debug, Clone, Copy)]
pub enum Shown<'a> {
    /// The whole history.
    History(&'a History),
    /// Only the verdict, because of this: one sentence.
    VerdictAlone(&'a str),
}

/// The page of one run.
pub fn run(case: &Case<'_>, shown: Shown<'_>) -> String {
    page(&run_page(case, shown), RUN)
}

/// The page of several runs; a page that is named belongs to the trial at the same place.
pub fn suite(cases: &[Case<'_>], pages: &[Option<String>]) -> String {
    let linked = cases
        .iter()
        .enumerate()
        .map(|(n, case)| Linked { trial: trial(case), page: pages.get(n).cloned().flatten() });
    let changeproof = env!("CARGO_PKG_VERSION").to_owned();
    page(&SuitePage { page: Form::V1, changeproof, trials: linked.collect() }, SUITE)
}

/// The published schema of what a run's page embeds, as text.
pub fn schema() -> String {
    let schema = schemars::schema_for!(RunPage);
    serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n"
}

fn run_page(case: &Case<'_>, shown: Shown<'_>) -> RunPage {
    let observed = match shown {
        Shown::History(history) => Some(observed(history)),
        Shown::VerdictAlone(_) => None,
    };
    let (proofs, run, not_shown) = match shown {
        Shown::History(history) => (proofs(history), Some(history.header.run.clone()), None),
        Shown::VerdictAlone(why) => (Vec::new(), None, Some(why.to_owned())),
    };
    RunPage {
        page: Form::V1,
        changeproof: env!("CARGO_PKG_VERSION").to_owned(),
        run,
        trial: trial(case),
        timeline: case.trial.timeline.iter().map(explain::entry).collect(),
        latencies: observed.as_ref().map(latency::latencies).unwrap_or_default(),
        observed,
        not_shown,
        proofs,
        explained: explained(case),
    }
}

fn proofs(history: &History) -> Vec<Value> {
    let proofs = history.events.iter().filter_map(|event| match event {
        Event::Proof(proof) => serde_json::to_value(proof).ok(),
        _ => None,
    });
    proofs.collect()
}

fn explained(case: &Case<'_>) -> BTreeMap<String, Explained> {
    let findings = case.judgement().into_iter().flat_map(|verdict| &verdict.findings);
    let texts = findings.map(|judged| judged.finding.anomaly).map(|anomaly| {
        let texts = anomalies::texts(anomaly);
        let [definition, why, cause, mend] =
            [texts.definition, texts.why, texts.cause, texts.mend].map(str::to_owned);
        (anomaly.name().to_owned(), Explained { definition, why, cause, mend })
    });
    texts.collect()
}

/// A page that embeds `data`. No text of a run can end the element that it stands in: `<` is written
/// as an escape of JSON.
fn page(data: &impl Serialize, script: &str) -> String {
    let data =
        serde_json::to_string(data).expect("text keys and finite numbers").replace('<', "\\u003c");
    let mut whole = String::with_capacity(data.len() + STYLE.len() + COMMON.len() + script.len());
    // The data come last, so that nothing in them is taken for a place to fill.
    let script = format!("{COMMON}{script}");
    let (head, rest) = split(PAGE, "{{ style }}");
    let (middle, rest) = split(rest, "{{ data }}");
    let (after, end) = split(rest, "{{ script }}");
    for part in [head, STYLE, middle, &data, after, &script, end] {
        whole.push_str(part);
    }
    whole
}

fn split<'a>(page: &'a str, at: &str) -> (&'a str, &'a str) {
    page.split_once(at).expect("the page names each place once")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::examples;

    #[test]
    fn a_page_needs_nothing_from_elsewhere_and_its_data_reads_back() {
        let (header, fail) = (examples::header(), examples::fail());
        let case = examples::case(&header, &fail);
        let history = History::new(header.clone(), Vec::new());
        let page = run(&case, Shown::History(&history));
        for word in ["src=", "http://", "https://", "@import", "url("] {
            let found = page.matches(word).count();
            let own =
                usize::from(word == "http://") * page.matches("http://www.w3.org/2000/svg").count();
            assert_eq!(found, own, "{word}");
        }
        let (_, data) = page.split_once(r#"id="data">"#).unwrap();
        let (data, _) = data.split_once("</script>").unwrap();
        let read = serde_json::from_str::<RunPage>(data).unwrap();
        assert_eq!(read, run_page(&case, Shown::History(&history)));
        assert_eq!(read.trial.verdict.as_ref(), Some(&fail));
    }

    #[test]
    fn no_text_of_a_run_ends_the_element_that_it_stands_in() {
        let (mut header, pass) = (examples::header(), examples::pass());
        header.trial.title = "</script><script>alert(1)</script><!--".to_owned();
        let page = run(&examples::case(&header, &pass), Shown::VerdictAlone("too large"));
        assert_eq!(page.matches("</script>").count(), 2);
        assert!(!page.contains("alert(1)</script>"));
    }

    #[test]
    fn a_suite_links_to_the_pages_that_there_are() {
        let (header, pass, fail) = (examples::header(), examples::pass(), examples::fail());
        let cases = [examples::case(&header, &pass), examples::case(&header, &fail)];
        let page = suite(&cases, &[None, Some("runs/one/report.html".to_owned())]);
        assert_eq!(page.matches("runs/one/report.html").count(), 1);
    }

    #[test]
    fn the_published_schema_is_current() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schema/page.json");
        let published = fs_err::read_to_string(file).unwrap_or_default();
        assert!(published == schema(), "write it anew: changeproof schema page > {file}");
    }
}
