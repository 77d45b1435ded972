//! The options of `PostgresCdcSourceV2` that are its own. Debezium's, which it takes too, are those of
//! the connector.

use super::{Known, idle, modelled, refused, replaced};

const CREDENTIALS: &str = "the local broker asks for no credentials";
const CONTEXT: &str = "one registry serves the run, so that a schema context changes nothing";
const FIELDS: &str = "fields are not encrypted, so that what is set for that changes nothing";
const WRITER: &str =
    "the stack's converter writes the values, and the registry keeps their schemas";

/// All of them.
pub(super) const OPTIONS: &[Known] = &[
    modelled(
        "after.state.only",
        "`false`, the default: envelopes. `true`: rows, in AVRO, by Debezium's `ExtractNewRecordState` with its defaults, before all other transforms; in JSON it is refused",
    ),
    modelled("after.state.only.replace.null.with.default", "the option of that transform"),
    replaced("auto.restart.on.user.error", "the harness says when a connector is restarted"),
    replaced(
        "cleanup.policy",
        "the run creates the topics: write `topic.creation.default.cleanup.policy`, or `settings.topics`",
    ),
    replaced("cloud.*", "the connector runs on the stack"),
    replaced("connector.class", "Debezium's PostgresConnector runs behind the managed connector"),
    refused(
        "csfle.enabled",
        "`true` encrypts fields, which Debezium on Connect does not: write `false`",
    ),
    replaced("csfle.*", FIELDS),
    replaced(
        "json.output.decimal.format",
        "decimals are numbers, as statements read them through the schema",
    ),
    replaced("kafka.api.key", CREDENTIALS),
    replaced("kafka.api.secret", CREDENTIALS),
    replaced("kafka.auth.mode", CREDENTIALS),
    replaced("kafka.deployment.type", "the broker is the stack's"),
    replaced("kafka.endpoint", "the broker is the stack's"),
    replaced("kafka.max.partition.validation.disable", "the broker is the stack's"),
    replaced("kafka.region", "the broker is the stack's"),
    replaced("kafka.service.account.id", CREDENTIALS),
    replaced(
        "key.converter.key.subject.name.strategy",
        "`TopicNameStrategy` is what Flink expects; others are refused",
    ),
    replaced("key.converter.schema.registry.context", CONTEXT),
    replaced("name", "the run names its connector"),
    modelled(
        "output.data.format",
        "`JSON`, the default, `JSON_SR` and `AVRO`; `PROTOBUF` is refused",
    ),
    modelled(
        "output.key.format",
        "`JSON`, the default, `JSON_SR` and `AVRO`; `PROTOBUF` and `STRING` are refused",
    ),
    replaced("plugin", "the stack's Postgres decodes with pgoutput"),
    replaced("schema.context.name", CONTEXT),
    idle("schema.refresh.mode", "when the connector reads the columns of a table again"),
    replaced("schema.registry.url", "the stack has a registry of its own"),
    replaced("sr.service.account.id", "the stack's registry asks for no credentials"),
    replaced(
        "value.converter.decimal.format",
        "decimals are numbers, as statements read them through the schema",
    ),
    refused(
        "value.converter.ignore.default.for.nullables",
        "`true` keeps a NULL where the stack's converter for Avro writes the column's default: write `false`, or JSON_SR, where a NULL stays one",
    ),
    replaced(
        "value.converter.reference.subject.name.strategy",
        "schemas here name no other schemas",
    ),
    replaced("value.converter.schema.registry.context", CONTEXT),
    replaced(
        "value.converter.value.subject.name.strategy",
        "`TopicNameStrategy` is what Flink expects; others are refused",
    ),
    replaced("value.converter.allow.optional.map.keys", WRITER),
    replaced("value.converter.auto.register.schemas", WRITER),
    replaced("value.converter.connect.meta.data", WRITER),
    replaced("value.converter.enhanced.avro.schema.support", WRITER),
    replaced("value.converter.flatten.unions", WRITER),
    replaced("value.converter.generate.index.for.unions", WRITER),
    replaced("value.converter.generate.struct.for.nulls", WRITER),
    replaced("value.converter.int.for.enums", WRITER),
    replaced("value.converter.latest.compatibility.strict", WRITER),
    replaced("value.converter.object.additional.properties", WRITER),
    replaced("value.converter.optional.for.nullables", WRITER),
    replaced("value.converter.optional.for.proto2", WRITER),
    replaced("value.converter.scrub.invalid.names", WRITER),
    replaced("value.converter.use.latest.version", WRITER),
    replaced("value.converter.use.optional.for.nonrequired", WRITER),
    replaced("value.converter.wrapper.for.nullables", WRITER),
    replaced("value.converter.wrapper.for.raw.primitives", WRITER),
];
