//! Leases: the right to use the stack, as a lock on a file.
//!
//! Whoever wants one passes the *gate* first, and finds or starts the stack while holding it: so
//! several processes that come at once start one keeper. Whoever wants the stack alone holds the
//! gate while waiting for the others to leave, so that newcomers cannot starve it.

use std::collections::BTreeMap;
use std::process::Child;
use std::time::Duration;

use camino::Utf8PathBuf;

use super::components::Component;
use super::control::{Control, Deed};
use super::error::{Doing, StackError, end_of_log};
use super::keeper::Order;
use super::lane::Lane;
use super::lock::{Lock, Mode};
use super::network::Network;
use super::options::OWN;
use super::paths::Paths;
use super::process::{self, Process};
use super::record::{self, Record};
use super::{
    Say, StackOptions, claim, doctor, files, infra, jars, leftovers, machine, network, sweep,
};
use crate::client::reach::Reach;
use crate::client::wait::{self, Look, WaitError};

/// How long to wait for whoever holds the gate: it may be fetching jars, or wait for long runs.
const GATE_LIMIT: Duration = Duration::from_hours(1);
/// How long to wait for the runs that keep us from having the stack alone, or that have it alone.
const RUNS_LIMIT: Duration = Duration::from_hours(1);
/// How long a start may take in all.
const START_LIMIT: Duration = Duration::from_secs(400);
/// How long a component that was left down may take to be ready.
const MEND_LIMIT: Duration = Duration::from_mins(2);
/// How long another process may hold what an end has just freed.
const AGAIN_LIMIT: Duration = Duration::from_secs(10);
/// How long an end may take, archives included.
const END_LIMIT: Duration = Duration::from_mins(4);

/// With whom the stack is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// With other runs.
    WithOthers,
    /// With nobody: the run kills processes that all share, or holds a write open.
    Alone,
}

/// The right to use a stack that is up. Ends when dropped, and when its process ends.
#[derive(Debug)]
pub struct LocalLease {
    /// Where the components listen.
    pub reach: Reach,
    /// Component → version.
    pub versions: BTreeMap<String, String>,
    /// The logs of the components, by name, for run directories.
    pub logs: BTreeMap<String, Utf8PathBuf>,
    /// Asks the keeper to kill, pause, stop and start components: for who has the stack alone.
    pub control: Control,
    paths: Paths,
    _lock: Lock,
}

impl LocalLease {
    /// Keeps the stack up after this lease, until `down`.
    pub fn hold(&self) -> Result<(), StackError> {
        files::replace(&self.paths.held(), b"")
    }

    /// Has the schema registry started, unless it is there already; fetched first if it is missing.
    pub async fn with_registry(
        mut self,
        options: &StackOptions,
        say: Say<'_>,
    ) -> Result<Self, StackError> {
        if self.reach.registry.is_none() {
            jars::resolve_registry(options, say).await?;
            say("starting the schema registry");
            self.control.ask(Deed::Start, Component::Registry).await?;
            let record = self.record()?;
            self.reach = record.reach;
            self.logs.extend(record.components.into_iter().map(|one| (one.name, one.log)));
        }
        Ok(self)
    }

    /// What the stack says about itself.
    fn record(&self) -> Result<Record, StackError> {
        record::live(&self.paths)?
            .ok_or_else(|| StackError::Keeper("the stack ended just after it was ready".to_owned()))
    }
}

/// Takes a lease; starts the stack first if it is not up.
pub async fn lease(
    options: &StackOptions,
    share: Share,
    say: Say<'_>,
) -> Result<LocalLease, StackError> {
    let paths = Paths::of(options);
    paths.prepare()?;
    let what = "the process that starts the stack, or waits to have it alone";
    let _gate = Lock::take(&paths.gate(), Mode::Exclusive, (GATE_LIMIT, what), say).await?;
    replace_another(options, &paths, say).await?;
    let mode = match share {
        Share::WithOthers => Mode::Shared,
        Share::Alone => Mode::Exclusive,
    };
    let what = "the runs that use the stack";
    let lock = Lock::take(&paths.lease(), mode, (RUNS_LIMIT, what), say).await?;
    let record = match running(&paths, say).await? {
        Some(record) => of_this_network(options, record)?,
        None => start(options, &paths, say).await?,
    };
    if options.own.server && share == Share::Alone {
        sweep::empty(&record.reach).await?;
    }
    let control = Control::of(&paths);
    // A run that was killed may have left a component down; nobody else is here to notice. What is a
    // Postgres alone, nobody can take down.
    if options.own.mirror.is_none() {
        control.mend(MEND_LIMIT).await?;
    }
    let logs = record.components.into_iter().map(|component| (component.name, component.log));
    Ok(LocalLease {
        reach: record.reach,
        versions: record.versions,
        logs: logs.collect(),
        control,
        paths,
        _lock: lock,
    })
}

/// Brings the stack up and holds it; gives its record.
pub async fn up(options: &StackOptions, say: Say<'_>) -> Result<Record, StackError> {
    let lease = lease(options, Share::WithOthers, say).await?;
    lease.hold()?;
    lease.record()
}

/// Brings the stack up without holding it; gives its record.
pub async fn start_unheld(options: &StackOptions, say: Say<'_>) -> Result<Record, StackError> {
    let lease = lease(options, Share::WithOthers, say).await?;
    lease.record()
}

/// Becomes this command again on the network of the stack, if that is one of its own: with the stack
/// up, and all fetched that could be needed, since nothing is fetched from there. Comes back if
/// there is nothing to enter.
pub async fn enter(
    options: &StackOptions,
    lanes: &[Lane],
    args: &[String],
    say: Say<'_>,
) -> Result<(), StackError> {
    if options.network == Network::Machine {
        return Ok(());
    }
    for lane in lanes {
        jars::resolve(&options.with(lane.clone().into()), say).await?;
    }
    jars::resolve_registry(options, say).await?;
    let record = start_unheld(options, say).await?;
    Err(network::become_inside(options, &record, args))
}

/// The same for a stack with metrics, which always listens on a network of its own: Flink's reporter
/// knows no address but all. Gives the options for in there.
pub async fn enter_with_metrics(
    options: &StackOptions,
    lane: &Lane,
    args: &[String],
    say: Say<'_>,
) -> Result<StackOptions, StackError> {
    let outside = StackOptions { network: Network::Own, ..options.with_metrics() };
    let stack = outside.with(lane.clone().into());
    if let Some(record) = record::live(&Paths::of(&stack))?
        && network::fits(&record, Network::Machine)?
    {
        return Ok(StackOptions { network: Network::Machine, ..outside });
    }
    jars::resolve_registry(&stack, say).await?;
    let record = start_unheld(&stack, say).await?;
    Err(network::become_inside(&stack, &record, args))
}

/// Ends the stack, also one that runs use, and removes everything of it and of earlier ones.
/// Gives whether there was anything.
pub async fn down(options: &StackOptions, say: Say<'_>) -> Result<bool, StackError> {
    let paths = Paths::of(options);
    if !paths.state().is_dir() {
        return Ok(false);
    }
    paths.prepare()?;
    let mut stopped = false;
    for name in files::names(&options.state.join(OWN), "") {
        let state = options.state.join(OWN).join(name);
        let own = StackOptions { state, ..options.clone() };
        stopped |= Box::pin(down(&own, say)).await?;
    }
    stopped |= stop(&paths, say).await?;
    let what = "another process that starts the stack again";
    let wait = (AGAIN_LIMIT, what);
    let _gate = Lock::take(&paths.gate(), Mode::Exclusive, wait, say).await?;
    let _keeper = Lock::take(&paths.keeper(), Mode::Exclusive, wait, say).await?;
    let swept = leftovers::sweep(options, &paths, None).await?;
    for line in &swept {
        say(line);
    }
    files::remove(paths.state())?;
    Ok(stopped || !swept.is_empty())
}

/// A stack of another version, or on another network, is not used; it is replaced if nobody uses it.
async fn replace_another(
    options: &StackOptions,
    paths: &Paths,
    say: Say<'_>,
) -> Result<(), StackError> {
    let Some(record) = record::live(paths)? else { return Ok(()) };
    let what = if record.recipe != infra::recipe(&options.own.lane) {
        "is that of another version of changeproof"
    } else if !network::fits(&record, options.network)? {
        ELSEWHERE
    } else {
        return Ok(());
    };
    let alone = Lock::try_take(&paths.lease(), Mode::Exclusive).doing("look at the leases")?;
    if alone.is_none() {
        return Err(StackError::Busy(format!(
            "the running stack {what} and runs use it; wait for them, or end it with: changeproof \
             down"
        )));
    }
    say(&format!("the running stack {what}; replacing it"));
    stop(paths, say).await.map(drop)
}

/// What is said of a stack that cannot be reached from here, or can be by others.
const ELSEWHERE: &str = "listens on another network than CHANGEPROOF_NETWORK says";

/// A stack whose starter was killed may have come up on another network than ours meanwhile.
fn of_this_network(options: &StackOptions, record: Record) -> Result<Record, StackError> {
    if network::fits(&record, options.network)? {
        return Ok(record);
    }
    Err(StackError::Busy(format!("the stack that has just started {ELSEWHERE}; try again")))
}

/// Tells the keeper to end and waits until it has. Gives whether there was one.
async fn stop(paths: &Paths, say: Say<'_>) -> Result<bool, StackError> {
    let held = || Lock::is_held(&paths.keeper()).doing("look at the keeper's lock");
    if !held()? {
        return Ok(false);
    }
    let keeper = files::read_json::<Process>(&paths.keeper_process())?;
    if let Some(keeper) = keeper {
        keeper.ask_to_end();
        // One that somebody stopped hears nothing until it goes on.
        keeper.resume();
    }
    say("ending the stack (the first end after a fetch also writes class archives)");
    let gone = wait::until("the keeper to be gone", END_LIMIT, || async {
        Ok::<_, StackError>(if held()? {
            Look::NotYet("it is there".to_owned())
        } else {
            Look::Holds(())
        })
    });
    match gone.await {
        Ok(()) => Ok(true),
        Err(WaitError::Look(error)) => Err(error),
        Err(WaitError::TimedOut(late)) => {
            // The components end with it.
            if let Some(keeper) = &keeper {
                keeper.kill();
            }
            say(&format!("{late}; it was killed"));
            Ok(true)
        }
    }
}

/// The stack that runs. A keeper that is starting (its starter was killed) or ending is waited for.
async fn running(paths: &Paths, say: Say<'_>) -> Result<Option<Record>, StackError> {
    let mut said = false;
    let decided = wait::until("the keeper before to be ready or gone", END_LIMIT, || {
        let looked = (|| {
            if let Some(record) = record::live(paths)? {
                return Ok(Look::Holds(Some(record)));
            }
            if !Lock::is_held(&paths.keeper()).doing("look at the keeper's lock")? {
                return Ok(Look::Holds(None));
            }
            Ok(Look::NotYet("it is starting or ending".to_owned()))
        })();
        if matches!(looked, Ok(Look::NotYet(_))) && !said {
            said = true;
            say("waiting for the keeper before to be ready or gone");
        }
        async move { looked }
    });
    decided.await.map_err(WaitError::flatten)
}

/// Starts a keeper and waits until its stack is ready.
async fn start(options: &StackOptions, paths: &Paths, say: Say<'_>) -> Result<Record, StackError> {
    machine::can_be_entered(paths.state(), "CHANGEPROOF_STATE")?;
    machine::can_be_entered(&options.cache, "CHANGEPROOF_CACHE")?;
    doctor::room_to_start(options).await?;
    network::can_be_made(options).await?;
    jars::resolve(options, say).await?;
    let token = claim::token();
    let order = Order { token: token.clone(), options: options.clone() };
    files::write_json(&paths.order(&token), &order)?;
    let order = paths.order(&token);
    let arguments = ["-v", "keeper", order.as_str()];
    let (program, arguments) = network::started_on(options, &options.program, &arguments)?;
    let mut keeper = process::detach(&program, &arguments, &paths.keeper_log())
        .doing(&format!("start {} as the keeper", options.program))?;
    let started = follow(paths, &token, &mut keeper, say).await;
    for path in [paths.order(&token), paths.progress(&token), paths.failure(&token)] {
        files::remove(&path)?;
    }
    started
}

/// Says what the keeper says until it is ready or gone.
async fn follow(
    paths: &Paths,
    token: &str,
    keeper: &mut Child,
    say: Say<'_>,
) -> Result<Record, StackError> {
    let mut said = 0;
    let started = wait::until("the stack to be ready", START_LIMIT, || {
        // Looked at before the files, so that a keeper that wrote its failure and ended is not
        // taken for one that ended without a word.
        let ended = keeper.try_wait();
        let text = fs_err::read_to_string(paths.progress(token)).unwrap_or_default();
        let complete = text.rfind('\n').map_or("", |end| text.get(..end).unwrap_or_default());
        for line in complete.lines().skip(said) {
            say(line);
            said += 1;
        }
        let looked = (|| {
            if let Some(failure) = files::read_json::<StackError>(&paths.failure(token))? {
                return Err(failure);
            }
            if let Some(record) = record::live(paths)?.filter(|record| record.token == token) {
                return Ok(Look::Holds(record));
            }
            match ended.doing("look at the keeper")? {
                Some(status) => Err(without_a_word(paths, &status.to_string())),
                None => Ok(Look::NotYet("the keeper is starting it".to_owned())),
            }
        })();
        async move { looked }
    });
    started.await.map_err(WaitError::flatten)
}

fn without_a_word(paths: &Paths, status: &str) -> StackError {
    let (_, lines) = end_of_log(&paths.keeper_log(), 5);
    let mut text = format!("the keeper ended with {status} before the stack was ready");
    for line in lines {
        text.push_str("\n    ");
        text.push_str(&line);
    }
    StackError::Keeper(text)
}
