-- Every type of Postgres that Debezium writes whole.
CREATE EXTENSION hstore; CREATE EXTENSION ltree; CREATE EXTENSION citext;
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN price AS numeric(8,2); CREATE DOMAIN gross AS price; CREATE DOMAIN label AS varchar(10); CREATE DOMAIN tag AS char(4);
CREATE TABLE a (
  id int PRIMARY KEY,
  yes boolean, small smallint, whole int, big bigint, number oid, single real, double double precision,
  exact numeric, fixed numeric(6,2), money money,
  padded char(4), one "char", short varchar(8), words text, folded citext, mark uuid, markup xml, path ltree,
  host inet, network cidr, card macaddr, card8 macaddr8,
  ints int4range, bigs int8range, numbers numrange, times tsrange, moments tstzrange, days daterange,
  bit bit(1), bits bit(3), wide_bits bit(11), some_bits varbit, few_bits varbit(5), bytes bytea,
  day date, clock time, coarse_clock time(3), zoned_clock timetz,
  at timestamp, at_ms timestamp(3), at_s timestamp(0), moment timestamptz, span interval,
  document json, binary_document jsonb, pairs hstore, search tsvector, place point,
  feeling mood, price price, gross gross, label label, tag tag);
CREATE TABLE lists (
  id int PRIMARY KEY,
  yes boolean[], small smallint[], whole int[], big bigint[], number oid[], single real[], double double precision[],
  exact numeric[], fixed numeric(6,2)[], padded char(4)[], short varchar(8)[], words text[], folded citext[], mark uuid[], path ltree[],
  host inet[], network cidr[], card macaddr[], ints int4range[], bigs int8range[], numbers numrange[], times tsrange[], days daterange[],
  day date[], zoned_clock timetz[], at timestamp[], at_ms timestamp(3)[], moment timestamptz[],
  document json[], binary_document jsonb[], feeling mood[])
