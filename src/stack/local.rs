//! The local stack behind the seam: leases on processes that a keeper owns, and what the keeper does
//! to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use camino::Utf8PathBuf;
use futures::FutureExt as _;

use super::Say;
use super::claim::{self, Claim};
use super::components::Component;
use super::control::{Control, Deed};
use super::error::StackError;
use super::infra;
use super::jars;
use super::lane::Lane;
use super::lease::{self, LocalLease, Share};
use super::options::{OwnOptions, StackOptions};
use super::profile::{self, Profile};
use super::seam::{Faults, Later, Lease, Stack};
use crate::base::grade::Grade;
use crate::client::reach::Reach;
use crate::plan::needs::{Capability, Sharing};
use crate::scenario::timeline::{Target, Verb};

/// Processes of this machine.
#[derive(Debug, Clone)]
pub struct Local {
    options: StackOptions,
    lane: Lane,
}

impl Local {
    /// The stack with these options, on a lane.
    pub fn new(options: StackOptions, lane: Lane) -> Self {
        Self { options, lane }
    }
}

impl Stack for Local {
    fn profile(&self) -> Profile {
        profile::local_profile(&self.lane)
    }

    fn sweeper(&self) -> String {
        "the keeper of the stack".to_owned()
    }

    fn lease<'a>(&'a self, sharing: &'a Sharing, say: Say<'a>) -> Later<'a, Arc<dyn Lease>> {
        let options = self.options.with(OwnOptions::of(sharing, &self.lane));
        let share = if sharing.alone { Share::Alone } else { Share::WithOthers };
        async move {
            let mut lease = lease::lease(&options, share, say).await?;
            if sharing.registry {
                lease = lease.with_registry(&options, say).await?;
            }
            let name = profile::local_profile(&self.lane).name;
            let leased: Arc<dyn Lease> = Arc::new(Leased { name, lease, options });
            Ok(leased)
        }
        .boxed()
    }
}

/// A lease with what it was asked for by.
#[derive(Debug)]
struct Leased {
    name: String,
    lease: LocalLease,
    options: StackOptions,
}

impl Lease for Leased {
    fn name(&self) -> &str {
        &self.name
    }

    fn reach(&self) -> &Reach {
        &self.lease.reach
    }

    fn versions(&self) -> &BTreeMap<String, String> {
        &self.lease.versions
    }

    fn logs(&self) -> &BTreeMap<String, Utf8PathBuf> {
        &self.lease.logs
    }

    fn claim(&self, run: &str) -> Result<Claim, StackError> {
        claim::claim(&self.options, run)
    }

    fn faults(&self) -> Option<Arc<dyn Faults>> {
        Some(Arc::new(self.lease.control.clone()))
    }

    fn has_server(&self) -> bool {
        self.options.own.server
    }

    fn model_jar(&self) -> Later<'_, String> {
        let jar = async {
            let jar = jars::model_jar(&self.options, &|line| tracing::info!("{line}")).await?;
            Ok(jar.to_string())
        };
        jar.boxed()
    }

    fn hold(&self) -> Result<(), StackError> {
        self.lease.hold()
    }
}

impl Faults for Control {
    fn act(&self, verb: Verb, target: Target, limit: Duration) -> Later<'_, ()> {
        let deed = match verb {
            Verb::Kill => Deed::Kill,
            Verb::Pause => Deed::Pause,
            Verb::Resume => Deed::Resume,
            Verb::Stop => Deed::Stop,
            Verb::Start => Deed::Start,
        };
        let act = async move {
            match component(target) {
                Some(component) => self.carry_out(deed, component, limit).await,
                None => Err(StackError::Keeper(format!("`{target}` is no process of the stack"))),
            }
        };
        act.boxed()
    }

    fn mend(&self, limit: Duration) -> Later<'_, ()> {
        Control::mend(self, limit).boxed()
    }
}

/// The process that a target is.
fn component(target: Target) -> Option<Component> {
    match target {
        Target::Postgres => Some(Component::Postgres),
        Target::Kafka => Some(Component::Kafka),
        Target::Worker => Some(Component::Connect),
        Target::Taskmanager => Some(Component::TaskManager),
        Target::Jobmanager => Some(Component::JobManager),
        Target::Connector | Target::Statements => None,
    }
}

/// What the local stack can do.
pub(super) fn capabilities() -> BTreeSet<Capability> {
    use Capability::{Alone, Files, Models, Names, Notes, Registry, Server, Storage, Superuser};
    let processes = || Target::ALL.iter().copied().filter(|target| target.is_process());
    let faults = processes()
        .flat_map(|target| Verb::ALL.iter().map(move |verb| Capability::Fault(*verb, target)));
    let options = [Target::Worker, Target::Kafka, Target::Postgres].map(Capability::Options);
    let rest = [Alone, Files, Models, Names, Notes, Registry, Server, Superuser];
    let storage = infra::LAKE.then_some(Storage);
    let proofs = Grade::ALL.into_iter().map(Capability::Proof);
    faults.chain(options).chain(rest).chain(storage).chain(proofs).chain(Capability::OPEN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_that_is_a_process_is_a_component() {
        for target in Target::ALL {
            assert_eq!(component(*target).is_some(), target.is_process(), "{target}");
        }
    }
}
