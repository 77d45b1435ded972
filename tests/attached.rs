//! Runs on a stack that somebody else keeps: started outside of changeproof's keeper by a script of this
//! test. The verdicts are those of changeproof's own stack, and what killed runs leave is swept.

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

use camino::Utf8Path;
use changeproof::client::clock::Stopwatch;
use changeproof::client::connect::Connect;
use changeproof::client::flink::{JobManager, is_terminal};
use changeproof::client::kafka::Admin;
use changeproof::client::reach::{Kafka, Reach, Rest, Twice};
use changeproof::client::wait::{self, Look};
use changeproof::report::json::Report;
use theirs::{Ended, Theirs};

/// Scenarios whose verdict must be the same as on changeproof's own stack: an id a line, and behind it
/// the exit code where it is another than 0.
const SAME: &str = include_str!("attached/same-verdict.txt");
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
    // Those of the brokers' own come when they are needed.
    let topics = topics.into_iter().filter(|topic| !topic.name.starts_with("__"));
    made.extend(topics.map(|topic| format!("topic {}", topic.name)));
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
