//! Stacks: the seam behind which runs know them ([`seam`]), and the local one: brought up on demand,
//! shared by every run, gone when nobody uses it.
//!
//! One detached process, the *keeper*, owns every component (Postgres, Kafka, Connect, JobManager,
//! TaskManager, SQL Gateway). Whoever needs the stack takes a [`Lease`]: a shared lock on a file,
//! which the kernel frees however its holder dies. The keeper stops when no lease was held for a
//! while. Data folders are new at each start and removed at each end, so a stack never remembers
//! anything of the one before.
//!
//! ```text
//!  run, tests ──lease──▶ gate.lock, lease.lock ◀──is anybody there?── keeper ──▶ components
//!                             stack.json (reach, versions, pids) ◀──┘
//! ```

pub mod attached;
pub mod claim;
pub mod confine;
pub mod confluent;
pub mod control;
pub mod doctor;
pub mod door;
pub mod error;
pub mod keeper;
pub mod lane;
pub mod lease;
pub mod local;
pub mod machine;
pub mod network;
pub mod options;
pub mod process;
pub mod profile;
pub mod record;
pub mod seam;
pub mod status;

mod archive;
mod cds;
mod components;
mod files;
mod infra;
mod jar_files;
mod jar_sums;
mod jars;
mod leftovers;
mod limits;
mod lock;
mod member;
mod paths;
mod ports;
mod secured;
pub mod sets;
mod start;
mod sweep;
mod templates;
mod training;

pub use attached::{Attached, Checked};
pub use claim::{Claim, claim, let_go};
pub use components::Component;
pub use confluent::Confluent;
pub use control::{Control, Deed, Doings};
pub use error::StackError;
pub use jars::model_jar;
pub use lane::Lane;
pub use lease::{LocalLease, Share, down, enter, enter_with_metrics, lease, start_unheld, up};
pub use local::Local;
pub use network::Network;
pub use options::{OwnOptions, StackOptions};
pub use profile::{Profile, local_name, local_profile};
pub use seam::{Faults, Later, Lease, Stack};
pub use secured::new_identity;

/// Told one line whenever something worth showing happened.
pub type Say<'a> = &'a (dyn Fn(&str) + Send + Sync);
