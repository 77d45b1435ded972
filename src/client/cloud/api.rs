//! One service of the cloud, as one key sees it.
//!
//! What is tried again, within [`Patience`]:
//! - 429, whatever was asked: nothing was done. After what `Retry-After` says, else after a pause that
//!   doubles; both with jitter, since runs side by side are refused together.
//! - 500, 502, 503 and 504, an answer that broke off, and one that is not of its form: only of calls that
//!   may be made twice. Whoever creates something asks whether it is there before creating it again.
//! - A connection that nobody took: nothing was done.
//! - 401, until the key has worked once: a key that was just made takes seconds to be known everywhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::Duration;

use rand::TryRng as _;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::refusal::Refusal;
use crate::client::http::{Answered, Call, Http, HttpError, Unanswered};
use crate::client::reach::Rest;
use crate::client::wait::{self, TimedOut, Try, WaitError};

/// The first pause where the service does not say how long.
const PAUSE: Duration = Duration::from_millis(250);
/// The longest such pause.
const LONGEST: Duration = Duration::from_secs(8);
/// The media type of all bodies but one.
pub(super) const JSON: &str = "application/json";

/// How long one call is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// In all.
    pub call: Duration,
    /// While the key has never worked.
    pub key: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { call: Duration::from_mins(1), key: Duration::from_secs(30) }
    }
}

/// A call that did not give what it should.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CloudError {
    /// The service refuses it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It never came to an answer; what was asked for may have been done.
    #[error("{0}; it may have been done or not")]
    Unclear(HttpError),
    /// It was tried until the limit.
    #[error("{late}")]
    Late {
        /// What was tried, and what came last.
        late: TimedOut,
        /// The last status, if there was an answer.
        status: Option<u16>,
    },
    /// There can be no client.
    #[error(transparent)]
    Unusable(HttpError),
    /// Something is there that the run did not make, or is not what the service says it is.
    #[error("{0}")]
    Unexpected(String),
}

impl CloudError {
    /// The status of the answer, or of the last one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(refusal) => Some(refusal.status),
            Self::Late { status, .. } => *status,
            Self::Unclear(_) | Self::Unusable(_) | Self::Unexpected(_) => None,
        }
    }

    /// Nothing of that name is there.
    pub fn is_missing(&self) -> bool {
        matches!(self.status(), Some(404 | 410))
    }
}

impl From<TimedOut> for CloudError {
    fn from(late: TimedOut) -> Self {
        Self::Late { late, status: None }
    }
}

/// What is asked, beside its path.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    method: &'static str,
    body: Option<(&'static str, String)>,
    /// It may be asked twice, and the second time changes nothing.
    repeats: bool,
}

impl Ask {
    pub(super) fn get() -> Self {
        Self { method: "GET", body: None, repeats: true }
    }

    pub(super) fn post(body: &Value) -> Self {
        Self { method: "POST", body: Some((JSON, body.to_string())), repeats: false }
    }

    pub(super) fn put(body: &Value) -> Self {
        Self { method: "PUT", body: Some((JSON, body.to_string())), repeats: true }
    }

    pub(super) fn put_nothing() -> Self {
        Self { method: "PUT", body: None, repeats: true }
    }

    pub(super) fn patch(media_type: &'static str, body: &Value) -> Self {
        Self { method: "PATCH", body: Some((media_type, body.to_string())), repeats: true }
    }

    pub(super) fn delete() -> Self {
        Self { method: "DELETE", body: None, repeats: true }
    }
}

/// A service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Api {
    http: Http,
    patience: Patience,
    /// The key has worked.
    known: Arc<AtomicBool>,
}

impl Api {
    /// A service at its address, with its key as the login.
    pub fn new(at: &Rest, patience: Patience) -> Result<Self, CloudError> {
        let http = Http::new(at).map_err(CloudError::Unusable)?;
        Ok(Self { http, patience, known: Arc::default() })
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CloudError> {
        self.ask(path, &Ask::get()).await
    }

    /// Asks, and reads the answer.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        ask: &Ask,
    ) -> Result<T, CloudError> {
        self.tried(path, ask, |body| serde_json::from_str(body).map_err(|error| error.to_string()))
            .await
    }

    /// Asks, and drops whatever body comes with success.
    pub(super) async fn tell(&self, path: &str, ask: &Ask) -> Result<(), CloudError> {
        self.tried(path, ask, |_| Ok(())).await
    }

    /// Deletes something; `false` if it is not there.
    pub(super) async fn delete(&self, path: &str) -> Result<bool, CloudError> {
        match self.tell(path, &Ask::delete()).await {
            Ok(()) => Ok(true),
            Err(error) if error.is_missing() => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn tried<T>(
        &self,
        path: &str,
        ask: &Ask,
        read: impl Fn(&str) -> Result<T, String> + Sync,
    ) -> Result<T, CloudError> {
        let condition = format!("{} {path} to be answered", ask.method);
        let (status, read) = (AtomicU16::new(0), &read);
        let limit = self.patience.call;
        let tried = wait::again(&condition, limit, |n| {
            let status = &status;
            async move {
                let call = Call { method: ask.method, path, body: ask.body.clone() };
                let answered = self.http.exchange(&call).await;
                let told = answered.as_ref().map_or(0, |answered| answered.status);
                status.store(told, Ordering::Relaxed);
                self.judged((path, ask), answered, n, read)
            }
        });
        tried.await.map_err(|error| match error {
            WaitError::Look(error) => error,
            WaitError::TimedOut(late) => {
                let status = Some(status.load(Ordering::Relaxed)).filter(|status| *status > 0);
                CloudError::Late { late, status }
            }
        })
    }

    /// Whether a call worked, failed, or is made once more; `n` counts from 0.
    fn judged<T>(
        &self,
        (path, ask): (&str, &Ask),
        answered: Result<Answered, Unanswered>,
        n: u32,
        read: &impl Fn(&str) -> Result<T, String>,
    ) -> Result<Try<T>, CloudError> {
        let again = |last: String| Ok(Try::Again(last, jittered(pause(n))));
        let answered = match answered {
            Ok(answered) => answered,
            Err(Unanswered::NotSent(error)) => return again(error.to_string()),
            Err(Unanswered::Unclear(error)) if ask.repeats => return again(error.to_string()),
            Err(Unanswered::Unclear(error)) => return Err(CloudError::Unclear(error)),
        };
        let Answered { status, retry_after, body } = answered;
        if (200..300).contains(&status) {
            self.known.store(true, Ordering::Relaxed);
            return match read(&body) {
                Ok(value) => Ok(Try::Worked(value)),
                Err(why) => {
                    let error = HttpError {
                        method: ask.method.to_owned(),
                        path: path.to_owned(),
                        status: Some(status),
                        line: format!("the answer is not of the expected form: {why}"),
                        body: String::new(),
                    };
                    let is_worth_it = ask.repeats && n < 3;
                    if is_worth_it {
                        again(error.to_string())
                    } else {
                        Err(CloudError::Unclear(error))
                    }
                }
            };
        }
        let refusal = Refusal::of((ask.method, path), status, &body);
        match status {
            429 => {
                let told = retry_after.map(Duration::from_secs);
                Ok(Try::Again(refusal.to_string(), jittered(told.unwrap_or_else(|| pause(n)))))
            }
            500 | 502 | 503 | 504 if ask.repeats => again(refusal.to_string()),
            500 | 502 | 503 | 504 => Err(CloudError::Unclear(HttpError {
                method: refusal.method,
                path: refusal.path,
                status: Some(status),
                line: refusal.sentence,
                body: String::new(),
            })),
            401 if !self.known.load(Ordering::Relaxed) && spent(n) < self.patience.key => {
                again(refusal.to_string())
            }
            _ => Err(refusal.into()),
        }
    }
}

/// The pause after so many tries.
fn pause(n: u32) -> Duration {
    PAUSE.saturating_mul(1 << n.min(8)).min(LONGEST)
}

/// The pauses before a try, at most.
fn spent(n: u32) -> Duration {
    (0..n.min(64)).map(pause).sum()
}

/// A pause and up to a quarter more.
fn jittered(pause: Duration) -> Duration {
    let drawn = rand::rngs::SysRng.try_next_u32().unwrap_or(0) % 256;
    pause.saturating_add(pause.saturating_mul(drawn) / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_jitter_adds_a_quarter_at_most() {
        assert_eq!((pause(0), pause(1), pause(2)), (PAUSE, PAUSE * 2, PAUSE * 4));
        assert_eq!(pause(u32::MAX), LONGEST);
        for _ in 0..100 {
            let one = jittered(LONGEST);
            assert!(LONGEST <= one && one <= LONGEST + LONGEST / 4, "{one:?}");
        }
    }
}
