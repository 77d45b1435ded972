//! What must, may and must not be seen.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::anomaly::Anomaly;
use crate::base::grade::Grade;
use crate::base::text::{Place, Text};

/// The delivery contract of the source topics.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// A replay is allowed only after a recorded fault before the hop.
    #[default]
    AtLeastOnce,
    /// No replay at all.
    ExactlyOnce,
}

/// What every state of a sink must satisfy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Equal to the reference at every proven quiescence (windowed sinks: over closed windows).
    Final,
    /// Each fired window equals the reference at a cut at which it may have fired.
    Windows,
    /// Every state on the way equals the reference at a cut.
    Cut,
    /// Every state on the way equals the reference at a commit prefix.
    Commit,
}

/// The expectations of one trial: those of the file whose `where` holds for its cell, united.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Expect {
    /// See [`Delivery`].
    pub delivery: Delivery,
    /// The weakest grade of proof that the trial may stand on; any where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<Grade>,
    /// Levels demanded by name; the default is `final`.
    pub consistency: BTreeMap<String, Level>,
    /// Expected rows by sink.
    pub rows: BTreeMap<String, RowTable>,
    /// Expected life of keys by place and key.
    pub life: BTreeMap<String, BTreeMap<String, Life>>,
    /// Findings that must be seen.
    pub must_show: Vec<Demand>,
    /// Findings that may be seen.
    pub may_show: Vec<Allowance>,
    /// Texts of the plans of the statements that write sinks.
    pub plan: BTreeMap<String, PlanTexts>,
    /// How often the cell is run until all that must be shown was; 1 where nothing is said.
    pub attempts: Option<u32>,
}

/// What EXPLAIN must say of a statement, and what not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanTexts {
    /// Texts that must be in it.
    pub has: Vec<String>,
    /// Texts that must not be in it.
    pub lacks: Vec<String>,
}

impl Expect {
    /// Takes in another expectation for the same cell. That the two do not say different things of
    /// one place was made sure of when the file was read.
    pub fn unite(&mut self, other: &Self) {
        if other.delivery != Delivery::default() {
            self.delivery = other.delivery;
        }
        self.proof = self.proof.max(other.proof);
        self.consistency.extend(other.consistency.clone());
        self.rows.extend(other.rows.clone());
        for (place, lives) in &other.life {
            self.life.entry(place.clone()).or_default().extend(lives.clone());
        }
        self.must_show.extend(other.must_show.clone());
        self.may_show.extend(other.may_show.clone());
        self.plan.extend(other.plan.clone());
        self.attempts = other.attempts.or(self.attempts);
    }
}

/// A row table as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowTable {
    /// The text of the whole table, for places.
    pub text: Text,
    /// Column names.
    pub columns: Vec<String>,
    /// Rows; every row has as many cells as there are columns.
    pub rows: Vec<Row>,
    /// A last line `...` allows further rows.
    pub open: bool,
}

/// One row of a row table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Where the row stands in the table's text: the byte of its line.
    pub at: usize,
    /// Its cells.
    pub cells: Vec<RowCell>,
}

/// One cell of a row table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RowCell {
    /// `NULL`.
    Null,
    /// `...`: any value.
    Any,
    /// A value as text, quotes removed; typed by its column.
    Value {
        /// The text.
        text: String,
        /// It stood in quotes (the only way to write an empty text or the word NULL).
        quoted: bool,
    },
}

/// The life of one key at one place: a pattern over events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// Where it stands.
    pub place: Place,
    /// The pattern as written.
    pub source: String,
    /// Its items in order; empty means `never`.
    pub items: Vec<LifeItem>,
}

/// One item of a life pattern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifeItem {
    /// Any one of these events (`x|y`): `r c u d t null` at a topic, `+I -U +U -D` at a sink.
    pub events: Vec<String>,
    /// How often at least.
    pub min: u32,
    /// How often at most; `None` is no limit (`x*`).
    pub max: Option<u32>,
}

/// What is shown where: `{finding: place}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demand {
    /// Where it stands in the file.
    pub at: Place,
    /// The finding.
    pub finding: Anomaly,
    /// Source table, sink or `connector`.
    pub place: String,
    /// The keys it must be shown for; empty: at least one, and all of them are covered.
    pub keys: Vec<String>,
    /// Text the finding's sentence must contain.
    pub says: Option<String>,
}

/// A finding that is allowed with a reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    /// Where it stands in the file.
    pub at: Place,
    /// The finding.
    pub finding: Anomaly,
    /// Source table, sink or `connector`.
    pub place: String,
    /// The keys it may be shown for; empty: all.
    pub keys: Vec<String>,
    /// Why it is allowed.
    pub because: String,
}

impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.finding, self.place)?;
        if !self.keys.is_empty() {
            write!(f, " (key {})", self.keys.join("; "))?;
        }
        Ok(())
    }
}
