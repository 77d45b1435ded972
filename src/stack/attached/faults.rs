//! Faults by commands: how to break and mend what changeproof does not own.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use camino::Utf8PathBuf;
use futures::{FutureExt as _, TryFutureExt as _};
use tokio::process::Command;

use crate::client::connect::Connect;
use crate::client::flink::JobManager;
use crate::client::kafka::Admin;
use crate::client::postgres::{self, CONTROL_DATABASE};
use crate::client::reach::Reach;
use crate::client::wait::{self, Look, WaitError};
use crate::scenario::timeline::{Target, Verb};
use crate::stack::error::Doing as _;
use crate::stack::{Faults, Later, StackError, files};

/// How long one look at a part may take.
const LOOK_LIMIT: Duration = Duration::from_secs(5);

/// The commands of a stack file. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Commands(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    commands: BTreeMap<Target, BTreeMap<Verb, String>>,
    reach: Reach,
    /// A file for each part that is down or paused, with what was done to it last: a run that is killed
    /// leaves them for whoever sweeps.
    touched: Utf8PathBuf,
}

impl Commands {
    /// Those of a stack file; `touched` is a folder that is made when it is needed.
    pub(super) fn new(
        commands: BTreeMap<Target, BTreeMap<Verb, String>>,
        reach: Reach,
        touched: Utf8PathBuf,
    ) -> Self {
        Self(Arc::new(Inner { commands, reach, touched }))
    }

    async fn carry_out(
        &self,
        verb: Verb,
        target: Target,
        limit: Duration,
    ) -> Result<(), StackError> {
        let command = self.0.commands.get(&target).and_then(|verbs| verbs.get(&verb));
        let Some(command) = command else {
            return Err(StackError::Missing {
                what: format!("the stack file has no command for `{verb}: {target}`"),
                mend: format!("add one under `faults: {{{target}: {{{verb}: …}}}}`"),
            });
        };
        // Before it is run: one that fails half-way is mended, too.
        self.touch(verb, target)?;
        run(command, limit).await?;
        if matches!(verb, Verb::Start | Verb::Resume) {
            self.until_ready(target, limit).await?;
            files::remove(&self.file(target))?;
        }
        Ok(())
    }

    fn file(&self, target: Target) -> Utf8PathBuf {
        self.0.touched.join(target.to_string())
    }

    fn touch(&self, verb: Verb, target: Target) -> Result<(), StackError> {
        if matches!(verb, Verb::Start | Verb::Resume) {
            return Ok(());
        }
        fs_err::create_dir_all(&self.0.touched)
            .and_then(|()| fs_err::write(self.file(target), verb.to_string()))
            .doing("note what is down")
    }

    async fn until_ready(&self, target: Target, limit: Duration) -> Result<(), StackError> {
        let what = format!("{target} to be ready");
        let ready = wait::until(&what, limit, || async {
            let looked = tokio::time::timeout(LOOK_LIMIT, look(target, &self.0.reach)).await;
            Ok::<_, StackError>(match looked {
                Ok(Ok(())) => Look::Holds(()),
                Ok(Err(instead)) => Look::NotYet(instead),
                Err(_) => Look::NotYet(format!("it does not answer within {LOOK_LIMIT:?}")),
            })
        });
        ready.await.map_err(WaitError::flatten)
    }

    /// Brings back what is down or paused; gives a line for each.
    pub(super) async fn bring_back(&self, limit: Duration) -> Result<Vec<String>, StackError> {
        let mut back = Vec::new();
        for target in Target::ALL.iter().copied().filter(|target| self.file(*target).exists()) {
            let verb = fs_err::read_to_string(self.file(target)).doing("see what is down")?;
            let mends = if verb == Verb::Pause.to_string() { Verb::Resume } else { Verb::Start };
            self.carry_out(mends, target, limit).await?;
            back.push(format!("{mends}: {target}"));
        }
        Ok(back)
    }
}

impl Faults for Commands {
    fn act(&self, verb: Verb, target: Target, limit: Duration) -> Later<'_, ()> {
        self.carry_out(verb, target, limit).boxed()
    }

    fn mend(&self, limit: Duration) -> Later<'_, ()> {
        self.bring_back(limit).map_ok(drop).boxed()
    }
}

/// Runs a command as the shell does; it ends with the caller.
#[expect(clippy::disallowed_methods, reason = "it is the user's own, and no component of ours")]
async fn run(command: &str, limit: Duration) -> Result<(), StackError> {
    let refused = |cause: String| StackError::Refused { doing: format!("run `{command}`"), cause };
    let child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| refused(error.to_string()))?;
    let ended = tokio::time::timeout(limit, child.wait_with_output()).await;
    let ended = ended.map_err(|_| refused(format!("it has not ended after {limit:?}")))?;
    let ended = ended.map_err(|error| refused(error.to_string()))?;
    if ended.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ended.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("").trim();
    Err(refused(format!("{} {last}", ended.status)))
}

/// Whether a part serves; what there is instead.
async fn look(target: Target, reach: &Reach) -> Result<(), String> {
    fn told(error: &dyn std::fmt::Display) -> String {
        error.to_string()
    }
    match target {
        Target::Postgres => {
            postgres::connect(reach, CONTROL_DATABASE, "changeproof")
                .await
                .map_err(|error| told(&error))?;
        }
        Target::Kafka => {
            let admin = Admin::new(reach).map_err(|error| told(&error))?;
            admin.list("").await.map_err(|error| told(&error))?;
        }
        Target::Worker => {
            let connect = Connect::new(reach).map_err(|error| told(&error))?;
            connect.list("").await.map_err(|error| told(&error))?;
        }
        Target::Taskmanager | Target::Jobmanager => {
            let flink = JobManager::new(reach).map_err(|error| told(&error))?;
            let overview = flink.overview().await.map_err(|error| told(&error))?;
            if target == Target::Taskmanager && overview.taskmanagers == 0 {
                return Err("no TaskManager is registered".to_owned());
            }
        }
        Target::Connector | Target::Statements => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_command_that_fails_is_told_with_its_last_line() {
        let limit = Duration::from_secs(5);
        assert!(run("true", limit).await.is_ok());
        let error = run("echo no such container >&2; exit 3", limit).await.unwrap_err();
        let told = error.to_string();
        assert!(told.contains("exit status: 3 no such container"), "{told}");
        let error = run("sleep 30", Duration::from_millis(50)).await.unwrap_err();
        assert!(error.to_string().contains("has not ended"), "{error}");
    }

    #[tokio::test]
    async fn what_is_down_is_brought_back_and_what_has_no_command_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("down");
        let verbs = BTreeMap::from([
            (Verb::Kill, format!("touch {}", file.display())),
            (Verb::Start, format!("rm {}", file.display())),
        ]);
        // What has no address is ready at once.
        let commands = BTreeMap::from([(Target::Connector, verbs)]);
        let touched = Utf8PathBuf::from_path_buf(folder.path().join("touched")).unwrap();
        let commands = || Commands::new(commands.clone(), Reach::default(), touched.clone());
        let limit = Duration::from_secs(5);
        commands().act(Verb::Kill, Target::Connector, limit).await.unwrap();
        assert!(file.exists());
        // Whoever comes after one that was killed knows of it.
        let commands = commands();
        assert_eq!(commands.bring_back(limit).await.unwrap(), ["start: connector"]);
        assert!(!file.exists());
        commands.mend(limit).await.unwrap();
        let error = commands.act(Verb::Pause, Target::Worker, limit).await.unwrap_err();
        assert!(error.to_string().contains("`pause: worker`"), "{error}");
    }
}
