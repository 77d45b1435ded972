//! The seam between runs and stacks: one small trait a role. Runs know these and nothing of a kind.
//!
//! ```text
//!  Stack ──lease──▶ Lease ──▶ where everything listens, logs, claims
//!    │                ├─────▶ Connectors, Statements, Engine: who keeps and runs what is submitted
//!    │                └─────▶ Faults: what can be done to its parts
//!    └─profile: versions and capabilities, without starting anything
//! ```

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use camino::Utf8PathBuf;
use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::Say;
use super::claim::Claim;
use super::error::StackError;
use super::profile::Profile;
use crate::base::grade::Grade;
use crate::client::connect::{Connect, ConnectError};
use crate::client::flink::{FlinkError, JobManager};
use crate::client::gateway::Session;
use crate::client::reach::Reach;
use crate::client::roles::{Connectors, Engine, Said, Statements};
use crate::plan::needs::Sharing;
use crate::scenario::timeline::{Target, Verb};

/// What a stack is asked for, and gives a little later.
pub type Later<'a, T> = BoxFuture<'a, Result<T, StackError>>;

/// A stack that was chosen.
pub trait Stack: Debug + Send + Sync {
    /// What it is and can do, known without starting or asking anything.
    fn profile(&self) -> Profile;

    /// Who removes what a killed run has left there, as the subject of a sentence.
    fn sweeper(&self) -> String;

    /// The right to use it, once it is there; `sharing` is what the lease has to give.
    fn lease<'a>(&'a self, sharing: &'a Sharing, say: Say<'a>) -> Later<'a, Arc<dyn Lease>>;
}

/// The right to use a stack that is up. Ends when dropped, and when its process ends.
pub trait Lease: Debug + Send + Sync {
    /// The name of the stack, as reports have it.
    fn name(&self) -> &str;

    /// Where the components listen.
    fn reach(&self) -> &Reach;

    /// Where the shadow lies: a Postgres of the harness's own.
    fn mirror(&self) -> &Reach {
        self.reach()
    }

    /// Component → version.
    fn versions(&self) -> &BTreeMap<String, String>;

    /// Component → its log, as far as logs can be read.
    fn logs(&self) -> &BTreeMap<String, Utf8PathBuf>;

    /// Who keeps connectors: Connect's worker.
    fn connectors(&self) -> Result<Arc<dyn Connectors>, StackError> {
        let refused = |error: ConnectError| StackError::Refused {
            doing: "reach Connect".to_owned(),
            cause: error.to_string(),
        };
        Ok(Arc::new(Connect::new(self.reach()).map_err(refused)?))
    }

    /// Opens a session for statements, with these options: one of the SQL Gateway's.
    fn open<'a>(
        &'a self,
        name: &'a str,
        options: &'a BTreeMap<String, String>,
    ) -> Said<'a, Arc<dyn Statements>> {
        let opened = async move {
            let session: Arc<dyn Statements> =
                Arc::new(Session::open(self.reach(), name, options).await?);
            Ok(session)
        };
        opened.boxed()
    }

    /// Who runs what was submitted: the JobManager.
    fn engine(&self) -> Result<Arc<dyn Engine>, StackError> {
        let refused = |error: FlinkError| StackError::Refused {
            doing: "reach Flink's JobManager".to_owned(),
            cause: error.to_string(),
        };
        Ok(Arc::new(JobManager::new(self.reach()).map_err(refused)?))
    }

    /// The strongest grade of proof that it gives at any time of a run. Below a checkpoint, the last
    /// proof of a run is by `stopped`, where that is given, and those before are by `reported`.
    fn grade(&self) -> Grade {
        Grade::Checkpoint
    }

    /// Claims a name for a run, before it makes anything: what a killed run leaves is swept by it.
    fn claim(&self, run: &str) -> Result<Claim, StackError>;

    /// Who can do something to its parts, if anybody can.
    fn faults(&self) -> Option<Arc<dyn Faults>>;

    /// The run has the Postgres server for itself, and may make anything in it.
    fn has_server(&self) -> bool;

    /// The jar of the model provider, where Flink finds it.
    fn model_jar(&self) -> Later<'_, String>;

    /// Removes what a run leaves where it does no harm, such as its consumer groups, from a stack that
    /// outlives its runs; `name` is what all of it starts with.
    fn forget<'a>(&'a self, _name: &'a str) -> Later<'a, ()> {
        async { Ok(()) }.boxed()
    }

    /// It speaks the dialect of managed connectors and statements: both go there as their author wrote
    /// them, but for what is the run's, and statements make the topics of their tables.
    fn takes_as_written(&self) -> bool {
        false
    }

    /// Keeps the stack up after this lease.
    fn hold(&self) -> Result<(), StackError>;
}

/// Does things to parts of a stack that are processes.
pub trait Faults: Debug + Send + Sync {
    /// Does it, and ends once the part has followed: it is gone, or ready.
    fn act(&self, verb: Verb, target: Target, limit: Duration) -> Later<'_, ()>;

    /// Brings back whatever is down or paused.
    fn mend(&self, limit: Duration) -> Later<'_, ()>;
}
