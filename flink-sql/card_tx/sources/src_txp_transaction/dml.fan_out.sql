-- Each transaction stands in exactly one of the two tables. `IS DISTINCT FROM` keeps a row whose
-- status is NULL: `<>` would lose it.
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
  WHERE `status` IS DISTINCT FROM 'PENDING';

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
