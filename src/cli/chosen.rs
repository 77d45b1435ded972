//! `--stack` and `--lane`: what trials run on. The one place where a kind of stack is chosen.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;

use super::console::Console;
use super::environment;
use super::format::show;
use super::known;
use super::lane::Lanes;
use crate::base::diagnostic::Diagnostic;
use crate::base::exit::Exit;
use crate::history::stack::OWN;
use crate::scenario::stack::{
    Attached as Written, Confluent as OfConfluent, Kind, LoadedStack, load_stack,
};
use crate::stack::attached::{self, Attached};
use crate::stack::confluent::{self, Confluent};
use crate::stack::{
    Lane, Local, Network, Profile, Stack, StackError, StackOptions, local_name, local_profile,
};

/// What a command runs on.
#[derive(Debug, Args)]
pub(super) struct On {
    /// What to run on: `local`, or a stack file
    #[arg(long, value_name = "local|PATH", default_value = OWN)]
    stack: Utf8PathBuf,
    #[command(flatten)]
    lanes: Lanes,
}

/// A stack as a command line names it.
#[derive(Debug, Clone)]
pub(super) enum Chosen {
    /// changeproof's own, on a lane.
    Local(Lane),
    /// Somebody else's, as a file tells of it.
    Attached(Utf8PathBuf, Arc<Written>),
    /// Confluent Cloud, as a file tells of it.
    Confluent(Utf8PathBuf, Arc<OfConfluent>),
}

impl Default for Chosen {
    fn default() -> Self {
        Self::Local(Lane::default())
    }
}

impl On {
    /// The stacks, each once. What is wrong is shown.
    pub(super) fn stacks(&self, console: Console) -> Result<Vec<Chosen>, Wrong> {
        let failed = |error: &dyn std::fmt::Display, exit| {
            console.failed(error, exit);
            Wrong { exit, sentence: error.to_string(), diagnostics: Vec::new() }
        };
        let lanes = self.lanes.all().map_err(|error| failed(&error, Exit::ScenarioInvalid))?;
        let local = || lanes.iter().cloned().map(Chosen::Local).collect();
        if self.stack == OWN {
            return Ok(local());
        }
        match read(&self.stack, console)? {
            Kind::Local => Ok(local()),
            Kind::Attached(_) | Kind::Confluent(_) if self.lanes.is_said() => {
                let told = format!(
                    "`--lane` chooses versions of changeproof's own stack; that of {} has those that \
                     it has",
                    self.stack
                );
                Err(failed(&told, Exit::Usage))
            }
            Kind::Attached(written) => {
                Ok(vec![Chosen::Attached(self.stack.clone(), Arc::from(written))])
            }
            Kind::Confluent(written) => {
                Ok(vec![Chosen::Confluent(self.stack.clone(), Arc::from(written))])
            }
        }
    }
}

impl Chosen {
    /// What it is and can do; no secret is looked up for that.
    pub(super) fn profile(&self) -> Profile {
        match self {
            Self::Local(lane) => local_profile(lane),
            Self::Attached(file, written) => attached::profile(file.as_str(), written),
            Self::Confluent(file, written) => confluent::profile(file.as_str(), written),
        }
    }

    /// The stack itself. From here on nothing that is printed shows its secrets.
    pub(super) fn stack(&self, options: &StackOptions) -> Result<Box<dyn Stack>, StackError> {
        match self {
            Self::Local(lane) => Ok(Box::new(Local::new(options.clone(), lane.clone()))),
            Self::Attached(file, written) => Ok(Box::new(attach(file, written, options)?)),
            Self::Confluent(file, written) => Ok(Box::new(confluent(file, written, options)?)),
        }
    }

    /// The name of the stack, as the header of a history has it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Local(lane) => local_name(lane),
            Self::Attached(file, _) | Self::Confluent(file, _) => file.to_string(),
        }
    }

    /// The lane, if it is changeproof's own.
    pub(super) fn lane(&self) -> Option<&Lane> {
        match self {
            Self::Local(lane) => Some(lane),
            Self::Attached(..) | Self::Confluent(..) => None,
        }
    }

    /// The option that chooses it and its value, unless it is chosen without any.
    pub(super) fn option(&self) -> Option<(&'static str, String)> {
        match self {
            Self::Local(lane) => (!lane.is_default()).then(|| ("--lane", lane.to_string())),
            Self::Attached(file, _) | Self::Confluent(file, _) => {
                Some(("--stack", file.to_string()))
            }
        }
    }
}

/// The stack of a file that somebody else keeps. From here on nothing that is printed shows its secrets.
pub(super) fn attach(
    file: &Utf8Path,
    written: &Written,
    options: &StackOptions,
) -> Result<Attached, StackError> {
    outside_is_reached(options)?;
    let attached = Attached::new((file.as_str(), written), &environment::secret, options)?;
    known::learn(&attached.secrets());
    Ok(attached)
}

/// The same of Confluent Cloud.
pub(super) fn confluent(
    file: &Utf8Path,
    written: &OfConfluent,
    options: &StackOptions,
) -> Result<Confluent, StackError> {
    outside_is_reached(options)?;
    let confluent = Confluent::new((file.as_str(), written), &environment::secret, options)?;
    known::learn(&confluent.secrets());
    Ok(confluent)
}

fn outside_is_reached(options: &StackOptions) -> Result<(), StackError> {
    if options.network != Network::Own {
        return Ok(());
    }
    Err(StackError::Missing {
        what: "with CHANGEPROOF_NETWORK=own nobody outside is reached, and the stack is there"
            .to_owned(),
        mend: "unset CHANGEPROOF_NETWORK".to_owned(),
    })
}

/// Why there is no stack; people were told.
#[derive(Debug)]
pub(super) struct Wrong {
    /// How the command ends.
    pub(super) exit: Exit,
    /// What is wrong, in a sentence.
    pub(super) sentence: String,
    /// What is wrong with the stack file.
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// A stack file; everything wrong with it is shown.
pub(super) fn read(file: &Utf8Path, console: Console) -> Result<Kind, Wrong> {
    let LoadedStack { stack, diagnostics, sources } = load_stack(file);
    let text = |path: &Utf8Path| {
        sources.iter().find(|source| source.path == path).map(|source| source.text.as_str())
    };
    if !diagnostics.is_empty() {
        show(&diagnostics, text, console);
    }
    stack.map(|stack| stack.kind).ok_or_else(|| Wrong {
        exit: Exit::ScenarioInvalid,
        sentence: format!("{file} is not a stack file that can be used"),
        diagnostics,
    })
}
