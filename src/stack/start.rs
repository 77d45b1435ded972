//! The components of one stack, from their start to their end.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::Utf8Path;
use futures::future::try_join_all;

use super::Say;
use super::cds::Archives;
use super::components::{Component, Setting};
use super::control::{Deed, Doings, Question};
use super::error::{Doing, StackError};
use super::infra;
use super::member::Member;
use super::paths::Paths;
use super::profile::local_profile;
use super::record::{ComponentRecord, Target};
use super::templates::SUPERUSER;
use crate::client::clock::Stopwatch;
use crate::client::reach::{
    Address, Kafka, Postgres, PostgresTls, Reach, Rest, Rights, Storage, Twice,
};
use crate::client::wait::{self, Look};

/// How long a JVM may take to write its class archive.
const ARCHIVE_LIMIT: Duration = Duration::from_secs(90);
/// How long Postgres may take to leave at once.
const QUIT_LIMIT: Duration = Duration::from_secs(5);

/// Writes what a component needs and starts it.
fn begin(component: Component, setting: &Setting) -> Result<Member, StackError> {
    let launch = component.prepare(setting)?;
    let log = setting.folder.join("logs").join(format!("{}.log", component.name()));
    Member::start(component, launch, log)
}

/// The components of one stack. All of them are killed when it is dropped.
#[derive(Debug)]
pub(super) struct Stack {
    setting: Setting,
    members: Vec<Member>,
}

impl Stack {
    /// Starts every component and waits until each is ready.
    pub(super) async fn start(
        setting: Setting,
        watch: Stopwatch,
        say: Say<'_>,
    ) -> Result<Self, StackError> {
        setting.make_folders().doing("make the folders of the components")?;
        let mut members = Vec::new();
        for component in setting.own.components() {
            members.push(begin(component, &setting)?);
        }
        try_join_all(members.iter_mut().map(|member| member.wait(&setting, watch, say))).await?;
        Ok(Self { setting, members })
    }

    fn has(&self, component: Component) -> bool {
        self.members.iter().any(|member| member.component == component)
    }

    /// Whether every component still runs.
    pub(super) fn check(&mut self) -> Result<(), StackError> {
        self.members.iter_mut().try_for_each(Member::check)
    }

    /// Does what was asked of a component.
    pub(super) async fn obey(
        &mut self,
        question: Question,
        paths: &Paths,
    ) -> Result<Doings, StackError> {
        if question.component == Component::Registry && question.deed == Deed::Start {
            self.start_registry(paths).await?;
        }
        let asked = |member: &&mut Member| member.component == question.component;
        let member = self.members.iter_mut().find(asked).ok_or_else(|| {
            StackError::Keeper(format!("this stack has no {}", question.component.name()))
        })?;
        member.obey(question.deed, &self.setting).await
    }

    /// Starts the schema registry unless it is there, and waits until it is ready.
    async fn start_registry(&mut self, paths: &Paths) -> Result<(), StackError> {
        if self.has(Component::Registry) {
            return Ok(());
        }
        let setting = &mut self.setting;
        setting.registry_archives =
            Archives::find(paths, &setting.machine, [&setting.jars.registry])?;
        let mut member = begin(Component::Registry, setting)?;
        let say = |line: &str| tracing::info!("{line}");
        member.wait(setting, Stopwatch::start(), &say).await?;
        self.members.push(member);
        Ok(())
    }

    /// Whether a component is down or paused because somebody asked for it.
    pub(super) fn is_disturbed(&self) -> bool {
        self.members.iter().any(|member| !member.is_wanted_up())
    }

    /// Brings back what is down or paused.
    pub(super) async fn mend(&mut self, say: Say<'_>) -> Result<(), StackError> {
        for member in self.members.iter_mut().filter(|member| !member.is_wanted_up()) {
            member.bring_back()?;
            member.wait(&self.setting, Stopwatch::start(), say).await?;
        }
        Ok(())
    }

    /// Where the components listen.
    pub(super) fn reach(&self) -> Reach {
        let ports = self.setting.ports;
        let http = |port: u16| Rest::plain(format!("http://{}", Address::local(port)));
        let of = |component, port| if self.has(component) { http(port) } else { Rest::default() };
        Reach {
            postgres: Postgres {
                at: Twice::same(Address::local(ports.postgres)),
                user: SUPERUSER.to_owned(),
                password: self.setting.password.clone(),
                reference: format!(
                    "${{file:{}:password}}",
                    self.setting.folder.join(infra::SECRET)
                ),
                tls: PostgresTls::default(),
                rights: Rights::Server,
            },
            kafka: Twice::same(Kafka::plain(Address::local(ports.kafka))),
            connect: of(Component::Connect, ports.connect),
            flink: of(Component::JobManager, ports.flink),
            gateway: of(Component::Gateway, ports.gateway),
            registry: self.has(Component::Registry).then(|| Twice::same(http(ports.registry))),
            is_confluents_registry: false,
            storage: self.setting.storage.clone().map(|login| Storage {
                at: Twice {
                    outside: Address::local(ports.objects).http(),
                    inside: Address::local(ports.storage).http(),
                },
                login,
            }),
            secured: self.setting.secured.as_ref().map(|secured| secured.reach(ports.secured)),
        }
    }

    /// Component → version, those of the machine too.
    pub(super) fn versions(&self) -> BTreeMap<String, String> {
        let mut versions = local_profile(&self.setting.own.lane).versions;
        let machine = &self.setting.machine;
        versions.insert("postgres".to_owned(), machine.postgres_version.clone());
        versions.insert("java".to_owned(), machine.java_number());
        versions
    }

    /// What the record says about the components.
    pub(super) fn components(&self) -> Vec<ComponentRecord> {
        let record = |member: &Member| {
            Some(ComponentRecord {
                name: member.component.name().to_owned(),
                process: member.running.process()?,
                ready_after_ms: member.ready_after_ms,
                log: member.log.clone(),
            })
        };
        self.members.iter().filter_map(record).collect()
    }

    /// Where Prometheus finds the figures of a stack that tells them.
    pub(super) fn metrics(&self) -> Vec<Target> {
        if !self.setting.own.metrics {
            return Vec::new();
        }
        let ports = self.setting.ports.metrics;
        let of = |job: &str, ports: &[u16]| {
            Target::of(job, ports.iter().map(|port| Address::local(*port).to_string()).collect())
        };
        vec![
            of("postgres", &[ports.postgres]),
            of("kafka", &[ports.kafka]),
            of("connect", &[ports.connect]),
            of("flink", &[ports.jobmanager, ports.taskmanager]),
        ]
    }

    /// Whether its end writes class archives.
    pub(super) fn writes_archives(&self) -> bool {
        self.setting.archives.are_made()
    }

    /// The folder of its data.
    pub(super) fn folder(&self) -> &Utf8Path {
        &self.setting.folder
    }

    /// Ends every component. Nothing of their data is kept, so those that write no archive are
    /// killed; only Postgres is asked, because it has children and shared memory to clean up.
    /// Archives are written only if the stack ends in an `orderly` way.
    pub(super) async fn stop(&mut self, orderly: bool) -> Result<(), StackError> {
        if orderly {
            let of_all = self.setting.archives.are_made();
            let of_registry = self.setting.registry_archives.are_made();
            // The broker goes last: without it, the others would wait for it.
            let clients = |component| match component {
                Component::Kafka | Component::Postgres => false,
                Component::Registry => of_registry,
                _ => of_all,
            };
            self.ask(clients, ARCHIVE_LIMIT).await;
            self.ask(|component| of_all && component == Component::Kafka, ARCHIVE_LIMIT).await;
        }
        self.ask(|component| component == Component::Postgres, QUIT_LIMIT).await;
        for member in &mut self.members {
            member.running.kill().await;
        }
        let setting = &mut self.setting;
        let archives = std::mem::replace(&mut setting.archives, Archives::None);
        let of_registry = std::mem::replace(&mut setting.registry_archives, Archives::None);
        archives.keep(&Component::jvms())?;
        of_registry.keep(&[Component::Registry.name()]).map(drop)
    }

    /// Asks some components to end and waits until they have, or for `limit`.
    async fn ask(&mut self, which: impl Fn(Component) -> bool, limit: Duration) {
        let mut asked: Vec<&mut Member> =
            self.members.iter_mut().filter(|member| which(member.component)).collect();
        for member in &asked {
            member.running.ask_to_end(member.component.asking());
        }
        let ended = wait::until::<(), (), _>("the components to end", limit, || {
            asked.retain_mut(|member| matches!(member.running.ended(), Ok(None)));
            let look = match asked.first() {
                Some(member) => Look::NotYet(format!("{} runs", member.component.name())),
                None => Look::Holds(()),
            };
            async move { Ok(look) }
        });
        if ended.await.is_err() {
            tracing::warn!("not all components ended when asked; they are killed");
        }
    }
}
