create table subscriber (
  email string,
  topic string,
  since int,
  primary key (email) not enforced
) with (
  'connector' = 'kafka', 'topic' = 'mail.public.subscriber', 'format' = 'debezium-json', 'scan.startup.mode' = 'earliest-offset'
);
create table sizes (topic string, subscribers bigint, first_day int, primary key (topic) not enforced)
with ('connector' = 'upsert-kafka', 'topic' = 'sizes', 'key.format' = 'json', 'value.format' = 'json');
insert into sizes select topic, count(*), min(since) from subscriber group by topic;
