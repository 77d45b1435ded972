//! What the three Flink processes have in common.

use super::{Component, Setting, class_path};
use crate::stack::process::Launch;

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

/// A Flink process; the file `config.yaml` serves all of them.
pub(super) fn launch(
    setting: &Setting,
    component: Component,
    heap_mb: u32,
    main_class: &str,
) -> Launch {
    let mut launch = setting.jvm(component, heap_mb);
    launch.args.extend(OPENED.iter().map(|package| format!("--add-opens={package}=ALL-UNNAMED")));
    launch.args.extend(["-cp".to_owned(), class_path(&setting.jars.flink)]);
    launch.args.push(main_class.to_owned());
    launch
}
