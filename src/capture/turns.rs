//! Changes of the schema on the way, noted by the source's database itself.
//!
//! Whoever changes a table, and by whatever statement (a block of PL/pgSQL, a function, `SELECT
//! INTO`): an event trigger writes what all tables are then into the WAL, in the same transaction,
//! with the rows of the tables that the statement was about, for which the WAL has no row events.
//! It also keeps the journal's publications: a table that comes is read from its first row on.

use super::catalog::tables_sql;
use super::journal::Slot;
use crate::client::postgres::{Connection, PostgresError, ident, literal};
use crate::model::source;

/// The schema of what the harness has in a source database.
const SCHEMA: &str = "changeproof";
/// Rows of larger tables are not noted: what DDL made of them is then not known.
const ROWS_MAX: u32 = 500_000;
/// How many rows one note tells.
const ROWS_A_NOTE: u32 = 5000;
/// The commands after which a table may be another, or have other rows.
const TAGS: &str = "'CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE', 'DROP TABLE', \
    'CREATE SCHEMA', 'ALTER SCHEMA', 'DROP SCHEMA', 'DROP INDEX', 'ALTER TYPE', 'DROP TYPE', \
    'ALTER DOMAIN', 'DROP DOMAIN', 'DROP OWNED'";

/// A connector's publication, where new tables enter it by themselves.
#[derive(Debug, Clone)]
pub struct Joins {
    /// Its name.
    pub publication: String,
    /// Which tables, as a condition over `full_name` (`schema.name`) and `schema`.
    pub condition: String,
}

/// Makes the trigger. Nothing of the author's runs in it, and it runs nothing of the author's.
pub async fn note(
    superuser: &Connection,
    slot: &Slot,
    joins: &[Joins],
) -> Result<(), PostgresError> {
    let entered = joins.iter().map(|joins| {
        JOIN.replace("{publication}", &literal(&joins.publication))
            .replace("{condition}", &joins.condition)
    });
    let body = format!("{PUBLISH}{}{NOTE}", entered.collect::<String>());
    let body = body
        .replace("{all}", &literal(&slot.all))
        .replace("{inserts}", &literal(&slot.inserts))
        .replace("{tables}", &tables_sql())
        .replace("{tables_prefix}", &literal(source::TABLES))
        .replace("{rows_prefix}", &literal(source::ROWS))
        .replace("{rows_max}", &ROWS_MAX.to_string())
        .replace("{rows_a_note}", &ROWS_A_NOTE.to_string());
    let sql = format!(
        "CREATE SCHEMA {SCHEMA}; \
         CREATE FUNCTION {SCHEMA}.turn() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER \
           SET search_path = pg_catalog SET session_replication_role = replica \
           SET TimeZone = 'UTC' SET DateStyle = 'ISO' SET IntervalStyle = 'postgres' \
           SET bytea_output = 'hex' SET extra_float_digits = '3' \
           AS {}; \
         CREATE EVENT TRIGGER {} ON ddl_command_end WHEN TAG IN ({TAGS}) \
           EXECUTE FUNCTION {SCHEMA}.turn(); \
         ALTER EVENT TRIGGER {} ENABLE ALWAYS",
        literal(&format!(
            "DECLARE the_table record; n_rows bigint; the_rows json; more boolean; BEGIN {body} END"
        )),
        ident(SCHEMA),
        ident(SCHEMA),
    );
    superuser.run(&sql).await.map(drop)
}

/// Puts every table into the publication that can carry its changes.
const PUBLISH: &str = "
FOR the_table IN
  SELECT format('%I.%I', n.nspname, c.relname) AS name, p.named,
         EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication b ON b.oid = r.prpubid
                  WHERE r.prrelid = c.oid AND b.pubname = {all}) AS in_all,
         EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication b ON b.oid = r.prpubid
                  WHERE r.prrelid = c.oid AND b.pubname = {inserts}) AS in_inserts
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   CROSS JOIN LATERAL (SELECT c.relreplident = 'f' OR EXISTS (
           SELECT FROM pg_index i WHERE i.indrelid = c.oid
              AND (c.relreplident = 'd' AND i.indisprimary OR c.relreplident = 'i' AND i.indisreplident)
         ) AS named) p
   WHERE c.relkind = 'r' AND c.relpersistence = 'p'
     AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
LOOP
  IF the_table.named AND NOT the_table.in_all THEN
    EXECUTE format('ALTER PUBLICATION %I ADD TABLE ONLY %s', {all}, the_table.name);
  ELSIF NOT the_table.named AND the_table.in_all THEN
    EXECUTE format('ALTER PUBLICATION %I DROP TABLE ONLY %s', {all}, the_table.name);
  END IF;
  IF NOT the_table.named AND NOT the_table.in_inserts THEN
    EXECUTE format('ALTER PUBLICATION %I ADD TABLE ONLY %s', {inserts}, the_table.name);
  ELSIF the_table.named AND the_table.in_inserts THEN
    EXECUTE format('ALTER PUBLICATION %I DROP TABLE ONLY %s', {inserts}, the_table.name);
  END IF;
END LOOP;
";

/// Puts tables that were made just now into the connector's publication, if it captures them.
const JOIN: &str = "
FOR the_table IN
  SELECT DISTINCT f.name FROM pg_event_trigger_ddl_commands() d
    JOIN pg_class c ON c.oid = d.objid AND d.classid = 'pg_class'::regclass
    JOIN pg_namespace n ON n.oid = c.relnamespace
   CROSS JOIN LATERAL (SELECT format('%I.%I', n.nspname, c.relname) AS name,
         n.nspname || '.' || c.relname AS full_name, n.nspname::text AS schema) f
   WHERE d.command_tag IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO')
     AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
     AND EXISTS (SELECT FROM pg_publication WHERE pubname = {publication})
     AND NOT EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication b ON b.oid = r.prpubid
                      WHERE r.prrelid = c.oid AND b.pubname = {publication})
     AND ({condition})
LOOP
  EXECUTE format('ALTER PUBLICATION %I ADD TABLE %s', {publication}, the_table.name);
END LOOP;
";

/// Writes the notes.
const NOTE: &str = "
PERFORM pg_logical_emit_message(true, {tables_prefix}, ({tables})::text);
FOR the_table IN
  WITH RECURSIVE touched AS (
    SELECT d.objid FROM pg_event_trigger_ddl_commands() d
     WHERE d.classid = 'pg_class'::regclass AND d.command_tag <> 'CREATE TABLE'
    UNION
    SELECT a.attrelid FROM pg_event_trigger_ddl_commands() d
      JOIN pg_attribute a ON a.atttypid >= 16384 AND a.attnum > 0 AND NOT a.attisdropped
     WHERE d.classid = 'pg_type'::regclass
    UNION
    SELECT i.inhrelid FROM pg_inherits i JOIN touched ON i.inhparent = touched.objid
  )
  SELECT c.oid::bigint AS oid, n.nspname, c.relname,
         (SELECT string_agg(format('CASE num_nulls(row_of.%1$I) WHEN 1 THEN NULL ELSE format(''%%s'', row_of.%1$I) END',
                                   a.attname), ', ' ORDER BY a.attnum)
            FROM pg_attribute a
           WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS cells
    FROM touched JOIN pg_class c ON c.oid = touched.objid JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind = 'r' AND c.relpersistence = 'p'
     AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
LOOP
  EXECUTE format('SELECT count(*) FROM (SELECT FROM ONLY %I.%I LIMIT {rows_max} + 1) AS counted',
                 the_table.nspname, the_table.relname) INTO n_rows;
  CONTINUE WHEN n_rows > {rows_max};
  more := false;
  FOR the_rows IN EXECUTE format(
    'SELECT coalesce(json_agg(cells) FILTER (WHERE cells IS NOT NULL), ''[]'') '
    'FROM (SELECT 0 AS note) AS one LEFT JOIN LATERAL ('
      'SELECT (row_number() OVER () - 1) / {rows_a_note} AS part, to_json(ARRAY[%s]::text[]) AS cells '
        'FROM ONLY %I.%I AS row_of) AS noted ON true '
    'GROUP BY part ORDER BY part',
    coalesce(the_table.cells, ''), the_table.nspname, the_table.relname)
  LOOP
    PERFORM pg_logical_emit_message(true, {rows_prefix},
      json_build_object('table', the_table.oid, 'more', more, 'rows', the_rows)::text);
    more := true;
  END LOOP;
END LOOP;
";
