-- Once, by psql as the master user of the database, after flink-sql/card_tx_oss/source.sql:
-- the user that the connector logs in as, with the rights that change data capture needs and no others.
-- Its password comes from the variable CDC_PASSWORD of the environment.
\set ON_ERROR_STOP on
\getenv cdc_password CDC_PASSWORD
BEGIN;
CREATE ROLE cdc LOGIN PASSWORD :'cdc_password' CONNECTION LIMIT 8;

-- To read the WAL. On RDS it is a role; elsewhere: ALTER ROLE cdc REPLICATION.
GRANT rds_replication TO cdc;

-- To read the rows of the first snapshot.
GRANT USAGE ON SCHEMA public TO cdc;
GRANT SELECT ON customers, transactions TO cdc;

-- A delete and an update carry the whole old row: card_tx reads both.
ALTER TABLE customers REPLICA IDENTITY FULL;
ALTER TABLE transactions REPLICA IDENTITY FULL;

-- Made here, since making it takes the tables' owner: the connector only reads it.
CREATE PUBLICATION card_tx FOR TABLE customers, transactions;
COMMIT;
