//! The schema registry, which only runs with Avro need: it is started when the first of them asks.

use super::{Component, Setting, looked};
use crate::client::wait::Look;
use crate::stack::error::StackError;
use crate::stack::jars;
use crate::stack::process::Launch;

/// Schemas are kept in memory, and so live as long as the topics that name them.
pub(super) fn prepare(setting: &Setting) -> Result<Launch, StackError> {
    let jar = jars::registry_jar(&setting.jars.registry)?;
    let mut launch = setting.jvm(Component::Registry, 384);
    launch.args.extend([
        "-Dquarkus.http.host=127.0.0.1".to_owned(),
        format!("-Dquarkus.http.port={}", setting.ports.registry),
        "-jar".to_owned(),
        jar.to_string(),
    ]);
    Ok(launch)
}

pub(super) async fn look(setting: &Setting) -> Look<()> {
    looked(setting.get(setting.ports.registry, "/apis/ccompat/v7/subjects").await.map(drop))
}
