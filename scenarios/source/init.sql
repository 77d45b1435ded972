\set ON_ERROR_STOP on
\echo Making the shop: don't panic
SELECT 'CREATE DATABASE warehouse' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'warehouse')\gexec
CREATE DATABASE shop;
ALTER DATABASE shop OWNER TO shop_app;
ALTER SYSTEM SET wal_level = logical;
\connect shop
CREATE SCHEMA stock;
CREATE TABLE stock.items (id int PRIMARY KEY, name text NOT NULL, amount int DEFAULT 0 NOT NULL);
CREATE TABLE stock.moves (id bigint PRIMARY KEY, item int REFERENCES stock.items, by int);
GRANT SELECT ON ALL TABLES IN SCHEMA stock TO shop_app;
\dt stock.*
COPY stock.items (id, name, amount) FROM stdin;
1	nail	10
2	screw	4
\.
COPY stock.moves (id, item, by) FROM stdin;
\.
\i more.sql
