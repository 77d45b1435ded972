//! A claim about order over more than one partition for different keys.

use super::Rule;
use super::case::{Case, Found};
use crate::scenario::expect::Life;

/// The rule.
pub(super) const RULE: Rule = Rule {
    code: "W0101",
    summary: "A claim about the order of changes that different keys make, over more than one partition.",
    reason: "Kafka orders the records of one partition. Changes of different keys lie on different partitions, and a group, a join or a window over them sees them in any order; a sequence that was seen once proves nothing.",
    fix: "expect the final rows instead of the sequence, or set `partitions` of the sources to 1 in these cells",
    check,
};

fn check(case: &Case<'_>, found: &mut Found<'_>) {
    for (sink, lives) in &case.trial.expect.life {
        let combines = case.sink_uses(sink, &["GROUP", "JOIN", "OVER", "UNION"]);
        let spread = case.sources_of_sink(sink);
        let spread = spread.iter().find(|source| case.partitions(&source.name) > 1);
        let Some(source) = spread.filter(|_| combines && !case.is_control(&[sink])) else {
            continue;
        };
        for (key, life) in lives.iter().filter(|(_, life)| tells_an_order(life)) {
            let message = format!(
                "the life of key {key} at `{sink}` states an order, but rows of different keys of `{}` meet there from {} partitions",
                source.name,
                case.partitions(&source.name)
            );
            found.at_place(&life.place, message);
        }
    }
}

/// Different events one after the other. The same event several times is no order.
fn tells_an_order(life: &Life) -> bool {
    life.items.windows(2).any(|pair| matches!(pair, [a, b] if a.events != b.events))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::lint::testing::warned;

    #[rstest]
    #[case::grouped_over_partitions("3", "+U -D", true)]
    #[case::one_partition("1", "+U -D", false)]
    #[case::a_number_is_no_order("3", "+U{2}", false)]
    fn the_order_of_different_keys(
        #[case] partitions: &str,
        #[case] life: &str,
        #[case] expected: bool,
    ) {
        let rest = format!(
            "settings: {{partitions: {partitions}}}\n\
             timeline:\n  - a: INSERT INTO payments VALUES (1, 'ann', 5)\n\
             expect:\n  life:\n    totals:\n      ann: {life}\n"
        );
        assert_eq!(warned(&rest, "W0101"), expected);
    }
}
