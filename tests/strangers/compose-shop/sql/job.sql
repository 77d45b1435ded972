SET 'execution.checkpointing.interval' = '10s';
SET 'sql-client.execution.result-mode' = 'tableau';

CREATE TABLE customers (
  id INT,
  name STRING,
  email STRING,
  PRIMARY KEY (id) NOT ENFORCED
) WITH (
  'connector' = 'kafka',
  'topic' = 'shop.public.customers',
  'properties.bootstrap.servers' = 'kafka:9092',
  'properties.group.id' = 'flink',
  'scan.startup.mode' = 'earliest-offset',
  'format' = 'debezium-json'
);

CREATE TABLE products (
  id INT,
  name STRING,
  price DECIMAL(10, 2),
  PRIMARY KEY (id) NOT ENFORCED
) WITH (
  'connector' = 'kafka',
  'topic' = 'shop.public.products',
  'properties.bootstrap.servers' = 'kafka:9092',
  'properties.group.id' = 'flink',
  'scan.startup.mode' = 'earliest-offset',
  'format' = 'debezium-json'
);

CREATE TABLE orders (
  id INT,
  customer_id INT,
  product_id INT,
  quantity INT,
  status STRING,
  PRIMARY KEY (id) NOT ENFORCED
) WITH (
  'connector' = 'kafka',
  'topic' = 'shop.public.orders',
  'properties.bootstrap.servers' = 'kafka:9092',
  'properties.group.id' = 'flink',
  'scan.startup.mode' = 'earliest-offset',
  'format' = 'debezium-json'
);

CREATE TABLE enriched_orders (
  order_id INT,
  customer STRING,
  product STRING,
  total DECIMAL(38, 2),
  status STRING,
  PRIMARY KEY (order_id) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'enriched_orders',
  'properties.bootstrap.servers' = 'kafka:9092',
  'key.format' = 'json',
  'value.format' = 'json'
);

SELECT * FROM orders LIMIT 10;

INSERT INTO enriched_orders
SELECT o.id, c.name, p.name, CAST(o.quantity * p.price AS DECIMAL(38, 2)), o.status
FROM orders AS o
LEFT JOIN customers AS c ON o.customer_id = c.id
LEFT JOIN products AS p ON o.product_id = p.id;
