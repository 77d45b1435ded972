ALTER TABLE accounts ALTER COLUMN cents TYPE int;
DELETE FROM accounts WHERE id = 2;
