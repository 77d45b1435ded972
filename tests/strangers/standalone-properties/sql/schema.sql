create table subscriber (
  email text primary key,
  topic text not null,
  since date not null
);
alter table subscriber replica identity full;
