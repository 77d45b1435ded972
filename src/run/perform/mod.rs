//! The timeline over a pipeline that runs: entries, conditions, faults, changes on the way, and the
//! evidence of what has come of them.

mod armed;
mod changes;
mod claims;
mod conditions;
mod entries;
mod evaluate;
mod held;
mod learn;
mod live;
mod produce;
mod recovery;
mod upset;

pub(super) use entries::perform;
