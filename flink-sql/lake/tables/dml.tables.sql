INSERT INTO lake_customers SELECT account_number, customer_name, city FROM customers_now;

INSERT INTO lake_transaction_changes
SELECT
    IF(op = 'd', `before`.txn_id, `after`.txn_id),
    op,
    IF(op = 'd', `before`.amount, `after`.amount),
    IF(op = 'd', `before`.status, `after`.status)
FROM transactions;
