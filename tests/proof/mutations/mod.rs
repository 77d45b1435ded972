//! Mutations: each makes one anomaly in a recorded run, everywhere it can occur, and says what must
//! be found of it.

mod amounts;
mod application;
mod capture;
mod changelog;
mod files;
mod images;
mod keys;
mod order;
mod parts;
mod run;
mod samples;
mod shaped;
mod sinks;
mod turns;
mod unfit;
mod windows;

use changeproof::base::anomaly::Anomaly;
use changeproof::base::position::Position;
use changeproof::history::History;

use super::scene::{Scene, Seen, Topic};

/// Where a mutation is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hop {
    /// Postgres → topic.
    Topic,
    /// Topic → upsert sink.
    Upsert,
    /// Topic → append sink.
    Append,
    /// Topic → retract sink.
    Retract,
    /// Topic → sink of files.
    Files,
    /// Application → topic.
    Application,
    /// What the run itself saw.
    Run,
}

impl Hop {
    pub(crate) const ALL: &[Self] = &[
        Self::Topic,
        Self::Upsert,
        Self::Append,
        Self::Retract,
        Self::Files,
        Self::Application,
        Self::Run,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Topic => "journal → topic",
            Self::Upsert => "topic → upsert sink",
            Self::Append => "topic → append sink",
            Self::Retract => "topic → retract sink",
            Self::Files => "topic → files",
            Self::Application => "application → topic",
            Self::Run => "the run itself",
        }
    }
}

/// One way to break a run.
#[derive(Clone, Copy)]
pub(crate) struct Mutation {
    pub(crate) hop: Hop,
    /// What it does, as a half sentence.
    pub(crate) does: &'static str,
    /// What follows from it besides what it makes.
    pub(crate) also: &'static [Anomaly],
    pub(crate) make: fn(&Scene<'_>, &mut dyn FnMut(Mutant)),
}

/// A broken run.
pub(crate) struct Mutant {
    pub(crate) history: History,
    pub(crate) wanted: Wanted,
}

/// What must be found; what is `None` is not compared.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) anomaly: Anomaly,
    pub(crate) place: String,
    pub(crate) key: Option<String>,
    /// Partition and offset.
    pub(crate) record: Option<(i32, i64)>,
    pub(crate) position: Option<Position>,
    /// A column that the difference names.
    pub(crate) column: Option<String>,
    /// What its sentence says.
    pub(crate) says: Option<&'static str>,
}

impl Wanted {
    fn at(anomaly: Anomaly, topic: &Topic<'_>, seen: &Seen) -> Self {
        Self {
            anomaly,
            place: topic.place.clone(),
            key: seen.key.clone(),
            record: None,
            position: seen.at,
            column: None,
            says: None,
        }
    }

    fn record(self, partition: i32, offset: i64) -> Self {
        Self { record: Some((partition, offset)), ..self }
    }

    fn column(self, column: &str) -> Self {
        Self { column: Some(column.to_owned()), ..self }
    }
}

/// All of them.
pub(crate) fn all() -> Vec<Mutation> {
    let topics = [amounts::ALL, order::ALL, images::ALL, keys::ALL, capture::ALL];
    let shapes = [turns::ALL, parts::ALL, shaped::ALL, application::ALL];
    let sinks = [sinks::ALL, unfit::ALL, changelog::ALL, files::ALL, windows::ALL, run::ALL];
    topics
        .into_iter()
        .chain(shapes)
        .chain(sinks)
        .flat_map(|family| family.iter().copied())
        .collect()
}
