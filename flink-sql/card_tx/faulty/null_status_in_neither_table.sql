-- Known fault 6: `<>` is not true for NULL, so that a row whose status is NULL is in neither table.
EXECUTE STATEMENT SET
BEGIN
  INSERT INTO `src_txp_transaction`
  SELECT
    `txn_id`,
    COALESCE(`account_number`, 'NULL'),
    CAST(REPLACE(REPLACE(`timestamp`, 'T', ' '), 'Z', '') AS TIMESTAMP(3)),
    COALESCE(`amount`, 0),
    COALESCE(`currency`, 'NULL'),
    COALESCE(`merchant`, 'NULL'),
    COALESCE(`location`, 'NULL'),
    COALESCE(`status`, 'NULL'),
    COALESCE(`transaction_type`, 'NULL'),
    `partition`,
    `offset`
  FROM `card-tx.public.transactions`
  WHERE `status` <> 'PENDING';

  INSERT INTO `src_txp_pending_transaction`
  SELECT
    `txn_id`,
    COALESCE(`account_number`, 'NULL'),
    CAST(REPLACE(REPLACE(`timestamp`, 'T', ' '), 'Z', '') AS TIMESTAMP(3)),
    COALESCE(`amount`, 0),
    COALESCE(`currency`, 'NULL'),
    COALESCE(`merchant`, 'NULL'),
    COALESCE(`location`, 'NULL'),
    COALESCE(`status`, 'NULL'),
    COALESCE(`transaction_type`, 'NULL'),
    `partition`,
    `offset`
  FROM `card-tx.public.transactions`
  WHERE `status` = 'PENDING';
END
