ALTER TABLE accounts RENAME COLUMN balance TO cents;
UPDATE accounts SET cents = cents * 100;
