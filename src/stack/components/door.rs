//! What stands before the object storage: this program again, with another task.

use super::{Component, Setting, looked};
use crate::client::reach::Address;
use crate::client::wait::Look;
use crate::stack::cds::Archives;
use crate::stack::door::Order;
use crate::stack::error::{Doing, StackError};
use crate::stack::files;
use crate::stack::process::Launch;

/// The file that tells it what to do, with its login.
const ORDER: &str = "conf/door.json";

pub(super) fn prepare(setting: &Setting) -> Result<Launch, StackError> {
    let order = Order {
        listen: Address::local(setting.ports.storage),
        storage: Address::local(setting.ports.objects),
        login: setting.storage.clone().unwrap_or_default(),
    };
    let file = setting.folder.join(ORDER);
    files::write_json(&file, &order)?;
    files::lend(&file, setting.machine.user).doing("write a file for the door")?;
    let mut launch = setting.machine.launch(&setting.program, &setting.folder);
    launch.wall = Some(setting.wall(&setting.program, &Archives::None));
    launch.args = ["-v", Component::Door.name(), file.as_str()].map(str::to_owned).to_vec();
    Ok(launch)
}

/// It tells whoever has its key how it is.
pub(super) async fn look(setting: &Setting) -> Look<()> {
    looked(setting.storage_answers(setting.ports.storage).await)
}
