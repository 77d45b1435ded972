//! Who writes to a topic, by what it is there for.

use super::event::Role;

impl Role {
    /// Statements write there, not the connector.
    pub fn is_sink(&self) -> bool {
        matches!(self, Self::Sink { .. })
    }

    /// The connector writes there, whatever it is.
    pub fn is_connectors(&self) -> bool {
        !matches!(self, Self::Sink { .. } | Self::Application)
    }

    /// The connector writes what it captured there.
    pub fn is_captured(&self) -> bool {
        match self {
            Self::Source { .. } | Self::Outbox { .. } => true,
            Self::Barrier
            | Self::Messages
            | Self::Transaction
            | Self::Application
            | Self::Sink { .. } => false,
        }
    }
}
