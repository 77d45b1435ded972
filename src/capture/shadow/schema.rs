//! The tables of a shadow: the source's columns and types, and nothing that would refuse a row,
//! add one, or change one.

use std::collections::BTreeMap;

use itertools::Itertools as _;

use super::replay::refill;
use crate::base::text::Text;
use crate::capture::catalog;
use crate::capture::ddl::{Ddl, without_extension};
use crate::capture::seeds::EMPTY;
use crate::client::postgres::{Connection, PostgresError, ident, literal};
use crate::contain::source::for_shadow;
use crate::history::event::Table;
use crate::model::source::{Turn, Unseen, bare, renamed, same_type};
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
              AND k.conparentid = 0 AND k.contype <> 'n' AND pg_has_role(c.relowner, 'USAGE')
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
    // What the DDL does by itself it does here too: a later statement may need it.
    for statement in statements.iter().filter_map(for_shadow) {
        match ddl.run(&statement).await {
            Err(error) if without_extension(&statement, &error).is_some() => {}
            ran => ran?,
        }
    }
    ddl.owner.run(STRIP).await?;
    as_replica(ddl.owner).await?;
    // Rows come through the journal alone. And a dump may have left no path to look along.
    ddl.owner.run(EMPTY).await?;
    let path = ddl.owner.value("SHOW search_path").await?.unwrap_or_default();
    if path.trim_matches('"').is_empty() {
        ddl.owner.run("RESET search_path").await?;
    }
    Ok(())
}

/// Makes the tables of changes.
pub async fn add_changes(connection: &Connection, tables: &[Table]) -> Result<(), PostgresError> {
    let mut sql = format!("CREATE SCHEMA IF NOT EXISTS {CHANGES};");
    for table in tables {
        let (schema, name) = (ident(&table.schema), ident(&table.name));
        let changes = changes_table(table, tables);
        sql += &format!(
            "CREATE TABLE IF NOT EXISTS {changes} (LIKE {schema}.{name} INCLUDING GENERATED, _op text, \
             _pos bigint, _commit_time timestamptz, _tx bigint);"
        );
    }
    connection.run(&sql).await.map(|_| ())
}

/// Makes generated columns columns like others: what is replayed says what stands in them.
pub async fn plain_columns(connection: &Connection) -> Result<(), PostgresError> {
    connection.run(PLAIN).await.map(drop)
}

const PLAIN: &str = "DO $plain$ DECLARE r record; BEGIN
  FOR r IN SELECT a.attrelid::regclass AS t, a.attname
             FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
            WHERE c.relkind IN ('r', 'p') AND pg_has_role(c.relowner, 'USAGE') AND a.attnum > 0 AND NOT a.attisdropped
              AND a.attgenerated = 's' AND a.attinhcount = 0
              AND c.relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
  LOOP
    EXECUTE format('ALTER TABLE %s ALTER %I DROP EXPRESSION', r.t, r.attname);
  END LOOP;
END $plain$;";

/// Makes plain indexes over the source's keys, by which the replay finds rows.
pub async fn add_indexes(connection: &Connection, tables: &[Table]) -> Result<(), PostgresError> {
    let mut sql = String::new();
    for table in tables.iter().filter(|table| !table.key.is_empty()) {
        let key: Vec<_> = table.key.iter().map(|column| ident(column)).collect();
        sql += &format!("CREATE INDEX ON {} ({});", catalog::quoted(table), key.join(", "));
    }
    connection.run(&sql).await.map(|_| ())
}

/// Follows a change of the schema: runs its statement, then makes the tables what the source's
/// database has noted, where they are not.
///
/// A shadow has no keys and constraints, so that it may refuse what the source has taken: whether
/// that matters, the comparison with the source shows.
pub(super) async fn follow(connection: &Connection, turn: &Turn) -> Result<(), PostgresError> {
    let text = turn.ddl.as_ref().map(|ddl| Text::whole("journal".into(), ddl.clone()));
    let text = text.filter(|text| kind(text) == Kind::Ddl);
    if let Some(statement) = text.as_ref().and_then(for_shadow)
        && let Err(error) = connection.run(&statement.value).await
        && error.is_of_the_stack()
    {
        return Err(error);
    }
    if let Some(noted) = &turn.tables {
        let there = catalog::tables(connection).await?;
        let sql = become_like(&there, noted, turn);
        connection.run(&sql.join(";\n")).await?;
    }
    connection.run(STRIP).await.map(drop)
}

/// The statements that make the tables of a shadow those that were noted.
fn become_like(there: &[Table], noted: &[Table], turn: &Turn) -> Vec<String> {
    let mut sql = Vec::new();
    let named =
        |one: &Table, other: &Table| (&one.schema, &one.name) == (&other.schema, &other.name);
    for table in there.iter().filter(|table| !noted.iter().any(|other| named(table, other))) {
        sql.push(format!("DROP TABLE IF EXISTS {} CASCADE", catalog::quoted(table)));
    }
    for table in noted {
        let has = there.iter().find(|other| named(table, other));
        let same = has.is_some_and(|has| same_columns(has, table));
        if !same {
            sql.extend(made_anew(table));
        }
        let mut reshaped =
            turn.reshaped.iter().filter(|one| !one.gone && one.table.oid == table.oid);
        if let Some(reshaped) = reshaped.find(|one| one.noted || !same) {
            sql.extend(refill(table, &reshaped.rows));
        }
    }
    sql
}

fn same_columns(one: &Table, other: &Table) -> bool {
    one.columns.len() == other.columns.len()
        && itertools::zip_eq(&one.columns, &other.columns)
            .all(|(one, other)| one.name == other.name && same_type(one, other))
}

fn made_anew(table: &Table) -> [String; 3] {
    let columns = table.columns.iter();
    let columns: Vec<_> =
        columns.map(|column| format!("{} {}", ident(&column.name), column.type_name)).collect();
    let name = catalog::quoted(table);
    [
        format!("CREATE SCHEMA IF NOT EXISTS {}", ident(&table.schema)),
        format!("DROP TABLE IF EXISTS {name} CASCADE"),
        format!("CREATE TABLE {name} ({})", columns.join(", ")),
    ]
}

/// Follows a change of one table in its table of changes: renamed columns have their new names, new
/// ones are there, and those of another type hold what they held as that type, or else as text.
/// Columns that are gone stay.
pub(super) async fn follow_changes(
    connection: &Connection,
    (before, after): (&Table, &Table),
    tables: &[Table],
) -> Result<(), PostgresError> {
    let changes = changes_table(after, tables);
    let columns = format!(
        "SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a \
          WHERE a.attrelid = to_regclass({}) AND a.attnum > 0 AND NOT a.attisdropped",
        literal(&changes)
    );
    let there = connection.rows(&columns).await?;
    if there.is_empty() {
        return add_changes(connection, std::slice::from_ref(after)).await;
    }
    let mut there: BTreeMap<String, String> = there
        .into_iter()
        .filter_map(|row| row.into_iter().collect::<Option<Vec<_>>>()?.into_iter().collect_tuple())
        .collect();
    for (new, old) in renamed(before, after) {
        if let Some(kind) = there.remove(old).filter(|_| !there.contains_key(new)) {
            let (old, renamed) = (ident(old), ident(new));
            let sql = format!("ALTER TABLE {changes} RENAME COLUMN {old} TO {renamed}");
            connection.run(&sql).await?;
            there.insert(new.to_owned(), kind);
        }
    }
    for column in &after.columns {
        let (name, wanted) = (ident(&column.name), &column.type_name);
        let Some(kind) = there.get(&column.name) else {
            let sql = format!("ALTER TABLE {changes} ADD COLUMN {name} {wanted}");
            connection.run(&sql).await?;
            continue;
        };
        if bare(kind) == bare(wanted) {
            continue;
        }
        let alter = |kind: &str| {
            format!(
                "ALTER TABLE {changes} ALTER COLUMN {name} TYPE {kind} USING {name}::text::{kind}"
            )
        };
        if let Err(error) = connection.run(&alter(wanted)).await {
            if error.is_of_the_stack() {
                return Err(error);
            }
            connection.run(&alter("text")).await?;
        }
    }
    Ok(())
}

/// The statements that take changes out of `changes`.
pub(super) fn without(tables: &[Table], unseen: &[Unseen]) -> Vec<String> {
    let one = |change: &Unseen| {
        let changes = changes_table(tables.get(change.table)?, tables);
        let Unseen { position, op, .. } = change;
        Some(format!("DELETE FROM {changes} WHERE _pos = {position} AND _op = '{op}'"))
    };
    unseen.iter().filter_map(one).collect()
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
