//! Weaker grades of proof on the real components: by `stopped` the verdicts are those of checkpoints,
//! and by `reported` they are never others than these or `unknown`.
//!
//! What the grades decide is held by `src/check/tests/grades.rs` and `tests/proof/grades.rs`.

#![expect(clippy::disallowed_methods, reason = "the tests run the built command")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets what it does not expect fails"
)]

use std::collections::BTreeMap;
use std::process::Command;

use rstest::rstest;
use serde_json::Value;

/// Scenarios with one proof and with several, with joins and aggregates.
const SAMPLE: &[&str] = &[
    "scenarios/order/a-waiting-writer-wins.yaml",
    "scenarios/keys/deleted-key-comes-back.yaml",
    "scenarios/topics/an-aborted-transaction.yaml",
    "scenarios/windows/an-hour-closed-by-later-events.yaml",
];

/// How each trial ended, and by which grade.
fn outcomes(evidence: &str) -> BTreeMap<String, (String, Option<String>)> {
    let mut run = Command::new(env!("CARGO_BIN_EXE_changeproof"));
    run.args(["run", "--matrix", "first", "--format", "json", "--evidence", evidence]).args(SAMPLE);
    let output = run.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    let report = serde_json::from_slice::<Value>(&output.stdout);
    let report = report.unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
    });
    let trials = report["trials"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let outcome = |trial: &Value| {
        let grade = text(&trial["verdict"]["proof"]);
        (text(&trial["name"]).unwrap(), (text(&trial["exit"]).unwrap(), grade))
    };
    trials.map(outcome).collect()
}

#[rstest]
#[case::stopped("stopped", &["pass"])]
#[case::reported("reported", &["pass", "unknown"])]
fn a_weaker_grade_gives_no_other_verdict(#[case] evidence: &str, #[case] legal: &[&str]) {
    let outcomes = outcomes(evidence);
    assert!(outcomes.len() >= SAMPLE.len(), "{outcomes:?}");
    for (name, (exit, grade)) in outcomes {
        assert!(legal.contains(&exit.as_str()), "{name}: {exit}");
        assert_eq!(grade.as_deref(), Some(evidence), "{name}");
    }
}
