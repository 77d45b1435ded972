create table stock (
  `id` bigint,
  `warehouse_id` bigint,
  `sku` string,
  `on_hand` int,
  `reserved` int,
  primary key (`id`) not enforced
) with (
  'connector' = 'kafka',
  'topic' = 'inventory.public.stock_item',
  'properties.bootstrap.servers' = 'broker:29092',
  'scan.startup.mode' = 'earliest-offset',
  'value.format' = 'debezium-json'
);

create table availability (
  `sku` string,
  `free` int,
  primary key (`sku`) not enforced
) with (
  'connector' = 'upsert-kafka',
  'topic' = 'availability',
  'properties.bootstrap.servers' = 'broker:29092',
  'key.format' = 'json',
  'value.format' = 'json'
);

insert into availability
select `sku`, sum(`on_hand` - `reserved`) as `free`
from stock
group by `sku`
having sum(`on_hand` - `reserved`) > 0;
