//! A record of a topic as it is read.

use super::shape::Odd;
use crate::base::position::Lsn;
use crate::codec::debezium::{Body, Message, Told};
use crate::history::event::Record;
use crate::model::key::Key;

/// A record of the topic, read.
#[derive(Debug, Clone)]
pub struct Logged<'a> {
    /// The record as it was recorded.
    pub record: &'a Record,
    /// What it says.
    pub message: Message<'a>,
    /// The key it says, if it has one that can be read.
    pub key: Option<Key>,
    /// What a row without its envelope says of the record that it was made of.
    pub told: Told,
    /// Fields that do not hold what transforms put there.
    pub odd: Vec<Odd>,
}

/// Where a record says that it stands in the WAL.
pub fn lsn(message: &Message<'_>) -> Option<Lsn> {
    match &message.body {
        Body::Envelope(envelope) => envelope.source.lsn,
        Body::Tombstone => None,
    }
}
