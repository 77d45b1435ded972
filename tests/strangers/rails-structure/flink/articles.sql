CREATE TABLE articles (id BIGINT, title STRING, status INT, updated_at BIGINT, PRIMARY KEY (id) NOT ENFORCED)
WITH ('connector' = 'kafka', 'topic' = 'cms.public.articles', 'format' = 'debezium-json', 'debezium-json.schema-include' = 'true', 'scan.startup.mode' = 'earliest-offset', 'properties.bootstrap.servers' = 'kafka:9092');
CREATE TABLE article_index (id BIGINT, title STRING, updated_at BIGINT, PRIMARY KEY (id) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', 'topic' = 'article_index', 'key.format' = 'json', 'value.format' = 'json', 'properties.bootstrap.servers' = 'kafka:9092');
INSERT INTO article_index SELECT id, LOWER(TRIM(title)), updated_at FROM articles WHERE status = 0;
