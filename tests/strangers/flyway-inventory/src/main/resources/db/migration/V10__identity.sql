alter table warehouse replica identity full;
alter table stock_item replica identity full;
alter table stock_item rename column qty to on_hand;
