//! The options of converters, transforms and predicates.

use super::{Known, Part, idle, modelled, refused, replaced};

const FIELDS: &str = "the fields that are concerned";
const DEFAULTS: Known = modelled(
    "replace.null.with.default",
    "a NULL that becomes the column's default is reported as that",
);
const TRACING: &str = "spans are sent where OpenTelemetry is, which no worker of a run has";
const CONVERTER_TYPE: Known = idle("converter.type", "Connect itself says which part it is");

macro_rules! of_kafka {
    ($($name:literal),+ $(,)?) => { &[$(concat!("org.apache.kafka.connect.transforms.", $name)),+] };
}

/// All parts but that of the connector itself.
pub(super) const PARTS: &[Part] = &[
    Part {
        title: "Converters for JSON",
        classes: &["org.apache.kafka.connect.json.JsonConverter"],
        options: &[
            CONVERTER_TYPE,
            modelled("decimal.format", "`BASE64` and `NUMERIC`"),
            DEFAULTS,
            idle("schemas.cache.size", "it changes how fast records are written"),
            modelled(
                "schemas.enable",
                "values with their schema before them, or without; `true` where it is left out, as in Connect",
            ),
            idle("schema.content", "it is for records that are read"),
        ],
    },
    Part {
        title: "Converters for Avro",
        classes: &[
            "io.apicurio.registry.utils.converter.AvroConverter",
            "io.confluent.connect.avro.AvroConverter",
        ],
        options: &[replaced(
            "*",
            "the stack writes Avro with Apicurio's converter, to a registry of its own, in the frame that Flink reads",
        )],
    },
    Part {
        title: "Debezium's outbox router",
        classes: &["io.debezium.transforms.outbox.EventRouter"],
        options: &[
            modelled("route.by.field", "the column by whose value events are routed"),
            modelled(
                "route.tombstone.on.empty.payload",
                "an event without a payload is a tombstone",
            ),
            modelled("route.topic.regex", "what of the value the topic's name takes"),
            modelled("route.topic.replacement", "the topic's name"),
            modelled("table.expand.json.payload", "a payload of JSON becomes a value of its own"),
            modelled(
                "table.field.additional.missing",
                "whether a column that is placed must be there",
            ),
            modelled("table.field.event.id", "the column of the event's id"),
            modelled("table.field.event.key", "the column of the record's key"),
            modelled("table.field.event.payload", "the column of the record's value"),
            idle(
                "table.field.event.schema.version",
                "it names the version of a schema, which no value shows",
            ),
            modelled(
                "table.field.event.timestamp",
                "the record's timestamp, which is compared with nothing",
            ),
            modelled("table.field.event.type", "a column that is placed"),
            modelled(
                "table.fields.additional.placement",
                "columns in headers, in the value, or as the partition",
            ),
            modelled("table.json.payload.null.behavior", "what becomes of a null in a payload"),
            modelled(
                "table.op.invalid.behavior",
                "a warning, an error, or the end of the connector, which is reported",
            ),
            idle("tracing.*", TRACING),
        ],
    },
    Part {
        title: "Debezium's `ExtractNewRecordState`",
        classes: &["io.debezium.transforms.ExtractNewRecordState"],
        options: &[
            modelled("add.fields", "fields of the envelope beside those of the row"),
            modelled("add.fields.prefix", "how their names begin"),
            modelled("add.headers", "fields of the envelope in headers"),
            modelled("add.headers.prefix", "how their names begin"),
            modelled("delete.tombstone.handling.mode", "what becomes of a delete: all five"),
            idle(
                "drop.fields.*",
                "it drops what a header names that no transform with a model writes",
            ),
            DEFAULTS,
            refused(
                "route.by.field",
                "it routes rows by a value of theirs: leave it out, and route by topic",
            ),
        ],
    },
    Part {
        title: "Debezium's `ByLogicalTableRouter`",
        classes: &["io.debezium.transforms.ByLogicalTableRouter"],
        options: &[
            modelled(
                "key.enforce.uniqueness",
                "a field of the key says which table the row is from",
            ),
            modelled("key.field.name", "its name"),
            modelled("key.field.regex", "what of the topic's name it holds"),
            modelled("key.field.replacement", "what of the topic's name it holds"),
            idle("logical.table.cache.size", "it changes how fast records are written"),
            idle("schema.name.adjustment.mode", "names of schemas stand in no value"),
            modelled("topic.regex", "which topics are routed"),
            modelled("topic.replacement", "where to"),
        ],
    },
    Part {
        title: "`Cast`",
        classes: of_kafka!("Cast$Key", "Cast$Value"),
        options: &[DEFAULTS, modelled("spec", "the types of fields")],
    },
    Part {
        title: "`DropHeaders`, `InsertHeader`",
        classes: of_kafka!("DropHeaders", "InsertHeader"),
        options: &[
            modelled("header", "the header that is added"),
            modelled("headers", "the headers that are dropped"),
            idle("value.literal", "what stands in it is compared with nothing"),
        ],
    },
    Part {
        title: "`ExtractField`, `HoistField`",
        classes: of_kafka!(
            "ExtractField$Key",
            "ExtractField$Value",
            "HoistField$Key",
            "HoistField$Value"
        ),
        options: &[
            modelled("field", "the field"),
            refused("field.syntax.version", "`V2` is a path: write `V1`"),
            DEFAULTS,
        ],
    },
    Part { title: "`Filter`", classes: of_kafka!("Filter"), options: &[] },
    Part {
        title: "`HeaderFrom`",
        classes: of_kafka!("HeaderFrom$Key", "HeaderFrom$Value"),
        options: &[
            modelled("fields", FIELDS),
            idle("headers", "what stands in headers is compared with nothing"),
            modelled("operation", "`move` takes the fields out of the record"),
            DEFAULTS,
        ],
    },
    Part {
        title: "`InsertField`",
        classes: of_kafka!("InsertField$Key", "InsertField$Value"),
        options: &[
            idle("offset.field", "it is for records that are read"),
            modelled("partition.field", "a field more, whose value is compared with nothing"),
            DEFAULTS,
            modelled("static.field", "a field more"),
            modelled("static.value", "what stands in it"),
            modelled("timestamp.field", "a field more, whose value is compared with nothing"),
            modelled("topic.field", "a field more, with the topic's name"),
        ],
    },
    Part {
        title: "`MaskField`",
        classes: of_kafka!("MaskField$Key", "MaskField$Value"),
        options: &[
            modelled("fields", FIELDS),
            DEFAULTS,
            modelled("replacement", "what stands in them; else nothing of their type"),
        ],
    },
    Part {
        title: "`RegexRouter`",
        classes: of_kafka!("RegexRouter"),
        options: &[
            modelled("regex", "which topics are routed"),
            modelled("replacement", "where to"),
        ],
    },
    Part {
        title: "`ReplaceField`",
        classes: of_kafka!("ReplaceField$Key", "ReplaceField$Value"),
        options: &[
            modelled("exclude", "fields that are left out"),
            modelled("include", "fields that are kept"),
            modelled("renames", "fields with other names"),
            DEFAULTS,
        ],
    },
    Part {
        title: "`SetSchemaMetadata`",
        classes: of_kafka!("SetSchemaMetadata$Key", "SetSchemaMetadata$Value"),
        options: &[
            DEFAULTS,
            idle("schema.name", "names of schemas stand in no value"),
            idle("schema.version", "versions of schemas stand in no value"),
        ],
    },
    Part {
        title: "`TimestampConverter`",
        classes: of_kafka!("TimestampConverter$Key", "TimestampConverter$Value"),
        options: &[
            modelled("field", "the field; without one the verdict is unknown"),
            modelled("format", "of texts"),
            DEFAULTS,
            modelled("target.type", "`string`, `unix`, `Date`, `Time`, `Timestamp`"),
            modelled("unix.precision", "of numbers"),
        ],
    },
    Part {
        title: "`ValueToKey`",
        classes: of_kafka!("ValueToKey"),
        options: &[modelled("fields", FIELDS), DEFAULTS],
    },
    Part {
        title: "Predicates",
        classes: of_kafka!(
            "predicates.HasHeaderKey",
            "predicates.RecordIsTombstone",
            "predicates.TopicNameMatches"
        ),
        options: &[
            modelled("name", "the header"),
            modelled(
                "pattern",
                "the topics; barriers of the harness are spared, and that is listed",
            ),
        ],
    },
];

const BYTES: &str = "name `org.apache.kafka.connect.json.JsonConverter` or an AvroConverter, whose values Flink reads";
const ALONE: &str =
    "leave it out: what it does to records has no model, and the verdict is `unknown`";

/// Converters, transforms and predicates that are refused, or make the verdict `unknown`; a `*` stands
/// for any rest.
pub const UNMODELLED: &[(&str, &str)] = &[
    ("io.apicurio.registry.utils.converter.ExtJsonConverter", BYTES),
    ("io.confluent.connect.json.JsonSchemaConverter", BYTES),
    ("io.confluent.connect.protobuf.ProtobufConverter", BYTES),
    ("io.debezium.connector.postgresql.transforms.*", ALONE),
    ("io.debezium.converters.BinaryDataConverter", BYTES),
    ("io.debezium.converters.ByteArrayConverter", BYTES),
    (
        "io.debezium.converters.CloudEventsConverter",
        "name `org.apache.kafka.connect.json.JsonConverter`: Flink has no format that reads CloudEvents",
    ),
    ("io.debezium.transforms.*", ALONE),
    ("org.apache.kafka.connect.converters.*", BYTES),
    (
        "org.apache.kafka.connect.storage.SimpleHeaderConverter",
        "as `header.converter` it stays; keys and values need JSON or Avro",
    ),
    (
        "org.apache.kafka.connect.storage.StringConverter",
        "as `header.converter` it stays; keys and values need JSON or Avro",
    ),
    (
        "org.apache.kafka.connect.transforms.Flatten*",
        "read the nested fields where they are: what it does to records has no model, and the verdict is `unknown`",
    ),
    (
        "org.apache.kafka.connect.transforms.TimestampRouter",
        "leave it out: topics whose names tell the time of day have no model, and are refused",
    ),
];
