//! The file of Confluent's managed connector as options of Debezium on Connect.

use super::avro;
use super::refusal::Refusal;
use crate::base::diagnostic::Diagnostic;
use crate::base::draft::Draft;
use crate::base::text::{Span, Text};
use crate::scenario::settings::Options;

/// The managed connector's class.
pub const CLASS: &str = "PostgresCdcSourceV2";
/// The transform that leaves rows of envelopes.
pub(super) const EXTRACT: &str = "io.debezium.transforms.ExtractNewRecordState";

/// Debezium's own options that the managed connector takes too: exact names, and prefixes that end
/// in a dot.
const DEBEZIUM: &[&str] = &[
    "admin.override.",
    "binary.handling.mode",
    "column.",
    "consumer.override.",
    "converters",
    "database.",
    "datatype.propagate.source.type",
    "decimal.handling.mode",
    "errors.",
    "event.converting.failure.handling.mode",
    "event.processing.failure.handling.mode",
    "exactly.once.support",
    "extended.headers.enabled",
    "field.name.adjustment.mode",
    "flush.lsn.source",
    "guardrail.",
    "header.converter",
    "heartbeat.action.query",
    "heartbeat.interval.ms",
    "hstore.handling.mode",
    "include.schema.comments",
    "include.unknown.datatypes",
    "incremental.snapshot.",
    "interval.handling.mode",
    "lsn.flush.mode",
    "lsn.flush.timeout.",
    "max.batch.size",
    "max.queue.",
    "message.key.columns",
    "message.prefix.",
    "money.fraction.digits",
    "plugin.name",
    "poll.interval.ms",
    "post.processors",
    "predicates",
    "predicates.",
    "producer.override.",
    "provide.transaction.metadata",
    "publication.autocreate.mode",
    "publication.name",
    "publish.via.partition.root",
    "query.fetch.size",
    "read.only",
    "replica.identity.autoset.values",
    "retriable.restart.connector.wait.ms",
    "schema.exclude.list",
    "schema.include.list",
    "schema.name.adjustment.mode",
    "schema.refresh.mode",
    "signal.",
    "skip.messages.without.change",
    "skipped.operations",
    "slot.",
    "snapshot.",
    "status.update.interval.ms",
    "streaming.delay.ms",
    "table.exclude.list",
    "table.include.list",
    "tasks.max",
    "tasks.max.enforce",
    "time.precision.mode",
    "tombstones.on.delete",
    "topic.",
    "transforms",
    "transforms.",
    "unavailable.value.placeholder",
    "xmin.fetch.interval.ms",
];

const CREDENTIALS: &str = "the local broker asks for no credentials";
const BROKER: &str = "the broker is the stack's";
const CONTEXT: &str = "one registry serves the run, so that a schema context changes nothing";
const DECIMALS: &str = "decimals are numbers here, as statements read them through the schema";
const WRITER: &str =
    "the stack's converter writes the values, and its registry keeps their schemas";

/// Options of the managed connector that name something of the cloud.
const CLOUD: &[(&str, &str)] = &[
    ("name", "the run names its connector"),
    ("connector.class", "Debezium's PostgresConnector runs behind the managed connector"),
    ("kafka.auth.mode", CREDENTIALS),
    ("kafka.api.key", CREDENTIALS),
    ("kafka.api.secret", CREDENTIALS),
    ("kafka.service.account.id", CREDENTIALS),
    ("kafka.deployment.type", BROKER),
    ("kafka.endpoint", BROKER),
    ("kafka.max.partition.validation.disable", BROKER),
    ("kafka.region", BROKER),
    ("cleanup.policy", "the run creates the topics"),
    ("cloud.", "the connector runs on the stack"),
    ("schema.context.name", CONTEXT),
    ("schema.registry.url", "the stack has a registry of its own"),
    ("key.converter.schema.registry.context", CONTEXT),
    ("value.converter.schema.registry.context", CONTEXT),
    ("value.converter.reference.subject.name.strategy", "schemas here name no other schemas"),
    ("auto.restart.on.user.error", "the harness says when a connector is restarted"),
    ("csfle.", "fields are not encrypted, so that what is set for that changes nothing"),
    ("sr.service.account.id", "the stack's registry asks for no credentials"),
    ("json.output.decimal.format", DECIMALS),
    ("value.converter.decimal.format", DECIMALS),
    ("plugin", "the stack's Postgres decodes with pgoutput"),
    ("value.converter.allow.optional.map.keys", WRITER),
    ("value.converter.auto.register.schemas", WRITER),
    ("value.converter.connect.meta.data", WRITER),
    ("value.converter.enhanced.avro.schema.support", WRITER),
    ("value.converter.flatten.unions", WRITER),
    ("value.converter.generate.", WRITER),
    ("value.converter.ignore.default.for.nullables", WRITER),
    ("value.converter.int.for.enums", WRITER),
    ("value.converter.latest.compatibility.strict", WRITER),
    ("value.converter.object.additional.properties", WRITER),
    ("value.converter.optional.for.", WRITER),
    ("value.converter.scrub.invalid.names", WRITER),
    ("value.converter.use.", WRITER),
    ("value.converter.wrapper.for.", WRITER),
];

/// What the managed connector's own transform is called there.
const UNWRAP: &str = "unwrap";

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
    for key in ["output.data.format", "output.key.format"] {
        if !options.contains_key(key) {
            // What it leaves out is JSON there, whose default is this.
            let told = format(&mut found, key, "JSON");
            wrong.extend(told.err().map(|refusal| refusal.in_text(file)));
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
    if key.starts_with("after.state.only") {
        return after_state(found, key, value);
    }
    if key == "value.converter.ignore.default.for.nullables" && value != "false" {
        return Err(Refusal::new(
            format!(
                "{key}={value} keeps a NULL where the stack's converter for Avro writes the default \
                 of the column"
            ),
            "write \"output.data.format\": \"JSON_SR\", where a NULL stays one, or \"false\"",
        ));
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
        // The decimals of JSON are set by its format.
        let is_set = found.draft.get("output.data.format") != Some("AVRO");
        if key != "value.converter.decimal.format" || !is_set {
            found.draft.leave_out(key, why);
        }
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

/// Rows or envelopes.
fn after_state(found: &mut Mapped, key: &str, value: &str) -> Result<(), Refusal> {
    match (key, value) {
        ("after.state.only", "false") => {
            let why = "the records are Debezium's envelopes";
            found.notes.push(format!("{key}=false: {why}"));
            found.draft.leave_out(key, why);
            Ok(())
        }
        ("after.state.only", "true") => rows(found, key),
        ("after.state.only.replace.null.with.default", _) => {
            let why = "it is an option of ExtractNewRecordState";
            found.draft.leave_out(key, why);
            // Its name sorts behind that of the option that it is about.
            if found.draft.get(&format!("transforms.{UNWRAP}.type")).is_some() {
                let option = format!("transforms.{UNWRAP}.replace.null.with.default");
                found.draft.set(&option, value, why);
            }
            Ok(())
        }
        _ => Err(Refusal::new(
            format!("{key}={value} is not known"),
            "write \"after.state.only\": \"true\" for rows, or \"false\" for envelopes",
        )),
    }
}

/// Rows instead of envelopes: by Debezium's transform, before those of the file.
fn rows(found: &mut Mapped, key: &str) -> Result<(), Refusal> {
    if found.draft.get("output.data.format") != Some("AVRO") {
        return Err(Refusal::new(
            format!(
                "{key}=true in JSON: the JsonConverter that stands for Confluent's writes a delete as \
                 the text null, and no tombstone"
            ),
            "write \"output.data.format\": \"AVRO\", or \"after.state.only\": \"false\"",
        ));
    }
    let list = found.draft.get("transforms").map(str::to_owned).unwrap_or_default();
    if list.split(',').any(|name| name.trim() == UNWRAP) {
        return Err(Refusal::new(
            format!(
                "`transforms` names `{UNWRAP}`, as the managed connector calls its own transform"
            ),
            "give the transform another name, or write \"after.state.only\": \"false\"",
        ));
    }
    let why = "the records are rows";
    found.notes.push(format!(
        "{key}=true is Debezium's ExtractNewRecordState, before all other transforms: a delete \
         leaves its tombstone alone"
    ));
    found.draft.leave_out(key, why);
    let list = if list.trim().is_empty() { String::new() } else { format!(",{list}") };
    found.draft.set("transforms", format!("{UNWRAP}{list}"), why);
    found.draft.set(&format!("transforms.{UNWRAP}.type"), EXTRACT, why);
    Ok(())
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
