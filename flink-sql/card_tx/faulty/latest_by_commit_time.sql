-- Known fault 7: all changes of a transaction have one commit time, so that the latest row by it is
-- not the last one.
INSERT INTO `txp_dim_customers`
SELECT
  `account_number`,
  COALESCE(`customer_name`, 'NULL'),
  COALESCE(`email`, 'NULL'),
  COALESCE(`phone_number`, 'NULL'),
  COALESCE(DATE_FORMAT(TO_TIMESTAMP_LTZ(`date_of_birth`, 3), 'yyyy-MM-dd'), 'NULL'),
  COALESCE(`city`, 'NULL'),
  `op`,
  `op` = 'd',
  TO_TIMESTAMP_LTZ(`src_ms`, 3)
FROM (
  SELECT
    IF(`op` = 'd', `before`.`account_number`, `after`.`account_number`) AS `account_number`,
    IF(`op` = 'd', `before`.`customer_name`, `after`.`customer_name`) AS `customer_name`,
    IF(`op` = 'd', `before`.`email`, `after`.`email`) AS `email`,
    IF(`op` = 'd', `before`.`phone_number`, `after`.`phone_number`) AS `phone_number`,
    IF(`op` = 'd', `before`.`date_of_birth`, `after`.`date_of_birth`) AS `date_of_birth`,
    IF(`op` = 'd', `before`.`city`, `after`.`city`) AS `city`,
    `op`,
    `source`.`ts_ms` AS `src_ms`,
    ROW_NUMBER() OVER (
      PARTITION BY COALESCE(`after`.`account_number`, `before`.`account_number`)
      ORDER BY `source`.`ts_ms` DESC
    ) AS `nth`
  FROM `card-tx.public.customers`
)
WHERE `nth` = 1
