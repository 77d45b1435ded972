//! `settings`: what a scenario sets on the parts of the pipeline. Lists make cells; what is here is
//! one cell's, without lists.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::secret::redacted_value;

/// Options of one component or table by their names, as text.
pub type Options = BTreeMap<String, String>;

/// How Postgres identifies the old row in the WAL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReplicaIdentity {
    /// The primary key.
    Default,
    /// The whole row.
    Full,
    /// The columns of an index.
    Index,
    /// Nothing.
    Nothing,
}

/// One value for every place, or one for each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PerPlace<T> {
    /// The same everywhere.
    All(T),
    /// By place (table or sink); other places keep their default.
    By(BTreeMap<String, T>),
}

impl<T: Copy> PerPlace<T> {
    /// The value at `place`, if one is set.
    pub fn at(&self, place: &str) -> Option<T> {
        match self {
            Self::All(value) => Some(*value),
            Self::By(map) => map.get(place).copied(),
        }
    }
}

/// The settings of one cell, the scenario's merged over the pipeline's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Partitions of topics by place; 1 where nothing is set.
    pub partitions: Option<PerPlace<u32>>,
    /// `parallelism.default` of the statements; 1 where nothing is set.
    pub parallelism: Option<u32>,
    /// Replica identities set over the DDL's, by table.
    pub replica_identity: Option<PerPlace<ReplicaIdentity>>,
    /// Options of topics by place.
    pub topics: BTreeMap<String, Options>,
    /// Options of Flink tables by table, as if written in `WITH`.
    pub tables: BTreeMap<String, Options>,
    /// Options of the connector.
    pub connector: Options,
    /// Options of the Flink session.
    pub flink: Options,
    /// Options of the Connect worker.
    pub worker: Options,
    /// Options of the broker.
    pub kafka: Options,
    /// Options of the Postgres server.
    pub postgres: Options,
    /// Whether topics stand in for tables of connectors that are not on the stack; so they do where
    /// nothing is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stand_ins: Option<bool>,
    /// What the scoring service does besides scoring.
    #[serde(skip_serializing_if = "Scoring::is_plain")]
    pub scoring: Scoring,
    /// Where files are kept; in a folder where nothing is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<StorageKind>,
    /// What the object storage does besides keeping them.
    #[serde(skip_serializing_if = "S3::is_plain")]
    pub s3: S3,
}

/// Where what statements write as files is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageKind {
    /// A folder of the run.
    #[default]
    Folder,
    /// Object storage, over the API of S3.
    S3,
}

/// How badly the object storage behaves on purpose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct S3 {
    /// Every answer comes this many milliseconds later.
    pub delay_ms: u64,
    /// So many next requests that let an object be seen are refused with 503.
    pub refuse: u32,
    /// So many next uploads are cut in the middle.
    pub cut: u32,
}

/// How badly the scoring service behaves on purpose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scoring {
    /// Every answer comes this many milliseconds later.
    pub delay_ms: u64,
    /// So many first requests of each transaction are refused.
    pub fail_first: u32,
    /// Every second answer is overtaken by the one after it.
    pub out_of_order: bool,
}

impl Settings {
    /// Takes in what a `set` of the timeline changes. Partitions are those of topics that are there
    /// already, and no setting any more.
    pub fn change(&mut self, set: &Self) {
        self.connector.extend(set.connector.clone());
        self.flink.extend(set.flink.clone());
        self.parallelism = set.parallelism.or(self.parallelism);
        if !set.s3.is_plain() {
            self.s3 = set.s3;
        }
    }

    /// Whether topics stand in for tables of connectors that are not on the stack.
    pub fn stands_in(&self) -> bool {
        self.stand_ins.unwrap_or(true)
    }

    /// Where files are kept.
    pub fn storage(&self) -> StorageKind {
        self.storage.unwrap_or_default()
    }

    /// What is set counts once the statements are started again.
    pub fn awaits_start(&self) -> bool {
        !self.flink.is_empty() || self.parallelism.is_some()
    }
}

impl S3 {
    /// It does nothing but keep objects.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

impl Scoring {
    fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// The axes of the matrix with this cell's values, in the order they were written. Empty when the
/// scenario has one cell.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cell(pub Vec<(String, String)>);

impl fmt::Display for Cell {
    /// `partitions=3, flink.table.exec.state.ttl=1h`; secrets are hidden.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (axis, value)) in self.0.iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            write!(f, "{comma}{axis}={}", redacted_value(axis, value))?;
        }
        Ok(())
    }
}
