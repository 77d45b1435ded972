CREATE TABLE users (
  `id` INT,
  `email` STRING,
  `displayName` STRING,
  `role` STRING,
  PRIMARY KEY (`id`) NOT ENFORCED
) WITH ('connector' = 'kafka', 'topic' = 'blog.public.User', 'format' = 'debezium-json', 'scan.startup.mode' = 'earliest-offset', 'properties.bootstrap.servers' = 'kafka:9092');

CREATE TABLE posts (
  `id` INT,
  `title` STRING,
  `published` BOOLEAN,
  `authorId` INT,
  PRIMARY KEY (`id`) NOT ENFORCED
) WITH ('connector' = 'kafka', 'topic' = 'blog.public.Post', 'format' = 'debezium-json', 'scan.startup.mode' = 'earliest-offset', 'properties.bootstrap.servers' = 'kafka:9092');

CREATE VIEW published AS
SELECT * FROM posts WHERE published;

CREATE TABLE author_pages (
  authorId INT,
  author STRING,
  `posts` BIGINT,
  PRIMARY KEY (authorId) NOT ENFORCED
) WITH ('connector' = 'upsert-kafka', 'topic' = 'author-pages', 'key.format' = 'json', 'value.format' = 'json', 'properties.bootstrap.servers' = 'kafka:9092');

INSERT INTO author_pages
SELECT u.id AS authorId, COALESCE(u.displayName, u.email), p.n
FROM users u
JOIN (SELECT authorId, COUNT(*) AS n FROM published GROUP BY authorId) p ON p.authorId = u.id;
