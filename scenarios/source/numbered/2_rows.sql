-- +goose Up
INSERT INTO accounts (id, owner, cents) VALUES (1, 'ann', 500), (2, 'bob', 700);
-- +goose Down
DELETE FROM accounts;
