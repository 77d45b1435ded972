//! What cannot be read may be what is not seen.

use rstest::rstest;

use super::super::testing::{SINK, Scene, TOPIC, failing};
use super::super::verdict::Outcome;
use super::scene::judged;
use crate::base::anomaly::Anomaly;
use crate::base::text::Text;
use crate::history::event::{Event, Published};
use crate::scenario::expect::{Demand, PlanTexts};
use crate::scenario::settings::ReplicaIdentity;

const ANN: (i64, &str, i64, i64) = (1, "ann", 1, 10);
const BOB: (i64, &str, i64, i64) = (2, "bob", 2, 5);

#[rstest]
#[case::all_is_read(false)]
#[case::one_record_is_not(true)]
fn nothing_is_missing_for_certain_where_a_record_cannot_be_read(#[case] garbage: bool) {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, ANN);
    scene.commit(None, Some(BOB));
    scene.commit(None, None);
    if garbage {
        scene.record(TOPIC, 0, None, Some("{".to_owned()));
    }
    let verdict = judged(scene);
    let missing = [Anomaly::LostChange, Anomaly::TruncateUnseen];
    let names = failing(&verdict).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names, if garbage { &[][..] } else { &missing });
    assert_eq!(verdict.outcome, if garbage { Outcome::Unknown } else { Outcome::Fail });
    let counts = |what: &str| what == format!("1 records of `{TOPIC}`");
    assert_eq!(verdict.gaps.iter().any(|gap| counts(&gap.what)), garbage, "{:?}", verdict.gaps);
}

/// Nothing of this is seen, and something else is in doubt: it counts where it may hide the finding.
#[rstest]
#[case::at_a_topic_that_was_read("payments", false, false)]
#[case::at_a_topic_that_was_not("payments", true, true)]
#[case::at_no_topic_and_no_sink("connector", true, false)]
fn a_demand_is_in_doubt_only_where_its_place_was_not_read(
    #[case] place: &str,
    #[case] garbage: bool,
    #[case] in_doubt: bool,
) {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, ANN);
    if garbage {
        scene.record(TOPIC, 0, None, Some("{".to_owned()));
    }
    let expect = &mut scene.header.trial.expect;
    expect.plan.insert(SINK.to_owned(), PlanTexts::default());
    expect.must_show.push(Demand {
        at: Text::whole("p.yaml".into(), String::new()).place(0),
        finding: Anomaly::ConnectorFailed,
        place: place.to_owned(),
        keys: Vec::new(),
        says: None,
    });
    let verdict = judged(scene);
    assert_eq!(verdict.unmet.len(), usize::from(!in_doubt), "{:?}", verdict.gaps);
    assert_eq!(verdict.outcome, if in_doubt { Outcome::Unknown } else { Outcome::Fail });
}

/// Postgres refuses updates and deletes of a published table whose rows cannot be named.
#[rstest]
#[case::never_looked_at(&[], true)]
#[case::published(&[("public.payments", true)], false)]
#[case::not_published(&[("public.payments", false)], true)]
#[case::another_is(&[("public.payments", false), ("public.other", true)], true)]
#[case::for_a_while(&[("public.payments", true), ("", true)], true)]
fn a_table_without_key_and_identity_is_judged_where_it_was_always_published(
    #[case] seen: &[(&str, bool)],
    #[case] in_doubt: bool,
) {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, ANN);
    for event in &mut scene.events {
        if let Event::Tables { tables } = event {
            tables[0].key.clear();
            tables[0].identity = ReplicaIdentity::Default;
        }
    }
    let (first, later) = seen.split_at(seen.iter().filter(|(table, _)| !table.is_empty()).count());
    for (proof, seen) in [(0, first), (1, later)] {
        let published = |(table, published): &(&str, bool)| {
            let table = (*table).to_owned();
            Published { table, published: *published, identity: 'd' }
        };
        let tables = seen.iter().map(published).collect::<Vec<_>>();
        if !tables.is_empty() {
            scene.events.push(Event::Publication { proof, tables });
        }
    }
    let verdict = judged(scene);
    let told = verdict.gaps.iter().any(|gap| gap.what == "updates and deletes of `payments`");
    assert_eq!(told, in_doubt, "{:?}", verdict.gaps);
}

/// Nothing arrived; or what did cannot be read, which has a doubt of its own.
#[rstest]
#[case::nothing_arrived(false)]
#[case::it_cannot_be_read(true)]
fn a_run_without_a_record_of_a_source_topic_is_unknown(#[case] garbage: bool) {
    let mut scene = Scene::new(1).statements();
    scene.commit(None, Some(ANN));
    if garbage {
        scene.record(TOPIC, 0, None, Some("{".to_owned()));
    }
    let verdict = judged(scene);
    let nothing = |what: &str| what == "no record of a source topic was captured";
    let told = verdict.gaps.iter().any(|gap| nothing(&gap.missing));
    assert_eq!(told, !garbage, "{:?}", verdict.gaps);
}

#[test]
fn a_run_in_which_nothing_was_checked_says_so() {
    let mut scene = Scene::new(1).statements();
    scene.option("column.mask.with.length.chars", "t.a");
    scene.insert(0, ANN);
    let verdict = judged(scene);
    let told = verdict.gaps.iter().filter(|gap| gap.missing == "no topic and no sink was checked");
    assert_eq!(told.count(), 1, "{:?}", verdict.gaps);
    assert_eq!(verdict.outcome, Outcome::Unknown);
}
