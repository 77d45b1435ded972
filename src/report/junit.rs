//! The report for CI systems that read JUnit XML.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{Case, NotRun, Results, human};
use crate::base::exit::Exit;
use crate::check::verdict::{Judged, Status};

/// The report as XML. A finding is a failure; what is undecided, says nothing about the pipeline, or
/// is no trial at all is an error; what did not run is skipped.
pub fn text(results: &Results<'_>) -> String {
    let mut suite = TestSuite::new("changeproof");
    suite.add_test_cases(results.cases.iter().map(test_case));
    suite.add_test_cases(results.not_run.iter().map(not_run));
    let mut report = Report::new("changeproof");
    report.add_test_suite(suite);
    report.to_string().expect("XML is written to memory, and names hold no control characters")
}

fn test_case(case: &Case<'_>) -> TestCase {
    let whole = human::whole(case).to_string();
    let mut test = TestCase::new(case.name(), status(case, &whole));
    test.set_classname(class_name(&case.trial.id));
    if let Some(grade) = case.judgement().and_then(|verdict| verdict.proof) {
        test.add_property(("proof", grade.name()));
    }
    if let Some(elapsed_ms) = case.elapsed_ms {
        test.set_time(Duration::from_millis(elapsed_ms));
    }
    if case.exit == Exit::Pass {
        test.set_system_out(whole);
    }
    test
}

/// Tools group by the class name; the scenario's folder is its family.
fn class_name(id: &str) -> String {
    let family = id.rsplit_once('/').map_or("", |(family, _)| family);
    format!("changeproof.{}", family.replace('/', ".")).trim_end_matches('.').to_owned()
}

fn not_run(one: &NotRun) -> TestCase {
    let mut status = if one.is_wrong {
        TestCaseStatus::non_success(NonSuccessKind::Error)
    } else {
        TestCaseStatus::skipped()
    };
    status.set_message(one.sentence.lines().next().unwrap_or_default());
    if one.is_wrong {
        status.set_type("invalid").set_description(&one.sentence);
    }
    let mut test = TestCase::new(&one.name, status);
    test.set_classname(class_name(one.name.split(" [").next().unwrap_or_default()));
    test
}

fn status(case: &Case<'_>, whole: &str) -> TestCaseStatus {
    let kind = match case.exit {
        Exit::Pass => return TestCaseStatus::success(),
        Exit::NothingRun => {
            let mut skipped = TestCaseStatus::skipped();
            skipped.set_message(case.excuse().unwrap_or("not run"));
            return skipped;
        }
        Exit::Anomaly => NonSuccessKind::Failure,
        Exit::Usage
        | Exit::Unknown
        | Exit::ScenarioInvalid
        | Exit::StackNotUp
        | Exit::CaptureBroken
        | Exit::Internal
        | Exit::Interrupted => NonSuccessKind::Error,
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(human::counted_as(case));
    status.set_message(message(case)).set_description(whole);
    status
}

/// The most telling sentence.
fn message(case: &Case<'_>) -> String {
    let verdict = case.judgement();
    let failing = |judged: &&Judged| judged.status == Status::Failing;
    let finding = verdict.and_then(|verdict| verdict.findings.iter().find(failing));
    let unmet = verdict.and_then(|verdict| verdict.unmet.first());
    let gap = verdict.and_then(|verdict| verdict.gaps.first());
    case.excuse()
        .map(str::to_owned)
        .or_else(|| finding.map(|judged| judged.finding.sentence.clone()))
        .or_else(|| unmet.map(|unmet| unmet.sentence.clone()))
        .or_else(|| gap.map(|gap| gap.what.clone()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::examples;

    #[test]
    fn findings_are_failures_and_doubts_are_errors() {
        let header = examples::header();
        let (pass, fail, unknown) = (examples::pass(), examples::fail(), examples::unknown());
        let cases = [
            examples::case(&header, &pass),
            examples::case(&header, &fail),
            examples::case(&header, &unknown),
        ];
        let not_run = [
            NotRun::wrong("card_tx/misspelt", "misspelt.yaml:1:1: unknown key `scenaro`\nand more"),
            NotRun::not_begun("card_tx/later [partitions=1]", "not begun: interrupted"),
        ];
        let results = Results { not_run: &not_run, ..Results::of(&cases, Exit::Anomaly) };
        insta::assert_snapshot!(text(&results));
    }
}
