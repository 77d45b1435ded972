CREATE TABLE orders (id bigint PRIMARY KEY, amount decimal(10, 2) NOT NULL);
