//! What a run may ask of the keeper: to kill, pause, stop and start a component that it owns.
//!
//! One question a connection on a socket in the state folder, a line of JSON each way. A component
//! that is down because somebody asked for it is no failure of the stack; who asks has the stack
//! alone, and the keeper mends what is left down once nobody holds a lease.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::components::Component;
use super::error::StackError;
use super::files;
use super::paths::Paths;
use super::process::Process;
use crate::client::clock::Stopwatch;
use crate::client::wait::{self, Look, WaitError};

/// How long either side may take to say its line.
const LINE_LIMIT: Duration = Duration::from_secs(10);
/// After this time without a reply, a keeper that was stopped is told.
const STOPPED_AFTER: Duration = Duration::from_secs(2);
/// How long a reply may take: the keeper may be sweeping, or wait for the registry to be ready.
const REPLY_LIMIT: Duration = Duration::from_mins(5);

/// What can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// SIGKILL; it is gone when this is answered.
    Kill,
    /// SIGSTOP.
    Pause,
    /// SIGCONT.
    Resume,
    /// An orderly end; it may take a while to be gone.
    Stop,
    /// A start; it may take a while to be ready.
    Start,
    /// A start or a resume, if somebody asked for anything else; the answer is quick.
    Mend,
    /// What it is doing.
    Look,
}

/// What a component is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doings {
    /// It serves.
    Ready,
    /// It was started, and does not serve yet: what there is instead.
    Starting(String),
    /// It was paused.
    Paused,
    /// It was asked to end and has not yet.
    Ending,
    /// It is gone.
    Down,
}

/// A question.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Question {
    pub(super) deed: Deed,
    pub(super) component: Component,
}

/// What the keeper says to it.
pub(super) type Reply = Result<Doings, StackError>;

/// What helps against a keeper that says nothing.
const END: &str = "end the stack with: changeproof down";

/// What is told of a keeper that somebody stopped where it stands.
pub(super) fn stopped(pid: u32) -> StackError {
    StackError::Keeper(format!(
        "the keeper of the stack (process {pid}) was stopped and does not reply; let it go on with \
         `kill -CONT {pid}`, or {END}"
    ))
}

/// Asks the keeper of a stack. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Control {
    paths: Paths,
}

impl Control {
    pub(super) fn of(paths: &Paths) -> Self {
        Self { paths: paths.clone() }
    }

    /// Asks, and gives what the component is doing now.
    pub async fn ask(&self, deed: Deed, component: Component) -> Result<Doings, StackError> {
        let asked = async {
            let mut stream = UnixStream::connect(self.paths.control()).await?;
            let mut line = serde_json::to_string(&Question { deed, component })?;
            line.push('\n');
            stream.write_all(line.as_bytes()).await?;
            let mut reply = String::new();
            BufReader::new(stream).read_line(&mut reply).await?;
            Ok::<_, std::io::Error>(serde_json::from_str::<Reply>(&reply)?)
        };
        tokio::select! {
            reply = asked => reply.map_err(|error| self.unasked(component, &error))?,
            hangs = self.hangs(REPLY_LIMIT) => Err(hangs),
        }
    }

    /// Why there is no reply: most often the stack is ending, because a component has died.
    fn unasked(&self, component: Component, error: &std::io::Error) -> StackError {
        if !self.paths.record().exists() {
            return StackError::Keeper(
                "the stack has just ended; `changeproof status` says where its logs are kept if a \
                 component failed, and the next command starts it again"
                    .to_owned(),
            );
        }
        StackError::io(format!("ask the keeper about {}", component.name()), error)
    }

    /// Ends only when the keeper hangs: somebody stopped it, or it is late.
    async fn hangs(&self, limit: Duration) -> StackError {
        let watch = Stopwatch::start();
        let hangs = wait::until("the keeper to reply", limit, || async {
            let look = watch.elapsed() >= STOPPED_AFTER;
            let keeper = if look {
                files::read_json::<Process>(&self.paths.keeper_process())?
            } else {
                None
            };
            Ok::<_, StackError>(match keeper.filter(|keeper| keeper.is_stopped()) {
                Some(keeper) => Look::Holds(keeper.pid),
                None => Look::NotYet("it runs, and says nothing".to_owned()),
            })
        });
        match hangs.await {
            Ok(pid) => stopped(pid),
            Err(WaitError::TimedOut(late)) => StackError::Keeper(format!("{late}; {END}")),
            Err(WaitError::Look(error)) => error,
        }
    }

    /// Asks, and waits until the component is gone, or ready, whichever follows.
    pub async fn carry_out(
        &self,
        deed: Deed,
        component: Component,
        limit: Duration,
    ) -> Result<(), StackError> {
        self.ask(deed, component).await?;
        let condition = format!("{} to follow a `{deed:?}`", component.name());
        let followed = wait::until(&condition, limit, || async {
            Ok::<_, StackError>(match self.ask(Deed::Look, component).await? {
                Doings::Starting(instead) => Look::NotYet(instead),
                Doings::Ending => Look::NotYet("it has not ended".to_owned()),
                Doings::Ready | Doings::Paused | Doings::Down => Look::Holds(()),
            })
        });
        followed.await.map_err(|error| match error {
            WaitError::Look(error) => error,
            WaitError::TimedOut(late) => StackError::Keeper(late.to_string()),
        })
    }

    /// Resumes or starts every component that is not up, and waits until all are.
    pub async fn mend(&self, limit: Duration) -> Result<(), StackError> {
        if !self.paths.control().exists() {
            // Then nothing could be asked of this keeper, and nothing was.
            return Ok(());
        }
        for component in Component::ALL {
            if self.ask(Deed::Mend, component).await? != Doings::Ready {
                self.carry_out(Deed::Look, component, limit).await?;
            }
        }
        Ok(())
    }
}

/// The keeper's end of the socket.
#[derive(Debug)]
pub(super) struct Listener {
    /// `None` if the state folder's name is too long for a socket: then nothing can be asked.
    listener: Option<UnixListener>,
}

impl Listener {
    pub(super) fn open(paths: &Paths) -> Result<Self, StackError> {
        files::remove(&paths.control())?;
        let listener = UnixListener::bind(paths.control()).and_then(|listener| {
            // Only those who may write to it can ask; the keeper's mask has kept others out so far.
            fs_err::set_permissions(paths.control(), Permissions::from_mode(files::OURS))?;
            Ok(listener)
        });
        if let Err(error) = &listener {
            tracing::warn!("nothing can be asked of this keeper: {}: {error}", paths.control());
        }
        Ok(Self { listener: listener.ok() })
    }

    /// The next question, and where the reply goes.
    pub(super) async fn next(&self) -> (Question, UnixStream) {
        loop {
            let Some(listener) = &self.listener else { std::future::pending().await };
            match listener.accept().await {
                Ok((mut stream, _)) => match read(&mut stream).await {
                    Some(question) => return (question, stream),
                    None => tracing::warn!("a question that is none was dropped"),
                },
                Err(error) => tracing::warn!("a question was lost: {error}"),
            }
        }
    }
}

async fn read(stream: &mut UnixStream) -> Option<Question> {
    let mut line = String::new();
    let mut reader = BufReader::new(stream);
    let read = tokio::time::timeout(LINE_LIMIT, reader.read_line(&mut line)).await;
    read.ok()?.ok()?;
    serde_json::from_str(&line).ok()
}

/// Sends the reply; whoever asked may be gone.
pub(super) async fn reply(mut stream: UnixStream, reply: &Reply) {
    let Ok(mut line) = serde_json::to_string(reply) else { return };
    line.push('\n');
    let sent = tokio::time::timeout(LINE_LIMIT, stream.write_all(line.as_bytes())).await;
    if !matches!(sent, Ok(Ok(()))) {
        tracing::warn!("nobody was there for a reply");
    }
}
