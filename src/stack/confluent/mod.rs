//! Confluent Cloud, by its public APIs. A run makes only things of its own there, each with the run's
//! token in its name, and statements with its label; the shadow lies on a Postgres of the harness's own.
//! What is said here of the cloud is what its published contracts say: no run there stands behind it.

mod check;
mod connectors;
mod lease;
mod reach;
mod statements;
mod sweep;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use camino::Utf8PathBuf;

use super::attached::reach::Environment;
use super::error::{Doing as _, StackError};
use super::options::{OwnOptions, StackOptions};
use super::profile::Profile;
use super::{Checked, Say, infra};
use crate::base::grade::Grade;
use crate::base::secret::Secrets;
use crate::client::cause;
use crate::client::cloud::{CloudError, Patience};
use crate::client::gateway::GatewayError;
use crate::client::http::HttpError;
use crate::plan::needs::Capability;
use crate::scenario::stack::Confluent as Written;
use reach::{Places, Services};

/// The label of a run's statements: its token.
pub(super) const LABEL: &str = "changeproof-run";

/// What the stack of a file is and can do: known without looking any secret up. The file's path is
/// what reports call the stack.
pub fn profile(name: &str, written: &Written) -> Profile {
    let proofs = [Grade::Reported, Grade::Stopped].map(Capability::Proof);
    let mut capabilities = BTreeSet::from(proofs);
    capabilities.extend(written.registry.iter().map(|_| Capability::Registry));
    Profile { name: name.to_owned(), versions: BTreeMap::new(), capabilities }
}

/// An environment of Confluent Cloud.
#[derive(Debug, Clone)]
pub struct Confluent {
    profile: Profile,
    written: Written,
    places: Places,
    /// Of the harness's own Postgres.
    mirror: StackOptions,
    /// Locks and claims, which outlive a start of the machine.
    folder: Utf8PathBuf,
}

impl Confluent {
    /// The stack that a stack file tells of. `variable` looks a variable of the environment up, and
    /// `options` are those of changeproof's own stack.
    pub fn new(
        (name, written): (&str, &Written),
        variable: Environment<'_>,
        options: &StackOptions,
    ) -> Result<Self, StackError> {
        let places = reach::of(written, variable)?;
        let named = [&written.cloud, &written.flink, &written.organization, &written.cluster.id];
        let mut digest = infra::digest(named.iter().map(|one| one.as_str()));
        digest.truncate(8);
        let folder = options.cache.join("attached").join(&digest);
        let own = OwnOptions { mirror: Some(digest), ..OwnOptions::default() };
        Ok(Self {
            profile: profile(name, written),
            written: written.clone(),
            places,
            mirror: options.with(own),
            folder,
        })
    }

    /// What must never be shown of it. A key alone is no secret, but tells whose it is.
    pub fn secrets(&self) -> Secrets {
        let mut secrets = self.places.reach.secrets();
        for login in self.places.logins() {
            secrets.learn(&login.password.0);
            secrets.learn(&format!("{}:{}", login.user, login.password.0));
        }
        secrets
    }

    /// Connects to every part, and says what is there and what a run would lack. Nothing is made.
    pub async fn check(&self) -> Checked {
        check::check(&self.written, &self.places).await
    }

    /// Removes what killed runs left there: what bears the name of a claim of this user that nobody
    /// holds, and with `older_than` what any run made longer ago. Gives a line for each thing.
    pub async fn sweep(
        &self,
        older_than: Option<Duration>,
        say: Say<'_>,
    ) -> Result<Vec<String>, StackError> {
        let budget = Duration::from_mins(self.written.budget.max_minutes.into());
        if let Some(age) = older_than.filter(|age| *age <= budget) {
            return Err(StackError::Missing {
                what: format!(
                    "a run may use the stack for {budget:?}, so that what is {age:?} old may be in use"
                ),
                mend: "say an age above `budget.max_minutes` of the stack file".to_owned(),
            });
        }
        fs_err::create_dir_all(self.claims()).doing("make the folder of the claims")?;
        sweep::sweep(self, older_than, say).await
    }

    fn claims(&self) -> Utf8PathBuf {
        self.folder.join("claims")
    }

    /// Clients of the services, and the environment's id.
    async fn services(&self, patience: Patience) -> Result<(Services, String), StackError> {
        let written = &self.written;
        let first = self.places.services(written, &written.environment, patience);
        let first = first.map_err(refused("reach the cloud"))?;
        if written.environment.starts_with("env-") {
            return Ok((first, written.environment.clone()));
        }
        let all = first.cloud.environments().await.map_err(refused("look for the environment"))?;
        let Some(found) = all.into_iter().find(|one| is_named(one, &written.environment)) else {
            return Err(StackError::Missing {
                what: format!("there is no environment `{}`", written.environment),
                mend: "write the id of the environment, `env-…`".to_owned(),
            });
        };
        let services = self.places.services(written, &found.id, patience);
        Ok((services.map_err(refused("reach the cloud"))?, found.id))
    }
}

fn is_named(one: &crate::client::cloud::places::Named, name: &str) -> bool {
    one.id == name || one.display_name == name
}

fn refused(doing: &str) -> impl Fn(CloudError) -> StackError {
    let doing = doing.to_owned();
    move |error| StackError::Refused { doing: doing.clone(), cause: error.to_string() }
}

/// What the cloud says, where statements are spoken of: a refused text is its author's, everything else
/// is the stack's.
fn as_gateway(error: CloudError) -> GatewayError {
    match error {
        CloudError::Refused(refusal) if matches!(refusal.status, 400 | 422) => {
            GatewayError::Refused(cause::root(&refusal.sentence))
        }
        CloudError::Late { late, .. } => GatewayError::Late(late),
        other => GatewayError::Http(as_http(other)),
    }
}

fn as_http(error: CloudError) -> HttpError {
    match error {
        CloudError::Refused(refusal) => HttpError {
            line: refusal.sentence,
            method: refusal.method,
            path: refusal.path,
            status: Some(refusal.status),
            body: String::new(),
        },
        CloudError::Unclear(error) | CloudError::Unusable(error) => error,
        told @ (CloudError::Late { .. } | CloudError::Unexpected(_)) => HttpError {
            method: "the cloud".to_owned(),
            path: String::new(),
            status: None,
            line: told.to_string(),
            body: String::new(),
        },
    }
}
