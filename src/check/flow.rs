//! Which topics the statement of a sink reads, by its own text, and where it stands.
//!
//! What the run saw of its jobs says the same, but only where a proof was reached; a finding at a sink
//! names its statement and its inputs in any case.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::text::Text;
use crate::history::Index;
use crate::history::event::Role;
use crate::scenario::pipeline::Dialect;
use crate::scenario::trial::Trial;
use crate::sql::flink::{self, CreateTable, Insert, Statement};
use crate::sql::token::{Language, significant};

/// The statements of a pipeline, read.
pub(super) struct Flow<'a> {
    trial: &'a Trial,
    tables: BTreeMap<String, Box<CreateTable>>,
    views: BTreeMap<String, Vec<String>>,
    inserts: Vec<(&'a Text, Insert)>,
    /// The sinks by their topics.
    sinks: BTreeMap<&'a str, &'a str>,
    /// The topics that the connector writes, with the source tables or with themselves.
    sources: BTreeMap<&'a str, &'a str>,
}

/// What a statement reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Inputs {
    /// Source topics.
    pub(super) topics: BTreeSet<String>,
    /// Sinks of other statements.
    pub(super) sinks: BTreeSet<String>,
}

impl Inputs {
    /// `cdc.public.a, totals`
    fn named(&self) -> String {
        let all = self.topics.iter().chain(&self.sinks).map(String::as_str);
        all.collect::<Vec<_>>().join(", ")
    }
}

impl<'a> Flow<'a> {
    pub(super) fn of(index: &Index<'a>) -> Self {
        let trial = &index.header.trial;
        let sinks = index.sinks.iter().map(|sink| (sink.topic.as_str(), sink.name.as_str()));
        let sources = index.topics.iter().filter_map(|topic| match &topic.role {
            Role::Source { table } | Role::Outbox { table, .. } => {
                Some((topic.name.as_str(), table.as_str()))
            }
            Role::Messages | Role::Transaction | Role::Application => {
                Some((topic.name.as_str(), topic.name.as_str()))
            }
            Role::Sink { .. } | Role::Barrier => None,
        });
        let mut flow = Self {
            trial,
            tables: BTreeMap::new(),
            views: BTreeMap::new(),
            inserts: Vec::new(),
            sinks: sinks.collect(),
            sources: sources.collect(),
        };
        for text in &trial.pipeline.statements {
            let statement = flink::parse(text);
            flow.inserts.extend(statement.inserts().iter().map(|insert| (text, insert.clone())));
            match statement {
                Statement::CreateTable(table) => {
                    flow.tables.insert(table.name.table().to_owned(), table);
                }
                Statement::CreateView { name, reads } => {
                    let reads = reads.iter().map(|name| name.table().to_owned()).collect();
                    flow.views.insert(name.table().to_owned(), reads);
                }
                _ => {}
            }
        }
        flow
    }

    /// Where the statement stands that writes a sink.
    pub(super) fn place(&self, sink: &str) -> Option<String> {
        let (text, insert) =
            self.inserts.iter().find(|(_, insert)| insert.target.table() == sink)?;
        Some(text.place(insert.target.span.start).to_string())
    }

    /// What the statements of a sink read.
    pub(super) fn inputs(&self, sink: &str) -> Inputs {
        let of_sink = self.inserts.iter().filter(|(_, insert)| insert.target.table() == sink);
        let reads = of_sink.flat_map(|(_, insert)| &insert.reads);
        let mut open: Vec<String> = reads.map(|name| name.table().to_owned()).collect();
        let mut seen = BTreeSet::new();
        let mut found = Inputs::default();
        while let Some(name) = open.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            open.extend(self.views.get(&name).into_iter().flatten().cloned());
            for topic in self.topics(&name) {
                if let Some(other) = self.sinks.get(topic.as_str()).filter(|other| **other != sink)
                {
                    found.sinks.insert((*other).to_owned());
                } else if self.sources.contains_key(topic.as_str()) {
                    found.topics.insert(topic);
                }
            }
        }
        found
    }

    /// The source topics behind a sink, through the statements before it; and those statements'
    /// sinks.
    pub(super) fn behind(&self, sink: &str) -> Inputs {
        let mut all = Inputs::default();
        let mut open = vec![sink.to_owned()];
        let mut seen = BTreeSet::new();
        while let Some(name) = open.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            let Inputs { topics, sinks } = self.inputs(&name);
            all.topics.extend(topics);
            open.extend(sinks.iter().cloned());
            all.sinks.extend(sinks);
        }
        all
    }

    /// The hop into a sink: `cdc.public.a → totals`.
    pub(super) fn hop_into(&self, sink: &str) -> Option<String> {
        let inputs = self.inputs(sink).named();
        (!inputs.is_empty()).then(|| format!("{inputs} → {sink}"))
    }

    /// Whether a statement of the sink names a column.
    pub(super) fn names(&self, sink: &str, column: &str) -> bool {
        let of_sink = self.inserts.iter().filter(|(_, insert)| insert.target.table() == sink);
        let mut texts = of_sink.map(|(text, _)| text.value.as_str());
        texts.any(|text| {
            let tokens = significant(Language::Flink, text);
            tokens.iter().any(|token| token.name().is_some_and(|name| name == column))
        })
    }

    /// Whether a table reads the topic in a format that tells of changes.
    pub(super) fn reads_as_changelog(&self, topic: &str) -> bool {
        let formats = ["debezium", "canal", "maxwell", "ogg"];
        self.tables.iter().any(|(name, table)| {
            let format = table.with.as_ref().and_then(|with| with.get("format"));
            let tells = format.is_some_and(|format| formats.iter().any(|f| format.starts_with(f)));
            tells && self.topics(name).iter().any(|of| of == topic)
        })
    }

    /// The source table of a topic.
    pub(super) fn table(&self, topic: &str) -> Option<&'a str> {
        self.sources.get(topic).copied()
    }

    /// The topics that a table stands on.
    fn topics(&self, name: &str) -> Vec<String> {
        if self.trial.pipeline.dialect == Dialect::Confluent {
            return vec![name.to_owned()];
        }
        let topics = self.option(name, 0).unwrap_or_default();
        let topics = topics.split(';').map(str::trim).filter(|topic| !topic.is_empty());
        topics.map(ToOwned::to_owned).collect()
    }

    fn option(&self, name: &str, depth: usize) -> Option<String> {
        let set = self.trial.settings.tables.get(name).and_then(|options| options.get("topic"));
        let table = self.tables.get(name)?;
        let own = set.map(String::as_str).or_else(|| table.with.as_ref()?.get("topic"));
        own.map(ToOwned::to_owned).or_else(|| {
            let like = table.like.as_ref().filter(|_| depth < self.tables.len())?;
            self.option(like.table(), depth + 1)
        })
    }
}
