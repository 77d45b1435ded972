//! The fast checkers and the slow judge agree on every small topic, legal or broken.

use changeproof::base::anomaly::Anomaly;
use changeproof::check::judge;
use changeproof::check::verdict::Verdict;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::legal::{self, Log, Plan, plans};
use super::slow::{self, Told};

/// What the slow judge has definitions of.
const JUDGED: &[Anomaly] = &[
    Anomaly::LostChange,
    Anomaly::SnapshotGap,
    Anomaly::PhantomChange,
    Anomaly::ReorderedKey,
    Anomaly::MovedKey,
    Anomaly::DuplicateChange,
    Anomaly::WrongValue,
    Anomaly::LostDelete,
    Anomaly::MissingTombstone,
    Anomaly::ResurrectedRow,
    Anomaly::SplitKeyChange,
];

fn fast(verdict: &Verdict) -> Told {
    let findings = verdict.findings.iter().map(|judged| &judged.finding);
    let own = findings.filter(|finding| finding.place == "t" && JUDGED.contains(&finding.anomaly));
    let told = own.map(|finding| {
        let record = finding.record.as_ref().map(|record| (record.partition, record.offset));
        (finding.anomaly, finding.key.clone(), record)
    });
    told.collect()
}

/// One way to break a log, with the choices it needs.
#[derive(Debug, Clone)]
enum Break {
    Drop(prop::sample::Index),
    Repeat(prop::sample::Index),
    RepeatLater(prop::sample::Index, prop::sample::Index),
    Swap(prop::sample::Index),
    Move(prop::sample::Index),
    Value(prop::sample::Index),
    Invent(prop::sample::Index),
}

fn breaks() -> impl Strategy<Value = Vec<Break>> {
    let at = any::<prop::sample::Index>;
    let one = prop_oneof![
        at().prop_map(Break::Drop),
        at().prop_map(Break::Repeat),
        (at(), at()).prop_map(|(from, to)| Break::RepeatLater(from, to)),
        at().prop_map(Break::Swap),
        at().prop_map(Break::Move),
        at().prop_map(Break::Value),
        at().prop_map(Break::Invent),
    ];
    vec(one, 0..3)
}

fn apply(plan: &Plan, log: &mut Log, broken: &Break) {
    if log.is_empty() {
        return;
    }
    match broken {
        Break::Drop(at) => {
            log.remove(at.index(log.len()));
        }
        Break::Repeat(at) => {
            let at = at.index(log.len());
            log.insert(at, log[at].clone());
        }
        Break::RepeatLater(from, to) => {
            let from = from.index(log.len());
            let to = from + to.index(log.len() - from) + 1;
            log.insert(to, log[from].clone());
        }
        Break::Swap(at) => {
            let one = at.index(log.len());
            let home = log[one].0;
            let next = log.iter().skip(one + 1).position(|(partition, _)| *partition == home);
            if let Some(next) = next {
                log.swap(one, one + 1 + next);
            }
        }
        Break::Move(at) => {
            let at = at.index(log.len());
            log[at].0 = (log[at].0 + 1) % plan.partitions;
        }
        Break::Value(at) => {
            let at = at.index(log.len());
            if log[at].1.after.is_object() && plan.keyed {
                log[at].1.after["v"] = json!(77);
            }
        }
        Break::Invent(at) => {
            let at = at.index(log.len());
            if !matches!(log[at].1.op, 'r' | 'n') {
                log[at].1.xid = 4_000_000;
            }
        }
    }
}

proptest! {
    #[test]
    fn the_slow_judge_tells_the_same(mut plan in plans(), breaks in breaks()) {
        // Which replays and further snapshots are legal has no slow definition: the legal runs try them.
        plan.crashes.clear();
        (plan.anew, plan.windows) = (None, None);
        (plan.shaping, plan.parts) = (legal::Shaping::plain(), legal::Parts::None);
        let changes = legal::changes(&plan);
        let expected = legal::expected(&plan, &changes);
        let mut log = legal::runs(&plan, &expected).concat();
        for broken in &breaks {
            apply(&plan, &mut log, broken);
        }
        let fast = fast(&judge(&legal::history(&plan, &changes, &vec![log.clone()])));
        let slow = slow::judge((plan.snapshot, plan.keyed), &expected, &log);
        prop_assert_eq!(fast, slow, "{:#?}", log);
    }
}
