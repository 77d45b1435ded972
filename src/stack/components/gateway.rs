//! Flink's SQL Gateway.

use super::{Component, Setting, flink, looked, main_class};
use crate::client::wait::Look;
use crate::stack::process::{Launch, Surroundings};

pub(super) fn prepare(setting: &Setting) -> Launch {
    let mut launch = flink::launch(setting, Component::Gateway, 768, main_class::GATEWAY);
    // It takes the folder of its configuration from the environment alone.
    if let Surroundings::Only(variables) = &mut launch.environment {
        variables.insert("FLINK_CONF_DIR".to_owned(), setting.folder.join("conf").to_string());
    }
    launch
}

pub(super) async fn look(setting: &Setting) -> Look<()> {
    looked(setting.get(setting.ports.gateway, "/v3/info").await.map(drop))
}
