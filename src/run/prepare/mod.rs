//! From a trial to what is submitted: names, folder, the dialect applied, the statements edited, what
//! is refused before anything starts.

pub mod captured;
pub mod clocks;
pub mod connector;
pub(super) mod connectors;
pub(super) mod effective;
pub(super) mod files;
pub(super) mod own;
pub(super) mod proctime;
pub(super) mod scoring;
pub(super) mod session;
pub mod statements;
pub mod table;
pub(super) mod topics;
pub(super) mod unchanged;
pub(super) mod unfit;

use camino::{Utf8Path, Utf8PathBuf};

use super::cleanup::{Created, Site};
use super::context::{Progress, RunContext, Stage};
use super::folder::Folder;
use super::injector::Hand;
use super::names::Names;
use super::outcome::Stop;
use super::trouble::Troubles;
use crate::base::anomaly::Anomaly;
use crate::base::secret::Secrets;
use crate::base::text::Place;
use crate::capture::ddl::Ddl;
use crate::capture::recorder::Recorder;
use crate::client::clock::Stopwatch;
use crate::client::kafka::Admin;
use crate::client::postgres::Connection;
use crate::client::reach::Reach;
use crate::dialect;
use crate::history::event::{Event, FORMAT, Header};
use crate::quiesce::ConnectorLog;
use crate::scenario::pipeline::Dialect;
use crate::scenario::secret::hidden;
use crate::scenario::settings::Settings;
use crate::scenario::trial::Trial;
use crate::sql::flink::{self, Statement};
use crate::sql::secret::redacted;
use crate::sql::token::Language;
use crate::stack::Claim;
use connectors::Connectors;
use effective::Effective;
use files::Home;
use scoring::Scoring;
use statements::Statements;
use table::Places;
use topics::Planned;

/// One run: what was asked for, what it is called, and where it writes.
pub(in crate::run) struct Run<'a> {
    pub(in crate::run) trial: &'a Trial,
    pub(in crate::run) context: &'a RunContext,
    pub(in crate::run) progress: &'a dyn Progress,
    pub(in crate::run) names: Names,
    /// Where it keeps files.
    pub(in crate::run) home: Home,
    /// What it has claimed.
    pub(in crate::run) claim: Claim,
    pub(in crate::run) recorder: Recorder,
    pub(in crate::run) troubles: Troubles,
    /// What Connect's worker says of the connector.
    pub(in crate::run) connector_log: ConnectorLog,
    /// What is submitted of the author's files.
    pub(in crate::run) effective: Effective,
    pub(in crate::run) tools: Tools,
    /// What nobody may read in what the run leaves.
    pub(in crate::run) secrets: Secrets,
    pub(in crate::run) watch: Stopwatch,
}

/// What a run works with.
pub(in crate::run) struct Tools {
    /// What was made so far.
    pub(in crate::run) created: Created,
    pub(in crate::run) admin: Admin,
    pub(in crate::run) hand: Hand,
    /// The stack for the role that runs the author's SQL.
    pub(in crate::run) owner: Reach,
    /// The scoring service, where a statement creates a model.
    pub(in crate::run) scoring: Option<Scoring>,
}

/// A run and its folder.
pub(in crate::run) type Begun<'a> = (Run<'a>, Folder);

/// Names a run, claims the name, and makes of the author's files what is submitted. Nothing is asked
/// of the stack yet.
pub(in crate::run) fn prepare<'a>(
    trial: &'a Trial,
    context: &'a RunContext,
    progress: &'a dyn Progress,
    (secrets, watch): (&Secrets, Stopwatch),
) -> Result<Begun<'a>, (Stop, Utf8PathBuf)> {
    let nowhere = |stop: Stop| (stop, Utf8PathBuf::new());
    let claim = context.lease.claim(&trial.name());
    let claim = claim.map_err(|error| nowhere(Stop::Stack(error.to_string())))?;
    let names = Names::of_token(&claim.token).with(&trial.naming);
    let folder = Folder::create(&context.runs, &names.run, &context.sources, secrets)
        .map_err(|error| nowhere(error.into()))?;
    let at = |stop: Stop| (stop, folder.path().to_owned());
    let header = Header {
        format: FORMAT,
        changeproof: env!("CARGO_PKG_VERSION").to_owned(),
        run: names.run.clone(),
        trial: trial.clone(),
        stack: context.lease.name().to_owned(),
        versions: context.lease.versions().clone(),
        command: context.command.clone(),
    };
    let recorder = Recorder::create(&folder.history(), header, secrets.clone(), watch)
        .map_err(|error| at(error.into()))?;
    // What a run reads and writes for its author it does by roles that are no superusers.
    let reader = context.reach().as_role(names.reader());
    let owner = context.reach().as_role(names.owner());
    let home = Home::of(context.reach(), &names, &claim.lake);
    let places =
        Places { names: &names, reach: &reader, files: &home, topics: &[], committed: false };
    let effective = Effective::of(trial, &context.sources, &places);
    let effective = effective.and_then(|effective| {
        let is_as_written = context.lease.takes_as_written();
        if is_as_written { effective.into_written(trial, (&names, &reader)) } else { Ok(effective) }
    });
    let mut effective = effective.map_err(|wrong| at(Stop::Invalid(wrong)))?;
    let scoring = scoring(&mut effective.statements, &trial.settings, &names).map_err(at)?;
    recorder
        .record(Event::Differences { differences: effective.differences() })
        .map_err(|error| at(error.into()))?;
    let troubles = Troubles::new(recorder.clone(), context.lease.logs());
    let writers = (recorder.clone(), troubles.clone());
    let connectors = context.connectors().map_err(at)?;
    let actors = (connectors, context.engine().map_err(at)?);
    let all = effective.connectors.proven(&names);
    let hand = Hand::new(context.lease.faults(), actors, all, writers);
    let connector_log = connector_log(&troubles, &names, &effective.connectors);
    let tools = Tools {
        created: Created::default(),
        admin: Admin::new(context.reach()).map_err(|error| at(error.into()))?,
        hand,
        owner,
        scoring,
    };
    let run = Run {
        trial,
        context,
        progress,
        names,
        home,
        claim,
        recorder,
        troubles,
        connector_log,
        effective,
        tools,
        secrets: secrets.clone(),
        watch,
    };
    run.keep_effective(&folder).map_err(at)?;
    Ok((run, folder))
}

/// What the worker says of the run's connectors: a line names one, its topics or a thread of it.
fn connector_log(troubles: &Troubles, names: &Names, connectors: &Connectors) -> ConnectorLog {
    let mut of_the_run = vec![names.base.clone()];
    of_the_run.extend(connectors.all().map(|connector| {
        let prefix = names.topic(connector.routes.prefix());
        format!("postgresconnector-{prefix}-")
    }));
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

fn model(statement: &Statement) -> Option<&flink::Created> {
    if let Statement::CreateModel(model) = statement { Some(model) } else { None }
}

impl Run<'_> {
    /// Where it makes things.
    pub(in crate::run) fn site(&self) -> Site<'_> {
        Site { names: &self.names, admin: &self.tools.admin, context: self.context }
    }

    /// Tells where the run is.
    pub(in crate::run) fn tell(&self, stage: &Stage) {
        self.progress.stage(&self.trial.name(), stage);
    }

    /// Runs source DDL in a database of the run, over a session of its owner.
    pub(in crate::run) fn ddl<'a>(
        &'a self,
        owner: &'a Connection,
        place: (&'a Reach, &str),
    ) -> Ddl<'a> {
        Ddl::new((owner, self.names.owner()), place, &self.names.base)
    }

    /// Logs a point in time of the run.
    pub(in crate::run) fn log(&self, what: &str) {
        tracing::debug!(run = %self.names.run, at_ms = self.watch.elapsed_ms(), "{what}");
    }

    pub(in crate::run) fn planned(&self) -> Planned<'_> {
        Planned {
            settings: &self.trial.settings,
            connectors: &self.effective.connectors,
            statements: &self.effective.statements,
            names: &self.names,
        }
    }

    /// Whether the scenario demands or allows a finding at a place.
    pub(in crate::run) fn expects(&self, finding: Anomaly, place: &str) -> bool {
        let expect = &self.trial.expect;
        let demanded = expect.must_show.iter().any(|d| d.finding == finding && d.place == place);
        demanded || expect.may_show.iter().any(|a| a.finding == finding && a.place == place)
    }

    /// Records that the pipeline did something wrong that the run itself saw.
    pub(in crate::run) fn trouble(
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

    pub(in crate::run) fn record_trouble(&self, trouble: Event) -> Result<(), Stop> {
        self.troubles.record(trouble)
    }

    /// Statements without secrets.
    fn shown(&self, sql: &str) -> String {
        let redacted = redacted(Language::Flink, sql);
        self.secrets.known_hidden(&redacted).into_owned()
    }

    fn keep_effective(&self, folder: &Folder) -> Result<(), Stop> {
        for connector in self.effective.connectors.all() {
            let shown = hidden(&connector.shown_as_submitted(), &self.secrets);
            let file = match connector.nth {
                0 => "effective/connector.json".to_owned(),
                nth => format!("effective/connector-{}.json", nth.saturating_add(1)),
            };
            folder.write_json(&file, &shown)?;
        }
        folder.write_json("effective/versions.json", self.context.lease.versions())?;
        let statements: Vec<_> = self
            .effective
            .statements
            .prepared
            .iter()
            .map(|p| format!("{};\n", p.submitted.value))
            .collect();
        let statements = self.shown(&statements.join("\n"));
        folder.write(Utf8Path::new("effective/statements.sql"), &statements)?;
        if self.trial.pipeline.dialect == Dialect::Confluent {
            let printed = self.shown(&dialect::print::sql(&self.effective.translation));
            folder.write(Utf8Path::new("effective/translation.sql"), &printed)?;
        }
        let command = self.secrets.hidden(&self.context.command) + "\n";
        Ok(folder.write(Utf8Path::new("effective/command"), &command)?)
    }
}
