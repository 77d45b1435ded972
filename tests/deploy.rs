//! What deploys the reference pipeline and what watches it, checked offline by the tools that would do it.
//! Where a tool is missing the check says NOT RUN in its output, and holds nothing.

#![expect(clippy::disallowed_methods, reason = "a test starts the checks as a user does")]
#![expect(clippy::print_stderr, reason = "what was not run is to be seen")]

use std::path::PathBuf;
use std::process::Command;

use changeproof::base::anomaly::Anomaly;

/// The program that is built with these tests.
const PROGRAM: &str = env!("CARGO_BIN_EXE_changeproof");

/// What a check ends with when a tool of it is missing.
const NOT_RUN: i32 = 12;

/// Runs a check of the repository, and shows what it said.
fn holds(check: &str, arguments: &[&str]) {
    let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(check);
    let done = Command::new(&program).args(arguments).output().expect("a check can be started");
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
    eprintln!("{check} {}\n{said}", arguments.join(" "));
    if done.status.code() == Some(NOT_RUN) {
        assert!(said.contains("NOT RUN"), "{check} did not run, and does not say so");
        return;
    }
    assert!(done.status.success(), "{check}: {said}");
}

#[test]
fn terraform_plans_the_whole_and_finds_every_mistake() {
    holds("infra/terraform/check", &[]);
}

#[test]
fn the_connectors_user_can_capture_and_do_nothing_else() {
    holds("infra/terraform/sql/check", &[]);
}

#[test]
fn every_alert_is_raised_and_silenced_by_a_test_and_every_query_is_one() {
    holds("infra/monitoring/check", &[]);
}

#[test]
fn the_scoring_service_runs_as_a_container() {
    holds("infra/score/check", &[PROGRAM]);
}

#[test]
fn a_warehouse_reads_in_bucket_and_lake_what_the_references_give() {
    holds("infra/warehouse/check", &[PROGRAM]);
}

#[test]
fn an_alert_names_a_finding_that_can_be_explained() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("infra/monitoring/rules/alerts.yml");
    let rules = std::fs::read_to_string(path).expect("the alerts can be read");
    let alerts = rules.lines().filter(|line| line.contains("- alert: ")).count();
    let runbooks: Vec<&str> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("runbook: changeproof explain "))
        .collect();
    assert_eq!(runbooks.len(), alerts, "an alert has no runbook line");
    for name in runbooks {
        name.parse::<Anomaly>()
            .unwrap_or_else(|error| panic!("changeproof explain {name}: {error}"));
    }
}
