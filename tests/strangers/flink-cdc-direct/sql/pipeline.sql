CREATE TABLE accounts (id INT, owner STRING, PRIMARY KEY (id) NOT ENFORCED)
WITH ('connector' = 'postgres-cdc', 'hostname' = 'postgres', 'port' = '5432', 'username' = 'postgres', 'password' = 'postgres', 'database-name' = 'bank', 'schema-name' = 'public', 'table-name' = 'accounts', 'slot.name' = 'flink');
CREATE TABLE owners (id INT, owner STRING, PRIMARY KEY (id) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', 'topic' = 'owners', 'key.format' = 'json', 'value.format' = 'json', 'properties.bootstrap.servers' = 'kafka:9092');
INSERT INTO owners SELECT id, UPPER(owner) FROM accounts;
