//! What the harness itself puts into a connector's configuration for its barriers, so that whoever
//! reads a recorded configuration sees the author's options alone.

use crate::model::routes;
use crate::scenario::settings::Options;

/// The name of our predicate, which keeps transforms off barriers.
pub const PREDICATE: &str = "changeproofBarrier";
/// What stands between our name and the author's in the name of a predicate of theirs that spares
/// barriers.
pub const OF: &str = "Beside_";
/// The name of our transform, which gives barriers a topic of the run's own.
pub const ROUTER: &str = "changeproofBarriers";

/// A configuration without what the harness put in: its router and its predicates.
pub fn without(config: &Options) -> Options {
    let mut theirs = routes::without(config, |name| name == ROUTER);
    let of_theirs = format!("{PREDICATE}{OF}");
    let predicates = theirs.iter().filter(|(key, value)| {
        key.starts_with("transforms.")
            && key.ends_with(".predicate")
            && value.starts_with(PREDICATE)
    });
    let predicates = predicates.map(|(key, value)| (key.clone(), value.clone()));
    for (key, value) in predicates.collect::<Vec<_>>() {
        match value.strip_prefix(&of_theirs) {
            Some(own) => drop(theirs.insert(key, own.to_owned())),
            None => {
                theirs.remove(&key.replace(".predicate", ".negate"));
                theirs.remove(&key);
            }
        }
    }
    theirs.retain(|key, _| !key.starts_with(&format!("predicates.{PREDICATE}")));
    if let Some(list) = theirs.get("predicates").cloned() {
        let own = list.split(',').map(str::trim).filter(|name| !name.starts_with(PREDICATE));
        let own = own.collect::<Vec<_>>().join(",");
        if own.is_empty() {
            theirs.remove("predicates");
        } else {
            theirs.insert("predicates".to_owned(), own);
        }
    }
    theirs
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn options(pairs: &[(&str, &str)]) -> Options {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[rstest]
    #[case::a_transform_without_a_predicate(
        &[
            ("transforms", "changeproofBarriers,a"),
            ("transforms.changeproofBarriers.type", "R"),
            ("transforms.a.type", "T"),
            ("transforms.a.predicate", "changeproofBarrier"),
            ("transforms.a.negate", "true"),
            ("predicates", "changeproofBarrier"),
            ("predicates.changeproofBarrier.type", "M"),
            ("predicates.changeproofBarrier.pattern", "m"),
        ],
        &[("transforms", "a"), ("transforms.a.type", "T")],
    )]
    #[case::a_predicate_of_the_authors(
        &[
            ("transforms", "a"),
            ("transforms.a.predicate", "changeproofBarrierBeside_p"),
            ("transforms.a.negate", "true"),
            ("predicates", "p,changeproofBarrierBeside_p"),
            ("predicates.p.pattern", "x"),
            ("predicates.changeproofBarrierBeside_p.pattern", "m|(?:x)"),
        ],
        &[
            ("transforms", "a"),
            ("transforms.a.predicate", "p"),
            ("transforms.a.negate", "true"),
            ("predicates", "p"),
            ("predicates.p.pattern", "x"),
        ],
    )]
    #[case::nothing_of_ours(&[("transforms", "a"), ("x", "y")], &[("transforms", "a"), ("x", "y")])]
    fn what_is_left_is_the_authors(
        #[case] recorded: &[(&str, &str)],
        #[case] theirs: &[(&str, &str)],
    ) {
        assert_eq!(without(&options(recorded)), options(theirs));
    }
}
