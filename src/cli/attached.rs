//! `changeproof stack check` and `stack sweep`: what a stack of somebody else's has and what it lacks for
//! runs, and what killed runs left there.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use clap::{Args, Subcommand};

use super::chosen::{attach, confluent, read};
use super::console::Console;
use super::environment::Environment;
use super::known;
use super::stack::{Format, Shape, finding, json, own_options, run};
use crate::base::exit::Exit;
use crate::scenario::stack::Kind;
use crate::stack::{Attached, Checked, Confluent, Say, StackError};

/// Look at a stack that somebody else keeps, or remove what killed runs left there
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
    /// Bring back what killed runs of this user took down on the stack of a stack file, remove what they
    /// left there, and say what
    ///
    /// A run claims its name in the cache folder before it makes anything; what bears the name of a
    /// claim that nobody holds is removed, and nothing else. On Confluent Cloud names tell when they were
    /// made, so that what is older than an age is removed whoever made it.
    Sweep {
        /// The stack file
        #[arg(value_name = "PATH")]
        file: Utf8PathBuf,
        /// Remove also what any run made longer ago, as in `2h` (Confluent Cloud alone)
        #[arg(long, value_name = "AGE", value_parser = humantime::parse_duration)]
        older_than: Option<Duration>,
    },
}

pub(super) fn stack(stack: &StackCommand, environment: &Environment, console: Console) -> Exit {
    match &stack.command {
        Command::Check { file, format } => {
            with(file, environment, console, |theirs| check(theirs, format, console))
        }
        Command::Sweep { file, older_than } => {
            with(file, environment, console, |theirs| sweep(theirs, *older_than, console))
        }
    }
}

/// A stack that somebody else keeps.
enum Theirs {
    Attached(Box<Attached>),
    Confluent(Box<Confluent>),
}

impl Theirs {
    async fn check(&self) -> Checked {
        match self {
            Self::Attached(stack) => Box::pin(stack.check()).await,
            Self::Confluent(stack) => Box::pin(stack.check()).await,
        }
    }

    async fn sweep(
        &self,
        older_than: Option<Duration>,
        say: Say<'_>,
    ) -> Result<Vec<String>, StackError> {
        match (self, older_than) {
            (Self::Attached(stack), None) => stack.sweep(say).await,
            (Self::Attached(_), Some(_)) => Err(StackError::Missing {
                what: "the names of runs tell no time on this kind of stack".to_owned(),
                mend: "leave `--older-than` out: what killed runs of this user left is removed"
                    .to_owned(),
            }),
            (Self::Confluent(stack), older_than) => stack.sweep(older_than, say).await,
        }
    }
}

/// Does something with the stack of a file, if somebody else keeps it.
fn with(
    file: &Utf8Path,
    environment: &Environment,
    console: Console,
    act: impl FnOnce(&Theirs) -> Result<Exit, StackError>,
) -> Exit {
    let options = match own_options(environment, None) {
        Ok(options) => options,
        Err(error) => return console.failed(&error, error.exit()),
    };
    let acted = match read(file, console) {
        Err(wrong) => return wrong.exit,
        Ok(Kind::Local) => {
            let told = format!(
                "{file} is changeproof's own stack: `changeproof doctor` looks at what it needs, \
                 `changeproof down` removes all of it"
            );
            return console.failed(&told, Exit::Usage);
        }
        Ok(Kind::Attached(written)) => {
            let attached = attach(file, &written, &options).map(Box::new).map(Theirs::Attached);
            attached.and_then(|theirs| act(&theirs))
        }
        Ok(Kind::Confluent(written)) => {
            let confluent =
                confluent(file, &written, &options).map(Box::new).map(Theirs::Confluent);
            confluent.and_then(|theirs| act(&theirs))
        }
    };
    acted.unwrap_or_else(|error| console.failed(&error, error.exit()))
}

fn check(theirs: &Theirs, format: &Format, console: Console) -> Result<Exit, StackError> {
    let checked = run(async { Ok(theirs.check().await) })?;
    match format.format {
        Shape::Json => console.out(&known::hidden(&json(&checked.lines)?)),
        Shape::Human => {
            let lines: Vec<String> = checked.lines.iter().map(finding).collect();
            console.out(&known::hidden(&lines.join("\n")));
        }
    }
    Ok(if checked.is_lacking() { Exit::StackNotUp } else { Exit::Pass })
}

fn sweep(
    theirs: &Theirs,
    older_than: Option<Duration>,
    console: Console,
) -> Result<Exit, StackError> {
    let say = |line: &str| console.err(&known::hidden(line));
    let swept = run(theirs.sweep(older_than, &say))?;
    let nothing = || vec!["no killed run left anything".to_owned()];
    let told = if swept.is_empty() { nothing() } else { swept };
    console.out(&known::hidden(&told.join("\n")));
    Ok(Exit::Pass)
}
