//! What was started again, by a fault of the timeline or by itself, and what may be written again
//! after it.
//!
//! Source: Debezium's manual, PostgreSQL connector, "Kafka Connect process crashes"; Flink's
//! manual, Kafka SQL connector, "Consistency guarantees". Seen on 3.6.3 and Flink 2.2.0
//! (scenarios `language/a-killed-worker` and `language/a-killed-taskmanager`).

use std::collections::BTreeMap;

use itertools::Itertools as _;

use super::case::Case;
use super::feeds::Feed;
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
    /// What was done to parts of the pipeline that stand before the topics of a connector; `None`: of
    /// any.
    fn disturbed_before_topics(
        &self,
        connector: Option<&str>,
    ) -> impl Iterator<Item = &Disturbance<'a>> {
        self.index.faults.iter().filter(move |done| self.touches(done.fault, connector))
    }

    /// The first restart of any connector that no fault explains.
    pub(super) fn restarted_by_itself(&self) -> Option<ByItself<'_, 'a>> {
        let mut slots: Vec<_> = self.index.walsenders.iter().map(|seen| seen.slot).collect();
        slots.sort_unstable();
        slots.dedup();
        slots.into_iter().find_map(|slot| self.restarted_at(slot))
    }

    /// The first restart of the connector that reads this slot, if no fault explains it.
    fn restarted_at(&self, slot: &str) -> Option<ByItself<'_, 'a>> {
        let mut faults = self.index.faults.iter();
        let explained = faults.position(|done| self.touches(done.fault, None));
        let explained = explained.unwrap_or(usize::MAX);
        let seen = self.index.walsenders.iter().filter(|seen| seen.slot == slot);
        let mut restarts = seen.tuple_windows().map(|(before, after)| ByItself { before, after });
        restarts.find(|ByItself { before, after }| {
            before.pid.is_some() && before.pid != after.pid && after.n_faults <= explained
        })
    }

    /// How many records of each topic were read before anything that stands before a connector's
    /// topics was started again: one entry a restart.
    fn restarts_before_topics(
        &self,
        connector: Option<&str>,
    ) -> impl Iterator<Item = &BTreeMap<&'a str, usize>> {
        let by_faults = self.disturbed_before_topics(connector).map(|done| &done.read);
        let feed = self.feeds.iter().find(|feed| feed.name == connector);
        let by_itself = match feed.and_then(Feed::slot).filter(|_| connector.is_some()) {
            Some(slot) => self.restarted_at(slot),
            None => self.restarted_by_itself(),
        };
        by_faults.chain(by_itself.map(|restart| &restart.before.read))
    }

    /// Something that stands before a connector's topics was started again; `None`: before any.
    pub(super) fn was_restarted(&self, connector: Option<&str>) -> bool {
        self.restarts_before_topics(connector).next().is_some()
    }

    /// From which record of a source topic on a replay is legal: from the first restart before the
    /// topic on, unless the contract is exactly-once.
    pub(super) fn replays_from(&self, topic: &str) -> Option<usize> {
        let connector = self.connector_of(topic);
        if self.is_exactly_once(connector) {
            return None;
        }
        let read = self.restarts_before_topics(connector);
        read.map(|read| read.get(topic).copied().unwrap_or_default()).min()
    }

    /// The scenario says so, or worker and connector are set up for it.
    fn is_exactly_once(&self, connector: Option<&str>) -> bool {
        let is = |options: &Options, key: &str, value: &str| {
            options.get(key).is_some_and(|set| set.eq_ignore_ascii_case(value))
        };
        let worker = &self.index.header.trial.settings.worker;
        self.expect.delivery == Delivery::ExactlyOnce
            || is(worker, "exactly.once.source.support", "enabled")
                && self
                    .feeds
                    .iter()
                    .find(|feed| feed.name == connector)
                    .is_some_and(|feed| is(feed.config, "exactly.once.support", "required"))
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
