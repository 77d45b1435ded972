ALTER TABLE `card-tx.public.transactions` ADD (
  `partition` INT METADATA VIRTUAL,
  `offset` BIGINT METADATA VIRTUAL
);
