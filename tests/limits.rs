//! Small inputs, hostile or careless, end soon: each command here runs with 5 seconds of processor
//! time and 300 MiB of memory, and must say in one sentence what it did not take.
//!
//! The bounds are the kernel's, so that a busy machine changes nothing: what takes too long or too
//! much is killed, and the test sees another exit code than it expects.

#![expect(clippy::disallowed_methods, reason = "the program is run as its users run it")]

use std::process::{Command, Output};

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{CWD, FileType, Mode, mknodat};

/// What everybody's folder begins with.
const HEAD: &str = "scenario: v1\ntitle: It ends soon\ncovers: [A]\n";

/// A folder with files, and what is run in it.
struct Case {
    _kept: tempfile::TempDir,
    root: Utf8PathBuf,
    /// What the shell does before it starts the program.
    before: String,
}

impl Case {
    fn new() -> Self {
        let kept = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(kept.path()).unwrap().to_owned();
        Self { _kept: kept, root, before: String::new() }
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> Utf8PathBuf {
        let path = self.root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    fn with(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        self.file(name, text);
        self
    }

    /// A pipe that nobody writes to.
    fn pipe(self, name: &str) -> Self {
        let path = self.root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        mknodat(CWD, path.as_std_path(), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        self
    }

    fn link(self, name: &str, to: &str) -> Self {
        std::os::unix::fs::symlink(to, self.root.join(name)).unwrap();
        self
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        let script = format!(
            "ulimit -t 5; ulimit -d 307200; ulimit -c 0; {} exec timeout 60 \"$0\" \"$@\"",
            self.before
        );
        let output = Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_changeproof")])
            .args(arguments)
            .current_dir(&self.root)
            .output()
            .unwrap();
        Ended::of(output)
    }
}

/// How it ended.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ended {
    fn of(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// It ended with this code, and what it says holds this sentence.
    #[track_caller]
    fn says(&self, code: i32, sentence: &str) {
        let told = format!("{}{}", self.out, self.err);
        let shown: String = told.chars().take(2_000).collect();
        assert_eq!(self.code, Some(code), "{shown}");
        assert!(told.contains(sentence), "no `{sentence}` in: {shown}");
        assert!(told.len() < 200_000, "{} bytes are too much to read", told.len());
    }
}

/// A scenario of one table with further lines.
fn scenario(lines: &str) -> String {
    format!(
        "{HEAD}pipeline:\n  source: CREATE TABLE t (id int PRIMARY KEY, v text)\ntimeline: []\n{lines}"
    )
}

/// A scenario whose pipeline has these lines besides.
fn pipeline(lines: &str) -> String {
    format!(
        "{HEAD}pipeline:\n  source: CREATE TABLE t (id int PRIMARY KEY, v text)\n{lines}timeline: []\n"
    )
}

const STATEMENTS: &str = "  statements: ['*.sql']\n  sinks:\n    s: unjudged\n";

const SINK: &str = "CREATE TABLE s (id INT) WITH ('connector' = 'kafka', 'topic' = 's');\n\
                    INSERT INTO s SELECT id FROM t;\n";

#[test]
fn patterns_are_relative_to_the_file_however_it_is_named() {
    let case = Case::new().with("d/s.yaml", pipeline(STATEMENTS)).with("d/a.sql", SINK);
    case.run(&["lint", "d/s.yaml"]).says(0, "1 trial in 1 scenario, no errors");
    let here = Case { root: case.root.join("d"), ..case };
    here.run(&["lint", "s.yaml"]).says(0, "1 trial in 1 scenario, no errors");
    here.run(&["lint", "./s.yaml"]).says(0, "1 trial in 1 scenario, no errors");
    let absolute = STATEMENTS.replace("*.sql", &format!("{}/*.sql", here.root));
    here.file("e/t.yaml", pipeline(&absolute));
    here.run(&["lint", "e/t.yaml"]).says(0, "1 trial in 1 scenario, no errors");
}

#[test]
fn a_pattern_of_many_stars_ends_soon() {
    let mut case = Case::new();
    for n in 0..216 {
        case = case.with(&format!("g/{}/{}/{}/x.txt", n / 36, n / 6 % 6, n % 6), "");
    }
    let folders = STATEMENTS.replace("*.sql", &format!("g/{}x*.sql", "**/".repeat(14)));
    let letters = STATEMENTS.replace("*.sql", &format!("d/{}b.sql", "*a".repeat(25)));
    let case = case
        .with("folders.yaml", pipeline(&folders))
        .with("letters.yaml", pipeline(&letters))
        .with(&format!("d/{}.sql", "a".repeat(200)), "");
    case.run(&["lint", "folders.yaml"]).says(20, "no file matches");
    case.run(&["lint", "letters.yaml"]).says(20, "no file matches");
}

#[test]
fn a_loop_of_links_has_an_end() {
    let case = Case::new()
        .with("s.yaml", pipeline(&STATEMENTS.replace("*.sql", "**/*.sql")))
        .with("a.sql", SINK)
        .link("loop", ".")
        .link("self", "self");
    case.run(&["lint", "s.yaml"]).says(0, "1 trial in 1 scenario, no errors");
    case.run(&["lint", "self"]).says(20, "cannot be read: Too many levels of symbolic links");
}

#[test]
fn fmt_leaves_a_file_whole_where_the_disk_is_full() {
    let long: String = (0..900).map(|n| format!("  - {{a: SELECT {n}}}\n")).collect();
    let text = format!("{HEAD}pipeline:   p.yaml\ntimeline:\n{long}");
    let mut case = Case::new().with("f.yaml", &text);
    // A file may grow no further than this, as on a disk that is full.
    case.before = "trap '' XFSZ; ulimit -f 8;".to_owned();
    case.run(&["fmt", "f.yaml"]).says(2, "f.yaml stays as it is");
    assert_eq!(std::fs::read_to_string(case.root.join("f.yaml")).unwrap(), text);
    assert_eq!(std::fs::read_dir(&case.root).unwrap().count(), 1);
    case.before.clear();
    case.run(&["fmt", "f.yaml"]).says(0, "1 file in canonical form, 1 file changed");
}

#[test]
fn fmt_counts_what_it_wrote_and_keeps_links() {
    let case = Case::new().with("d/f.yaml", scenario("").replace("covers: [A]", "covers:   [A]"));
    let case = case.link("link.yaml", "d/f.yaml");
    case.run(&["fmt", "link.yaml"]).says(0, "1 file changed");
    assert!(case.root.join("link.yaml").is_symlink());
    case.run(&["fmt", "--check", "d"]).says(0, "1 file in canonical form");
}

#[test]
fn a_product_of_lists_and_orders_is_counted_before_it_is_made() {
    let list = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]";
    let axes: String = (0..8).map(|n| format!("    k{n}: {list}\n")).collect();
    let axes = scenario(&format!("settings:\n  connector:\n{axes}"));
    let entries = |session: char, n: usize| format!("      - {session}: SELECT 1\n").repeat(n);
    let orders = |count: &str| {
        format!("  - permute: {count}\n    of:\n{}{}", entries('a', 4), entries('b', 5))
    };
    let timeline = |entries: &str| scenario("").replace(" []", &format!("\n{entries}"));
    let many = timeline(&orders("2000000000"));
    let several = timeline(&orders("all").repeat(3));
    let case = Case::new()
        .with("axes.yaml", axes)
        .with("many.yaml", many)
        .with("several.yaml", several)
        .with(
            "long.yaml",
            timeline(&format!("{}{}", orders("all"), "  - c: SELECT 1\n".repeat(2_000))),
        );
    for command in ["lint", "list"] {
        case.run(&[command, "axes.yaml"])
            .says(20, "makes 100,000,000 trials: 10 of `connector.k0` × 10 of `connector.k1`");
        case.run(&[command, "many.yaml"]).says(20, "`2000000000` is more than changeproof takes");
        case.run(&[command, "several.yaml"]).says(20, "makes 2,000,376 trials: 126 of `permute`");
        case.run(&[command, "long.yaml"]).says(20, "has 253,260 entries in all its trials");
    }
}

#[test]
fn as_many_trials_as_are_taken_end_soon() {
    let list: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let list = list.join(", ");
    let lines = format!("settings:\n  connector:\n    a: [{list}]\n    b: [{list}]\n");
    let case = Case::new().with("s.yaml", scenario(&lines));
    let ended = case.run(&["lint", "s.yaml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.out.contains("10000 trials in 1 scenario"));
}

#[test]
fn many_keys_are_read_or_refused_soon() {
    let keys = |n: usize| (0..n).map(|n| format!("    k{n}: x\n")).collect::<String>();
    let settings = |keys: &str| scenario(&format!("settings:\n  connector:\n{keys}"));
    let case = Case::new()
        .with("different.yaml", settings(&keys(100_000)))
        .with("equal.yaml", settings(&"    k: x\n".repeat(90_000)))
        .with("unknown.yaml", scenario(&keys(9_000).replace("    ", "")))
        .with("most.yaml", settings(&keys(10_000)))
        .with("flow.yaml", scenario(&format!("covers: [{}]\n", "a,".repeat(300_000))));
    case.run(&["lint", "different.yaml"]).says(20, "the map has more than 10,000 keys");
    case.run(&["lint", "equal.yaml"]).says(20, "89,899 more errors are not shown");
    case.run(&["lint", "unknown.yaml"]).says(20, "8,900 more errors are not shown");
    case.run(&["lint", "most.yaml"]).says(0, "1 trial in 1 scenario");
    case.run(&["lint", "flow.yaml"]).says(20, "the file has more than 200,000 keys and values");
    case.run(&["fmt", "flow.yaml"]).says(20, "the file has more than 200,000 keys and values");
}

#[test]
fn what_the_stack_could_not_take_is_refused_by_lint() {
    let settings = |lines: &str| scenario(&format!("settings:\n{lines}"));
    let connector = "  connector: c.json\n";
    let case = Case::new()
        .with("partitions.yaml", settings("  partitions: 2000000000\n"))
        .with("nul.yaml", settings("  connector:\n    a: \"x\\0y\"\n"))
        .with("prefix.yaml", pipeline(connector))
        .with("c.json", r#"{"topic.prefix": "a\u0000b"}"#)
        .with("empty/s.yaml", pipeline(connector))
        .with("empty/c.json", r#"{"topic.prefix": ""}"#)
        .with("long/s.yaml", pipeline(connector))
        .with("long/c.json", format!(r#"{{"topic.prefix": "{}"}}"#, "a".repeat(250)));
    case.run(&["lint", "partitions.yaml"]).says(20, "write a whole number from 1 to 1,000");
    case.run(&["lint", "nul.yaml"]).says(20, "the option `a` has a NUL in it");
    case.run(&["lint", "prefix.yaml"]).says(20, "the option `topic.prefix` has a NUL in it");
    case.run(&["lint", "empty/s.yaml"]).says(20, "`` is no topic prefix");
    case.run(&["lint", "long/s.yaml"]).says(20, "is no topic prefix");
}
