//! Two entries race on their way to a sink that joins their tables.

use super::Rule;
use super::case::{Case, Found};
use crate::scenario::timeline::Action;

/// The rule.
pub(super) const RULE: Rule = Rule {
    code: "W0107",
    summary: "The life of a joined row is expected, but the entries that write its tables race.",
    reason: "Each table has its own topic, and topics have no order between them: whichever change arrives first decides what the join emits on the way. Postgres' commit order says nothing about it, not even within one transaction.",
    fix: "write `- await: processed` between the two entries, or expect the final rows instead of the life",
    check,
};

fn check(case: &Case<'_>, found: &mut Found<'_>) {
    for (sink, lives) in &case.trial.expect.life {
        let sources = case.sources_of_sink(sink);
        let joins = case.sink_uses(sink, &["JOIN"]) && sources.len() > 1;
        if !joins || lives.is_empty() || case.is_control(&[sink]) {
            continue;
        }
        let mut before: Option<&str> = None;
        for (n, entry) in case.trial.timeline.iter().enumerate() {
            if !matches!(entry.action, Action::Session(_)) {
                before = None;
                continue;
            }
            for (_, write) in case.writes.iter().filter(|(at, _)| *at == n) {
                if !sources.iter().any(|source| source.name == write.table) {
                    continue;
                }
                if let Some(earlier) = before.filter(|earlier| *earlier != write.table) {
                    let message = format!(
                        "this change of `{}` races with the one of `{earlier}` before it, and the life at `{sink}` depends on which comes first",
                        write.table
                    );
                    found.at(write.text, write.span, message);
                    return;
                }
                before = Some(&write.table);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::lint::testing::warned;

    #[rstest]
    #[case("", true)]
    #[case("  - await: processed\n", false)]
    fn writes_to_two_tables_of_a_join(#[case] between: &str, #[case] expected: bool) {
        let rest = format!(
            "timeline:\n  - a: INSERT INTO customers VALUES (1, 'Ann')\n{between}  - a: INSERT INTO payments VALUES (1, 'ann', 5)\n\
             expect:\n  life:\n    named:\n      1: +U\n"
        );
        assert_eq!(warned(&rest, "W0107"), expected);
    }

    #[test]
    fn rows_at_the_end_do_not_depend_on_it() {
        let rest = "timeline:\n  - a: INSERT INTO customers VALUES (1, 'Ann')\n  - a: INSERT INTO payments VALUES (1, 'ann', 5)\n";
        assert!(!warned(rest, "W0107"));
    }
}
