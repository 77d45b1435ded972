//! Why there is no stack. Every variant ends with the exit code "stack not up".

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::files;
use crate::base::exit::Exit;
use crate::client::exhaustion::exhaustion;
use crate::client::wait::TimedOut;

/// A reason why the stack is not up. It travels as JSON from the keeper to whoever started it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StackError {
    /// Something that the machine must have is not there.
    #[error("{what}\n  to mend it: {mend}")]
    Missing {
        /// A sentence without a final stop.
        what: String,
        /// What to do, usually a command.
        mend: String,
    },
    /// A component died or did not get ready.
    #[error("{0}")]
    Component(ComponentError),
    /// A disk is full.
    #[error("no space is left on the disk of {place} ({cause})\n  to mend it: {mend}")]
    NoSpace {
        /// What could not be written.
        place: String,
        /// What the system said, or how much there is and how much is needed.
        cause: String,
        /// What to do.
        mend: String,
    },
    /// The file system or another process refused.
    #[error("cannot {doing}: {cause}")]
    Refused {
        /// What was tried, as an infinitive.
        doing: String,
        /// What the system said.
        cause: String,
    },
    /// Another process holds what is needed.
    #[error("{0}")]
    Busy(String),
    /// The keeper ended without a word.
    #[error("{0}")]
    Keeper(String),
}

/// A component that died or did not get ready, with what it said last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentError {
    /// Its name.
    pub component: String,
    /// How it failed: "ended with exit status 1", "was not ready within 60 s (…)".
    pub failure: String,
    /// The line of its log that tells most, if one stands out.
    pub cause: Option<String>,
    /// The last lines of its log.
    pub log_end: Vec<String>,
    /// Where the whole log is.
    pub log: Utf8PathBuf,
    /// What to do, where the log says that the machine has run out of something.
    #[serde(default)]
    pub mend: Option<String>,
}

impl std::fmt::Display for ComponentError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.component, self.failure)?;
        if let Some(cause) = &self.cause {
            write!(f, ": {cause}")?;
        }
        if let Some(mend) = &self.mend {
            write!(f, "\n  to mend it: {mend}")?;
        }
        if self.log_end.is_empty() {
            return write!(f, "\n  its log is empty ({})", self.log);
        }
        write!(f, "\n  the last lines of its log ({}):", self.log)?;
        for line in &self.log_end {
            write!(f, "\n    {line}")?;
        }
        Ok(())
    }
}

impl ComponentError {
    /// The same with the log at `log`, where it has been moved to, and, if a log in its folder says
    /// that the machine has run out of something, with that as the cause: which component meets it
    /// first and which one ends of it are two questions.
    pub(super) fn with_logs_in(mut self, folder: &Utf8Path) -> Self {
        if let Some(name) = self.log.file_name() {
            self.log = folder.join(name);
        }
        let others = files::names(folder, "").into_iter().filter_map(|name| {
            let (cause, _) = end_of_log(&folder.join(&name), 0);
            let cause = cause?;
            exhaustion(&cause).map(|found| (format!("{cause} ({name})"), found))
        });
        let own = self.cause.clone().and_then(|cause| {
            let found = exhaustion(&cause)?;
            Some((cause, found))
        });
        if let Some((cause, found)) = own.into_iter().chain(others).next() {
            self.cause = Some(cause);
            self.mend = Some(found.mend.to_owned());
        }
        self
    }

    /// Whether another port would help.
    pub(super) fn is_about_a_port(&self) -> bool {
        let words = ["Address already in use", "could not bind"];
        let lines = self.cause.iter().chain(&self.log_end);
        lines.into_iter().any(|line| words.iter().any(|word| line.contains(word)))
    }
}

impl StackError {
    /// The exit code that this means.
    pub fn exit(&self) -> Exit {
        Exit::StackNotUp
    }

    /// From an error of the file system.
    pub fn io(doing: impl Into<String>, error: &io::Error) -> Self {
        let doing = doing.into();
        if error.kind() == io::ErrorKind::StorageFull {
            return Self::NoSpace {
                place: doing,
                cause: error.to_string(),
                mend: "free some space, or name folders on another disk in CHANGEPROOF_STATE and \
                       CHANGEPROOF_CACHE"
                    .to_owned(),
            };
        }
        Self::Refused { doing, cause: error.to_string() }
    }
}

impl From<TimedOut> for StackError {
    fn from(late: TimedOut) -> Self {
        Self::Busy(late.to_string())
    }
}

/// Says what was being done when the file system refused.
pub(super) trait Doing<T> {
    /// `doing` is an infinitive: "write the configuration of kafka".
    fn doing(self, doing: &str) -> Result<T, StackError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: &str) -> Result<T, StackError> {
        self.map_err(|error| StackError::io(doing, &error))
    }
}

/// The last lines of a log and the line among them that tells most.
pub(super) fn end_of_log(log: &Utf8Path, lines: usize) -> (Option<String>, Vec<String>) {
    let bytes = fs_err::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let end = all.iter().skip(all.len().saturating_sub(lines));
    (cause(&all), end.map(|line| (*line).to_owned()).collect())
}

/// Words of a log line that tell the cause of an end, the most telling first. What tells that the
/// machine has run out of something comes before them.
const TELLING: [&str; 6] =
    ["Address already in use", "Permission denied", "Caused by:", "FATAL", "ERROR", "Exception"];

fn cause(lines: &[&str]) -> Option<String> {
    let exhausted = lines.iter().rev().find(|line| exhaustion(line).is_some());
    // The innermost cause is the last "Caused by"; of other words, too, the last use counts.
    let told =
        || TELLING.iter().find_map(|word| lines.iter().rev().find(|line| line.contains(word)));
    exhausted.or_else(told).map(|line| line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_telling_line_of_a_log_is_its_cause() {
        let lines = [
            "INFO starting",
            "ERROR it went wrong",
            "java.lang.RuntimeException: wrapper",
            "Caused by: java.net.BindException: Address already in use",
            "INFO bye",
        ];
        assert_eq!(
            cause(&lines).as_deref(),
            Some("Caused by: java.net.BindException: Address already in use")
        );
        assert_eq!(cause(&["INFO fine"]), None);
    }

    #[test]
    fn a_component_that_ends_because_another_met_a_full_disk_says_so() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(temporary.path()).unwrap();
        let met = "java.io.IOException: No space left on device";
        fs_err::write(folder.join("jobmanager.log"), format!("INFO starting\nERROR {met}\n"))
            .unwrap();
        fs_err::write(folder.join("gateway.log"), "ERROR Failed to start the endpoints.\n")
            .unwrap();
        let error = ComponentError {
            component: "gateway".to_owned(),
            failure: "ended with exit status: 1".to_owned(),
            cause: Some("ERROR Failed to start the endpoints.".to_owned()),
            log_end: Vec::new(),
            log: "/gone/gateway.log".into(),
            mend: None,
        };
        let told = error.with_logs_in(folder);
        assert_eq!(told.cause, Some(format!("ERROR {met} (jobmanager.log)")));
        assert_eq!(told.log, folder.join("gateway.log"));
        assert!(told.mend.is_some_and(|mend| mend.contains("CHANGEPROOF_STATE")));
    }

    #[test]
    fn a_full_disk_is_told_apart() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        assert!(matches!(StackError::io("write x", &full), StackError::NoSpace { .. }));
    }

    #[test]
    fn a_component_error_shows_the_cause_and_the_log() {
        let error = ComponentError {
            component: "kafka".to_owned(),
            failure: "ended with exit status: 1".to_owned(),
            cause: Some("FATAL no".to_owned()),
            log_end: vec!["one".to_owned(), "two".to_owned()],
            log: "/x/kafka.log".into(),
            mend: None,
        };
        insta::assert_snapshot!(StackError::Component(error), @r"
        kafka ended with exit status: 1: FATAL no
          the last lines of its log (/x/kafka.log):
            one
            two
        ");
    }
}
