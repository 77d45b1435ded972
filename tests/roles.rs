//! The wall behind the rule about SQL: even if the rule misses something, the role that runs the
//! author's SQL reaches nothing outside of its database, and nothing of a killed run stays.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::disallowed_methods, reason = "a test starts the program as a user does")]

mod database;

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::Duration;

use changeproof::client::postgres::{self, Connection, Roles};
use changeproof::client::wait::{self, Look};
use database::{Database, PROGRAM};

/// Long enough for a busy machine; the tests wait for conditions, not for this.
const LIMIT: Duration = Duration::from_secs(90);

/// What neither role of a run may do.
const FORBIDDEN: &[&str] = &[
    "COPY t TO PROGRAM 'id'",
    "COPY t FROM '/etc/passwd'",
    "DO $$ BEGIN EXECUTE 'COPY t TO PRO' || 'GRAM ''id'''; END $$",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_ls_dir('/')",
    "SELECT lo_import('/etc/passwd')",
    "CREATE ROLE changeproof_test",
    "CREATE DATABASE changeproof_test",
    "CREATE TABLESPACE changeproof_test LOCATION '/tmp'",
    "CREATE FOREIGN DATA WRAPPER changeproof_test",
    "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'x', 'y'",
    "ALTER SYSTEM SET fsync = on",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "ALTER DATABASE postgres SET work_mem = '1MB'",
    "GRANT pg_execute_server_program TO CURRENT_USER",
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION postgres",
    "SET dynamic_library_path = '/'",
    "SELECT pg_reload_conf()",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
];

#[tokio::test]
async fn the_roles_of_a_run_reach_nothing_outside_of_its_database() {
    let place = Database::new("a test of the roles").await;
    let control = place.control().await;
    let name = |end: &str| format!("{}{end}", place.claim.name());
    let (owner, connector, database) = (name("_owner"), name("_reader"), name("_walled"));
    let reach = &place.lease.reach;
    let roles = Roles { owner: &owner, connector: &connector };
    control.create_roles(roles, &reach.postgres.password, false).await.unwrap();
    control.create_database(&database, &owner).await.unwrap();
    let at = reach.as_role(owner.clone());
    let session = postgres::connect(&at, &database, "test").await.unwrap();
    session.run("CREATE TABLE t (a text); SET session_replication_role = replica").await.unwrap();
    refuses(&session).await;
    let slot = "SELECT pg_create_logical_replication_slot('changeproof_test', 'pgoutput')";
    assert_eq!(state(&session, slot).await, "42501");
    let at = reach.as_role(connector.clone());
    let reader = postgres::connect(&at, &database, "test").await.unwrap();
    reader.run("SELECT * FROM t").await.unwrap();
    refuses(&reader).await;
    control.drop_database(&database).await.unwrap();
    for role in [&owner, &connector] {
        control.drop_role(role).await.unwrap();
    }
    place.end().await;
}

#[tokio::test]
async fn runs_side_by_side_make_and_drop_their_roles_in_turn() {
    let place = Database::new("a test of roles side by side").await;
    let reach = &place.lease.reach;
    let one = async |n: usize| {
        let control = place.control().await;
        let [owner, connector] =
            ["owner", "reader"].map(|end| format!("{}_{n}_{end}", place.claim.name()));
        let roles = Roles { owner: &owner, connector: &connector };
        control.create_roles(roles, &reach.postgres.password, false).await.unwrap();
        for role in [&owner, &connector] {
            control.drop_role(role).await.unwrap();
        }
    };
    futures::future::join_all((0..8).map(one)).await;
    place.end().await;
}

async fn refuses(session: &Connection) {
    for sql in FORBIDDEN {
        assert_eq!(state(session, sql).await, "42501", "{sql}");
    }
}

async fn state(session: &Connection, sql: &str) -> String {
    session.run(sql).await.unwrap_err().sqlstate.unwrap_or_default()
}

/// Everything that belongs to the whole server.
async fn shared(control: &Connection) -> BTreeSet<String> {
    let sql = "SELECT 'role ' || rolname FROM pg_roles \
        UNION ALL SELECT 'database ' || datname FROM pg_database \
        UNION ALL SELECT 'tablespace ' || spcname FROM pg_tablespace \
        UNION ALL SELECT 'subscription ' || subname FROM pg_subscription \
        UNION ALL SELECT 'slot ' || slot_name FROM pg_replication_slots \
        UNION ALL SELECT 'setting ' || setrole || ' ' || setdatabase FROM pg_db_role_setting \
        UNION ALL SELECT 'right ' || parname || acl FROM pg_parameter_acl, unnest(paracl) AS acl \
          WHERE acl::text NOT LIKE 'postgres=%' AND acl::text NOT LIKE '=%'";
    control.rows(sql).await.unwrap().into_iter().flatten().flatten().collect()
}

#[tokio::test]
async fn nothing_of_a_killed_run_stays_in_the_server() {
    let place = Database::new("a test that kills a run").await;
    let control = &place.session;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.yaml");
    let scenario = "scenario: v1\ntitle: A run that is killed\npipeline:\n  source: |\n    \
        CREATE TABLE a (id int PRIMARY KEY);\n    ALTER TABLE a OWNER TO app;\n    \
        CREATE PUBLICATION p FOR ALL TABLES\ntimeline:\n  - a: BEGIN; INSERT INTO a VALUES (1)\n  \
        - b: SELECT pg_sleep(60)\n  - a: COMMIT\n";
    std::fs::write(&file, scenario).unwrap();
    let before = shared(control).await;
    let mut run = Command::new(PROGRAM)
        .args(["run", file.to_str().unwrap()])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let sleeps = "SELECT datname FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60)%'";
    let asleep = || async {
        let database = control.value(sleeps).await.unwrap();
        Ok::<_, ()>(database.map_or(Look::NotYet("it does not sleep".to_owned()), Look::Holds))
    };
    let database = wait::until("the session to sleep", LIMIT, asleep).await.unwrap();
    run.kill().unwrap();
    run.wait().unwrap();
    let token = database.trim_end_matches("_source");
    let gone = || async {
        let now = shared(control).await;
        let left: Vec<_> = now.difference(&before).filter(|one| one.contains(token)).collect();
        Ok::<_, ()>(if left.is_empty() {
            Look::Holds(())
        } else {
            Look::NotYet(format!("{left:?}"))
        })
    };
    wait::until("what the run made to be gone", LIMIT, gone).await.unwrap();
    place.end().await;
}
