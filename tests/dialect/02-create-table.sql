-- case: a primary key makes an upsert table
CREATE TABLE t (id INT, v STRING, PRIMARY KEY (id) NOT ENFORCED);
INSERT INTO t VALUES (1, 'a');
-- case: no primary key makes an append table
CREATE TABLE t (id INT, v STRING);
INSERT INTO t VALUES (1, 'a');
-- case: INTO 1 BUCKETS, in the demo's style
CREATE TABLE IF NOT EXISTS `txp_dim` (
  `id` STRING, -- the key; it's a text
  `at` TIMESTAMP(3),
  /* a comment (with brackets, and a ; inside) */
  WATERMARK FOR `at` AS `at` - INTERVAL '5' SECOND,
  PRIMARY KEY (`id`) NOT ENFORCED
) DISTRIBUTED BY HASH(`id`) INTO 1 BUCKETS
WITH (
  'changelog.mode' = 'upsert',
  'key.format' = 'json-registry', 'value.format' = 'json-registry',
  'key.json-registry.schema-context' = '.flink-dev',
  'value.json-registry.schema-context' = '.flink-dev',
  'kafka.retention.time' = '0',
  'kafka.producer.compression.type' = 'snappy',
  'scan.bounded.mode' = 'unbounded',
  'scan.startup.mode' = 'earliest-offset',
  'value.fields-include' = 'all'
);
INSERT INTO txp_dim SELECT 'a', TIMESTAMP '2025-01-01 00:00:00'
-- case: buckets and a key on an append table
CREATE TABLE t (id INT, v STRING) DISTRIBUTED BY HASH(id) INTO 3 BUCKETS;
INSERT INTO t VALUES (1, 'a');
-- case: buckets without a key
CREATE TABLE t (id INT, v STRING) DISTRIBUTED INTO 4 BUCKETS;
INSERT INTO t VALUES (1, 'a');
-- case: an append table drops its primary key
CREATE TABLE t (id INT, v STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('changelog.mode' = 'append');
INSERT INTO t VALUES (1, 'a');
-- case: topic options
CREATE TABLE t (id INT) WITH ('kafka.cleanup-policy' = 'delete-compact', 'kafka.retention.time' = '7 d', 'kafka.retention.size' = '1 gb', 'kafka.max-message-size' = '2 mb');
INSERT INTO t VALUES (1);
-- case: raw key and raw value
CREATE TABLE t (k STRING, v STRING) DISTRIBUTED BY HASH(k) INTO 1 BUCKETS WITH ('key.format' = 'raw', 'value.format' = 'raw');
INSERT INTO t VALUES ('a', 'b');
-- case: errors are passed over
CREATE TABLE t (id INT) WITH ('error-handling.mode' = 'ignore');
INSERT INTO t SELECT id FROM t;
-- case: a prefix of key columns
CREATE TABLE t (k_id INT, id INT) DISTRIBUTED BY HASH(k_id) INTO 2 BUCKETS WITH ('key.fields-prefix' = 'k_');
INSERT INTO t VALUES (1, 1);
-- case: a quoted value with a quote in it survives
CREATE TABLE t (v STRING COMMENT 'it''s', PRIMARY KEY (v) NOT ENFORCED) COMMENT 'a ; b';
INSERT INTO t VALUES ('it''s -- no comment');
-- case: CREATE TABLE AS
CREATE TABLE big (PRIMARY KEY (id) NOT ENFORCED) DISTRIBUTED BY HASH(id) INTO 2 BUCKETS WITH ('changelog.mode' = 'upsert') AS SELECT id, amount FROM `card-tx.public.orders` WHERE amount > 100;
-- case: CREATE TABLE AS without a list
CREATE TABLE seen AS SELECT `id` FROM `env`.`c`.`out`
-- case: IF NOT EXISTS of a topic makes nothing
CREATE TABLE IF NOT EXISTS `card-tx.public.orders` (id BIGINT);
-- case: twice is refused
CREATE TABLE t (id INT);
CREATE TABLE t (id INT);
-- case: DROP TABLE
DROP TABLE IF EXISTS t;
CREATE TABLE t (id INT);
INSERT INTO t VALUES (1);
DROP TABLE t;
-- case: SHOW CREATE TABLE prints both forms
CREATE TABLE t (id INT, PRIMARY KEY (id) NOT ENFORCED) DISTRIBUTED BY (id) INTO 1 BUCKETS;
SHOW CREATE TABLE t
