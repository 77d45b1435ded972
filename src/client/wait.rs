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

/// What one try gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Try<T> {
    /// It worked.
    Worked(T),
    /// It did not, and is tried again after this pause; a sentence that says what came instead.
    Again(String, Duration),
}

/// Tries until it works; each try says how long to pause before the next, as servers far away ask for.
/// A pause that would end after the limit is not made. The tries are counted from 0.
pub async fn again<T, E, F>(
    condition: &str,
    limit: Duration,
    mut attempt: impl FnMut(u32) -> F,
) -> Result<T, WaitError<E>>
where
    F: Future<Output = Result<Try<T>, E>>,
{
    let watch = Stopwatch::start();
    for n in 0.. {
        let (last, pause) = match attempt(n).await.map_err(WaitError::Look)? {
            Try::Worked(value) => return Ok(value),
            Try::Again(last, pause) => (last, pause),
        };
        let waited = watch.elapsed();
        if waited.saturating_add(pause) >= limit {
            return Err(TimedOut { condition: condition.to_owned(), waited, last }.into());
        }
        between_looks(pause).await;
    }
    let last = "it was tried as often as one can count".to_owned();
    Err(TimedOut { condition: condition.to_owned(), waited: watch.elapsed(), last }.into())
}

/// Looks at something far away until it holds. The pauses are an eighth of the time waited, 50 ms to 2 s:
/// services bound how often they are asked.
pub async fn afar<T, E, F>(
    condition: &str,
    limit: Duration,
    mut look: impl FnMut() -> F,
) -> Result<T, WaitError<E>>
where
    F: Future<Output = Result<Look<T>, E>>,
{
    let watch = Stopwatch::start();
    let turns = again(condition, limit, |_| {
        let looked = look();
        let pause = (watch.elapsed() / 8).clamp(Duration::from_millis(50), Duration::from_secs(2));
        async move {
            Ok(match looked.await? {
                Look::Holds(value) => Try::Worked(value),
                Look::NotYet(last) => Try::Again(last, pause),
            })
        }
    });
    turns.await
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
    async fn a_pause_that_ends_behind_the_limit_is_not_made() {
        let hour = Duration::from_hours(1);
        let tries = std::cell::Cell::new(0);
        let error = again::<(), String, _>("an answer", Duration::from_secs(60), |n| {
            tries.set(n + 1);
            let pause = if n == 0 { Duration::from_millis(1) } else { hour };
            async move { Ok(Try::Again(format!("try {n}"), pause)) }
        })
        .await
        .unwrap_err();
        assert_eq!(tries.get(), 2);
        assert!(error.to_string().ends_with("the last look found: try 1"), "{error}");
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
