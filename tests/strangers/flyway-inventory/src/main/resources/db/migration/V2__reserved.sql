alter table stock_item add column reserved integer not null default 0;
