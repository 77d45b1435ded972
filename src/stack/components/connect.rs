//! The Connect worker, with Debezium below its plugin path.

use super::{Component, Setting, class_path, looked, main_class, properties};
use crate::client::wait::Look;
use crate::stack::error::{Doing, StackError};
use crate::stack::process::Launch;
use crate::stack::{files, infra};

pub(super) fn prepare(setting: &Setting) -> Result<Launch, StackError> {
    let secret = setting.folder.join(infra::SECRET);
    fs_err::write(&secret, format!("password={}\n", setting.password.0))
        .and_then(|()| files::lend(&secret, setting.machine.user))
        .doing("write a file for Connect")?;
    let properties = setting.configure(infra::CONNECT, properties(&setting.own.worker))?;
    let mut launch = setting.jvm(Component::Connect, 768);
    launch.args.extend(["-cp".to_owned(), class_path(&setting.jars.kafka)]);
    launch.args.extend([main_class::CONNECT.to_owned(), properties.to_string()]);
    Ok(launch)
}

/// It answers this only after it has joined its group and read its topics to their ends.
pub(super) async fn look(setting: &Setting) -> Look<()> {
    looked(setting.get(setting.ports.connect, "/connectors").await.map(drop))
}
