CREATE TABLE accounts (
  account_id  text PRIMARY KEY,
  owner       text NOT NULL,
  tier        text NOT NULL DEFAULT 'basic'
);
ALTER TABLE accounts REPLICA IDENTITY FULL;

CREATE TABLE transfers (
  transfer_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  account_id  text NOT NULL REFERENCES accounts (account_id),
  amount      numeric(12, 2) NOT NULL,
  state       text NOT NULL
);
ALTER TABLE transfers REPLICA IDENTITY FULL;
