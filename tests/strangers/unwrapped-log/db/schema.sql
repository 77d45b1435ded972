CREATE TABLE clicks (id bigint PRIMARY KEY, page text NOT NULL, ms int NOT NULL);
