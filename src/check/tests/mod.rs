//! An illegal history beside a nearly illegal legal one, for every anomaly.

mod changelog;
mod changes;
mod connectors;
mod demands;
mod ends;
mod files;
mod grades;
mod happened;
mod held;
mod internal;
mod keys;
mod lifelines;
mod lives;
mod meant;
mod metadata;
mod once;
mod outbox;
mod point;
mod produced;
mod restarts;
mod rows;
mod scene;
mod settled;
mod shapes;
mod shots;
mod silent;
mod sinks;
mod skipped;
mod snapshot;
mod snapshots;
mod statements;
mod summary;
mod told;
mod unread;
mod unwrapped;
mod values;
mod windows;
mod windows_again;
mod windows_fed;
mod windows_unsaid;

use super::CHECKERS;
use crate::base::anomaly::Anomaly;

#[test]
fn every_finding_is_looked_for() {
    let looked_for = |anomaly: &&Anomaly| CHECKERS.iter().any(|c| c.finds.contains(anomaly));
    let lacking = Anomaly::ALL.iter().filter(|anomaly| !looked_for(anomaly)).collect::<Vec<_>>();
    assert!(lacking.is_empty(), "{lacking:?}");
}
