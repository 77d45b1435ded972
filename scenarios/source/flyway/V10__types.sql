ALTER TABLE accounts ALTER COLUMN cents TYPE bigint;
INSERT INTO accounts (id, owner, cents) VALUES (2, 'bob', 700);
