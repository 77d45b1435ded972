//! Every kind of place that SQL can name, and what looks like one.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::scenario::pipeline::{Dialect, Format, Pipeline};

fn refused(sql: &str) -> Vec<String> {
    let text = Text::whole("a.sql".into(), sql.to_owned());
    let statements = split::postgres(&text).expect("it splits");
    let made = Made::by(statements.iter());
    let mut refused = Vec::new();
    for statement in &statements {
        refuse_statement(statement, &made, &mut refused);
    }
    refused.iter().map(|one| format!("{}: {}", one.place, one.message)).collect()
}

#[rstest]
// Files and programs.
#[case("COPY t FROM '/etc/passwd'", "1:8", "file")]
#[case("COPY t (a, b) TO '/tmp/x' WITH (FORMAT csv)", "1:15", "file")]
#[case("copy (SELECT 1 FROM t) to program 'curl example.org'", "1:24", "program")]
#[case("COPY t FROM PROGRAM 'id'", "1:8", "program")]
#[case("COPY t FROM E'/etc/passwd'", "1:8", "file")]
#[case("SELECT pg_read_file('/etc/passwd')", "1:8", "`pg_read_file`")]
#[case(
    "SELECT pg_catalog.pg_read_binary_file('x', 0, 1)",
    "1:8",
    "`pg_catalog.pg_read_binary_file`"
)]
#[case("INSERT INTO t SELECT * FROM pg_ls_dir('/')", "1:29", "`pg_ls_dir`")]
#[case("SELECT * FROM pg_ls_waldir()", "1:15", "`pg_ls_waldir`")]
#[case("SELECT (\"pg_stat_file\"('/etc/passwd')).size", "1:9", "`pg_stat_file`")]
#[case("SELECT lo_import('/etc/passwd')", "1:8", "`lo_import`")]
#[case("SELECT lo_export(1, '/tmp/x')", "1:8", "`lo_export`")]
// Other servers.
#[case("CREATE EXTENSION IF NOT EXISTS dblink", "1:32", "`dblink`")]
#[case("CREATE EXTENSION \"postgres_fdw\" SCHEMA x", "1:18", "`postgres_fdw`")]
#[case("CREATE EXTENSION pg_cron", "1:18", "`pg_cron`")]
#[case("SELECT * FROM dblink('host=db', 'SELECT 1') AS t (a int)", "1:15", "`dblink`")]
#[case("SELECT dblink_connect('host=db')", "1:8", "`dblink_connect`")]
#[case("CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'db')", "1:1", "SERVER")]
#[case("CREATE USER MAPPING FOR app SERVER s", "1:1", "USER MAPPING")]
#[case("CREATE FOREIGN TABLE t (a int) SERVER s", "1:1", "FOREIGN TABLE")]
#[case("CREATE FOREIGN DATA WRAPPER w", "1:1", "WRAPPER")]
#[case("IMPORT FOREIGN SCHEMA public FROM SERVER s INTO x", "1:1", "FOREIGN SCHEMA")]
#[case("CREATE SUBSCRIPTION s CONNECTION 'host=db' PUBLICATION p", "1:1", "subscription")]
#[case("ALTER SUBSCRIPTION s ENABLE", "1:1", "subscription")]
// Folders, libraries and the server itself.
#[case("CREATE TABLESPACE fast LOCATION '/ssd'", "1:1", "folder")]
#[case("ALTER TABLESPACE fast RENAME TO x", "1:1", "folder")]
#[case("CREATE TABLE t (a int) TABLESPACE fast", "1:24", "`fast`")]
#[case("CREATE TABLE t (a int, UNIQUE (a) USING INDEX TABLESPACE fast)", "1:47", "`fast`")]
#[case("CREATE UNIQUE INDEX i ON t (a) TABLESPACE \"Fast\"", "1:32", "`Fast`")]
#[case("ALTER TABLE t SET TABLESPACE fast", "1:19", "`fast`")]
#[case("REINDEX (TABLESPACE fast) TABLE t", "1:10", "`fast`")]
#[case("SET default_tablespace = 'fast'", "1:1", "`default_tablespace`")]
#[case("SET LOCAL temp_tablespaces TO fast", "1:1", "`temp_tablespaces`")]
#[case("SELECT set_config('default_tablespace', 'fast', false)", "1:8", "`default_tablespace`")]
#[case("ALTER ROLE app SET local_preload_libraries = 'x'", "1:16", "`local_preload_libraries`")]
#[case("SET dynamic_library_path = '/x'", "1:1", "`dynamic_library_path`")]
#[case("ALTER SYSTEM SET fsync = off", "1:1", "`ALTER SYSTEM`")]
#[case("LOAD 'auto_explain'", "1:1", "`LOAD`")]
#[case("SELECT pg_reload_conf()", "1:8", "`pg_reload_conf`")]
#[case("SELECT pg_drop_replication_slot('x')", "1:8", "slots")]
#[case("SELECT pg_create_logical_replication_slot('x', 'pgoutput')", "1:8", "slots")]
#[case("CREATE FUNCTION f() RETURNS int AS '/x.so', 'f' LANGUAGE c", "1:58", "`c`")]
#[case(
    "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE plpython3u AS $$ return 1 $$",
    "1:53",
    "`plpython3u`"
)]
#[case("DO LANGUAGE 'plperlu' $$ 1 $$", "1:13", "`plperlu`")]
#[case("CREATE TRUSTED LANGUAGE plsh", "1:25", "`plsh`")]
#[case("GRANT pg_execute_server_program TO app", "1:7", "`pg_execute_server_program`")]
#[case("CREATE ROLE app LOGIN SUPERUSER", "1:23", "`SUPERUSER`")]
#[case("SELECT pg_logical_emit_message(true, 'changeproof.barrier', 'x')", "1:8", "mark")]
#[case("ALTER DATABASE shop SET timezone = 'Asia/Tokyo'", "1:1", "another database than `shop`")]
// What stands in the body of a routine, and in what that executes.
#[case("DO $$ BEGIN COPY t TO PROGRAM 'id'; END $$", "1:20", "program")]
#[case(
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $f$\nBEGIN\n  PERFORM pg_read_file('x');\n  RETURN NEW;\nEND $f$",
    "3:11",
    "`pg_read_file`"
)]
#[case("DO 'BEGIN IF true THEN LOAD ''x''; END IF; END'", "1:24", "`LOAD`")]
#[case("DO $$ BEGIN EXECUTE format('COPY %I FROM ''/etc/passwd''', 't'); END $$", "1:37", "file")]
fn what_reaches_out_is_refused_where_it_stands(
    #[case] sql: &str,
    #[case] place: &str,
    #[case] says: &str,
) {
    let refused = refused(sql);
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].starts_with(&format!("a.sql:{place}: ")), "{refused:?}");
    assert!(refused[0].contains(says), "{refused:?}");
}

#[rstest]
#[case("COPY t (a) FROM STDIN;\n/etc/passwd\n\\.")]
#[case("COPY t FROM STDIN;\nCOPY t FROM PROGRAM 'id';\n\\.")]
#[case("CREATE TABLE dblink (id int PRIMARY KEY); INSERT INTO dblink (id) VALUES (1)")]
#[case("SELECT id FROM dblink; UPDATE dblink SET id = 2; DELETE FROM dblink")]
#[case("CREATE TABLE load (copy text, server text); ALTER TABLE load ADD tablespace text")]
#[case("CREATE TABLE t (tablespace text, atomic int, subscription int)")]
#[case("CREATE TABLE t AS SELECT tablespace x FROM pg_tables")]
#[case("ALTER TABLE t RENAME COLUMN tablespace TO x; ALTER TABLE t DROP tablespace CASCADE")]
#[case("CREATE TABLE t (a int) TABLESPACE pg_default; SET default_tablespace = ''")]
#[case("INSERT INTO t VALUES ('/etc/passwd', 'COPY t FROM PROGRAM ''id''', $$ALTER SYSTEM$$)")]
#[case("-- COPY t FROM PROGRAM 'id'\nSELECT 1 /* pg_read_file('x') */")]
#[case("SELECT extract(year FROM '2020-01-01'::date), substring(copy FROM 'a') FROM t")]
#[case("SELECT pg_catalog.set_config('search_path', '', false)")]
#[case("CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA public")]
#[case("CREATE FUNCTION f(language text) RETURNS int LANGUAGE SQL AS 'SELECT 1'")]
#[case("CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN 'LOAD'; END $$")]
#[case("SELECT pg_logical_emit_message(true, 'app', 'changeproof')")]
#[case("GRANT SELECT ON superuser TO app; CREATE ROLE app NOSUPERUSER")]
#[case("UPDATE t SET default_tablespace = 'x'")]
#[case("DROP SERVER IF EXISTS s; DROP TABLESPACE IF EXISTS fast")]
#[case("COMMENT ON TABLE t IS 'CREATE SERVER'")]
fn what_only_looks_so_is_legal(#[case] sql: &str) {
    assert_eq!(refused(sql), Vec::<String>::new());
}

fn trial(ddl: &str) -> Trial {
    let pipeline = Pipeline {
        file: None,
        source: vec![Text::whole("a.sql".into(), ddl.to_owned())],
        left_out: Vec::new(),
        connectors: Vec::new(),
        outbox: BTreeMap::new(),
        topics: BTreeMap::new(),
        format: Some(Format::Json),
        dialect: Dialect::Flink,
        statements: Vec::new(),
        sinks: BTreeMap::new(),
    };
    Trial::idle("a", "A", pipeline)
}

fn ddl(trial: &Trial) -> String {
    let prepared = prepare(trial).ddl;
    let texts: Vec<_> = prepared.iter().map(|text| text.value.trim()).collect();
    texts.join("; ")
}

#[rstest]
#[case("ALTER TABLE t OWNER TO app", "", "the files create no role `app`")]
#[case("ALTER TABLE t OWNER TO postgres", "", "no role `postgres`")]
#[case("ALTER DATABASE shop OWNER TO app", "", "no database `shop`")]
#[case("CREATE SCHEMA s AUTHORIZATION app", "CREATE SCHEMA s", "no role `app`")]
#[case("CREATE SCHEMA AUTHORIZATION app", "CREATE SCHEMA  app", "no role `app`")]
#[case("GRANT SELECT ON t TO app", "", "no role `app`")]
#[case(
    "GRANT SELECT (a, b), UPDATE ON t, u TO app, PUBLIC, GROUP crew WITH GRANT OPTION",
    "GRANT SELECT (a, b), UPDATE ON t, u TO  PUBLIC WITH GRANT OPTION",
    "no role `app`"
)]
#[case(
    "REVOKE ALL ON t FROM PUBLIC, \"App\" CASCADE",
    "REVOKE ALL ON t FROM PUBLIC CASCADE",
    "no role `App`"
)]
#[case("GRANT pg_monitor TO app", "", "no role `app`")]
#[case("GRANT CONNECT ON DATABASE shop TO app", "", "no database `shop`")]
#[case(
    "ALTER DEFAULT PRIVILEGES FOR ROLE app IN SCHEMA s GRANT SELECT ON TABLES TO PUBLIC",
    "",
    "no role `app`"
)]
#[case("ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO app", "", "no role `app`")]
#[case("SET ROLE app", "", "no role `app`")]
#[case("SET SESSION AUTHORIZATION 'app'", "", "no role `app`")]
#[case("ALTER ROLE app SET search_path = s", "", "no role `app`")]
#[case("DROP ROLE IF EXISTS app", "", "no role `app`")]
#[case("COMMENT ON ROLE app IS 'x'", "", "no role `app`")]
#[case("COMMENT ON DATABASE shop IS 'x'", "", "no database `shop`")]
#[case("REASSIGN OWNED BY app TO crew", "", "no role `app`")]
#[case("DROP OWNED BY app", "", "no role `app`")]
#[case("CREATE POLICY p ON t FOR SELECT TO app USING (a = 1)", "", "no role `app`")]
#[case(
    "CREATE TABLE t (a int, UNIQUE (a) USING INDEX TABLESPACE fast) TABLESPACE fast",
    "CREATE TABLE t (a int, UNIQUE (a) )",
    "the run has no tablespaces"
)]
#[case("ALTER INDEX i SET TABLESPACE fast", "", "no tablespaces")]
#[case("SET default_tablespace = fast", "", "no tablespaces")]
#[case("CREATE SCHEMA public", "", "every database has it")]
#[case("COMMENT ON EXTENSION plpgsql IS 'x'", "", "said of an extension")]
#[case("SET transaction_timeout = 0", "", "older servers do not know it")]
#[case("ALTER SYSTEM SET wal_level = 'logical'", "", "what logical replication needs")]
fn what_the_run_does_not_have_is_left_out_and_listed(
    #[case] sql: &str,
    #[case] expected: &str,
    #[case] why: &str,
) {
    let trial = trial(sql);
    assert_eq!(ddl(&trial), expected);
    let differences = prepare(&trial).differences;
    assert!(differences[0].why.contains(why), "{differences:?}");
    assert!(!needs_server(&trial));
    assert_eq!(refuse(&trial, &[]), Vec::new());
}

#[rstest]
#[case("CREATE ROLE app LOGIN")]
#[case("CREATE USER app; ALTER TABLE t OWNER TO app; GRANT SELECT ON t TO app")]
#[case("CREATE ROLE app; SET ROLE app; CREATE SCHEMA AUTHORIZATION app; DROP ROLE app")]
#[case("CREATE GROUP a; ALTER GROUP a RENAME TO b; COMMENT ON ROLE b IS 'x'")]
#[case("CREATE DATABASE other; GRANT CONNECT ON DATABASE other TO PUBLIC; DROP DATABASE other")]
#[case("CREATE DATABASE other; ALTER DATABASE other SET work_mem = '1MB'")]
#[case("GRANT pg_monitor TO CURRENT_USER")]
#[case("CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f()")]
#[case("DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles) THEN CREATE ROLE app; END IF; END $$")]
fn what_touches_the_whole_server_needs_one_of_its_own(#[case] sql: &str) {
    let trial = trial(sql);
    assert!(needs_server(&trial));
    assert_eq!(prepare(&trial).differences, Vec::new());
    let shadow: Vec<_> = prepare(&trial).ddl.iter().filter_map(for_shadow).collect();
    let roles = |text: &Text| server::is_touched(text) || text.value.contains("ROLE");
    assert!(!shadow.iter().any(roles), "{shadow:?}");
}

#[rstest]
#[case("CREATE TABLE role (role text, owner text); INSERT INTO role VALUES ('GRANT')")]
#[case("ALTER TABLE t OWNER TO CURRENT_USER; GRANT ALL ON t TO PUBLIC; SET ROLE NONE; RESET ROLE")]
#[case(
    "CREATE PUBLICATION p FOR ALL TABLES; CREATE TRIGGER e BEFORE INSERT ON t EXECUTE FUNCTION f()"
)]
#[case("CREATE POLICY p ON t USING (true); ALTER POLICY p ON t RENAME TO q")]
#[case("DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public")]
#[case("CREATE SCHEMA IF NOT EXISTS public; SET lock_timeout = 0")]
fn what_stays_in_the_database_is_run_as_it_is(#[case] sql: &str) {
    let trial = trial(sql);
    assert_eq!(ddl(&trial), sql);
    assert!(!needs_server(&trial));
    assert_eq!(prepare(&trial).differences, Vec::new());
}

/// Where psql would connect to a database, the run's own stands for it.
#[test]
fn the_database_that_psql_would_connect_to_is_the_runs() {
    let sql = "CREATE DATABASE shop; CREATE DATABASE other; ALTER DATABASE shop OWNER TO CURRENT_USER; CREATE TABLE t (a int)";
    let mut trial = trial(sql);
    trial.pipeline.left_out =
        vec![Difference::new("source", "\\connect shop", "it is psql's").theirs("\\connect shop")];
    assert_eq!(ddl(&trial), "CREATE DATABASE other; CREATE TABLE t (a int)");
    let listed: Vec<_> = prepare(&trial).differences.into_iter().map(|one| one.key).collect();
    let expected =
        ["\\connect shop", "CREATE DATABASE shop", "ALTER DATABASE shop OWNER TO CURRENT_USER"];
    assert_eq!(listed, expected);
}

#[rstest]
#[case("CREATE PUBLICATION p FOR ALL TABLES", None)]
#[case("ALTER PUBLICATION p ADD TABLE t", None)]
#[case("CREATE POLICY p ON t USING (true)", None)]
#[case("GRANT SELECT ON t TO PUBLIC", None)]
#[case(
    "CREATE SCHEMA s AUTHORIZATION CURRENT_USER",
    Some("CREATE SCHEMA s AUTHORIZATION CURRENT_USER")
)]
#[case("CREATE SCHEMA s AUTHORIZATION app", Some("CREATE SCHEMA s "))]
#[case("CREATE TABLE t (a int)", Some("CREATE TABLE t (a int)"))]
#[case(
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    Some("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'")
)]
fn a_shadow_gets_what_it_needs(#[case] sql: &str, #[case] expected: Option<&str>) {
    let statement = Text::whole("a.sql".into(), sql.to_owned());
    assert_eq!(for_shadow(&statement).map(|text| text.value).as_deref(), expected);
}

proptest! {
    /// What is run is what the author wrote without exactly what is listed.
    #[test]
    fn what_runs_is_the_authors_ddl_without_what_is_listed(
        sql in prop::collection::vec(
            "(CREATE TABLE t \\(a int\\)|ALTER TABLE t OWNER|GRANT ALL ON t|GRANT app|REVOKE x ON t FROM|SET|DROP ROLE|CREATE SCHEMA s|CREATE ROLE app)( TO| ROLE| AUTHORIZATION| TABLESPACE|)( app| b, app| app, PUBLIC, c| 'd'|)( CASCADE|;|)",
            0..6,
        )
    ) {
        let sql = sql.join(";\n");
        let text = Text::whole("a.sql".into(), sql.clone());
        let prepared = prepare(&trial(&sql));
        let written = split::postgres(&text).expect("it splits");
        let written: String = written.into_iter().map(|text| text.value).collect();
        let mut listed = written.len();
        for difference in &prepared.differences {
            let theirs = difference.theirs.as_deref().unwrap_or_default();
            let at = difference.at.as_ref().expect("it stands somewhere");
            let line: String = sql.lines().nth(at.line - 1).unwrap_or_default().chars().skip(at.column - 1).collect();
            prop_assert!(line.starts_with(theirs), "{line} {theirs}");
            listed -= theirs.len();
        }
        let run: String = prepared.ddl.into_iter().map(|text| text.value).collect();
        prop_assert_eq!(run.len(), listed);
    }
}
