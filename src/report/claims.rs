//! The page of claims: what is often said of order in such pipelines, and what the real components
//! did, taken from the report of a run of `scenarios/claims`.

use std::collections::BTreeMap;

use super::json::{Report, TrialReport};
use super::plural;
use crate::base::exit::Exit;
use crate::check::verdict::{Finding, Status, Verdict};

/// The claims by number; the scenarios of a claim begin with it.
const CLAIMS: &[(u32, &str)] = &[
    (1, "All changes of one row go to the same partition."),
    (2, "With one partition and one source task, order is kept from end to end."),
    (3, "Flink partitions by the sink's key or the join's condition, and so keeps the order."),
    (4, "ChangelogNormalize reconciles updates that arrive out of order."),
    (5, "Flink sorts records by their timestamp before it puts them into a window."),
    (6, "A window over a changelog subtracts old values and adds new ones."),
    (7, "A table that is read as upsert digests the deletes of the database."),
];

/// The page, from a JSON report. The error is a sentence.
pub fn page(report: &str) -> Result<String, String> {
    let report: Report =
        serde_json::from_str(report).map_err(|error| format!("it is no report: {error}"))?;
    let mut page = "# Claims about order\n\nWritten by `ci/claims` from the verdicts of \
                    `scenarios/claims` on the real components; no verdict here was written by hand.\n"
        .to_owned();
    if let Some(trial) = report.trials.first() {
        let versions = trial.versions.iter().map(|(name, version)| format!("{name} {version}"));
        let versions = versions.collect::<Vec<_>>().join(", ");
        page += &format!("\nVersions: {versions}; changeproof {}.\n", report.changeproof);
    }
    for (number, sentence) in CLAIMS {
        let trials: Vec<_> =
            report.trials.iter().filter(|trial| number_of(&trial.id) == Some(*number)).collect();
        if trials.is_empty() {
            return Err(format!("the report holds no trial of claim {number}"));
        }
        page += &format!("\n## {number}. {sentence}\n\n**{}**\n\n", verdict(&trials));
        for (id, trials) in by_scenario(&trials) {
            page += &format!("`scenarios/claims/{id}.yaml`: {}.\n\n", title(&trials));
            for trial in trials {
                page += &evidence(trial);
            }
            page += "\n";
        }
    }
    Ok(page)
}

/// The number that the last part of an id begins with.
fn number_of(id: &str) -> Option<u32> {
    let name = name(id);
    let end = name.find(|c: char| !c.is_ascii_digit())?;
    name.get(..end)?.parse().ok()
}

fn name(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

fn title<'a>(trials: &[&'a TrialReport]) -> &'a str {
    trials.first().map_or("", |trial| trial.title.as_str())
}

fn by_scenario<'a>(trials: &[&'a TrialReport]) -> BTreeMap<&'a str, Vec<&'a TrialReport>> {
    let mut found: BTreeMap<&str, Vec<&TrialReport>> = BTreeMap::new();
    for trial in trials {
        found.entry(name(&trial.id)).or_default().push(trial);
    }
    found
}

/// What the stack says: a trial that passes says yes, a control that passes says no.
fn verdict(trials: &[&TrialReport]) -> &'static str {
    let passed = |trial: &TrialReport| trial.exit == Exit::Pass;
    let is_control = |trial: &TrialReport| trial.verdict.as_ref().is_some_and(|v| v.control);
    if !trials.iter().all(|trial| passed(trial)) {
        return "Not decided: a trial did not pass.";
    }
    let controls = trials.iter().filter(|trial| is_control(trial)).count();
    match controls {
        0 => "It holds.",
        n if n == trials.len() => "It does not hold.",
        _ => "It depends: it holds in some of the cases below, not in all.",
    }
}

/// One line a trial: its cell, and what was seen.
fn evidence(trial: &TrialReport) -> String {
    let cell = trial.cell.iter().map(|(axis, value)| format!("`{axis}={value}`"));
    let cell = cell.collect::<Vec<_>>().join(", ");
    let cell = if cell.is_empty() { String::new() } else { format!("{cell}: ") };
    let Some(verdict) = &trial.verdict else {
        return format!("- {cell}no verdict\n");
    };
    let looked = looked_at(verdict);
    let found: Vec<_> = verdict.findings.iter().filter(|j| j.status == Status::Demanded).collect();
    match (trial.exit, found.first()) {
        (Exit::Pass, Some(judged)) => {
            let others = found.len() - 1;
            let more = if others == 0 {
                String::new()
            } else {
                format!(" and {} more", plural(others, "finding"))
            };
            format!("- {cell}broken, {}{more}; {looked}\n", told(&judged.finding))
        }
        (Exit::Pass, None) => format!("- {cell}kept; {looked}\n"),
        (_, _) => format!("- {cell}did not pass; {looked}\n"),
    }
}

fn told(finding: &Finding) -> String {
    let key = finding.key.as_ref().map(|key| format!(", key `{key}`")).unwrap_or_default();
    let shown = finding.difference.iter().map(|line| {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        let column = line.column.as_ref().map(|c| format!("`{c}` ")).unwrap_or_default();
        format!("{column}{} instead of {}", value(&line.captured), value(&line.expected))
    });
    let shown = shown.take(2).collect::<Vec<_>>().join(", ");
    let shown = if shown.is_empty() { String::new() } else { format!(": {shown}") };
    format!("`{}` at `{}`{key}{shown}", finding.anomaly.name(), finding.place)
}

fn looked_at(verdict: &Verdict) -> String {
    let figure = |name: &str| verdict.figures.get(name).copied().unwrap_or_default();
    format!(
        "{} changes, {} records, {} sink records",
        figure("changes"),
        figure("records"),
        figure("sink records")
    )
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("claims/6a-before", Some(6))]
    #[case("12-x", Some(12))]
    #[case("claims/other", None)]
    fn a_scenario_belongs_to_the_claim_of_its_number(#[case] id: &str, #[case] n: Option<u32>) {
        assert_eq!(number_of(id), n);
    }

    #[test]
    fn a_report_without_a_claim_is_refused() {
        let report = super::super::json::report(&super::super::Results::of(&[], Exit::Pass));
        let error = page(&super::super::json::text(&report)).unwrap_err();
        assert!(error.contains("claim 1"), "{error}");
    }
}
