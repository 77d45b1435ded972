//! The file of Confluent's managed connector as options of Debezium on Connect.

use super::avro;
use super::refusal::Refusal;
use crate::base::diagnostic::Diagnostic;
use crate::base::draft::Draft;
use crate::base::text::{Span, Text};
use crate::scenario::settings::Options;

/// The managed connector's class.
const CLASS: &str = "PostgresCdcSourceV2";

/// Debezium's own options that the managed connector takes too: exact names, and prefixes that end
/// in a dot.
const DEBEZIUM: &[&str] = &[
    "binary.handling.mode",
    "column.exclude.list",
    "column.include.list",
    "database.",
    "decimal.handling.mode",
    "event.processing.failure.handling.mode",
    "field.name.adjustment.mode",
    "heartbeat.action.query",
    "heartbeat.interval.ms",
    "hstore.handling.mode",
    "incremental.snapshot.",
    "interval.handling.mode",
    "lsn.flush.mode",
    "max.batch.size",
    "max.queue.size",
    "message.key.columns",
    "message.prefix.",
    "money.fraction.digits",
    "plugin.name",
    "poll.interval.ms",
    "predicates",
    "predicates.",
    "provide.transaction.metadata",
    "publication.autocreate.mode",
    "publication.name",
    "read.only",
    "schema.exclude.list",
    "schema.include.list",
    "schema.name.adjustment.mode",
    "signal.",
    "skip.messages.without.change",
    "skipped.operations",
    "slot.",
    "snapshot.",
    "table.exclude.list",
    "table.include.list",
    "tasks.max",
    "time.precision.mode",
    "tombstones.on.delete",
    "topic.heartbeat.prefix",
    "topic.prefix",
    "topic.transaction",
    "transforms",
    "transforms.",
    "unavailable.value.placeholder",
    "value.converter.decimal.format",
];

/// Options of the managed connector that name something of the cloud.
const CLOUD: &[(&str, &str)] = &[
    ("name", "the run names its connector"),
    ("connector.class", "Debezium's PostgresConnector runs behind the managed connector"),
    ("kafka.auth.mode", "the local broker asks for no credentials"),
    ("kafka.api.key", "the local broker asks for no credentials"),
    ("kafka.api.secret", "the local broker asks for no credentials"),
    ("kafka.service.account.id", "the local broker asks for no credentials"),
    ("kafka.endpoint", "the broker is the stack's"),
    ("kafka.region", "the broker is the stack's"),
    ("cloud.", "the connector runs on the stack"),
    (
        "schema.context.name",
        "one registry serves the run, so that a schema context changes nothing",
    ),
    (
        "key.converter.schema.registry.context",
        "one registry serves the run, so that a schema context changes nothing",
    ),
    (
        "value.converter.schema.registry.context",
        "one registry serves the run, so that a schema context changes nothing",
    ),
    ("value.converter.reference.subject.name.strategy", "schemas here name no other schemas"),
    ("auto.restart.on.user.error", "the harness says when a connector is restarted"),
    ("csfle.", "fields are not encrypted, so that what is set for that changes nothing"),
    ("sr.service.account.id", "the stack's registry asks for no credentials"),
];

/// What mends records that are no envelopes, and what that means for the statements.
const ENVELOPES: &str = "write \"after.state.only\": \"false\", in production too. The records are \
    envelopes then: a table with a `-debezium-registry` format has the same columns as before, and is a \
    changelog with updates and deletes; one with a plain registry format reads them from `after`";

/// A connector file as it is submitted to Connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapped {
    /// Options for Debezium on Connect, as they come from the file.
    pub draft: Draft,
    /// What was decided.
    pub notes: Vec<String>,
    /// There is a file: what it leaves out has its default in production.
    pub is_file: bool,
}

impl Mapped {
    /// Options that stay as they are; `file` is their text, for places.
    pub fn as_written(options: &Options, file: &Text) -> Self {
        let mut draft = Draft::new(options.clone());
        for key in options.keys() {
            if let Some(span) = place(key, file) {
                draft.place(key, file.place(span.start));
            }
        }
        Self { draft, notes: Vec::new(), is_file: true }
    }

    /// No file: the harness has a default of its own.
    pub fn none() -> Self {
        Self { draft: Draft::default(), notes: Vec::new(), is_file: false }
    }

    /// Options for Debezium on Connect.
    pub fn options(&self) -> &Options {
        self.draft.options()
    }
}

/// Where a key stands in a file of JSON.
fn place(key: &str, file: &Text) -> Option<Span> {
    let quoted = format!("\"{key}\"");
    file.value.find(&quoted).map(|at| Span::new(at, at + quoted.len()))
}

/// Whether the options are those of Confluent's managed connector.
pub fn is_managed(options: &Options) -> bool {
    options.get("connector.class").is_some_and(|class| class == CLASS)
}

/// Maps the managed connector's options key by key; `file` is its text, for places. Options of
/// another connector stay as they are.
pub fn mapped(options: &Options, file: &Text) -> Result<Mapped, Vec<Diagnostic>> {
    let mut found = Mapped::as_written(options, file);
    if !is_managed(options) {
        return Ok(found);
    }
    let mut wrong = Vec::new();
    for key in ["output.data.format", "after.state.only"] {
        if !options.contains_key(key) {
            let message = format!("the managed connector's file does not say `{key}`");
            let help = match key {
                "after.state.only" => ENVELOPES,
                _ => "write \"output.data.format\": \"JSON_SR\"",
            };
            wrong.push(Refusal::new(message, help).in_text(file));
        }
    }
    for (key, value) in options {
        if let Err(refusal) = option(&mut found, key, value) {
            let refusal = match place(key, file) {
                Some(span) => refusal.at(span),
                None => refusal,
            };
            wrong.push(refusal.in_text(file));
        }
    }
    if wrong.is_empty() { Ok(found) } else { Err(wrong) }
}

fn option(found: &mut Mapped, key: &str, value: &str) -> Result<(), Refusal> {
    let is = |name: &str| key == name || (name.ends_with('.') && key.starts_with(name));
    if matches!(key, "output.data.format" | "output.key.format") {
        return format(found, key, value);
    }
    if key == "after.state.only" {
        return match value {
            "false" => {
                let why = "the records are Debezium's envelopes";
                found.notes.push(format!("after.state.only=false: {why}"));
                found.draft.leave_out(key, why);
                Ok(())
            }
            _ => Err(Refusal::new(
                "after.state.only=true leaves only the new row, by a transform of Confluent's whose \
                 deletes are not known here",
                ENVELOPES,
            )),
        };
    }
    if key == "csfle.enabled" && value != "false" {
        return Err(Refusal::new(
            format!("{key}={value}: Debezium on Connect encrypts no fields"),
            "write \"csfle.enabled\": \"false\" in a file for the run: it then has in clear what \
             production encrypts",
        ));
    }
    if ["key.converter.key.", "value.converter.value."]
        .iter()
        .any(|part| key.strip_prefix(part).is_some_and(|rest| rest == "subject.name.strategy"))
    {
        if value == "TopicNameStrategy" {
            let why = "subjects are named by their topics";
            found.notes.push(format!("{key} is left out: {why}"));
            found.draft.leave_out(key, why);
            return Ok(());
        }
        return Err(Refusal::new(
            format!("{key}={value}: Flink looks for the subject of the topic"),
            "write TopicNameStrategy, or leave it out",
        ));
    }
    if let Some((_, why)) = CLOUD.iter().find(|(name, _)| is(name)) {
        found.notes.push(format!("{key} is left out: {why}"));
        found.draft.leave_out(key, why);
        return Ok(());
    }
    if DEBEZIUM.iter().any(|name| is(name)) {
        return Ok(());
    }
    Err(Refusal::new(
        format!(
            "the managed connector's option `{key}` has no known equivalent in Debezium on Connect"
        ),
        "leave it out; Debezium's own options (table.include.list, snapshot.mode, …) are passed on",
    ))
}

fn format(found: &mut Mapped, key: &str, value: &str) -> Result<(), Refusal> {
    let part = if key == "output.data.format" { "value" } else { "key" };
    match value {
        "JSON_SR" | "JSON" => {
            let why = format!("{key} is {value}");
            let converter = format!("{part}.converter");
            found.draft.set(&converter, "org.apache.kafka.connect.json.JsonConverter", &why);
            for (option, value) in [
                ("schemas.enable", "false"),
                ("decimal.format", "NUMERIC"),
                ("replace.null.with.default", "false"),
            ] {
                found.draft.set(&format!("{converter}.{option}"), value, &why);
            }
            found.notes.push(format!(
                "{key}={value} is Connect's JsonConverter without schemas, decimals as numbers"
            ));
            Ok(())
        }
        "AVRO" => {
            let why = format!("{key} is {value}");
            found.draft.set(&format!("{part}.converter"), avro::CONVERTER, &why);
            found.notes.push(format!(
                "{key}=AVRO is Apicurio's AvroConverter, its schemas in the stack's registry"
            ));
            Ok(())
        }
        "PROTOBUF" => Err(Refusal::new(
            format!("{key}=PROTOBUF: open-source Flink reads no Protobuf with a registry"),
            "write AVRO or JSON_SR",
        )),
        _ => Err(Refusal::new(
            format!("{key}={value} is not known"),
            "write AVRO or JSON_SR, or JSON for records without schema",
        )),
    }
}
