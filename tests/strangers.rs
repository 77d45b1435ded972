//! Repositories of strangers: small ones in the manner of real ones, each with other habits. What
//! `changeproof new DIR && changeproof run DIR` says of each is what a newcomer meets first, so it is
//! kept whole beside them: it passes, or one sentence says what to change.
//!
//! Write what is expected anew with `INSTA_UPDATE=always`, and read it.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test runs the built command, and fails"
)]

use std::process::{Command, Output};

use camino::{Utf8Path, Utf8PathBuf};
use rstest::rstest;

/// What a newcomer is told of each.
const TOLD: &str = "tests/strangers-told";

#[rstest]
fn a_newcomer_meets(
    #[dirs]
    #[files("tests/strangers/*")]
    folder: std::path::PathBuf,
) {
    let folder = Utf8PathBuf::from_path_buf(folder).unwrap();
    let name = folder.file_name().unwrap();
    let kept = tempfile::tempdir().unwrap();
    let copy = Utf8Path::from_path(kept.path()).unwrap().join(name);
    copied(&folder, &copy);
    let new = changeproof(&copy, &["new", "."]);
    let mut told = format!("$ changeproof new .\n{}", printed(&new));
    if new.status.success() {
        let run = changeproof(&copy, &["run", ".", "--jobs", "1", "--color", "never"]);
        told += &format!("\n$ changeproof run .\n{}", printed(&run));
    }
    for pipeline in pipelines(&copy) {
        let text = fs_err::read_to_string(&pipeline).unwrap();
        told += &format!("\n==> {}\n{text}", pipeline.strip_prefix(&copy).unwrap());
    }
    let root = Utf8Path::new(env!("CARGO_MANIFEST_DIR"));
    insta::with_settings!({
        snapshot_path => root.join(TOLD),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, { insta::assert_snapshot!(name, told) });
}

fn copied(from: &Utf8Path, to: &Utf8Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in from.read_dir_utf8().unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copied(entry.path(), &to);
        } else {
            fs_err::copy(entry.path(), &to).unwrap();
        }
    }
}

fn changeproof(folder: &Utf8Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_changeproof"));
    command.args(arguments).current_dir(folder).env("CHANGEPROOF_LOG", "off").output().unwrap()
}

/// What was printed and how it ended, without what is another at each run.
fn printed(output: &Output) -> String {
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    let text = text.concat();
    // How long somebody waits for the stack, and how many options are replaced, is no part of it.
    let passing = ["waiting for", "  what differs from your files:", "  left behind:"];
    let lines = text.lines().filter(|line| !passing.iter().any(|start| line.starts_with(start)));
    let mut told = String::new();
    for line in lines {
        told += stable(line).trim_end();
        told.push('\n');
    }
    format!("{told}? {}\n", output.status.code().unwrap_or(-1))
}

/// A line without times, LSNs, transactions and names of runs.
fn stable(line: &str) -> String {
    let mut words = Vec::new();
    let mut numbered = "";
    for word in line.split(' ') {
        let is_seconds = numbered == "in" && word.contains('.');
        let is_run = word.contains(".changeproof/runs/");
        let is_lsn = word.contains('/') && word.chars().all(|c| c.is_ascii_hexdigit() || c == '/');
        words.push(match word {
            _ if is_run => ".changeproof/runs/…".to_owned(),
            _ if is_seconds || is_lsn || numbered == "xid" => "…".to_owned(),
            _ if word.starts_with('(') && word.ends_with(|c: char| c.is_ascii_digit()) => {
                "(…".to_owned()
            }
            _ => word.to_owned(),
        });
        numbered = word;
    }
    words.join(" ")
}

fn pipelines(folder: &Utf8Path) -> Vec<Utf8PathBuf> {
    let Ok(entries) = folder.join("changeproof").read_dir_utf8() else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().into_path());
    let mut found: Vec<_> = paths
        .filter(|path| path.file_name().is_some_and(|name| name.ends_with("pipeline.yaml")))
        .collect();
    found.sort();
    found
}
