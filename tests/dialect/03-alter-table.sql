-- case: the demo reads transactions decoded, as an append stream with metadata
ALTER TABLE `card-tx.public.orders` SET (
  'value.format' = 'json-debezium-registry',
  'changelog.mode' = 'append'
);
ALTER TABLE `card-tx.public.orders` ADD (`partition` INT METADATA VIRTUAL, `offset` BIGINT METADATA VIRTUAL);
INSERT INTO `out` SELECT `id`, `amount` FROM `card-tx.public.orders` WHERE `offset` >= 0
-- case: upsert over the envelope needs no old row
ALTER TABLE `card-tx.public.orders` SET ('changelog.mode' = 'upsert');
INSERT INTO `out` SELECT id, amount FROM `card-tx.public.orders`;
-- case: a computed time and its watermark, retract
ALTER TABLE `card-tx.public.orders` ADD (ts AS TO_TIMESTAMP_LTZ(paid_at, 3));
ALTER TABLE `card-tx.public.orders` MODIFY WATERMARK FOR ts AS ts - INTERVAL '5' SECOND;
INSERT INTO `out` SELECT id, amount FROM `card-tx.public.orders`;
-- case: a computed time and its watermark, append
ALTER TABLE `card-tx.public.orders` SET ('changelog.mode' = 'append');
ALTER TABLE `card-tx.public.orders` ADD (ts AS TO_TIMESTAMP_LTZ(`paid_at`, 3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND);
INSERT INTO `out` SELECT id, amount FROM `card-tx.public.orders`;
-- case: a watermark of a number is refused
ALTER TABLE `card-tx.public.orders` SET ('changelog.mode' = 'append');
ALTER TABLE `card-tx.public.orders` MODIFY WATERMARK FOR paid_at AS paid_at;
INSERT INTO `out` SELECT id, amount FROM `card-tx.public.orders`;
-- case: a primary key is added, and the mode follows
CREATE TABLE t (id INT NOT NULL, v STRING);
ALTER TABLE t ADD PRIMARY KEY (id) NOT ENFORCED;
INSERT INTO t VALUES (1, 'a');
-- case: columns are added before and after others
CREATE TABLE t (id INT);
ALTER TABLE t ADD (first_one STRING FIRST, after_id BIGINT AFTER id);
ALTER TABLE t ADD last_one STRING;
INSERT INTO t VALUES ('f', 1, 2, 'l');
-- case: columns are changed and dropped
CREATE TABLE t (id INT, a STRING, b STRING);
ALTER TABLE t MODIFY (a BIGINT);
ALTER TABLE t DROP b;
INSERT INTO t VALUES (1, 2);
-- case: options are set and reset
CREATE TABLE t (id INT) WITH ('kafka.retention.time' = '1 h');
ALTER TABLE t SET ('scan.startup.mode' = 'latest-offset', 'kafka.max-message-size' = '1 mb');
ALTER TABLE t RESET ('kafka.retention.time');
INSERT INTO t VALUES (1);
-- case: the watermark is dropped again
CREATE TABLE t (id INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts);
ALTER TABLE t DROP WATERMARK;
INSERT INTO t VALUES (1, TIMESTAMP '2025-01-01 00:00:00');
-- case: the distribution is changed
CREATE TABLE t (id INT, PRIMARY KEY (id) NOT ENFORCED) DISTRIBUTED BY HASH(id) INTO 6 BUCKETS;
ALTER TABLE t MODIFY DISTRIBUTION BY HASH(id) INTO 2 BUCKETS;
INSERT INTO t VALUES (1);
-- case: an ALTER between two statements makes the table anew
CREATE TABLE t (id INT, v STRING);
INSERT INTO t VALUES (1, 'a');
ALTER TABLE t SET ('scan.startup.mode' = 'latest-offset');
INSERT INTO `out` SELECT id, 1 FROM t;
-- case: another watermark after the first use is refused
CREATE TABLE t (id INT, ts TIMESTAMP(3));
INSERT INTO t VALUES (1, TIMESTAMP '2025-01-01 00:00:00');
ALTER TABLE t ADD WATERMARK FOR ts AS ts;
INSERT INTO `out` SELECT id, 1 FROM t;
-- case: what is there is not added again
CREATE TABLE t (id INT);
ALTER TABLE t ADD (id BIGINT);
-- case: what is not there is not modified
CREATE TABLE t (id INT);
ALTER TABLE t MODIFY (x BIGINT);
-- case: a topic's columns cannot be added
ALTER TABLE `card-tx.public.orders` ADD (extra STRING);
-- case: RENAME is refused
CREATE TABLE t (id INT);
ALTER TABLE t RENAME TO u;
-- case: IF EXISTS of a table that is not there
ALTER TABLE IF EXISTS nowhere SET ('scan.startup.mode' = 'latest-offset');
-- case: a table that is not there
ALTER TABLE nowhere SET ('scan.startup.mode' = 'latest-offset');
-- case: compaction makes an upsert table of a topic
ALTER TABLE `card-tx.public.orders` SET ('kafka.cleanup-policy' = 'compact');
INSERT INTO `out` SELECT id, amount FROM `card-tx.public.orders`;
