//! Flink's TaskManager.

use super::{Component, SLOTS, Setting, flink, main_class};
use crate::client::wait::Look;
use crate::stack::process::Launch;

pub(super) fn prepare(setting: &Setting) -> Launch {
    let mut launch = flink::launch(setting, Component::TaskManager, 1024, main_class::TASKMANAGER);
    launch.args.extend(["--configDir".to_owned(), setting.folder.join("conf").to_string()]);
    launch
}

/// Ready when the JobManager counts its slots.
pub(super) async fn look(setting: &Setting) -> Look<()> {
    #[derive(serde::Deserialize)]
    struct Overview {
        #[serde(rename = "slots-available")]
        slots: u32,
    }
    let url = format!("http://127.0.0.1:{}/overview", setting.ports.flink);
    let Ok(body) = setting.get(&url).await else {
        return Look::NotYet("the JobManager does not answer".to_owned());
    };
    match serde_json::from_str::<Overview>(&body) {
        Ok(overview) if overview.slots == SLOTS => Look::Holds(()),
        Ok(overview) => {
            Look::NotYet(format!("the JobManager knows of {} slots of {SLOTS}", overview.slots))
        }
        Err(error) => Look::NotYet(format!("the JobManager's overview is not readable: {error}")),
    }
}
