//! One component of a stack: started, watched, and disturbed on request.

use std::time::Duration;

use camino::Utf8PathBuf;

use super::Say;
use super::components::{Component, Setting};
use super::control::{Deed, Doings};
use super::error::{ComponentError, Doing, StackError, end_of_log};
use super::process::{Launch, Process, Running, working_in};
use crate::client::clock::Stopwatch;
use crate::client::wait::{self, Look, WaitError};

/// How long a component may take to be ready; a slow machine without archives takes a tenth of it.
const READY_LIMIT: Duration = Duration::from_secs(240);
/// How long the processes of a killed component may take to be gone.
const GONE_LIMIT: Duration = Duration::from_secs(10);
/// Lines of a log that an error shows.
const LOG_LINES: usize = 12;

/// A component, as it is and as it is wanted to be.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) component: Component,
    pub(super) running: Running,
    pub(super) log: Utf8PathBuf,
    pub(super) ready_after_ms: u64,
    launch: Launch,
    wanted: Wanted,
}

/// What a component is wanted to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Up,
    Paused,
    Down,
}

impl Member {
    /// Starts it.
    pub(super) fn start(
        component: Component,
        launch: Launch,
        log: Utf8PathBuf,
    ) -> Result<Self, StackError> {
        let running = launch.start(&log).doing(&format!("start {}", component.name()))?;
        Ok(Self { component, running, log, ready_after_ms: 0, launch, wanted: Wanted::Up })
    }

    /// Nobody has asked for anything else.
    pub(super) fn is_wanted_up(&self) -> bool {
        self.wanted == Wanted::Up
    }

    /// Does what was asked.
    pub(super) async fn obey(
        &mut self,
        deed: Deed,
        setting: &Setting,
    ) -> Result<Doings, StackError> {
        match deed {
            Deed::Kill => self.kill(setting).await?,
            Deed::Pause => {
                self.wanted = Wanted::Paused;
                self.processes(setting).into_iter().for_each(Process::pause);
            }
            Deed::Resume => self.resume(setting),
            Deed::Stop => {
                self.wanted = Wanted::Down;
                self.running.ask_to_end(self.component.asking_gently());
            }
            Deed::Start if self.wanted == Wanted::Down => self.bring_back()?,
            Deed::Mend if self.wanted == Wanted::Up => return Ok(Doings::Ready),
            Deed::Mend => self.bring_back()?,
            Deed::Start | Deed::Look => {}
        }
        self.doings(setting).await
    }

    /// Its processes, the first one first: what it starts meanwhile must not be missed.
    fn processes(&self, setting: &Setting) -> Vec<Process> {
        let mut all: Vec<_> = self.running.process().into_iter().collect();
        if let Some(folder) = self.component.children_in(setting) {
            all.extend(working_in(&folder, &["postgres"]));
        }
        all
    }

    /// Kills it with its children, and waits until all of them are gone: Postgres refuses to start
    /// while a process of the server before is there.
    async fn kill(&mut self, setting: &Setting) -> Result<(), StackError> {
        self.wanted = Wanted::Down;
        let children = self.component.children_in(setting);
        self.running.kill().await;
        let Some(folder) = children else { return Ok(()) };
        let gone = wait::until("the processes to be gone", GONE_LIMIT, || async {
            let left = working_in(&folder, &["postgres"]);
            for process in &left {
                process.kill();
            }
            Ok::<_, StackError>(match left.as_slice() {
                [] => Look::Holds(()),
                left => Look::NotYet(format!("{} are there", left.len())),
            })
        });
        gone.await.map_err(|error| match error {
            WaitError::Look(error) => error,
            WaitError::TimedOut(late) => StackError::Keeper(late.to_string()),
        })
    }

    fn resume(&mut self, setting: &Setting) {
        if self.wanted == Wanted::Paused {
            self.wanted = Wanted::Up;
            self.processes(setting).into_iter().for_each(Process::resume);
        }
    }

    /// Starts or resumes it.
    pub(super) fn bring_back(&mut self) -> Result<(), StackError> {
        let is_gone = !matches!(self.running.ended(), Ok(None));
        if is_gone {
            let name = self.component.name();
            self.running = self.launch.start(&self.log).doing(&format!("start {name}"))?;
        } else if let Some(process) = self.running.process() {
            process.resume();
        }
        self.wanted = Wanted::Up;
        Ok(())
    }

    async fn doings(&mut self, setting: &Setting) -> Result<Doings, StackError> {
        match self.wanted {
            Wanted::Paused => Ok(Doings::Paused),
            Wanted::Down => Ok(match self.running.ended() {
                Ok(None) => Doings::Ending,
                Ok(Some(_)) | Err(_) => Doings::Down,
            }),
            Wanted::Up => {
                self.check()?;
                Ok(match self.component.look(setting).await {
                    Look::Holds(()) => Doings::Ready,
                    Look::NotYet(instead) => Doings::Starting(instead),
                })
            }
        }
    }

    /// Waits until it is ready.
    pub(super) async fn wait(
        &mut self,
        setting: &Setting,
        watch: Stopwatch,
        say: Say<'_>,
    ) -> Result<(), StackError> {
        let component = self.component;
        let name = component.name();
        let ready = wait::until(&format!("{name} to be ready"), READY_LIMIT, || {
            let alive = self.check();
            async move {
                alive?;
                Ok(component.look(setting).await)
            }
        })
        .await;
        match ready {
            Ok(()) => {}
            Err(WaitError::TimedOut(late)) => {
                let failure = format!("was not ready within {:.0?}; {}", late.waited, late.last);
                return Err(self.error(failure));
            }
            Err(WaitError::Look(error)) => return Err(error),
        }
        self.ready_after_ms = watch.elapsed_ms();
        say(&format!("{name} is ready after {:.1?}", watch.elapsed()));
        Ok(())
    }

    /// Whether it runs, unless it is not wanted to.
    pub(super) fn check(&mut self) -> Result<(), StackError> {
        if self.wanted == Wanted::Down {
            return Ok(());
        }
        match self.running.ended() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(self.error(format!("ended with {status}"))),
            Err(error) => Err(StackError::io("look at a component", &error)),
        }
    }

    fn error(&self, failure: String) -> StackError {
        let (cause, log_end) = end_of_log(&self.log, LOG_LINES);
        StackError::Component(ComponentError {
            component: self.component.name().to_owned(),
            failure,
            cause,
            log_end,
            log: self.log.clone(),
            mend: None,
        })
    }
}
