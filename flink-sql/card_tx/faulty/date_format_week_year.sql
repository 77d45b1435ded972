-- Known fault 4: YYYY is the week year and DD the day of the year.
INSERT INTO `txp_dim_customers`
SELECT
  `account_number`,
  COALESCE(`customer_name`, 'NULL'),
  COALESCE(`email`, 'NULL'),
  COALESCE(`phone_number`, 'NULL'),
  COALESCE(DATE_FORMAT(TO_TIMESTAMP_LTZ(`date_of_birth`, 3), 'YYYY-MM-DD'), 'NULL'),
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
    `source`.`ts_ms` AS `src_ms`
  FROM `card-tx.public.customers`
)
