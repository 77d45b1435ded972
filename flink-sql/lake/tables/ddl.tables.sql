-- The customers as they are: a row is replaced or deleted by its key.
CREATE TABLE lake_customers (
    account_number STRING,
    customer_name  STRING,
    city           STRING,
    PRIMARY KEY (account_number) NOT ENFORCED
) WITH (
    'connector' = 'iceberg',
    'catalog-name' = 'lake',
    'catalog-type' = 'hadoop',
    'catalog-database' = 'card_tx',
    'catalog-table' = 'customers',
    'warehouse' = 's3://card-tx/warehouse',
    'format-version' = '2',
    'write.upsert.enabled' = 'true'
);

-- Every change of a transaction, one below the other.
CREATE TABLE lake_transaction_changes (
    txn_id STRING,
    op     STRING,
    amount DECIMAL(10, 2),
    status STRING
) WITH (
    'connector' = 'iceberg',
    'catalog-name' = 'lake',
    'catalog-type' = 'hadoop',
    'catalog-database' = 'card_tx',
    'catalog-table' = 'transaction_changes',
    'warehouse' = 's3://card-tx/warehouse',
    'format-version' = '2'
);
