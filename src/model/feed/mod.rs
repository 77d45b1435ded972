//! The life of a key: what a source topic may legally hold, for the connector's effective
//! configuration, and how a recorded topic aligns with it.
//!
//! The identity of a streamed record is (xid, LSN, nth with that LSN); of a snapshot's row it is
//! its key. Nothing else of a captured record is trusted to say what the record should be.

mod align;
mod expected;
mod rules;
mod table;

pub use align::{Alignment, Logged, Match, Order};
pub use expected::{Before, Expected, Part, Snapshot, expected};
pub use rules::Rules;
pub use table::{Columns, NotOfType};
