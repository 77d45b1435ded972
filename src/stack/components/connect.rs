//! The Connect worker, with Debezium below its plugin path.

use super::{Component, Setting, class_path, looked, main_class, properties};
use crate::client::wait::Look;
use crate::stack::error::StackError;
use crate::stack::infra;
use crate::stack::process::Launch;

pub(super) fn prepare(setting: &Setting) -> Result<Launch, StackError> {
    setting.lend(infra::SECRET, &format!("password={}\n", setting.password.0))?;
    let properties = setting.configure(infra::CONNECT, properties(&setting.own.worker))?;
    let mut launch = setting.jvm(Component::Connect, 768);
    launch.args.extend(setting.telling(infra::CONNECT_FIGURES, setting.ports.metrics.connect)?);
    launch.args.extend(["-cp".to_owned(), class_path(&setting.jars.kafka)]);
    launch.args.extend([main_class::CONNECT.to_owned(), properties.to_string()]);
    Ok(launch)
}

/// It answers this only after it has joined its group and read its topics to their ends.
pub(super) async fn look(setting: &Setting) -> Look<()> {
    looked(setting.get(setting.ports.connect, "/connectors").await.map(drop))
}
