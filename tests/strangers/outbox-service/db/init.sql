CREATE EXTENSION IF NOT EXISTS pgcrypto;
CREATE TABLE outbox_events (
  id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  aggregatetype  varchar(255) NOT NULL,
  aggregateid    varchar(255) NOT NULL,
  type           varchar(255) NOT NULL,
  payload        jsonb NOT NULL
);
CREATE TABLE orders (
  id     bigint PRIMARY KEY,
  status text NOT NULL
);
