-- One row a customer, deleted ones included: `is_deleted` and the last values they had.
CREATE TABLE txp_dim_customers (
    account_number STRING,
    customer_name  STRING,
    email          STRING,
    phone_number   STRING,
    date_of_birth  STRING,
    city           STRING,
    src_op         STRING,
    is_deleted     BOOLEAN,
    src_timestamp  TIMESTAMP_LTZ(3),
    WATERMARK FOR src_timestamp AS src_timestamp - INTERVAL '5' SECOND,
    PRIMARY KEY (account_number) NOT ENFORCED
) WITH (
    'connector' = 'upsert-kafka',
    'topic' = 'txp_dim_customers',
    'properties.bootstrap.servers' = 'kafka:9092',
    'properties.isolation.level' = 'read_committed',
    'key.format' = 'json',
    'value.format' = 'json'
);
