//! `changeproof explain`: what a name means.

use clap::Args;

use super::console::Console;
use crate::base::anomaly::Anomaly;
use crate::base::exit::Exit;
use crate::report::explain;

/// Explain an anomaly
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// Its name
    #[arg(required_unless_present = "all", value_name = "ANOMALY")]
    name: Option<String>,
    /// Print the page of all findings (Markdown)
    #[arg(long, conflicts_with = "name")]
    all: bool,
}

pub(super) fn run(explain: &Explain, console: Console) -> Exit {
    let Some(name) = &explain.name else {
        console.out(&explain::catalogue());
        return Exit::Pass;
    };
    match name.parse::<Anomaly>() {
        Ok(anomaly) => {
            console.out(&explain::anomaly(anomaly).styled());
            Exit::Pass
        }
        Err(error) => {
            console.err(&format!("error: {error}"));
            Exit::Usage
        }
    }
}
