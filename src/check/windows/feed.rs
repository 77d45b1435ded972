//! What feeds a windowed sink: the source topics, and what lies between.

use std::collections::BTreeSet;

use super::super::case::Case;
use super::super::sinks::SinkCase;
use super::super::topic::TopicCase;
use crate::base::value::{Type, Value};
use crate::codec::pgoutput::Cell;
use crate::codec::postgres;
use crate::codec::types::DataType;
use crate::history::event::{Clock, Firing, JobProof, Proof, Record, Role, Time};
use crate::model::feed::{Expected, Part};
use crate::model::source::Image;
use crate::model::watermark::{Progress, shows_time};
use crate::model::zone::Zone;
use crate::scenario::pipeline::WindowTime;
use crate::sql::flink::{Statement, parse};
use crate::sql::moment::{self, Moment};
use crate::sql::token::{Language, significant};

/// Words of a statement after which one record in may be several out, or none at a later time.
const STATEFUL: &[&str] = &[
    "JOIN",
    "GROUP",
    "OVER",
    "DISTINCT",
    "UNION",
    "EXCEPT",
    "INTERSECT",
    "LIMIT",
    "MATCH_RECOGNIZE",
];

/// What feeds a windowed sink.
pub(in crate::check) struct Feed<'c, 'a> {
    pub(in crate::check) sources: Vec<Source<'c, 'a>>,
    /// The clocks that the windows go by.
    pub(in crate::check) clocks: Vec<&'c Clock>,
    /// Those that run on the source topics themselves: how far each partition is.
    pub(in crate::check) progress: Vec<Progress>,
    /// The windows are fed by other statements, and the watermark is behind their time by this.
    pub(in crate::check) behind_ms: Option<i64>,
    /// Why a window may have seen another state than a cut through the source topics shows.
    pub(in crate::check) blurred: Option<String>,
    /// A row of a window that has fired may be written again, because of other rows.
    pub(in crate::check) reworked: bool,
}

/// One source topic.
pub(in crate::check) struct Source<'c, 'a> {
    pub(in crate::check) topic: &'c TopicCase<'a>,
    /// Its rows come to the windows after these have fired.
    pub(in crate::check) beside: bool,
    /// What the windows go by.
    time: Option<Timed>,
    /// The windows go by its wall times in this zone.
    zone: Option<Zone>,
}

/// Where the event time of a row stands.
enum Timed {
    Column(String),
    Expression(Moment),
}

/// What the way from the source topics to the sink looks like.
#[derive(Default)]
struct Way {
    /// The sink, and those of the statements before that pass their windows on to it.
    sinks: Vec<String>,
    sources: Vec<String>,
    /// Sources whose rows come to the windows after these have fired.
    beside: Vec<String>,
    blurred: Option<String>,
    direct: bool,
    reworked: bool,
}

impl<'c, 'a> Feed<'c, 'a> {
    pub(in crate::check) fn of(
        case: &'c Case<'a>,
        sink: &SinkCase<'_>,
        proof: &Proof,
    ) -> Result<Self, String> {
        let mut way = Way { direct: true, ..Way::default() };
        let in_turn = || case.index.header.trial.settings_in_turn();
        if in_turn().any(|settings| settings.parallelism.is_some_and(|n| n > 1)) {
            way.blur("the statements run in parallel, so that an update may be half applied");
        }
        way.walk(case, proof, sink.name, 0)?;
        let clocks = case.index.clocks.iter();
        let clocks = clocks.filter(|clock| way.goes_by(clock)).collect::<Vec<_>>();
        let mut sources = Vec::new();
        let beside = way.beside.iter().filter(|name| !way.sources.contains(name));
        let of = way.sources.iter().map(|name| (name, false));
        for (name, beside) in of.chain(beside.map(|name| (name, true))) {
            let all = case.topics.iter().chain(&case.applications);
            let topic = all.into_iter().find(|topic| topic.topic.name == *name);
            let topic = topic.ok_or_else(|| format!("`{name}` could not be read"))?;
            if let Some(partition) = topic.unread_partition(proof) {
                return Err(format!("partition {partition} of `{name}` was not read"));
            }
            let clock = clocks.iter().find(|clock| clock.topics.contains(name));
            let zone = clock.and_then(|clock| clock.zone.as_deref()).and_then(Zone::of);
            let time = timed(case, sink, topic, &clocks);
            sources.push(Source { topic, beside, time, zone });
        }
        let idles = clocks.iter().any(|clock| clock.idles);
        let strict = clocks.iter().filter(|clock| !clock.idles && way.direct);
        let progress = strict.map(|clock| progress(case, clock)).collect();
        let behind_ms = clocks.iter().map(|clock| clock.delay_ms).min();
        let behind_ms = behind_ms.filter(|_| !way.direct && !idles);
        let Way { blurred, reworked, .. } = way;
        Ok(Self { sources, clocks, progress, behind_ms, blurred, reworked })
    }
}

/// Why nothing is known of how far the event time of a sink was at a proof: its sources had records, and
/// none of them shows a time. A window that fired all the same went by a time that was not understood.
pub(super) fn timeless(case: &Case<'_>, sink: &str, proof: &Proof) -> Option<String> {
    let own = case.index.clocks.iter().filter(|clock| clock.sinks.iter().any(|name| name == sink));
    let is_below = |record: &&&Record| {
        let ends = proof.ends.get(&record.topic);
        let partition = usize::try_from(record.partition).ok();
        let end = ends.zip(partition).and_then(|(ends, n)| ends.get(n));
        record.value.is_some() && end.is_some_and(|(_, high)| record.offset < *high)
    };
    let mut tables = BTreeSet::new();
    for clock in own {
        let records = clock.topics.iter().flat_map(|topic| case.index.of_topic(topic));
        let records = records.filter(is_below).collect::<Vec<_>>();
        let shown = records.iter().any(|record| shows_time(clock, record));
        if shown || records.is_empty() {
            return None;
        }
        tables.insert(format!("`{}`", clock.table));
    }
    let tables = tables.into_iter().collect::<Vec<_>>().join(", ");
    (!tables.is_empty()).then(|| {
        format!(
            "windows fired, and no record of {tables} shows the time that its WATERMARK goes by"
        )
    })
}

impl Feed<'_, '_> {
    /// Whether anything came between two proofs that may have changed windows fired before.
    pub(in crate::check) fn has_moved(
        &self,
        sink: &SinkCase<'_>,
        (before, at): (&Proof, &Proof),
    ) -> bool {
        let beside = self.sources.iter().filter(|source| source.beside);
        let topics = beside.map(|source| &source.topic.topic.name);
        let mut topics = topics.chain([&sink.shape.table.topic]);
        topics.any(|name| before.ends.get(name) != at.ends.get(name))
    }
}

impl Way {
    fn blur(&mut self, why: &str) {
        self.blurred.get_or_insert_with(|| why.to_owned());
    }

    /// Follows a sink's statement up to the source topics.
    fn walk(
        &mut self,
        case: &Case<'_>,
        proof: &Proof,
        sink: &str,
        depth: usize,
    ) -> Result<(), String> {
        let writes = |job: &&JobProof| job.sinks.iter().any(|name| name == sink);
        let mut writers = proof.jobs.iter().filter(writes).peekable();
        if writers.peek().is_none() {
            return Err(format!("what feeds `{sink}` was not recorded"));
        }
        if depth > proof.jobs.len() {
            return Err("its statements read in a circle".to_owned());
        }
        self.sinks.push(sink.to_owned());
        for job in writers {
            let firing = job.firings.iter().find(|firing| firing.sink == sink);
            self.reworked |= firing.is_some_and(|firing| firing.reworked);
            for name in read_by(job, firing) {
                self.step(case, proof, (name, firing), depth)?;
            }
        }
        Ok(())
    }

    /// Follows one of the topics that a statement reads.
    fn step(
        &mut self,
        case: &Case<'_>,
        proof: &Proof,
        (name, firing): (&String, Option<&Firing>),
        depth: usize,
    ) -> Result<(), String> {
        let topic = case.index.topics.iter().find(|topic| topic.name == *name);
        let topic = topic.ok_or_else(|| format!("`{name}` was not recorded"))?;
        if case.growths_of(topic).next().is_some() {
            return Err(format!(
                "`{name}` was given more partitions during the run, and from when on they held \
                 the watermark back, no record tells"
            ));
        }
        let of = firing.is_some_and(|firing| firing.of.contains(name));
        let beside = firing.is_some_and(|firing| firing.beside.contains(name));
        if of && beside {
            self.blur("the same topic reaches the windows before and after they have fired");
        }
        let beside = beside && !of;
        let passed = firing.is_some_and(|firing| firing.through.contains(name));
        match &topic.role {
            Role::Source { .. } | Role::Application if beside && self.beside.contains(name) => {}
            Role::Source { .. } | Role::Application if beside && !self.sources.contains(name) => {
                self.beside.push(name.clone());
            }
            Role::Source { .. } | Role::Application if self.sources.contains(name) => {
                self.blur("the same source topic reaches the windows by two ways");
            }
            Role::Source { .. } | Role::Application => {
                if self.beside.contains(name) {
                    self.blur("the same source topic reaches the windows by two ways");
                }
                self.sources.push(name.clone());
            }
            Role::Sink { sink: other } if passed => self.walk(case, proof, other, depth + 1)?,
            Role::Sink { sink: other } if beside => {
                let mut aside = Self::default();
                aside.walk(case, proof, other, depth + 1)?;
                for name in aside.sources.into_iter().chain(aside.beside) {
                    if self.sources.contains(&name) {
                        self.blur("the same source topic reaches the windows by two ways");
                    } else if !self.beside.contains(&name) {
                        self.beside.push(name);
                    }
                }
            }
            Role::Sink { sink: other } => {
                self.direct = false;
                if topic.partitions > 1 {
                    self.blur("an intermediate topic has several partitions");
                }
                if !is_plain(case, other) {
                    self.blur("a statement before the windows keeps state of its own");
                }
                // What it does to windows of its own is done before these are made.
                let (passed, reworked) = (self.sinks.len(), self.reworked);
                self.walk(case, proof, other, depth + 1)?;
                self.sinks.truncate(passed);
                self.reworked = reworked;
            }
            Role::Outbox { .. } => {
                return Err(format!("`{name}` is routed from an outbox, which has no cuts"));
            }
            Role::Messages => {
                return Err(format!("`{name}` holds logical messages, which have no cuts"));
            }
            Role::Barrier | Role::Transaction => {}
        }
        Ok(())
    }

    /// Whether the windows go by a clock.
    fn goes_by(&self, clock: &Clock) -> bool {
        let beside = clock.topics.iter().all(|name| self.beside.contains(name));
        clock.sinks.iter().any(|name| self.sinks.contains(name)) && !beside
    }
}

/// The topics that a statement reads for a sink, each as often as it reads it.
fn read_by<'p>(job: &'p JobProof, firing: Option<&'p Firing>) -> Vec<&'p String> {
    if let Some(firing) = firing {
        return firing.of.iter().chain(&firing.through).chain(&firing.beside).collect();
    }
    let read = job.sources.iter().map(|(operator, topic, ..)| (operator, topic));
    read.collect::<BTreeSet<_>>().into_iter().map(|(_, topic)| topic).collect()
}

/// Whether the statement that writes a sink makes of each record at most one, at once.
fn is_plain(case: &Case<'_>, sink: &str) -> bool {
    let texts = &case.index.header.trial.pipeline.statements;
    let plain = |sql: &str| {
        let tokens = significant(Language::Flink, sql);
        !tokens.iter().any(|token| STATEFUL.iter().any(|word| token.is(word)))
    };
    let view = |name: &str| {
        texts.iter().find(|text| {
            matches!(parse(text), Statement::CreateView { name: view, .. } if view.table() == name)
        })
    };
    let mut found = false;
    for text in texts {
        for insert in parse(text).inserts().iter().filter(|i| i.target.table() == sink) {
            found = true;
            let own = text.value.get(insert.span.start..insert.span.end).unwrap_or(&text.value);
            let views = insert.reads.iter().filter_map(|name| view(name.table()));
            let mut views = views.map(|text| text.value.as_str());
            if !plain(own) || !views.all(plain) {
                return false;
            }
        }
    }
    found
}

fn progress(case: &Case<'_>, clock: &Clock) -> Progress {
    let mut progress = Progress::default();
    for topic in &clock.topics {
        for record in case.index.of_topic(topic) {
            progress.note(clock, record);
        }
    }
    progress
}

/// That of a source table by which the windows go.
fn timed(
    case: &Case<'_>,
    sink: &SinkCase<'_>,
    topic: &TopicCase<'_>,
    clocks: &[&Clock],
) -> Option<Timed> {
    let is_written = topic.topic.role == Role::Application;
    let table = &case.columns.get(topic.table)?.table;
    let declared = sink.window.and_then(|window| match &window.time {
        WindowTime::Columns(columns) => {
            let full = format!("{}.{}", table.schema, table.name);
            let ours =
                |(written, _): &&(String, String)| *written == table.name || *written == full;
            columns.iter().find(ours).map(|(_, column)| Timed::Column(column.clone()))
        }
        WindowTime::Computed { columns, expressions } => {
            let full = format!("{}.{}", table.schema, table.name);
            let ours =
                |(written, _): &&(String, String)| *written == table.name || *written == full;
            let column = columns.iter().find(ours).map(|(_, column)| Timed::Column(column.clone()));
            let expression = expressions.iter().find(ours);
            column.or_else(|| Some(Timed::Expression(Moment::parse(&expression?.1).ok()?)))
        }
        WindowTime::Commit | WindowTime::Record => None,
    });
    let physical = || {
        let ours = |clock: &&&Clock| clock.topics.contains(&topic.topic.name);
        clocks.iter().find(ours).and_then(|clock| match clock.times.as_slice() {
            [Time::Image(column)] => Some(Timed::Column(column.clone())),
            [Time::Field(column)] if is_written => Some(Timed::Column(column.clone())),
            _ => None,
        })
    };
    declared.or_else(physical)
}

impl Source<'_, '_> {
    /// The event time of a row, in milliseconds since 1970; `None` if it cannot be told.
    pub(in crate::check) fn time_of(
        &self,
        case: &Case<'_>,
        wanted: &Expected,
        row: &Image,
    ) -> Option<i64> {
        let column = match self.time.as_ref()? {
            Timed::Column(column) => column,
            Timed::Expression(moment) => {
                let time = moment.millis(&|column| self.field(case, wanted, row, column))?;
                return Some(self.zone.as_ref().map_or(time, |zone| zone.wall(time)));
            }
        };
        let place = wanted.columns.iter().position(|name| name == column)?;
        let Some(Cell::Text(text)) = row.get(place) else { return None };
        let kind = case.columns.get(self.topic.table)?.kind(column)?;
        match postgres::value(text, kind).ok()? {
            Value::Timestamp(micros) | Value::TimestampTz(micros) => {
                let time = micros.div_euclid(1000);
                Some(self.zone.as_ref().map_or(time, |zone| zone.wall(time)))
            }
            Value::Date(days) => Some(days.saturating_mul(86_400_000)),
            _ => None,
        }
    }

    /// A column of a row as an expression over the record sees it. Of types that the connector writes
    /// in its own way, nothing is known.
    fn field(
        &self,
        case: &Case<'_>,
        wanted: &Expected,
        row: &Image,
        column: &str,
    ) -> moment::Value {
        let place = wanted.columns.iter().position(|name| name == column);
        let Some(Cell::Text(text)) = place.and_then(|place| row.get(place)) else {
            return moment::Value::Null;
        };
        let kind = case.columns.get(self.topic.table).and_then(|all| all.kind(column));
        match kind {
            Some(DataType::Scalar(Type::Int)) => {
                text.parse().map_or(moment::Value::Null, moment::Value::Whole)
            }
            Some(DataType::Scalar(Type::Text)) => moment::Value::Text(text.clone()),
            Some(_) | None => moment::Value::Null,
        }
    }

    /// Whether a record can make a difference to a window that ends at `end`: such a window holds
    /// no row of a later time.
    pub(in crate::check) fn concerns(&self, case: &Case<'_>, wanted: &Expected, end: i64) -> bool {
        let old = wanted.change.as_ref().map(|change| change.old.as_ref());
        let before = |row: Option<&Image>| {
            let time = row.and_then(|row| self.time_of(case, wanted, row));
            time.is_none_or(|time| time < end)
        };
        match wanted.part {
            Part::Tombstone => false,
            Part::Truncate => true,
            Part::Read | Part::Create => before(wanted.after.as_ref()),
            Part::Delete => before(old.flatten()),
            Part::Update => before(old.flatten()) || before(wanted.after.as_ref()),
        }
    }
}
