//! The `changeproof` command: arguments in, exit code out. Everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    changeproof::cli::main()
}
