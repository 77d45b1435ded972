-- Known fault 3: the pattern has no seconds. It does not match the times of the records at all.
EXECUTE STATEMENT SET
BEGIN
  INSERT INTO `src_txp_transaction`
  SELECT
    `txn_id`,
    COALESCE(`account_number`, 'NULL'),
    TO_TIMESTAMP(`timestamp`, 'yyyy-MM-dd HH:mm:SSSSSS'),
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
    TO_TIMESTAMP(`timestamp`, 'yyyy-MM-dd HH:mm:SSSSSS'),
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
