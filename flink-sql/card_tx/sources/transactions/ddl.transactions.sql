-- The decoded envelope: inserts, updates with their old row, and deletes. Needs REPLICA IDENTITY
-- FULL, or an update has no old row to retract.
ALTER TABLE `card-tx.public.transactions` SET (
  'value.format' = 'json-debezium-registry',
  'changelog.mode' = 'retract'
);

-- A retraction carries the partition and offset of its own record, not those of the row it takes
-- back. With the key declared a sink finds the row by the key, whatever the offset says.
ALTER TABLE `card-tx.public.transactions` ADD PRIMARY KEY (`txn_id`) NOT ENFORCED;

ALTER TABLE `card-tx.public.transactions` ADD (
  `partition` INT METADATA VIRTUAL,
  `offset` BIGINT METADATA VIRTUAL
);
