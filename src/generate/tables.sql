-- The tables that the generator writes to, made where they are not there yet.
CREATE TABLE IF NOT EXISTS customers (
    account_number varchar(50)  PRIMARY KEY,
    customer_name  varchar(255) NOT NULL,
    email          varchar(255),
    phone_number   varchar(50),
    date_of_birth  timestamp(3),
    city           varchar(255),
    created_at     timestamptz  DEFAULT now()
);

CREATE TABLE IF NOT EXISTS transactions (
    txn_id           varchar(36)    PRIMARY KEY,
    account_number   varchar(255)   NOT NULL REFERENCES customers (account_number),
    "timestamp"      timestamptz    DEFAULT now(),
    amount           decimal(10, 2) NOT NULL,
    currency         varchar(5)     DEFAULT 'USD',
    merchant         varchar(255),
    location         varchar(255),
    status           varchar(255)   DEFAULT 'PENDING',
    transaction_type varchar(50)
);

CREATE INDEX IF NOT EXISTS idx_transactions_account_number ON transactions (account_number);
CREATE INDEX IF NOT EXISTS idx_transactions_timestamp ON transactions ("timestamp");
