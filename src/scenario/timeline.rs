//! What happens: the entries of a timeline.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::application::Produce;
use super::settings::Settings;
use crate::base::text::{Place, Span, Text};

/// One line of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Where it stands.
    pub place: Place,
    /// The bytes of its main key in the file.
    #[serde(default)]
    pub span: Span,
    /// What it does.
    pub action: Action,
}

/// What an entry does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// SQL in a session.
    Session(SessionEntry),
    /// Waiting for a condition.
    Await {
        /// The condition.
        condition: Condition,
        /// The limit in milliseconds.
        within_ms: u64,
    },
    /// Something is done to a part of the pipeline at once.
    Fault(Fault),
    /// Something is done to a part of the pipeline while the next entries run.
    Arm {
        /// What is done.
        fault: Fault,
        /// When.
        at: Trigger,
    },
    /// The connector goes on from another place when it is started.
    Upset(Upset),
    /// What is written to a topic from here on is kept from its readers.
    Hold {
        /// The source table or sink.
        place: String,
    },
    /// A topic that is held is given back to its readers.
    Release {
        /// The source table or sink.
        place: String,
    },
    /// An application writes records to a topic.
    Produce(Box<Produce>),
    /// Settings that change from here: what stands in it, over what was set before.
    Set(Box<Settings>),
    /// Sessions' entries in every order, or in so many; a trial has one of the orders instead.
    Permute {
        /// How many orders; `None` for all.
        count: Option<u32>,
        /// The entries, as written.
        of: Vec<Entry>,
    },
}

/// SQL in one session (a connection of its own, UTC, autocommit).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionEntry {
    /// `a`, `b`, `s1`…
    pub session: String,
    /// Split as psql does; each is its own transaction outside `BEGIN … COMMIT`. With `repeat`,
    /// `:i` outside quotes stands for the round.
    pub statements: Vec<Text>,
    /// The session whose lock the last statement must be seen to wait for.
    pub blocks_on: Option<String>,
    /// The SQLSTATE that the entry must end with (a condition's name is resolved when it is read).
    pub error: Option<String>,
    /// How many rounds; 1 without `repeat`.
    pub rounds: u32,
    /// Repeat until this holds, each round captured before the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Condition>,
    /// The limit in milliseconds for the whole entry.
    pub within_ms: u64,
    /// Waits and deadlocks are found, not declared: the entry is one of an interleaving.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub finds_waits: bool,
}

/// What is done to a part of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What is done.
    pub verb: Verb,
    /// To what.
    pub target: Target,
    /// Statements stop with a savepoint, from which their start goes on.
    pub savepoint: bool,
    /// Which of several connectors, by its place in the pipeline's list from 0; `None`: all of them
    /// (since 1.8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connector: Option<usize>,
}

impl Fault {
    /// What is done to a whole target.
    pub fn of(verb: Verb, target: Target) -> Self {
        Self { verb, target, savepoint: false, connector: None }
    }

    /// It is about this target; of connectors, about the one with this place from 0.
    pub fn is_of(&self, target: Target, nth: usize) -> bool {
        let is_own = self.connector.is_none_or(|connector| connector == nth);
        self.target == target && (target != Target::Connector || is_own)
    }
}

/// When an armed fault acts, counted from the entry that arms it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// So many more records are on the topic of a source table or sink.
    Records {
        /// The source table or sink.
        place: String,
        /// How many.
        count: u32,
    },
    /// So many more checkpoints of the statements have completed.
    Checkpoint(u32),
}

macro_rules! named {
    ($(#[doc = $doc:literal] $name:ident { $(#[doc = $variant_doc:literal] $variant:ident $text:literal)+ })+) => {
        $(
            #[doc = $doc]
            #[derive(
                Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize,
                schemars::JsonSchema,
            )]
            #[serde(rename_all = "lowercase")]
            pub enum $name {
                $(#[doc = $variant_doc] $variant,)+
            }

            impl $name {
                /// All of them.
                pub const ALL: &[Self] = &[$(Self::$variant,)+];

                /// As a scenario writes it.
                pub fn name(self) -> &'static str {
                    match self { $(Self::$variant => $text,)+ }
                }

                /// What a scenario means by a word.
                pub fn of(word: &str) -> Option<Self> {
                    Self::ALL.iter().copied().find(|known| known.name() == word)
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(self.name())
                }
            }
        )+
    };
}

named! {
    /// What can be done to a part of the pipeline.
    Verb {
        /// SIGKILL; statements are cancelled.
        Kill "kill"
        /// SIGSTOP; the connector by Connect's own pause.
        Pause "pause"
        /// SIGCONT, or Connect's own resume.
        Resume "resume"
        /// An orderly stop.
        Stop "stop"
        /// A start, after a kill or a stop, or for the first time.
        Start "start"
    }
    /// A part of the pipeline that something can be done to.
    Target {
        /// The server with all its processes.
        Postgres "postgres"
        /// The broker.
        Kafka "kafka"
        /// Connect's process.
        Worker "worker"
        /// The connector on Connect.
        Connector "connector"
        /// The process that runs the statements' tasks.
        Taskmanager "taskmanager"
        /// The process that schedules them.
        Jobmanager "jobmanager"
        /// The pipeline's statements, all of them.
        Statements "statements"
    }
    /// What becomes of the place from which the connector goes on, while it is stopped.
    Upset {
        /// What Connect has stored of how far it is is deleted.
        Offsets "lose: offsets"
        /// Its slot is dropped.
        Drop "drop: slot"
        /// Its slot is moved to the end of the WAL.
        Advance "advance: slot"
        /// Its slot is dropped and made anew, at the end of the WAL.
        Recreate "recreate: slot"
    }
}

impl Verb {
    /// It takes something away, so that what was under way may be done again.
    pub fn disturbs(self) -> bool {
        matches!(self, Self::Kill | Self::Pause | Self::Stop)
    }
}

impl Target {
    /// It is a process of the stack, which all runs on it share.
    pub fn is_process(self) -> bool {
        !matches!(self, Self::Connector | Self::Statements)
    }

    /// What it does stands before the topics of the source tables.
    pub fn is_before_topics(self) -> bool {
        matches!(self, Self::Postgres | Self::Kafka | Self::Worker | Self::Connector)
    }

    /// Jobs of Flink are lost with it, or lose the broker.
    pub fn restarts_statements(self) -> bool {
        matches!(self, Self::Kafka | Self::Taskmanager | Self::Jobmanager | Self::Statements)
    }
}

impl fmt::Display for Fault {
    /// `kill: worker`; of several connectors with the place in the pipeline's list from 1.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.verb, self.target)?;
        match self.connector {
            Some(nth) => write!(f, " {}", nth.saturating_add(1)),
            None => Ok(()),
        }
    }
}

impl Action {
    /// What the entry does to a part of the pipeline, now or later.
    pub fn fault(&self) -> Option<Fault> {
        match self {
            Self::Fault(fault) | Self::Arm { fault, .. } => Some(*fault),
            Self::Session(_)
            | Self::Await { .. }
            | Self::Upset(_)
            | Self::Hold { .. }
            | Self::Release { .. }
            | Self::Produce(_)
            | Self::Set(_)
            | Self::Permute { .. } => None,
        }
    }
}

/// A condition to wait for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Condition {
    /// The snapshot is over and a barrier came back as a streamed message.
    Streaming,
    /// Every captured change of the sessions so far was read from its topic.
    Captured,
    /// Quiescence is proven through the last hop.
    Processed,
    /// Connect has stored an offset past the snapshot, so that a restart streams on from it.
    Stored,
    /// The slot has confirmed the sessions' last commit.
    Confirmed,
    /// The connector's slot has a consistent point.
    Slot,
    /// A record stands on a topic whose transaction is not committed yet.
    Uncommitted {
        /// The source table or sink; `None`: any.
        place: Option<String>,
    },
    /// Every source of a windowed statement has reached this time, in milliseconds since 1970.
    Watermark(i64),
    /// No record of the key is left on the topic.
    Compacted {
        /// The source table or sink.
        place: String,
        /// The key's values, in the order of the primary key.
        key: String,
    },
    /// The duration set for this option has passed since the entry before.
    Expired {
        /// The option.
        option: String,
        /// The duration in milliseconds.
        after_ms: u64,
    },
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Streaming => f.write_str("streaming"),
            Self::Captured => f.write_str("captured"),
            Self::Processed => f.write_str("processed"),
            Self::Stored => f.write_str("stored"),
            Self::Confirmed => f.write_str("confirmed"),
            Self::Slot => f.write_str("slot"),
            Self::Uncommitted { place: None } => f.write_str("uncommitted"),
            Self::Uncommitted { place: Some(place) } => write!(f, "uncommitted: {place}"),
            Self::Watermark(time) => write!(f, "watermark: {time}"),
            Self::Compacted { place, key } => write!(f, "compacted: {place} {key}"),
            Self::Expired { option, .. } => write!(f, "expired: {option}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_one_connector_is_none_of_another() {
        let all = Fault::of(Verb::Pause, Target::Connector);
        let second = Fault { connector: Some(1), ..all };
        assert!(all.is_of(Target::Connector, 0) && all.is_of(Target::Connector, 1));
        assert!(!second.is_of(Target::Connector, 0) && second.is_of(Target::Connector, 1));
        assert!(!all.is_of(Target::Worker, 0));
        assert_eq!(
            (all.to_string(), second.to_string()),
            ("pause: connector".into(), "pause: connector 2".into())
        );
    }
}
