CREATE TABLE dear (id BIGINT) WITH ('value.format' = 'avro-registry');
INSERT INTO dear SELECT id FROM `cdc.public.orders`;
