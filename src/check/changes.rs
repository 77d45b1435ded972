//! What the timeline changed while the pipeline ran: the connector's configuration, and partitions.

use super::case::Case;
use super::topic::TopicCase;
use crate::history::event::Topic;
use crate::history::{Growth, Reconfigured};
use crate::model::feed::Rules;
use crate::model::outbox::apart;

impl<'a> Case<'a> {
    /// The rules with what later configurations of the connector change in them; `None` if that
    /// has no model.
    pub(super) fn with_changes(&mut self, nth: usize, mut rules: Rules) -> Option<Rules> {
        let name = self.feeds.get(nth)?.name;
        for n in 0..self.index.reconfigured.len() {
            let changed = self.index.reconfigured.get(n).filter(|one| one.connector == name);
            let Some(Reconfigured { config, before, after, .. }) = changed else { continue };
            let (before, after) = (*before, *after);
            match rules.change(&apart(config), after) {
                Ok(true) => self.feeds.get_mut(nth)?.turns.push(n),
                Ok(false) => continue,
                Err(problems) => {
                    for problem in problems {
                        self.have_no_model(nth, problem);
                    }
                    return None;
                }
            }
            let between = |end| end > before && end <= after;
            if self.transactions.iter().any(|t| !t.changes.is_empty() && between(t.end)) {
                let missing = "a transaction was committed while the connector was given another \
                               configuration, and under which one it was captured, nothing tells";
                self.gap("the records of the source topics", missing);
                return None;
            }
        }
        Some(rules)
    }

    /// Why the records of a topic cannot be judged by one configuration before a change and by
    /// another one behind it, if so: what was committed before was written behind it.
    pub(super) fn written_across(&self, nth: usize, topic: &TopicCase<'_>) -> Option<String> {
        let turns =
            self.feeds.get(nth)?.turns.iter().filter_map(|n| self.index.reconfigured.get(*n));
        turns.into_iter().find_map(|turn| {
            let read = turn.read.get(topic.topic.name.as_str()).copied().unwrap_or_default();
            let first = topic.readable(read);
            let across = topic.alignment.matches.iter().any(|found| {
                let wanted = topic.expected.get(found.expected);
                let is_before = |end| end <= turn.before;
                found.logged >= first
                    && wanted.is_some_and(|wanted| wanted.end.is_none_or(is_before))
            });
            across.then(|| {
                format!(
                    "changes from before entry {}, which changes what the connector makes of them, \
                     were written behind it: by which of the configurations, nothing tells",
                    turn.entry + 1
                )
            })
        })
    }

    /// When a topic was given more partitions.
    pub(super) fn growths_of<'c>(
        &'c self,
        topic: &'c Topic,
    ) -> impl Iterator<Item = &'c Growth<'a>> {
        self.index.grown.iter().filter(|growth| growth.topics.contains(&topic.name))
    }
}
