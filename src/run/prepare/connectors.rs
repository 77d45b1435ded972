//! The connectors of a run, in the pipeline's order. Each captures tables of its own.

use super::connector::Connector;
use crate::base::difference::Difference;
use crate::history::event::{Table, Topic};
use crate::quiesce;
use crate::run::names::Names;

/// One connector at least.
#[derive(Debug, Clone)]
pub(in crate::run) struct Connectors {
    first: Connector,
    further: Vec<Connector>,
}

impl Connectors {
    /// `None` where there is none at all.
    pub(in crate::run) fn of(all: Vec<Connector>) -> Option<Self> {
        let mut all = all.into_iter();
        Some(Self { first: all.next()?, further: all.collect() })
    }

    /// All of them.
    pub(in crate::run) fn all(&self) -> impl Iterator<Item = &Connector> {
        std::iter::once(&self.first).chain(&self.further)
    }

    /// The same, to be changed.
    pub(in crate::run) fn all_mut(&mut self) -> impl Iterator<Item = &mut Connector> {
        std::iter::once(&mut self.first).chain(&mut self.further)
    }

    /// The one of this name; the first where no name is told.
    pub(in crate::run) fn named(&self, name: Option<&str>) -> &Connector {
        self.all().find(|one| one.name.as_deref() == name).unwrap_or(&self.first)
    }

    /// The one that captures a table.
    pub(in crate::run) fn of_table(&self, table: &Table) -> &Connector {
        self.named(table.connector.as_deref())
    }

    /// The one that writes a topic, if a connector does.
    pub(in crate::run) fn of_topic(&self, topic: &Topic) -> Option<&Connector> {
        topic.role.is_connectors().then(|| self.named(topic.connector.as_deref()))
    }

    /// All that differs from their files.
    pub(in crate::run) fn differences(&self) -> Vec<Difference> {
        self.all().flat_map(|one| one.differences.clone()).collect()
    }

    /// Their names and slots, for a proof.
    pub(in crate::run) fn proven(&self, names: &Names) -> Vec<quiesce::Connector> {
        self.all().map(|one| one.proven(names)).collect()
    }
}
