CREATE TABLE accounts (id int, owner text NOT NULL, cents bigint, status varchar(10) DEFAULT 'open' NOT NULL);
ALTER TABLE accounts ADD PRIMARY KEY (id);
