//! Positions in the write-ahead log and in topics.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A position in the write-ahead log of Postgres, in bytes from its beginning; printed as Postgres
/// prints it (`16/B374D848`).
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct Lsn(pub u64);

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xffff_ffff)
    }
}

/// The text is not `HEX/HEX`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a WAL position (expected two hexadecimal numbers, as in `16/B374D848`)")]
pub struct LsnError(pub String);

impl FromStr for Lsn {
    type Err = LsnError;

    fn from_str(text: &str) -> Result<Self, LsnError> {
        let error = || LsnError(text.to_owned());
        let (high, low) = text.split_once('/').ok_or_else(error)?;
        let part = |digits: &str| u32::from_str_radix(digits, 16).map_err(|_| error());
        Ok(Self(u64::from(part(high)?) << 32 | u64::from(part(low)?)))
    }
}

/// The low 32 bits of a transaction id, as pgoutput and Debezium's `source.txId` carry it.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct Xid(pub u32);

impl fmt::Display for Xid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a change stands in commit order: the LSN of its commit record, then its place in the
/// transaction (counted from 0 over all row changes and truncates).
///
/// The LSN of the change itself is no order: transactions are written side by side, and one WAL
/// record can hold several changes.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
pub struct Position {
    /// The position of the commit record (pgoutput Begin: "final LSN of the transaction").
    pub commit: Lsn,
    /// The change's place in its transaction, from 0.
    pub index: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.commit, self.index)
    }
}

/// One record of a topic.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct RecordPosition {
    /// The topic's logical name, as production has it.
    pub topic: String,
    /// The partition, from 0.
    pub partition: i32,
    /// The offset in the partition. Offsets may have gaps (transaction markers).
    pub offset: i64,
    /// Of a row of a file: the file, below the folder that stands for the topic; its number stands
    /// for the partition, and that of the row for the offset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

impl fmt::Display for RecordPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => {
                write!(f, "{}/{file} row {}", self.topic.trim_end_matches('/'), self.offset)
            }
            None => write!(f, "{}[{}]@{}", self.topic, self.partition, self.offset),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_lsn_reads_what_it_prints() {
        let lsn = Lsn(0x16_B374_D848);
        assert_eq!(lsn.to_string(), "16/B374D848");
        assert_eq!(lsn.to_string().parse(), Ok(lsn));
        assert_eq!("16".parse::<Lsn>(), Err(LsnError("16".to_owned())));
    }
}
