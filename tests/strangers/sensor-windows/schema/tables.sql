CREATE TABLE readings (
  id        bigint PRIMARY KEY,
  sensor    text NOT NULL,
  taken_at  timestamp(3) NOT NULL,
  celsius   double precision NOT NULL
);
