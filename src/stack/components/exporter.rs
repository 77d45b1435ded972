//! What tells the figures of Postgres to Prometheus: `postgres_exporter`, of the project Prometheus
//! itself, with the same queries as in production.

use super::{Setting, looked};
use crate::client::reach::Address;
use crate::client::wait::Look;
use crate::stack::cds::Archives;
use crate::stack::error::StackError;
use crate::stack::infra;
use crate::stack::process::{Launch, Surroundings};
use crate::stack::templates::SUPERUSER;

/// The file of the password.
const SECRET: &str = "conf/exporter.password";

pub(super) fn prepare(setting: &Setting) -> Result<Launch, StackError> {
    let (name, text) = infra::POSTGRES_FIGURES;
    let queries = setting.lend(name, text)?;
    let secret = setting.lend(SECRET, &setting.password.0)?;
    let program = setting.machine.exporter.clone().unwrap_or_default();
    let mut launch = setting.machine.launch(&program, &setting.folder);
    launch.wall = Some(setting.wall(&program, &Archives::None));
    let postgres = Address::local(setting.ports.postgres);
    if let Surroundings::Only(variables) = &mut launch.environment {
        let source = format!("{postgres}/postgres?sslmode=disable");
        variables.insert("DATA_SOURCE_URI".to_owned(), source);
        variables.insert("DATA_SOURCE_USER".to_owned(), SUPERUSER.to_owned());
        variables.insert("DATA_SOURCE_PASS_FILE".to_owned(), secret.to_string());
    }
    let listen = Address::local(setting.ports.metrics.postgres);
    launch.args = vec![
        format!("--web.listen-address={listen}"),
        format!("--extend.query-path={queries}"),
        // What it tells by itself takes a question for each database, and runs have many.
        "--disable-default-metrics".to_owned(),
        "--disable-settings-metrics".to_owned(),
        "--no-collector.database".to_owned(),
        "--no-collector.bgwriter".to_owned(),
    ];
    Ok(launch)
}

/// It listens at once, and asks Postgres only when it is asked.
pub(super) async fn look(setting: &Setting) -> Look<()> {
    let at = ("127.0.0.1", setting.ports.metrics.postgres);
    let connected = tokio::net::TcpStream::connect(at).await;
    looked(connected.map(drop).map_err(|error| error.to_string()))
}
