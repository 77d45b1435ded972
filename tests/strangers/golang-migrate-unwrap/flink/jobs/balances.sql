INSERT INTO balances
SELECT currency, COUNT(DISTINCT holder), SUM(balance)
FROM accounts
GROUP BY currency;
