//! Arguments, console and exit codes. The only module that reads the environment or prints.

use std::process::ExitCode;

/// Runs the command line.
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
