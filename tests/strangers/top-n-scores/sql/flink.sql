CREATE TEMPORARY TABLE player (id INT, nick STRING, country STRING, PRIMARY KEY (id) NOT ENFORCED)
WITH ('connector' = 'kafka', 'topic' = 'game.public.player', 'format' = 'debezium-json', 'scan.startup.mode' = 'earliest-offset');
CREATE TEMPORARY TABLE score (id INT, player_id INT, points INT, achieved_at STRING, PRIMARY KEY (id) NOT ENFORCED)
WITH ('connector' = 'kafka', 'topic' = 'game.public.score', 'format' = 'debezium-json', 'scan.startup.mode' = 'earliest-offset');
CREATE TEMPORARY TABLE best (player_id INT, points INT, achieved_on STRING, PRIMARY KEY (player_id) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', 'topic' = 'best', 'key.format' = 'json', 'value.format' = 'json');

INSERT INTO best
SELECT player_id, points, SUBSTRING(achieved_at, 1, 10)
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY player_id ORDER BY points DESC, id ASC) AS row_num
  FROM score
)
WHERE row_num = 1;
