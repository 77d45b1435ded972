INSERT INTO customer_deletes
SELECT `before`.account_number, `before`.city FROM customers WHERE op = 'd';

INSERT INTO transaction_changes
SELECT
    IF(op = 'd', `before`.txn_id, `after`.txn_id),
    op,
    op = 'd',
    IF(op = 'd', `before`.account_number, `after`.account_number),
    CAST(REPLACE(REPLACE(IF(op = 'd', `before`.`timestamp`, `after`.`timestamp`), 'T', ' '), 'Z', '') AS TIMESTAMP(6)),
    IF(op = 'd', `before`.amount, `after`.amount),
    IF(op = 'd', `before`.status, `after`.status)
FROM transactions;
