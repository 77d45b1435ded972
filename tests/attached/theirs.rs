//! A stack of somebody else's for the time of a test, and the program that is pointed at it.

use std::collections::BTreeSet;
use std::process::{Command, Output, Stdio};

use camino::Utf8PathBuf;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_changeproof");
/// What starts and breaks the components.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/attached/stack.sh");

/// A stack that changeproof does not keep; it ends with this, or with the test's process.
pub(crate) struct Theirs {
    folder: Utf8PathBuf,
    variables: Vec<(String, String)>,
}

/// How a command ended, and all that it printed.
pub(crate) struct Ended {
    pub(crate) exit: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// What was printed, both ways.
    pub(crate) fn output(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self {
            exit: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// Runs a command of the script, which must succeed; gives what it printed.
fn does(args: &[&str]) -> String {
    let mut command = Command::new(SCRIPT);
    command.args(args).env("OWNER", std::process::id().to_string()).stdin(Stdio::null());
    let ended = Ended::from(command.output().unwrap());
    assert_eq!(ended.exit, Some(0), "{args:?}: {}", ended.output());
    ended.stdout
}

impl Theirs {
    /// Starts one, `plain` or `secure`.
    pub(crate) fn start(kind: &str) -> Self {
        // The jars are there once changeproof's own stack was.
        let up = Command::new(PROGRAM).args(["up", "--idle", "60s"]).output().unwrap();
        assert!(up.status.success(), "{}", String::from_utf8_lossy(&up.stderr));
        // Postgres works there as another user.
        let folder =
            Utf8PathBuf::from(format!("/var/tmp/changeproof-attached-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("work")).unwrap();
        let mut theirs = Self { folder, variables: Vec::new() };
        does(&["up", theirs.folder.as_str(), kind]);
        let variables = std::fs::read_to_string(theirs.folder.join("env")).unwrap();
        let pairs = variables.lines().filter_map(|line| line.split_once('='));
        theirs.variables = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        theirs
    }

    /// The stack file.
    pub(crate) fn file(&self) -> Utf8PathBuf {
        self.folder.join("stack.yaml")
    }

    /// Where commands work and leave their runs.
    pub(crate) fn work(&self) -> Utf8PathBuf {
        self.folder.join("work")
    }

    /// The program, with the passwords in its environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        let variables = self.variables.iter().map(|(name, value)| (name, value));
        command.args(args).envs(variables).current_dir(self.work()).stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn ends(&self, args: &[&str]) -> Ended {
        self.command(args).output().unwrap().into()
    }

    /// Asks Postgres as its superuser.
    pub(crate) fn sql(&self, statement: &str) -> String {
        does(&["sql", self.folder.as_str(), statement])
    }

    /// Everything that somebody has made in the source's server.
    pub(crate) fn in_postgres(&self) -> BTreeSet<String> {
        let sql = "SELECT 'database ' || datname FROM pg_database \
            UNION ALL SELECT 'slot ' || slot_name FROM pg_replication_slots \
            UNION ALL SELECT 'role ' || rolname FROM pg_roles";
        self.sql(sql).lines().map(ToOwned::to_owned).collect()
    }

    /// A value of a stack file, `key: VALUE`.
    pub(crate) fn said(&self, key: &str) -> String {
        let text = std::fs::read_to_string(self.file()).unwrap();
        let line = text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(": "));
        line.unwrap_or_else(|| panic!("the stack file has no {key}")).to_owned()
    }
}

impl Drop for Theirs {
    fn drop(&mut self) {
        let down = Command::new(SCRIPT).args(["down", self.folder.as_str()]).output();
        // Kept for whoever looks at a failure.
        if down.is_ok_and(|down| down.status.success()) && !std::thread::panicking() {
            std::fs::remove_dir_all(&self.folder).ok();
        }
    }
}
