//! The log: on stderr, never mixed into reports.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging. `filters` (the variable `CHANGEPROOF_LOG`) wins over `-v`; without either only
/// warnings are shown.
pub(super) fn start(verbose: u8, filters: Option<&str>) {
    let default = match verbose {
        0 => "changeproof=warn",
        1 => "changeproof=info",
        2 => "changeproof=debug",
        _ => "changeproof=trace",
    };
    let filter = EnvFilter::new(filters.unwrap_or(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(verbose > 1)
        .compact()
        .init();
}
