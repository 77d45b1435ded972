//! Faults by commands: how to break and mend what changeproof does not own.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::process::Command;

use crate::client::connect::Connect;
use crate::client::flink::JobManager;
use crate::client::kafka::Admin;
use crate::client::postgres::{self, CONTROL_DATABASE};
use crate::client::reach::Reach;
use crate::client::wait::{self, Look, WaitError};
use crate::plan::needs::Capability;
use crate::scenario::timeline::{Target, Verb};
use crate::stack::{Faults, Later, StackError};

/// How long one look at a part may take.
const LOOK_LIMIT: Duration = Duration::from_secs(5);

/// The commands of a stack file. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Commands(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    commands: BTreeMap<Target, BTreeMap<Verb, String>>,
    reach: Reach,
    /// What was done last to what is down or paused.
    touched: Mutex<BTreeMap<Target, Verb>>,
}

impl Commands {
    pub(super) fn new(commands: BTreeMap<Target, BTreeMap<Verb, String>>, reach: Reach) -> Self {
        Self(Arc::new(Inner { commands, reach, touched: Mutex::default() }))
    }

    /// What can be done by them.
    pub(super) fn capabilities(&self) -> BTreeSet<Capability> {
        let of = |(target, verbs): (&Target, &BTreeMap<Verb, String>)| {
            verbs.keys().map(|verb| Capability::Fault(*verb, *target)).collect::<Vec<_>>()
        };
        self.0.commands.iter().flat_map(of).collect()
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
        self.touch(verb, target);
        run(command, limit).await?;
        if matches!(verb, Verb::Start | Verb::Resume) {
            self.until_ready(target, limit).await?;
            self.0.touched.lock().unwrap_or_else(PoisonError::into_inner).remove(&target);
        }
        Ok(())
    }

    fn touch(&self, verb: Verb, target: Target) {
        if !matches!(verb, Verb::Start | Verb::Resume) {
            let mut touched = self.0.touched.lock().unwrap_or_else(PoisonError::into_inner);
            touched.insert(target, verb);
        }
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

    async fn bring_back(&self, limit: Duration) -> Result<(), StackError> {
        let touched = self.0.touched.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (target, verb) in touched {
            let mends = if verb == Verb::Pause { Verb::Resume } else { Verb::Start };
            self.carry_out(mends, target, limit).await?;
        }
        Ok(())
    }
}

impl Faults for Commands {
    fn act(&self, verb: Verb, target: Target, limit: Duration) -> Later<'_, ()> {
        self.carry_out(verb, target, limit).boxed()
    }

    fn mend(&self, limit: Duration) -> Later<'_, ()> {
        self.bring_back(limit).boxed()
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
        let commands = Commands::new(commands, Reach::default());
        let limit = Duration::from_secs(5);
        commands.act(Verb::Kill, Target::Connector, limit).await.unwrap();
        assert!(file.exists());
        commands.mend(limit).await.unwrap();
        assert!(!file.exists());
        commands.mend(limit).await.unwrap();
        let error = commands.act(Verb::Pause, Target::Worker, limit).await.unwrap_err();
        assert!(error.to_string().contains("`pause: worker`"), "{error}");
    }
}
