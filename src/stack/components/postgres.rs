//! Postgres, as a user that is not root, from a copied data folder.

use std::sync::atomic::Ordering;

use super::{Setting, looked};
use crate::client::postgres::{self, CONTROL_DATABASE, ident, literal};
use crate::client::reach::{self, Address, Password, Reach, Twice};
use crate::client::wait::Look;
use crate::stack::cds::Archives;
use crate::stack::error::{Doing, StackError};
use crate::stack::process::Launch;
use crate::stack::templates::SUPERUSER;
use crate::stack::{files, infra};

pub(super) fn prepare(setting: &Setting) -> Result<Launch, StackError> {
    let user = setting.machine.user;
    let data = data(setting);
    files::copy_tree(&setting.templates.postgres, &data, user)
        .doing("copy the data folder of postgres")?;
    let own = setting.own.postgres.iter();
    let own = own.map(|(key, value)| format!("{key} = '{}'", value.replace('\'', "''")));
    let settings = setting.configure(infra::POSTGRES, own)?;
    // The settings are read from their own file; initdb's stays as it is.
    let mut launch = setting.machine.launch(&setting.machine.postgres, &setting.folder);
    launch.wall = Some(setting.wall(&setting.machine.postgres, &Archives::None));
    launch.args =
        vec!["-D".to_owned(), data.to_string(), "-c".to_owned(), format!("config_file={settings}")];
    Ok(launch)
}

/// Its data folder, in which all of its processes work.
pub(super) fn data(setting: &Setting) -> camino::Utf8PathBuf {
    setting.folder.join("postgres")
}

pub(super) async fn look(setting: &Setting) -> Look<()> {
    looked(answers(setting).await)
}

/// Asks it anything. The first time this gives it the password of this start: until then it has that
/// of the folder it was copied from, which stands in a file of ours alone.
async fn answers(setting: &Setting) -> Result<(), String> {
    let ours = &setting.password.0;
    if setting.has_password.load(Ordering::Relaxed) {
        return ask(setting, ours, "SELECT 1").await;
    }
    let change = format!("ALTER ROLE {} PASSWORD {}", ident(SUPERUSER), literal(ours));
    ask(setting, &setting.templates.password.0, &change).await?;
    setting.has_password.store(true, Ordering::Relaxed);
    Ok(())
}

async fn ask(setting: &Setting, password: &str, sql: &str) -> Result<(), String> {
    let postgres = reach::Postgres {
        at: Twice::same(Address::local(setting.ports.postgres)),
        user: SUPERUSER.to_owned(),
        password: Password(password.to_owned()),
        ..reach::Postgres::default()
    };
    let at = Reach { postgres, ..Reach::default() };
    let session = postgres::connect(&at, CONTROL_DATABASE, "changeproof keeper").await;
    let session = session.map_err(|error| error.to_string())?;
    session.run(sql).await.map(drop).map_err(|error| error.to_string())
}
