//! A trial laid out for the rules: its source tables, what the statements read and write, and where
//! warnings go.

use camino::Utf8PathBuf;

use super::Rule;
use super::captures::Capture;
use super::writes::{Write, writes};
use crate::base::diagnostic::Diagnostic;
use crate::base::text::{Place, Span, Text};
use crate::model::creation::Creation;
use crate::model::lists::of_table;
use crate::model::routes::Routes;
use crate::scenario::settings::{Options, ReplicaIdentity};
use crate::scenario::timeline::Action;
use crate::scenario::trial::Trial;
use crate::sql::flink::{self, CreateTable, Name, Statement};
use crate::sql::postgres::SourceTable;
use crate::sql::schema::Schema;
use crate::sql::split;
use crate::sql::token::{Language, significant};

/// A trial laid out.
pub(super) struct Case<'a> {
    pub(super) trial: &'a Trial,
    /// The options of each connector; there is one at least.
    pub(super) connectors: Vec<Options>,
    /// The statements of the source DDL.
    pub(super) ddl: Vec<Text>,
    pub(super) sources: Vec<SourceTable>,
    /// The same, as the records of their topics show them.
    pub(super) captures: Vec<Capture>,
    /// Replica identities that the source DDL sets, by table.
    identities: Vec<(String, ReplicaIdentity)>,
    /// The pipeline's statements, parsed.
    pub(super) statements: Vec<(&'a Text, Statement)>,
    /// What the timeline writes, by entry.
    pub(super) writes: Vec<(usize, Write<'a>)>,
}

impl<'a> Case<'a> {
    pub(super) fn of(trial: &'a Trial) -> Self {
        let ddl =
            trial.pipeline.source.iter().flat_map(|text| split::postgres(text).unwrap_or_default());
        let ddl: Vec<Text> = ddl.collect();
        let later: Vec<&Text> = trial.setup.iter().collect();
        let later: Vec<&Text> = later
            .into_iter()
            .chain(trial.timeline.iter().flat_map(|e| session(&e.action)))
            .collect();
        let statements = trial.pipeline.statements.iter();
        let entries = trial.timeline.iter().enumerate();
        let writes = entries.flat_map(|(n, entry)| {
            let writes = session(&entry.action).iter().flat_map(writes);
            writes.map(move |write| (n, write))
        });
        let connectors = trial.connectors();
        Self {
            trial,
            sources: Schema::of(&ddl).sources().collect(),
            captures: Capture::all(&ddl, &later, &connectors),
            connectors,
            identities: ddl.iter().filter_map(identity).collect(),
            statements: statements.map(|text| (text, flink::parse(text))).collect(),
            writes: writes.collect(),
            ddl,
        }
    }

    pub(super) fn source(&self, name: &str) -> Option<&SourceTable> {
        self.sources.iter().find(|table| table.name == name)
    }

    /// The replica identity of a source table in this cell.
    pub(super) fn identity(&self, table: &str) -> ReplicaIdentity {
        let set = self.trial.settings.replica_identity.as_ref().and_then(|set| set.at(table));
        let written = self.identities.iter().rev().find(|(name, _)| name == table);
        set.or(written.map(|(_, identity)| *identity)).unwrap_or(ReplicaIdentity::Default)
    }

    pub(super) fn partitions(&self, place: &str) -> u32 {
        let set = self.trial.settings.partitions.as_ref().and_then(|set| set.at(place));
        set.or_else(|| self.created(place)).unwrap_or(1)
    }

    /// The partitions of a source table's topic by the connector's options.
    fn created(&self, table: &str) -> Option<u32> {
        let source = self.source(table)?;
        let options = self.options_of(&source.schema, table)?;
        let topic = Routes::of(options).ok()?.table("public", table);
        Creation::of(options).ok()??.of_topic(&topic).partitions
    }

    /// The options of the connector that captures a table.
    pub(super) fn options_of(&self, schema: &str, table: &str) -> Option<&Options> {
        self.connectors.get(of_table(&self.connectors, schema, table)?)
    }

    /// Whether a finding is demanded at any of these places.
    pub(super) fn is_control(&self, places: &[&str]) -> bool {
        let shown = |place: &str| places.contains(&place);
        self.trial.expect.must_show.iter().any(|demand| shown(&demand.place))
    }

    pub(super) fn tables(&self) -> impl Iterator<Item = (&'a Text, &CreateTable)> {
        self.statements.iter().filter_map(|(text, statement)| match statement {
            Statement::CreateTable(table) => Some((*text, &**table)),
            _ => None,
        })
    }

    /// The source table whose topic alone this Flink table reads.
    pub(super) fn capture_of(&self, table: &CreateTable) -> Option<&Capture> {
        let topic = self.topic_of(table)?;
        self.captures.iter().find(|capture| capture.topic.as_ref() == Some(&topic))
    }

    /// The topic that a table names, its settings counted.
    pub(super) fn topic_of(&self, table: &CreateTable) -> Option<String> {
        let set = self.trial.settings.tables.get(table.name.table());
        let set = set.and_then(|options| options.get("topic")).map(String::as_str);
        let topic = set.or_else(|| table.with.as_ref()?.get("topic"));
        topic.map(|topic| topic.trim().to_owned())
    }

    /// The source table whose topic this Flink table reads.
    pub(super) fn source_of(&self, table: &CreateTable) -> Option<&SourceTable> {
        let topic = table.with.as_ref()?.get("topic")?;
        self.sources
            .iter()
            .find(|source| topic.ends_with(&format!(".{}.{}", source.schema, source.name)))
    }

    fn create(&self, name: &Name) -> Option<&CreateTable> {
        self.table(name).map(|(_, table)| table)
    }

    /// The Flink table of a name.
    pub(super) fn table(&self, name: &Name) -> Option<(&'a Text, &CreateTable)> {
        self.tables().find(|(_, table)| table.name.table() == name.table())
    }

    /// All of Postgres' SQL: the source DDL, the set-up, and what sessions run.
    pub(super) fn texts(&self) -> impl Iterator<Item = &Text> {
        let later = self.trial.timeline.iter().flat_map(|entry| session(&entry.action));
        self.ddl.iter().chain(&self.trial.setup).chain(later)
    }

    /// The tables that `names` stand for, views and tables in between seen through.
    pub(super) fn origins(&self, names: &[Name]) -> Vec<&CreateTable> {
        self.tables_behind(names, true)
    }

    /// The tables that `names` stand for, views alone seen through.
    pub(super) fn reads(&self, names: &[Name]) -> Vec<&CreateTable> {
        self.tables_behind(names, false)
    }

    fn tables_behind(&self, names: &[Name], is_deep: bool) -> Vec<&CreateTable> {
        let mut open: Vec<Name> = names.to_vec();
        let mut seen: Vec<String> = Vec::new();
        let mut found = Vec::new();
        while let Some(name) = open.pop() {
            if seen.iter().any(|seen| seen == name.table()) {
                continue;
            }
            seen.push(name.table().to_owned());
            found.extend(self.create(&name));
            for (_, statement) in &self.statements {
                if let Statement::CreateView { name: view, reads } = statement
                    && view.table() == name.table()
                {
                    open.extend(reads.iter().cloned());
                }
                let writes = statement.inserts().iter();
                let writes =
                    writes.filter(|insert| is_deep && insert.target.table() == name.table());
                open.extend(writes.flat_map(|insert| insert.reads.clone()));
            }
        }
        found
    }

    /// The source tables from which the rows of a sink come.
    pub(super) fn sources_of_sink(&self, sink: &str) -> Vec<&SourceTable> {
        let inserts = self.statements.iter().flat_map(|(_, statement)| statement.inserts());
        let reads = inserts.filter(|insert| insert.target.table() == sink);
        let reads: Vec<Name> = reads.flat_map(|insert| insert.reads.clone()).collect();
        let mut found: Vec<&SourceTable> = Vec::new();
        for table in self.origins(&reads) {
            if let Some(source) = self.source_of(table)
                && !found.contains(&source)
            {
                found.push(source);
            }
        }
        found
    }

    /// The sinks whose rows come from a source table.
    pub(super) fn sinks_of_source(&self, source: &str) -> Vec<&str> {
        let sinks = self.trial.pipeline.sinks.keys().map(String::as_str);
        let reads =
            |sink: &&str| self.sources_of_sink(sink).iter().any(|table| table.name == source);
        sinks.filter(reads).collect()
    }

    /// The sinks whose rows come from a Flink table.
    pub(super) fn sinks_over(&self, table: &str) -> Vec<&str> {
        let sinks = self.trial.pipeline.sinks.keys().map(String::as_str);
        let reads = |sink: &&str| {
            let inserts = self.statements.iter().flat_map(|(_, statement)| statement.inserts());
            let of_sink = inserts.filter(|insert| insert.target.table() == *sink);
            let names: Vec<Name> = of_sink.flat_map(|insert| insert.reads.clone()).collect();
            self.origins(&names).iter().any(|origin| origin.name.table() == table)
        };
        sinks.filter(reads).collect()
    }

    /// Whether the statement that writes a sink uses any of these words.
    pub(super) fn sink_uses(&self, sink: &str, words: &[&str]) -> bool {
        self.statements.iter().any(|(text, statement)| {
            let inserts = statement.inserts().iter();
            inserts.filter(|insert| insert.target.table() == sink).any(|insert| {
                let sql = text.value.get(insert.span.start..insert.span.end).unwrap_or("");
                let tokens = significant(Language::Flink, sql);
                tokens.iter().any(|token| words.iter().any(|word| token.is(word)))
            })
        })
    }
}

/// What an entry runs in its session.
pub(super) fn session(action: &Action) -> &[Text] {
    if let Action::Session(session) = action { &session.statements } else { &[] }
}

/// `ALTER TABLE t REPLICA IDENTITY …`.
fn identity(statement: &Text) -> Option<(String, ReplicaIdentity)> {
    let tokens = significant(Language::Postgres, &statement.value);
    if !(tokens.first()?.is("ALTER") && tokens.get(1)?.is("TABLE")) {
        return None;
    }
    let at = tokens.iter().position(|token| token.is("REPLICA"))?;
    let name = tokens.get(at.checked_sub(1)?)?.name()?;
    let word = tokens.get(at + 2)?;
    let identity = match word.text.to_ascii_uppercase().as_str() {
        "FULL" => ReplicaIdentity::Full,
        "NOTHING" => ReplicaIdentity::Nothing,
        "USING" => ReplicaIdentity::Index,
        _ => ReplicaIdentity::Default,
    };
    Some((name, identity))
}

/// Reading a Flink table gives changes with their old rows, or rows by key.
pub(super) fn is_changelog(table: &CreateTable) -> bool {
    let Some(with) = &table.with else { return false };
    let is_debezium =
        |key| with.get(key).is_some_and(|format: &str| format.starts_with("debezium"));
    with.get("connector") == Some("upsert-kafka")
        || is_debezium("format")
        || is_debezium("value.format")
}

/// Where the warnings of one rule go.
pub(super) struct Found<'a> {
    pub(super) rule: &'a Rule,
    pub(super) sources: &'a [(Utf8PathBuf, String)],
    pub(super) warnings: &'a mut Vec<Diagnostic>,
}

impl Found<'_> {
    /// A warning at a part of a text.
    pub(super) fn at(&mut self, text: &Text, span: Span, message: String) {
        self.warn(text.place(span.start), text.in_file(span), message);
    }

    /// A warning at the first place in the files where a key stands before its value; at the head of
    /// the scenario if it stands nowhere.
    pub(super) fn at_key(&mut self, key: &str, message: String) {
        let at = |(path, text): &(Utf8PathBuf, String)| {
            let before_value = |start: usize| {
                let rest = text.get(start + key.len()..).unwrap_or("");
                rest.trim_start_matches(['"', '\'']).trim_start().starts_with(':')
            };
            let mut starts = text.match_indices(key).map(|(start, _)| start);
            let start = starts.find(|start| before_value(*start))?;
            let whole = Text::whole(path.clone(), text.clone());
            let span = Span::new(start, start + key.len());
            Some((whole.place(start), whole.in_file(span)))
        };
        let head = || {
            let path = self.sources.first().map(|(path, _)| path.clone()).unwrap_or_default();
            (Place { file: path, line: 1, column: 1 }, Span::default())
        };
        let (place, span) = self.sources.iter().find_map(at).unwrap_or_else(head);
        self.warn(place, span, message);
    }

    /// A warning at a place of which only the beginning is known: its word is underlined.
    pub(super) fn at_place(&mut self, place: &Place, message: String) {
        let source = self.sources.iter().find(|(path, _)| *path == place.file);
        let text = source.map_or("", |(_, text)| text.as_str());
        let line: usize =
            text.split_inclusive('\n').take(place.line.saturating_sub(1)).map(str::len).sum();
        let rest = text.get(line..).unwrap_or("");
        let before: usize =
            rest.chars().take(place.column.saturating_sub(1)).map(char::len_utf8).sum();
        let word = rest.get(before..).unwrap_or("");
        let length = word.find(char::is_whitespace).unwrap_or(word.len());
        let start = line + before;
        self.warn(place.clone(), Span::new(start, start + length), message);
    }

    fn warn(&mut self, place: Place, span: Span, message: String) {
        self.warnings.push(Diagnostic {
            code: self.rule.code.to_owned(),
            severity: self.rule.severity(),
            message,
            place,
            span,
            label: String::new(),
            earlier: None,
            help: Some(self.rule.fix.to_owned()),
        });
    }
}
