//! The connectors of a run: each has rules of its own for its topics, a snapshot and a stream of its
//! own. Nothing is promised of the order between the topics of two.

use super::case::Case;
use crate::base::position::Lsn;
use crate::history::event::Table;
use crate::model::feed::{Rules, Window};
use crate::scenario::settings::Options;
use crate::scenario::timeline::{Fault, Target};

/// How the topics of one connector are read.
#[derive(Debug, Clone)]
pub(super) struct Feed<'a> {
    /// What it is called among several.
    pub(super) name: Option<&'a str>,
    /// Its effective configuration, as it was first.
    pub(super) config: &'a Options,
    /// What its topics may hold; `None` where that has no model.
    pub(super) rules: Option<Rules>,
    /// Which of the later configurations leave out other records than before.
    pub(super) turns: Vec<usize>,
    /// Where its snapshot ends and its stream begins.
    pub(super) point: Option<Lsn>,
    /// The windows of the chunks that its incremental snapshots read.
    pub(super) windows: Vec<Window>,
}

impl<'a> Feed<'a> {
    pub(super) fn new(name: Option<&'a str>, config: &'a Options) -> Self {
        let (turns, windows) = (Vec::new(), Vec::new());
        Self { name, config, rules: None, turns, point: None, windows }
    }

    /// Its slot, as Postgres has it.
    pub(super) fn slot(&self) -> Option<&'a str> {
        self.config.get("slot.name").map(String::as_str)
    }
}

impl<'a> Case<'a> {
    /// The place of the connector that captures a table; of a single one whatever it captures, and of
    /// several the first where none does.
    pub(super) fn feed_place(&self, table: usize) -> usize {
        let name = self.index.tables.get(table).and_then(|table| table.connector.as_deref());
        self.feeds.iter().position(|feed| feed.name == name).unwrap_or(0)
    }

    /// The connector that captures a table.
    pub(super) fn feed_of(&self, table: usize) -> Option<&Feed<'a>> {
        self.feeds.get(self.feed_place(table))
    }

    /// What the topic of a table may hold.
    pub(super) fn rules_of(&self, table: usize) -> Option<&Rules> {
        self.feed_of(table)?.rules.as_ref()
    }

    /// Where the snapshot of a table ends and its stream begins.
    pub(super) fn point_of(&self, table: usize) -> Option<Lsn> {
        self.feed_of(table)?.point
    }

    /// The connector that writes a topic, by its name; `None` where there is only one.
    pub(super) fn connector_of(&self, topic: &str) -> Option<&'a str> {
        let topic = self.index.topics.iter().find(|known| known.name == topic)?;
        topic.connector.as_deref()
    }

    /// The source tables as one of the connectors captures them.
    pub(super) fn tables_of(&self, nth: usize) -> Vec<Table> {
        let tables = self.index.tables.iter().enumerate();
        let own = tables.map(|(place, table)| {
            let captured = table.captured && self.feed_place(place) == nth;
            Table { captured, ..table.clone() }
        });
        own.collect()
    }

    /// Whether something that was done to the pipeline was done to this connector, or to what all
    /// connectors stand on; `None`: to any.
    pub(super) fn touches(&self, fault: Fault, connector: Option<&str>) -> bool {
        if !fault.verb.disturbs() || !fault.target.is_before_topics() {
            return false;
        }
        let (Some(nth), Some(connector)) = (fault.connector, connector) else { return true };
        let file = self.index.header.trial.pipeline.connectors.get(nth);
        let is_own = file.is_some_and(|file| file.name.as_deref() == Some(connector));
        fault.target != Target::Connector || is_own
    }
}
