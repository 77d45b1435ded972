//! Scenarios as tests of somebody else's crate: the test target of docs/ci.md, under `cargo nextest`.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test may start processes, fail and say so"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_changeproof");

const SCENARIO: &str = "scenario: v1
title: A row that leaves the filter leaves the sink
covers: [shop]
pipeline:
  source: CREATE TABLE rates (id int PRIMARY KEY, rate int NOT NULL)
  dialect: flink
  statements: |
    CREATE TABLE rates (id INT, rate INT, PRIMARY KEY (id) NOT ENFORCED)
    WITH ('connector' = 'kafka', 'topic' = 'cdc.public.rates', 'format' = 'debezium-json',
          'scan.startup.mode' = 'earliest-offset');
    CREATE TABLE high_rates (id INT, rate INT, PRIMARY KEY (id) NOT ENFORCED)
    WITH ('connector' = 'upsert-kafka', 'topic' = 'high_rates', 'key.format' = 'json',
          'value.format' = 'json');
    INSERT INTO high_rates SELECT id, rate FROM rates WHERE rate > 10;
  sinks:
    high_rates: SELECT id, rate FROM rates WHERE rate > 10
settings: {replica_identity: full, partitions: [1, 3]}
setup: INSERT INTO rates VALUES (1, 15), (2, 12)
timeline:
  - a: UPDATE rates SET rate = 5 WHERE id = 1
";

/// A crate of somebody with the test target that the page shows, and the scenarios `good` and `broken`.
fn crate_of_somebody() -> tempfile::TempDir {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci.md");
    let page = fs_err::read_to_string(page).unwrap();
    let block = |start: &str| {
        let (_, rest) = page.split_once(start).unwrap();
        rest.split("```").next().unwrap().to_owned()
    };
    let folder = tempfile::tempdir().unwrap();
    let write = |file: &str, text: String| {
        let file = folder.path().join(file);
        fs_err::create_dir_all(file.parent().unwrap()).unwrap();
        fs_err::write(file, text).unwrap();
    };
    let package =
        "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n";
    write("Cargo.toml", package.to_owned() + &block("```toml\n# Cargo.toml\n"));
    write("src/lib.rs", "//! A shop.\n".to_owned());
    write("tests/scenarios.rs", block("```rust\n// tests/scenarios.rs\n"));
    write("scenarios/good.yaml", SCENARIO.to_owned());
    write("scenarios/broken.yaml", SCENARIO.replace("settings:", "setings:"));
    folder
}

/// Cargo in that crate, with the built program in front of PATH; `None` where nextest is not there.
fn nextest(folder: &Path, arguments: &[&str]) -> Option<Output> {
    let program = PathBuf::from(PROGRAM);
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", program.parent().unwrap().display());
    let mut cargo = Command::new("cargo");
    // This test may itself run under nextest, whose variables are not meant for the inner one.
    for (name, _) in std::env::vars().filter(|(name, _)| name.contains("NEXTEST")) {
        cargo.env_remove(name);
    }
    cargo.env_remove("CARGO_TARGET_DIR").env("PATH", path).current_dir(folder);
    cargo.args(["nextest"]).args(arguments).args(["--offline", "--color", "never"]);
    let output = cargo.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("no such command") {
        eprintln!("not run: there is no cargo-nextest here");
        return None;
    }
    Some(output)
}

#[test]
fn nextest_lists_each_trial_and_each_refused_scenario() {
    let folder = crate_of_somebody();
    let Some(output) = nextest(folder.path(), &["list", "--message-format", "oneline"]) else {
        return;
    };
    let mut lines: Vec<String> =
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    lines.sort();
    let names = ["broken", "good [partitions=1]", "good [partitions=3]"];
    assert_eq!(lines, names.map(|name| format!("shop::scenarios {name}")), "{output:?}");
}

#[test]
fn nextest_runs_each_trial_on_the_real_components() {
    let folder = crate_of_somebody();
    let Some(output) = nextest(folder.path(), &["run", "--no-fail-fast"]) else { return };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    for line in ["2 passed, 1 failed", "unknown key `setings`", "broken"] {
        assert!(said.contains(line), "`{line}` is not in:\n{said}");
    }
}
