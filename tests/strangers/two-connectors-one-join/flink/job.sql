CREATE TABLE customers (
  id INT,
  name STRING,
  PRIMARY KEY (id) NOT ENFORCED
) WITH ('connector' = 'kafka', 'topic' = 'crm.public.customers', 'properties.bootstrap.servers' = 'kafka:9092', 'format' = 'debezium-json', 'scan.startup.mode' = 'earliest-offset');

CREATE TABLE orders (
  id INT,
  customer_id INT,
  cents INT,
  paid BOOLEAN,
  PRIMARY KEY (id) NOT ENFORCED
) WITH ('connector' = 'kafka', 'topic' = 'sales.public.orders', 'properties.bootstrap.servers' = 'kafka:9092', 'format' = 'debezium-json', 'scan.startup.mode' = 'earliest-offset');

CREATE TABLE paid_orders (
  id INT,
  customer STRING,
  cents INT,
  PRIMARY KEY (id) NOT ENFORCED
) WITH ('connector' = 'upsert-kafka', 'topic' = 'paid-orders', 'properties.bootstrap.servers' = 'kafka:9092', 'key.format' = 'json', 'value.format' = 'json');

INSERT INTO paid_orders
SELECT o.id, c.name, o.cents
FROM orders AS o JOIN customers AS c ON c.id = o.customer_id
WHERE o.paid;
