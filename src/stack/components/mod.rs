//! The components of the local stack, one file each: configuration, command line, and the
//! condition that says "ready".

mod connect;
mod door;
mod exporter;
mod flink;
mod gateway;
mod jobmanager;
mod kafka;
mod postgres;
mod registry;
mod storage;
mod taskmanager;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cds::Archives;
use super::confine::{self, Access};
use super::error::{Doing, StackError};
use super::files;
use super::infra::{self, Plain, Template};
use super::jars::Jars;
use super::machine::Machine;
use super::options::OwnOptions;
use super::ports::Ports;
use super::process::{Asking, Launch, Wall};
use super::secured::Secured;
use super::templates::Templates;
use crate::client::http::Http;
use crate::client::reach::{Address, Login, Password, Rest};
use crate::client::wait::Look;
use crate::scenario::settings::Options;

/// Task slots of the one TaskManager: a whole pipeline, four side by side, with room.
pub(super) const SLOTS: u32 = 64;

/// The names that the JVMs can resolve, a file.
const HOSTS: &str = "conf/hosts";

/// How long one look at a component may take.
const LOOK_LIMIT: Duration = Duration::from_secs(5);

/// A component of the local stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Component {
    /// The broker, its own controller.
    Kafka,
    /// The Connect worker.
    Connect,
    /// Flink's JobManager.
    JobManager,
    /// Flink's one TaskManager.
    TaskManager,
    /// Flink's SQL Gateway.
    Gateway,
    /// Postgres.
    Postgres,
    /// The schema registry; started when a run asks for it.
    Registry,
    /// The server of object storage.
    Storage,
    /// What stands before that server: it keeps to the manners that a run asks for.
    Door,
    /// What tells the figures of Postgres.
    Exporter,
}

/// What every component is given.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) machine: Machine,
    pub(super) jars: Jars,
    pub(super) templates: Templates,
    /// Data, configuration and logs of this stack.
    pub(super) folder: Utf8PathBuf,
    pub(super) ports: Ports,
    pub(super) archives: Archives,
    /// Those of the registry, which starts later than the others, if ever.
    pub(super) registry_archives: Archives,
    /// The password of Postgres' superuser.
    pub(super) password: Password,
    /// How to log in to the object storage, where the stack has one.
    pub(super) storage: Option<Login>,
    /// How the broker's encrypted listener proves who it is, and who may log in there.
    pub(super) secured: Option<Secured>,
    /// Whether Postgres has been told that password.
    pub(super) has_password: AtomicBool,
    /// The `changeproof` binary.
    pub(super) program: Utf8PathBuf,
    /// What all components may read besides the system, and what they may write.
    pub(super) reach: Access,
    /// Options over those of the templates.
    pub(super) own: OwnOptions,
}

/// What looking at a component gives; waiting is the caller's.
pub(super) type Looking<'a> = Pin<Box<dyn Future<Output = Look<()>> + 'a>>;

impl Component {
    /// Those that every stack has, in the order in which they are started. The broker is first, because Connect waits for it;
    /// Postgres is last, because it is the quickest.
    pub const ALL: [Self; 6] = [
        Self::Kafka,
        Self::Connect,
        Self::JobManager,
        Self::TaskManager,
        Self::Gateway,
        Self::Postgres,
    ];

    /// Those of a stack with object storage.
    pub(super) const WITH_STORAGE: [Self; 8] = [
        Self::Kafka,
        Self::Storage,
        Self::Door,
        Self::Connect,
        Self::JobManager,
        Self::TaskManager,
        Self::Gateway,
        Self::Postgres,
    ];

    /// Its name: of its log, its archive and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::Connect => "connect",
            Self::JobManager => "jobmanager",
            Self::TaskManager => "taskmanager",
            Self::Gateway => "gateway",
            Self::Postgres => "postgres",
            Self::Registry => "registry",
            Self::Storage => "storage",
            Self::Door => "door",
            Self::Exporter => "exporter",
        }
    }

    /// The names of those that are JVMs and so have a class archive.
    pub(super) fn jvms() -> Vec<&'static str> {
        let jvms = Self::ALL.iter().filter(|component| **component != Self::Postgres);
        jvms.map(|component| component.name()).collect()
    }

    /// Writes its configuration and data, and says how to start it.
    pub(super) fn prepare(self, setting: &Setting) -> Result<Launch, StackError> {
        match self {
            Self::Kafka => kafka::prepare(setting),
            Self::Connect => connect::prepare(setting),
            Self::JobManager => jobmanager::prepare(setting),
            Self::TaskManager => Ok(taskmanager::prepare(setting)),
            Self::Gateway => Ok(gateway::prepare(setting)),
            Self::Postgres => postgres::prepare(setting),
            Self::Registry => registry::prepare(setting),
            Self::Storage => storage::prepare(setting),
            Self::Door => door::prepare(setting),
            Self::Exporter => exporter::prepare(setting),
        }
    }

    /// Looks once whether it is ready.
    pub(super) fn look(self, setting: &Setting) -> Looking<'_> {
        match self {
            Self::Kafka => Box::pin(kafka::look(setting)),
            Self::Connect => Box::pin(connect::look(setting)),
            Self::JobManager => Box::pin(jobmanager::look(setting)),
            Self::TaskManager => Box::pin(taskmanager::look(setting)),
            Self::Gateway => Box::pin(gateway::look(setting)),
            Self::Postgres => Box::pin(postgres::look(setting)),
            Self::Registry => Box::pin(registry::look(setting)),
            Self::Storage => Box::pin(storage::look(setting)),
            Self::Door => Box::pin(door::look(setting)),
            Self::Exporter => Box::pin(exporter::look(setting)),
        }
    }

    /// The folder that the processes of the component work in, where it has more than one.
    pub(super) fn children_in(self, setting: &Setting) -> Option<Utf8PathBuf> {
        (self == Self::Postgres).then(|| postgres::data(setting))
    }

    /// How it is asked to end in an orderly way.
    pub(super) fn asking_gently(self) -> Asking {
        match self {
            Self::Postgres => Asking::Interrupt,
            Self::Kafka
            | Self::Connect
            | Self::JobManager
            | Self::TaskManager
            | Self::Gateway
            | Self::Registry
            | Self::Storage
            | Self::Door
            | Self::Exporter => Asking::Term,
        }
    }

    /// How it is asked to end when nothing of it is kept.
    pub(super) fn asking(self) -> Asking {
        match self {
            Self::Postgres => Asking::Quit,
            Self::Kafka
            | Self::Connect
            | Self::JobManager
            | Self::TaskManager
            | Self::Gateway
            | Self::Registry
            | Self::Storage
            | Self::Door
            | Self::Exporter => Asking::Term,
        }
    }
}

/// The main classes.
pub(super) mod main_class {
    pub(in crate::stack) const STORAGE_TOOL: &str = "kafka.tools.StorageTool";
    pub(super) const KAFKA: &str = "kafka.Kafka";
    pub(super) const CONNECT: &str = "org.apache.kafka.connect.cli.ConnectDistributed";
    pub(super) const JOBMANAGER: &str =
        "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint";
    pub(super) const TASKMANAGER: &str = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner";
    pub(super) const GATEWAY: &str = "org.apache.flink.table.gateway.SqlGateway";
}

/// A class path: the jars in their order, written out, because an archive fits one text only.
pub(super) fn class_path(jars: &[Utf8PathBuf]) -> String {
    let jars: Vec<&str> = jars.iter().map(|jar| jar.as_str()).collect();
    jars.join(":")
}

/// Each line of a log says when, in which thread, how grave, and by whom.
const LOGGING: [&str; 9] = [
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
    "-Dorg.slf4j.simpleLogger.showShortLogName=true",
    // The broker asks this one who logs, and must not search for it.
    "-Dlog4j2.loggerContextFactory=org.apache.logging.log4j.simple.SimpleLoggerContextFactory",
    // These would print every option of every client, and every plugin twice.
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config.AbstractConfig=warn",
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.connect.runtime.isolation.DelegatingClassLoader=warn",
    // These would say who runs them, and start Hadoop's login to find out.
    "-Dorg.slf4j.simpleLogger.log.org.apache.flink.runtime.entrypoint.ClusterEntrypoint=warn",
    "-Dorg.slf4j.simpleLogger.log.org.apache.flink.runtime.taskexecutor.TaskManagerRunner=warn",
    "-Dorg.slf4j.simpleLogger.log.org.apache.flink.table.gateway.SqlGateway=warn",
];

impl Setting {
    /// Makes the folders that the components share.
    pub(super) fn make_folders(&self) -> io::Result<()> {
        let user = self.machine.user;
        let objects = self.storage.iter().flat_map(|_| storage::FOLDERS);
        for folder in ["tmp", "checkpoints", "savepoints"].into_iter().chain(objects) {
            let folder = self.folder.join(folder);
            fs_err::create_dir_all(&folder)?;
            files::give(&folder, user)?;
        }
        fs_err::create_dir_all(self.folder.join("logs"))?;
        let (conf, hosts) = (self.folder.join("conf"), self.folder.join(HOSTS));
        fs_err::create_dir_all(&conf)?;
        // Flink asks for the machine's own name.
        let name = fs_err::read_to_string("/proc/sys/kernel/hostname")?;
        fs_err::write(&hosts, format!("127.0.0.1 localhost {}\n", name.trim()))?;
        [conf, hosts].iter().try_for_each(|path| files::lend(path, user))
    }

    /// Fills in a template and writes it to the `conf` folder; gives the file.
    ///
    /// Of two lines for one option, every component takes the last.
    fn configure(
        &self,
        template: Template,
        own: impl Iterator<Item = String>,
    ) -> Result<Utf8PathBuf, StackError> {
        let values = minijinja::context! {
            folder => self.folder.as_str(),
            port => self.ports.values(),
            plugins => format!("{},{}", self.jars.plugins, self.jars.converter),
            slots => SLOTS,
            lane => self.own.lane.template(),
            secured => self.secured.as_ref().map(Secured::values),
            metrics => self.own.metrics,
            storage => self.storage.as_ref().map(|Login { user, password }| {
                minijinja::context! { access => user, secret => &password.0 }
            }),
        };
        let path = self.folder.join("conf").join(template.file);
        let mut text = infra::render(template, values)?;
        for line in own {
            text.push('\n');
            text.push_str(&line);
        }
        text.push('\n');
        fs_err::write(&path, text)
            .and_then(|()| files::lend(&path, self.machine.user))
            .doing(&format!("write {path}"))?;
        Ok(path)
    }

    /// Writes a file that the components alone read; gives it.
    fn lend(&self, name: &str, text: &str) -> Result<Utf8PathBuf, StackError> {
        let file = self.folder.join(name);
        fs_err::write(&file, text)
            .and_then(|()| files::lend(&file, self.machine.user))
            .doing(&format!("write {file}"))?;
        Ok(file)
    }

    /// What has a JVM tell these figures at a port, on a stack with metrics.
    fn telling(&self, (name, text): Plain, port: u16) -> Result<Option<String>, StackError> {
        let Some(agent) = &self.jars.agent else { return Ok(None) };
        let rules = self.lend(name, text)?;
        Ok(Some(format!("-javaagent:{agent}={}:{rules}", Address::local(port))))
    }

    fn archives_of(&self, component: Component) -> &Archives {
        match component {
            Component::Registry => &self.registry_archives,
            // Only some stacks have it.
            Component::Storage => &Archives::None,
            _ => &self.archives,
        }
    }

    /// What a component may reach: the system, its program and the jars; and this start's folder and
    /// those of runs, to write.
    fn wall(&self, program: &Utf8Path, archives: &Archives) -> Wall {
        let Access { reads, writes } = &self.reach;
        let reads = reads.iter().cloned().chain(confine::home_of(program));
        let writes = writes.iter().cloned().chain(archives.written_to());
        Wall {
            by: self.program.clone(),
            reach: Access { reads: reads.collect(), writes: writes.collect() },
        }
    }

    /// A JVM with the options that all of them have.
    fn jvm(&self, component: Component, heap_mb: u32) -> Launch {
        let java = &self.machine.java;
        let mut launch = self.machine.launch(java, &self.folder);
        launch.wall = Some(self.wall(java, self.archives_of(component)));
        let folder = &self.folder;
        launch.args = [
            // Short-lived processes on few cores: the simplest collector and compiler start soonest.
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xshare:auto",
            // Counters in a shared folder would be left behind.
            "-XX:-UsePerfData",
            // Growing to what they all need would cost full collections on the way.
            "-XX:MetaspaceSize=128m",
            // Its folder is not the component's to write to.
            "-XX:+ErrorFileToStdout",
            // A JVM without memory must die and be seen to, not linger.
            "-XX:+ExitOnOutOfMemoryError",
        ]
        .map(str::to_owned)
        .to_vec();
        launch.args.extend(self.archives_of(component).argument(component.name()));
        launch.args.extend([
            format!("-Xmx{heap_mb}m"),
            format!("-Djava.io.tmpdir={folder}/tmp"),
            // Whatever a file of the author's says, they know no machine but this one.
            format!("-Djdk.net.hosts.file={folder}/{HOSTS}"),
        ]);
        launch.args.extend(LOGGING.map(str::to_owned));
        launch
    }

    /// Whether the object storage, or what stands before it, answers: who does not log in is refused.
    async fn storage_answers(&self, port: u16) -> Result<(), String> {
        match self.get(port, "/").await {
            Err(refused) if refused.ends_with("status 403") => Ok(()),
            other => other.map(drop),
        }
    }

    /// One GET; what is answered, or what there was instead.
    async fn get(&self, port: u16, path: &str) -> Result<Value, String> {
        let at = Rest::plain(format!("http://{}", Address::local(port)));
        let http = Http::new(&at).map_err(|error| error.to_string())?;
        // Looking must not keep us from noticing that the component has died.
        match tokio::time::timeout(LOOK_LIMIT, http.get(path)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(match error.status {
                Some(status) => format!("it answers with status {status}"),
                None => "it does not answer".to_owned(),
            }),
            Err(_) => Err(format!("it does not answer within {LOOK_LIMIT:?}")),
        }
    }
}

/// Options as lines of a properties file.
fn properties(options: &Options) -> impl Iterator<Item = String> + '_ {
    // A backslash would begin an escape.
    options.iter().map(|(key, value)| format!("{key}={}", value.replace('\\', "\\\\")))
}

/// A look from a result.
fn looked(result: Result<(), String>) -> Look<()> {
    match result {
        Ok(()) => Look::Holds(()),
        Err(instead) => Look::NotYet(instead),
    }
}
