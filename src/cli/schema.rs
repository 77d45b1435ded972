//! `changeproof schema`: the published JSON Schemas.

use clap::{Args, ValueEnum};

use super::console::Console;
use crate::base::exit::Exit;
use crate::report::json;

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
}

pub(super) fn run(schema: &Schema, console: Console) -> Exit {
    let text = match schema.of {
        Of::Report => json::schema(),
    };
    console.out(&text);
    Exit::Pass
}
