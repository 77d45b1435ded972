//! The secrets that this process knows: those of the environment and of the files it reads. Whatever
//! goes to stderr, and every line of the log, passes here.

use std::sync::{PoisonError, RwLock};

use super::environment::Environment;
use crate::base::secret::Secrets;

static KNOWN: RwLock<Secrets> = RwLock::new(Secrets::none());

/// Learns secrets.
pub(super) fn learn(secrets: &Secrets) {
    KNOWN.write().unwrap_or_else(PoisonError::into_inner).join(secrets);
}

/// Learns those of the environment.
pub(super) fn learn_environment(environment: &Environment) {
    let mut secrets = Secrets::none();
    secrets.learn_text(environment.postgres_url.as_deref().unwrap_or_default());
    secrets.learn(environment.score_token.as_deref().unwrap_or_default());
    learn(&secrets);
}

/// All that is known so far.
pub(super) fn all() -> Secrets {
    KNOWN.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The text without secrets, those that are known and those that are told by their kind.
pub(super) fn hidden(text: &str) -> String {
    KNOWN.read().unwrap_or_else(PoisonError::into_inner).hidden(text).into_owned()
}
