CREATE TABLE accounts (id int PRIMARY KEY, owner text, balance int);
CREATE TABLE gone (id int PRIMARY KEY);
INSERT INTO accounts VALUES (1, 'ann', 5);
