//! The places of a pipeline and, as far as its texts show them, their columns and keys.

use std::collections::{BTreeMap, BTreeSet};

use super::Reader;
use super::application::Declared;
use crate::base::text::Text;
use crate::scenario::code::Code;
use crate::scenario::diagnose::At;
use crate::scenario::words::suggestion;
use crate::sql::flink::{self, CreateTable, Insert, Name, Statement};
use crate::sql::postgres::SourceTable;
use crate::sql::schema::Schema;

/// What is known of a pipeline's tables.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    sources: Vec<SourceTable>,
    /// Each sink with its `CREATE TABLE`s: several where a cell swaps the statement.
    sinks: BTreeMap<String, Vec<CreateTable>>,
    /// Topics that an application writes.
    pub topics: BTreeMap<String, Declared>,
    /// What several connectors are called, in the pipeline's order; nothing where there is one.
    pub connectors: Vec<String>,
    /// Sinks whose rows are windows.
    pub windowed: BTreeSet<String>,
    /// Nothing is known of places, because a part of the pipeline has errors.
    pub is_partial: bool,
}

/// A place that a name stands for.
pub(super) enum Place<'a> {
    Source(&'a SourceTable),
    Sink(&'a [CreateTable]),
    Topic(&'a Declared),
    Connector,
}

/// Which places are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Among {
    Sources,
    Sinks,
    Tables,
    All,
}

impl Catalogue {
    /// The tables of the source DDL.
    pub(super) fn of_source(statements: &[Text]) -> Self {
        let sources = Schema::of(statements).sources().collect();
        Self { sources, ..Self::default() }
    }

    /// Of a pipeline that could not be read.
    pub(super) fn unknown() -> Self {
        Self { is_partial: true, ..Self::default() }
    }

    pub(super) fn has_sources(&self) -> bool {
        !self.sources.is_empty()
    }

    pub(super) fn add_sink(&mut self, sink: &str) {
        self.sinks.entry(sink.to_owned()).or_default();
    }

    /// Adds the sinks' `CREATE TABLE`s among these statements.
    pub(super) fn add_tables(&mut self, statements: &[Text]) {
        for statement in statements {
            let Statement::CreateTable(table) = flink::parse(statement) else { continue };
            for (sink, tables) in &mut self.sinks {
                if is_named(&table.name, sink) && !tables.contains(&table) {
                    tables.push((*table).clone());
                }
            }
        }
    }

    /// The source table that a name or `schema.name` stands for.
    pub(super) fn source(&self, place: &str) -> Option<&SourceTable> {
        let full = |table: &&SourceTable| format!("{}.{}", table.schema, table.name) == place;
        self.sources.iter().find(full).or_else(|| {
            let mut named = self.sources.iter().filter(|table| table.name == place);
            named.next().filter(|_| named.next().is_none())
        })
    }

    /// What a name stands for; a sink comes before a source table of the same name.
    pub(super) fn place(&self, name: &str) -> Option<Place<'_>> {
        if name == "connector" {
            return Some(Place::Connector);
        }
        if let Some(tables) = self.sinks.get(name) {
            return Some(Place::Sink(tables));
        }
        let source = self.source(name).map(Place::Source);
        source.or_else(|| self.topics.get(name).map(Place::Topic))
    }

    fn names(&self, among: Among) -> Vec<&str> {
        let sources = self.sources.iter().map(|table| table.name.as_str());
        let sinks = self.sinks.keys().map(String::as_str);
        let (with_sources, with_sinks) = match among {
            Among::Sources => (true, false),
            Among::Sinks => (false, true),
            Among::Tables | Among::All => (true, true),
        };
        let mut names: Vec<&str> = Vec::new();
        names.extend(sources.filter(|_| with_sources));
        names.extend(sinks.filter(|_| with_sinks));
        names.extend(self.topics.keys().map(String::as_str).filter(|_| with_sources && with_sinks));
        names.extend((among == Among::All).then_some("connector"));
        names
    }
}

/// Whether a sink's key in `sinks` stands for this table.
pub(super) fn is_named(table: &Name, sink: &str) -> bool {
    table.table() == sink
}

/// The INSERTs of these statements, each with its statement.
pub(super) fn inserts(statements: &[Text]) -> Vec<(&Text, Insert)> {
    let parsed = statements.iter().map(|statement| (statement, flink::parse(statement)));
    parsed
        .flat_map(|(text, parsed)| {
            let inserts = parsed.inserts().to_vec();
            inserts.into_iter().map(move |insert| (text, insert))
        })
        .collect()
}

impl Reader<'_> {
    /// Says so if `name` is none of the places meant.
    pub(super) fn known_place<'c>(
        &mut self,
        name: &str,
        at: &At,
        among: Among,
        catalogue: &'c Catalogue,
    ) -> Option<Place<'c>> {
        let found = catalogue.place(name);
        let found = match (among, found) {
            (Among::Sources, Some(Place::Sink(_))) => catalogue.source(name).map(Place::Source),
            (Among::Sources | Among::Sinks | Among::Tables, Some(Place::Connector))
            | (Among::Sinks, Some(Place::Source(_)))
            | (Among::Sources | Among::Sinks, Some(Place::Topic(_))) => None,
            (_, found) => found,
        };
        if found.is_none() && !catalogue.is_partial {
            let what = match among {
                Among::Sources => "no source table",
                Among::Sinks => "no sink",
                Among::Tables => "neither a source table nor a sink",
                Among::All => "neither a source table, nor a sink, nor `connector`",
            };
            let help = suggestion(name, catalogue.names(among).iter().copied());
            let message = format!("`{name}` is {what} of this pipeline");
            self.error(Code::UnknownPlace, at, message).help(help);
        }
        found
    }

    /// A source table; says so if there is no such table.
    pub(super) fn known_source<'c>(
        &mut self,
        table: &str,
        at: &At,
        catalogue: &'c Catalogue,
    ) -> Option<&'c SourceTable> {
        match self.known_place(table, at, Among::Sources, catalogue)? {
            Place::Source(table) => Some(table),
            Place::Sink(_) | Place::Topic(_) | Place::Connector => None,
        }
    }
}
