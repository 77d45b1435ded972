INSERT INTO transfers_by_account
SELECT account_id, COUNT(*) AS n, SUM(amount) AS total
FROM `payments.public.transfers`
WHERE state = 'SETTLED'
GROUP BY account_id;
