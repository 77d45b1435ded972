//! Rows that the source DDL leaves behind. The journal begins after the DDL, so they are taken out
//! before it does and written again as its first transaction: they are part of the set-up.
//!
//! What is written again is what stood there in the end, whatever a dump or a migration did to make
//! it: no trigger fires a second time, no sequence moves, no default is computed anew.

use crate::client::postgres::{Connection, PostgresError};

/// Every table that keeps rows, with the columns that can be written.
const TABLES: &str = "
SELECT format('%I.%I', n.nspname, c.relname),
       (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
          FROM pg_attribute a
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '')
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND c.relpersistence <> 't'
   AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                      AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY c.oid";

/// Takes the rows of all tables away, whatever refers to what; where there are none, no table is made
/// anew.
pub const EMPTY: &str = r"
DO $empty$
DECLARE r record; has boolean; filled boolean := false; tables text;
BEGIN
  FOR r IN SELECT c.oid::regclass AS t
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
     AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%'
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                        AND d.objid = c.oid AND d.deptype = 'e')
  LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM ONLY %s)', r.t) INTO has;
    filled := filled OR has;
    tables := concat_ws(', ', tables, r.t::text);
  END LOOP;
  IF filled THEN EXECUTE 'TRUNCATE ' || tables; END IF;
END $empty$";

/// The rows, and the session that keeps them.
#[derive(Debug)]
pub struct Seeds {
    session: Connection,
    /// Each table with its columns, and with the table of the session that has its rows.
    kept: Vec<(String, String, String)>,
}

impl Seeds {
    /// Takes the rows out of the tables; `session` is of somebody who may read and write all of them.
    /// `None` if there are none.
    pub async fn take(session: Connection) -> Result<Option<Self>, PostgresError> {
        let mut kept = Vec::new();
        for row in session.rows(TABLES).await? {
            let [Some(table), Some(columns)] = row.as_slice() else { continue };
            let any = format!("SELECT 1 FROM ONLY {table} LIMIT 1");
            if session.value(&any).await?.is_none() {
                continue;
            }
            if kept.is_empty() {
                session.run("SET session_replication_role = replica").await.map_err(not_allowed)?;
            }
            let own = format!("seeds_{}", kept.len());
            let keep = format!("CREATE TEMP TABLE {own} AS SELECT {columns} FROM ONLY {table}");
            session.run(&keep).await?;
            kept.push((table.clone(), columns.clone(), own));
        }
        if kept.is_empty() {
            return Ok(None);
        }
        session.run(EMPTY).await?;
        Ok(Some(Self { session, kept }))
    }

    /// Writes them again, in one transaction.
    pub async fn give_back(self) -> Result<(), PostgresError> {
        let insert = |(table, columns, own): &(String, String, String)| {
            format!(
                "INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM pg_temp.{own};"
            )
        };
        let inserts: String = self.kept.iter().map(insert).collect();
        self.session.run(&format!("BEGIN; {inserts} COMMIT")).await.map(drop)
    }
}

/// What whoever is no superuser must be granted.
fn not_allowed(error: PostgresError) -> PostgresError {
    if error.sqlstate.as_deref() != Some("42501") {
        return error;
    }
    let message = "the source DDL leaves rows behind; to write them again without firing a trigger, the \
                   user needs, from a superuser: GRANT SET ON PARAMETER session_replication_role TO …";
    PostgresError { message: message.to_owned(), ..error }
}
