//! The scenario language: pipeline and scenario files, parsed with all their errors at once, and
//! the trials they become.

pub mod application;
pub mod bless;
pub mod code;
#[cfg(test)]
mod coverage;
pub(crate) mod diagnose;
#[cfg(test)]
mod editors;
pub mod expect;
pub mod load;
pub mod orders;
mod parse;
pub mod pipeline;
pub mod print;
pub mod range;
pub mod reference;
#[expect(clippy::module_inception, reason = "the file is named after the noun it defines")]
pub mod scenario;
pub mod schema;
pub mod secret;
pub mod settings;
pub mod stack;
pub mod timeline;
pub mod trial;
mod types;
mod words;
pub(crate) mod yaml;

pub use load::{Loaded, Source, load, load_as, load_edited, load_pipeline};
pub use scenario::Scenario;

pub(crate) use words::{listed, nearest};

use crate::base::text::Text;

/// `statements` with each of `overrides` in the place of the one with the same kind and target; the
/// rest stands before the first INSERT.
pub fn overridden(statements: &[Text], overrides: &[Text]) -> Vec<Text> {
    parse::overridden(statements, overrides)
}

/// The statements that a JSON file holds under the keys where tools keep them, in order; none if it
/// is no JSON.
pub fn statements_in_json(file: &Text) -> Vec<Text> {
    parse::statements_in_json(file)
}
