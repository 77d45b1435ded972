CREATE TABLE dear (id BIGINT) WITH ('value.format' = 'proto-registry');
INSERT INTO dear SELECT id FROM `cdc.public.orders`;
