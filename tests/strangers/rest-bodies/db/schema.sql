CREATE TABLE payments (
    id          bigint PRIMARY KEY,
    account_id  int NOT NULL,
    cents       int NOT NULL,
    paid_s      bigint NOT NULL
);
ALTER TABLE payments REPLICA IDENTITY FULL;
