-- The raw envelope: before, after, op and source are columns.
ALTER TABLE `card-tx.public.customers` SET ('value.format' = 'avro-registry');
