//! The network that a stack listens on: the machine's, or one of its own.
//!
//! Kafka, Connect, Flink and the registry know no password here, so on the machine's loopback every
//! user of the machine reaches them. A network namespace of the stack's own (`network_namespaces(7)`)
//! has a loopback that nobody else is on, and no other interface: nobody gets in, and no component
//! gets out, not even to an address in digits. The keeper is started in a new one and the components
//! inherit it; a command that needs the stack becomes itself again inside, before it does anything.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::error::{Doing as _, StackError};
use super::machine;
use super::options::StackOptions;
use super::process::{self, Launch, Surroundings};
use super::record::Record;

/// The environment variable that chooses the network: a [`Network`] by name.
pub const VARIABLE: &str = "CHANGEPROOF_NETWORK";

/// Which network a stack listens on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// The one that we are on: every user of the machine reaches its loopback.
    #[default]
    Machine,
    /// A namespace of the stack's own.
    Own,
}

impl Network {
    /// The network with this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "machine" => Some(Self::Machine),
            "own" => Some(Self::Own),
            _ => None,
        }
    }
}

/// How long making a namespace may take.
const LIMIT: Duration = Duration::from_secs(10);
/// The first thing that is done in a new namespace. What follows needs no privilege over it.
const LOOPBACK_UP: &str = r#"ip=$1 setpriv=$2; shift 2
"$ip" link set dev lo up && exec "$setpriv" --inh-caps=-all --ambient-caps=-all -- "$@""#;
/// Without root, a namespace of a user's own is what gives the right to make one of the network.
const AS_USER: [&str; 3] = ["--user", "--map-current-user", "--keep-caps"];

/// Which network this process is on, as the kernel names it: `net:[4026531840]`.
pub(super) fn here() -> Result<String, StackError> {
    let link = fs_err::read_link("/proc/self/ns/net").doing("find the network of this process")?;
    Ok(link.to_string_lossy().into_owned())
}

/// Whether a stack that runs listens where it is wanted.
pub(super) fn fits(record: &Record, wanted: Network) -> Result<bool, StackError> {
    let is_here = record.network == here()?;
    Ok(match wanted {
        Network::Machine => is_here,
        Network::Own => !is_here,
    })
}

/// The programs of the system that make a namespace and enter it.
#[derive(Debug)]
struct Tools {
    unshare: Utf8PathBuf,
    nsenter: Utf8PathBuf,
    ip: Utf8PathBuf,
    setpriv: Utf8PathBuf,
}

impl Tools {
    fn find(options: &StackOptions) -> Result<Self, StackError> {
        let find = |name, package| machine::tool(options, name, package);
        Ok(Self {
            unshare: find("unshare", "util-linux")?,
            nsenter: find("nsenter", "util-linux")?,
            ip: find("ip", "iproute2")?,
            setpriv: machine::setpriv(options)?,
        })
    }

    /// A program with its arguments, so that it starts in a new namespace whose loopback is up.
    fn in_a_new_one(&self, program: &Utf8Path, args: &[&str]) -> Vec<String> {
        let as_user = AS_USER.iter().copied().filter(|_| !is_root());
        let ours = ["--net", "--", "/bin/sh", "-c", LOOPBACK_UP, "sh"];
        let tools = [self.ip.as_str(), self.setpriv.as_str(), program.as_str()];
        let all = as_user.chain(ours).chain(tools).chain(args.iter().copied());
        all.map(str::to_owned).collect()
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A program and its arguments as they start on the network that is wanted.
pub(super) fn started_on(
    options: &StackOptions,
    program: &Utf8Path,
    args: &[&str],
) -> Result<(Utf8PathBuf, Vec<String>), StackError> {
    match options.network {
        Network::Machine => {
            Ok((program.to_owned(), args.iter().map(|&arg| arg.to_owned()).collect()))
        }
        Network::Own => {
            let tools = Tools::find(options)?;
            let args = tools.in_a_new_one(program, args);
            Ok((tools.unshare, args))
        }
    }
}

/// Whether this machine lets us make a network of our own, if one is wanted.
pub(super) async fn can_be_made(options: &StackOptions) -> Result<(), StackError> {
    if options.network == Network::Machine {
        return Ok(());
    }
    let tools = Tools::find(options)?;
    let launch = Launch {
        setpriv: tools.setpriv.clone(),
        args: tools.in_a_new_one("/bin/sh".into(), &["-c", ":"]),
        program: tools.unshare,
        environment: Surroundings::Only(BTreeMap::new()),
        folder: "/".into(),
        user: None,
        wall: None,
    };
    let tried = launch.output(LIMIT).await?;
    if tried.success {
        return Ok(());
    }
    let said = tried.text.lines().last().unwrap_or("it says nothing").to_owned();
    Err(StackError::Missing {
        what: format!("this system lets nobody make a network of the stack's own: {said}"),
        mend: format!(
            "run as root with the capability CAP_SYS_ADMIN, allow user namespaces \
             (user.max_user_namespaces), or unset {VARIABLE}"
        ),
    })
}

/// How a person starts a program where a stack listens; nothing if that is here.
pub fn way_in(record: &Record) -> Option<String> {
    if here().is_ok_and(|here| here == record.network) {
        return None;
    }
    Some(["nsenter".to_owned()].into_iter().chain(into(record)).collect::<Vec<_>>().join(" "))
}

/// The arguments of `nsenter` that lead to where a stack listens.
fn into(record: &Record) -> Vec<String> {
    let mut args = vec!["--target".to_owned(), record.keeper.pid.to_string(), "--net".to_owned()];
    if !is_root() {
        args.extend(["--user", "--preserve-credentials"].map(str::to_owned));
    }
    args
}

/// Becomes this command again, on the network of a stack. Comes back only if that fails.
pub fn become_inside(options: &StackOptions, record: &Record, args: &[String]) -> StackError {
    let tools = match Tools::find(options) {
        Ok(tools) => tools,
        Err(error) => return error,
    };
    let mut all = into(record);
    all.extend(["--".to_owned(), options.program.to_string()]);
    all.extend_from_slice(args);
    // Inside, the stack is where we are.
    let failed: io::Error = process::become_program(&tools.nsenter, &all, &[(VARIABLE, "machine")]);
    StackError::io("enter the network of the stack", &failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_known_by_its_name() {
        assert_eq!(Network::named("machine"), Some(Network::Machine));
        assert_eq!(Network::named("own"), Some(Network::Own));
        assert_eq!(Network::named("host"), None);
    }

    #[test]
    fn this_process_is_on_a_network() {
        assert!(here().unwrap().starts_with("net:["));
    }
}
