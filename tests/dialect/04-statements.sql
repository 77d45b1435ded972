-- case: a statement set over several lines, with comments
EXECUTE STATEMENT SET
BEGIN
  -- the first; with a semicolon
  INSERT INTO `out` SELECT id, amount FROM `card-tx.public.orders` WHERE status <> 'PENDING';
  /* the
     second */
  INSERT INTO `kept` SELECT id FROM `card-tx.public.orders` WHERE status = 'PEND''ING;';
END
-- case: $rowtime bare and in backticks
INSERT INTO stamped SELECT id, $rowtime FROM `card-tx.public.orders`;
-- case: $rowtime of an aliased table
INSERT INTO stamped SELECT o.id, o.`$rowtime` FROM `card-tx.public.orders` o;
-- case: windows over the default watermark
INSERT INTO `out` SELECT window_start_id, n FROM (SELECT 1 AS window_start_id, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE `card-tx.public.orders`, DESCRIPTOR($rowtime), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end);
-- case: $rowtime of the append view
ALTER TABLE `card-tx.public.orders` SET ('changelog.mode' = 'append');
INSERT INTO stamped SELECT id, `$rowtime` FROM `card-tx.public.orders`;
-- case: SOURCE_WATERMARK is the default one
CREATE TABLE t (id INT, WATERMARK FOR $rowtime AS SOURCE_WATERMARK());
INSERT INTO `out` SELECT id, 1 FROM t;
-- case: a star shows the visible columns
INSERT INTO stamped SELECT *, $rowtime FROM kept;
-- case: a star of a table whose hidden column another statement reads
INSERT INTO kept SELECT id FROM `card-tx.public.orders` WHERE $rowtime > TO_TIMESTAMP_LTZ(0, 3);
CREATE VIEW wide AS SELECT * FROM `card-tx.public.orders`;
-- case: a star through a subquery, a WITH clause and a join
INSERT INTO stamped WITH k AS (SELECT * FROM kept) SELECT k.*, t.`$rowtime` FROM k JOIN kept t ON k.id = t.id;
INSERT INTO stamped SELECT * FROM (SELECT *, $rowtime FROM kept) t;
CREATE VIEW both_sides AS SELECT * FROM kept k JOIN `card-tx.public.orders` o ON k.id = o.id;
-- case: a star of a table that a query made
CREATE TABLE made AS SELECT *, $rowtime AS seen FROM kept;
INSERT INTO stamped SELECT id, $rowtime FROM made;
INSERT INTO stamped SELECT * FROM made;
-- case: a star of a table with a watermark on $rowtime
CREATE TABLE t (id INT, WATERMARK FOR $rowtime AS $rowtime - INTERVAL '1' SECOND);
INSERT INTO kept SELECT * FROM t;
-- case: a star over a window function and over columns that a join merges
INSERT INTO stamped SELECT * FROM TABLE(TUMBLE(TABLE kept, DESCRIPTOR($rowtime), INTERVAL '1' MINUTE));
INSERT INTO stamped SELECT * FROM kept JOIN `out` USING (id) WHERE kept.$rowtime > TO_TIMESTAMP_LTZ(0, 3);
-- case: a view and its tables
CREATE VIEW dear AS SELECT id, amount FROM `card-tx.public.orders` WHERE amount > 100;
INSERT INTO `out` SELECT * FROM dear;
-- case: a WITH clause of the query's own
INSERT INTO `out` WITH w AS (SELECT id, amount FROM `card-tx.public.orders`) SELECT id, amount FROM w;
-- case: two statements read one table, which is made once
INSERT INTO `out` SELECT id, amount FROM `card-tx.public.orders`;
INSERT INTO kept SELECT id FROM `card-tx.public.orders`;
-- case: options of a statement
SET 'sql.state-ttl' = '1 h';
SET 'sql.current-catalog' = 'env';
SET 'sql.tables.scan.idle-timeout' = '1 s';
SET 'sql.snapshot.mode' = 'now';
-- case: statements for people are left out
USE CATALOG `my env`;
USE `cluster_0`;
SELECT * FROM `card-tx.public.orders` LIMIT 10;
DESCRIBE EXTENDED `card-tx.public.orders`;
EXPLAIN INSERT INTO `out` SELECT id, amount FROM `card-tx.public.orders`;
-- case: hints and other comments stay
INSERT INTO `out` SELECT /*+ STATE_TTL('o'='1d') */ id, amount -- last
FROM `card-tx.public.orders` AS o
