//! What differs from the author's files: the section that every form of report has.

use itertools::Itertools as _;

use super::page::{Ink, Page};
use super::{Case, plural};
use crate::base::difference::Difference;
use crate::check::verdict::Verdict;

/// The title of the section.
const TITLE: &str = "what differs from your files";

/// All differences, part by part.
pub fn section(differences: &[Difference]) -> Page {
    let mut page = Page::new();
    if differences.is_empty() {
        return page;
    }
    page.add(Ink::Strong, format!("  {TITLE}:\n"));
    for (part, of_part) in &differences.iter().chunk_by(|one| &one.part) {
        page.line(format!("    {part}"));
        for difference in of_part {
            page.add(Ink::Plain, format!("      {}", difference.change()));
            let at = difference.at.as_ref().map(|at| format!(" at {at}")).unwrap_or_default();
            page.add(Ink::Faint, format!(" ({}){at}\n", difference.why));
        }
    }
    page
}

/// How many differences a trial has, and where they are listed.
pub(super) fn counted(verdict: &Verdict) -> Option<String> {
    let n = verdict.differences.len();
    (n > 0).then(|| format!("{}{LISTED}", plural(n, "option")))
}

/// Where all of them are.
const LISTED: &str = " (-v lists them, and so does `changeproof explain`)";

/// The line that stands for the lists of trials that passed.
pub fn line(cases: &[Case<'_>]) -> Page {
    let counts = cases.iter().filter_map(Case::judgement).map(|verdict| verdict.differences.len());
    let mut page = Page::new();
    let Some((least, most)) = counts.minmax().into_option().filter(|(_, most)| *most > 0) else {
        return page;
    };
    let count = if least == most {
        plural(most, "option")
    } else {
        format!("{least} to {} a trial", plural(most, "option"))
    };
    page.add(Ink::Faint, format!("  {TITLE}: "));
    page.line(format!("{count}{LISTED}"));
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::examples;

    #[test]
    fn the_list_goes_part_by_part() {
        insta::assert_snapshot!(section(&examples::differences()), @r"
        what differs from your files:
          connector
            `tasks.max`: 4 → 1 (the connector has one task) at connector.json:3:5
            `database.password`: … is left out (the database is the run's)
          source
            `OWNER TO app`: OWNER TO app is left out (there is no such role)
        ");
    }

    #[test]
    fn one_line_stands_for_the_lists() {
        let header = examples::header();
        let some = examples::pass();
        let none = Verdict { differences: Vec::new(), ..examples::pass() };
        let (some, none) = (examples::case(&header, &some), examples::case(&header, &none));
        insta::assert_snapshot!(
            line(&[some]),
            @"  what differs from your files: 3 options (-v lists them, and so does `changeproof explain`)"
        );
        insta::assert_snapshot!(
            line(&[some, none]),
            @"  what differs from your files: 0 to 3 options a trial (-v lists them, and so does `changeproof explain`)"
        );
        assert_eq!(line(&[none]).to_string(), "");
    }
}
