-- case: a Debezium topic is a retract table with the columns of the row
INSERT INTO `out` SELECT `id`, `amount` FROM `card-tx.public.orders`
-- case: enums, domains, arrays, dates and bytes have the types of their records; generated columns are none
SHOW CREATE TABLE `card-tx.public.shapes`
-- case: a table without primary key has no key columns
SHOW CREATE TABLE `card-tx.public.notes`;
-- case: a compacted topic is an upsert table
SHOW CREATE TABLE `card-tx.public.compacted`;
-- case: an unknown topic is refused with the nearest name
INSERT INTO `out` SELECT id, amount FROM `card-tx.public.order`;
-- case: a column that Flink cannot hold is refused
INSERT INTO `out` SELECT id, 1 FROM `card-tx.public.wide`;
-- case: a table whose columns are not in the text is refused
INSERT INTO `out` SELECT id, amount FROM `card-tx.public.copied`;
-- case: the raw envelope by its format, in append mode
ALTER TABLE `card-tx.public.customers` SET ('value.format' = 'json-registry');
SHOW CREATE TABLE `card-tx.public.customers`;
-- case: environment and cluster before a topic's name
INSERT INTO `my env`.`cluster_0`.`out` SELECT o.id, o.amount FROM `my env`.`cluster_0`.`card-tx.public.orders` AS o;
