CREATE TABLE payments (
    id      int PRIMARY KEY,
    account text NOT NULL,
    paid_at timestamp(3) NOT NULL,
    amount  numeric(10, 2) NOT NULL
);
