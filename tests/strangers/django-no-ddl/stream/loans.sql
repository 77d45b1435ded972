CREATE TABLE library_loan (
  id BIGINT,
  book STRING,
  reader STRING,
  is_returned BOOLEAN,
  PRIMARY KEY (id) NOT ENFORCED
) WITH (
  'connector' = 'kafka',
  'topic' = 'library.public.library_loan',
  'properties.bootstrap.servers' = 'kafka:9092',
  'scan.startup.mode' = 'earliest-offset',
  'format' = 'debezium-json'
);

CREATE TABLE open_loans (
  reader STRING,
  n BIGINT,
  PRIMARY KEY (reader) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'open_loans',
  'properties.bootstrap.servers' = 'kafka:9092',
  'key.format' = 'json',
  'value.format' = 'json'
);

INSERT INTO open_loans SELECT reader, COUNT(*) AS n FROM library_loan WHERE NOT is_returned GROUP BY reader;
