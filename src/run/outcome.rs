//! Why a run ends before its timeline does, and what that makes of it.

use crate::base::diagnostic::Diagnostic;
use crate::base::exit::Exit;
use crate::capture::journal::JournalError;
use crate::capture::recorder::RecordError;
use crate::capture::shadow::ShadowError;
use crate::capture::shadow::reference::ReferenceError;
use crate::client::connect::ConnectError;
use crate::client::flink::FlinkError;
use crate::client::gateway::GatewayError;
use crate::client::http::HttpError;
use crate::client::kafka::KafkaError;
use crate::client::postgres::PostgresError;
use crate::drive::DriveError;
use crate::history::event::End;
use crate::run::folder::FolderError;

/// Why a run ends early.
#[derive(Debug, Clone)]
pub(super) enum Stop {
    /// The pipeline did what a recorded trouble says; it is judged on that.
    Trouble,
    /// The author's files are wrong.
    Invalid(Vec<Diagnostic>),
    /// Something the run stands on is missing, refused or full.
    Stack(String),
    /// The harness's own record is not to be trusted.
    Capture(String),
    /// It cannot be run, which says nothing about anything: the sentence says why.
    NotRun(String),
    /// Somebody wants it to end.
    Interrupted,
    /// A bug in changeproof.
    Internal(String),
}

impl Stop {
    /// The code it ends with; `None` if the verdict decides.
    pub(super) fn exit(&self) -> Option<Exit> {
        match self {
            Self::Trouble => None,
            Self::Invalid(_) => Some(Exit::ScenarioInvalid),
            Self::Stack(_) => Some(Exit::StackNotUp),
            Self::Capture(_) => Some(Exit::CaptureBroken),
            Self::NotRun(_) => Some(Exit::NothingRun),
            Self::Interrupted => Some(Exit::Interrupted),
            Self::Internal(_) => Some(Exit::Internal),
        }
    }

    /// What is wrong, in one sentence.
    pub(super) fn sentence(&self) -> Option<String> {
        match self {
            Self::Trouble => None,
            Self::Invalid(diagnostics) => diagnostics.first().map(ToString::to_string),
            Self::Stack(sentence)
            | Self::Capture(sentence)
            | Self::NotRun(sentence)
            | Self::Internal(sentence) => Some(sentence.clone()),
            Self::Interrupted => Some("the run was interrupted".to_owned()),
        }
    }

    /// The last event of the history.
    pub(super) fn end(&self) -> End {
        match self.exit() {
            Some(exit) => End::Aborted { exit, sentence: self.sentence().unwrap_or_default() },
            None => End::Trouble,
        }
    }
}

macro_rules! stack_not_up {
    ($($error:ty),+) => {
        $(impl From<$error> for Stop {
            fn from(error: $error) -> Self {
                Self::Stack(error.to_string())
            }
        })+
    };
}

stack_not_up!(
    PostgresError,
    KafkaError,
    ConnectError,
    FlinkError,
    HttpError,
    RecordError,
    FolderError
);

impl From<GatewayError> for Stop {
    fn from(error: GatewayError) -> Self {
        match error {
            // Whoever submits what the author wrote says whose and where it is.
            GatewayError::Refused(cause) => {
                Self::Internal(format!("Flink refuses a statement of changeproof's own: {cause}"))
            }
            GatewayError::Http(_) | GatewayError::Late(_) => Self::Stack(error.to_string()),
        }
    }
}

impl From<Diagnostic> for Stop {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Invalid(vec![diagnostic])
    }
}

impl From<JournalError> for Stop {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Unfit { .. } | JournalError::Postgres(_) | JournalError::Record(_) => {
                Self::Stack(error.to_string())
            }
            JournalError::Message(_) | JournalError::Missing(_) => Self::Capture(error.to_string()),
        }
    }
}

impl From<DriveError> for Stop {
    fn from(error: DriveError) -> Self {
        match error {
            DriveError::Scenario(diagnostic) => Self::Invalid(vec![*diagnostic]),
            DriveError::Postgres(error) => (*error).into(),
            DriveError::Impossible(sentence) => Self::NotRun(sentence),
            DriveError::Record(error) => error.into(),
        }
    }
}

impl From<ShadowError> for Stop {
    fn from(error: ShadowError) -> Self {
        match error {
            ShadowError::Reference(ReferenceError::Invalid(diagnostic)) => {
                Self::Invalid(vec![*diagnostic])
            }
            ShadowError::Reference(ReferenceError::Postgres(error)) => error.into(),
            ShadowError::Replay(error) if error.is_of_the_stack() => error.into(),
            ShadowError::Journal(_) | ShadowError::Replay(_) => Self::Capture(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_for_the_verdict_and_the_rest_is_not() {
        assert_eq!(Stop::Trouble.exit(), None);
        assert_eq!(Stop::Trouble.end(), End::Trouble);
        let stop = Stop::from(JournalError::Missing("transaction 7 is missing".to_owned()));
        assert_eq!(stop.exit(), Some(Exit::CaptureBroken));
        assert_eq!(
            stop.end(),
            End::Aborted {
                exit: Exit::CaptureBroken,
                sentence: "transaction 7 is missing".to_owned()
            }
        );
    }
}
