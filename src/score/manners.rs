//! How badly the service behaves on purpose: slow, failing, and answering out of order.

use std::collections::BTreeMap;
use std::future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// How long an answer is held back at most when it waits to be overtaken.
const HELD: Duration = Duration::from_secs(2);

/// What the service does besides scoring.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Manners {
    /// Every answer comes this much later.
    pub delay: Duration,
    /// The first requests of each transaction, this many, are refused with 503, so that whoever
    /// tries again asks repeatedly.
    pub fail_first: u32,
    /// Every second answer is held back until the one after it has left.
    pub out_of_order: bool,
}

/// The manners of a running service, with what they must remember.
#[derive(Debug, Default)]
pub struct Behaviour {
    manners: Manners,
    state: Mutex<State>,
    left: Notify,
}

#[derive(Debug, Default)]
struct State {
    asked: BTreeMap<String, u32>,
    tally: Tally,
}

/// How many requests came in, and what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests that could be read, tries again among them.
    pub asked: u64,
    /// Those that were given a score.
    pub scored: u64,
    /// Those that were refused with 503.
    pub refused: u64,
}

impl Behaviour {
    /// A service with these manners.
    pub fn new(manners: Manners) -> Self {
        Self { manners, ..Self::default() }
    }

    /// Called before an answer is given for a transaction; `false` to refuse it.
    pub async fn before(&self, txn_id: &str) -> bool {
        let (asked, nth) = {
            // A panic elsewhere leaves counters that are still counters.
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.tally.asked += 1;
            let nth = state.tally.asked;
            let asked = state.asked.entry(txn_id.to_owned()).or_default();
            *asked += 1;
            (*asked, nth)
        };
        if self.manners.out_of_order {
            self.be_overtaken(nth).await;
        }
        if !self.manners.delay.is_zero() {
            pause(self.manners.delay, future::pending()).await;
        }
        let is_scored = asked > self.manners.fail_first;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if is_scored {
            state.tally.scored += 1;
        } else {
            state.tally.refused += 1;
        }
        is_scored
    }

    /// What became of the requests so far.
    pub fn tally(&self) -> Tally {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).tally
    }

    async fn be_overtaken(&self, nth: u64) {
        if nth % 2 == 1 {
            pause(HELD, self.left.notified()).await;
        } else {
            // The held answer leaves after this one: it wakes up on another turn of the runtime.
            self.left.notify_one();
        }
    }

    /// How often each transaction was asked for.
    pub fn asked(&self) -> BTreeMap<String, u32> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).asked.clone()
    }
}

/// Slowness is what is asked for here, so its end is no failure.
async fn pause(limit: Duration, until: impl Future<Output = ()>) {
    tokio::time::timeout(limit, until).await.ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_requests_of_each_transaction_are_refused() {
        let behaviour = Behaviour::new(Manners { fail_first: 2, ..Manners::default() });
        let mut answers = Vec::new();
        for txn_id in ["a", "a", "b", "a"] {
            answers.push(behaviour.before(txn_id).await);
        }
        assert_eq!(answers, [false, false, false, true]);
        assert_eq!(behaviour.asked()["a"], 3);
        assert_eq!(behaviour.tally(), Tally { asked: 4, scored: 1, refused: 3 });
    }

    #[tokio::test]
    async fn the_first_of_two_answers_leaves_last() {
        let behaviour = Behaviour::new(Manners { out_of_order: true, ..Manners::default() });
        let order = Mutex::new(Vec::new());
        let ask = async |name: &'static str| {
            behaviour.before(name).await;
            order.lock().unwrap().push(name);
        };
        futures::join!(ask("first"), ask("second"));
        assert_eq!(order.into_inner().unwrap(), ["second", "first"]);
    }

    #[tokio::test]
    async fn a_slow_answer_comes_later() {
        let delay = Duration::from_millis(20);
        let behaviour = Behaviour::new(Manners { delay, ..Manners::default() });
        let watch = crate::client::clock::Stopwatch::start();
        assert!(behaviour.before("a").await);
        assert!(watch.elapsed() >= delay);
    }
}
