-- +goose Up
ALTER TABLE accounts ADD COLUMN status varchar(10) DEFAULT 'open' NOT NULL;
-- +goose Down
ALTER TABLE accounts DROP COLUMN status;
