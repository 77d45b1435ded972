//! Small inputs, hostile or careless, end soon: each command here runs with 5 seconds of processor
//! time and 300 MiB of memory, and must say in one sentence what it did not take.
//!
//! The bounds are the kernel's, so that a busy machine changes nothing: what takes too long or too
//! much is killed, and the test sees another exit code than it expects.

#![expect(clippy::disallowed_methods, reason = "the program is run as its users run it")]
#![expect(clippy::unwrap_used, reason = "a test that cannot write its files fails")]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Command, Output};

use camino::{Utf8Path, Utf8PathBuf};
use changeproof::base::position::{Lsn, Xid};
use changeproof::check::judge;
use changeproof::check::once::judge_once;
use changeproof::history::event::{Bytes, Event, Header, Part, Record, Role, Topic};
use changeproof::history::packed::PackedWriter;
use changeproof::history::stream::Stream;
use changeproof::history::{History, Writer};
use proptest::prelude::*;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::Value;

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

    /// A folder or file whose name is no UTF-8.
    fn nameless(self, name: &[u8]) -> Self {
        std::fs::write(self.root.as_std_path().join(OsStr::from_bytes(name)), "").unwrap();
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

    /// What goes over everything twice for each of its parts takes minutes; a debug build on a busy machine
    /// needs up to ten seconds for what is in order.
    fn run(&self, arguments: &[&str]) -> Ended {
        self.run_within(20, arguments)
    }

    /// The same within so many seconds of processor time.
    fn run_within(&self, seconds: u32, arguments: &[&str]) -> Ended {
        let script = format!(
            "ulimit -t {seconds}; ulimit -d 307200; ulimit -c 0; {} exec timeout 240 \"$0\" \"$@\"",
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

const SINK: &str = "CREATE TABLE s (id INT);\n\
                    INSERT INTO s SELECT id FROM `cdc.public.t`;\n";

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
    let list = |n: usize| (0..n).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    let (a, b) = (list(40), list(50));
    let lines = format!("settings:\n  connector:\n    a: [{a}]\n    b: [{b}]\n");
    let case = Case::new().with("s.yaml", scenario(&lines));
    // Each of them is looked at as a run would, some milliseconds in a debug build.
    let ended = case.run_within(60, &["lint", "s.yaml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.out.contains("2000 trials in 1 scenario"));
}

#[test]
fn many_keys_are_read_or_refused_soon() {
    let keys = |n: usize| (0..n).map(|n| format!("    k{n}: x\n")).collect::<String>();
    let settings = |keys: &str| scenario(&format!("settings:\n  connector:\n{keys}"));
    let case = Case::new()
        .with("different.yaml", settings(&keys(100_000)))
        .with("equal.yaml", settings(&"    k: x\n".repeat(45_000)))
        .with("unknown.yaml", scenario(&keys(900).replace("    ", "")))
        .with("most.yaml", settings(&keys(1_000)))
        .with("flow.yaml", scenario(&format!("covers: [{}]\n", "a,".repeat(150_000))));
    case.run(&["lint", "different.yaml"]).says(20, "the map has more than 1,000 keys");
    case.run(&["lint", "equal.yaml"]).says(20, "44,899 more errors are not shown");
    case.run(&["lint", "unknown.yaml"]).says(20, "800 more errors are not shown");
    case.run(&["lint", "most.yaml"]).says(0, "899 more are not shown");
    case.run(&["lint", "flow.yaml"]).says(20, "the file has more than 100,000 keys and values");
    case.run(&["fmt", "flow.yaml"]).says(20, "the file has more than 100,000 keys and values");
}

#[test]
fn many_statements_and_entries_are_read_or_refused_soon() {
    let tables = |n: usize| {
        (0..n).map(|n| format!("CREATE TABLE t{n} (id int PRIMARY KEY);\n")).collect::<String>()
    };
    let entries = |n: usize| format!("\n{}", "  - a: SELECT 1\n".repeat(n));
    let timeline = |n: usize| scenario("").replace(" []", &entries(n));
    let sources = pipeline("").replace("CREATE TABLE t (id int PRIMARY KEY, v text)", "s.sql");
    let options: Vec<String> = (0..90_000).map(|n| format!("\"k{n}\": 1")).collect();
    let case = Case::new()
        .with("most/s.yaml", &sources)
        .with("most/s.sql", tables(5_000))
        .with("more/s.yaml", &sources)
        .with("more/s.sql", tables(90_000))
        .with("entries.yaml", timeline(10_000))
        .with("long.yaml", timeline(30_000))
        .with("options.yaml", pipeline("  connector: c.json\n"))
        .with("c.json", format!("{{{}}}", options.join(",\n")));
    // Five thousand tables are a millisecond each in a debug build on a slow machine.
    case.run_within(60, &["lint", "most/s.yaml"]).says(0, "1 trial in 1 scenario");
    case.run(&["lint", "more/s.yaml"]).says(20, "the SQL holds 90000 statements");
    case.run(&["lint", "entries.yaml"]).says(0, "1 trial in 1 scenario");
    case.run(&["lint", "long.yaml"]).says(20, "the timeline has 30000 entries");
    case.run(&["lint", "options.yaml"]).says(20, "the connector file has 90000 options");
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

#[test]
fn nothing_waits_for_a_pipe_or_reads_a_device_to_its_end() {
    let named = |key: &str, file: &str| {
        pipeline(&format!("  {key}: {file}\n"))
            .replace("  source: CREATE TABLE t (id int PRIMARY KEY, v text)\n  source", "  source")
    };
    let case = Case::new()
        .pipe("pipe.sql")
        .link("zero.sql", "/dev/zero")
        .pipe("p.yaml")
        .pipe("c.json")
        .with("a/source.yaml", named("source", "../pipe.sql"))
        .with("a/zero.yaml", named("source", "../zero.sql"))
        .with("a/statements.yaml", named("statements", "../zero.sql"))
        .with("a/connector.yaml", named("connector", "../c.json"))
        .with("a/pipeline.yaml", format!("{HEAD}pipeline: ../p.yaml\ntimeline: []\n"));
    case.run(&["lint", "a/source.yaml"]).says(20, "`pipe.sql` is a pipe, not a file");
    case.run(&["lint", "a/zero.yaml"]).says(20, "`zero.sql` is a device, not a file");
    case.run(&["lint", "a/statements.yaml"]).says(20, "`zero.sql` is a device, not a file");
    case.run(&["lint", "a/connector.yaml"]).says(20, "`c.json` is a pipe, not a file");
    case.run(&["lint", "a/pipeline.yaml"]).says(20, "`p.yaml` is a pipe, not a file");
    case.run(&["lint", "p.yaml"]).says(20, "`p.yaml` is a pipe, not a file");
    case.run(&["fmt", "p.yaml"]).says(2, "`p.yaml` is a pipe, not a file");
    case.run(&["translate", "pipe.sql", "--source", "pipe.sql"]).says(2, "is a pipe, not a file");
    for command in ["check", "bless"] {
        case.run(&[command, "pipe.sql"]).says(20, "`pipe.sql` is a pipe, not a file");
        case.run(&[command, "zero.sql"]).says(20, "`zero.sql` is a device, not a file");
    }
}

#[test]
fn what_is_no_text_is_named_and_stops_nothing() {
    let flat = scenario("").replace("covers: [A]", "covers:   [A]");
    let case = Case::new()
        .with("scenarios/a.yaml", flat)
        .with("postgres-ddl/t.sql", "CREATE TABLE t (id int PRIMARY KEY, v text);")
        .with("postgres-ddl/latin.sql", b"-- caf\xe9\nCREATE TABLE u (id int);".as_slice())
        .pipe("postgres-ddl/x.json")
        .nameless(b"scenarios/caf\xe9.yaml")
        .nameless(b"postgres-ddl/caf\xe9.sql");
    std::os::unix::fs::symlink("nowhere", case.root.join("postgres-ddl/dangling.sql")).unwrap();
    for command in ["lint", "list"] {
        let ended = case.run(&[command, "scenarios"]);
        ended.says(0, "is left out: its name is not UTF-8");
        assert!(ended.out.contains('a'), "{}", ended.out);
    }
    case.run(&["fmt", "--check", "scenarios"]).says(20, "1 file not in canonical form");
    let ended = case.run(&["new", "postgres-ddl"]);
    ended.says(0, "wrote postgres-ddl/changeproof/");
    for left_out in ["latin.sql` is not UTF-8 text", "x.json` is a pipe", "dangling.sql` is a link"]
    {
        assert!(ended.err.contains(left_out), "{}", ended.err);
    }
}

#[test]
fn nothing_is_shown_of_a_file_outside_of_the_project() {
    let elsewhere = Case::new();
    let secret = elsewhere.file("secret.json", "root:x:0:0");
    let listed = elsewhere.file("listed.json", r#"{"token": ["root:x:0:0"]}"#);
    for (n, file) in [secret, listed].iter().enumerate() {
        let case = Case::new().with("s.yaml", pipeline(&format!("  connector: {file}\n")));
        let ended = case.run(&["lint", "s.yaml"]);
        ended.says(20, "the file lies outside of the project");
        assert!(!format!("{}{}", ended.out, ended.err).contains("root:x"), "{n}: {}", ended.err);
        let linked = Case::new()
            .with("s.yaml", pipeline("  connector: c.json\n"))
            .link("c.json", file.as_str());
        let ended = linked.run(&["lint", "s.yaml"]);
        ended.says(20, "the file lies outside of the project");
        assert!(!format!("{}{}", ended.out, ended.err).contains("root:x"), "{n}: {}", ended.err);
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_told_before_a_stack_is_started() {
    let case = Case::new().with("s.yaml", scenario("")).with(".changeproof", "in the way");
    let ended = case.run(&["run", "s.yaml"]);
    ended.says(2, "the run directory cannot be written");
}

/// A recorded run with two events more, behind the topics: a schema, and a record that it is for.
fn recorded(schema: &str, value: &[u8]) -> (Header, Vec<Event>) {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/histories/a-life-in-avro.jsonl");
    let History { header, mut events, .. } = History::read(Utf8Path::new(file)).unwrap();
    let topics = events.iter().position(|event| matches!(event, Event::Topics { .. })).unwrap();
    let is_source = |topic: &&Topic| !matches!(topic.role, Role::Sink { .. });
    let topic = events.iter().find_map(|event| match event {
        Event::Topics { topics } => topics.iter().find(is_source).map(|topic| topic.name.clone()),
        _ => None,
    });
    let topic = topic.unwrap();
    let framed = [&[0, 0, 0, 3, 231], value].concat();
    let further = [
        Event::Schema {
            topic: topic.clone(),
            part: Part::Value,
            id: 999,
            schema: schema.to_owned(),
        },
        Event::Record(Record {
            topic,
            partition: 0,
            offset: 1_000_000,
            timestamp: None,
            key: None,
            value: Some(Bytes(framed)),
            headers: Vec::new(),
        }),
    ];
    events.splice(topics + 1..=topics, further);
    (header, events)
}

#[test]
fn hostile_schemas_in_a_history_end_with_a_verdict_or_a_sentence() {
    let doubled = (1..30).fold(
        r#"{"type":"record","name":"r0","fields":[]}"#.to_owned(),
        |inner, n| {
            format!(
                r#"{{"type":"record","name":"r{n}","fields":[{{"name":"a","type":{inner}}},{{"name":"b","type":"r{}"}}]}}"#,
                n - 1
            )
        },
    );
    let long = vec![2; 200_000];
    let hostile: [(&str, &[u8]); 5] = [
        (r#"{"type":"record","name":"r","fields":[{"name":"n","type":"r"}]}"#, &[]),
        (r#"{"type":"record","name":"r","fields":[{"name":"n","type":["null","r"]}]}"#, &long),
        (
            r#"{"type":"bytes","logicalType":"decimal","precision":2000000000,"scale":1999999999}"#,
            &[2, 5],
        ),
        (r#"{"type":"fixed","name":"f","size":1099511627776}"#, &[1]),
        (&doubled, &[]),
    ];
    for (schema, value) in hostile {
        let case = Case::new();
        let (header, events) = recorded(schema, value);
        let mut writer = Writer::create(&case.root.join("h.jsonl"), &header).unwrap();
        for event in &events {
            writer.write(None, event).unwrap();
        }
        writer.finish().unwrap();
        for how in ["--whole", "--one-pass"] {
            let ended = case.run(&["check", how, "h.jsonl"]);
            let code = ended.code.unwrap_or_default();
            assert!(
                [10, 11, 20, 31].contains(&code),
                "{:?} of {schema}: {}",
                ended.code,
                ended.err
            );
        }
    }
}

#[test]
fn a_packed_history_is_measured_as_it_unpacks() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/histories/a-life-in-avro.jsonl");
    let header = History::read(Utf8Path::new(file)).unwrap().header;
    let case = Case::new();
    let tiny = case.root.join("tiny.cph");
    let mut writer = PackedWriter::create(&tiny, &header).unwrap();
    for _ in 0..1_200_000 {
        writer.write(None, &Event::Wal { lsn: Lsn(0), xid: Xid(0), data: Vec::new() }).unwrap();
    }
    writer.finish().unwrap();
    let ended = case.run(&["check", "tiny.cph"]);
    let code = ended.code.unwrap_or_default();
    assert!([11, 20, 31].contains(&code), "{:?}: {}", ended.code, ended.err);
}

#[test]
fn a_line_without_end_is_not_read_to_its_end() {
    let case = Case::new();
    let long = std::fs::File::create(case.root.join("long.jsonl")).unwrap();
    // A file of nothing but zeros, which takes no room on the disk.
    long.set_len(1 << 30).unwrap();
    case.run(&["check", "long.jsonl"]).says(20, "the line is longer than 64 MiB");
    case.run(&["lint", "long.jsonl"]).says(20, "is larger than 4 MiB");
}

/// The recorded runs, read once.
fn recordings() -> &'static [History] {
    static READ: std::sync::OnceLock<Vec<History>> = std::sync::OnceLock::new();
    READ.get_or_init(|| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/histories");
        let mut files: Vec<Utf8PathBuf> = Utf8Path::new(folder)
            .read_dir_utf8()
            .unwrap()
            .map(|entry| entry.unwrap().into_path())
            .filter(|path| path.extension() == Some("jsonl"))
            .collect();
        files.sort();
        files.iter().step_by(6).map(|file| History::read(file).unwrap()).collect()
    })
}

/// The leaves of a value.
fn leaves<'v>(value: &'v mut Value, found: &mut Vec<&'v mut Value>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| leaves(item, found)),
        Value::Object(members) => members.values_mut().for_each(|member| leaves(member, found)),
        leaf => found.push(leaf),
    }
}

fn extremes() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::from(i64::MAX)),
        Just(Value::from(i64::MIN)),
        Just(Value::from(u64::MAX)),
        (-2_i64..3).prop_map(Value::from),
        Just(Value::Null),
        Just(Value::from(true)),
        Just(Value::from(Vec::<u8>::new())),
        "[0-9a-f]{0,12}|\\{\\}|[0-9]{1,9}e999999999|\\PC{0,8}".prop_map(Value::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a history says, it is judged; a panic would fail this.
    #[test]
    fn a_changed_history_is_judged_and_nothing_panics(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), any::<prop::sample::Index>(), extremes()),
            1..4,
        ),
    ) {
        let mut history = which.get(recordings()).clone();
        for (at, leaf, extreme) in changes {
            let n = at.index(history.events.len());
            let event = &mut history.events[n];
            let mut json = serde_json::to_value(&*event).unwrap();
            let mut found = Vec::new();
            leaves(&mut json, &mut found);
            if found.is_empty() {
                continue;
            }
            *found.swap_remove(leaf.index(found.len())) = extreme;
            // What is no event is refused by whoever reads the file.
            if let Ok(changed) = serde_json::from_value(json) {
                *event = changed;
            }
        }
        judge(&history);
        judge_once(|| Ok(Stream::of(&history))).unwrap();
    }
}
