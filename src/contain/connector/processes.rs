//! What becomes of an option of the worker and of the broker: a stack of its own is started with it,
//! so nothing stands in for what it names, and whatever names a place is refused.

use super::options::closed;
use crate::contain::fate::Fate;
use crate::dialect::avro;

/// Whose option it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Process {
    /// Connect's worker.
    Worker,
    /// The broker.
    Broker,
}

impl Process {
    /// The key of `settings` under which it stands.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Broker => "kafka",
        }
    }
}

const LEAVE_OUT: &str = "leave it out: the stack has its own";
/// Options of both that open a door or bring programs in: what is in their names.
const DOORS: &[(&str, &str)] = &[
    ("sasl.", "changes who may connect to the stack"),
    ("ssl.", "changes who may connect to the stack"),
    ("security.", "changes who may connect to the stack"),
    ("listener.", "changes who may connect to the stack"),
    ("listeners", "changes who may connect to the stack"),
    ("bootstrap.servers", "names another broker"),
    ("metric.reporters", "brings programs into the stack"),
    ("interceptor.classes", "brings programs into the stack"),
];
/// The same of the worker alone.
const OF_THE_WORKER: &[(&str, &str)] = &[
    ("access.control.", "changes who may connect to the stack"),
    ("config.providers", "reads values from outside of the run"),
    ("connector.client.config.override.", "lets connectors connect to anything"),
    ("offset.storage.file.", "keeps offsets outside of the run"),
    ("plugin.path", "brings programs into the stack"),
    ("rest.extension.classes", "brings programs into the stack"),
];
/// The same of the broker alone.
const OF_THE_BROKER: &[(&str, &str)] = &[
    ("authorizer.", "changes who may connect to the stack"),
    ("client.quota.callback.", "brings programs into the stack"),
    ("log.dir", "keeps topics outside of the run"),
    ("metadata.log.dir", "keeps topics outside of the run"),
    ("principal.builder.", "brings programs into the stack"),
    ("remote.log.", "keeps topics outside of the run"),
];

/// What becomes of an option of a process with this value: kept, or refused.
pub(super) fn option(process: Process, key: &str, value: &str) -> Fate {
    let own = match process {
        Process::Worker => OF_THE_WORKER,
        Process::Broker => OF_THE_BROKER,
    };
    // `producer.ssl.…` is a door as `ssl.…` is.
    let is_door = |name: &str| key.starts_with(name) || key.contains(&format!(".{name}"));
    let doors = DOORS.iter().find(|(name, _)| is_door(name));
    if let Some((_, what)) = doors.or_else(|| own.iter().find(|(name, _)| key.starts_with(name))) {
        return Fate::Refused((*what).to_owned(), LEAVE_OUT.to_owned());
    }
    let is_class = [".class", ".classes", ".class.name", ".class.path"];
    if process == Process::Broker && is_class.iter().any(|end| key.ends_with(end)) {
        let what = "brings programs into the stack";
        return Fate::Refused(what.to_owned(), LEAVE_OUT.to_owned());
    }
    if key.ends_with(".converter") && avro::is_converter(value) {
        let help = "name it in the connector file, whose converters get the stack's registry";
        return Fate::Refused("needs a registry".to_owned(), help.to_owned());
    }
    closed(key, value)
}
