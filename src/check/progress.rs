//! The pipeline keeps running and moving: what the run itself saw go wrong.

use super::case::Case;
use super::found::{Draft, Found};
use crate::base::anomaly::Anomaly;
use crate::history::index::Trouble;

pub(super) const FINDS: &[Anomaly] = &[
    Anomaly::Stalled,
    Anomaly::ConnectorFailed,
    Anomaly::StatementFailed,
    Anomaly::StatementRejected,
    Anomaly::SlotRetained,
    Anomaly::SharedSlot,
];

/// A connector that finds its slot taken has no failure of its own.
fn name(trouble: &Trouble<'_>) -> Anomaly {
    let says = |text: &str| text.contains("replication slot") && text.contains("is active for PID");
    let of_connector = matches!(trouble.finding, Anomaly::ConnectorFailed | Anomaly::Stalled);
    let told = says(trouble.sentence) || trouble.detail.iter().any(|line| says(line));
    if of_connector && told { Anomaly::SharedSlot } else { trouble.finding }
}

pub(super) fn check(case: &Case<'_>, found: &mut Found) {
    for trouble in &case.index.troubles {
        found.add(Draft {
            anomaly: name(trouble),
            place: trouble.place,
            key: None,
            key_columns: &[],
            sentence: sentence(trouble),
            record: None,
            position: None,
            first_hop: None,
            difference: Vec::new(),
        });
    }
}

/// The author's line first, then what the component says: each of its lines once.
fn sentence(trouble: &Trouble<'_>) -> String {
    let at = trouble.at.map_or_else(String::new, |at| format!("{at}: "));
    let mut lines = vec![format!("{at}{}", trouble.sentence)];
    for line in trouble.detail.iter().map(|line| line.trim()) {
        if !lines.iter().any(|known| known.contains(line)) {
            lines.push(line.to_owned());
        }
    }
    lines.join("\n")
}
