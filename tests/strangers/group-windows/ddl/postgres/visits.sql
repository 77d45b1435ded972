CREATE TABLE visits (
  visit_id serial PRIMARY KEY,
  site text NOT NULL,
  visited_at timestamp NOT NULL
);
ALTER TABLE visits REPLICA IDENTITY FULL;
