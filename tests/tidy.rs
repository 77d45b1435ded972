//! Style as a test: data flows downwards, every file says what it is for, none outgrows a screenful
//! of rooms, and nothing waits for a fixed time.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its tree fails")]

use std::path::{Path, PathBuf};

use changeproof::report::terms::TERMS;
use rstest::rstest;

/// The modules in the order data flows. A module imports only from those before it.
const FLOW: &[&str] = &[
    "base", "disk", "sql", "codec", "scenario", "history", "model", "dialect", "contain", "lint",
    "propose", "plan", "check", "report", "client", "generate", "score", "stack", "capture",
    "quiesce", "drive", "run", "gateway", "cli",
];

/// Rooms inside of a module, in the order data flows; a file of one imports only from those before it.
/// What is not named here may be used by all of the module; names in one text use each other.
const INSIDE: &[(&str, &[&str])] = &[
    (
        "check",
        &[
            "verdict",
            "topic",
            "found",
            "excerpt",
            "case feeds files grades outbox produced shots sinks snapshot",
            "unfit",
            "flow",
            "arrival sink windows",
            "changelog",
            "changes",
            "completeness",
            "deletes",
            "demands",
            "duplicates",
            "happened",
            "held",
            "integrity",
            "internal",
            "lives",
            "metadata",
            "once",
            "order",
            "patterns",
            "plans",
            "progress",
            "restarts",
            "rows",
            "settled",
            "silent",
            "skipped",
            "spelling",
            "statements",
            "vacuity",
            "summary",
            "told",
            "transactions",
            "unmodelled",
            "values",
            "witnesses",
        ],
    ),
    (
        "run",
        &[
            "cancel",
            "folder",
            "names",
            "outcome",
            "context",
            "trouble",
            "cleanup",
            "injector",
            "prepare",
            "objects",
            "start",
            "questions",
            "perform",
            "kept",
            "judge",
            "trial",
            "bare",
            "recheck",
            "batch",
        ],
    ),
    (
        "run::prepare",
        &[
            "files",
            "table",
            "own",
            "statements",
            "proctime",
            "clocks",
            "captured",
            "connector",
            "connectors",
            "session",
            "topics",
            "scoring",
            "unchanged",
            "unfit",
            "effective",
        ],
    ),
    (
        "run::start",
        &[
            "coming",
            "schemas",
            "capture",
            "source",
            "walsender",
            "stream",
            "refused",
            "written",
            "subjects",
            "jobs",
            "shadow",
        ],
    ),
    (
        "run::perform",
        &["armed", "live", "learn", "evaluate", "conditions", "changes", "recovery", "entries"],
    ),
];

/// The modules that are a function of their arguments: no clock, no environment, no network, no
/// async.
const PURE: &[&str] = &[
    "base", "disk", "sql", "codec", "scenario", "history", "model", "dialect", "contain", "lint",
    "propose", "plan", "check", "report",
];

/// What a pure module may not name. `disk`, `scenario` and `history` read and write files, through
/// `fs_err`.
const IMPURE: &[&str] = &[
    "tokio::",
    "reqwest::",
    "rdkafka::",
    "tokio_postgres::",
    "std::env::",
    "SystemTime::now",
    "Instant::now",
    "std::net::",
    "std::process::Command",
];

/// What opens connections, and the files that alone may name it: everybody else is given a client, and
/// takes addresses and logins from `client::reach`.
const WIRES: &[(&str, &[&str])] = &[
    ("reqwest::", &["src/client/http.rs"]),
    ("rdkafka::", &["src/client/kafka/"]),
    ("tokio_postgres::", &["src/client/postgres/"]),
    ("tokio_postgres_rustls::", &["src/client/postgres/"]),
    (" rustls::", &["src/client/tls.rs"]),
    // Where the local stack's own components and the scoring service listen, and the public address of
    // a region of Confluent Cloud.
    (
        "format!(\"http",
        &[
            "src/stack/start.rs",
            "src/stack/components/",
            "src/run/prepare/",
            "src/score/",
            "src/scenario/parse/confluent.rs",
        ],
    ),
];

/// Words with the reason why they may not stand in the sources, and the files that are exempt.
const BANNED: &[(&str, &str, &[&str])] = &[
    ("thread::sleep", "wait for a condition with a limit: client::wait", &[]),
    ("time::sleep", "wait for a condition with a limit: client::wait", &["src/client/wait.rs"]),
    ("todo!(", "finish it, or refuse it with a clear error", &[]),
    ("unimplemented!(", "finish it, or refuse it with a clear error", &[]),
    ("#[ignore", "a test that does not run is no test", &[]),
    ("FIXME", "mend it, or say in the documentation what is missing", &[]),
];

const FILE_LINES_MAX: usize = 600;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Path relative to the crate, and text, of every Rust file below `folder`.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut paths = Vec::new();
    rust_files(&root().join(folder), &mut paths);
    paths.sort();
    assert!(!paths.is_empty(), "no Rust file below {folder}");
    paths
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
            (name, text)
        })
        .collect()
}

/// The module of a file below `src`: `src/check/order.rs` and `src/check.rs` are in `check`.
fn module(file: &str) -> &str {
    let below = file.trim_start_matches("src/");
    below.split('/').next().unwrap_or(below).trim_end_matches(".rs")
}

/// The modules that `text` names with `crate::…`, comments apart.
fn imports(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (n, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or("");
        for (at, _) in code.match_indices("crate::") {
            let rest = &code[at + "crate::".len()..];
            let names: Vec<&str> = match rest.strip_prefix('{') {
                Some(list) => list.split(',').collect(),
                None => vec![rest],
            };
            for name in names {
                let name: String =
                    name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                found.push((n + 1, name));
            }
        }
    }
    found
}

/// Every use of a module by a module that stands before it in the flow.
fn against_the_flow(files: &[(String, String)]) -> Vec<String> {
    let rank = |name: &str| FLOW.iter().position(|module| *module == name);
    let mut wrong = Vec::new();
    for (file, text) in files {
        let Some(own) = rank(module(file)) else { continue };
        for (line, name) in imports(text) {
            if rank(&name).is_some_and(|other| other > own) {
                wrong.push(format!("{file}:{line}: {} uses {name}", module(file)));
            }
        }
    }
    wrong
}

#[test]
fn data_flows_downwards() {
    let wrong = against_the_flow(&sources("src"));
    assert!(wrong.is_empty(), "imports against the flow:\n{}", wrong.join("\n"));
}

/// Every use inside of a module that goes against its order.
fn against_the_order(files: &[(String, String)]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (room, order) in INSIDE {
        let folder = format!("src/{}/", room.replace("::", "/"));
        let rank =
            |name: &str| order.iter().position(|part| part.split(' ').any(|one| one == name));
        for (file, text) in files {
            let Some(below) = file.strip_prefix(&folder) else { continue };
            let own = below.split('/').next().unwrap_or(below).trim_end_matches(".rs");
            let Some(own_rank) = rank(own) else { continue };
            // `super` is the room only for files that stand in it themselves.
            let is_in_it = !below.contains('/') || below.ends_with("/mod.rs");
            let from = if below.contains('/') { "super::super::" } else { "super::" };
            for (n, line) in text.lines().enumerate() {
                let code = line.split("//").next().unwrap_or("");
                let absolute = format!("crate::{room}::");
                let starts = [absolute.as_str(), from].into_iter().filter(|_| is_in_it);
                let starts = starts.chain((!is_in_it).then_some(absolute.as_str()));
                for start in starts {
                    for name in named_behind(code, start) {
                        if rank(&name).is_some_and(|other| other > own_rank) {
                            wrong.push(format!("{file}:{}: {own} uses {name}", n + 1));
                        }
                    }
                }
            }
        }
    }
    wrong
}

/// The names that follow a path: one, or those of a list.
fn named_behind(code: &str, start: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices(start) {
        let rest = &code[at + start.len()..];
        let list =
            rest.strip_prefix('{').map_or_else(|| vec![rest], |list| list.split(',').collect());
        let name = |text: &str| -> String {
            text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
        };
        names.extend(list.into_iter().map(name));
    }
    names
}

#[test]
fn inside_of_a_module_data_flows_downwards_too() {
    let files = sources("src");
    for (room, order) in INSIDE {
        let folder = format!("src/{}/", room.replace("::", "/"));
        for part in order.iter().flat_map(|parts| parts.split(' ')) {
            let here = [format!("{folder}{part}.rs"), format!("{folder}{part}/mod.rs")];
            assert!(files.iter().any(|(file, _)| here.contains(file)), "{room} has no {part}");
        }
    }
    let wrong = against_the_order(&files);
    assert!(wrong.is_empty(), "imports against the order:\n{}", wrong.join("\n"));
}

#[rstest]
#[case("src/run/prepare/files.rs", "use super::statements::Statements;", 1)]
#[case("src/run/prepare/statements.rs", "use super::files;", 0)]
#[case("src/run/prepare/own/mod.rs", "use super::super::effective;", 1)]
#[case("src/run/start/source.rs", "use crate::run::{context, judge};", 1)]
#[case("src/run/judge.rs", "use super::{prepare, trial};", 1)]
#[case("src/run/judge.rs", "// super::trial comes behind", 0)]
fn the_order_test_notices(#[case] file: &str, #[case] text: &str, #[case] n_wrong: usize) {
    assert_eq!(against_the_order(&[(file.to_owned(), text.to_owned())]).len(), n_wrong);
}

#[rstest]
#[case("src/base/value.rs", "use crate::check::verdict;", 1)]
#[case("src/check/order.rs", "use crate::base::value;", 0)]
#[case("src/check/order.rs", "let x = crate::run::trial();", 1)]
#[case("src/check/order.rs", "// crate::run is below", 0)]
#[case("src/model/feed.rs", "use crate::{base::value, check::verdict};", 1)]
fn the_flow_test_notices(#[case] file: &str, #[case] text: &str, #[case] n_wrong: usize) {
    assert_eq!(against_the_flow(&[(file.to_owned(), text.to_owned())]).len(), n_wrong);
}

#[test]
fn every_module_has_a_place_in_the_flow() {
    let lib = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let declared: Vec<&str> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod "))
        .map(|name| name.trim_end_matches(';'))
        .collect();
    let expected: Vec<&str> = FLOW.iter().copied().filter(|name| declared.contains(name)).collect();
    assert_eq!(declared, expected, "src/lib.rs names the modules in the order of the flow");
}

#[test]
fn pure_modules_touch_nothing_outside() {
    let mut wrong = Vec::new();
    for (file, text) in sources("src") {
        if !PURE.contains(&module(&file)) {
            continue;
        }
        for (n, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or("");
            for word in IMPURE {
                if code.contains(word) {
                    wrong.push(format!("{file}:{}: {word}", n + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "pure modules reach outside:\n{}", wrong.join("\n"));
}

#[test]
fn clients_and_addresses_are_built_in_one_place() {
    let mut wrong = Vec::new();
    for (file, text) in sources("src") {
        for (word, homes) in WIRES {
            if homes.iter().any(|home| file.starts_with(home)) {
                continue;
            }
            for (n, line) in text.lines().enumerate() {
                if line.split("//").next().unwrap_or("").contains(word) {
                    wrong.push(format!("{file}:{}: {word}", n + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "clients are built elsewhere:\n{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is_for_and_stays_small() {
    let mut wrong = Vec::new();
    for (file, text) in sources("src").into_iter().chain(sources("tests")) {
        if !text.starts_with("//!") {
            wrong.push(format!("{file}: does not open with `//!`"));
        }
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX && file.starts_with("src") {
            wrong.push(format!("{file}: {lines} lines, at most {FILE_LINES_MAX}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn banned_words_stay_away() {
    let mut wrong = Vec::new();
    for (file, text) in sources("src").into_iter().chain(sources("tests")) {
        if file == "tests/tidy.rs" {
            continue;
        }
        for (word, reason, exempt) in BANNED {
            if exempt.contains(&file.as_str()) {
                continue;
            }
            for (n, line) in text.lines().enumerate() {
                let code = line.split("//").next().unwrap_or("");
                if code.contains(word) {
                    wrong.push(format!("{file}:{}: `{word}`: {reason}", n + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Files of the model that hold no rule of a component: how rows are folded, cut and compared.
const NO_RULES: &[&str] = &[
    "src/model/feed/logged.rs",
    "src/model/feed/table.rs",
    "src/model/key.rs",
    "src/model/mod.rs",
    "src/model/ours.rs",
    "src/model/source/fold.rs",
    "src/model/source/prefix.rs",
];

/// What is wrong with the sources that a file of rules cites; the scenarios that prove them exist.
fn badly_cited(file: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let is_test = file.ends_with("tests.rs");
    if file.starts_with("src/model/") && !is_test && !NO_RULES.contains(&file) {
        let is_cited = text.lines().any(|line| line.starts_with("//! Source: "));
        if !is_cited {
            wrong.push(format!("{file}: no `//! Source: …` says what its rules rest on"));
        }
    }
    let comments = text.lines().filter_map(|line| line.trim_start().strip_prefix("//"));
    for comment in comments {
        for name in comment.split('`').skip(1).step_by(2) {
            let parts = name.split('/').collect::<Vec<_>>();
            let is_name = |part: &&str| part.contains('-') && !part.contains([' ', '.', ':', '*']);
            if parts.len() == 2 && parts.last().is_some_and(is_name) {
                let there = root().join("scenarios").join(format!("{name}.yaml")).exists();
                if !there {
                    wrong.push(format!("{file}: there is no scenario `{name}`"));
                }
            }
        }
    }
    wrong
}

#[test]
fn rules_cite_sources_that_are_there() {
    let files = sources("src/model").into_iter().chain(sources("src/check"));
    let wrong = files.flat_map(|(file, text)| badly_cited(&file, &text)).collect::<Vec<_>>();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[rstest]
#[case("src/model/new.rs", "//! A rule.", 1)]
#[case("src/model/new.rs", "//! Source: KIP-98.", 0)]
#[case("src/model/key.rs", "//! Keys.", 0)]
#[case("src/check/new.rs", "//! Seen (scenario `order/never-written`).", 1)]
#[case("src/check/new.rs", "//! Seen (scenario `order/a-waiting-writer-wins`).", 0)]
fn a_rule_without_its_source_is_noticed(
    #[case] file: &str,
    #[case] text: &str,
    #[case] n_wrong: usize,
) {
    assert_eq!(badly_cited(file, text).len(), n_wrong);
}

/// Any other finding would do for a test that counts them.
#[test]
fn tests_of_the_checkers_name_what_they_find() {
    let counts = |line: &str| {
        let of_findings = line.contains("failing(") || line.contains("findings.len()");
        of_findings && line.contains(".len(), ") && !line.contains(".len(), 0")
    };
    let tests = sources("src/check/tests");
    let lines = tests.iter().flat_map(|(file, text)| {
        let lines = text.lines().enumerate().filter(move |(_, line)| counts(line));
        lines.map(move |(n, line)| format!("{file}:{}: {}", n + 1, line.trim()))
    });
    let wrong = lines.collect::<Vec<_>>();
    assert!(!tests.is_empty() && wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Words for kinds of stacks and for the parts of one kind.
const KINDS: &[&str] =
    &["LocalLease", "local_profile", "Local::", "StackOptions", "stack::Control", "Component::"];

/// Rooms that may say which kind of stack it is: those that are one, those that speak to one, and the
/// command line, where it is chosen.
const KNOW_KINDS: &[&str] = &["client", "stack", "cli"];

/// Every word for a kind of stack in a room that must not know any.
fn kinds_named(files: &[(String, String)]) -> Vec<String> {
    let mut named = Vec::new();
    for (file, text) in files.iter().filter(|(file, _)| !KNOW_KINDS.contains(&module(file))) {
        for (n, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or("");
            let is_part = |at: usize| code[..at].ends_with(|c: char| c.is_alphanumeric());
            let is_said = |word: &str| code.match_indices(word).any(|(at, _)| !is_part(at));
            let words = KINDS.iter().filter(|word| is_said(word));
            named.extend(words.map(|word| format!("{file}:{}: {word}", n + 1)));
        }
    }
    named
}

#[test]
fn no_kind_of_stack_is_named_where_trials_run() {
    let named = kinds_named(&sources("src"));
    assert!(named.is_empty(), "runs know one kind of stack:\n{}", named.join("\n"));
}

#[rstest]
#[case("src/run/context.rs", "lease: LocalLease,", 1)]
#[case("src/run/context.rs", "// not a LocalLease", 0)]
#[case("src/run/files.rs", "Utf8Component::Normal(name)", 0)]
#[case("src/run/faults.rs", "stack.act(Component::Kafka)", 1)]
#[case("src/cli/run.rs", "Local::new(options)", 0)]
fn a_kind_that_is_named_is_noticed(#[case] file: &str, #[case] text: &str, #[case] n: usize) {
    assert_eq!(kinds_named(&[(file.to_owned(), text.to_owned())]).len(), n);
}

/// Every word of the glossary leads to where it is, and every role that others can take has a word.
#[test]
fn the_glossary_is_complete_and_leads_somewhere() {
    let named: Vec<(String, String)> =
        TERMS.iter().map(|term| (term.code.0.to_owned(), term.code.1.to_owned())).collect();
    for (file, item) in &named {
        let text = std::fs::read_to_string(root().join(file)).unwrap_or_default();
        assert!(text.contains(item.as_str()), "the glossary leads to {file}, `{item}`");
    }
    for (file, text) in sources("src") {
        let traits = text.lines().filter_map(|line| line.strip_prefix("pub trait "));
        for name in traits.map(|rest| rest.split([':', '<', ' ']).next().unwrap_or(rest)) {
            let there = named.iter().any(|(known, item)| *known == file && item == name);
            assert!(there, "{file}: the trait `{name}` has no word in src/report/terms.rs");
        }
    }
}

#[test]
fn scenarios_name_no_host_and_no_port() {
    let mut stack = vec![root().join("scenarios")];
    let mut n_files = 0;
    while let Some(folder) = stack.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                stack.push(path);
                continue;
            }
            n_files += 1;
            let text = std::fs::read_to_string(&path).unwrap();
            for word in ["localhost", "127.0.0.1", "bootstrap.servers", "hostname"] {
                assert!(!text.contains(word), "{} names `{word}`", path.display());
            }
        }
    }
    assert!(n_files > 0, "no scenario found");
}
