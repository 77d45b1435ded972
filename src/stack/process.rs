//! The only place that starts processes and sends them signals.
//!
//! Every child is started through `setpriv --pdeathsig KILL`, so that the kernel kills it when the
//! thread that started it ends, however that happens. The keeper has one thread.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

use super::confine::{self, Access};
use super::error::StackError;
use super::files;
use super::machine::User;

/// A program with all that it needs to be started.
#[derive(Debug, Clone)]
pub(super) struct Launch {
    /// Where `setpriv` is.
    pub(super) setpriv: Utf8PathBuf,
    pub(super) program: Utf8PathBuf,
    pub(super) args: Vec<String>,
    pub(super) environment: Surroundings,
    /// The working folder.
    pub(super) folder: Utf8PathBuf,
    /// Become this user first.
    pub(super) user: Option<User>,
    /// What it may reach; `None`: what its user may.
    pub(super) wall: Option<Wall>,
}

/// The wall around a child.
#[derive(Debug, Clone)]
pub(super) struct Wall {
    /// Our binary, which shuts itself in and then becomes the program.
    pub(super) by: Utf8PathBuf,
    /// What is inside.
    pub(super) reach: Access,
}

/// The environment variables of a child.
#[derive(Debug, Clone)]
pub(super) enum Surroundings {
    /// Ours: for tools that a person configures there.
    Ours,
    /// These and no others: components must not depend on who started them.
    Only(BTreeMap<String, String>),
}

impl Launch {
    #[expect(clippy::disallowed_methods, reason = "this is the place that starts processes")]
    fn command(&self) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(&self.setpriv);
        command.args(["--pdeathsig", "KILL"]);
        if let Some(user) = self.user {
            command.args(["--reuid", &user.uid.to_string(), "--regid", &user.gid.to_string()]);
            command.arg("--clear-groups");
        }
        command.arg("--");
        if let Some(Wall { by, reach }) = &self.wall {
            command.arg(by).arg(confine::COMMAND).args(reach.arguments()).arg("--");
        }
        command.arg(&self.program).args(&self.args);
        if let Surroundings::Only(variables) = &self.environment {
            command.env_clear().envs(variables);
        }
        command.current_dir(&self.folder).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Starts it with everything that it prints going to the end of `log`.
    pub(super) fn start(&self, log: &Utf8Path) -> io::Result<Running> {
        let out = files::append(log)?;
        let child = self.command().stdout(out.try_clone()?).stderr(out).spawn()?;
        Ok(Running { child })
    }

    /// Runs it to its end and gives what it printed.
    pub(super) async fn output(&self, limit: Duration) -> Result<Finished, StackError> {
        let refused = |cause: String| StackError::Refused {
            doing: format!("run {} {}", self.program, self.args.join(" ")),
            cause,
        };
        let output = self.command().output();
        let output = tokio::time::timeout(limit, output)
            .await
            .map_err(|_| refused(format!("it did not end within {limit:?}")))?
            .map_err(|error| refused(error.to_string()))?;
        let text = [output.stdout, output.stderr].concat();
        Ok(Finished {
            success: output.status.success(),
            text: String::from_utf8_lossy(&text).into_owned(),
        })
    }
}

/// Becomes another program, in the same process, with these variables besides ours; gives why it
/// could not.
#[expect(clippy::disallowed_methods, reason = "this is the place that starts processes")]
pub(super) fn become_program(
    program: &Utf8Path,
    args: &[String],
    variables: &[(&str, &str)],
) -> io::Error {
    std::process::Command::new(program).args(args).envs(variables.iter().copied()).exec()
}

/// A program that ended.
#[derive(Debug, Clone)]
pub(super) struct Finished {
    pub(super) success: bool,
    /// What it printed on both streams.
    pub(super) text: String,
}

/// A child. Killed when dropped.
#[derive(Debug)]
pub(super) struct Running {
    child: tokio::process::Child,
}

impl Running {
    /// How it ended, if it did.
    pub(super) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Which process it is; `None` once it has ended.
    pub(super) fn process(&self) -> Option<Process> {
        Process::of(self.child.id()?)
    }

    /// Asks it to end.
    pub(super) fn ask_to_end(&self, how: Asking) {
        if let Some(process) = self.process() {
            process.signal(match how {
                Asking::Term => Signal::TERM,
                Asking::Quit => Signal::QUIT,
                Asking::Interrupt => Signal::INT,
            });
        }
    }

    /// Kills it and waits until it is gone.
    pub(super) async fn kill(&mut self) {
        // An error means that it is gone already, which is what we want.
        self.child.kill().await.ok();
    }
}

/// How to ask.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asking {
    /// SIGTERM: the orderly end.
    Term,
    /// SIGQUIT: Postgres leaves at once and takes its children with it.
    Quit,
    /// SIGINT: Postgres ends its sessions and leaves in an orderly way.
    Interrupt,
}

/// One process and no other: a number is used again, a number with its start time is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it started, in clock ticks since the machine did.
    pub started: u64,
}

impl Process {
    /// The process with this number, if it runs.
    pub(super) fn of(pid: u32) -> Option<Self> {
        let stat = fs_err::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The second field is the name in parentheses and may hold anything.
        let (_, rest) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        if fields.first() == Some(&"Z") {
            return None;
        }
        Some(Self { pid, started: fields.get(19)?.parse().ok()? })
    }

    /// This process.
    pub(super) fn current() -> Option<Self> {
        Self::of(std::process::id())
    }

    /// Whether somebody stopped it where it stands.
    pub(super) fn is_stopped(self) -> bool {
        let stat = fs_err::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        self.is_alive() && matches!(state, Some('T' | 't'))
    }

    /// What runs under a number, for people: `changeproof (process 12)`.
    pub(super) fn described(pid: u32) -> Option<String> {
        let name = fs_err::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        Some(format!("{} (process {pid})", name.trim_end()))
    }

    /// Whether it still runs.
    pub fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// The memory that it occupies, in bytes.
    pub fn resident_bytes(self) -> Option<u64> {
        let status = fs_err::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib * 1024)
    }

    fn signal(self, signal: Signal) {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid.filter(|_| self.is_alive()) {
            // It may have ended since we looked, which is what we want.
            kill_process(pid, signal).ok();
        }
    }

    /// Asks it to end, if it is still the same process.
    pub(super) fn ask_to_end(self) {
        self.signal(Signal::TERM);
    }

    /// Stops it where it stands, if it is still the same process.
    pub(super) fn pause(self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on, if it is still the same process.
    pub(super) fn resume(self) {
        self.signal(Signal::CONT);
    }

    /// Kills it, if it is still the same process.
    pub(super) fn kill(self) {
        self.signal(Signal::KILL);
    }
}

/// The processes that are one of `programs` and work in `folder` or below it. Whoever merely looks
/// around there (a shell, a pager) is another program, and none of ours to kill.
pub(super) fn working_in(folder: &Utf8Path, programs: &[&str]) -> Vec<Process> {
    let Ok(entries) = Utf8Path::new("/proc").read_dir_utf8() else { return Vec::new() };
    let pids = entries.filter_map(Result::ok).filter_map(|entry| entry.file_name().parse().ok());
    let ours = |pid: &u32| {
        let there = fs_err::read_link(format!("/proc/{pid}/cwd"));
        let program = fs_err::read_link(format!("/proc/{pid}/exe"));
        let (Ok(there), Ok(program)) = (there, program) else { return false };
        let name = program.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        // The kernel appends this when the file was replaced meanwhile.
        let name = name.trim_end_matches(" (deleted)");
        there.starts_with(folder) && programs.contains(&name)
    };
    pids.filter(ours).filter_map(Process::of).collect()
}

/// The variables that a detached program gets: folders, language, log filters. What else stands in
/// the environment of whoever starts it first (passwords, tokens) is not for days in the background.
const HANDED_ON: [&str; 12] = [
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "JAVA_HOME",
    "XDG_CACHE_HOME",
    "CHANGEPROOF_CACHE",
    "CHANGEPROOF_LOG",
    "RUST_BACKTRACE",
];

/// Starts a program that outlives us: a process group of its own, so that a signal to ours does
/// not reach it, and none of our streams, so that nobody waits for their end. What it prints goes
/// to a fresh `log`. Of our environment it gets what it needs.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the place that starts processes, and it decides nothing by what it hands on"
)]
pub(super) fn detach(
    program: &Utf8Path,
    args: &[String],
    log: &Utf8Path,
) -> io::Result<std::process::Child> {
    let out = files::create(log)?;
    std::process::Command::new(program)
        .args(args)
        .env_clear()
        .envs(HANDED_ON.iter().filter_map(|name| Some((*name, std::env::var_os(name)?))))
        .process_group(0)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .spawn()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::wait::{self, Look};

    fn launch(args: &[&str]) -> Launch {
        Launch {
            setpriv: "/usr/bin/setpriv".into(),
            program: "/bin/sh".into(),
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            environment: Surroundings::Only(BTreeMap::from([("A".to_owned(), "b".to_owned())])),
            folder: "/".into(),
            user: None,
            wall: None,
        }
    }

    #[tokio::test]
    async fn a_child_sees_only_the_variables_it_is_given() {
        let launch = launch(&["-c", "echo $A-$HOME-; exit 3"]);
        let finished = launch.output(Duration::from_secs(5)).await.unwrap();
        assert_eq!(finished.text, "b--\n");
        assert!(!finished.success);
    }

    #[test]
    fn a_detached_program_gets_no_more_of_the_environment_than_it_needs() {
        assert!(std::env::vars().any(|(name, _)| !HANDED_ON.contains(&&*name)));
        let temporary = tempfile::tempdir().unwrap();
        let log = Utf8PathBuf::from_path_buf(temporary.path().join("log")).unwrap();
        let mut child = detach("/usr/bin/env".into(), &[], &log).unwrap();
        assert!(child.wait().unwrap().success());
        let printed = fs_err::read_to_string(&log).unwrap();
        let names = printed.lines().filter_map(|line| Some(line.split_once('=')?.0));
        let other: Vec<_> = names.filter(|name| !HANDED_ON.contains(name)).collect();
        assert!(other.is_empty(), "{other:?}");
        assert!(printed.contains("PATH="), "{printed}");
    }

    #[tokio::test]
    async fn a_process_is_known_by_its_start_time_too() {
        let temporary = tempfile::tempdir().unwrap();
        let log = Utf8PathBuf::from_path_buf(temporary.path().join("log")).unwrap();
        let mut running = launch(&["-c", "read x < /dev/zero"]).start(&log).unwrap();
        let process = running.process().unwrap();
        assert!(process.is_alive());
        assert!(!Process { started: process.started + 1, ..process }.is_alive());
        assert!(!process.is_stopped());
        process.pause();
        let stopped = || async {
            let here = || Look::NotYet("it runs".to_owned());
            Ok::<_, ()>(if process.is_stopped() { Look::Holds(()) } else { here() })
        };
        wait::until("it to be stopped", Duration::from_secs(5), stopped).await.unwrap();
        running.kill().await;
        assert!(!process.is_alive() && !process.is_stopped());
    }
}
