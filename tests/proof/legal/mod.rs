//! Made-up runs that are legal: what a client does to one table, what Postgres writes of it, and
//! what Debezium and Flink may make of that by their documentation. No such run raises an alarm.

mod catalogue;
mod clock;
mod database;
mod debezium;
mod plan;
mod run;
mod shaping;
mod signals;
mod sink;
mod types;
mod wal;
mod windows;

pub(crate) use database::changes;
pub(crate) use debezium::{Emit, expected};
pub(crate) use plan::{Parts, Plan, plans};
pub(crate) use run::{Log, history, runs, runs_anew};
pub(crate) use shaping::Shaping;

use changeproof::check::judge;
use changeproof::check::verdict::{Gap, Outcome, Status};
use proptest::prelude::*;

use super::recorded::line;

proptest! {
    #[test]
    fn no_legal_run_raises_an_alarm(plan in plans()) {
        let changes = changes(&plan);
        let expected = expected(&plan, &changes);
        // Where inserts are skipped, nothing may be left to judge.
        prop_assume!(!expected.is_empty());
        let runs = runs_anew(&plan, &changes).unwrap_or_else(|| runs(&plan, &expected));
        let verdict = judge(&history(&plan, &changes, &runs));
        let alarms = verdict.findings.iter().filter(|judged| judged.status == Status::Failing);
        let alarms = alarms.map(|judged| (line(&judged.finding), &judged.finding.difference));
        let alarms = alarms.collect::<Vec<_>>();
        prop_assert!(alarms.is_empty(), "{alarms:#?}");
        // Rows that come twice since the worker died are no alarm, and no proof of anything.
        let is_doubt = |gap: &Gap| gap.missing == "what feeds it was started again, and may have written some twice";
        let doubts = plan.statements.retracts && !plan.crashes.is_empty();
        let doubts = doubts && !verdict.gaps.is_empty() && verdict.gaps.iter().all(is_doubt);
        let expected = if doubts { Outcome::Unknown } else { Outcome::Pass };
        prop_assert_eq!(verdict.outcome, expected, "{:#?}", verdict.gaps);
    }
}
