-- case: ALTER TABLE: add a column
ALTER TABLE kept ADD (note STRING);
INSERT INTO kept SELECT id, status FROM `card-tx.public.orders`;
-- case: ALTER TABLE: add a metadata column and a computed one
ALTER TABLE `card-tx.public.orders` ADD (`offset` BIGINT METADATA VIRTUAL, double_amount AS amount * 2);
INSERT INTO kept SELECT `offset` FROM `card-tx.public.orders`;
-- case: ALTER TABLE: options, distribution, watermark, key
ALTER TABLE kept SET ('kafka.retention.time' = '1 d');
ALTER TABLE kept RESET ('kafka.retention.time');
ALTER TABLE kept MODIFY WATERMARK FOR $rowtime AS $rowtime - INTERVAL '5' SECOND;
ALTER TABLE kept DROP WATERMARK;
ALTER TABLE kept ADD CONSTRAINT k PRIMARY KEY (id) NOT ENFORCED;
INSERT INTO kept SELECT id FROM `card-tx.public.orders`;
-- case: ALTER TABLE: a watermark after the table was written
INSERT INTO stamped SELECT id, $rowtime FROM `card-tx.public.orders`;
ALTER TABLE stamped MODIFY WATERMARK FOR seen AS seen - INTERVAL '5' SECOND;
INSERT INTO kept SELECT id FROM TABLE(TUMBLE(TABLE stamped, DESCRIPTOR(seen), INTERVAL '1' MINUTE)) GROUP BY id, window_start, window_end;
-- case: ALTER TABLE: a watermark after the table was read without its time
INSERT INTO kept SELECT id FROM stamped;
ALTER TABLE stamped MODIFY WATERMARK FOR seen AS seen - INTERVAL '5' SECOND;
INSERT INTO `out` SELECT id, COUNT(*) FROM TABLE(TUMBLE(TABLE stamped, DESCRIPTOR(seen), INTERVAL '1' MINUTE)) GROUP BY id, window_start, window_end;
-- case: ALTER TABLE: a watermark after the time of the table was used
INSERT INTO kept SELECT id FROM stamped WHERE $rowtime > TO_TIMESTAMP_LTZ(0, 3);
ALTER TABLE stamped MODIFY WATERMARK FOR seen AS seen - INTERVAL '5' SECOND;
INSERT INTO `out` SELECT id, 1 FROM stamped;
-- case: ALTER TABLE: a new name
ALTER TABLE kept RENAME TO held;
-- case: ALTER VIEW
CREATE VIEW v AS SELECT id FROM kept;
ALTER VIEW v RENAME TO w;
-- case: ALTER MODEL, AGENT, CONNECTION, DATABASE, MATERIALIZED TABLE
ALTER MODEL m RENAME TO n;
ALTER AGENT a SET ('max_iterations' = '3');
ALTER CONNECTION c SET ('endpoint' = 'x');
ALTER DATABASE d SET ('a' = 'b');
ALTER MATERIALIZED TABLE t SUSPEND;
-- case: CREATE TABLE with everything
CREATE TABLE IF NOT EXISTS everything (
  id BIGINT NOT NULL, r ROW<a INT, b ARRAY<STRING>>, m MAP<STRING, INT>, seen TIMESTAMP_LTZ(3),
  p INT METADATA FROM 'partition' VIRTUAL, h MAP<BYTES, BYTES> METADATA FROM 'headers',
  twice AS id * 2, WATERMARK FOR seen AS seen - INTERVAL '1' SECOND, PRIMARY KEY (id) NOT ENFORCED
) COMMENT 'all of it' DISTRIBUTED BY HASH(id) INTO 4 BUCKETS WITH ('changelog.mode' = 'upsert', 'kafka.cleanup-policy' = 'compact');
INSERT INTO everything SELECT id, CAST(NULL AS ROW<a INT, b ARRAY<STRING>>), CAST(NULL AS MAP<STRING, INT>), CAST(NULL AS TIMESTAMP_LTZ(3)), CAST(NULL AS MAP<BYTES, BYTES>) FROM `card-tx.public.orders`;
-- case: CREATE TABLE AS with a key, a watermark, columns and a ROW
CREATE TABLE made (seen TIMESTAMP_LTZ(3), PRIMARY KEY (id) NOT ENFORCED, WATERMARK FOR seen AS seen) DISTRIBUTED BY (id) INTO 2 BUCKETS
AS SELECT id, $rowtime AS seen, ROW(amount, status) AS r FROM `card-tx.public.orders`;
INSERT INTO kept SELECT id FROM made;
-- case: CREATE TABLE AS as a bare list of columns
CREATE TABLE made (total, id) AS SELECT amount, id FROM `card-tx.public.orders`;
-- case: CREATE TABLE LIKE
CREATE TABLE like_kept (note STRING) DISTRIBUTED BY (id) INTO 2 BUCKETS WITH ('kafka.retention.time' = '1 d') LIKE kept;
INSERT INTO like_kept SELECT id, status FROM `card-tx.public.orders`;
-- case: CREATE TABLE LIKE a topic of the connector
CREATE TABLE more_orders LIKE `card-tx.public.orders` (EXCLUDING OPTIONS);
INSERT INTO more_orders SELECT * FROM `card-tx.public.orders`;
-- case: CREATE VIEW in its forms
CREATE VIEW IF NOT EXISTS v (a, b) COMMENT 'two' AS SELECT id, amount FROM `card-tx.public.orders`;
INSERT INTO `out` SELECT a, b FROM v;
DROP VIEW IF EXISTS v;
-- case: CREATE TEMPORARY and OR REPLACE
CREATE TEMPORARY TABLE t (id INT);
CREATE OR REPLACE TABLE u (id INT);
-- case: CREATE FUNCTION, MODEL, CONNECTION, AGENT, TOOL, CATALOG, DATABASE, MATERIALIZED TABLE
CREATE FUNCTION f AS 'com.example.F' USING JAR 'confluent-artifact://cfa-1/ver-1';
CREATE MODEL m INPUT (a STRING) OUTPUT (b STRING) WITH ('provider' = 'openai');
CREATE CONNECTION c WITH ('type' = 'openai');
CREATE AGENT a USING MODEL m USING PROMPT 'x';
CREATE TOOL t USING CONNECTION c WITH ('type' = 'mcp_server');
CREATE CATALOG c WITH ('type' = 'x');
CREATE DATABASE d;
CREATE MATERIALIZED TABLE t AS SELECT id FROM kept;
-- case: DESCRIBE and SHOW in their forms
DESCRIBE kept;
DESC `out`;
DESCRIBE EXTENDED nobody;
DESCRIBE FUNCTION f;
DESCRIBE MODEL m;
SHOW CATALOGS;
SHOW CURRENT CATALOG;
SHOW DATABASES;
SHOW TABLES LIKE 'o%';
SHOW VIEWS;
SHOW FUNCTIONS;
SHOW MODELS;
SHOW JOBS;
SHOW CREATE TABLE nobody;
SHOW CREATE VIEW v;
-- case: DROP in its forms
DROP TABLE IF EXISTS nobody;
DROP MODEL m;
-- case: EXPLAIN in its forms
EXPLAIN SELECT id FROM kept;
EXPLAIN CREATE TABLE t AS SELECT id FROM kept;
EXPLAIN STATEMENT SET BEGIN INSERT INTO kept SELECT id FROM `out`; END;
-- case: EXECUTE STATEMENT SET in its spellings
EXECUTE STATEMENT SET BEGIN INSERT INTO kept SELECT id FROM `card-tx.public.orders`; END;
execute statement set
begin
  insert into kept select id from `card-tx.public.orders`;
end;
BEGIN STATEMENT SET;
INSERT INTO kept SELECT id FROM `card-tx.public.orders`;
END;
-- case: INSERT in its forms
INSERT INTO kept VALUES (1), (2);
INSERT INTO kept (id) SELECT id FROM `card-tx.public.orders`;
INSERT INTO `env`.`cluster`.kept SELECT id FROM `env`.`cluster`.`card-tx.public.orders`;
-- case: DELETE, UPDATE and TRUNCATE
DELETE FROM kept WHERE id = 1;
UPDATE kept SET id = 2;
TRUNCATE TABLE kept;
-- case: SET and RESET
SET 'client.statement-name' = 'first';
SET 'sql.state-ttl' = '1 h';
RESET 'sql.state-ttl';
SET 'sql.local-time-zone' = 'Europe/Vienna';
SET 'sql.inline-result' = 'true';
-- case: queries: a regular join, an interval join, a temporal join
INSERT INTO kept SELECT o.id FROM `card-tx.public.orders` o JOIN kept k ON o.id = k.id;
INSERT INTO kept SELECT a.id FROM stamped a JOIN stamped b ON a.id = b.id AND a.seen BETWEEN b.seen - INTERVAL '1' HOUR AND b.seen;
INSERT INTO kept SELECT s.id FROM stamped s JOIN `out` FOR SYSTEM_TIME AS OF s.$rowtime AS o ON s.id = o.id;
-- case: queries: Top-N, deduplication, OVER, set operations, UNNEST, hints
INSERT INTO kept SELECT id FROM (SELECT id, ROW_NUMBER() OVER (PARTITION BY id ORDER BY $rowtime DESC) AS n FROM stamped) WHERE n = 1;
INSERT INTO stamped SELECT id, MAX(seen) OVER (PARTITION BY id ORDER BY $rowtime RANGE BETWEEN INTERVAL '1' HOUR PRECEDING AND CURRENT ROW) FROM stamped;
INSERT INTO kept SELECT id FROM kept UNION ALL SELECT id FROM stamped;
INSERT INTO kept SELECT a FROM `card-tx.public.shapes` CROSS JOIN UNNEST(tags) AS t (tag);
INSERT INTO kept SELECT id FROM kept /*+ OPTIONS('scan.startup.mode' = 'latest-offset') */;
-- case: queries: windows and MATCH_RECOGNIZE
INSERT INTO kept SELECT COUNT(*) FROM TABLE(HOP(TABLE stamped, DESCRIPTOR($rowtime), INTERVAL '1' MINUTE, INTERVAL '2' MINUTE)) GROUP BY window_start, window_end;
INSERT INTO kept SELECT * FROM stamped MATCH_RECOGNIZE (PARTITION BY id ORDER BY $rowtime MEASURES FIRST(A.id) AS first_id AFTER MATCH SKIP PAST LAST ROW PATTERN (A B) DEFINE A AS TRUE, B AS TRUE);
-- case: a star over a window function and over a join that makes one of two columns
INSERT INTO kept SELECT id FROM (SELECT * FROM TABLE(TUMBLE(TABLE stamped, DESCRIPTOR($rowtime), INTERVAL '1' MINUTE)));
INSERT INTO stamped SELECT * FROM stamped JOIN kept USING (id);
