//! The one waiting loop: a named condition, a limit, and on time-out what was there instead.

use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;

use super::clock::Stopwatch;

/// What one look at a condition gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look<T> {
    /// It holds.
    Holds(T),
    /// It does not hold yet; a sentence that says what is there instead.
    NotYet(String),
}

/// The limit passed.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("waited {waited:.1?} for {condition}; the last look found: {last}")]
pub struct TimedOut {
    /// What was waited for.
    pub condition: String,
    /// How long.
    pub waited: Duration,
    /// What the last look found.
    pub last: String,
}

/// Either the limit passed, or looking itself failed for good.
#[derive(Debug, thiserror::Error)]
pub enum WaitError<E> {
    /// See [`TimedOut`].
    #[error(transparent)]
    TimedOut(#[from] TimedOut),
    /// The look failed in a way that waiting does not mend.
    #[error("{0}")]
    Look(E),
}

impl<E: From<TimedOut>> WaitError<E> {
    /// The error of one who makes no difference between the two.
    pub fn flatten(self) -> E {
        match self {
            Self::TimedOut(late) => late.into(),
            Self::Look(error) => error,
        }
    }
}

/// Looks at a condition until it holds: the longer it takes, the longer the pauses (an eighth of the
/// time waited, 2 to 50 ms), so that looking costs little and comes late by little.
///
/// A look that must be tried again says [`Look::NotYet`]; one that cannot succeed fails.
pub async fn until<T, E, F>(
    condition: &str,
    limit: Duration,
    mut look: impl FnMut() -> F,
) -> Result<T, WaitError<E>>
where
    F: Future<Output = Result<Look<T>, E>>,
{
    let watch = Stopwatch::start();
    loop {
        let last = match look().await.map_err(WaitError::Look)? {
            Look::Holds(value) => return Ok(value),
            Look::NotYet(last) => last,
        };
        let waited = watch.elapsed();
        if waited >= limit {
            return Err(TimedOut { condition: condition.to_owned(), waited, last }.into());
        }
        let pause = (waited / 8).clamp(Duration::from_millis(2), Duration::from_millis(50));
        between_looks(pause.min(limit.saturating_sub(waited))).await;
    }
}

/// Looks at a value whenever its owner publishes a new one, until the condition holds.
pub async fn observe<T, S>(
    condition: &str,
    limit: Duration,
    published: &mut watch::Receiver<S>,
    mut look: impl FnMut(&S) -> Look<T>,
) -> Result<T, TimedOut> {
    let watch = Stopwatch::start();
    loop {
        let last = match look(&published.borrow_and_update()) {
            Look::Holds(value) => return Ok(value),
            Look::NotYet(last) => last,
        };
        let waited = watch.elapsed();
        let late = |last| TimedOut { condition: condition.to_owned(), waited, last };
        let left = limit.saturating_sub(waited);
        if left.is_zero() {
            return Err(late(last));
        }
        // A time-out needs no branch of its own: the next look is the last one.
        if let Ok(Err(_closed)) = tokio::time::timeout(left, published.changed()).await {
            return Err(late(format!("{last}; and nothing is published any more")));
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one waiting loop")]
async fn between_looks(pause: Duration) {
    tokio::time::sleep(pause).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_time_out_says_what_is_there() {
        let error = until::<(), String, _>("the moon", Duration::from_millis(5), || async {
            Ok(Look::NotYet("only stars".to_owned()))
        })
        .await
        .unwrap_err();
        assert!(error.to_string().contains("for the moon"), "{error}");
        assert!(error.to_string().ends_with("the last look found: only stars"), "{error}");
    }
    #[tokio::test]
    async fn an_observer_sees_what_is_published_and_when_it_ends() {
        let limit = Duration::from_secs(5);
        let at_least = |wanted: u32| {
            move |value: &u32| {
                if *value >= wanted {
                    Look::Holds(*value)
                } else {
                    Look::NotYet(format!("it is {value}"))
                }
            }
        };
        let (publish, mut published) = watch::channel(1);
        let (seen, ()) = tokio::join!(observe("two", limit, &mut published, at_least(2)), async {
            publish.send_replace(2);
        });
        assert_eq!(seen, Ok(2));
        drop(publish);
        let error = observe("three", limit, &mut published, at_least(3)).await.unwrap_err();
        assert_eq!(error.last, "it is 2; and nothing is published any more");
    }
}
