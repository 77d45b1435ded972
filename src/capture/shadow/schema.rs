//! The tables of a shadow: the source's columns and types, and nothing that would refuse a row,
//! add one, or change one.

use crate::base::text::Text;
use crate::capture::catalog;
use crate::capture::ddl::Ddl;
use crate::client::postgres::{Connection, PostgresError, ident};
use crate::contain::source::for_shadow;
use crate::history::event::Table;
use crate::sql::postgres::{Kind, kind};

/// The schema of the tables that hold every change.
pub const CHANGES: &str = "changes";

/// Takes triggers, rules, constraints, unique indexes and identities from all tables, and drops
/// publications: they would refuse updates of tables that have lost their keys.
///
/// A source can pass through states within a transaction that a constraint would refuse in a
/// replay, which finds rows by replica identity and knows no deferring. A unique index becomes a
/// plain one, so that the replay still finds rows quickly.
const STRIP: &str = r"
DO $strip$
DECLARE r record;
BEGIN
  FOR r IN SELECT c.oid::regclass AS t, k.conname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
            WHERE c.relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
              AND k.conparentid = 0 AND pg_has_role(c.relowner, 'USAGE')
            ORDER BY k.contype = 'f' DESC, k.oid
  LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I CASCADE', r.t, r.conname); END LOOP;
  FOR r IN SELECT i.indexrelid::regclass AS x FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
            WHERE i.indisunique AND pg_has_role(c.relowner, 'USAGE') AND c.relnamespace::regnamespace::text NOT IN ('pg_catalog', 'pg_toast', 'information_schema')
  LOOP EXECUTE format('DROP INDEX IF EXISTS %s CASCADE', r.x); END LOOP;
  FOR r IN SELECT pubname FROM pg_publication
  LOOP EXECUTE format('DROP PUBLICATION IF EXISTS %I', r.pubname); END LOOP;
  FOR r IN SELECT g.tgrelid::regclass AS t, g.tgname FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
            WHERE NOT g.tgisinternal AND pg_has_role(c.relowner, 'USAGE')
  LOOP EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', r.tgname, r.t); END LOOP;
  FOR r IN SELECT w.ev_class::regclass AS t, w.rulename FROM pg_rewrite w JOIN pg_class c ON c.oid = w.ev_class
            WHERE c.relkind IN ('r', 'p') AND pg_has_role(c.relowner, 'USAGE') AND c.relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
  LOOP EXECUTE format('DROP RULE IF EXISTS %I ON %s', r.rulename, r.t); END LOOP;
  FOR r IN SELECT a.attrelid::regclass AS t, a.attname, a.attidentity <> '' AS identity, a.attnotnull AS filled
             FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
            WHERE c.relkind IN ('r', 'p') AND pg_has_role(c.relowner, 'USAGE') AND a.attnum > 0 AND NOT a.attisdropped
              AND (a.attidentity <> '' OR a.attnotnull)
              AND c.relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
  LOOP
    IF r.identity THEN EXECUTE format('ALTER TABLE %s ALTER %I DROP IDENTITY IF EXISTS', r.t, r.attname); END IF;
    IF r.filled THEN EXECUTE format('ALTER TABLE %s ALTER %I DROP NOT NULL', r.t, r.attname); END IF;
  END LOOP;
END $strip$;";

/// Makes a session one that replays: nothing that the source has done by itself is done again.
pub async fn as_replica(connection: &Connection) -> Result<(), PostgresError> {
    let sql = "SET session_replication_role = replica; SET lock_timeout = '10s'";
    connection.run(sql).await.map(drop)
}

/// Builds the tables in an empty database from the source's own DDL.
///
/// A statement that the source's database refuses is reported there; here it only ends the work.
pub async fn build(ddl: &Ddl<'_>, statements: &[Text]) -> Result<(), PostgresError> {
    as_replica(ddl.owner).await?;
    for statement in statements.iter().filter_map(for_shadow) {
        ddl.run(&statement).await?;
    }
    ddl.owner.run(STRIP).await.map(|_| ())
}

/// Makes the tables of changes.
pub async fn add_changes(connection: &Connection, tables: &[Table]) -> Result<(), PostgresError> {
    let mut sql = format!("CREATE SCHEMA IF NOT EXISTS {CHANGES};");
    for table in tables {
        let (schema, name) = (ident(&table.schema), ident(&table.name));
        let changes = changes_table(table, tables);
        sql += &format!(
            "CREATE TABLE {changes} (LIKE {schema}.{name} INCLUDING GENERATED, _op text, \
             _pos bigint, _commit_time timestamptz, _tx bigint);"
        );
    }
    connection.run(&sql).await.map(|_| ())
}

/// Makes plain indexes over the source's keys, by which the replay finds rows.
pub async fn add_indexes(connection: &Connection, tables: &[Table]) -> Result<(), PostgresError> {
    let mut sql = String::new();
    for table in tables.iter().filter(|table| !table.key.is_empty()) {
        let key: Vec<_> = table.key.iter().map(|column| ident(column)).collect();
        sql += &format!("CREATE INDEX ON {} ({});", catalog::quoted(table), key.join(", "));
    }
    connection.run(&sql).await.map(|_| ())
}

/// Runs a change of the schema that the journal noted, and follows it in the tables of changes.
pub async fn follow(
    connection: &Connection,
    statement: &Text,
    tables: &[Table],
) -> Result<(), PostgresError> {
    if kind(statement) != Kind::Ddl {
        return Ok(());
    }
    let Some(statement) = for_shadow(statement) else { return Ok(()) };
    connection.run(&statement.value).await?;
    let mut sql = STRIP.to_owned();
    for table in tables {
        let (schema, name) = (&table.schema, &table.name);
        let changes = changes_table(table, tables);
        sql += &format!(
            "DO $follow$ DECLARE r record; BEGIN \
               FOR r IN SELECT a.attname, format_type(a.atttypid, a.atttypmod) AS typ \
                          FROM pg_attribute a \
                         WHERE a.attrelid = to_regclass('{schema}.{name}') \
                           AND a.attnum > 0 AND NOT a.attisdropped \
               LOOP EXECUTE format('ALTER TABLE {changes} ADD COLUMN IF NOT EXISTS %I %s', \
                                   r.attname, r.typ); END LOOP; END $follow$;",
            schema = ident(schema).replace('\'', "''"),
            name = ident(name).replace('\'', "''"),
            changes = changes.replace('\'', "''").replace('%', "%%"),
        );
    }
    connection.run(&sql).await.map(|_| ())
}

/// `changes.<table>`; a name that stands in two schemas is written with its schema.
pub fn changes_table(table: &Table, tables: &[Table]) -> String {
    let same = tables.iter().filter(|other| other.name == table.name).count();
    let name = if same > 1 && table.schema != "public" {
        format!("{}.{}", table.schema, table.name)
    } else {
        table.name.clone()
    };
    format!("{CHANGES}.{}", ident(&name))
}
