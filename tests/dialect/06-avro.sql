-- case: where the connector writes Avro, a topic is read as Avro
INSERT INTO kept SELECT id FROM `card-tx.public.orders`;

-- case: no format written is Avro, and a time with a zone is a TIMESTAMP
INSERT INTO stamped SELECT id, TO_TIMESTAMP_LTZ(0, 3) FROM `card-tx.public.orders`;

-- case: the envelope in Avro, and its key
ALTER TABLE `card-tx.public.orders` SET ('value.format' = 'avro-registry', 'changelog.mode' = 'append');
INSERT INTO kept SELECT `after`.id FROM `card-tx.public.orders`;

-- case: upsert over Debezium's envelope in Avro
ALTER TABLE `card-tx.public.orders` SET ('value.format' = 'avro-debezium-registry', 'changelog.mode' = 'upsert');
INSERT INTO `out` SELECT id, amount FROM `card-tx.public.orders`;

-- case: a table of its own in JSON, with a context that changes nothing
CREATE TABLE t (id BIGINT, PRIMARY KEY (id) NOT ENFORCED) WITH ('key.format' = 'json-registry', 'value.format' = 'json-registry', 'value.json-registry.schema-context' = '.dev');
INSERT INTO t SELECT id FROM `card-tx.public.orders`;

-- case: JSON over a topic that the connector writes in Avro
ALTER TABLE `card-tx.public.orders` SET ('value.format' = 'json-registry');
INSERT INTO kept SELECT `after`.id FROM `card-tx.public.orders`;

-- case: no error is passed over in Avro
CREATE TABLE t (id BIGINT) WITH ('value.format' = 'avro-registry', 'error-handling.mode' = 'ignore');
INSERT INTO t SELECT id FROM `card-tx.public.orders`;
