//! The language as its users meet it when they err. Each file in `tests/language/err/` holds a
//! typical mistake (its name says which); what is shown for it, all errors at once, is the snapshot
//! of that name. The message alone must be enough to mend the file.
//!
//! Write the snapshots anew with `INSTA_UPDATE=always cargo test --test language`, and read them.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use changeproof::base::diagnostic::{Diagnostic, Severity};
use changeproof::base::text::Text;
use changeproof::client::clock::Stopwatch;
use changeproof::lint::lint;
use changeproof::plan::{self, Matrix};
use changeproof::report::diagnostics::{Paint, render};
use changeproof::report::explain;
use changeproof::run;
use changeproof::scenario::code::Code;
use changeproof::scenario::load::{Loaded, load, load_edited};
use changeproof::scenario::load_pipeline;
use changeproof::scenario::trial::Trial;
use proptest::prelude::*;

/// The mistakes, by the names of their files.
fn mistakes() -> Vec<Utf8PathBuf> {
    let folder = Utf8Path::new("tests/language/err");
    let entries = folder.read_dir_utf8().expect("the folder of the mistakes is there");
    let mut files: Vec<Utf8PathBuf> = entries
        .map(|entry| entry.expect("the folder can be read").into_path())
        .filter(|path| path.extension() == Some("yaml"))
        .collect();
    files.sort();
    files
}

fn shown(loaded: &Loaded) -> String {
    let source = |file: &Utf8Path| {
        loaded.sources.iter().find(|source| source.path == file).map(|source| &*source.text)
    };
    render(&loaded.diagnostics, source, Paint::Plain)
}

/// A file as `lint` reads it, and `run` before it touches the stack.
fn read(file: &Utf8Path) -> Loaded {
    let mut loaded = load(file);
    let sources = loaded.sources.iter().map(|one| (one.path.clone(), one.text.clone()));
    let sources: Vec<(Utf8PathBuf, String)> = sources.collect();
    let trials = loaded.scenario.iter().flat_map(|one| plan::trials(one, Matrix::Full, 1));
    for trial in trials.collect::<Vec<_>>() {
        loaded.diagnostics.extend(run::refuse(&trial, &sources));
    }
    loaded.diagnostics.dedup();
    if loaded.diagnostics.iter().any(|one| one.severity == Severity::Error) {
        loaded.scenario = None;
    }
    loaded
}

/// Line and column of a diagnostic are those of its first byte.
fn agrees(diagnostic: &Diagnostic, loaded: &Loaded) -> bool {
    let source = loaded.sources.iter().find(|source| source.path == *diagnostic.file());
    let Some(source) = source else { return false };
    let text = Text::whole(source.path.clone(), source.text.clone());
    text.place(diagnostic.span.start) == diagnostic.place
}

#[test]
fn every_mistake_is_shown_in_its_place_with_what_mends_it() {
    let files = mistakes();
    assert!(files.len() >= 20, "{} mistakes", files.len());
    for file in files {
        let loaded = read(&file);
        assert!(loaded.scenario.is_none(), "{file} is refused");
        for diagnostic in &loaded.diagnostics {
            assert!(agrees(diagnostic, &loaded), "{diagnostic:?}");
            assert!(diagnostic.help.is_some(), "nothing says how to mend {diagnostic}");
        }
        let name = file.file_stem().expect("a file has a name");
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("language/err");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, shown(&loaded)));
    }
}

#[test]
fn every_error_of_a_file_is_met_by_a_mistake_and_explained() {
    let met: BTreeSet<String> = mistakes()
        .iter()
        .flat_map(|file| read(file).diagnostics)
        .map(|diagnostic| diagnostic.code)
        .collect();
    // What only a run can find is met by a file of tests/outcomes that demands its code.
    let outcomes = Utf8Path::new("tests/outcomes").read_dir_utf8().expect("the folder is there");
    let outcomes: String = outcomes
        .map(|entry| std::fs::read_to_string(entry.expect("it can be read").path()))
        .collect::<Result<_, _>>()
        .expect("its files can be read");
    // What E0905 tells is refused by the file before, as E0604 or E0608, but for a race.
    for code in Code::ALL {
        let is_met = *code == Code::Session
            || met.contains(code.name())
            || outcomes.contains(&format!("# says: {}\n", code.name()));
        assert!(is_met, "no file in tests/language/err meets {}", code.name());
        let page = explain::code(*code).to_string();
        assert!(page.contains(code.summary()), "{} is explained", code.name());
    }
}

/// What a run can refuse only once a component has told something, by the functions that do.
const TOLD_BY_COMPONENTS: [(&str, &str); 23] = [
    ("captured_twice", "Postgres matches the lists of tables"),
    ("define", "Postgres runs the DDL and the references"),
    ("ended", "Postgres ends a statement"),
    ("finish", "Postgres says whether a transaction is open"),
    ("late", "an entry takes longer than its limit"),
    ("not_again", "Postgres refuses rows of the DDL a second time"),
    ("not_as_named", "the catalog has the tables"),
    ("not_more", "the broker has the partitions"),
    ("refuse_no_watermark", "the jobs that run; what none can have is refused before"),
    ("refuse_nothing_to_confirm", "the journal has the commits"),
    ("refuse_unmet_manners", "requests to the object storage are counted"),
    ("refuse_volatile", "the catalog says how volatile a function is"),
    (
        "renamed",
        "only a stack that takes statements as they are written has no other name for them",
    ),
    ("refused", "Postgres, the broker or Flink refuses"),
    ("refused_options", "the broker refuses an option"),
    ("release", "the broker has the records that were held back"),
    ("released", "Postgres lets a statement go on"),
    ("rounds", "rounds are counted while they are made"),
    ("run", "Postgres runs a statement, or waits"),
    ("unexpected_wait", "Postgres waits"),
    ("unfired", "a fault acts or not"),
    ("unnamed", "the options of the file; what a `set` makes of them is refused before"),
    ("unread_lists", "Postgres reads the connector's lists"),
];

/// What it refuses before that, by the functions that do, with words that a mistake shows.
const TOLD_BY_FILES: [(&str, &str); 9] = [
    ("by_several", "several subtasks"),
    ("confusion", "are both `copies`"),
    ("in_vain", "nothing is written"),
    ("no_watermark", "so that there is none"),
    ("not_held", "reads what is not committed"),
    ("of_files", "cannot be judged"),
    ("reconfigured", "the connector writes to other topics"),
    ("refusal", "is files, and a statement reads it"),
    ("lacks", "names no topic"),
];

/// The functions in which a run refuses something about the author's files.
fn refusals() -> BTreeSet<String> {
    let mut open: Vec<Utf8PathBuf> = ["src/run", "src/drive", "src/capture"].map(Into::into).into();
    let mut found = BTreeSet::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let entries = path.read_dir_utf8().expect("it can be read");
            open.extend(entries.map(|entry| entry.expect("it can be read").into_path()));
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("it can be read");
        let mut function = "";
        for line in text.lines().take_while(|line| !line.starts_with("mod tests")) {
            if let Some((_, rest)) = line.split_once("fn ") {
                function = rest.split(['(', '<']).next().unwrap_or(rest);
            }
            let makes = ["at(", "entry(", "spanned(", "refused("];
            if makes.iter().any(|made| line.contains(&format!("diagnose::{made}"))) {
                found.insert(function.to_owned());
            }
        }
    }
    found
}

#[test]
fn what_a_run_refuses_by_the_files_alone_lint_refuses_too() {
    let known = TOLD_BY_COMPONENTS.iter().chain(&TOLD_BY_FILES).map(|(name, _)| *name);
    let known: BTreeSet<&str> = known.collect();
    let sites = refusals();
    let new: Vec<_> = sites.iter().filter(|name| !known.contains(name.as_str())).collect();
    assert!(
        new.is_empty(),
        "{new:?} refuse: can the files alone tell it? then `run::refuse` must, and a mistake here \
         shows it; else say who tells it"
    );
    let shown: String = mistakes().iter().map(|file| shown(&read(file))).collect();
    for (name, words) in TOLD_BY_FILES {
        assert!(shown.contains(words), "no mistake shows what `{name}` refuses: {words}");
    }
}

/// Scenarios that a lint warns of rightly: theirs is the fault that it is about.
const WARNED: [&str; 10] = [
    // A topic that is held is late on purpose.
    "W0107 this change of `orders` races with the one of `customers`",
    "W0109 stay in `added`",
    // The demo reads its transactions as an append stream, and writes dates by the week.
    "W0109 stay in `src_txp_transaction`",
    "W0109 stay in `src_txp_pending_transaction`",
    "W0111 YYYY-MM-DD",
    "W0111 SSSSSS",
    "W0130 is written by another statement too",
    "W0131 insert_delete",
    "W0132 the transform `key`",
    "W0132 the transform `mask`",
];

#[test]
fn no_lint_cries_wolf_over_what_the_repository_runs() {
    let mut trials = Vec::new();
    for file in plan::list(Utf8Path::new("scenarios")).expect("the folder can be read") {
        let loaded = load(&file.path);
        let sources = loaded.sources.into_iter().map(|one| (one.path, one.text));
        let sources: Vec<(Utf8PathBuf, String)> = sources.collect();
        let of_file = loaded.scenario.iter().flat_map(|one| plan::trials(one, Matrix::Full, 1));
        trials.extend(of_file.map(|trial| (trial, sources.clone())));
    }
    for folder in Utf8Path::new("flink-sql").read_dir_utf8().expect("the folder can be read") {
        let path = folder.expect("it can be read").path().join("pipeline.yaml");
        let loaded = load_pipeline(&path);
        let sources = loaded.sources.into_iter().map(|one| (one.path, one.text)).collect();
        let (pipeline, settings) = loaded.pipeline.expect("it is right");
        trials.push((Trial { settings, ..Trial::idle("p", "P", pipeline) }, sources));
    }
    assert!(trials.len() > 150, "only {} trials were found", trials.len());
    let warnings = trials.iter().flat_map(|(trial, sources)| lint(trial, sources));
    let is_right = |warning: &Diagnostic| {
        WARNED.iter().any(|right| {
            let (code, words) = right.split_once(' ').unwrap_or((right, ""));
            warning.code == code && warning.message.contains(words)
        })
    };
    let wrong: BTreeSet<String> = warnings
        .filter(|warning| !is_right(warning))
        .map(|warning| format!("{} {warning}", warning.place))
        .collect();
    assert_eq!(wrong, BTreeSet::new());
}

/// What somebody's slip may leave in a file.
fn slips() -> impl Strategy<Value = String> {
    prop_oneof![
        "(\n|  |- |: |\\||>|'|\"|#|\\{|\\}|\\[|\\]|,|&a|\\*a|!!x|<<: |\t|é|\\.\\.\\.|---\n|%|\\\\|;|:i|\\$\\$){1,4}",
        "(a|await|kill|expect|where|rows|life|must_show|settings|partitions|BEGIN|COPY t FROM STDIN): ?",
    ]
}

proptest! {
    #[test]
    fn a_damaged_file_is_read_or_refused_at_once(
        which in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..40, slips()), 1..6),
    ) {
        let mut files = mistakes();
        files.push("tests/cli/lint.in/good.yaml".into());
        let file = which.get(&files);
        let mut chars: Vec<char> = std::fs::read_to_string(file).expect("it is there").chars().collect();
        for (at, length, slip) in damage {
            let start = at.index(chars.len() + 1);
            let end = (start + length).min(chars.len());
            chars.splice(start..end, slip.chars());
        }
        let watch = Stopwatch::start();
        let loaded = load_edited(file, "damaged", chars.into_iter().collect());
        for diagnostic in &loaded.diagnostics {
            prop_assert!(agrees(diagnostic, &loaded), "{:?}", diagnostic);
        }
        prop_assert!(loaded.scenario.is_some() != loaded.diagnostics.iter().any(|one| one.severity == Severity::Error));
        shown(&loaded);
        prop_assert!(watch.elapsed_ms() < 20_000, "it took {} ms", watch.elapsed_ms());
    }
}
