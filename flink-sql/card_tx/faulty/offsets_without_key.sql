-- Without the key a retraction must equal the row it takes back, and the offset never does.
ALTER TABLE `card-tx.public.transactions` DROP PRIMARY KEY;
