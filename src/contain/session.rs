//! What becomes of an option of Flink's session, whether a statement sets it or the settings do.

use super::fate::{Fate, unknown};

/// Why options of production's cluster say nothing here.
const CLUSTER: &str = "the statements run on the stack's own cluster";
const STATE: &str = "state is kept in a folder of the stack";
const NAME: &str = "the run's jobs carry its name";
/// Files for the SQL client say how it shows results.
const CLIENT: &str = "no SQL client runs here";

/// Options of what a cluster is made of, by the beginnings of their names.
const OF_THE_CLUSTER: &[&str] = &[
    "akka.",
    "blob.",
    "client.",
    "cluster.",
    "containerized.",
    "daemon.",
    "env.",
    "execution.target",
    "external-resource",
    "fs.",
    "heartbeat.",
    "high-availability",
    "historyserver.",
    "io.tmp.dirs",
    "jobmanager.",
    "jobstore.",
    "kubernetes.",
    "metrics.",
    "pekko.",
    "plugin.",
    "process.",
    "queryable-state.",
    "resourcemanager.",
    "rest.",
    "s3.",
    "security.",
    "slotmanager.",
    "sql-gateway.",
    "ssl.",
    "taskmanager.",
    "web.",
    "yarn.",
    "zookeeper.",
];

/// Options that say where state is kept, whole or by their beginnings.
const OF_STATE: &[&str] = &[
    "dstl.",
    "execution.checkpointing.dir",
    "execution.checkpointing.savepoint-dir",
    "execution.checkpointing.local-backup.dirs",
    "state.backend.forst.",
    "state.backend.fs.",
    "state.backend.local-recovery-dirs",
    "state.backend.rocksdb.localdir",
    "state.backend.rocksdb.log.dir",
    "state.checkpoints.dir",
    "state.savepoints.dir",
    "state.changelog.dstl.",
];

/// Options that bring programs or state from outside, with what to do instead.
const REFUSED: &[(&str, &str, &str)] = &[
    ("pipeline.jars", "brings programs into the run", PROGRAMS),
    ("pipeline.classpaths", "brings programs into the run", PROGRAMS),
    ("pipeline.cached-files", "brings files into the run", PROGRAMS),
    ("python.", "brings programs into the run", PROGRAMS),
    ("execution.savepoint.path", "names state from outside of the run", START),
    ("execution.state-recovery.path", "names state from outside of the run", START),
    ("table.catalog-store.", "names catalogs from outside of the run", CATALOGS),
    ("table.resources.download-dir", "names a folder outside of the run", LEAVE_OUT),
    ("classloader.", "changes where programs are loaded from", LEAVE_OUT),
];
/// What to do about programs.
pub(super) const PROGRAMS: &str = "leave it out: a run has the programs of its stack alone; say it with built-in functions and SQL";
const START: &str =
    "leave it out: a run starts from nothing, and keeps state over a `stop` and `start` of its own";
const CATALOGS: &str = "leave it out, and write CREATE CATALOG";
const LEAVE_OUT: &str = "leave it out";

/// What becomes of an option of the session with this value.
pub fn option(key: &str, value: &str) -> Fate {
    let begins = |pattern: &str| key == pattern || key.starts_with(pattern);
    if key == "pipeline.name" {
        return Fate::Ours(NAME);
    }
    if let Some((_, what, help)) = REFUSED.iter().find(|(pattern, ..)| begins(pattern)) {
        return Fate::Refused((*what).to_owned(), (*help).to_owned());
    }
    if begins("sql-client.") {
        return Fate::LeftOut(CLIENT);
    }
    if OF_STATE.iter().any(|pattern| begins(pattern)) {
        return Fate::LeftOut(STATE);
    }
    if OF_THE_CLUSTER.iter().any(|pattern| begins(pattern)) {
        return Fate::LeftOut(CLUSTER);
    }
    unknown(key, value)
}
