//! The broker, which is its own controller.

use super::{Component, Setting, class_path, looked, main_class, properties};
use crate::client::wait::Look;
use crate::stack::error::{Doing, StackError};
use crate::stack::process::Launch;
use crate::stack::{files, infra};

pub(super) fn prepare(setting: &Setting) -> Result<Launch, StackError> {
    files::copy_tree(&setting.templates.kafka, &setting.folder.join("kafka"), setting.machine.user)
        .doing("copy the data folder of kafka")?;
    if let Some(secured) = &setting.secured {
        secured.write(&setting.folder, setting.machine.user)?;
    }
    let properties = setting.configure(infra::KAFKA, properties(&setting.own.kafka))?;
    let mut launch = setting.jvm(Component::Kafka, 512);
    launch.args.extend(setting.telling(infra::KAFKA_FIGURES, setting.ports.metrics.kafka)?);
    launch.args.extend(["-cp".to_owned(), class_path(&setting.jars.kafka)]);
    launch.args.extend([main_class::KAFKA.to_owned(), properties.to_string()]);
    Ok(launch)
}

/// The listener for clients opens when the broker may serve them; that topics can be made is
/// proven by Connect, which makes its own before it answers.
pub(super) async fn look(setting: &Setting) -> Look<()> {
    let connected = tokio::net::TcpStream::connect(("127.0.0.1", setting.ports.kafka)).await;
    looked(connected.map(drop).map_err(|error| error.to_string()))
}
