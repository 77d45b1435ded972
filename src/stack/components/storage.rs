//! The server of object storage, which only runs on objects need: S3 over a folder of files.

use super::{Component, Setting, class_path, looked};
use crate::client::reach::{Address, Login};
use crate::client::wait::Look;
use crate::stack::error::StackError;
use crate::stack::infra;
use crate::stack::process::Launch;

/// The folder of its objects, and in it the bucket of all runs.
pub(super) const FOLDERS: [&str; 2] = ["objects", "objects/changeproof"];

const MAIN: &str = "org.gaul.s3proxy.Main";

/// Writes its configuration and the files by which Iceberg logs in.
pub(super) fn prepare(setting: &Setting) -> Result<Launch, StackError> {
    let properties = setting.configure(infra::STORAGE, std::iter::empty())?;
    let ports = setting.ports;
    if let Some(Login { user, password }) = &setting.storage {
        let keys = format!(
            "[default]\naws_access_key_id = {user}\naws_secret_access_key = {}\n",
            password.0
        );
        setting.lend(infra::STORAGE_LOGIN, &keys)?;
        let host = Address::local(ports.postgres);
        let line = format!("{}:{}:*:*:{}\n", host.host, host.port, setting.password.0);
        setting.lend(infra::CATALOG_LOGIN, &line)?;
    }
    let mut launch = setting.jvm(Component::Storage, 256);
    launch.args.extend(["-DLOG_LEVEL=warn".to_owned(), "-cp".to_owned()]);
    launch.args.extend([class_path(&setting.jars.storage), MAIN.to_owned()]);
    launch.args.extend(["--properties".to_owned(), properties.to_string()]);
    Ok(launch)
}

/// It answers whoever logs in.
pub(super) async fn look(setting: &Setting) -> Look<()> {
    looked(setting.storage_answers(setting.ports.objects).await)
}
