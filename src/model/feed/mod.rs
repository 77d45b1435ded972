//! The life of a key: what a source topic may legally hold, for the connector's effective
//! configuration, and how a recorded topic aligns with it.
//!
//! The identity of a streamed record is (xid, LSN, nth with that LSN); of a snapshot's row it is
//! its key. Nothing else of a captured record is trusted to say what the record should be, but where
//! a transform has left neither of them: there it is its place in the life of its key.
//!
//! Source: each file names its own.

mod align;
mod expected;
mod logged;
mod message_key;
mod rules;
pub mod shape;
mod signals;
mod snapshots;
mod table;
mod unwrap;

pub use align::{Alignment, Match, Order};
pub use expected::{Before, Expected, Owed, Part, expected, key_changed};
pub use logged::{Logged, lsn};
pub use rules::{Rules, publishes_roots};
pub use signals::{Asked, Signals, Window};
pub use snapshots::{Shot, Snapshots};
pub use table::{Columns, NotOfType};
pub use unwrap::{Deletes, Unwrapped, identify};
