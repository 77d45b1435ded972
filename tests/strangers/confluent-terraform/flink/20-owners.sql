CREATE TABLE owners (PRIMARY KEY (account_id) NOT ENFORCED)
AS SELECT account_id, UPPER(owner) AS owner, tier FROM `payments.public.accounts`;
