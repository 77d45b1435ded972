CREATE TABLE companies (id INT, name STRING, country STRING, PRIMARY KEY (id) NOT ENFORCED)
WITH ('connector' = 'kafka', 'topic' = 'crm.public.companies', 'format' = 'debezium-json', 'scan.startup.mode' = 'earliest-offset');
CREATE TABLE contacts (id INT, company_id INT, full_name STRING, phone STRING, PRIMARY KEY (id) NOT ENFORCED)
WITH ('connector' = 'kafka', 'topic' = 'crm.public.contacts', 'format' = 'debezium-json', 'scan.startup.mode' = 'earliest-offset');
CREATE TABLE contacts_per_company (company STRING, contacts BIGINT, PRIMARY KEY (company) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', 'topic' = 'contacts_per_company', 'key.format' = 'json', 'value.format' = 'json');

INSERT INTO contacts_per_company
WITH counted AS (
  SELECT company_id, COUNT(*) AS n FROM contacts GROUP BY company_id
)
SELECT companies.name, counted.n
FROM counted
INNER JOIN companies ON companies.id = counted.company_id;
