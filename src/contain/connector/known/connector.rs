//! The options of Debezium's connector for Postgres, those that it does not list among them, and what
//! Connect knows of any source connector.

use super::{Known, idle, modelled, refused, replaced};

const PLUGIN: &str = "the stack's worker has one version of each plugin";
const SPEED: &str = "it changes when records come, not which";
const WATCHED: &str = "it is about metrics, which nobody reads";
const SCHEMAS: &str = "it changes what else schemas say, and no value";
const DATABASE: &str = "the database is the run's";
const NOBODY: &str = "a run notifies nobody";
const LINEAGE: &str = "a run reports its lineage to nobody";
const THREADS: &str = "it changes how fast a snapshot is taken";
const CLIENT: &str =
    "options of Kafka's client that change where it connects, or as whom, are left out";

/// All of them.
pub(super) const OPTIONS: &[Known] = &[
    modelled("binary.handling.mode", "`bytea` as base64, base64-url-safe or hex"),
    modelled("column.exclude.list", "the columns are in no value"),
    modelled("column.include.list", "no other column is in a value"),
    modelled("column.mask.hash.*", "hashed values, with their salt (version 2 too)"),
    modelled("column.mask.with.*", "the mask stands for every value"),
    idle("column.propagate.source.type", SCHEMAS),
    modelled("column.truncate.to.*", "the first characters of each value"),
    idle("config.action.reload", "no config provider of the stack changes a value"),
    idle("connection.validation.timeout.ms", SPEED),
    replaced("connector.class", "Debezium's connector for Postgres is under test"),
    replaced("connector.plugin.version", PLUGIN),
    refused(
        "converters",
        "it hands values to classes of its own: leave it out, and read the value as Debezium writes it",
    ),
    idle("create.slot.command.timeout", SPEED),
    idle("custom.metric.tags", WATCHED),
    idle("custom.retriable.exception", "it changes after which errors the connector tries again"),
    idle("custom.sanitize.pattern", WATCHED),
    replaced("database.*", DATABASE),
    idle("datatype.propagate.source.type", SCHEMAS),
    modelled("decimal.handling.mode", "`precise`, `double` and `string`"),
    replaced("driver.*", DATABASE),
    replaced("errors.deadletterqueue.*", "only connectors that read topics have one"),
    idle("errors.log.*", "it changes what the log says"),
    idle("errors.max.retries", "it changes how often the connector tries again"),
    idle("errors.retry.*", "it changes how long the connector tries again"),
    modelled("errors.tolerance", "a record that is left out is missing, and reported as missing"),
    modelled(
        "event.converting.failure.handling.mode",
        "a value that is left out is reported as a wrong one",
    ),
    refused(
        "event.processing.failure.handling.mode",
        "another than `fail` leaves out changes: write `fail`",
    ),
    modelled("exactly.once.support", "with a worker that supports it, no record comes twice"),
    idle("executor.shutdown.timeout.ms", SPEED),
    idle("extended.headers.enabled", "the headers of Debezium's context are not compared"),
    modelled("field.name.adjustment.mode", "names of fields as the converter takes them"),
    modelled("flush.lsn.source", "false: nobody confirms to the slot, and no proof waits for it"),
    idle("guardrail.collections.*", "it is about databases with very many tables"),
    refused(
        "header.converter",
        "another than `SimpleHeaderConverter` and `StringConverter` writes headers in a form of its own: leave it out",
    ),
    replaced("header.converter.plugin.version", PLUGIN),
    idle("header.converter.*", "headers that are compared are texts"),
    modelled(
        "heartbeat.action.query",
        "what it writes stands in the journal as all else; what it reaches is looked at as all SQL",
    ),
    modelled("heartbeat.interval.ms", "the run makes the topic of heartbeats"),
    idle("heartbeat.topics.prefix", "Debezium 3 reads `topic.heartbeat.prefix`"),
    modelled("hstore.handling.mode", "`json` and `map`"),
    idle("include.schema.comments", SCHEMAS),
    modelled("include.unknown.datatypes", "types without a form are written as bytes"),
    idle(
        "incremental.snapshot.allow.schema.changes",
        "a schema that changes while the timeline runs is followed in either case",
    ),
    modelled("incremental.snapshot.chunk.size", "the rows of each chunk stand between its marks"),
    refused(
        "incremental.snapshot.watermarking.strategy",
        "another than `insert_insert` marks chunks otherwise: write `insert_insert`",
    ),
    idle(
        "internal.*",
        "Debezium does not document it, and nothing that is judged was seen to depend on it",
    ),
    modelled("interval.handling.mode", "`numeric` and `string`"),
    modelled("key.converter", "JSON and Avro; see the converters"),
    replaced("key.converter.plugin.version", PLUGIN),
    modelled("key.converter.*", "see the converters"),
    idle("legacy.snapshot.max.threads", THREADS),
    modelled(
        "lsn.flush.mode",
        "`manual`: nobody confirms to the slot; `connector_and_driver` brings heartbeats",
    ),
    idle("lsn.flush.timeout.*", SPEED),
    idle("max.batch.size", SPEED),
    idle("max.queue.*", SPEED),
    idle("memory.management.*", "it changes how the connector keeps what it knows of tables"),
    modelled("message.key.columns", "the columns by which records are keyed"),
    modelled("message.prefix.exclude.list", "the harness's notes are added, and that is listed"),
    modelled("message.prefix.include.list", "the harness's barriers are added, and that is listed"),
    modelled("money.fraction.digits", "digits after the point of `money`"),
    replaced("name", "the run names its connector"),
    replaced("notification.*", NOBODY),
    modelled(
        "offset.mismatch.strategy",
        "matters once `advance: slot` or `lose: offsets` parts them; what is left out is told as lost",
    ),
    replaced("offset.flush.*", "offsets are kept by the stack's worker"),
    replaced("offset.storage*", "offsets are kept by the stack's worker"),
    replaced("offsets.storage.*", "offsets are kept by the stack's worker"),
    replaced("openlineage.*", LINEAGE),
    replaced("plugin.name", "the stack's Postgres decodes with pgoutput"),
    idle("poll.interval.ms", SPEED),
    refused("post.processors", "it hands records to classes of its own: leave it out"),
    modelled("predicates", "see the predicates"),
    modelled("provide.transaction.metadata", "the topic of transactions is judged"),
    replaced(
        "publication.autocreate.mode",
        "the run makes the publication before the connector starts",
    ),
    replaced("publication.name", "the publication is the run's"),
    modelled(
        "publish.via.partition.root",
        "partitioned tables through their roots, or through their leaves",
    ),
    idle("query.fetch.size", SPEED),
    refused(
        "read.only",
        "`true` takes incremental snapshots without a signal table: write `false`",
    ),
    refused(
        "replica.identity.autoset.values",
        "the connector owns no table of the run: write the identities under `settings.replica_identity`, or in the source DDL",
    ),
    idle("retriable.restart.connector.wait.ms", SPEED),
    modelled("schema.exclude.list", "tables of these schemas are not captured"),
    modelled("schema.include.list", "tables of other schemas are not captured"),
    idle(
        "schema.name.adjustment.mode",
        "names of schemas stand in no value; with Avro the run writes `avro` where nothing is written",
    ),
    idle("schema.refresh.mode", "when the connector reads the columns of a table again"),
    modelled(
        "signal.data.collection",
        "the table of signals: incremental and blocking snapshots, and their end",
    ),
    replaced("signal.enabled.channels", "only rows of the signal table reach a run's connector"),
    idle("signal.poll.interval.ms", SPEED),
    replaced("signal.consumer.*", "only rows of the signal table reach a run's connector"),
    replaced("signal.file", "only rows of the signal table reach a run's connector"),
    replaced("signal.kafka.*", "only rows of the signal table reach a run's connector"),
    modelled(
        "skip.messages.without.change",
        "updates that change nothing of what is shown are left out",
    ),
    modelled("skipped.operations", "changes of these kinds are on no topic"),
    modelled(
        "slot.drop.on.stop",
        "what happens while the connector is stopped is lost then, and reported as lost",
    ),
    idle("slot.failover", "the stack has one server"),
    idle("slot.max.retries", SPEED),
    replaced("slot.name", "the slot is the run's"),
    idle("slot.retry.delay.ms", SPEED),
    modelled(
        "slot.seek.to.known.offset.on.start",
        "matters once `advance: slot` or `lose: offsets` parts them; what is left out is told as lost",
    ),
    idle(
        "slot.stream.params",
        "pgoutput shows the same changes, or ends the connector, which is reported",
    ),
    idle("snapshot.delay.ms", SPEED),
    idle("snapshot.fetch.size", THREADS),
    refused(
        "snapshot.include.collection.list",
        "it takes snapshots of some tables only: capture the others by a connector file of its own",
    ),
    refused(
        "snapshot.isolation.mode",
        "another than `serializable` or `repeatable_read` shows tables at several points: write one of these",
    ),
    idle("snapshot.lock.timeout.ms", SPEED),
    idle(
        "snapshot.locking.mode*",
        "the rows of a snapshot are those of its transaction, whatever it locks",
    ),
    idle("snapshot.max.threads*", THREADS),
    modelled(
        "snapshot.mode",
        "`initial`, `always`, `when_needed`, `no_data`, `never` and `configuration_based`; others make the verdict unknown",
    ),
    modelled(
        "snapshot.mode.configuration.based.*",
        "with a snapshot on errors the verdict is unknown",
    ),
    idle(
        "snapshot.mode.custom.name",
        "it is read where `snapshot.mode` is `custom`, which makes the verdict unknown",
    ),
    refused(
        "snapshot.query.mode",
        "another than `select_all` takes snapshots of other rows: write `select_all`",
    ),
    idle(
        "snapshot.query.mode.custom.name",
        "it is read where `snapshot.query.mode` is `custom`, which makes the verdict unknown",
    ),
    refused(
        "snapshot.select.statement.overrides*",
        "it takes snapshots of other rows: leave it out",
    ),
    idle(
        "snapshot.tables.order.by.row.count",
        "the order of tables in a snapshot is nowhere promised",
    ),
    refused("sourceinfo.struct.maker", "it writes `source` in a form of its own: leave it out"),
    idle("statistics.metrics.enabled", WATCHED),
    idle("status.update.interval.ms", SPEED),
    idle("streaming.delay.ms", SPEED),
    modelled("table.exclude.list", "these tables are not captured"),
    idle("table.ignore.builtin", "tables of the system are nobody's source"),
    modelled("table.include.list", "no other table is captured"),
    replaced("tasks.max", "the connector has one task"),
    idle("tasks.max.enforce", "the connector has one task"),
    modelled(
        "time.precision.mode",
        "all six: `adaptive`, `adaptive_time_microseconds`, `connect`, `isostring`, `microseconds`, `nanoseconds`",
    ),
    modelled("tombstones.on.delete", "whether a delete is followed by a tombstone"),
    idle("topic.cache.size", SPEED),
    replaced(
        "topic.creation.*",
        "the run creates the topics as these options say, with one replica each",
    ),
    modelled("topic.delimiter", "the topics have the names of production then"),
    replaced("topic.heartbeat.name", "runs side by side have topics of their own"),
    modelled("topic.heartbeat.prefix", "the name of the topic of heartbeats"),
    idle("topic.key.*", "it is read by a naming strategy that is refused"),
    modelled(
        "topic.naming.strategy",
        "`SchemaTopicNamingStrategy` and `DefaultTopicNamingStrategy`; others are refused (`E0409`)",
    ),
    replaced(
        "topic.prefix",
        "runs side by side have topics of their own, unless something in the files sees the names",
    ),
    idle("topic.regex", "it is read by a naming strategy that is refused"),
    idle("topic.replacement", "it is read by a naming strategy that is refused"),
    modelled("topic.transaction", "the name of the topic of transactions"),
    idle("transaction.boundary*", "where an exactly-once worker ends its transactions in Kafka"),
    refused(
        "transaction.metadata.factory",
        "it writes transactions in a form of its own: leave it out",
    ),
    modelled("transforms", "see the transforms"),
    modelled(
        "unavailable.value.placeholder",
        "what stands for a value that the WAL does not carry",
    ),
    modelled("value.converter", "JSON and Avro; see the converters"),
    replaced("value.converter.plugin.version", PLUGIN),
    modelled("value.converter.*", "see the converters"),
    idle("xmin.fetch.interval.ms", "`xmin` is compared with nothing"),
    modelled("producer.override.*", CLIENT),
    modelled("consumer.override.*", CLIENT),
    modelled("admin.override.*", CLIENT),
    replaced("bootstrap.servers", "the stack's broker is used, and it asks for no credentials"),
    replaced("sasl.*", "the stack's broker is used, and it asks for no credentials"),
    replaced("security.*", "the stack's broker is used, and it asks for no credentials"),
    replaced("ssl.*", "the stack's broker is used, and it asks for no credentials"),
    replaced("schema.history.*", "the connector for Postgres keeps no history of schemas"),
    replaced("transforms.*.plugin.version", PLUGIN),
    replaced("predicates.*.plugin.version", PLUGIN),
];
