//! The list of trials for programs. Its form is published as a JSON Schema (`changeproof schema list`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::NotRun;
use super::json::Form;
use crate::base::diagnostic::Diagnostic;
use crate::check::verdict::Outcome;

/// The trials that a run of the same words would make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Listing {
    /// The version of this form.
    pub list: Form,
    /// The version of changeproof that made it.
    pub changeproof: String,
    /// The trials, in the order of their files, cells and lanes.
    pub trials: Vec<Listed>,
    /// What is wrong with the files that were read.
    pub diagnostics: Vec<Diagnostic>,
    /// Scenarios that are refused.
    pub refused: Vec<NotRun>,
}

/// One trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Listed {
    /// `id [axis=value,…]`, and ` on LANE` where it is not the default one. `run` takes it without the
    /// lane.
    pub name: String,
    /// The scenario's id.
    pub id: String,
    /// The cell of the matrix: axis → value.
    pub cell: BTreeMap<String, String>,
    /// The versions that it runs with, if they are not the default ones.
    pub lane: Option<String>,
    /// The one sentence that is true if it passes.
    pub title: String,
    /// The scenario's labels.
    pub covers: Vec<String>,
    /// The scenario's file.
    pub file: String,
    /// The pipeline's file; none if the pipeline stands in the scenario.
    pub pipeline: Option<String>,
    /// It needs the stack for itself.
    pub alone: bool,
    /// Why the local stack cannot run it.
    pub not_run: Option<String>,
    /// How its last run here ended; none if none is recorded.
    pub last: Option<Outcome>,
    /// The command that runs it.
    pub command: String,
}

impl Listing {
    /// The list as text.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).expect("a list holds only text and numbers")
    }
}

/// The published schema as text.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Listing);
    serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_schema_is_current() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schema/list.json");
        let published = fs_err::read_to_string(file).unwrap_or_default();
        assert!(published == schema(), "write it again: changeproof schema list > {file}");
    }
}
