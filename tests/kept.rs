//! What `run --keep-run` keeps of a run that did not pass can be looked at with the commands that the
//! report prints, as they stand there; `prune --kept` lets it go.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a test may start processes, fail and say so"
)]

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use changeproof::client::wait::{self, Look};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_changeproof");

/// Long enough for a busy machine.
const LIMIT: Duration = Duration::from_secs(90);

/// A stack of this test's own, so that no other run's things are let go.
struct Own {
    folder: tempfile::TempDir,
}

impl Own {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("changeproof-kept-").tempdir_in("/var/tmp");
        let folder = folder.unwrap();
        // The components may run as another user, who passes through.
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).unwrap();
        Self { folder }
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.folder.path());
        command.env("CHANGEPROOF_STATE", self.folder.path().join("state"));
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(PROGRAM, arguments).output().unwrap()
    }

    /// What a command of the report gives a reader who pastes it into a shell, and then types this.
    fn pasted(&self, command: &str, typed: &str) -> Output {
        let mut shell = self.command("sh", &["-c", command]);
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut shell = shell.spawn().unwrap();
        shell.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
        shell.wait_with_output().unwrap()
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.run(&["down"]);
    }
}

/// What a run kept: what it is, and the command that looks at it.
fn kept(report: &Path) -> Vec<(String, String)> {
    let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    let trials = report["trials"].as_array().unwrap();
    let kept = trials.iter().flat_map(|trial| trial["kept"].as_array().unwrap());
    let text = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
    kept.map(|one| (text(one, "what"), text(one, "look"))).collect()
}

/// Whether there is such a program in PATH.
fn is_there(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&paths).any(|folder| folder.join(program).exists())
}

#[tokio::test]
async fn the_commands_that_a_kept_run_prints_show_what_it_kept() {
    let own = Own::new();
    let scenario =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/outcomes/a-swapped-column.yaml");
    let report: PathBuf = own.folder.path().join("report.json");
    let arguments = ["run", scenario.to_str().unwrap(), "--keep-run", "--json"];
    let ran = own.run(&[&arguments[..], &[report.to_str().unwrap()]].concat());
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    let kept = kept(&report);
    let mut looked = 0;
    for (what, command) in &kept {
        assert!(said.contains(command.as_str()), "`{command}` is not in:\n{said}");
        let words = command.split(' ').collect::<Vec<_>>();
        let program = words.iter().find(|word| !word.contains('=')).unwrap();
        if !is_there(program) {
            eprintln!("not run: there is no `{program}` here for {what}");
            continue;
        }
        let shown = own.pasted(command, "TABLE rates;\n");
        let text = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.status.success(), "{what}: {command}: {shown:?}");
        let expected = match *program {
            "psql" => "rate",
            "curl" => "operationHandle",
            _ => continue,
        };
        assert!(text.contains(expected), "{what}: `{expected}` is not in:\n{text}");
        looked += 1;
    }
    // The source, what the journal tells, and the session.
    assert!(looked >= 3, "{kept:?}");
    let (_, source) = kept.iter().find(|(what, _)| what == "the source database").unwrap();
    assert!(own.run(&["prune", "--kept"]).status.success());
    // The keeper removes it a little later.
    let gone = || async {
        let shown = own.pasted(source, "TABLE rates;\n");
        let there = Look::NotYet("the source database is there".to_owned());
        Ok::<_, ()>(if shown.status.success() { there } else { Look::Holds(()) })
    };
    wait::until("what was kept to be removed", LIMIT, gone).await.unwrap();
}
