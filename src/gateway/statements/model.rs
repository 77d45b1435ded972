//! A statement as the API shows it.

use std::collections::BTreeMap;
use std::sync::Mutex;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::kind::Kind;
use super::offsets::{Progress, written};
use crate::base::text::Text;
use crate::client::clock;
use crate::client::gateway::Session;

/// What a statement is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Pending,
    Running,
    Completed,
    Failed,
    Stopping,
    Stopped,
    Deleting,
}

impl Phase {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Stopping => "STOPPING",
            Self::Stopped => "STOPPED",
            Self::Deleting => "DELETING",
        }
    }

    /// It goes on to no other by itself.
    pub(super) fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Stopped)
    }
}

/// The rows that a statement gives, or where they come from.
#[derive(Debug, Clone)]
pub(super) enum Rows {
    /// None.
    None,
    /// These, all text.
    Fixed(Vec<Vec<Option<String>>>),
    /// Those of an operation in a session of Flink's.
    Of { session: Session, operation: String, kinds: Vec<Value> },
}

/// What of a statement changes.
#[derive(Debug)]
pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) detail: String,
    pub(super) is_stop_asked: bool,
    pub(super) pool: String,
    pub(super) principal: String,
    pub(super) traits: Option<Value>,
    pub(super) rows: Rows,
    pub(super) job: Option<String>,
    /// What was submitted: what makes the tables, and the statement itself.
    pub(super) submitted: Vec<String>,
    /// The topics of its tables.
    pub(super) topics: Vec<String>,
    pub(super) savepoint: Option<String>,
    pub(super) progress: Progress,
    pub(super) updated: Timestamp,
    pub(super) version: u64,
    /// When results were last asked for, in milliseconds since 1970.
    pub(super) read_ms: i64,
}

/// A statement.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) written: String,
    pub(super) text: Text,
    pub(super) kind: Kind,
    pub(super) properties: BTreeMap<String, String>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) created: Timestamp,
    pub(super) state: Mutex<State>,
}

/// Now, to the microsecond.
pub(in crate::gateway) fn now() -> Timestamp {
    Timestamp::try_from(clock::now()).unwrap_or_default()
}

impl Statement {
    /// Changes it. A lock that a panic has left is no reason for another one.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let before = (state.phase, state.is_stop_asked, state.traits.is_some());
        let changed = change(&mut state);
        if before != (state.phase, state.is_stop_asked, state.traits.is_some()) {
            state.version += 1;
            state.updated = now();
        }
        changed
    }

    /// Looks at it.
    pub(super) fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        let state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        look(&state)
    }

    /// As the API shows it. `place` are the ids of organization and environment, and the address of
    /// its resource.
    pub(super) fn json(&self, (organization, environment, address): (&str, &str, &str)) -> Value {
        self.look(|state| {
            let mut status = Map::new();
            status.insert("phase".to_owned(), json!(state.phase.word()));
            status.insert("detail".to_owned(), json!(state.detail));
            status.insert("network_kind".to_owned(), json!("PUBLIC"));
            if let Some(traits) = &state.traits {
                status.insert("traits".to_owned(), traits.clone());
            }
            if let Some((at, offsets)) = state.progress.told() {
                status.insert("latest_offsets".to_owned(), json!(written(offsets)));
                status.insert("latest_offsets_timestamp".to_owned(), json!(at.to_string()));
            }
            json!({
                "api_version": "sql/v1",
                "kind": "Statement",
                "name": self.name,
                "organization_id": organization,
                "environment_id": environment,
                "metadata": {
                    "self": address,
                    "uid": self.uid,
                    "created_at": self.created.to_string(),
                    "updated_at": state.updated.to_string(),
                    "resource_version": state.version.to_string(),
                    "labels": self.labels,
                },
                "spec": {
                    "statement": self.written,
                    "properties": self.properties,
                    "compute_pool_id": state.pool,
                    "principal": state.principal,
                    "stopped": state.is_stop_asked,
                },
                "status": status,
            })
        })
    }

    /// Only what it would be is asked for.
    pub(super) fn is_dry_run(&self) -> bool {
        self.properties.get("sql.dry-run").is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Whether a selector of labels takes it: `key=value`, `key!=value`, `key`, `!key`, all of several
    /// separated by commas.
    pub(super) fn is_selected(&self, selector: &str) -> bool {
        let get = |key: &str| self.labels.get(key.trim()).map(String::as_str);
        selector.split(',').map(str::trim).filter(|one| !one.is_empty()).all(|one| {
            if let Some((key, value)) = one.split_once("!=") {
                return get(key) != Some(value.trim());
            }
            match (one.split_once('='), one.strip_prefix('!')) {
                (Some((key, value)), _) => get(key) == Some(value.trim_start_matches('=').trim()),
                (None, Some(key)) => get(key).is_none(),
                (None, None) => get(one).is_some(),
            }
        })
    }
}
