//! The local stack as its users meet it: started once for all, ended when unused, and nothing left
//! behind however its keeper or a run ended. Each test has a state folder of its own; the cache is
//! shared, so that nothing is fetched again.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may start processes, read the environment and fail"
)]

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use changeproof::cli::environment::Environment;
use changeproof::client::kafka::{Admin, NewTopic};
use changeproof::client::postgres::{self, Roles};
use changeproof::client::wait::{self, Look};
use changeproof::stack::record::Record;
use changeproof::stack::status::{State, status};
use changeproof::stack::{self, Share, StackOptions};
use tokio::sync::Mutex;

const PROGRAM: &str = env!("CARGO_BIN_EXE_changeproof");
/// Long enough for a busy machine; the tests wait for conditions, not for this.
const LIMIT: Duration = Duration::from_secs(60);

/// Two stacks at once would be slow, and say nothing more than one after the other.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// A state folder that is gone, with its stack, at the end of a test.
struct Place {
    state: Utf8PathBuf,
}

impl Place {
    fn new(name: &str) -> Self {
        // Other users must be able to enter it, so it is no usual temporary folder.
        let state = format!("/var/tmp/changeproof-test-{name}-{}", std::process::id());
        std::fs::DirBuilder::new().mode(0o755).create(&state).unwrap();
        Self { state: state.into() }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(args).env("CHANGEPROOF_STATE", &self.state).stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn options(&self) -> StackOptions {
        let environment =
            Environment { state: Some(self.state.clone()), ..Environment::read().unwrap() };
        changeproof::cli::stack::options(&environment, Utf8Path::new(PROGRAM), None).unwrap()
    }

    fn state(&self) -> State {
        status(&self.options()).unwrap().state
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.run(&["down"]);
        let _gone = std::fs::remove_dir_all(&self.state);
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn record(output: &Output) -> Record {
    assert!(output.status.success(), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A program in the place of Java that fails whenever it is to be the broker.
fn java_without_kafka(folder: &Utf8Path) {
    let real = Environment::read().unwrap();
    let mut folders = real.java_home.map(|home| home.join("bin")).into_iter().chain(real.path);
    let java = folders.find_map(|folder| Some(folder.join("java")).filter(|path| path.is_file()));
    let script = format!(
        "#!/bin/sh\nfor word; do if [ \"$word\" = kafka.Kafka ]; then\n  \
         echo 'FATAL the broker has no head'; exit 3\nfi; done\nexec {} \"$@\"\n",
        java.unwrap()
    );
    std::fs::create_dir_all(folder.join("bin")).unwrap();
    let path = folder.join("bin/java");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn processes_that_come_at_once_share_one_stack_that_ends_when_it_is_unused() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let place = Place::new("shared");
    let mut up = place.command(&["up", "--idle", "3s", "--format", "json"]);
    let start = |command: &mut Command| {
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let (one, two) = (start(&mut up), start(&mut up));
    let one = record(&one.wait_with_output().unwrap());
    let two = record(&two.wait_with_output().unwrap());
    assert_eq!(one, two);

    let options = place.options();
    let lease = stack::lease(&options, Share::WithOthers, &|_| {}).await.unwrap();
    // What is printed lacks the password.
    assert_eq!(lease.reach.clone().without_secrets(), one.reach);
    assert_ne!(lease.reach, one.reach);
    assert!(status(&options).unwrap().in_use);

    // A run that is killed: its claim is dropped without having been released.
    let claim = stack::claim(&options, "a run that is killed").unwrap();
    let other = stack::claim(&options, "a run that lives").unwrap();
    let session = postgres::connect(&lease.reach, "postgres", "test").await.unwrap();
    let kafka = Admin::new(&lease.reach).unwrap();
    for name in [claim.name(), other.name()] {
        let roles = [format!("{name}_owner"), format!("{name}_reader")];
        let made = Roles { owner: &roles[0], connector: &roles[1] };
        session.create_roles(made, &lease.reach.postgres.password, false).await.unwrap();
        session.create_database(&name, &roles[0]).await.unwrap();
        let topic = NewTopic { name: format!("{name}.t"), partitions: 1, options: [].into() };
        kafka.create(&[topic]).await.unwrap();
    }
    let slot = format!("{}_journal", claim.name());
    let inside = postgres::connect(&lease.reach, &claim.name(), "test").await.unwrap();
    inside.create_slot(&slot).await.unwrap();
    let (dead, living) = (claim.name(), other.name());
    drop((claim, inside));
    let left = || async {
        let mut left = session.databases("cp_").await?;
        left.extend(session.slots("cp_").await?);
        left.extend(session.roles("cp_").await?);
        left.extend(kafka.list("cp_").await?.into_iter().map(|topic| topic.name));
        let names = ["", "_owner", "_reader", ".t"];
        let expected = names.map(|end| format!("{living}{end}"));
        Ok::<_, anyhow::Error>(if left == expected {
            Look::Holds(())
        } else {
            Look::NotYet(left.join(", "))
        })
    };
    wait::until(&format!("{dead} to be swept"), LIMIT, left).await.unwrap();

    other.release().unwrap();
    drop(lease);
    let ended = || async {
        Ok::<_, ()>(match place.state() {
            State::Down => Look::Holds(()),
            state @ (State::Up | State::Changing) => Look::NotYet(format!("it is {state:?}")),
        })
    };
    wait::until("the unused stack to end", LIMIT, ended).await.unwrap();
    assert!(!one.folder.exists());
    assert!(one.components.iter().all(|component| !component.process.is_alive()));
}

#[tokio::test]
async fn a_killed_keeper_takes_its_components_with_it_and_down_removes_the_rest() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let place = Place::new("killed");
    let record = record(&place.run(&["up", "--format", "json"]));
    let killed = Command::new("kill").args(["-9", &record.keeper.pid.to_string()]).status();
    assert!(killed.unwrap().success());
    let gone = || async {
        let left = record.components.iter().find(|component| component.process.is_alive());
        Ok::<_, ()>(left.map_or(Look::Holds(()), |left| Look::NotYet(left.name.clone())))
    };
    wait::until("the components to be gone", LIMIT, gone).await.unwrap();
    assert!(record.folder.exists());
    assert_eq!(place.state(), State::Down);
    assert_eq!(place.run(&["down"]).status.code(), Some(0));
    assert!(!place.state.exists());
}

#[test]
fn a_component_that_dies_is_named_with_its_cause() {
    let place = Place::new("dies");
    let java = place.state.join("java");
    java_without_kafka(&java);
    let output = place.command(&["up"]).env("JAVA_HOME", &java).output().unwrap();
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(30), "{text}");
    let sentence = "error: kafka ended with exit status: 3: FATAL the broker has no head";
    assert!(text.contains(sentence), "{text}");
    let log = place.state.join("last-failure/logs/kafka.log");
    assert!(text.contains(&format!("its log ({log})")) && log.is_file(), "{text}");
    assert_eq!(place.state(), State::Down);
    let runs = place.state.read_dir_utf8().unwrap().filter_map(Result::ok);
    let runs: Vec<_> = runs.filter(|entry| entry.file_name().starts_with("run-")).collect();
    assert!(runs.is_empty(), "{runs:?}");
}

#[test]
fn what_the_machine_lacks_is_one_sentence_with_what_mends_it() {
    let place = Place::new("lacks");
    let fails = |variable: &str, value: &str, sentence: &str| {
        let output = place.command(&["up"]).env(variable, value).output().unwrap();
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(30), "{text}");
        assert!(text.contains(sentence) && text.contains("to mend it: "), "{text}");
        assert_eq!(place.state(), State::Down);
    };
    let postgres = "CHANGEPROOF_POSTGRES_BIN is /nowhere, where postgres or initdb is not";
    fails("CHANGEPROOF_POSTGRES_BIN", "/nowhere", postgres);
    fails("JAVA_HOME", "/nowhere", "Java was not found in /nowhere/bin (JAVA_HOME)");
    let tools = place.state.join("tools");
    std::fs::create_dir(&tools).unwrap();
    for tool in ["setpriv", "df"] {
        let mut folders = Environment::read().unwrap().path.into_iter();
        let real = folders.find_map(|f| Some(f.join(tool)).filter(|path| path.is_file())).unwrap();
        std::os::unix::fs::symlink(real, tools.join(tool)).unwrap();
    }
    let empty = place.state.join("empty-cache");
    let mut up = place.command(&["up"]);
    let output = up.env("CHANGEPROOF_CACHE", &empty).env("PATH", &tools).output().unwrap();
    assert_eq!(output.status.code(), Some(30));
    assert!(stderr(&output).contains("Maven (mvn) was not found"), "{}", stderr(&output));
}

/// A process of a stack, stopped where it stands until the end of a test.
struct Stopped(u32);

impl Stopped {
    fn new(pid: u32) -> Self {
        signal(pid, "STOP");
        Self(pid)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        signal(self.0, "CONT");
    }
}

fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &pid.to_string()]).status();
    assert!(sent.unwrap().success());
}

#[tokio::test]
async fn a_keeper_that_was_stopped_is_told_and_ended_by_down() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let place = Place::new("stopped");
    let record = record(&place.run(&["up", "--format", "json"]));
    let stopped = Stopped::new(record.keeper.pid);
    let began = std::time::Instant::now();
    let output = place.run(&["up"]);
    let (text, pid) = (stderr(&output), record.keeper.pid);
    assert_eq!(output.status.code(), Some(30), "{text}");
    let sentence = format!(
        "the keeper of the stack (process {pid}) was stopped and does not reply; let it go on with \
         `kill -CONT {pid}`, or end the stack with: changeproof down"
    );
    assert!(text.contains(&sentence), "{text}");
    assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
    assert_eq!(place.run(&["down"]).status.code(), Some(0));
    assert!(!place.state.exists());
    std::mem::forget(stopped);
}

#[tokio::test]
async fn a_second_interrupt_leaves_at_once_and_the_keeper_sweeps() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let place = Place::new("interrupted");
    let record = record(&place.run(&["up", "--format", "json"]));
    let scenario =
        concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/cookbook/the-life-of-a-row.yaml");
    let runs = place.state.join("runs");
    std::fs::create_dir(&runs).unwrap();
    let mut run = place.command(&["run", scenario]);
    let mut run =
        run.current_dir(&runs).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    // What is printed lacks the password.
    let reach = status(&place.options()).unwrap().stack.unwrap().reach;
    let session = postgres::connect(&reach, "postgres", "test").await.unwrap();
    let begins = || async {
        let made = session.databases("cp_").await?;
        Ok::<_, anyhow::Error>(if made.is_empty() {
            Look::NotYet("nothing is made".to_owned())
        } else {
            Look::Holds(())
        })
    };
    wait::until("the run to begin", LIMIT, begins).await.unwrap();

    // Neither the run nor its clean-up gets past a worker that does not answer.
    let connect = record.components.iter().find(|one| one.name == "connect").unwrap();
    let stopped = Stopped::new(connect.process.pid);
    let insists = || {
        let ended = run.try_wait().unwrap();
        if ended.is_none() {
            signal(run.id(), "INT");
        }
        async move {
            let look = || Look::NotYet("it cleans up".to_owned());
            Ok::<_, ()>(ended.map_or_else(look, Look::Holds))
        }
    };
    let began = std::time::Instant::now();
    let status = wait::until("the run to leave", LIMIT, insists).await.unwrap();
    assert_eq!(status.code(), Some(130));
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    drop(stopped);

    let swept = || async {
        let left = session.databases("cp_").await?;
        Ok::<_, anyhow::Error>(if left.is_empty() {
            Look::Holds(())
        } else {
            Look::NotYet(left.join(", "))
        })
    };
    wait::until("the keeper to sweep", LIMIT, swept).await.unwrap();
}

#[test]
fn a_damaged_jar_is_named_when_a_component_dies_of_it_and_its_set_is_fetched_again() {
    let place = Place::new("damaged");
    let cache = place.state.join("cache");
    let whole = Environment::read().unwrap().cache.unwrap();
    let copied = Command::new("cp").args(["-rs", whole.as_str(), cache.as_str()]).status();
    assert!(copied.unwrap().success());
    // The cache may hold sets of other versions, too.
    let sets = cache.join("jars").read_dir_utf8().unwrap().filter_map(Result::ok);
    let sets = sets.filter(|entry| entry.file_name().starts_with("kafka-"));
    let jars = sets.map(|set| set.path().join("lib/kafka-clients-4.3.1.jar"));
    for jar in jars.filter(|jar| jar.exists()) {
        let size = std::fs::metadata(&jar).unwrap().len();
        std::fs::remove_file(&jar).unwrap();
        std::fs::write(&jar, vec![0; usize::try_from(size).unwrap()]).unwrap();
    }

    let with_cache =
        |args: &[&str]| place.command(args).env("CHANGEPROOF_CACHE", &cache).output().unwrap();
    let doctor = with_cache(&["doctor"]);
    let text = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert_eq!(doctor.status.code(), Some(30), "{text}");
    let told = "missing   jars: kafka-clients-4.3.1.jar has the SHA-256 sum ";
    assert!(text.contains(told) && text.contains("to mend it: rm -r "), "{text}");

    let up = with_cache(&["up"]);
    let text = stderr(&up);
    assert_eq!(up.status.code(), Some(30), "{text}");
    let told = "and a jar is damaged: kafka-clients-4.3.1.jar has the SHA-256 sum ";
    assert!(text.contains(told), "{text}");
    assert!(text.contains("to mend it: start again: it is fetched again"), "{text}");
    let doctor = String::from_utf8_lossy(&with_cache(&["doctor"]).stdout).into_owned();
    assert!(doctor.contains("jars: the jars of kafka-4.3.1 are not in "), "{doctor}");
}

#[tokio::test]
async fn other_versions_have_stacks_of_their_own_beside_the_running_one() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let place = Place::new("lanes");
    let before = record(&place.run(&["up", "--format", "json"]));
    // Small ones, because whoever has none of them fetches them here.
    let output = place.run(&[
        "run",
        "scenarios/order/commit-order-counts-not-write-order.yaml",
        "--matrix=first",
        "--lane=postgres=17.11,debezium=3.4.3.Final",
        "--lane=postgres=18.6,debezium=2.7.4.Final",
        "--format=json",
    ]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let ran: Vec<_> = report["trials"]
        .as_array()
        .unwrap()
        .iter()
        .map(|trial| {
            let version = |name: &str| trial["versions"][name].as_str().unwrap_or("none");
            let exit = trial["exit"].as_str().unwrap_or("none");
            format!("{exit}: {} and {}", version("postgres"), version("debezium"))
        })
        .collect();
    assert_eq!(
        ran,
        ["pass: 17.11 and 3.4.3.Final", "pass: 18.6 and 2.7.4.Final"],
        "{}",
        stderr(&output)
    );
    let options = place.options();
    let after = status(&options).unwrap().stack.unwrap();
    assert_eq!(after.token, before.token, "the running stack was not touched");
    // What ends it ends theirs.
    assert!(place.run(&["down"]).status.success());
    assert!(!options.state.exists());
}
