EXECUTE STATEMENT SET
BEGIN
  INSERT INTO src_txp_pending_transaction
  WITH pending AS (
    SELECT * FROM `card-tx.public.transactions` WHERE status = 'PENDING'
  )
  SELECT
    COALESCE(txn_id, 'NULL') AS txn_id,
    COALESCE(account_number, 'NULL') AS account_number,
    CAST(TO_TIMESTAMP(`timestamp`, 'yyyy-MM-dd''T''HH:mm:ss.SSSSSS''Z''') AS TIMESTAMP_LTZ(3)) AS `timestamp`,
    COALESCE(amount, 0) AS amount,
    COALESCE(currency, 'NULL') AS currency,
    COALESCE(merchant, 'NULL') AS merchant,
    COALESCE(location, 'NULL') AS location,
    COALESCE(status, 'NULL') AS status,
    COALESCE(transaction_type, 'NULL') AS transaction_type,
    `partition` AS src_partition,
    `offset` AS src_offset
  FROM pending;
  INSERT INTO src_txp_transaction
  WITH settled AS (
    SELECT * FROM `card-tx.public.transactions` WHERE status <> 'PENDING'
  )
  SELECT
    COALESCE(txn_id, 'NULL') AS txn_id,
    COALESCE(account_number, 'NULL') AS account_number,
    CAST(TO_TIMESTAMP(`timestamp`, 'yyyy-MM-dd''T''HH:mm:ss.SSSSSS''Z''') AS TIMESTAMP_LTZ(3)) AS `timestamp`,
    COALESCE(amount, 0) AS amount,
    COALESCE(currency, 'NULL') AS currency,
    COALESCE(merchant, 'NULL') AS merchant,
    COALESCE(location, 'NULL') AS location,
    COALESCE(status, 'NULL') AS status,
    COALESCE(transaction_type, 'NULL') AS transaction_type,
    `partition` AS src_partition,
    `offset` AS src_offset
  FROM settled;
END;
