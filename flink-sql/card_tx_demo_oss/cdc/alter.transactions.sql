ALTER TABLE transactions ADD (
  `partition` INT METADATA VIRTUAL,
  `offset` BIGINT METADATA VIRTUAL
);
