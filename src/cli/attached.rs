//! `changeproof stack check`: what a stack of somebody else's has, and what it lacks for runs.

use camino::{Utf8Path, Utf8PathBuf};
use clap::{Args, Subcommand};

use super::console::Console;
use super::environment::{self, Environment};
use super::format::show;
use super::known;
use super::stack::{Format, Shape, finding, json, own_options, run};
use crate::base::exit::Exit;
use crate::scenario::stack::{Attached as Written, Kind, LoadedStack, load_stack};
use crate::stack::{Attached, StackError, StackOptions};

/// Look at a stack that somebody else keeps
#[derive(Debug, Args)]
pub(super) struct StackCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Connect to every part of a stack file, and say what is there and what a run would lack
    Check {
        /// The stack file
        #[arg(value_name = "PATH")]
        file: Utf8PathBuf,
        #[command(flatten)]
        format: Format,
    },
}

pub(super) fn stack(stack: &StackCommand, environment: &Environment, console: Console) -> Exit {
    match &stack.command {
        Command::Check { file, format } => {
            with(file, environment, console, |attached| check(attached, format, console))
        }
    }
}

/// Does something with the stack of a file, if somebody else keeps it.
fn with(
    file: &Utf8Path,
    environment: &Environment,
    console: Console,
    act: impl FnOnce(&Attached) -> Result<Exit, StackError>,
) -> Exit {
    let options = match own_options(environment, None) {
        Ok(options) => options,
        Err(error) => return console.failed(&error, error.exit()),
    };
    let acted = match read(file, console) {
        Err(exit) => return exit,
        Ok(Kind::Local) => {
            let told =
                format!("{file} is changeproof's own stack: `changeproof doctor` looks at it");
            return console.failed(&told, Exit::Usage);
        }
        Ok(Kind::Attached(written)) => {
            attached(file, &written, &options).and_then(|attached| act(&attached))
        }
    };
    acted.unwrap_or_else(|error| console.failed(&error, error.exit()))
}

fn check(attached: &Attached, format: &Format, console: Console) -> Result<Exit, StackError> {
    let checked = run(async { Ok(attached.check().await) })?;
    match format.format {
        Shape::Json => console.out(&known::hidden(&json(&checked.lines)?)),
        Shape::Human => {
            let lines: Vec<String> = checked.lines.iter().map(finding).collect();
            console.out(&known::hidden(&lines.join("\n")));
        }
    }
    Ok(if checked.is_lacking() { Exit::StackNotUp } else { Exit::Pass })
}

/// A stack file; everything wrong with it is shown.
fn read(file: &Utf8Path, console: Console) -> Result<Kind, Exit> {
    let LoadedStack { stack, diagnostics, sources } = load_stack(file);
    let text = |path: &Utf8Path| {
        sources.iter().find(|source| source.path == path).map(|source| source.text.as_str())
    };
    if !diagnostics.is_empty() {
        show(&diagnostics, text, console);
    }
    stack.map(|stack| stack.kind).ok_or(Exit::ScenarioInvalid)
}

/// From here on nothing that is printed shows its secrets.
fn attached(
    file: &Utf8Path,
    written: &Written,
    options: &StackOptions,
) -> Result<Attached, StackError> {
    let attached = Attached::new((file.as_str(), written), &environment::secret, options)?;
    known::learn(&attached.secrets());
    Ok(attached)
}
