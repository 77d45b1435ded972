-- Transactions that are scored once, when they are written.
CREATE TABLE transactions (
    txn_id         varchar(36)    PRIMARY KEY,
    account_number varchar(50)    NOT NULL,
    amount         decimal(10, 2) NOT NULL,
    location       varchar(255)
);
