//! A table of the catalogue as open-source DDL.

use super::avro;
use super::captured::{Captured, Shape, ticked};
use super::envelope;
use super::numbers;
use super::options::{Meaning, Mode, ValueFormat, meaning};
use super::refusal::Refusal;
use super::table::{Base, Table, without};
use crate::base::text::{Span, Text};
use crate::scenario::settings::Options;
use crate::sql::edit::{Edit, splice, with_options};
use crate::sql::flink::ColumnKind;
use crate::sql::table::{Column, Part, Parts, parts};
use crate::sql::token::{Language, significant};

/// The record's timestamp as a column.
pub(super) const ROWTIME: &str = "`$rowtime` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL";
/// Confluent's default watermark.
pub(super) const ROWTIME_WATERMARK: &str =
    "WATERMARK FOR `$rowtime` AS `$rowtime` - INTERVAL '0.180' SECOND";

/// A table as open-source DDL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form {
    /// `CREATE TABLE`, and a `CREATE VIEW` over it where one is needed.
    pub statements: Vec<Text>,
    /// What takes it away again, in order.
    pub drops: Vec<String>,
    /// Its WATERMARK clause.
    pub watermark: Option<String>,
    /// How its topic is made.
    pub topic: TopicPlan,
    pub notes: Vec<String>,
}

/// What a table's DDL says of its topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicPlan {
    /// Partitions, if the DDL says so.
    pub partitions: Option<u32>,
    /// Options of the topic.
    pub options: Options,
}

/// What is read of a table's Confluent text before it is emitted.
pub(super) struct Read<'a> {
    pub text: Text,
    pub parts: Parts,
    pub meaning: Meaning,
    /// A statement reads `$rowtime` of it.
    pub needs_rowtime: bool,
    pub captured: Option<&'a Captured>,
}

impl Read<'_> {
    pub(super) fn columns(&self) -> impl Iterator<Item = &Column> {
        let items = self.parts.list.iter().flat_map(|list| &list.items);
        items.filter_map(|item| match &item.part {
            Part::Column(column) => Some(column),
            Part::Watermark(_) | Part::PrimaryKey(_) | Part::Other => None,
        })
    }

    pub(super) fn primary_key(&self) -> Vec<String> {
        primary_key(&self.parts)
    }

    /// The WATERMARK clause as written, with the bytes where it stands.
    pub(super) fn watermark(&self) -> Option<(String, Span)> {
        let items = self.parts.list.iter().flat_map(|list| &list.items);
        let item = items.into_iter().find(|item| matches!(item.part, Part::Watermark(_)))?;
        Some((self.words(item.span).to_owned(), item.span))
    }

    pub(super) fn words(&self, span: Span) -> &str {
        self.text.value.get(span.start..span.end).unwrap_or("")
    }

    /// The WATERMARK clause for open-source Flink: the author's own, or the default one where
    /// `$rowtime` is used.
    pub(super) fn open_watermark(&self) -> Option<String> {
        match self.watermark() {
            Some((words, _)) if is_source_watermark(&words) => Some(ROWTIME_WATERMARK.to_owned()),
            Some((words, _)) => Some(ticked_rowtime(&words)),
            None => self.needs_rowtime.then(|| ROWTIME_WATERMARK.to_owned()),
        }
    }

    /// Whether the column `$rowtime` must be declared.
    pub(super) fn declares_rowtime(&self) -> bool {
        let watermark = self.open_watermark().unwrap_or_default();
        let in_columns = self.columns().any(|column| {
            column.kind == ColumnKind::Computed
                && self.words(column.definition).contains("$rowtime")
        });
        self.needs_rowtime || in_columns || watermark.contains("$rowtime")
    }
}

fn primary_key(parts: &Parts) -> Vec<String> {
    let mut key = Vec::new();
    for item in parts.list.iter().flat_map(|list| &list.items) {
        match &item.part {
            Part::PrimaryKey(columns) => key.clone_from(columns),
            Part::Column(column) if column.primary_key.is_some() => {
                key = vec![column.name.clone()];
            }
            Part::Column(_) | Part::Watermark(_) | Part::Other => {}
        }
    }
    key
}

fn is_source_watermark(words: &str) -> bool {
    significant(Language::Flink, words).iter().any(|token| token.is("SOURCE_WATERMARK"))
}

/// `words` with a bare `$rowtime` in backticks.
pub(super) fn ticked_rowtime(words: &str) -> String {
    let text = Text::whole("".into(), words.to_owned());
    let bare = significant(Language::Flink, words).into_iter().filter(|t| t.is("$rowtime"));
    let edits: Vec<_> = bare.map(|token| Edit::new(token.span, "`$rowtime`")).collect();
    splice(&text, &edits).value
}

/// The open-source form of a table. Generated text stands at `cause`, the statement that needs it.
pub(super) fn form(table: &Table, needs_rowtime: bool, cause: &Text) -> Result<Form, Refusal> {
    let text = table.text()?;
    let Some(parts) = parts(&text) else {
        return Err(Refusal::new(
            "this CREATE TABLE cannot be read",
            "write CREATE TABLE name (…) WITH (…)",
        ));
    };
    if parts.tail.is_some_and(|tail| !tail.is_query) {
        return Err(Refusal::new(
            "CREATE TABLE … LIKE copies options that stand for a topic of its own",
            "write the columns out",
        ));
    }
    let options = parts.with.iter().flat_map(|with| &with.options);
    let options: Options = options.map(|o| (o.key.clone(), o.value.clone())).collect();
    let captured = match &table.base {
        Base::Inferred(captured) => Some(captured),
        Base::Written(_) => None,
    };
    let meaning = meaning(&options, !primary_key(&parts).is_empty(), table.avro)?;
    let read = Read { text, parts, meaning, needs_rowtime, captured };
    check(&read)?;
    let mut form = match (captured, read.meaning.value, read.meaning.mode) {
        (Some(captured), ValueFormat::Debezium, Mode::Append | Mode::Upsert) => {
            envelope::form(&read, captured, cause)?
        }
        _ => direct(&read, cause)?,
    };
    let is_over_envelope = form.statements.len() > 1;
    if let Some(captured) = captured.filter(|captured| captured.has_counted())
        && !is_over_envelope
        && read.meaning.value != ValueFormat::Raw
    {
        let is_decoded = captured.is_flat || read.meaning.value == ValueFormat::Debezium;
        let shape = if is_decoded { Shape::Decoded } else { Shape::Envelope };
        form = numbers::form(form, captured, shape, cause);
    }
    topic_plan(&read, &mut form);
    Ok(form)
}

/// What cannot be translated whatever the form is.
fn check(read: &Read<'_>) -> Result<(), Refusal> {
    let Meaning { mode, value, .. } = read.meaning;
    if mode == Mode::Retract && value != ValueFormat::Debezium {
        return Err(Refusal::new(
            "changelog.mode=retract writes the row's kind into a header, which no open-source format \
             does",
            "give the table a PRIMARY KEY and changelog.mode=upsert, or append",
        ));
    }
    if value == ValueFormat::Debezium && read.captured.is_none() {
        return Err(Refusal::new(
            "json-debezium-registry is a format of the connector's topics, not of tables that \
             statements write",
            "write json-registry",
        ));
    }
    for column in read.columns() {
        if let Some(key @ ("raw-key" | "raw-value")) = column.metadata.as_deref() {
            return Err(Refusal::new(
                format!("the metadata `{key}` does not exist in open-source Flink"),
                "read the topic with value.format=raw",
            )
            .at(column.definition));
        }
    }
    let key = read.primary_key();
    if let Some(distribution) = &read.parts.distribution {
        let unlike =
            mode == Mode::Upsert && !distribution.columns.is_empty() && distribution.columns != key;
        if unlike {
            return Err(Refusal::new(
                "an upsert table is partitioned by its primary key",
                "name the columns of the primary key after DISTRIBUTED BY, in its order",
            ));
        }
        if distribution.way.as_deref().is_some_and(|way| way != "HASH") {
            return Err(Refusal::new(
                "a topic is distributed by the hash of the key",
                "write DISTRIBUTED BY HASH(…)",
            ));
        }
    }
    Ok(())
}

/// The columns of the record's key.
fn key_columns(read: &Read<'_>) -> Vec<String> {
    let key = read.primary_key();
    let distributed = read.parts.distribution.iter().flat_map(|d| d.columns.clone());
    match read.captured {
        Some(captured) if read.meaning.value == ValueFormat::Registry => captured.key.clone(),
        Some(_) if read.meaning.value == ValueFormat::Debezium => Vec::new(),
        _ if key.is_empty() => distributed.collect(),
        _ => key,
    }
}

/// The options of the open-source table.
pub(super) fn options(read: &Read<'_>, value: &str, key: &[String]) -> Vec<(String, String)> {
    let meaning = &read.meaning;
    let owned = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let upsert = meaning.mode == Mode::Upsert;
    let topic = read.parts.name.table();
    let mut options = vec![
        owned("connector", if upsert { "upsert-kafka" } else { "kafka" }),
        owned("topic", topic),
        // The address is the stack's.
        owned("properties.bootstrap.servers", "kafka"),
    ];
    if !key.is_empty() {
        options.push(owned("key.format", meaning.key));
        if !upsert {
            options.push(owned("key.fields", &key.join(";")));
        }
        let include = if meaning.includes_key { "ALL" } else { "EXCEPT_KEY" };
        options.push(owned("value.fields-include", include));
    }
    options.push(owned("value.format", value));
    for (name, set) in &meaning.passed {
        match name.as_str() {
            "ignore-parse-errors" => options.push((format!("value.{value}.{name}"), set.clone())),
            "key.fields-prefix" if key.is_empty() => {}
            _ => options.push((name.clone(), set.clone())),
        }
    }
    options
}

/// The table itself, its text edited.
fn direct(read: &Read<'_>, cause: &Text) -> Result<Form, Refusal> {
    let (value, mut notes) = match read.meaning.value {
        ValueFormat::Registry => (read.meaning.registry(), Vec::new()),
        ValueFormat::Debezium => {
            let format = if read.meaning.avro { avro::DEBEZIUM_FORMAT } else { "debezium-json" };
            let note = format!(
                "retract over Debezium's envelope is {format}: an update needs its old row, so the \
                 source table needs REPLICA IDENTITY FULL"
            );
            (format, vec![note])
        }
        ValueFormat::Raw => ("raw", Vec::new()),
    };
    let key = key_columns(read);
    if read.meaning.key == "raw" && key.len() > 1 {
        return Err(Refusal::new("key.format=raw holds one column", "write json-registry"));
    }
    let mut text = splice(&read.text, &edits(read, &mut notes));
    let own_key = !read.primary_key().is_empty();
    if own_key && read.meaning.mode == Mode::Append {
        notes.push("the primary key is left out: an append table holds every record".to_owned());
        text = without(&text, |part| matches!(part, Part::PrimaryKey(_))).unwrap_or(text);
    }
    let set = options(read, value, &key);
    let out = read.meaning.taken_out.iter().filter(|k| !set.iter().any(|(own, _)| own == *k));
    let out: Vec<_> = out.map(|key| (key.as_str(), None)).collect();
    text = with_options(&text, set.iter().map(|(key, value)| (key.as_str(), Some(value.as_str()))));
    text = with_options(&text, out);
    if read.meaning.avro {
        text = avro::with_times(&text);
    }
    if read.captured.is_some() {
        text = generated(text.value, cause);
    }
    let name = read.parts.name.table();
    Ok(Form {
        statements: vec![text],
        drops: vec![format!("DROP TABLE {}", ticked(name))],
        watermark: read.open_watermark(),
        topic: TopicPlan::default(),
        notes,
    })
}

fn edits(read: &Read<'_>, notes: &mut Vec<String>) -> Vec<Edit> {
    let mut edits = Vec::new();
    edits.extend(read.parts.if_not_exists.map(|span| Edit::new(span, "")));
    let name = &read.parts.name;
    if name.parts.len() > 1 {
        notes.push("catalog and database are left out: one session holds all tables".to_owned());
        edits.push(Edit::new(name.span, ticked(name.table())));
    }
    if read.parts.list.is_none() && read.declares_rowtime() {
        let at = Span::new(name.span.end, name.span.end);
        edits.push(Edit::new(at, format!(" (\n  {ROWTIME},\n  {ROWTIME_WATERMARK}\n)")));
    }
    if let Some(list) = &read.parts.list {
        if read.declares_rowtime() {
            notes.push(
                "`$rowtime` is the record's timestamp, declared because it is used".to_owned(),
            );
            let at = Span::new(list.open.end, list.open.end);
            edits.push(Edit::new(at, format!("\n  {ROWTIME},")));
        }
        for column in read.columns() {
            let inline = column.primary_key.filter(|_| read.meaning.mode == Mode::Append);
            edits.extend(inline.map(|span| Edit::new(span, "")));
        }
        match (read.watermark(), read.open_watermark()) {
            (Some((words, span)), Some(open)) if words != open => {
                watermark_note(&open, notes);
                edits.push(Edit::new(span, open));
            }
            (None, Some(open)) => {
                watermark_note(&open, notes);
                let last = list.items.last().map_or(list.open.end, |item| item.span.end);
                edits.push(Edit::new(Span::new(last, last), format!(",\n  {open}")));
            }
            (Some(_) | None, _) => {}
        }
    }
    if let Some(distribution) = &read.parts.distribution {
        let before = read.text.value.get(..distribution.span.start).unwrap_or("");
        let start = before.trim_end().len();
        edits.push(Edit::new(Span::new(start, distribution.span.end), ""));
    }
    edits.sort_by_key(|edit| edit.span);
    edits
}

fn watermark_note(open: &str, notes: &mut Vec<String>) {
    if open == ROWTIME_WATERMARK {
        notes
            .push("Confluent's default watermark is the record's timestamp less 180 ms".to_owned());
    }
}

/// Partitions and options of the table's topic.
fn topic_plan(read: &Read<'_>, form: &mut Form) {
    form.notes.splice(0..0, read.meaning.notes.clone());
    form.topic.options.clone_from(&read.meaning.topic);
    form.topic.partitions = read.parts.distribution.as_ref().and_then(|d| d.buckets);
    match (form.topic.partitions, read.captured) {
        (Some(1), _) => form.notes.push("INTO 1 BUCKETS is a topic of 1 partition".to_owned()),
        (Some(n), _) => form.notes.push(format!("INTO {n} BUCKETS is a topic of {n} partitions")),
        (None, None) => form.notes.push(
            "no buckets are written: the setting `partitions` says how many (Confluent: 6)"
                .to_owned(),
        ),
        (None, Some(_)) => {}
    }
    if read.meaning.mode == Mode::Upsert && read.captured.is_none() {
        let policy = form.topic.options.entry("cleanup.policy".to_owned());
        policy.or_insert_with(|| "compact".to_owned());
    }
}

/// Text that nobody wrote, at the place of the statement that needs it.
pub(super) fn generated(value: String, cause: &Text) -> Text {
    let place = cause.place(0);
    let mut text = Text::whole(cause.file.clone(), value);
    let offset = cause.in_file(Span::new(0, 0)).start;
    for anchor in &mut text.anchors {
        anchor.offset = offset;
        anchor.line = place.line;
        anchor.column = place.column;
    }
    text
}
