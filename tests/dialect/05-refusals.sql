-- case: Avro over a topic that the connector writes in JSON
ALTER TABLE `card-tx.public.orders` SET ('value.format' = 'avro-debezium-registry');
INSERT INTO `out` SELECT id, amount FROM `card-tx.public.orders`;

-- case: Protobuf with a registry
CREATE TABLE t (id INT) WITH ('value.format' = 'proto-registry');
INSERT INTO t VALUES (1);
-- case: retract of a table of one's own
CREATE TABLE t (id INT) WITH ('changelog.mode' = 'retract');
INSERT INTO t VALUES (1);
-- case: upsert without a key
CREATE TABLE t (id INT) WITH ('changelog.mode' = 'upsert');
INSERT INTO t VALUES (1);
-- case: an upsert table is read from its start
CREATE TABLE t (id INT, PRIMARY KEY (id) NOT ENFORCED) WITH ('scan.startup.mode' = 'latest-offset');
INSERT INTO t VALUES (1);
-- case: distributed by another column than the key
CREATE TABLE t (id INT, x INT, PRIMARY KEY (id) NOT ENFORCED) DISTRIBUTED BY HASH(x) INTO 2 BUCKETS;
INSERT INTO t VALUES (1, 2);
-- case: a mistyped option
CREATE TABLE t (id INT) WITH ('changlog.mode' = 'append');
INSERT INTO t VALUES (1);
-- case: another connector
CREATE TABLE t (id INT) WITH ('connector' = 'faker');
INSERT INTO t VALUES (1);
-- case: a dead letter topic
CREATE TABLE t (id INT) WITH ('error-handling.mode' = 'log');
INSERT INTO t VALUES (1);
-- case: late rows are filtered
CREATE TABLE t (id INT) WITH ('late-handling.mode' = 'filter');
INSERT INTO t VALUES (1);
-- case: a retention that is no duration
CREATE TABLE t (id INT) WITH ('kafka.retention.time' = 'long');
INSERT INTO t VALUES (1);
-- case: LIKE
CREATE TABLE t (id INT) LIKE `card-tx.public.orders`;
INSERT INTO t VALUES (1);
-- case: raw bytes beside the columns
CREATE TABLE t (id INT, k BYTES METADATA FROM 'raw-key' VIRTUAL);
INSERT INTO t VALUES (1);
-- case: two key columns in a raw key
CREATE TABLE t (a STRING, b STRING) DISTRIBUTED BY HASH(a, b) INTO 1 BUCKETS WITH ('key.format' = 'raw');
INSERT INTO t VALUES ('a', 'b');
-- case: models, connections, functions
CREATE MODEL m INPUT (x STRING) OUTPUT (y STRING) WITH ('provider' = 'openai');
CREATE CONNECTION c WITH ('type' = 'openai');
CREATE FUNCTION f AS 'a.B' USING JAR 'confluent-artifact://x';
-- case: temporary tables
CREATE TEMPORARY TABLE t (id INT);
-- case: dropping a topic of the connector
DROP TABLE `card-tx.public.orders`;
-- case: a table that nobody made
INSERT INTO nowhere SELECT id FROM `card-tx.public.orders`;
-- case: a key that is not the record's
ALTER TABLE `card-tx.public.orders` SET ('changelog.mode' = 'upsert');
ALTER TABLE `card-tx.public.orders` MODIFY PRIMARY KEY (status) NOT ENFORCED;
INSERT INTO `out` SELECT id, amount FROM `card-tx.public.orders`;
-- case: a Debezium format for a table of one's own
CREATE TABLE t (id INT) WITH ('value.format' = 'json-debezium-registry');
INSERT INTO t VALUES (1);
