-- +goose Up
CREATE TABLE accounts (id int PRIMARY KEY, owner text NOT NULL, cents bigint);
-- +goose Down
DROP TABLE accounts;
