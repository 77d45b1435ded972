//! The name of the stack that a run was made on, as its header has it: `local`, `local flink=2.1.0` of another
//! lane than the default one, or the path of a stack file.

/// changeproof's own stack, of the default lane.
pub const OWN: &str = "local";

/// What the name of a trial ends with on a stack, so that no two stacks share one: nothing on changeproof's
/// own, the versions on its other lanes, the stack file on one that somebody else keeps.
pub fn suffix(stack: &str) -> String {
    match stack.strip_prefix(OWN).map(|rest| (rest, rest.strip_prefix(' '))) {
        Some(("", _)) => String::new(),
        Some((_, Some(versions))) => format!(" on {versions}"),
        _ => format!(" on {stack}"),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("local", "")]
    #[case("local flink=2.1.0", " on flink=2.1.0")]
    #[case("local flink=2.1.0,kafka=4.1.0", " on flink=2.1.0,kafka=4.1.0")]
    #[case("stacks/shop.yaml", " on stacks/shop.yaml")]
    #[case("local.yaml", " on local.yaml")]
    fn each_stack_has_a_suffix_of_its_own(#[case] stack: &str, #[case] expected: &str) {
        assert_eq!(suffix(stack), expected);
    }
}
