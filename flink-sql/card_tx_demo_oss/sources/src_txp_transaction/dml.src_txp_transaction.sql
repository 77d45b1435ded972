EXECUTE STATEMENT SET
BEGIN
  INSERT INTO src_txp_pending_transaction
  WITH pending AS (
    SELECT * FROM transactions WHERE op <> 'd' AND `after`.status = 'PENDING'
  )
  SELECT
    COALESCE(`after`.txn_id, 'NULL'),
    COALESCE(`after`.account_number, 'NULL'),
    TO_TIMESTAMP(`after`.`timestamp`, 'yyyy-MM-dd''T''HH:mm:ss.SSSSSS''Z'''),
    COALESCE(`after`.amount, 0),
    COALESCE(`after`.currency, 'NULL'),
    COALESCE(`after`.merchant, 'NULL'),
    COALESCE(`after`.location, 'NULL'),
    COALESCE(`after`.status, 'NULL'),
    COALESCE(`after`.transaction_type, 'NULL'),
    `partition`,
    `offset`
  FROM pending;
  INSERT INTO src_txp_transaction
  WITH settled AS (
    SELECT * FROM transactions WHERE op <> 'd' AND `after`.status <> 'PENDING'
  )
  SELECT
    COALESCE(`after`.txn_id, 'NULL'),
    COALESCE(`after`.account_number, 'NULL'),
    TO_TIMESTAMP(`after`.`timestamp`, 'yyyy-MM-dd''T''HH:mm:ss.SSSSSS''Z'''),
    COALESCE(`after`.amount, 0),
    COALESCE(`after`.currency, 'NULL'),
    COALESCE(`after`.merchant, 'NULL'),
    COALESCE(`after`.location, 'NULL'),
    COALESCE(`after`.status, 'NULL'),
    COALESCE(`after`.transaction_type, 'NULL'),
    `partition`,
    `offset`
  FROM settled;
END;
