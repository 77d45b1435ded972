//! The pipeline keeps running and moving: what the run itself saw go wrong.

use super::case::Case;
use super::found::{Draft, Found};
use crate::base::anomaly::Anomaly;

pub(super) const FINDS: &[Anomaly] = &[
    Anomaly::Stalled,
    Anomaly::ConnectorFailed,
    Anomaly::StatementFailed,
    Anomaly::StatementRejected,
    Anomaly::SlotRetained,
];

/// How many lines of a cause are told.
const DETAIL: usize = 4;

pub(super) fn check(case: &Case<'_>, found: &mut Found) {
    for trouble in &case.index.troubles {
        let at = trouble.at.map_or_else(String::new, |at| format!(" ({at})"));
        let detail = trouble.detail.iter().take(DETAIL).map(|line| format!("; {}", line.trim()));
        let detail = detail.collect::<String>();
        found.add(Draft {
            anomaly: trouble.finding,
            place: trouble.place,
            key: None,
            key_columns: &[],
            sentence: format!("{}{at}{detail}", trouble.sentence),
            record: None,
            position: None,
            first_hop: None,
            difference: Vec::new(),
        });
    }
}
