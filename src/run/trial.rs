//! A run from its first name to the last thing it removes, on one screen.

use std::panic::AssertUnwindSafe;

use camino::{Utf8Path, Utf8PathBuf};
use futures::FutureExt as _;

use super::connector::Connector;
use super::context::{Progress, RunContext, Stage, TrialResult};
use super::effective::Effective;
use super::faults::Hand;
use super::folder::{self, Folder};
use super::made::Made;
use super::names::Names;
use super::outcome::Stop;
use super::scoring::Scoring;
use super::statements::{Places, Statements};
use super::topics::Planned;
use super::trouble::Troubles;
use super::{jobs, own, shadow, source, timeline};
use crate::base::anomaly::Anomaly;
use crate::base::exit::Exit;
use crate::base::secret::Secrets;
use crate::base::text::Place;
use crate::capture::ddl::Ddl;
use crate::capture::recorder::Recorder;
use crate::check;
use crate::check::verdict::Verdict;
use crate::client::clock::Stopwatch;
use crate::client::endpoints::Endpoints;
use crate::client::kafka::Admin;
use crate::client::postgres::{self, Connection};
use crate::contain::source::Prepared;
use crate::dialect::connector::Mapped;
use crate::dialect::{self, Translation};
use crate::history::event::{End, Event, FORMAT, Header};
use crate::quiesce::ConnectorLog;
use crate::scenario::pipeline::Dialect;
use crate::scenario::secret::hidden;
use crate::scenario::settings::Settings;
use crate::scenario::trial::Trial;
use crate::sql::flink::{Created, Statement};
use crate::sql::secret::redacted;
use crate::sql::token::Language;
use crate::stack::{self, Claim};

/// One run: what was asked for, what it is called, and where it writes.
pub(super) struct Run<'a> {
    pub(super) trial: &'a Trial,
    pub(super) context: &'a RunContext,
    pub(super) progress: &'a dyn Progress,
    pub(super) names: Names,
    /// What it has claimed, on a stack that keeps claims.
    pub(super) claim: Option<Claim>,
    pub(super) recorder: Recorder,
    pub(super) troubles: Troubles,
    /// What Connect's worker says of the connector.
    pub(super) connector_log: ConnectorLog,
    pub(super) made: Made,
    pub(super) admin: Admin,
    pub(super) connector: Connector,
    /// The author's connector file.
    pub(super) written: Mapped,
    pub(super) statements: Statements,
    /// The folder for sinks that are files.
    pub(super) files: Utf8PathBuf,
    /// The stack for the role that runs the author's SQL.
    pub(super) owner: Endpoints,
    /// The source DDL as it is run.
    pub(super) source: Prepared,
    pub(super) hand: Hand,
    /// The scoring service, where a statement creates a model.
    pub(super) scoring: Option<Scoring>,
    /// What nobody may read in what the run leaves.
    pub(super) secrets: Secrets,
    pub(super) watch: Stopwatch,
}

/// Runs a trial and judges it. Whatever happens, what it made is removed before this returns, and
/// nothing that it leaves or says shows a secret.
pub async fn trial(trial: &Trial, context: &RunContext, progress: &dyn Progress) -> TrialResult {
    let mut secrets = trial.secrets();
    secrets.join(&context.secrets);
    driven(trial, context, progress, &secrets).await.hidden(&secrets)
}

async fn driven(
    trial: &Trial,
    context: &RunContext,
    progress: &dyn Progress,
    secrets: &Secrets,
) -> TrialResult {
    let watch = Stopwatch::start();
    let begun = begin(trial, context, progress, (secrets, watch));
    let (run, folder) = match begun {
        Ok(begun) => begun,
        Err((stop, folder)) => return early(&stop, folder, watch),
    };
    let stop = tokio::select! {
        // In a box: it is large, and so would everything be that holds it.
        caught = AssertUnwindSafe(Box::pin(stages(&run))).catch_unwind() => match caught {
            Ok(ended) => ended.err(),
            Err(panic) => Some(Stop::Internal(message(&*panic))),
        },
        () = context.cancel.cancelled() => Some(Stop::Interrupted),
    };
    let end = stop.as_ref().map_or(End::Completed, Stop::end);
    let written = run.recorder.record(Event::End(end)).and_then(|()| run.recorder.flush());
    let stop = stop.or_else(|| written.err().map(Stop::from));
    run.tell(&Stage::Judging);
    // Whatever ended it may have left calls under way.
    let cut = stop.is_some();
    let limit = context.limits.clean_up;
    let clean_up = async {
        // What is down can neither be cleaned up nor used by the next run.
        let broken = run.hand.mend().await;
        let mut left =
            run.made.remove((&run.names, &run.admin), &context.endpoints, limit, cut).await;
        left.extend(broken);
        left
    };
    let (verdict, leftovers) = futures::join!(judge(&run), clean_up);
    run.log("judged and cleaned up");
    finish(&run, &folder, Ended { stop, verdict, leftovers })
}

/// The stages in order.
async fn stages(run: &Run<'_>) -> Result<(), Stop> {
    run.tell(&Stage::Preparing);
    source::roles(run).await?;
    let (ready, topics) = tokio::sync::watch::channel(None);
    let (source, shadow, jobs) = futures::try_join!(
        timeline::stream(run, ready),
        shadow::build(run, topics.clone()),
        jobs::start(run, topics),
    )?;
    // In a box: it is large.
    Box::pin(timeline::run(run, source, shadow, jobs)).await
}

pub(super) type Begun<'a> = (Run<'a>, Folder);

pub(super) fn begin<'a>(
    trial: &'a Trial,
    context: &'a RunContext,
    progress: &'a dyn Progress,
    (secrets, watch): (&Secrets, Stopwatch),
) -> Result<Begun<'a>, (Stop, Utf8PathBuf)> {
    let nowhere = |stop: Stop| (stop, Utf8PathBuf::new());
    let claim = context.claims.as_ref().map(|options| stack::claim(options, &trial.name()));
    let claim = claim.transpose().map_err(|error| nowhere(Stop::Stack(error.to_string())))?;
    let names = claim.as_ref().map_or_else(Names::new, |claim| Names::of_token(&claim.token));
    let names = names.with(&trial.naming);
    let folder = Folder::create(&context.runs, &names.run, &context.sources, secrets)
        .map_err(|error| nowhere(error.into()))?;
    let at = |stop: Stop| (stop, folder.path().to_owned());
    let header = Header {
        format: FORMAT,
        changeproof: env!("CARGO_PKG_VERSION").to_owned(),
        run: names.run.clone(),
        trial: trial.clone(),
        stack: context.stack.clone(),
        versions: context.versions.clone(),
        command: context.command.clone(),
    };
    let recorder = Recorder::create(&folder.history(), header, secrets.clone(), watch)
        .map_err(|error| at(error.into()))?;
    // Flink may write below the stack's own folder alone; what it wrote is kept in the end.
    let files = match &claim {
        Some(claim) => claim.lake.clone(),
        None => folder.lake().map_err(|error| at(error.into()))?,
    };
    // What a run reads and writes for its author it does by roles that are no superusers.
    let reader = postgres::as_role(&context.endpoints, names.reader());
    let owner = postgres::as_role(&context.endpoints, names.owner());
    let places = Places { names: &names, endpoints: &reader, files: &files };
    let effective = Effective::of(trial, &context.sources, &places);
    let mut effective = effective.map_err(|wrong| at(Stop::Invalid(wrong)))?;
    let scoring = scoring(&mut effective.statements, &trial.settings, &names).map_err(at)?;
    recorder
        .record(Event::Differences { differences: effective.differences() })
        .map_err(|error| at(error.into()))?;
    let Effective { written, translation, connector, statements, source } = effective;
    let troubles = Troubles::new(recorder.clone(), &context.logs);
    let writers = (recorder.clone(), troubles.clone());
    let hand = Hand::new(&context.endpoints, context.control.clone(), names.connector(), writers);
    let connector_log = connector_log(&troubles, &names, &connector);
    let run = Run {
        trial,
        context,
        progress,
        names,
        claim,
        recorder,
        connector_log,
        troubles,
        made: Made::default(),
        admin: Admin::new(&context.endpoints).map_err(|error| at(error.into()))?,
        connector,
        written,
        statements,
        files,
        scoring,
        owner,
        source,
        hand: hand.map_err(at)?,
        secrets: secrets.clone(),
        watch,
    };
    run.keep_effective(&folder, &translation).map_err(at)?;
    Ok((run, folder))
}

/// What the worker says of the run's connector: a line names it, its topics or a thread of it.
fn connector_log(troubles: &Troubles, names: &Names, connector: &Connector) -> ConnectorLog {
    let prefix = names.topic(connector.routes.prefix());
    let of_the_run = vec![names.base.clone(), format!("postgresconnector-{prefix}-")];
    let (log, begun) = troubles.of_the_worker().unzip();
    ConnectorLog::new(log, begun.unwrap_or_default(), of_the_run)
}

/// A scoring service for the models that the statements create, which are told its address.
fn scoring(
    statements: &mut Statements,
    settings: &Settings,
    names: &Names,
) -> Result<Option<Scoring>, Stop> {
    let models: Vec<_> =
        statements.prepared.iter().filter_map(|one| model(&one.statement)).collect();
    if models.is_empty() {
        return Ok(None);
    }
    let scoring = Scoring::reserve(&settings.scoring, names.base.clone(), models)?;
    for prepared in statements.prepared.iter_mut().filter(|one| model(&one.statement).is_some()) {
        let told = scoring.told(&prepared.submitted);
        statements.differences.extend(own::model(&prepared.submitted, &told));
        prepared.submitted = told;
    }
    Ok(Some(scoring))
}

fn model(statement: &Statement) -> Option<&Created> {
    if let Statement::CreateModel(model) = statement { Some(model) } else { None }
}

/// A run that ended before it could write a history.
fn early(stop: &Stop, folder: Utf8PathBuf, watch: Stopwatch) -> TrialResult {
    let diagnostics = match stop {
        Stop::Invalid(diagnostics) => diagnostics.clone(),
        _ => Vec::new(),
    };
    TrialResult {
        exit: stop.exit().unwrap_or(Exit::Internal),
        verdict: None,
        folder,
        sentence: stop.sentence(),
        diagnostics,
        elapsed_ms: watch.elapsed_ms(),
        leftovers: Vec::new(),
    }
}

async fn judge(run: &Run<'_>) -> Result<Verdict, Stop> {
    let recorder = run.recorder.clone();
    let judged = tokio::task::spawn_blocking(move || recorder.look(check::judge)).await;
    judged.map_err(|error| Stop::Internal(format!("the checks panicked: {error}")))
}

struct Ended {
    stop: Option<Stop>,
    verdict: Result<Verdict, Stop>,
    leftovers: Vec<String>,
}

fn finish(run: &Run<'_>, folder: &Folder, ended: Ended) -> TrialResult {
    let Ended { stop, verdict, mut leftovers } = ended;
    let mut result =
        early(stop.as_ref().unwrap_or(&Stop::Trouble), folder.path().to_owned(), run.watch);
    result.exit = match (stop.as_ref().and_then(Stop::exit), &verdict) {
        (Some(exit), _) => exit,
        (None, Ok(verdict)) => verdict.exit(),
        (None, Err(_)) => Exit::Internal,
    };
    if let Err(stop) = &verdict {
        result.sentence = result.sentence.or_else(|| stop.sentence());
    }
    result.verdict = verdict.ok();
    if let Err(error) = run.keep_results(folder, &result) {
        result.exit = result.exit.worst(Exit::StackNotUp);
        result.sentence = Some(error.to_string());
    }
    if let Some(claim) = &run.claim
        && let Err(error) = folder.keep_lake(&claim.lake)
    {
        result.exit = result.exit.worst(Exit::StackNotUp);
        result.sentence = Some(error.to_string());
    }
    if leftovers.is_empty() {
        let released = run.claim.as_ref().map(Claim::release);
        leftovers.extend(released.and_then(Result::err).map(|error| error.to_string()));
    }
    result.leftovers = leftovers;
    folder::prune(&run.context.runs);
    result.elapsed_ms = run.watch.elapsed_ms();
    result
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("changeproof panicked: {}", text.unwrap_or("without a message"))
}

impl Run<'_> {
    /// Tells where the run is.
    pub(super) fn tell(&self, stage: &Stage) {
        self.progress.stage(&self.trial.name(), stage);
    }

    /// Runs source DDL in a database of the run, over a session of its owner.
    pub(super) fn ddl<'a>(&'a self, owner: &'a Connection, database: &str) -> Ddl<'a> {
        let owner = (owner, self.names.owner());
        Ddl::new(owner, (&self.context.endpoints, database), &self.names.base)
    }

    /// Logs a point in time of the run.
    pub(super) fn log(&self, what: &str) {
        tracing::debug!(run = %self.names.run, at_ms = self.watch.elapsed_ms(), "{what}");
    }

    pub(super) fn planned(&self) -> Planned<'_> {
        Planned {
            settings: &self.trial.settings,
            connector: &self.connector,
            statements: &self.statements,
            names: &self.names,
        }
    }

    /// Whether the scenario demands or allows a finding at a place.
    pub(super) fn expects(&self, finding: Anomaly, place: &str) -> bool {
        let expect = &self.trial.expect;
        let demanded = expect.must_show.iter().any(|d| d.finding == finding && d.place == place);
        demanded || expect.may_show.iter().any(|a| a.finding == finding && a.place == place)
    }

    /// Records that the pipeline did something wrong that the run itself saw.
    pub(super) fn trouble(
        &self,
        finding: Anomaly,
        place: &str,
        at: Option<Place>,
        sentence: &str,
    ) -> Result<(), Stop> {
        self.record_trouble(Event::Trouble {
            finding,
            place: place.to_owned(),
            at,
            sentence: sentence.to_owned(),
            detail: Vec::new(),
        })
    }

    pub(super) fn record_trouble(&self, trouble: Event) -> Result<(), Stop> {
        self.troubles.record(trouble)
    }

    /// Statements without secrets.
    fn shown(&self, sql: &str) -> String {
        let redacted = redacted(Language::Flink, sql);
        self.secrets.known_hidden(&redacted).into_owned()
    }

    fn keep_effective(&self, folder: &Folder, translation: &Translation) -> Result<(), Stop> {
        let connector = hidden(&self.connector.shown(), &self.secrets);
        folder.write_json("effective/connector.json", &connector)?;
        folder.write_json("effective/versions.json", &self.context.versions)?;
        let statements: Vec<_> =
            self.statements.prepared.iter().map(|p| format!("{};\n", p.submitted.value)).collect();
        let statements = self.shown(&statements.join("\n"));
        folder.write(Utf8Path::new("effective/statements.sql"), &statements)?;
        if self.trial.pipeline.dialect == Dialect::Confluent {
            let printed = self.shown(&dialect::print::sql(translation));
            folder.write(Utf8Path::new("effective/translation.sql"), &printed)?;
        }
        let command = self.secrets.hidden(&self.context.command) + "\n";
        Ok(folder.write(Utf8Path::new("effective/command"), &command)?)
    }

    /// The verdict, and the ends of the logs of a run that did not pass.
    fn keep_results(
        &self,
        folder: &Folder,
        result: &TrialResult,
    ) -> Result<(), folder::FolderError> {
        if let Some(verdict) = &result.verdict {
            folder.write_json("verdict.json", verdict)?;
        }
        if result.exit != Exit::Pass {
            for (component, log, begun) in self.troubles.logs() {
                folder.keep_log((component, log), begun, &self.secrets)?;
            }
        }
        Ok(())
    }
}
