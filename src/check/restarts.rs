//! What was started again, by a fault of the timeline or by itself, and what may be written again
//! after it.
//!
//! Source: Debezium's manual, PostgreSQL connector, "Kafka Connect process crashes"; Flink's
//! manual, Kafka SQL connector, "Consistency guarantees". Seen on 3.6.3 and Flink 2.2.0
//! (scenarios `language/a-killed-worker` and `language/a-killed-taskmanager`).

use std::collections::BTreeMap;

use super::case::Case;
use crate::history::{Disturbance, Walsender};
use crate::model::sink::Shape;
use crate::scenario::expect::Delivery;
use crate::scenario::settings::Options;
use crate::scenario::timeline::{Fault, Target};

/// The connector's task was started anew, and no fault of the timeline stands before it: a worker
/// that loses its group session, or its connection, does so by itself. It happened between the two
/// moments.
pub(super) struct ByItself<'c, 'a> {
    before: &'c Walsender<'a>,
    after: &'c Walsender<'a>,
}

impl ByItself<'_, '_> {
    /// The warning that names it.
    pub(super) fn warning(&self) -> String {
        let pid = |walsender: &Walsender<'_>| match walsender.pid {
            Some(pid) => format!("process {pid}"),
            None => "nobody".to_owned(),
        };
        format!(
            "the connector was started again by itself: its slot was read by {}, later by {}, and no \
             fault of the timeline stands before that; what it wrote again is taken for a replay",
            pid(self.before),
            pid(self.after),
        )
    }
}

impl<'a> Case<'a> {
    /// What was done to parts of the pipeline that stand before the topics of the source tables.
    fn disturbed_before_topics(&self) -> impl Iterator<Item = &Disturbance<'a>> {
        self.index.faults.iter().filter(|done| disturbs_before_topics(done))
    }

    /// The first restart of the connector that no fault explains.
    pub(super) fn restarted_by_itself(&self) -> Option<ByItself<'_, 'a>> {
        let faults = self.index.faults.iter();
        let explained = faults.clone().position(disturbs_before_topics).unwrap_or(usize::MAX);
        let seen = self.index.walsenders.windows(2);
        let mut restarts = seen.filter_map(|pair| match pair {
            [before, after] => Some(ByItself { before, after }),
            _ => None,
        });
        restarts.find(|ByItself { before, after }| {
            before.pid.is_some() && before.pid != after.pid && after.n_faults <= explained
        })
    }

    /// How many records of each topic were read before anything that stands before the topics was
    /// started again: one entry a restart.
    fn restarts_before_topics(&self) -> impl Iterator<Item = &BTreeMap<&'a str, usize>> {
        let by_faults = self.disturbed_before_topics().map(|done| &done.read);
        by_faults.chain(self.restarted_by_itself().map(|restart| &restart.before.read))
    }

    /// Something that stands before the topics was started again.
    pub(super) fn was_restarted(&self) -> bool {
        self.restarts_before_topics().next().is_some()
    }

    /// From which record of a source topic on a replay is legal: from the first restart before the
    /// topic on, unless the contract is exactly-once.
    pub(super) fn replays_from(&self, topic: &str) -> Option<usize> {
        if self.is_exactly_once() {
            return None;
        }
        let read = self.restarts_before_topics();
        read.map(|read| read.get(topic).copied().unwrap_or_default()).min()
    }

    /// The scenario says so, or worker and connector are set up for it.
    fn is_exactly_once(&self) -> bool {
        let is = |options: &Options, key: &str, value: &str| {
            options.get(key).is_some_and(|set| set.eq_ignore_ascii_case(value))
        };
        let worker = &self.index.header.trial.settings.worker;
        self.expect.delivery == Delivery::ExactlyOnce
            || is(worker, "exactly.once.source.support", "enabled")
                && self
                    .index
                    .connector
                    .is_some_and(|connector| is(connector, "exactly.once.support", "required"))
    }

    /// Something was started again, so that a statement may have written again what it had written,
    /// or read again what it had read.
    pub(super) fn may_repeat_at_sinks(&self) -> bool {
        let disturbed = self.index.faults.iter().any(|done| done.fault.verb.disturbs());
        self.expect.delivery != Delivery::ExactlyOnce
            && (disturbed || self.restarted_by_itself().is_some())
    }

    /// From which record of a sink on, in the order in which they were read, restarts that the
    /// timeline or the connector made may have written again what was written. Files are committed
    /// with a checkpoint, so it is not enough that a statement was started again: it must have gone
    /// on from nothing, or what feeds its topics was started again.
    pub(super) fn repeats_from(&self, sink: &Shape<'_>) -> Option<usize> {
        let in_topic = sink.table.kept.is_topic();
        let forgets = |done: &&Disturbance<'_>| {
            let Fault { target, savepoint, .. } = done.fault;
            let from_nothing = target == Target::Statements && !savepoint;
            in_topic || from_nothing || target.is_before_topics()
        };
        let faults = self.index.faults.iter().filter(|done| done.fault.verb.disturbs());
        let by_faults = faults.filter(forgets).map(|done| &done.read);
        let by_itself = self.restarted_by_itself();
        let restarts = by_faults.chain(by_itself.iter().map(|restart| &restart.before.read));
        let topic = sink.table.topic.as_str();
        restarts.map(|read| read.get(topic).copied().unwrap_or_default()).min()
    }
}

fn disturbs_before_topics(done: &Disturbance<'_>) -> bool {
    done.fault.verb.disturbs() && done.fault.target.is_before_topics()
}
