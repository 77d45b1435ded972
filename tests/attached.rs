//! Runs on a stack that somebody else keeps: started outside of changeproof's keeper by a script of this
//! test, once plain, once with TLS and logins on every wire and a user with the rights that
//! `docs/stacks.md` names. The verdicts are those of changeproof's own stack, what killed runs leave is
//! swept, each missing right is one sentence, and no password is ever shown.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test may start processes and fail"
)]

#[path = "attached/theirs.rs"]
mod theirs;

use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, RandomState};
use std::process::Stdio;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use changeproof::client::clock::Stopwatch;
use changeproof::client::connect::Connect;
use changeproof::client::flink::{JobManager, is_terminal};
use changeproof::client::kafka::Admin;
use changeproof::client::reach::{Kafka, Reach, Rest, Twice};
use changeproof::client::wait::{self, Look};
use changeproof::report::json::Report;
use theirs::{Ended, PLANTED, Theirs};

/// Scenarios whose verdict must be the same as on changeproof's own stack: an id a line, and behind it
/// the exit code where it is another than 0.
const SAME: &str = include_str!("attached/same-verdict.txt");
/// How many of them run on the stack with TLS and logins.
const SECURED: usize = 16;

/// The scenarios of the list, with how each must end.
fn same() -> Vec<(&'static str, u8)> {
    let lines = SAME.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let read = |line: &'static str| match line.split_once(' ') {
        Some((id, exit)) => (id, exit.trim().parse().unwrap()),
        None => (line, 0),
    };
    lines.map(read).collect()
}

fn file(id: &str) -> String {
    let root = Utf8Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = match id.strip_prefix("outcomes/") {
        Some(id) => root.join("tests/outcomes").join(id),
        None => root.join("scenarios").join(id),
    };
    format!("{path}.yaml")
}

/// Runs scenarios on the stack; all trials of each must end as the list says.
fn end_the_same(theirs: &Theirs, scenarios: &[(&str, u8)]) {
    let files: Vec<String> = scenarios.iter().map(|(id, _)| file(id)).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let options = ["run", "--format", "json", "--matrix", "first", "--stack"];
    let stack = theirs.file();
    let ended = theirs.ends(&[&options[..], &[stack.as_str()], &files].concat());
    let report: Report = serde_json::from_str(&ended.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", ended.output()));
    let mut wrong = Vec::new();
    for (id, exit) in scenarios {
        let path = file(id);
        let trials = report.trials.iter().filter(|trial| trial.command.contains(&path));
        let ends: Vec<_> = trials.map(|trial| (trial.exit.code(), &trial.sentence)).collect();
        if ends.is_empty() || ends.iter().any(|(code, _)| code != exit) {
            wrong.push(format!("{id}: {ends:?}, expected {exit}"));
        }
        for trial in report.trials.iter().filter(|trial| !trial.leftovers.is_empty()) {
            wrong.push(format!("{}: left {:?}", trial.name, trial.leftovers));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The plain stack's parts, as a client reaches them.
fn reach(theirs: &Theirs) -> Reach {
    Reach {
        kafka: Twice::same(Kafka::plain(theirs.said("bootstrap"))),
        connect: Rest::plain(theirs.said("connect")),
        flink: Rest::plain(theirs.said("rest")),
        ..Reach::default()
    }
}

/// Everything that somebody has made on the plain stack.
async fn made(theirs: &Theirs) -> BTreeSet<String> {
    let at = reach(theirs);
    let mut made = theirs.in_postgres();
    let topics = Admin::new(&at).unwrap().list("").await.unwrap();
    made.extend(topics.into_iter().map(|topic| format!("topic {}", topic.name)));
    let connectors = Connect::new(&at).unwrap().list("").await.unwrap();
    made.extend(connectors.into_iter().map(|name| format!("connector {name}")));
    let jobs = JobManager::new(&at).unwrap().jobs().await.unwrap();
    let live = jobs.into_iter().filter(|job| !is_terminal(&job.state));
    made.extend(live.map(|job| format!("job {}", job.name)));
    made
}

/// A number below `end` that differs each time.
fn drawn(end: u64) -> u64 {
    RandomState::new().hash_one(end) % end
}

/// Starts a run, kills it after so long, and sweeps; gives what the sweep said.
async fn killed_and_swept(theirs: &Theirs, after: Duration) -> Ended {
    let files = ["order/a-waiting-writer-wins", "language/a-killed-worker"].map(file);
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let stack = theirs.file();
    let args = [&["run", "--stack", stack.as_str()][..], &files].concat();
    let watch = Stopwatch::start();
    let mut run =
        theirs.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let look = || async {
        let over = watch.elapsed() >= after;
        Ok::<_, ()>(if over { Look::Holds(()) } else { Look::NotYet("too early".to_owned()) })
    };
    wait::until("the moment of the kill", after * 10, look).await.unwrap();
    run.kill().unwrap();
    run.wait().unwrap();
    theirs.ends(&["stack", "sweep", theirs.file().as_str()])
}

#[tokio::test]
async fn a_plain_stack_gives_the_same_verdicts_and_nothing_is_left_on_it() {
    let theirs = Theirs::start("plain");
    let stack = theirs.file();
    let before = made(&theirs).await;

    let listed = theirs.ends(&[
        "list",
        "--stack",
        stack.as_str(),
        &file("lake/a-bucket-and-a-lake-hold-every-change"),
    ]);
    let told = "not run: it needs files that Flink writes and changeproof reads, which the stack";
    assert!(listed.stdout.contains(told), "{}", listed.output());

    end_the_same(&theirs, &same());
    assert_eq!(made(&theirs).await, before, "what runs left that ended");

    // The first moments are those of the stages; the last is anywhere.
    let mut swept = 0;
    for after in [700, 1500, 2500, 500 + drawn(4000)] {
        let ended = killed_and_swept(&theirs, Duration::from_millis(after)).await;
        assert_eq!(ended.exit, Some(0), "after {after} ms: {}", ended.output());
        assert_eq!(made(&theirs).await, before, "killed after {after} ms, {}", ended.output());
        swept += ended.stdout.lines().filter(|line| line.starts_with("removed  ")).count();
    }
    assert!(swept > 0, "no kill left anything, so that the sweep showed nothing");
    let ended = theirs.ends(&["stack", "sweep", stack.as_str()]);
    assert_eq!(ended.stdout.trim(), "no killed run left anything");
}

/// Something that is wrong with a stack, or missing on it.
struct Lack {
    /// How it comes about.
    how: How,
    /// What `stack check` says of it; nothing if it cannot see it.
    checked: Option<&'static str>,
    /// What `run` says.
    run: &'static str,
}

/// How a lack comes about, and is mended.
enum How {
    /// Other words in the stack file.
    File(&'static str, &'static str),
    /// A variable with another value, or none.
    Variable(&'static str, &'static str),
    /// What Postgres' superuser does, and takes back.
    Sql(&'static str, &'static str),
    /// Of Kafka's users: the rights over this kind of thing are taken away.
    Acl(&'static str),
}

const LACKS: &[Lack] = &[
    Lack {
        how: How::Variable("CP_TEST_KAFKA", ""),
        checked: Some("the variable CP_TEST_KAFKA is not set"),
        run: "the variable CP_TEST_KAFKA is not set",
    },
    Lack {
        how: How::Variable("CP_TEST_PG", "planted-wrong"),
        checked: Some("password authentication failed for user \"tester\""),
        run: "password authentication failed for user \"tester\"",
    },
    Lack {
        how: How::Variable("CP_TEST_KAFKA", "planted-wrong"),
        checked: Some("mend `kafka.bootstrap` and `kafka.security`"),
        run: "mend `kafka.bootstrap` and `kafka.security`",
    },
    Lack {
        how: How::Variable("CP_TEST_CONNECT", "planted-wrong"),
        checked: Some("401"),
        run: "401",
    },
    Lack {
        how: How::File(
            "mode: verify-full, ca: certs/ca.pem",
            "mode: verify-full, ca: certs/other.pem",
        ),
        checked: Some("mend `postgres.url` and `postgres.tls`"),
        run: "mend `postgres.url` and `postgres.tls`",
    },
    Lack {
        how: How::File(", certificate: certs/client.pem, key: certs/client.key", ""),
        checked: Some("mend `flink.rest`"),
        run: "mend `flink.rest`",
    },
    Lack {
        how: How::File("${env:SOURCE_PASSWORD}", "${env:NO_SUCH_VARIABLE}"),
        checked: None,
        run: "mend `postgres.password_seen_from_components`",
    },
    Lack {
        how: How::File(
            "  seen_from_components: localhost:",
            "  seen_from_components: localhost:1 # ",
        ),
        checked: None,
        run: "mend `postgres.seen_from_components`",
    },
    Lack {
        how: How::Sql("ALTER ROLE tester NOCREATEDB", "ALTER ROLE tester CREATEDB"),
        checked: Some("tester may not create databases"),
        run: "tester may not create databases",
    },
    Lack {
        how: How::Sql("ALTER ROLE tester NOREPLICATION", "ALTER ROLE tester REPLICATION"),
        checked: Some("tester may not create and read replication slots"),
        run: "tester may not create and read replication slots",
    },
    Lack {
        how: How::Sql(
            "ALTER ROLE tester SET synchronous_commit = off",
            "ALTER ROLE tester RESET synchronous_commit",
        ),
        checked: Some("it is `off`, and must be `on`"),
        run: "it is `off`, and must be `on`",
    },
    Lack {
        how: How::Sql(
            "SELECT pg_create_physical_replication_slot('taken_' || n) FROM generate_series(1, 19) n",
            "SELECT pg_drop_replication_slot('taken_' || n) FROM generate_series(1, 19) n",
        ),
        checked: Some("1 free, and a run needs 2"),
        run: "1 free, and a run needs 2",
    },
    Lack {
        how: How::Acl("--topic"),
        checked: Some("let the user do everything with topics that begin with `cp_`"),
        run: "let the user do everything with topics that begin with `cp_`",
    },
    Lack {
        how: How::Acl("--group"),
        checked: Some("let the user do everything with groups that begin with `cp_`"),
        run: "let the user do everything with groups that begin with `cp_`",
    },
];

impl Lack {
    /// Breaks it, and looks at what is said.
    fn is_told(&self, theirs: &Theirs) -> Vec<String> {
        let acl = |what: &[&str], kind: &str| {
            let who = ["--allow-principal", "User:tester", "--operation", "All"];
            let of = [kind, "cp_", "--resource-pattern-type", "prefixed"];
            theirs.act("acl", &[what, &who, &of].concat())
        };
        let file = match self.how {
            How::File(from, to) => theirs.file_with((from, to)),
            _ => theirs.file(),
        };
        match self.how {
            How::Sql(takes, _) => drop(theirs.sql(takes)),
            How::Acl(kind) => drop(acl(&["--remove", "--force"], kind)),
            How::File(..) | How::Variable(..) => {}
        }
        let ends = |args: &[&str]| -> Ended {
            let mut command = theirs.command(args);
            if let How::Variable(name, value) = self.how {
                command.env(name, value);
            }
            command.output().unwrap().into()
        };
        let scenario = self::file("order/a-waiting-writer-wins");
        let mut wrong = Vec::new();
        let commands = [
            (vec!["stack", "check", file.as_str()], self.checked),
            (vec!["run", "--stack", file.as_str(), scenario.as_str()], Some(self.run)),
        ];
        for (args, says) in commands {
            let ended = ends(&args);
            let output = ended.output();
            let exit = if says.is_some() { 30 } else { 0 };
            let says = says.unwrap_or("");
            let is_said = says.is_empty() || output.matches(says).count() == 1;
            if ended.exit != Some(exit) || !is_said {
                wrong.push(format!(
                    "{args:?} ended with {:?}, not once with `{says}`:\n{output}",
                    ended.exit
                ));
            }
            if output.contains(PLANTED) {
                wrong.push(format!("{args:?} shows a password:\n{output}"));
            }
        }
        match self.how {
            How::Sql(_, mends) => drop(theirs.sql(mends)),
            How::Acl(kind) => drop(acl(&["--add"], kind)),
            How::File(..) | How::Variable(..) => {}
        }
        wrong
    }
}

#[tokio::test]
async fn with_tls_and_logins_verdicts_are_the_same_and_each_lack_is_one_sentence_without_a_password()
 {
    let theirs = Theirs::start("secure");
    let before = theirs.in_postgres();
    let checked = theirs.ends(&["stack", "check", theirs.file().as_str()]);
    assert_eq!(checked.exit, Some(0), "{}", checked.output());
    assert!(!checked.output().contains(PLANTED), "{}", checked.output());

    let same = same();
    let step = (same.len() / SECURED).max(1);
    let some: Vec<_> = same.into_iter().step_by(step).collect();
    end_the_same(&theirs, &some);
    assert_eq!(theirs.in_postgres(), before, "what runs left that ended");

    let wrong: Vec<String> = LACKS.iter().flat_map(|lack| lack.is_told(&theirs)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(theirs.in_postgres(), before, "what runs left that failed");

    // Everything is given back: a run passes, and nothing that any of them left shows a password.
    end_the_same(&theirs, &some[..1]);
    assert_eq!(theirs.showing(&theirs.work()), Vec::<Utf8PathBuf>::new());
}
