//! Data folders made once and copied at each start: `initdb` and Kafka's formatting take seconds,
//! a copy takes a tenth of one.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use rand::TryRng as _;

use super::components::{class_path, main_class};
use super::error::{Doing, StackError};
use super::jars::Jars;
use super::lane::{Lane, Part};
use super::lock::{Lock, Mode};
use super::machine::Machine;
use super::paths::Paths;
use super::{Say, files, infra};
use crate::client::reach::Password;

/// Changed whenever clusters are made in another way.
const FORMAT: &str = "2";
/// How long making one may take.
const LIMIT: Duration = Duration::from_mins(2);
/// The id of every cluster: 16 bytes in base64.
const CLUSTER_ID: &str = "Y2hhbmdlcHJvb2YtbG9jYQ";
/// The superuser that `initdb` makes.
pub(super) const SUPERUSER: &str = "postgres";

/// The folders to copy.
#[derive(Debug, Clone)]
pub(super) struct Templates {
    pub(super) postgres: Utf8PathBuf,
    /// The superuser's password in that folder, which each start replaces at once.
    pub(super) password: Password,
    pub(super) kafka: Utf8PathBuf,
}

/// The templates; those that are missing are made first, in `scratch`, which the components can enter.
pub(super) async fn resolve(
    paths: &Paths,
    (machine, jars, lane): (&Machine, &Jars, &Lane),
    scratch: &Utf8Path,
    say: Say<'_>,
) -> Result<Templates, StackError> {
    let postgres = paths.templates().join(format!(
        "postgres-{}",
        infra::digest([machine.postgres.as_str(), &machine.postgres_version, SUPERUSER, FORMAT])
    ));
    let version = lane.version(Part::Kafka).unwrap_or_default();
    let kafka = paths.templates().join(format!(
        "kafka-{version}-{}",
        infra::digest([infra::KAFKA_POM, CLUSTER_ID, version])
    ));
    if !(postgres.is_dir() && kafka.is_dir()) {
        let what = "the other process that fills the cache to be done";
        let _filling =
            Lock::take(&paths.cache_lock(), Mode::Exclusive, (LIMIT * 2, what), say).await?;
        fs_err::create_dir_all(paths.templates()).doing("make the folder of the templates")?;
        say("making the empty data folders (once)");
        let (one, two) = tokio::join!(
            make_postgres(machine, scratch, &postgres),
            make_kafka(machine, jars, scratch, &kafka),
        );
        one.and(two)?;
    }
    let password = password_file(&postgres);
    let read = fs_err::read_to_string(&password).doing(&format!("read {password}"))?;
    Ok(Templates { postgres, password: Password(read), kafka })
}

/// Where the password of a database cluster stands.
fn password_file(cluster: &Utf8Path) -> Utf8PathBuf {
    Utf8PathBuf::from(format!("{cluster}.password"))
}

/// A password that nobody can guess.
pub(super) fn new_password() -> Result<Password, StackError> {
    let mut bytes = [0_u8; 24];
    rand::rngs::SysRng.try_fill_bytes(&mut bytes).map_err(|error| StackError::Refused {
        doing: "make a password".to_owned(),
        cause: error.to_string(),
    })?;
    Ok(Password(hex::encode(bytes)))
}

async fn make_postgres(
    machine: &Machine,
    scratch: &Utf8Path,
    target: &Utf8Path,
) -> Result<(), StackError> {
    if target.is_dir() {
        return Ok(());
    }
    let password = new_password()?;
    let password_file = password_file(target);
    files::replace(&password_file, password.0.as_bytes())?;
    let told = scratch.join("password");
    files::replace(&told, password.0.as_bytes())?;
    files::lend(&told, machine.user).doing("lend a password to the user of Postgres")?;
    let mut last = String::new();
    // The rules of C.UTF-8 for upper and lower case are those of the other components; C, which
    // exists everywhere, knows only ASCII.
    for locale in ["C.UTF-8", "C"] {
        let folder = scratch.join(format!("initdb-{locale}"));
        fs_err::create_dir(&folder).doing("make a folder for initdb")?;
        files::give(&folder, machine.user).doing("give a folder to the user of Postgres")?;
        let data = folder.join("data");
        let mut launch = machine.launch(&machine.initdb, &folder);
        launch.args = vec![
            format!("--pgdata={data}"),
            format!("--username={SUPERUSER}"),
            "--auth=scram-sha-256".to_owned(),
            format!("--pwfile={told}"),
            "--no-sync".to_owned(),
            "--encoding=UTF8".to_owned(),
            format!("--locale={locale}"),
        ];
        let finished = launch.output(LIMIT).await?;
        if finished.success {
            files::remove(&told)?;
            return keep(&data, target);
        }
        last = finished.text;
    }
    let lines: Vec<&str> = last.lines().collect();
    let end = lines.get(lines.len().saturating_sub(6)..).unwrap_or_default();
    Err(StackError::Refused {
        doing: format!("make an empty database cluster with {}", machine.initdb),
        cause: end.join(" | "),
    })
}

async fn make_kafka(
    machine: &Machine,
    jars: &Jars,
    scratch: &Utf8Path,
    target: &Utf8Path,
) -> Result<(), StackError> {
    if target.is_dir() {
        return Ok(());
    }
    let folder = scratch.join("format");
    fs_err::create_dir(&folder).doing("make a folder for Kafka's formatting")?;
    files::give(&folder, machine.user).doing("give a folder to the user of Kafka")?;
    // Nothing of the ports goes into the folder that is made.
    let port = minijinja::context! { kafka => 1, controller => 2 };
    let values = minijinja::context! { folder => folder.as_str(), port => port };
    let properties = folder.join(infra::KAFKA.file);
    fs_err::write(&properties, infra::render(infra::KAFKA, values)?).doing("write a file")?;
    files::lend(&properties, machine.user).doing("lend a file to the user of Kafka")?;
    let mut launch = machine.launch(&machine.java, &folder);
    launch.args = vec!["-XX:TieredStopAtLevel=1".to_owned(), "-XX:+UseSerialGC".to_owned()];
    launch.args.extend(["-cp".to_owned(), class_path(&jars.kafka)]);
    launch.args.push(main_class::STORAGE_TOOL.to_owned());
    launch.args.extend(["format", "-t", CLUSTER_ID, "-c", properties.as_str()].map(str::to_owned));
    let finished = launch.output(LIMIT).await?;
    if !finished.success {
        let cause = finished.text.lines().find(|line| !line.contains("StatusLogger"));
        return Err(StackError::Refused {
            doing: "format Kafka's data folder".to_owned(),
            cause: cause.unwrap_or("it did not say why").to_owned(),
        });
    }
    keep(&folder.join("kafka"), target)
}

/// Copies what was made to the cache, whole or not at all.
fn keep(made: &Utf8Path, target: &Utf8Path) -> Result<(), StackError> {
    let part = Utf8PathBuf::from(format!("{target}.part"));
    files::remove(&part)?;
    files::copy_tree(made, &part, None)
        .and_then(|()| files::keep(&part, target))
        .doing(&format!("keep {target}"))
}
