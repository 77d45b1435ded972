//! What Postgres' catalog says of the source tables.

use crate::client::postgres::{Connection, PostgresError, ident, literal};
use crate::history::event::{Published, Table};
use crate::scenario::settings::ReplicaIdentity;

/// Tables outside the system's schemas, partitioned ones among them, in the form in which a history
/// holds them.
/// Temporary and unlogged tables are not in the WAL, so they are not there for us either.
/// `{base}` stands for [`BASE`].
const TABLES: &str = "
SELECT coalesce(json_agg(json_build_object(
         'oid', c.oid::bigint, 'schema', n.nspname, 'name', c.relname, 'captured', false,
         'identity', CASE c.relreplident WHEN 'f' THEN 'full' WHEN 'i' THEN 'index'
                                         WHEN 'n' THEN 'nothing' ELSE 'default' END,
         'key', (SELECT coalesce(json_agg(k.attname ORDER BY x.nth), '[]')
                   FROM pg_index i
                  CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS x (attnum, nth)
                   JOIN pg_attribute k ON k.attrelid = i.indrelid AND k.attnum = x.attnum
                  WHERE i.indrelid = c.oid AND i.indisprimary),
         'columns', (SELECT coalesce(json_agg(json_build_object(
                              'name', a.attname, 'type_oid', a.atttypid::bigint,
                              'type_name', format_type(a.atttypid, a.atttypmod),
                              'base', {base},
                              'not_null', a.attnotnull,
                              'default', CASE WHEN a.attgenerated = ''
                                              THEN pg_get_expr(d.adbin, d.adrelid) END,
                              'generated', a.attgenerated <> '') ORDER BY a.attnum), '[]')
                       FROM pg_attribute a
                      {joins}
                       LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
                      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
         'partitioned', c.relkind = 'p',
         'within', (WITH RECURSIVE up AS (
                      SELECT h.inhparent, 1 AS depth FROM pg_inherits h
                       WHERE h.inhrelid = c.oid AND c.relispartition
                       UNION ALL
                      SELECT h.inhparent, up.depth + 1 FROM pg_inherits h
                        JOIN up ON h.inhrelid = up.inhparent)
                    SELECT coalesce(json_agg(un.nspname || '.' || uc.relname ORDER BY up.depth), '[]')
                      FROM up JOIN pg_class uc ON uc.oid = up.inhparent
                      JOIN pg_namespace un ON un.oid = uc.relnamespace)
       ) ORDER BY n.nspname, c.relname), '[]')
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
   AND n.nspname NOT IN ('information_schema', 'changes') AND n.nspname NOT LIKE 'pg\\_%'";

/// The type that values of a column `a` are read as, if that is another than its own: the one that a
/// domain is of, `text` for an enum; with [`JOINS`] beside it.
pub const BASE: &str = "CASE WHEN e.typtype IN ('d', 'e') THEN (
   WITH RECURSIVE root (oid, modifier, kind) AS (
     SELECT e.oid, a.atttypmod, e.typtype
     UNION ALL
     SELECT b.oid, d.typtypmod, b.typtype
       FROM root r
       JOIN pg_type d ON d.oid = r.oid AND d.typtype = 'd'
       JOIN pg_type b ON b.oid = d.typbasetype)
   SELECT CASE r.kind WHEN 'e' THEN 'text' ELSE format_type(r.oid, r.modifier) END
          || CASE WHEN t.typcategory = 'A' THEN '[]' ELSE '' END
     FROM root r WHERE r.kind <> 'd') END";

/// The type of a column `a`, and that of its elements or again its own.
pub const JOINS: &str = "JOIN pg_type t ON t.oid = a.atttypid
   JOIN pg_type e ON e.oid = CASE t.typcategory WHEN 'A' THEN t.typelem ELSE t.oid END";

/// The query that gives the tables of its database.
pub(super) fn tables_sql() -> String {
    TABLES.replace("{base}", BASE).replace("{joins}", JOINS)
}

/// The tables of the connection's database by schema and name, none of them marked as captured.
pub async fn tables(connection: &Connection) -> Result<Vec<Table>, PostgresError> {
    json(connection, &tables_sql()).await
}

/// The tables of the database with their replica identity, and whether a publication names them.
pub async fn published(
    connection: &Connection,
    publication: &str,
) -> Result<Vec<Published>, PostgresError> {
    let sql = format!(
        "SELECT coalesce(json_agg(json_build_object(
                  'table', n.nspname || '.' || c.relname, 'identity', c.relreplident,
                  'published', r.oid IS NOT NULL) ORDER BY n.nspname, c.relname), '[]')
           FROM pg_class c
           JOIN pg_namespace n ON n.oid = c.relnamespace
           LEFT JOIN pg_publication p ON p.pubname = {}
           LEFT JOIN pg_publication_rel r ON r.prrelid = c.oid AND r.prpubid = p.oid
          WHERE c.relkind = 'r' AND c.relpersistence = 'p'
            AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'",
        literal(publication)
    );
    json(connection, &sql).await
}

async fn json<T: serde::de::DeserializeOwned>(
    connection: &Connection,
    sql: &str,
) -> Result<T, PostgresError> {
    let json = connection.value(sql).await?.unwrap_or_default();
    serde_json::from_str(&json).map_err(|error| PostgresError {
        doing: "reading the catalog".to_owned(),
        message: error.to_string(),
        ..PostgresError::default()
    })
}

/// Whether the WAL can name the old row of an update or delete.
pub fn has_identity(table: &Table) -> bool {
    match table.identity {
        ReplicaIdentity::Full | ReplicaIdentity::Index => true,
        ReplicaIdentity::Default => !table.key.is_empty(),
        ReplicaIdentity::Nothing => false,
    }
}

/// `schema.name`, as the configuration of a connector names the table.
pub fn qualified(table: &Table) -> String {
    format!("{}.{}", table.schema, table.name)
}

/// `"schema"."name"`, as SQL names it.
pub fn quoted(table: &Table) -> String {
    format!("{}.{}", ident(&table.schema), ident(&table.name))
}
