//! `changeproof schema`: the published JSON Schemas.

use clap::{Args, ValueEnum};

use super::console::Console;
use crate::base::exit::Exit;
use crate::report::json;
use crate::score::openapi;

/// Print a published JSON Schema
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
    /// The scoring service, as an OpenAPI description
    Scoring,
}

pub(super) fn run(schema: &Schema, console: Console) -> Exit {
    let text = match schema.of {
        Of::Report => json::schema(),
        Of::Scoring => openapi::text(),
    };
    console.out(&text);
    Exit::Pass
}
