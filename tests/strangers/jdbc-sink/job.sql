CREATE TABLE items (id INT, label STRING, price DOUBLE, PRIMARY KEY (id) NOT ENFORCED)
WITH ('connector' = 'kafka', 'topic' = 'store.public.items', 'format' = 'debezium-json', 'scan.startup.mode' = 'earliest-offset', 'properties.bootstrap.servers' = 'kafka:9092');
CREATE TABLE shown (id INT, label STRING, price DOUBLE, PRIMARY KEY (id) NOT ENFORCED)
WITH ('connector' = 'jdbc', 'url' = 'jdbc:postgresql://warehouse:5432/dwh', 'table-name' = 'shown', 'username' = 'dwh', 'password' = 'dwh');
INSERT INTO shown SELECT id, label, price FROM items;
