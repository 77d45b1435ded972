//! `changeproof explain`: what a name means.

use clap::Args;

use super::console::Console;
use crate::base::anomaly::Anomaly;
use crate::base::exit::Exit;

/// Explain an anomaly
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// Its name
    name: String,
}

pub(super) fn run(explain: &Explain, console: Console) -> Exit {
    match explain.name.parse::<Anomaly>() {
        Ok(anomaly) => {
            console.out(anomaly.summary());
            Exit::Pass
        }
        Err(error) => {
            console.err(&format!("error: {error}"));
            Exit::Usage
        }
    }
}
