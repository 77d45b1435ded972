CREATE TABLE driver_income (driver_id INT, name STRING, income DECIMAL(38, 2), PRIMARY KEY (driver_id) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', 'topic' = 'driver_income', 'properties.bootstrap.servers' = 'broker:9092', 'key.format' = 'json', 'value.format' = 'json');
CREATE TABLE rides_by_state (state STRING, rides BIGINT, PRIMARY KEY (state) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', 'topic' = 'rides_by_state', 'properties.bootstrap.servers' = 'broker:9092', 'key.format' = 'json', 'value.format' = 'json');
