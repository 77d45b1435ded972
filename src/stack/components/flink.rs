//! What the three Flink processes have in common.

use super::{Component, Setting, class_path};
use crate::stack::infra;
use crate::stack::process::{Launch, Surroundings};

/// What Flink reaches into the JDK for.
const OPENED: [&str; 7] = [
    "java.base/java.lang",
    "java.base/java.lang.invoke",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.nio",
    "java.base/sun.nio.ch",
    "java.base/java.time",
];

const REPORTER: &str = "org.apache.flink.metrics.prometheus.PrometheusReporterFactory";

/// Where Flink finds its own file system for object storage, and Iceberg its logins; gives arguments.
/// Secrets stand in files alone.
fn with_storage(setting: &Setting, environment: &mut Surroundings) -> Option<String> {
    let plugins = setting.jars.flink_plugins.as_ref()?;
    if let Surroundings::Only(variables) = environment {
        let login = setting.folder.join(infra::STORAGE_LOGIN);
        variables.insert("AWS_SHARED_CREDENTIALS_FILE".to_owned(), login.to_string());
        variables.insert("AWS_REGION".to_owned(), infra::REGION.to_owned());
        variables.insert("FLINK_PLUGINS_DIR".to_owned(), plugins.to_string());
    }
    Some(format!("-Dorg.postgresql.pgpassfile={}", setting.folder.join(infra::CATALOG_LOGIN)))
}

/// What has a process tell its figures, as arguments behind its main class. The reporter listens on
/// every address, so that a stack with metrics has a network of its own.
pub(super) fn reporting(setting: &Setting, port: u16) -> Vec<String> {
    if !setting.own.metrics {
        return Vec::new();
    }
    vec![
        format!("-Dmetrics.reporter.prom.factory.class={REPORTER}"),
        format!("-Dmetrics.reporter.prom.port={port}"),
    ]
}

/// A Flink process; the file `config.yaml` serves all of them.
pub(super) fn launch(
    setting: &Setting,
    component: Component,
    heap_mb: u32,
    main_class: &str,
) -> Launch {
    let jars = &setting.jars;
    let mut launch = setting.jvm(component, heap_mb);
    launch.args.extend(OPENED.iter().map(|package| format!("--add-opens={package}=ALL-UNNAMED")));
    launch.args.extend(with_storage(setting, &mut launch.environment));
    launch
        .args
        .extend(["-cp".to_owned(), class_path(&[jars.flink.as_slice(), &jars.behind].concat())]);
    launch.args.push(main_class.to_owned());
    launch
}
