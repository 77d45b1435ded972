-- case: times that JSON holds as numbers, read as retract
INSERT INTO stamped SELECT id, paid_at FROM `card-tx.public.orders`;

-- case: a watermark of such a time, and a computed column over it
ALTER TABLE `card-tx.public.orders` ADD (hour_ AS CAST(paid_at AS DATE));
ALTER TABLE `card-tx.public.orders` MODIFY WATERMARK FOR paid_at AS paid_at - INTERVAL '5' SECOND;
INSERT INTO stamped SELECT id, paid_at FROM `card-tx.public.orders`;

-- case: the same as append, over the envelope
ALTER TABLE `card-tx.public.orders` SET ('changelog.mode' = 'append');
ALTER TABLE `card-tx.public.orders` MODIFY WATERMARK FOR paid_at AS paid_at - INTERVAL '5' SECOND;
INSERT INTO stamped SELECT id, paid_at FROM `card-tx.public.orders`;

-- case: the envelope itself
ALTER TABLE `card-tx.public.orders` SET ('value.format' = 'json-registry');
ALTER TABLE `card-tx.public.orders` ADD (paid AS COALESCE(`after`.paid_at, `before`.paid_at));
INSERT INTO stamped SELECT id, `after`.paid_at FROM `card-tx.public.orders` WHERE op <> 'd';

-- case: a table without times stays as it is
INSERT INTO kept SELECT id FROM `card-tx.public.compacted`;
