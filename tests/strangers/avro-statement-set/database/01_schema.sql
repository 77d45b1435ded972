CREATE SCHEMA rides;
SET search_path TO rides;
CREATE TYPE ride_state AS ENUM ('requested', 'driving', 'done');
CREATE TABLE rides.driver (driver_id integer PRIMARY KEY, name varchar(40) NOT NULL, rating numeric(2, 1) CHECK (rating BETWEEN 1 AND 5));
CREATE TABLE rides.ride (
  ride_id   bigint PRIMARY KEY,
  driver_id integer NOT NULL REFERENCES rides.driver (driver_id),
  state     ride_state NOT NULL,
  fare      numeric(8, 2),
  tags      text[]
);
