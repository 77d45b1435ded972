//! The public names of everything a run can find. Names are stable: scenarios demand and allow
//! them, reports and tools print them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The families a finding belongs to; a report lists the families that were not judged.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Every committed change arrives, nothing else does.
    Completeness,
    /// Changes of one key arrive in commit order, on one partition.
    Order,
    /// Nothing arrives more often than the hop's contract allows.
    Duplicates,
    /// Every image equals what Postgres held.
    Values,
    /// Deletes arrive, and what was deleted stays away.
    Deletes,
    /// Key changes split rightly; transactions stay whole.
    Transactions,
    /// The row kinds of a changelog fit together.
    Changelog,
    /// The sink agrees with its reference.
    Sink,
    /// Every fired window agrees with the reference at a cut at which it may have fired.
    Windows,
    /// Nothing is dropped in silence.
    SilentDrops,
    /// The pipeline keeps running and moving.
    Progress,
    /// Facts that never fail by themselves.
    Witness,
}

macro_rules! findings {
    ($($variant:ident $name:literal $family:ident $summary:literal;)+) => {
        /// Everything a run can find: the anomalies, and the witnesses (facts that can be demanded
        /// but never fail by themselves).
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize,
            schemars::JsonSchema,
        )]
        pub enum Anomaly {
            $(#[doc = $summary] #[serde(rename = $name)] $variant,)+
        }

        impl Anomaly {
            /// All of them, by family.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The public name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The family.
            pub fn family(self) -> Family {
                match self { $(Self::$variant => Family::$family,)+ }
            }

            /// What it means, in one sentence.
            pub fn summary(self) -> &'static str {
                match self { $(Self::$variant => $summary,)+ }
            }
        }
    };
}

findings! {
    LostChange "lost-change" Completeness "A committed change never arrived at this hop.";
    PhantomChange "phantom-change" Completeness "A record arrived that no committed change explains.";
    AbortedChange "aborted-change" Completeness "A record of a transaction arrived that was rolled back.";
    SnapshotGap "snapshot-gap" Completeness "A change committed between the snapshot and the first streamed change is missing.";
    HistoryTruncated "history-truncated" Completeness "Records were removed from the topic before they could be read.";
    ReorderedKey "reordered-key" Order "The changes of one key arrived in another order than they were committed.";
    StaleOverwrite "stale-overwrite" Order "An older value of a row stands where a newer one should.";
    MovedKey "moved-key" Order "The records of one key stand on more than one partition.";
    RespelledKey "respelled-key" Order "The key of one row is written in more than one way.";
    DuplicateChange "duplicate-change" Duplicates "A change arrived more often than the hop's delivery contract allows.";
    SnapshotOverlap "snapshot-overlap" Duplicates "A change arrived both in the snapshot and as a streamed change.";
    WrongValue "wrong-value" Values "A column of an image differs from what Postgres held.";
    WrongBefore "wrong-before" Values "A column of a before-image differs from what Postgres held.";
    FabricatedBefore "fabricated-before" Values "A before-image shows a value that the WAL never carried.";
    NullBecameDefault "null-became-default" Values "A NULL arrived as the column's default.";
    ToastPlaceholder "toast-placeholder" Values "The placeholder of an unchanged TOAST value stands where the value should.";
    KeyValueMismatch "key-value-mismatch" Values "The key of a record names another row than its value.";
    SchemaDrift "schema-drift" Values "The columns of an image differ from the columns of the table.";
    LostDelete "lost-delete" Deletes "A committed delete never arrived at this hop.";
    MissingTombstone "missing-tombstone" Deletes "A delete arrived without the tombstone that should follow it.";
    ResurrectedRow "resurrected-row" Deletes "A row came back at this hop after its delete had been seen there.";
    GhostRow "ghost-row" Deletes "A row is in the sink at the end and not in the reference.";
    SplitKeyChange "split-key-change" Transactions "A primary-key change did not arrive as delete, tombstone and create.";
    TornTransaction "torn-transaction" Transactions "The transaction metadata disagree with the transaction.";
    LostRetraction "lost-retraction" Changelog "A changelog replaced a row without retracting it.";
    OrphanRetraction "orphan-retraction" Changelog "A changelog retracted a row that was not there.";
    DoubleInsert "double-insert" Changelog "A changelog inserted a row that was there.";
    DivergedSink "diverged-sink" Sink "The sink differs from its reference at the end.";
    ImpossibleOutput "impossible-output" Sink "The sink passed through a state that no allowed cut of its input explains.";
    WindowMissing "window-missing" Windows "A closed window never fired.";
    WindowRepeated "window-repeated" Windows "A window fired more than once.";
    WindowWrongValue "window-wrong-value" Windows "A window fired with a value that no allowed cut explains.";
    WindowGhost "window-ghost" Windows "A window fired that the reference does not know.";
    LateDropped "late-dropped" Windows "More rows were dropped as late than were late.";
    WindowEarly "window-early" Windows "A window fired before its end could have been reached.";
    RecordSkipped "record-skipped" SilentDrops "A record was read and left out without an error.";
    TruncateUnseen "truncate-unseen" SilentDrops "A TRUNCATE left rows behind at this hop.";
    CaptureDrift "capture-drift" SilentDrops "The publication, replica identity or table list changed during the run.";
    Stalled "stalled" Progress "The pipeline stopped moving before the condition held.";
    ConnectorFailed "connector-failed" Progress "The connector or its task failed, or gave up what it was asked for.";
    StatementFailed "statement-failed" Progress "A running statement failed.";
    StatementRejected "statement-rejected" Progress "A statement was refused at submission.";
    SlotRetained "slot-retained" Progress "The slot did not confirm what was committed.";
    SharedSlot "shared-slot" Progress "Two readers share one replication slot.";
    Replay "replay" Witness "Records were delivered again after a restart.";
    LateChange "late-change" Witness "A change reached a window after the window had fired.";
    UnchangedToast "unchanged-toast" Witness "An update left out an unchanged TOAST value.";
    MidSnapshot "mid-snapshot" Witness "A transaction committed between the slot's consistent point and the end of the snapshot.";
    LsnInversion "lsn-inversion" Witness "The order of commits differs from the order of the changes' own LSNs.";
}

impl Anomaly {
    /// Witnesses never fail a run.
    pub fn is_witness(self) -> bool {
        self.family() == Family::Witness
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The word names no finding.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no finding")]
pub struct UnknownAnomaly(pub String);

impl FromStr for Anomaly {
    type Err = UnknownAnomaly;

    fn from_str(name: &str) -> Result<Self, UnknownAnomaly> {
        let found = Self::ALL.iter().copied().find(|anomaly| anomaly.name() == name);
        found.ok_or_else(|| UnknownAnomaly(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for anomaly in Anomaly::ALL {
            assert_eq!(anomaly.name().parse(), Ok(*anomaly));
        }
        assert!("lost-chnage".parse::<Anomaly>().is_err());
    }
}
