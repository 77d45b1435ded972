INSERT INTO `customer_deletes`
SELECT
  `before`.`account_number`,
  $rowtime, -- when the record reached the topic
  TO_TIMESTAMP_LTZ(`source`.`ts_ms`, 3)
FROM `card-tx.public.customers`
WHERE `op` = 'd'
