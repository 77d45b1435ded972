//! Flink's JobManager.

use super::{Component, Setting, flink, looked, main_class};
use crate::client::wait::Look;
use crate::stack::error::StackError;
use crate::stack::infra;
use crate::stack::process::Launch;

pub(super) fn prepare(setting: &Setting) -> Result<Launch, StackError> {
    setting.configure(infra::FLINK, std::iter::empty())?;
    let mut launch = flink::launch(setting, Component::JobManager, 640, main_class::JOBMANAGER);
    launch.args.extend(["--configDir".to_owned(), setting.folder.join("conf").to_string()]);
    launch.args.extend(flink::reporting(setting, setting.ports.metrics.jobmanager));
    Ok(launch)
}

pub(super) async fn look(setting: &Setting) -> Look<()> {
    looked(setting.get(setting.ports.flink, "/config").await.map(drop))
}
