CREATE TABLE invoice (id bigint PRIMARY KEY, payer text NOT NULL, cents int NOT NULL);
CREATE TABLE ticket (id bigint PRIMARY KEY, payer text NOT NULL, is_open boolean NOT NULL);
ALTER TABLE invoice REPLICA IDENTITY FULL;
ALTER TABLE ticket REPLICA IDENTITY FULL;
