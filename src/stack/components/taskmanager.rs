//! Flink's TaskManager.

use super::{Component, SLOTS, Setting, flink, main_class};
use crate::client::wait::Look;
use crate::stack::process::Launch;

pub(super) fn prepare(setting: &Setting) -> Launch {
    let mut launch = flink::launch(setting, Component::TaskManager, 1024, main_class::TASKMANAGER);
    launch.args.extend(["--configDir".to_owned(), setting.folder.join("conf").to_string()]);
    launch.args.extend(flink::reporting(setting, setting.ports.metrics.taskmanager));
    launch
}

/// Ready when the JobManager counts its slots.
pub(super) async fn look(setting: &Setting) -> Look<()> {
    let Ok(overview) = setting.get(setting.ports.flink, "/overview").await else {
        return Look::NotYet("the JobManager does not answer".to_owned());
    };
    // Jobs that were restored may have taken some of the slots already; those of a TaskManager that
    // was killed are counted until its heartbeat is missed.
    match overview.get("slots-total").and_then(serde_json::Value::as_u64) {
        Some(slots) if slots == u64::from(SLOTS) => Look::Holds(()),
        slots => Look::NotYet(format!("the JobManager counts {slots:?} slots of {SLOTS}")),
    }
}
