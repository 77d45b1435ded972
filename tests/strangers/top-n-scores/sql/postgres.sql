create table player (id int primary key, nick text not null, country text not null);
create table score (id int primary key, player_id int not null references player (id), points int not null, achieved_at timestamptz not null);
