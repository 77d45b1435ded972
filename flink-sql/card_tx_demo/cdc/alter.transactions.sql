ALTER TABLE `card-tx.public.transactions` SET ('value.format' = 'avro-debezium-registry', 'changelog.mode' = 'append');
