//! `changeproof schema`: the published JSON Schemas, and the reference of the language.

use clap::{Args, ValueEnum};

use super::console::Console;
use crate::base::exit::Exit;
use crate::contain::connector::known;
use crate::report::{html, json, listing, terms};
use crate::scenario::{reference, schema as language, stack};
use crate::score::openapi;

/// Print a published JSON Schema, or the reference of the language
#[derive(Debug, Args)]
pub(super) struct Schema {
    /// Of what
    #[arg(value_enum)]
    of: Of,
}

/// What has a schema.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Of {
    /// The JSON report of `run` and `check`
    Report,
    /// The JSON list of `list`
    List,
    /// What the HTML report of a run embeds
    Page,
    /// A scenario file, for editors
    Scenario,
    /// A pipeline file, for editors
    Pipeline,
    /// `changeproof.yaml`, for editors
    Project,
    /// A stack file, for editors
    Stack,
    /// The reference of the language (Markdown)
    Language,
    /// The reference of stack files (Markdown)
    Stacks,
    /// The glossary (Markdown)
    Glossary,
    /// The scoring service, as an OpenAPI description
    Scoring,
    /// What becomes of each option of a connector file (Markdown)
    ConnectorOptions,
}

pub(super) fn run(schema: &Schema, console: Console) -> Exit {
    let text = match schema.of {
        Of::Report => json::schema(),
        Of::List => listing::schema(),
        Of::Page => html::schema(),
        Of::Scenario => language::scenario(),
        Of::Pipeline => language::pipeline(),
        Of::Project => language::project(),
        Of::Stack => stack::schema(),
        Of::Language => reference::page(),
        Of::Stacks => stack::page(),
        Of::Glossary => terms::page(),
        Of::Scoring => openapi::text(),
        Of::ConnectorOptions => known::page(),
    };
    console.out(&text);
    Exit::Pass
}
