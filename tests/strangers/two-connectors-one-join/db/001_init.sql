CREATE TABLE customers (
    id    int PRIMARY KEY,
    name  text NOT NULL
);
CREATE TABLE orders (
    id           int PRIMARY KEY,
    customer_id  int NOT NULL REFERENCES customers (id),
    cents        int NOT NULL,
    paid         boolean NOT NULL DEFAULT false
);
ALTER TABLE customers REPLICA IDENTITY FULL;
ALTER TABLE orders REPLICA IDENTITY FULL;
