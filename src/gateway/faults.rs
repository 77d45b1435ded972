//! Faults on the wire, each so often, on all paths or on some: what a client of the cloud must bear.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::{Value, json};

/// When in the life of a request a fault is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Instead of carrying the request out.
    Instead,
    /// On the answer, once the request was carried out.
    Answer,
    /// In what a statement says of itself.
    Statement,
    /// In a part of results.
    Results,
    /// In what a connector says of itself.
    Connector,
}

/// A kind of fault: its name, when it is seen, and what it is.
pub(super) type Kind = (&'static str, Stage, &'static str);

/// All kinds.
pub(super) const KINDS: &[Kind] = &[
    ("429", Stage::Instead, "429 with `Retry-After: 1`"),
    ("429-bare", Stage::Instead, "429 without `Retry-After` and without a body"),
    (
        "401",
        Stage::Instead,
        "401 in the shape of the API, as while a new key is not known everywhere",
    ),
    ("401-html", Stage::Instead, "401 with a page of HTML"),
    ("403", Stage::Instead, "403"),
    ("409", Stage::Instead, "409"),
    ("500", Stage::Instead, "500"),
    ("502", Stage::Instead, "502 with a page of HTML"),
    ("503", Stage::Instead, "503"),
    ("504", Stage::Instead, "504 without a body"),
    ("reset", Stage::Instead, "the connection ends without an answer; nothing was carried out"),
    ("empty-page", Stage::Instead, "a part of results without rows, whose `next` is itself"),
    ("slow", Stage::Answer, "the answer comes after 3 s"),
    ("reset-after", Stage::Answer, "the connection ends without an answer; it was carried out"),
    ("500-after", Stage::Answer, "500, and it was carried out"),
    ("504-after", Stage::Answer, "504 without a body, and it was carried out"),
    ("torn", Stage::Answer, "half of the body, then the connection ends"),
    ("content-type", Stage::Answer, "JSON that is called `text/html`"),
    ("empty-body", Stage::Answer, "the status without a body"),
    ("html", Stage::Answer, "status 200 with a page of HTML"),
    ("error-200", Stage::Answer, "status 200 with a body that tells an error"),
    ("unknown-field", Stage::Answer, "a field that no document has"),
    ("pending", Stage::Statement, "PENDING, whatever the statement does"),
    ("degraded", Stage::Statement, "DEGRADED instead of RUNNING"),
    ("failing", Stage::Statement, "FAILING instead of RUNNING"),
    ("unknown-phase", Stage::Statement, "a phase that no document has"),
    ("no-traits", Stage::Statement, "no `traits`"),
    ("no-offsets", Stage::Statement, "no `latest_offsets`"),
    ("zero-time", Stage::Statement, "`latest_offsets_timestamp` is year 1"),
    (
        "offsets-ahead",
        Stage::Statement,
        "`latest_offsets` of what was read, delivered or not: output comes after the claim",
    ),
    ("next-empty", Stage::Results, "the last part has an empty `next`"),
    ("provisioning", Stage::Connector, "PROVISIONING without tasks"),
    ("connector-degraded", Stage::Connector, "DEGRADED"),
    ("connector-failed", Stage::Connector, "FAILED with a trace"),
    ("no-tasks", Stage::Connector, "RUNNING without tasks"),
];

/// A fault that is to be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    name: &'static str,
    stage: Stage,
    /// How often yet; `None` without an end.
    left: Option<u32>,
    /// On paths that hold this.
    path: String,
}

impl FromStr for Fault {
    type Err = String;

    /// `KIND[:n][@PART]`: n times (once; `*` always), on paths that hold PART.
    fn from_str(text: &str) -> Result<Self, String> {
        let (text, path) = text.split_once('@').unwrap_or((text, ""));
        let (name, count) = text.split_once(':').unwrap_or((text, "1"));
        let known = KINDS.iter().find(|(known, ..)| *known == name).ok_or_else(|| {
            let all: Vec<&str> = KINDS.iter().map(|(name, ..)| *name).collect();
            format!("`{name}` is no fault; there are {}", all.join(", "))
        })?;
        let left = match count {
            "*" => None,
            count => Some(count.parse::<u32>().map_err(|_| {
                format!("`{count}` is no number of times: write KIND:n, or KIND:* for always")
            })?),
        };
        Ok(Self { name: known.0, stage: known.1, left, path: path.to_owned() })
    }
}

/// Those that are to be seen yet.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    fn all(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, fault: Fault) {
        self.all().push(fault);
    }

    pub(super) fn clear(&self) {
        self.all().clear();
    }

    /// As they would be asked for.
    pub(super) fn shown(&self) -> Vec<String> {
        let one = |fault: &Fault| {
            let count = fault.left.map_or_else(|| "*".to_owned(), |left| left.to_string());
            format!("{}:{count}@{}", fault.name, fault.path)
        };
        self.all().iter().map(one).collect()
    }

    /// The next fault of a stage on a path, once less to be seen then.
    pub(super) fn take(&self, stage: Stage, path: &str) -> Option<&'static str> {
        let mut all = self.all();
        // A part of results that has no rows is one of results alone.
        let fits = |fault: &Fault| {
            fault.stage == stage
                && path.contains(&fault.path)
                && (fault.name != "empty-page" || path.ends_with("/results"))
        };
        let at = all.iter().position(fits)?;
        let fault = all.get_mut(at)?;
        let name = fault.name;
        if let Some(left) = &mut fault.left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                all.remove(at);
            }
        }
        Some(name)
    }

    /// Changes what a statement says of itself; `ahead` gives what it has read.
    pub(super) fn change_statement(
        &self,
        statement: &mut Value,
        ahead: impl FnOnce() -> Option<(Timestamp, BTreeMap<String, String>)>,
    ) {
        let path = statement.pointer("/metadata/self").and_then(Value::as_str).unwrap_or_default();
        let Some(fault) = self.take(Stage::Statement, path) else { return };
        let Some(status) = statement.get_mut("status").and_then(Value::as_object_mut) else {
            return;
        };
        let runs = status.get("phase").is_some_and(|phase| phase == "RUNNING");
        let mut phase = |phase: &str| status.insert("phase".to_owned(), json!(phase));
        match fault {
            "pending" => drop(phase("PENDING")),
            "unknown-phase" => drop(phase("RECONCILING")),
            "degraded" if runs => drop(phase("DEGRADED")),
            "failing" if runs => drop(phase("FAILING")),
            "no-traits" => drop(status.remove("traits")),
            "no-offsets" => {
                status.remove("latest_offsets");
                status.remove("latest_offsets_timestamp");
            }
            "zero-time" => {
                let zero = json!("0001-01-01T00:00:00Z");
                status.insert("latest_offsets_timestamp".to_owned(), zero);
            }
            "offsets-ahead" => {
                if let Some((at, offsets)) = ahead() {
                    status.insert("latest_offsets".to_owned(), json!(offsets));
                    let at = json!(at.to_string());
                    status.insert("latest_offsets_timestamp".to_owned(), at);
                }
            }
            _ => {}
        }
    }

    /// Changes a part of results.
    pub(super) fn change_results(&self, part: &mut Value) {
        let path = part.pointer("/metadata/self").and_then(Value::as_str).unwrap_or_default();
        let has_next = part.pointer("/metadata/next").is_some();
        if has_next || self.take(Stage::Results, path).is_none() {
            return;
        }
        if let Some(metadata) = part.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("next".to_owned(), json!(""));
        }
    }

    /// Changes the status of a connector.
    pub(super) fn change_connector(&self, status: &mut Value, path: &str) {
        let Some(fault) = self.take(Stage::Connector, path) else { return };
        let state = match fault {
            "provisioning" => "PROVISIONING",
            "connector-degraded" => "DEGRADED",
            "connector-failed" => "FAILED",
            _ => "RUNNING",
        };
        if let Some(connector) = status.get_mut("connector").and_then(Value::as_object_mut) {
            connector.insert("state".to_owned(), json!(state));
            let trace = if fault == "connector-failed" { "made to fail" } else { "" };
            connector.insert("trace".to_owned(), json!(trace));
        }
        if matches!(fault, "provisioning" | "no-tasks")
            && let Some(status) = status.as_object_mut()
        {
            status.insert("tasks".to_owned(), json!([]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_seen_so_often_and_on_its_paths() {
        let faults = Faults::default();
        faults.add("503:2@/sql/".parse().unwrap());
        assert_eq!(faults.take(Stage::Instead, "/connect/v1"), None);
        assert_eq!(faults.take(Stage::Answer, "/sql/v1"), None);
        assert_eq!(faults.take(Stage::Instead, "/sql/v1"), Some("503"));
        assert_eq!(faults.shown(), ["503:1@/sql/"]);
        assert_eq!(faults.take(Stage::Instead, "/sql/v1"), Some("503"));
        assert_eq!(faults.take(Stage::Instead, "/sql/v1"), None);
        faults.add("slow:*".parse().unwrap());
        for _ in 0..3 {
            assert_eq!(faults.take(Stage::Answer, "/x"), Some("slow"));
        }
    }

    #[test]
    fn what_is_no_fault_is_told() {
        assert!("5O3".parse::<Fault>().unwrap_err().contains("503"));
        assert!("503:often".parse::<Fault>().unwrap_err().contains("often"));
    }

    #[test]
    fn a_statement_says_what_the_fault_has_it_say() {
        let with = |name: &str| {
            let faults = Faults::default();
            faults.add(name.parse().unwrap());
            let mut statement = json!({"metadata": {"self": "/sql/"}, "status": {
                "phase": "RUNNING", "traits": {}, "latest_offsets": {"t": "partition:0,offset:1"}}});
            let ahead = BTreeMap::from([("t".to_owned(), "partition:0,offset:9".to_owned())]);
            faults.change_statement(&mut statement, || Some((Timestamp::UNIX_EPOCH, ahead)));
            statement["status"].clone()
        };
        assert_eq!(with("pending")["phase"], "PENDING");
        assert_eq!(with("degraded")["phase"], "DEGRADED");
        assert!(with("no-traits").get("traits").is_none());
        assert!(with("no-offsets").get("latest_offsets").is_none());
        assert_eq!(with("offsets-ahead")["latest_offsets"]["t"], "partition:0,offset:9");
    }

    #[test]
    fn the_page_tells_every_fault() {
        let page = include_str!("../../docs/gateway.md");
        let row = |(name, _, what): &Kind| format!("| `{name}` | {what} |");
        let missing: Vec<_> = KINDS.iter().map(row).filter(|row| !page.contains(row)).collect();
        assert!(missing.is_empty(), "docs/gateway.md has not: {missing:?}");
    }

    #[test]
    fn names_of_faults_are_different() {
        let names: std::collections::BTreeSet<_> = KINDS.iter().map(|(name, ..)| name).collect();
        assert_eq!(names.len(), KINDS.len());
    }
}
