//! What did not pass, on one screen: a line for each thing that went wrong, with the trials in which it
//! did.

use itertools::Itertools as _;

use super::human::counted_as;
use super::page::{Ink, Page};
use super::{Case, plural};
use crate::base::exit::Exit;

/// More lines than this are only counted.
const LINES: usize = 20;

/// More trials of one line than this are only counted.
const NAMES: usize = 4;

/// The trials that ran and did not pass, those with the same first finding in one line. Nothing for a
/// single trial: its own report says it.
pub fn not_passed(cases: &[Case<'_>]) -> Page {
    let mut page = Page::new();
    if cases.len() < 2 {
        return page;
    }
    let is_meant = |case: &&Case<'_>| !matches!(case.exit, Exit::Pass | Exit::NothingRun);
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for case in cases.iter().filter(is_meant) {
        let what = format!("{}: {}", counted_as(case), first(case));
        match groups.iter_mut().find(|(known, _)| *known == what) {
            Some((_, names)) => names.push(case.name()),
            None => groups.push((what, vec![case.name()])),
        }
    }
    // What is most frequent comes first.
    groups.sort_by_key(|(_, names)| std::cmp::Reverse(names.len()));
    for (what, names) in groups.iter().take(LINES) {
        page.add(Ink::Bad, format!("{what}\n"));
        let shown = names.iter().take(NAMES).join(", ");
        let more = match names.len().saturating_sub(NAMES) {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        page.line(format!("  in {shown}{more}"));
    }
    if groups.len() > LINES {
        let more = plural(groups.len() - LINES, "other thing");
        page.add(Ink::Faint, format!("… and {more} that went wrong\n"));
    }
    page
}

/// What went wrong first in a trial, without what differs from trial to trial.
fn first(case: &Case<'_>) -> String {
    if let Some(excuse) = case.excuse() {
        return excuse.lines().next().unwrap_or_default().to_owned();
    }
    let Some(verdict) = case.judgement() else { return String::new() };
    let finding = verdict.first_failing();
    let finding = finding.map(|one| format!("{} at {}", one.anomaly, one.place));
    let unmet = verdict.unmet.first().map(|one| format!("{} not met", one.demand));
    let gap = verdict.gaps.first().map(|gap| gap.what.clone());
    finding.or(unmet).or(gap).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::examples;

    #[test]
    fn equal_findings_are_one_line_with_their_trials() {
        let header = examples::header();
        let (pass, fail, unknown) = (examples::pass(), examples::fail(), examples::unknown());
        let case = |verdict| examples::case(&header, verdict);
        let mut cases = vec![case(&pass), case(&unknown)];
        cases.extend((0..6).map(|_| case(&fail)));
        let name = "card_tx/pending-to-completed [partitions=3]";
        let four = [name; 4].join(", ");
        let expected = format!(
            "fail: ghost-row at src_txp_pending_transaction\n  in {four} and 2 more\n\
             unknown: whether src_txp_pending_transaction agrees with its reference\n  in {name}\n"
        );
        assert_eq!(not_passed(&cases).to_string(), expected);
        assert_eq!(not_passed(&cases[..1]).to_string(), "");
        assert_eq!(not_passed(&[case(&fail)]).to_string(), "");
    }
}
