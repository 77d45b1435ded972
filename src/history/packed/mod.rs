//! The packed history (`history.cph`): the same events as the JSON Lines, in compressed blocks.
//!
//! ```text
//! magic, 8 bytes
//! header    length (4), sum (8), JSON: the format's version and the header of the history
//! block     stored length (4), length (4), events (4), sum (8), LZ4
//! …
//! end       0 (4), 0 (4), 0 (4), sum (8), events of the whole file (8)
//! ```
//!
//! Numbers are little-endian. Every sum is XXH3 over its frame, seeded with the sum before it; so a
//! flipped bit, a block that is missing, repeated or moved, and a file that was cut off are found at
//! the block where it happened. It guards against accidents, not against forgery.
//!
//! Records and messages of the journal are kept as their bytes; every other event is rare, and stays
//! the JSON that it is in JSON Lines.

mod bytes;
mod frame;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub(super) use bytes::Cursor;
pub(super) use reader::header;
pub use reader::{PackedReader, unpacked};
pub use writer::PackedWriter;

use serde::{Deserialize, Serialize};

use super::event::Version;

/// The version of this format, apart from that of the events in it.
pub const PACKED: Version = Version { major: 1, minor: 1 };

/// What the file opens with. The line ends in it tell a file that was copied as text.
pub const MAGIC: &[u8; 8] = b"CPH\r\n\x1a\n\x01";

/// The first frame.
#[derive(Debug, Serialize, Deserialize)]
struct Head<H> {
    packed: Version,
    header: H,
}

/// What an event of a block opens with.
mod tag {
    pub(super) const JSON: u8 = 0;
    pub(super) const WAL: u8 = 1;
    pub(super) const RECORD: u8 = 2;
    /// The name of a topic; topics are numbered from 0 in the order of these.
    pub(super) const TOPIC: u8 = 3;
    /// When the events from here on were seen, as the difference to the time before.
    pub(super) const TIME: u8 = 4;
    /// Of the events from here on nobody knows when they were seen.
    pub(super) const TIMELESS: u8 = 5;
}
