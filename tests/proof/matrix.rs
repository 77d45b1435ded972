//! Every mutation of every recorded run is found, and nothing else is: the matrix.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use changeproof::base::anomaly::Anomaly;
use changeproof::check::judge;
use changeproof::check::verdict::{Finding, Outcome, Status, Verdict};
use changeproof::history::History;
use changeproof::scenario::expect::Level;

use super::mutations::{self, Hop, Mutant, Mutation, Wanted};
use super::recorded::{histories, line};
use super::scene::Scene;

/// A cell of the matrix rests on no fewer mutants.
const LEAST: usize = 5;

/// What became of the mutants of one anomaly at one hop.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    made: usize,
    found: usize,
}

type Cells = BTreeMap<(Anomaly, Hop), Cell>;

/// What of a finding is compared with the run as it was.
type Place = (Anomaly, String, Option<String>);

fn place(finding: &Finding) -> Place {
    (finding.anomaly, finding.place.clone(), finding.key.clone())
}

/// The findings that fail a mutant and that the run did not have.
fn new<'v>(before: &Verdict, after: &'v Verdict) -> Vec<&'v Finding> {
    let mut old = BTreeMap::<Place, usize>::new();
    for judged in &before.findings {
        *old.entry(place(&judged.finding)).or_default() += 1;
    }
    let mut is_new = |finding: &&Finding| match old.get_mut(&place(finding)) {
        Some(left) if *left > 0 => {
            *left -= 1;
            false
        }
        _ => true,
    };
    let failing = after.findings.iter().filter(|judged| judged.status == Status::Failing);
    failing.map(|judged| &judged.finding).filter(&mut is_new).collect()
}

fn is_wanted(wanted: &Wanted, finding: &Finding) -> bool {
    let record = finding.record.as_ref().map(|record| (record.partition, record.offset));
    let column = |column: &String| {
        finding.difference.iter().any(|line| line.column.as_ref() == Some(column))
    };
    finding.anomaly == wanted.anomaly
        && finding.place == wanted.place
        && finding.key == wanted.key
        && record == wanted.record
        && (wanted.position.is_none() || finding.position == wanted.position)
        && wanted.column.as_ref().is_none_or(column)
        && wanted.says.is_none_or(|says| finding.sentence.contains(says))
}

/// Where every state of a sink is looked at, whatever is wrong with it or its input shows there; and
/// where the rows are counted that a statement makes of its records, a record that it never read.
fn shows_itself(scene: &Scene<'_>, finding: &Finding) -> bool {
    let levels = &scene.history.header.trial.expect.consistency;
    let every = levels.values().any(|level| matches!(level, Level::Cut | Level::Commit));
    let mut jobs = scene.index.proofs.iter().flat_map(|proof| &proof.jobs);
    every && finding.anomaly == Anomaly::ImpossibleOutput
        || jobs.any(|job| !job.readings.is_empty()) && finding.anomaly == Anomaly::RecordSkipped
}

/// Why a mutant was not found as it should be.
fn problem(scene: &Scene<'_>, mutation: &Mutation, mutant: &Mutant) -> Option<String> {
    let (wanted, verdict) = (&mutant.wanted, judge(&mutant.history));
    let all = verdict.findings.iter().map(|judged| line(&judged.finding)).collect::<Vec<_>>();
    let told = || {
        let found = all.join("\n            ");
        format!("wanted {wanted:?}\n      found {found}\n      undecided {:?}", verdict.gaps)
    };
    let Some(found) = verdict.findings.iter().find(|j| is_wanted(wanted, &j.finding)) else {
        return Some(format!("is not found: {}", told()));
    };
    if found.status == Status::Failing && verdict.outcome != Outcome::Fail {
        return Some(format!("does not fail: {:?}", verdict.outcome));
    }
    let is_stranger = |finding: &&Finding| {
        let same = place(finding) == place(&found.finding);
        let follows = mutation.also.contains(&finding.anomaly) || shows_itself(scene, finding);
        !(same || follows)
    };
    let strangers = new(&scene.verdict, &verdict).into_iter().filter(is_stranger);
    let strangers = strangers.map(line).collect::<Vec<_>>();
    (!strangers.is_empty()).then(|| format!("is found with {}: {}", strangers.join("; "), told()))
}

/// A mutation, and what went wrong with one of its mutants.
type Problem = (&'static str, String);

/// The first problem of each mutation.
fn first_of_each(problems: &[Problem]) -> String {
    let mut first = BTreeMap::<&str, (usize, &str)>::new();
    for (mutation, problem) in problems {
        first.entry(mutation).or_insert((0, problem)).0 += 1;
    }
    let lines =
        first.iter().map(|(mutation, (n, problem))| format!("{n} × `{mutation}`: {problem}"));
    lines.collect::<Vec<_>>().join("\n")
}

fn mutate((name, history): &(String, History)) -> (Cells, Vec<Problem>) {
    let (mut cells, mut problems) = (Cells::new(), Vec::new());
    let Some(scene) = Scene::of(history) else { return (cells, problems) };
    for mutation in mutations::all() {
        (mutation.make)(&scene, &mut |mutant| {
            let cell = cells.entry((mutant.wanted.anomaly, mutation.hop)).or_default();
            cell.made += 1;
            match problem(&scene, &mutation, &mutant) {
                None => cell.found += 1,
                Some(problem) => {
                    problems.push((mutation.does, format!("{name}: {problem}")));
                }
            }
        });
    }
    (cells, problems)
}

/// All mutants of all recorded runs, two runs at a time.
fn all_cells() -> (Cells, Vec<Problem>) {
    let histories = histories();
    let (mut cells, mut problems) = (Cells::new(), Vec::new());
    let halves = histories.chunks(histories.len().div_ceil(2));
    let results = std::thread::scope(|threads| {
        let half = |half| threads.spawn(move || <[_]>::iter(half).map(mutate).collect::<Vec<_>>());
        let running = halves.map(half).collect::<Vec<_>>();
        running.into_iter().flat_map(|half| half.join().unwrap()).collect::<Vec<_>>()
    });
    for (some, more) in results {
        problems.extend(more);
        for (at, cell) in some {
            let sum = cells.entry(at).or_default();
            *sum = Cell { made: sum.made + cell.made, found: sum.found + cell.found };
        }
    }
    (cells, problems)
}

const HEAD: &str = "\
# The matrix: every anomaly is found at every hop\n\n\
Generated from the mutations in `tests/proof`; the test `the_matrix_is_complete_and_its_page_current`\n\
holds it. Recorded runs of the real components are broken in every place where it can be done, and\n\
judged again. A mutant counts as found when exactly its anomaly is reported, with its place, key,\n\
record, journal position and column, and nothing else than what must follow from it.\n\n";

fn page(cells: &Cells) -> String {
    let mut page = HEAD.to_owned();
    page.push_str("| anomaly |");
    for hop in Hop::ALL {
        write!(page, " {} |", hop.name()).unwrap();
    }
    page.push_str("\n|---|");
    page.push_str(&"---|".repeat(Hop::ALL.len()));
    for anomaly in Anomaly::ALL {
        let cell = |hop: &Hop| cells.get(&(*anomaly, *hop));
        if Hop::ALL.iter().all(|hop| cell(hop).is_none()) {
            continue;
        }
        write!(page, "\n| `{anomaly}` |").unwrap();
        for hop in Hop::ALL {
            let text = cell(hop).map_or_else(String::new, |c| format!("{} of {}", c.found, c.made));
            write!(page, " {text} |").unwrap();
        }
    }
    page.push_str("\n\n## What is done to a run\n\n| where | mutation | what may follow besides |\n|---|---|---|\n");
    for mutation in mutations::all() {
        let also = mutation.also.iter().map(|anomaly| format!("`{anomaly}`"));
        let also = also.collect::<Vec<_>>().join(", ");
        writeln!(page, "| {} | {} | {also} |", mutation.hop.name(), mutation.does).unwrap();
    }
    page
}

#[test]
fn the_matrix_is_complete_and_its_page_current() {
    let (cells, problems) = all_cells();
    assert!(problems.is_empty(), "{} mutants:\n{}", problems.len(), first_of_each(&problems));

    let unmade = |anomaly: &&Anomaly| {
        let made = Hop::ALL.iter().any(|hop| cells.contains_key(&(**anomaly, *hop)));
        !anomaly.is_witness() && !made
    };
    let unmade = Anomaly::ALL.iter().filter(unmade).collect::<Vec<_>>();
    assert!(unmade.is_empty(), "no mutation makes {unmade:?}: add one to tests/proof/mutations");

    let few = |((anomaly, hop), cell): (&(Anomaly, Hop), &Cell)| {
        (cell.made < LEAST).then(|| format!("`{anomaly}` at {}: {}", hop.name(), cell.made))
    };
    let few = cells.iter().filter_map(few).collect::<Vec<_>>();

    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/matrix.md");
    let page = page(&cells);
    let write = std::env::vars().any(|(name, value)| name == "INSTA_UPDATE" && value == "always");
    if write {
        std::fs::write(&file, &page).unwrap();
    }
    let stored = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(stored == page, "docs/matrix.md is not current: run ci/generate");
    assert!(
        few.is_empty(),
        "fewer than {LEAST} mutants: record runs where more can be made: {few:?}"
    );
}
