//! The keeper: the one process that owns the components of a stack.
//!
//! It has one thread, which starts every component, so that the kernel ends them when it ends,
//! however it ends. It leaves when it is told to, when a component dies, and when nobody held a
//! lease for a while.

use std::borrow::Cow;
use std::fs::File;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use camino::Utf8Path;
use rustix::fs::Mode;
use rustix::process::umask;
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::cds::Archives;
use super::components::Setting;
use super::confine::Access;
use super::control::{self, Listener};
use super::error::{ComponentError, Doing, StackError};
use super::jars::{Damaged, Jars};
use super::lock::{self, Lock};
use super::machine::Machine;
use super::paths::Paths;
use super::process::Process;
use super::record::Record;
use super::secured::Secured;
use super::start::Stack;
use super::{
    OwnOptions, Say, StackOptions, doctor, files, infra, jars, leftovers, network, ports, sweep,
    templates, training,
};
use crate::base::exit::Exit;
use crate::base::secret::redacted;
use crate::client::clock::Stopwatch;
use crate::client::reach::{Login, Reach};
use crate::client::wait::{self, Look, WaitError};

/// How long the keeper before may take to be gone, its archives written.
const BEFORE_LIMIT: Duration = Duration::from_secs(200);
/// Between two looks for leases lie this many looks at the components.
const LOOKS_BETWEEN: u32 = 10;
/// A port that was free when it was chosen can be taken when it is used.
const ATTEMPTS: u64 = 3;

/// What a keeper is told, as a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Order {
    /// Names this start.
    pub(super) token: String,
    /// Where everything is.
    pub(super) options: StackOptions,
}

/// Is the keeper until its end. For the hidden subcommand; `order` is the file that the starter
/// wrote.
pub fn keep(order: &Utf8Path) -> Result<Exit, StackError> {
    // Of the keeper's files, and of those of its children, others get what is given to them.
    umask(Mode::RWXG | Mode::RWXO);
    let order: Order = files::read_json(order)?
        .ok_or_else(|| StackError::Keeper(format!("there is no order in {order}")))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .doing("start a runtime")?;
    match runtime.block_on(serve(&order)) {
        Ok(()) => Ok(Exit::Pass),
        Err(error) => {
            tracing::error!("{error}");
            let paths = Paths::of(&order.options);
            // The starter reads it; if nobody does, the next start removes it.
            files::write_json(&paths.failure(&order.token), &error)?;
            Ok(error.exit())
        }
    }
}

async fn serve(order: &Order) -> Result<(), StackError> {
    let watch = Stopwatch::start();
    let paths = Paths::of(&order.options);
    let what = "the keeper before to be gone";
    let say = |line: &str| tracing::info!("{line}");
    let _keeper =
        Lock::take(&paths.keeper(), lock::Mode::Exclusive, (BEFORE_LIMIT, what), &say).await?;
    let itself = Process::current()
        .ok_or_else(|| StackError::Keeper("/proc does not show this process".to_owned()))?;
    files::write_json(&paths.keeper_process(), &itself)?;
    for line in leftovers::sweep(&order.options, &paths, Some(&order.token)).await? {
        tracing::info!("{line}");
    }
    let folder = paths.run(&order.token);
    let served = whole_life(order, &paths, itself, watch).await;
    files::remove(&paths.record())?;
    let served = match served {
        Ok(()) => Ok(()),
        Err(error) => {
            // Before anything is removed: a full disk cannot be written about in a log.
            let full = doctor::is_full(&order.options).await;
            keep_logs(&paths, &folder)?;
            Err(explained(error, &paths, full))
        }
    };
    leftovers::release_shared_memory(&order.options, &folder).await;
    for path in [folder, paths.held(), paths.work(), paths.keeper_process(), paths.control()] {
        files::remove(&path)?;
    }
    served
}

/// From the first component's start to the last one's end.
async fn whole_life(
    order: &Order,
    paths: &Paths,
    itself: Process,
    watch: Stopwatch,
) -> Result<(), StackError> {
    let mut signals = Signals::listen()?;
    let progress = Progress::open(&paths.progress(&order.token))?;
    let say = |line: &str| progress.say(line);
    let mut stack = tokio::select! {
        stack = bring_up(order, paths, watch, &say) => stack?,
        // Dropping what was started so far kills it.
        () = signals.told_to_end() => return Ok(()),
    };
    let mut record = Record {
        token: order.token.clone(),
        recipe: infra::recipe(&order.options.own.lane),
        keeper: itself,
        network: network::here()?,
        reach: stack.reach(),
        versions: stack.versions(),
        components: stack.components(),
        metrics: stack.metrics(),
        folder: stack.folder().to_owned(),
        ready_after_ms: watch.elapsed_ms(),
    };
    let listener = Listener::open(paths)?;
    files::write_json(&paths.record(), &record)?;
    say(&format!("the stack is ready after {:.1?}", watch.elapsed()));
    let served = tokio::select! {
        end = until_idle(&mut stack, &listener, (paths, &mut record), order.options.idle) => end,
        () = signals.told_to_end() => Ok(None),
    };
    files::remove(&paths.record())?;
    let orderly = served.is_ok();
    tokio::select! {
        stopped = end(&mut stack, orderly) => stopped?,
        // Told twice: without archives, then. Dropping the rest kills it.
        () = signals.told_to_end() => {}
    }
    // The locks of an idle end are held to here, so that whoever waits at the gate finds nothing
    // half stopped.
    served.map(drop)
}

/// Ends the components; those that write archives do some work before, so that the archives hold
/// the classes that work needs.
async fn end(stack: &mut Stack, orderly: bool) -> Result<(), StackError> {
    if orderly
        && stack.writes_archives()
        && let Err(error) = training::train(&stack.reach()).await
    {
        tracing::warn!("the class archives will lack some classes: {error:#}");
    }
    stack.stop(orderly).await
}

async fn bring_up(
    order: &Order,
    paths: &Paths,
    watch: Stopwatch,
    say: Say<'_>,
) -> Result<Stack, StackError> {
    let lane = &order.options.own.lane;
    let jars = jars::cached(paths, &order.options.own).map_err(StackError::Keeper)?;
    let machine = Machine::find(&order.options, jars.postgres.as_deref()).await?;
    let folder = paths.run(&order.token);
    make_passed_folder(&folder, &machine)?;
    // A wall knows what was there when it was built.
    make_passed_folder(&paths.work(), &machine)?;
    let templates = templates::resolve(paths, (&machine, &jars, lane), &folder, say).await?;
    let mut attempt = 0;
    loop {
        let archives = archives(&order.options.own, paths, (&machine, &jars))?;
        if archives.are_made() {
            say("no class archives yet: this start is slower, and its end writes them");
        }
        let setting = Setting {
            machine: machine.clone(),
            jars: jars.clone(),
            templates: templates.clone(),
            folder: folder.clone(),
            ports: ports::choose(seed(&order.token) + attempt * 997)?,
            archives,
            registry_archives: Archives::None,
            password: templates::new_password()?,
            storage: storage(&order.options.own)?,
            secured: order.options.own.secured.then(Secured::new).transpose()?,
            has_password: AtomicBool::new(false),
            program: order.options.program.clone(),
            reach: reach(paths, &folder),
            own: order.options.own.clone(),
        };
        match Stack::start(setting, watch, say).await {
            Err(StackError::Component(error)) if attempt < ATTEMPTS && error.is_about_a_port() => {
                say(&format!("{} found its port taken; trying others", error.component));
                attempt += 1;
                files::remove(&folder)?;
                make_passed_folder(&folder, &machine)?;
            }
            other => return other,
        }
    }
}

/// The class archives of a stack. Those of the shared one hold also where more jars stand behind its
/// class path, and must not be made there.
fn archives(
    own: &OwnOptions,
    paths: &Paths,
    (machine, jars): (&Machine, &Jars),
) -> Result<Archives, StackError> {
    if own.mirror.is_some() {
        return Ok(Archives::None);
    }
    let found = Archives::find(paths, machine, jars.kafka.iter().chain(&jars.flink))?;
    let has_more = own.storage || own.metrics;
    Ok(if has_more && found.are_made() { Archives::None } else { found })
}

/// How to log in to the object storage of a start, where the stack has one.
fn storage(own: &OwnOptions) -> Result<Option<Login>, StackError> {
    if !own.storage {
        return Ok(None);
    }
    let user = templates::new_password()?.0.chars().take(20).collect();
    Ok(Some(Login { user, password: templates::new_password()? }))
}

/// A folder that components that run as another user pass through.
fn make_passed_folder(folder: &Utf8Path, machine: &Machine) -> Result<(), StackError> {
    files::make_folder(folder)
        .and_then(|()| files::let_pass(folder, machine.user))
        .doing("make the folder of the stack")
}

/// What the components may reach.
fn reach(paths: &Paths, folder: &Utf8Path) -> Access {
    Access { reads: vec![paths.jars(), paths.cds()], writes: vec![folder.to_owned(), paths.work()] }
}

fn seed(token: &str) -> u64 {
    token.bytes().fold(0, |seed, byte| (seed * 31 + u64::from(byte)) % 1_000_003)
}

/// The locks that keep others from the stack while it ends.
type Alone = (Lock, Lock);

/// What the keeper must do next.
enum Next {
    /// End: nobody uses the stack.
    End(Alone),
    /// Sweep: a run was killed.
    Sweep,
    /// Sweep all, while nobody comes in: everybody has just left.
    SweepAlone(Alone),
    /// Bring back what a run left down: nobody uses the stack.
    Mend(Alone),
}

/// Waits until nobody held a lease for the idle time, or a component dies; sweeps meanwhile.
async fn until_idle(
    stack: &mut Stack,
    listener: &Listener,
    (paths, record): (&Paths, &mut Record),
    idle: Duration,
) -> Result<Option<Alone>, StackError> {
    let mut unused: Option<Stopwatch> = None;
    loop {
        // The registry joins them when it is first needed.
        let reach = stack.reach();
        let mut looks: u32 = 0;
        let disturbed = stack.is_disturbed();
        let next = wait::until("something to do for the keeper", Duration::MAX, || {
            looks = looks.wrapping_add(1);
            let look = stack.check().and_then(|()| {
                if looks.is_multiple_of(LOOKS_BETWEEN) {
                    look(paths, idle, disturbed, &mut unused)
                } else {
                    Ok(Look::NotYet("it runs".to_owned()))
                }
            });
            async move { look }
        });
        let next = tokio::select! {
            next = next => next.map_err(WaitError::flatten)?,
            (question, stream) = listener.next() => {
                tracing::debug!(?question, "asked");
                let reply = stack.obey(question, paths).await;
                // What was started because it was asked for stands in the record before anybody
                // is told.
                let components = stack.components();
                if components != record.components {
                    record.components = components;
                    record.reach = stack.reach();
                    files::write_json(&paths.record(), record)?;
                }
                control::reply(stream, &reply).await;
                continue;
            }
        };
        match next {
            Next::Mend(_alone) => {
                tracing::warn!("a run left components down or paused; bringing them back");
                stack.mend(&|line| tracing::info!("{line}")).await?;
            }
            Next::End(alone) => return Ok(Some(alone)),
            Next::Sweep => sweep(paths, &reach).await,
            Next::SweepAlone(_alone) => {
                sweep(paths, &reach).await;
                if let Err(error) = sweep::sweep_subjects(paths, &reach).await {
                    tracing::warn!("{error}");
                }
            }
        }
    }
}

async fn sweep(paths: &Paths, reach: &Reach) {
    match sweep::sweep(paths, reach).await {
        Ok(swept) => swept.iter().for_each(|what| tracing::info!("swept: {what}")),
        // A component may be down for a moment; what is left is swept the next time.
        Err(error) => tracing::warn!("{error}"),
    }
}

fn look(
    paths: &Paths,
    idle: Duration,
    disturbed: bool,
    unused: &mut Option<Stopwatch>,
) -> Result<Look<Next>, StackError> {
    if disturbed {
        // A sweep needs all of them, and so does the next run.
        let what = "a component is down because it was asked for";
        return Ok(alone(paths)?.map_or_else(
            || Look::NotYet(what.to_owned()),
            |alone| Look::Holds(Next::Mend(alone)),
        ));
    }
    if sweep::is_needed(paths) {
        return Ok(Look::Holds(Next::Sweep));
    }
    let Some(alone) = alone(paths)? else {
        *unused = None;
        return Ok(Look::NotYet("it is used".to_owned()));
    };
    let Some(since) = unused else {
        *unused = Some(Stopwatch::start());
        return Ok(Look::Holds(Next::SweepAlone(alone)));
    };
    if paths.held().exists() || since.elapsed() < idle {
        return Ok(Look::NotYet("it may be used".to_owned()));
    }
    Ok(Look::Holds(Next::End(alone)))
}

/// Both locks, if nobody else has either.
fn alone(paths: &Paths) -> Result<Option<Alone>, StackError> {
    let take = |path: &Utf8Path| {
        Lock::try_take(path, lock::Mode::Exclusive).doing(&format!("look at the lock {path}"))
    };
    let Some(gate) = take(&paths.gate())? else { return Ok(None) };
    Ok(take(&paths.lease())?.map(|lease| (gate, lease)))
}

/// A component that ended while a jar is not what was fetched; that set is fetched again.
fn of_damaged_jars(error: &ComponentError, damaged: &Damaged) -> StackError {
    let mend = match jars::forget(damaged) {
        Ok(()) => "start again: it is fetched again".to_owned(),
        Err(error) => format!("fill the cache anew ({error})"),
    };
    StackError::Missing {
        what: format!(
            "{} {}, and a jar is damaged: {}",
            error.component, error.failure, damaged.what
        ),
        mend,
    }
}

/// A failure with its log where it is kept, and with what the machine had run out of, if it had.
fn explained(error: StackError, paths: &Paths, full: bool) -> StackError {
    let StackError::Component(error) = error else { return error };
    if let Some(damaged) = jars::damaged(paths) {
        return of_damaged_jars(&error, &damaged);
    }
    let error = error.with_logs_in(&paths.last_failure().join("logs"));
    if !full {
        return StackError::Component(error);
    }
    StackError::NoSpace {
        place: paths.state().to_string(),
        cause: format!("{} {}", error.component, error.failure),
        mend: "free some space, or name a folder on another disk in CHANGEPROOF_STATE".to_owned(),
    }
}

/// Keeps the logs and configurations of a stack that failed, for people.
fn keep_logs(paths: &Paths, folder: &Utf8Path) -> Result<(), StackError> {
    files::remove(&paths.last_failure())?;
    fs_err::create_dir(paths.last_failure()).doing("keep the logs")?;
    for part in ["logs", "conf"] {
        if folder.join(part).is_dir() {
            let kept = paths.last_failure().join(part);
            fs_err::rename(folder.join(part), &kept).doing("keep the logs")?;
            redact(&kept).doing("keep the logs")?;
        }
    }
    Ok(())
}

/// Hides secrets in the files of a folder.
fn redact(folder: &Utf8Path) -> std::io::Result<()> {
    for entry in folder.read_dir_utf8()? {
        let path = entry?.into_path();
        if path.is_file() {
            let bytes = fs_err::read(&path)?;
            let text = String::from_utf8_lossy(&bytes);
            if let Cow::Owned(hidden) = redacted(&text) {
                fs_err::write(&path, hidden)?;
            }
        }
    }
    Ok(())
}

/// The signals that tell the keeper to end.
#[derive(Debug)]
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    // Listened to so that the end of a terminal does not end the stack.
    _hang_up: Signal,
}

impl Signals {
    fn listen() -> Result<Self, StackError> {
        let listen = |kind| signal(kind).doing("listen to signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            _hang_up: listen(SignalKind::hangup())?,
        })
    }

    async fn told_to_end(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Where the keeper says how far it is.
#[derive(Debug)]
struct Progress {
    file: Mutex<File>,
}

impl Progress {
    fn open(path: &Utf8Path) -> Result<Self, StackError> {
        Ok(Self { file: Mutex::new(files::append(path).doing("say how far the start is")?) })
    }

    fn say(&self, line: &str) {
        tracing::info!("{line}");
        if let Ok(mut file) = self.file.lock() {
            // Nobody may be listening any more.
            writeln!(file, "{line}").ok();
        }
    }
}
