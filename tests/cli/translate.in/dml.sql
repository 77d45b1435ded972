CREATE TABLE dear (id BIGINT, amount DECIMAL(10, 2), PRIMARY KEY (id) NOT ENFORCED)
DISTRIBUTED BY HASH(id) INTO 1 BUCKETS;
INSERT INTO dear SELECT id, amount FROM `cdc.public.orders` WHERE amount > 100 -- dear ones
