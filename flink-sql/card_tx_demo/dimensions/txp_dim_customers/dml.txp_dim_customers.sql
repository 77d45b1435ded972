INSERT INTO txp_dim_customers
WITH relevant_records AS (
  SELECT * FROM `card-tx.public.customers` WHERE op IN ('c', 'r', 'u', 'd')
),
extracted_data AS (
  SELECT
    COALESCE(IF(op = 'd', before.account_number, after.account_number), 'NULL') AS account_number,
    COALESCE(IF(op = 'd', before.customer_name, after.customer_name), 'NULL') AS customer_name,
    COALESCE(IF(op = 'd', before.email, after.email), 'NULL') AS email,
    COALESCE(IF(op = 'd', before.phone_number, after.phone_number), 'NULL') AS phone_number,
    COALESCE(DATE_FORMAT(IF(op = 'd', before.date_of_birth, after.date_of_birth), 'YYYY-MM-DD'), 'NULL') AS date_of_birth,
    COALESCE(IF(op = 'd', before.city, after.city), 'NULL') AS city,
    op AS src_op,
    (op = 'd') AS is_deleted,
    TO_TIMESTAMP_LTZ(source.ts_ms, 3) AS src_timestamp
  FROM relevant_records
)
SELECT * FROM extracted_data;
