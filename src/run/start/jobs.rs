//! The statements: submitted in order, each INSERT once its topics are there, until its tasks run.

use std::collections::BTreeMap;
use std::sync::Arc;

use itertools::Itertools as _;
use tokio::sync::watch;

use crate::base::anomaly::Anomaly;
use crate::base::text::Place;
use crate::client::gateway::{Column, GatewayError};
use crate::client::jobs::set;
use crate::client::roles::{self, Engine, Stopped};
use crate::history::event::{Event, SinkMode, SinkTable, Table, Zoned};
use crate::history::files::Kept;
use crate::history::written::{Arrival, Written};
use crate::quiesce::{self, Asked, Clause, Job, Lenient, Read, SinkTopic, Unproven};
use crate::run::outcome::Stop;
use crate::run::prepare::Run;
use crate::run::prepare::clocks;
use crate::run::prepare::proctime;
use crate::run::prepare::scoring::Serving;
use crate::run::prepare::session;
use crate::run::prepare::statements::{self, Prepared};
use crate::run::prepare::table::{ISOLATION, TopicTable};
use crate::run::start::refused::{created, refusal, reject, session_refused};
use crate::run::start::subjects;
use crate::run::start::written;
use crate::scenario::pipeline::Sink;
use crate::scenario::settings::{Options, Settings};
use crate::scenario::timeline::Target;
use crate::sql::flink::{self, Statement};

/// The statements that run.
pub(in crate::run) struct Jobs {
    pub(in crate::run) engine: Arc<dyn Engine>,
    /// The settings that count when they are started next.
    pub(in crate::run) settings: Settings,
    /// Those with which they were started last.
    submitted_with: Settings,
    /// What the session was given.
    properties: BTreeMap<String, String>,
    session: Option<Arc<dyn roles::Statements>>,
    /// The scoring service, where a statement creates a model.
    serving: Option<Serving>,
    /// In the order of their INSERTs.
    pub(in crate::run) jobs: Vec<Job>,
    /// Which of the statements each job is.
    submitted: Vec<usize>,
    pub(in crate::run) sinks: Vec<SinkTable>,
    /// What keeps rows by their arrival, by sink.
    arrivals: BTreeMap<String, Arrival>,
    /// Where the statement stands that writes a sink.
    pub(in crate::run) places: BTreeMap<String, Place>,
}

/// Submits all statements. `topics` tells when the topics are there.
pub(in crate::run) async fn start(
    run: &Run<'_>,
    mut topics: watch::Receiver<Option<Vec<Table>>>,
) -> Result<Jobs, Stop> {
    let mut started = Jobs {
        engine: run.context.engine()?,
        settings: run.trial.settings.clone(),
        submitted_with: run.trial.settings.clone(),
        properties: BTreeMap::new(),
        session: None,
        serving: None,
        jobs: Vec::new(),
        submitted: Vec::new(),
        sinks: Vec::new(),
        arrivals: BTreeMap::new(),
        places: places(run),
    };
    if run.effective.statements.prepared.is_empty() {
        run.recorder.record(Event::Sinks { sinks: Vec::new() })?;
        return Ok(started);
    }
    if !run.trial.starts_later(Target::Statements) {
        // An error here means that the topics never came, which ends the run elsewhere.
        let ready = async { drop(topics.wait_for(Option::is_some).await) };
        submit(run, &mut started, ready).await?;
    }
    Ok(started)
}

/// Waits until what was submitted runs, and looks at it.
async fn begin(
    run: &Run<'_>,
    session: Arc<dyn roles::Statements>,
    started: &mut Jobs,
) -> Result<(), Stop> {
    started.tell(run);
    explain(run, &*session, started).await?;
    let (sinks, running) = futures::join!(describe(run, &*session, started), running(run, started));
    started.session = Some(session);
    // A statement that fails takes with it the table that it has made.
    running?;
    started.sinks = sinks?;
    run.recorder.record(Event::Sinks { sinks: started.sinks.clone() })?;
    run.log("the statements run");
    Ok(())
}

/// Submits all statements for the first time, the INSERTs once the topics are `ready`.
pub(in crate::run) async fn submit(
    run: &Run<'_>,
    started: &mut Jobs,
    ready: impl Future<Output = ()>,
) -> Result<(), Stop> {
    let properties = session::properties(run.trial, &started.settings, &run.names);
    let session = run.context.lease.open(&run.names.base, &properties).await;
    let session = session.or_else(|error| Err(session_refused(run, refusal(error)?)?))?;
    started.properties = properties;
    started.submitted_with = started.settings.clone();
    run.tools.created.session(Arc::clone(&session));
    started.serving = with_models(run, &*session).await?;
    let mut ready = Some(Box::pin(ready));
    // What a refused statement should have made; what needs it is not submitted either.
    let mut missing: Vec<String> = Vec::new();
    // Why nothing more is started: what is left is only asked about, so that all is told at once.
    let mut refused: Option<Stop> = None;
    let mut flink = started.settings.flink.clone();
    for (n, prepared) in run.effective.statements.prepared.iter().enumerate() {
        statements::set_in(&mut flink, &prepared.statement);
        let only_makes = matches!(prepared.statement, Statement::CreateTable(_));
        if run.context.lease.takes_as_written()
            && !only_makes
            && let Some(ready) = ready.take()
        {
            // Views and changes of tables name what the connector captures, as INSERTs do.
            ready.await;
        }
        if prepared.statement.inserts().is_empty() {
            if let Err(error) = session.execute(&prepared.submitted.value).await {
                let cause = refusal(error)?;
                let name = created(prepared);
                let costs = run.effective.statements.costs(prepared, &name);
                refused = reject(run, prepared, &costs, &cause).err().or(refused);
                missing.push(name);
            }
            continue;
        }
        if run.effective.statements.needs(prepared, &missing) {
            continue;
        }
        if refused.is_some() {
            ask(run, &*session, prepared).await?;
            continue;
        }
        if let Some(ready) = ready.take() {
            ready.await;
        }
        if !run.context.lease.takes_as_written() {
            subjects::register(run, &*session, prepared).await?;
        }
        let by_clock = by_clock(run, &*session, prepared).await?;
        let inserted = insert(run, (&*session, &flink), prepared).await;
        if let Err(Stop::Trouble) = inserted {
            missing.extend(made_by(prepared));
            refused = Some(Stop::Trouble);
            continue;
        }
        if let Some(mut job) = inserted? {
            job.gaps.extend(by_clock.gaps);
            started.arrivals.extend(by_clock.arrivals);
            started.jobs.push(job);
            started.submitted.push(n);
        }
    }
    run.log("the statements are submitted");
    if let Some(stop) = refused {
        return Err(stop);
    }
    if started.jobs.is_empty() {
        // All were refused as expected: there is nothing left to drive.
        return Err(Stop::Trouble);
    }
    begin(run, session, started).await
}

/// Asks what Flink says of a statement that is not started any more; a refusal is recorded.
async fn ask(
    run: &Run<'_>,
    session: &dyn roles::Statements,
    prepared: &Prepared,
) -> Result<(), Stop> {
    let Err(error) = session.explain("", &proctime::explained(prepared)).await else {
        return Ok(());
    };
    let sinks = prepared.statement.inserts().iter().map(|one| one.target.table().to_owned());
    let sinks: Vec<_> = sinks.unique().collect();
    match reject(run, prepared, &sinks, &refusal(error)?) {
        Ok(()) | Err(Stop::Trouble) => Ok(()),
        Err(stop) => Err(stop),
    }
}

/// The table that a statement would have made of its query.
fn made_by(prepared: &Prepared) -> Option<String> {
    matches!(prepared.statement, Statement::CreateTable(_)).then(|| created(prepared))
}

/// What a statement makes of the time of the machine, by its plan. Where that is not told, whatever it
/// writes may depend on it.
async fn by_clock(
    run: &Run<'_>,
    session: &dyn roles::Statements,
    prepared: &Prepared,
) -> Result<proctime::Uses, Stop> {
    let told = run.effective.statements.processing_time(prepared);
    if told.is_empty() {
        return Ok(proctime::Uses::default());
    }
    match session.explain("", &proctime::explained(prepared)).await {
        Ok(plan) => Ok(proctime::uses(&run.effective.statements, prepared, &plan)),
        Err(error) => {
            // It is refused once more when it is submitted, which is told then.
            refusal(error)?;
            Ok(proctime::Uses { gaps: told, ..proctime::Uses::default() })
        }
    }
}

/// Starts the scoring service and makes the model provider known, where a statement creates a model.
async fn with_models(
    run: &Run<'_>,
    session: &dyn roles::Statements,
) -> Result<Option<Serving>, Stop> {
    let Some(scoring) = &run.tools.scoring else { return Ok(None) };
    let jar = run.context.lease.model_jar().await;
    let jar = jar.map_err(|error| Stop::Stack(error.to_string()))?;
    session.execute(&format!("ADD JAR '{jar}'")).await?;
    scoring.serve()
}

/// Records the plans that the scenario says something of.
async fn explain(
    run: &Run<'_>,
    session: &dyn roles::Statements,
    started: &Jobs,
) -> Result<(), Stop> {
    for (n, prepared) in run.effective.statements.prepared.iter().enumerate() {
        if is_of_the_session(&prepared.statement) {
            session.execute(&prepared.submitted.value).await?;
        }
        if !started.submitted.contains(&n) {
            continue;
        }
        let sinks = prepared.statement.inserts().iter().map(|insert| insert.target.table());
        let asked: Vec<_> =
            sinks.filter(|sink| run.trial.expect.plan.contains_key(*sink)).collect();
        if asked.is_empty() {
            continue;
        }
        let text = prepared.submitted.value.trim();
        // EXPLAIN takes a statement set without its EXECUTE.
        let is_set = matches!(prepared.statement, Statement::StatementSet(_));
        let text = if is_set { text.get("EXECUTE".len()..).unwrap_or(text) } else { text };
        let plan = session.explain("", text).await?;
        for sink in asked {
            let (sink, text) = (sink.to_owned(), plan.clone());
            run.recorder.record(Event::Plan { sink, text })?;
        }
    }
    Ok(())
}

/// Submits the INSERTs again, each from what was kept of its job, else from nothing.
pub(in crate::run) async fn again(run: &Run<'_>, started: &mut Jobs) -> Result<(), Stop> {
    started.submitted_with = started.settings.clone();
    go_on(run, started).await
}

/// The same with the settings that they had: of statements that a proof has stopped.
pub(in crate::run) async fn go_on(run: &Run<'_>, started: &mut Jobs) -> Result<(), Stop> {
    let Some(session) = started.session.clone() else { return Ok(()) };
    let properties = session::properties(run.trial, &started.submitted_with, &run.names);
    for (key, value) in &properties {
        if started.properties.get(key) != Some(value) {
            let taken = session.execute(&set(key, value)).await;
            taken.map(drop).or_else(|error| Err(session_refused(run, refusal(error)?)?))?;
        }
    }
    started.properties = properties;
    let mut flink = started.submitted_with.flink.clone();
    for (n, prepared) in run.effective.statements.prepared.iter().enumerate() {
        statements::set_in(&mut flink, &prepared.statement);
        if is_of_the_session(&prepared.statement) {
            session.execute(&prepared.submitted.value).await?;
        }
        let Some(place) = started.submitted.iter().position(|submitted| *submitted == n) else {
            continue;
        };
        let Some(job) = started.jobs.get_mut(place) else { continue };
        let hand = &run.tools.hand;
        let kept = hand.kept(&job.id).or_else(|| hand.disturbances().kept(&job.id));
        let text = once_more(prepared);
        let stopped = Stopped { id: &job.id, text: &text, state: kept.as_deref() };
        run.tools.created.submitting();
        let submitted = started.engine.resume(&*session, stopped).await;
        run.tools.created.submitted(submitted.as_ref().ok().map(String::as_str));
        job.id = match submitted {
            Ok(id) => id,
            Err(error) => {
                let sinks: Vec<_> = job.sinks.iter().map(|sink| sink.sink.clone()).collect();
                reject(run, prepared, &sinks, &refusal(error)?)?;
                return Err(Stop::Trouble);
            }
        };
        take_in(run, job, &flink, prepared);
    }
    started.tell(run);
    running(run, started).await?;
    run.log("the statements run again");
    Ok(())
}

/// A statement as it is submitted once more: the table of a `CREATE TABLE … AS` is there by then.
fn once_more(prepared: &Prepared) -> String {
    let text = &prepared.submitted;
    if let Statement::CreateTable(create) = flink::parse(text)
        && let Some(writes) = &create.writes
        && let Some(query) = text.value.get(writes.span.start..writes.span.end)
    {
        return format!("INSERT INTO {}{query}", writes.target.in_backticks());
    }
    text.value.clone()
}

/// What changes how the statements after it are read.
fn is_of_the_session(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::Set { .. } | Statement::Reset(_) | Statement::UseCatalog(_) | Statement::Use(_)
    )
}

/// What options of the session change about a job that runs with them now. What held once is told
/// to the end: no proof looks at a part of the run alone.
fn take_in(run: &Run<'_>, job: &mut Job, flink: &Options, prepared: &Prepared) {
    for table in run.effective.statements.sources(prepared.statement.inserts()) {
        let idles = clause(table, flink) == Clause::Idle;
        for read in job.reads.iter_mut().filter(|read| idles && read.table == table.name) {
            if read.watermark == Clause::Strict {
                read.watermark = Clause::Idle;
            }
        }
    }
}

impl Jobs {
    /// Takes note of what the run itself wrote and aborted: topic on the broker, partition, offset.
    pub(in crate::run) fn have_aborted(&mut self, aborted: &[(String, i32, i64)]) {
        for read in self.jobs.iter_mut().flat_map(|job| &mut job.reads) {
            for (_, partition, offset) in aborted.iter().filter(|of| of.0 == read.topic) {
                let last = read.aborted.entry(*partition).or_insert(*offset);
                *last = (*last).max(*offset);
            }
        }
    }

    fn tell(&self, run: &Run<'_>) {
        run.tools.hand.jobs_are(self.jobs.clone(), self.places.clone());
    }
}

async fn insert(
    run: &Run<'_>,
    (session, flink): (&dyn roles::Statements, &Options),
    prepared: &Prepared,
) -> Result<Option<Job>, Stop> {
    run.tools.created.submitting();
    let submitted = session.submit(&prepared.submitted.value).await;
    run.tools.created.submitted(submitted.as_ref().ok().map(String::as_str));
    let inserts = prepared.statement.inserts();
    // A statement set may write one in several ways.
    let sinks = inserts.iter().map(|insert| insert.target.table().to_owned()).unique();
    let sinks: Vec<_> = sinks.collect();
    let id = match submitted {
        Ok(id) => id,
        Err(error) => {
            reject(run, prepared, &sinks, &refusal(error)?)?;
            return Ok(None);
        }
    };
    let mut gaps = Vec::new();
    let mut reads = Vec::new();
    for table in run.effective.statements.sources(inserts) {
        let known = {
            let of = &run.trial.pipeline;
            clocks::is_known(table, &of.sinks, &of.topics)
        };
        let clause = clause(table, flink);
        if clause != Clause::None && !known && sinks.iter().any(|sink| is_windowed(run, sink)) {
            gaps.push(format!(
                "the watermark of `{}` cannot be computed from its records: declare `window.time` \
                 and `window.delay`",
                table.name
            ));
        }
        let zoned = zoned(session, (table, flink), clause).await?;
        let lenient = lenient(table);
        for topic in &table.topics {
            let (table, topic) = (table.name.clone(), run.names.topic(topic));
            let watermark = if known { clause } else { Clause::None };
            let (zoned, lenient) = (zoned.clone(), lenient.clone());
            let (uncommitted, aborted) = (reads_uncommitted(run, &table), BTreeMap::new());
            let read = Read { table, topic, watermark, zoned, lenient, uncommitted, aborted };
            reads.push(read);
        }
    }
    Ok(Some(Job {
        id,
        sinks: sinks.iter().filter_map(|sink| sink_topic(run, sink)).collect(),
        commits_files: sinks.iter().any(|sink| is_files(run, sink)),
        reads,
        gaps,
        restored: false,
        asynchronous: run.effective.statements.asks_a_model(prepared),
    }))
}

/// Where a sink goes.
fn sink_topic(run: &Run<'_>, sink: &str) -> Option<SinkTopic> {
    let table = run.effective.statements.tables.get(sink)?;
    let place = table.topics.first()?;
    let topic = match table.kept {
        Kept::Topic => run.names.topic(place),
        Kept::Parquet | Kept::Csv | Kept::Json | Kept::Iceberg => run.home.name(place),
    };
    Some(SinkTopic { sink: sink.to_owned(), topic })
}

fn is_files(run: &Run<'_>, sink: &str) -> bool {
    run.effective.statements.tables.get(sink).is_some_and(|table| !table.kept.is_topic())
}

/// The time zone of windows over a table, where it is not UTC: Flink tells the type of its clock.
async fn zoned(
    session: &dyn roles::Statements,
    (table, flink): (&TopicTable, &Options),
    clause: Clause,
) -> Result<Option<Zoned>, Stop> {
    let Some(name) = statements::zone(flink).filter(|_| clause != Clause::None) else {
        return Ok(None);
    };
    let columns = session.describe(&table.create.name.in_backticks()).await?;
    let clock = columns.iter().find(|column| column.time_attribute.is_some());
    let wall = clock.is_some_and(|column| !column.type_name.contains("LTZ"));
    Ok(Some(Zoned { name, wall }))
}

/// How it reads, where it leaves out what it cannot read.
fn lenient(table: &TopicTable) -> Option<Lenient> {
    let with = table.create.with.as_ref()?;
    // `upsert-kafka` knows no other start.
    let upserts = table.mode == SinkMode::Upsert;
    let whole = upserts || with.get("scan.startup.mode") == Some("earliest-offset");
    let (format, mode) = (table.format.clone(), table.mode);
    let schema_include = with.is_on("debezium-json.schema-include");
    with.is_on("ignore-parse-errors").then_some(Lenient { format, schema_include, mode, whole })
}

/// Whether the table has a watermark, and whether idle partitions hold it back.
fn clause(table: &TopicTable, flink: &Options) -> Clause {
    let idles = |options: Option<&str>| options.is_some_and(|time| !time.trim().starts_with('0'));
    let own = table.create.with.as_ref().and_then(|with| with.get("scan.watermark.idle-timeout"));
    let all = flink.get("table.exec.source.idle-timeout").map(String::as_str);
    match (table.create.watermark.is_some(), idles(own.or(all))) {
        (false, _) => Clause::None,
        (true, false) => Clause::Strict,
        (true, true) => Clause::Idle,
    }
}

pub(in crate::run) fn is_windowed(run: &Run<'_>, sink: &str) -> bool {
    let sink = run.trial.pipeline.sinks.get(sink);
    matches!(sink, Some(Sink::Judged { window: Some(_), .. }))
}

/// Waits until all tasks of all jobs run: only then does a checkpoint complete.
async fn running(run: &Run<'_>, started: &Jobs) -> Result<(), Stop> {
    let limit = run.context.limits.streaming;
    let (engine, disturbances) = (&*started.engine, run.tools.hand.disturbances());
    for (job, n) in started.jobs.iter().zip_eq(&started.submitted) {
        let own = |sink: &SinkTopic| Some((sink.sink.clone(), written::at(run, *n, &sink.sink)?));
        let places: BTreeMap<_, _> = job.sinks.iter().filter_map(own).collect();
        let of_job = std::slice::from_ref(job);
        let runs = tokio::select! {
            runs = engine.runs(&job.id, limit) => runs,
            failed = quiesce::jobs_failed((engine, disturbances), of_job, limit) => {
                return Err(run.troubles.unproven(failed, &places)?);
            }
        };
        if let Err(error) = runs {
            let failed = quiesce::failure(engine, disturbances, job, Asked::Nothing).await;
            let failed = match failed {
                Some(failed) => failed,
                None => never_runs(engine, job, error).await?,
            };
            return Err(run.troubles.unproven(failed, &places)?);
        }
    }
    Ok(())
}

/// A job that did not fail, and of which no checkpoint completes.
async fn never_runs(engine: &dyn Engine, job: &Job, error: GatewayError) -> Result<Unproven, Stop> {
    let GatewayError::Late(late) = error else { return Err(error.into()) };
    let last = engine.failures(&job.id).await?.into_iter().next();
    if let Some(sentence) = last.and_then(|failure| failure.cause.of_the_stack(&job.id)) {
        return Err(Stop::Stack(sentence));
    }
    let sentence = format!("the statement was accepted, and its tasks do not run: {late}");
    Ok(Unproven::at_sinks(job, Anomaly::Stalled, &sentence, &[]))
}

/// The columns of the sinks that are written.
async fn describe(
    run: &Run<'_>,
    session: &dyn roles::Statements,
    started: &Jobs,
) -> Result<Vec<SinkTable>, Stop> {
    let mut sinks = Vec::new();
    // Several statements may write one.
    let written = started.jobs.iter().flat_map(|job| &job.sinks).unique_by(|sink| &sink.sink);
    for sink in written {
        let Some(table) = run.effective.statements.tables.get(&sink.sink) else { continue };
        let columns = match session.describe(&table.create.name.in_backticks()).await {
            Ok(columns) => columns,
            Err(error) => {
                let place = started.places.get(&sink.sink).cloned();
                let sentence = format!("its table cannot be described: {}", refusal(error)?);
                run.trouble(Anomaly::StatementFailed, &sink.sink, place, &sentence)?;
                return Err(Stop::Trouble);
            }
        };
        let key: Vec<_> = if table.create.primary_key.is_empty() {
            columns.iter().filter(|c| c.in_key).map(|c| c.name.clone()).collect()
        } else {
            table.create.primary_key.clone()
        };
        let written = Written {
            key: written::key(table, &key),
            also_by: written::also_by(run, &started.submitted, &sink.sink),
            by_arrival: started.arrivals.get(&sink.sink).cloned(),
        };
        let physical = columns.into_iter().filter(Column::is_physical);
        sinks.push(SinkTable {
            name: table.name.clone(),
            topic: table.topics.first().cloned().unwrap_or_default(),
            kept: table.kept,
            mode: table.mode,
            columns: physical.map(|column| (column.name, column.type_name)).collect(),
            key,
            statement: started.places.get(&sink.sink).unwrap_or(&table.place).clone(),
            written,
        });
    }
    Ok(sinks)
}

/// Where the statements stand that write the sinks, of several the first.
fn places(run: &Run<'_>) -> BTreeMap<String, Place> {
    let mut places = BTreeMap::new();
    for prepared in &run.effective.statements.prepared {
        for insert in prepared.statement.inserts() {
            let place = prepared.written.place(insert.span.start);
            places.entry(insert.target.table().to_owned()).or_insert(place);
        }
    }
    places
}

/// Whether a table's reader does not wait for transactions to be committed.
fn reads_uncommitted(run: &Run<'_>, table: &str) -> bool {
    let create = run.effective.statements.tables.get(table).map(|table| &table.create);
    let set = create.and_then(|create| create.with.as_ref()?.get(ISOLATION));
    set != Some("read_committed") && run.trial.held().next().is_none()
}
