//! What happens: the entries of a timeline.

use serde::{Deserialize, Serialize};

use crate::base::text::{Place, Text};

/// One line of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Where it stands.
    pub place: Place,
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
    /// The limit in milliseconds for the whole entry.
    pub within_ms: u64,
}

/// A condition to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Condition {
    /// The snapshot is over and a barrier came back as a streamed message.
    Streaming,
    /// Every captured change of the sessions so far was read from its topic.
    Captured,
    /// Quiescence is proven through the last hop.
    Processed,
}
