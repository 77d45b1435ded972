//! The report for people: a pass is a line; a failure shows, without scrolling, the sentence, the
//! key's life at every hop, the difference, the first wrong hop and the command that repeats it.

use std::collections::BTreeMap;

use itertools::Itertools;

use super::page::{Ink, Page};
use super::{Case, Kept, Results, Room, differences, life};
use crate::base::anomaly::Anomaly;
use crate::base::exit::Exit;
use crate::base::grade::Grade;
use crate::check::verdict::{Difference, Gap, Judged, Status, Unmet, Verdict};

/// More names than this are only counted.
const NAMES_SHOWN: usize = 6;

/// The outcome in one line.
pub fn line(case: &Case<'_>) -> Page {
    let (ink, word) = word(case);
    let mut page = Page::new().with(ink, format!("{word:<14}"));
    page.add(Ink::Plain, format!(" {}", case.name()));
    if let Some(elapsed_ms) = case.elapsed_ms {
        page.add(Ink::Faint, format!(" ({})", seconds(elapsed_ms)));
    }
    if case.is_control() {
        let demanded = |verdict| format!(": {}", counts(verdict, &Status::Demanded));
        page.add(Ink::Faint, case.verdict.map_or(String::new(), demanded));
    }
    page.end();
    page
}

/// A pass: the outcome in one line, and below it what it should not be believed without.
pub fn passed(case: &Case<'_>) -> Page {
    let mut page = line(case);
    if let Some(verdict) = case.judgement() {
        list(&mut page, "warning", Ink::Doubt, &verdict.warnings);
        let seen = counts(verdict, &Status::Witness);
        if !seen.is_empty() {
            labelled(&mut page, "witness", Ink::Faint, &seen);
        }
    }
    page
}

/// The report of one trial, a pass included, as wide and as long as there is room for; what differs from
/// the author's files is counted.
pub fn full(case: &Case<'_>, room: Room) -> Page {
    told(case, (room, false))
}

/// [`full`], with the list of what differs from the author's files.
pub fn with_differences(case: &Case<'_>, room: Room) -> Page {
    told(case, (room, true))
}

/// The report of one trial with nothing left out.
pub fn whole(case: &Case<'_>) -> Page {
    told(case, (Room::WHOLE, true))
}

fn told(case: &Case<'_>, (room, lists): (Room, bool)) -> Page {
    let mut page = line(case);
    page.line(format!("  {}", case.trial.title));
    if let Some(sentence) = case.excuse() {
        page.end();
        // What is wrong with the files is told below, and only there.
        let is_told = case.diagnostics.iter().any(|told| told.to_string() == sentence);
        if !is_told {
            sentence.lines().for_each(|line| page.line(format!("  {line}")));
        }
        for diagnostic in case.diagnostics {
            page.line(format!("  {diagnostic}"));
        }
        page.add(Ink::Faint, "  This says nothing about the pipeline.\n");
    } else {
        for diagnostic in case.diagnostics {
            page.line(format!("  {diagnostic}"));
        }
    }
    if let Some(verdict) = case.judgement() {
        if let Some(grade) = verdict.proof.filter(|grade| !grade.is_full()) {
            let told = format!("{grade}: {}", weaker(grade));
            labelled(&mut page, "proven by", Ink::Doubt, &told);
        }
        findings(&mut page, verdict, room);
        unmet(&mut page, &verdict.unmet, room);
        gaps(&mut page, &verdict.gaps);
        page.end();
        list(&mut page, "warning", Ink::Doubt, &verdict.warnings);
        list(&mut page, "not judged", Ink::Faint, &verdict.not_judged);
        if !verdict.figures.is_empty() {
            let figures = verdict.figures.iter().map(|(name, n)| figure(*n, name)).join(", ");
            labelled(&mut page, "looked at", Ink::Faint, &figures);
        }
        if lists {
            page.append(differing(case));
        } else if let Some(counted) = differences::counted(verdict) {
            labelled(&mut page, "what differs from your files", Ink::Faint, &counted);
        }
    }
    list(&mut page, "left behind", Ink::Doubt, case.leftovers);
    kept(&mut page, case.kept);
    if let Some(folder) = case.folder {
        labelled(&mut page, "kept in", Ink::Faint, folder.as_str());
    }
    if case.exit != Exit::Pass {
        labelled(&mut page, "repeat it", Ink::Strong, case.command);
    }
    page
}

/// What a grade below a checkpoint leaves open.
fn weaker(grade: Grade) -> &'static str {
    match grade {
        Grade::Reported => "the engine said twice that everything was processed",
        Grade::Stopped => "the statements were stopped once they had said so",
        Grade::Checkpoint => "a checkpoint after everything was processed",
    }
}

/// `1 sink record`, `2 sink records`, of a name that is a plural.
fn figure(n: u64, name: &str) -> String {
    let one = |word: &str| match word {
        "were" => "was".to_owned(),
        _ => word.strip_suffix('s').unwrap_or(word).to_owned(),
    };
    let name = if n == 1 { name.split(' ').map(one).join(" ") } else { name.to_owned() };
    format!("{n} {name}")
}

/// What differs from the author's files in a trial.
pub fn differing(case: &Case<'_>) -> Page {
    let all = case.judgement().map_or(&[][..], |verdict| &verdict.differences);
    differences::section(all)
}

/// The last line of a run: how many ended how, how many were not begun, and how long it took.
pub fn summary(results: &Results<'_>, elapsed_ms: u64) -> Page {
    let cases = results.cases;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for case in cases {
        *counts.entry(counted_as(case)).or_default() += 1;
    }
    let mut take = |word: &str| counts.remove(word).unwrap_or(0);
    let (passed, failed, unknown) = (take("pass"), take("fail"), take("unknown"));
    let controls = match cases.iter().filter(|case| case.is_control()).count() {
        0 => String::new(),
        1 => " (1 control)".to_owned(),
        n => format!(" ({n} controls)"),
    };
    let all_passed = passed == cases.len();
    let ink = if all_passed { Ink::Good } else { Ink::Bad };
    let mut page = Page::new();
    page.add(ink, format!("{passed} passed{controls}, {failed} failed, {unknown} unknown"));
    for (word, n) in counts {
        page.add(Ink::Doubt, format!(", {n} {word}"));
    }
    if !results.not_run.is_empty() {
        page.add(Ink::Doubt, format!(", {} not begun", results.not_run.len()));
    }
    page.add(Ink::Faint, format!(" in {}", seconds(elapsed_ms)));
    page.end();
    page
}

/// What no checker looked at in trials that passed, each once, with the trials of which it is true. Any
/// other trial says it in its own report.
pub fn not_judged(cases: &[Case<'_>]) -> Page {
    let mut page = Page::new();
    let mut items: Vec<(&str, Vec<String>)> = Vec::new();
    for case in cases.iter().filter(|case| case.exit == Exit::Pass) {
        for item in case.judgement().map_or(&[][..], |verdict| &verdict.not_judged) {
            match items.iter_mut().find(|(known, _)| known == item) {
                Some((_, trials)) => trials.push(case.trial.name()),
                None => items.push((item, vec![case.trial.name()])),
            }
        }
    }
    for (item, trials) in items {
        let of = if trials.len() == cases.len() && trials.len() > 1 {
            "all trials".to_owned()
        } else {
            few(&trials)
        };
        labelled(&mut page, &format!("not judged in {of}"), Ink::Faint, item);
    }
    page
}

/// The word that a trial is counted under in the summary.
pub(super) fn counted_as(case: &Case<'_>) -> &'static str {
    match case.exit {
        Exit::Pass => "pass",
        Exit::Usage => "usage",
        Exit::Anomaly => "fail",
        Exit::Unknown => "unknown",
        Exit::NothingRun => "not run",
        Exit::ScenarioInvalid => "invalid",
        Exit::StackNotUp => "stack not up",
        Exit::CaptureBroken => "capture broken",
        Exit::Internal => "internal bug",
        Exit::Interrupted => "interrupted",
    }
}

fn word(case: &Case<'_>) -> (Ink, &'static str) {
    match case.exit {
        Exit::Pass if case.is_control() => (Ink::Good, "pass (control)"),
        Exit::Pass => (Ink::Good, "pass"),
        Exit::Anomaly => (Ink::Bad, "FAIL"),
        Exit::Usage
        | Exit::Unknown
        | Exit::NothingRun
        | Exit::ScenarioInvalid
        | Exit::StackNotUp
        | Exit::CaptureBroken
        | Exit::Internal
        | Exit::Interrupted => (Ink::Doubt, counted_as(case)),
    }
}

/// The findings of a status: `ghost-row at pending (2 times)`.
fn counts(verdict: &Verdict, status: &Status) -> String {
    let mut places: BTreeMap<(Anomaly, &str), usize> = BTreeMap::new();
    for judged in verdict.findings.iter().filter(|judged| judged.status == *status) {
        let at = (judged.finding.anomaly, judged.finding.place.as_str());
        *places.entry(at).or_default() += 1;
    }
    let one = |((anomaly, place), n): (&(Anomaly, &str), &usize)| match n {
        1 => format!("{anomaly} at {place}"),
        n => format!("{anomaly} at {place} ({n} times)"),
    };
    places.iter().map(one).join(", ")
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}

fn findings(page: &mut Page, verdict: &Verdict, room: Room) {
    let (failing, rest): (Vec<&Judged>, Vec<&Judged>) =
        verdict.findings.iter().partition(|judged| judged.status == Status::Failing);
    if let Some((first, others)) = failing.split_first() {
        page.end();
        finding(page, first, room);
        of_one_kind(page, others, |page, judged| {
            page.add(Ink::Bad, format!("  also {}", heading(judged)));
        });
    }
    of_one_kind(page, &rest, |page, judged| {
        page.add(Ink::Faint, format!("  {}", status(&judged.status)));
        page.add(Ink::Plain, heading(judged));
    });
}

/// Findings, each kind at a place once, with the keys of the others: none hides one of another kind.
fn of_one_kind(page: &mut Page, all: &[&Judged], head: impl Fn(&mut Page, &Judged)) {
    let mut kinds: Vec<(&Judged, Vec<String>)> = Vec::new();
    for judged in all {
        let is_like = |other: &&Judged| {
            other.status == judged.status
                && other.finding.anomaly == judged.finding.anomaly
                && other.finding.place == judged.finding.place
        };
        match kinds.iter_mut().find(|(first, _)| is_like(first)) {
            Some((_, others)) => {
                let key = judged.finding.key.as_ref();
                others.push(key.map_or_else(String::new, ToString::to_string));
            }
            None => kinds.push((judged, Vec::new())),
        }
    }
    for (first, mut others) in kinds {
        head(page, first);
        let mut lines = first.finding.sentence.lines();
        page.line(format!(": {}", lines.next().unwrap_or_default()));
        lines.for_each(|line| page.line(format!("      {line}")));
        let n = others.len();
        others.retain(|key| !key.is_empty());
        let keys =
            if others.is_empty() { String::new() } else { format!(": keys {}", few(&others)) };
        if n > 0 {
            page.add(Ink::Faint, format!("    … and {n} more there{keys}\n"));
        }
    }
}

/// The first names, and how many there are besides.
fn few(names: &[String]) -> String {
    let shown = names.iter().take(NAMES_SHOWN).join(", ");
    match names.len().saturating_sub(NAMES_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn status(status: &Status) -> String {
    match status {
        Status::Failing => String::new(),
        Status::Demanded => "demanded and seen: ".to_owned(),
        Status::Allowed(because) => format!("allowed, because {because}: "),
        Status::Witness => "witness: ".to_owned(),
    }
}

fn heading(judged: &Judged) -> String {
    let finding = &judged.finding;
    let key = finding.key.as_ref().map_or(String::new(), |key| format!(" (key {key})"));
    format!("{} at {}{key}", finding.anomaly, finding.place)
}

/// The one finding that is shown whole.
fn finding(page: &mut Page, judged: &Judged, room: Room) {
    let finding = &judged.finding;
    page.add(Ink::Bad, format!("  {}\n", heading(judged)));
    let mut lines = finding.sentence.lines();
    page.add(Ink::Strong, format!("  {}\n", lines.next().unwrap_or_default()));
    lines.for_each(|line| page.line(format!("    {line}")));
    if let Some(hop) = &finding.first_hop {
        labelled(page, "first wrong hop", Ink::Strong, hop);
    }
    if let Some(statement) = &finding.statement {
        labelled(page, "statement", Ink::Faint, statement);
    }
    let position = finding.position.map(|position| format!("journal {position}"));
    let record = finding.record.as_ref().map(|record| format!("record {record}"));
    let at = position.into_iter().chain(record).join(", ");
    if !at.is_empty() {
        labelled(page, "at", Ink::Faint, &at);
    }
    difference(page, &finding.difference, room);
    if !finding.life.is_empty() {
        page.line("  the key's life:");
        page.append(life::side_by_side(finding, room));
    }
}

fn difference(page: &mut Page, lines: &[Difference], room: Room) {
    let most = room.differences();
    if lines.is_empty() {
        return;
    }
    page.line("  difference (-expected +captured):");
    for line in lines.iter().take(most) {
        let name = line.column.as_ref().map_or(String::new(), |column| format!("{column} = "));
        if let Some(expected) = &line.expected {
            page.add(Ink::Expected, format!("    - {name}{expected}\n"));
        }
        if let Some(captured) = &line.captured {
            page.add(Ink::Captured, format!("    + {name}{captured}\n"));
        }
    }
    counted(page, lines.len(), most, "differences");
}

fn unmet(page: &mut Page, unmet: &[Unmet], room: Room) {
    for one in unmet {
        page.end();
        page.add(Ink::Bad, format!("  {} not met", one.demand));
        let at = one.at.as_ref().map_or(String::new(), |at| format!(" ({at})"));
        let mut lines = one.sentence.lines();
        page.line(format!("{at}: {}", lines.next().unwrap_or_default()));
        lines.for_each(|line| page.line(format!("    {line}")));
        difference(page, &one.difference, room);
    }
}

fn gaps(page: &mut Page, gaps: &[Gap]) {
    if !gaps.is_empty() {
        page.end();
    }
    for like in alike(gaps, |gap| format!("{} {}", gap.what, gap.missing)) {
        page.add(Ink::Doubt, "  undecided: ");
        page.line(like.first.what.clone());
        page.line(format!("    missing evidence: {}", like.first.missing));
        like.rest(page);
    }
}

/// Where to look at what a run keeps on the stack.
fn kept(page: &mut Page, kept: &[Kept]) {
    if kept.is_empty() {
        return;
    }
    labelled(page, "kept on the stack", Ink::Strong, "look at it with");
    for one in kept {
        page.add(Ink::Faint, format!("    # {}\n", one.what));
        page.line(format!("    {}", one.look));
    }
    page.line("    # `changeproof prune --kept` lets it go, and so does `changeproof down`");
}

fn list(page: &mut Page, label: &str, ink: Ink, items: &[String]) {
    for like in alike(items, Clone::clone) {
        labelled(page, label, ink, like.first);
        like.rest(page);
    }
}

/// Things that say the same of other names and numbers.
struct Alike<'a, T> {
    first: &'a T,
    text: String,
    /// The names that the others have, and the first has not.
    names: Vec<String>,
    n_others: usize,
}

impl<T> Alike<'_, T> {
    fn rest(&self, page: &mut Page) {
        if self.n_others > 0 {
            let names = match self.names.as_slice() {
                [] => String::new(),
                names => format!(": {}", few(names)),
            };
            page.add(Ink::Faint, format!("    … and {} more like it{names}\n", self.n_others));
        }
    }
}

/// Each kind once: what differs in more than names and numbers is never hidden.
fn alike<T>(items: &[T], text: impl Fn(&T) -> String) -> Vec<Alike<'_, T>> {
    let mut kinds: Vec<Alike<'_, T>> = Vec::new();
    for item in items {
        let own = text(item);
        match kinds.iter_mut().find(|kind| shape(&kind.text) == shape(&own)) {
            Some(kind) => {
                let known = names(&kind.text);
                let new = names(&own).into_iter().filter(|name| !known.contains(name));
                kind.names.extend(new);
                kind.n_others += 1;
            }
            None => kinds.push(Alike { first: item, text: own, names: Vec::new(), n_others: 0 }),
        }
    }
    kinds
}

/// A sentence without what stands in backticks, and without numbers.
fn shape(text: &str) -> String {
    let plain = text.split('`').step_by(2).join("`");
    plain.chars().filter(|char| !char.is_ascii_digit()).collect()
}

/// What stands in backticks.
fn names(text: &str) -> Vec<String> {
    let parts: Vec<&str> = text.split('`').collect();
    let n = parts.len();
    let odd = parts.into_iter().enumerate().filter(|(at, _)| at % 2 == 1 && at + 1 < n);
    odd.map(|(_, name)| format!("`{name}`")).collect()
}

fn labelled(page: &mut Page, label: &str, ink: Ink, text: &str) {
    page.add(ink, format!("  {label}: "));
    page.line(text);
}

fn counted(page: &mut Page, n: usize, shown: usize, what: &str) {
    if n > shown {
        page.add(Ink::Faint, format!("    … and {} more {what}\n", n - shown));
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::report::examples;

    #[track_caller]
    fn reports(verdict: &Verdict) -> String {
        let header = examples::header();
        let page = full(&examples::case(&header, verdict), Room::of(120, false));
        assert!(page.to_string().lines().count() <= 40, "{page}");
        page.to_string()
    }

    #[test]
    fn a_pass_is_one_line() {
        let header = examples::header();
        let text = line(&examples::case(&header, &examples::pass())).to_string()
            + &line(&examples::case(&header, &examples::control())).to_string();
        insta::assert_snapshot!(text, @r"
        pass           card_tx/pending-to-completed [partitions=3] (0.9 s)
        pass (control) card_tx/pending-to-completed [partitions=3] (0.9 s): ghost-row at src_txp_pending_transaction (2 times)
        ");
    }

    #[test]
    fn below_a_pass_stands_what_was_not_exercised_and_each_witness_once() {
        let header = examples::header();
        let mut verdict = examples::pass();
        let witnesses =
            examples::fail().findings.into_iter().filter(|judged| judged.status == Status::Witness);
        verdict.findings = witnesses.flat_map(|judged| [judged.clone(), judged]).collect();
        verdict.warnings = vec!["`a` was not exercised: it never held a row".to_owned()];
        let text = passed(&examples::case(&header, &verdict)).to_string();
        let lines = text.lines().collect::<Vec<_>>();
        assert_eq!(lines.len(), 3, "{text}");
        assert_eq!(lines[1], "  warning: `a` was not exercised: it never held a row");
        assert!(lines[2].starts_with("  witness: ") && lines[2].ends_with("(2 times)"), "{text}");
    }

    #[test]
    fn a_warning_of_another_kind_is_never_hidden() {
        let header = examples::header();
        let mut verdict = examples::pass();
        verdict.warnings =
            (0..8).map(|n| format!("`sink_{n}` was not exercised: it held {n} rows")).collect();
        verdict.warnings.push("`x` is something else".to_owned());
        let text = passed(&examples::case(&header, &verdict)).to_string();
        insta::assert_snapshot!(text.lines().skip(1).collect::<Vec<_>>().join("\n"), @r"
        warning: `sink_0` was not exercised: it held 0 rows
          … and 7 more like it: `sink_1`, `sink_2`, `sink_3`, `sink_4`, `sink_5`, `sink_6` and 1 more
        warning: `x` is something else
        ");
    }

    #[test]
    fn a_failure_shows_the_key_at_every_hop_and_how_to_repeat_it() {
        insta::assert_snapshot!(reports(&examples::fail()));
    }

    #[test]
    fn an_unknown_names_the_missing_evidence() {
        insta::assert_snapshot!(reports(&examples::unknown()));
    }

    #[rstest]
    #[case(1, "sinks compared", "1 sink compared")]
    #[case(1, "sink records", "1 sink record")]
    #[case(1, "outputs of `t` that were never true", "1 output of `t` that was never true")]
    #[case(0, "findings", "0 findings")]
    #[case(2, "changes", "2 changes")]
    fn one_of_a_kind_is_no_plural(#[case] n: u64, #[case] name: &str, #[case] told: &str) {
        assert_eq!(figure(n, name), told);
    }

    #[test]
    fn what_is_kept_on_the_stack_is_shown_with_the_way_there() {
        let header = examples::header();
        let (what, look) = ("the source database".to_owned(), "psql postgres://…".to_owned());
        let (unknown, kept) = (examples::unknown(), [Kept { what, look }]);
        let case = Case { kept: &kept, ..examples::case(&header, &unknown) };
        let text = full(&case, Room::of(120, false)).to_string();
        let from = text.lines().skip_while(|line| !line.starts_with("  kept on"));
        insta::assert_snapshot!(from.take(4).collect::<Vec<_>>().join("\n"), @r"
          kept on the stack: look at it with
            # the source database
            psql postgres://…
            # `changeproof prune --kept` lets it go, and so does `changeproof down`
        ");
    }

    #[test]
    fn an_invalid_run_says_nothing_of_the_pipeline() {
        insta::assert_snapshot!(reports(&examples::invalid()));
    }

    #[test]
    fn a_trial_without_a_verdict_tells_why() {
        let header = examples::header();
        let passed = examples::pass();
        let case = Case {
            exit: Exit::StackNotUp,
            verdict: None,
            sentence: Some("Kafka did not get ready within 30 s: port 9092 is taken"),
            ..examples::case(&header, &passed)
        };
        insta::assert_snapshot!(full(&case, Room::of(120, false)), @r"
        stack not up   card_tx/pending-to-completed [partitions=3] (0.9 s)
          A transaction that completes leaves the pending table

          Kafka did not get ready within 30 s: port 9092 is taken
          This says nothing about the pipeline.
          kept in: .changeproof/runs/20260115-101112-pending-to-completed
          repeat it: changeproof run scenarios/card_tx/pending-to-completed.yaml --cell partitions=3 --seed 7
        ");
    }

    #[test]
    fn a_summary_counts_what_is_there() {
        let header = examples::header();
        let (passed, control, fail) = (examples::pass(), examples::control(), examples::fail());
        let case = |verdict| examples::case(&header, verdict);
        let down = Case { exit: Exit::StackNotUp, verdict: None, ..case(&fail) };
        let cases = [case(&passed), case(&control), case(&fail), down];
        let results = Results::of(&cases, Exit::Anomaly);
        let text = summary(&results, 9_740).to_string() + &not_judged(&cases).to_string();
        insta::assert_snapshot!(text, @r"
        2 passed (1 control), 1 failed, 0 unknown, 1 stack not up in 9.7 s
          not judged in card_tx/pending-to-completed [partitions=3], card_tx/pending-to-completed [partitions=3]: sink `raw`: the pipeline says `unjudged`
        ");
    }
}
