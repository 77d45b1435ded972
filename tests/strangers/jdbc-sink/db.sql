CREATE TABLE items (id int PRIMARY KEY, label varchar(30) NOT NULL, price numeric(6, 2));
ALTER TABLE items REPLICA IDENTITY FULL;
