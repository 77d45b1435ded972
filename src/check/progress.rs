//! The pipeline keeps running and moving: what the run itself saw go wrong.

use super::case::Case;
use super::found::{Draft, Found};
use super::verdict::Difference;
use crate::base::anomaly::Anomaly;

pub(super) const FINDS: &[Anomaly] = &[
    Anomaly::Stalled,
    Anomaly::ConnectorFailed,
    Anomaly::StatementFailed,
    Anomaly::StatementRejected,
    Anomaly::SlotRetained,
];

pub(super) fn check(case: &Case<'_>, found: &mut Found) {
    for trouble in &case.index.troubles {
        let at = trouble.at.map_or_else(String::new, |at| format!(" ({at})"));
        let detail = trouble.detail.iter().map(|line| Difference {
            column: None,
            expected: None,
            captured: Some(line.clone()),
        });
        found.add(Draft {
            anomaly: trouble.finding,
            place: trouble.place,
            key: None,
            key_columns: &[],
            sentence: format!("{}{at}", trouble.sentence),
            record: None,
            position: None,
            first_hop: None,
            difference: detail.collect(),
        });
    }
}
