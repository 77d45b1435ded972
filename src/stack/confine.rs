//! The wall around a component: what it may reach of the file system, held by the kernel (Landlock).
//!
//! What runs in the components is what scenarios say. Whatever the rules for the author's files
//! overlook, a component reads nothing but the system, its jars and its stack's folder, writes nothing
//! but the latter, and signals nobody outside of itself. A kernel without Landlock has no such wall,
//! and `doctor` says so.

use camino::{Utf8Path, Utf8PathBuf};
use landlock::{
    ABI, Access as _, AccessFs, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetStatus,
    Scope, path_beneath_rules,
};

use super::error::StackError;
use super::process;

/// The newest version of Landlock that is made use of; an older kernel does what it can.
const NEWEST: ABI = ABI::V6;
/// Where systems keep programs, libraries and settings.
const SYSTEM: [&str; 13] = [
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix", "/gnu", "/etc",
    "/proc", "/sys",
];
/// The devices that programs take for granted.
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// The files and folders that a component may reach, each with all below it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// To read, and to start programs from, besides the system's own.
    pub reads: Vec<Utf8PathBuf>,
    /// To read and write.
    pub writes: Vec<Utf8PathBuf>,
}

/// The hidden command that starts a program behind the wall.
pub(super) const COMMAND: &str = "confined";

impl Access {
    /// It, as arguments of [`COMMAND`].
    pub(super) fn arguments(&self) -> Vec<String> {
        let reads = self.reads.iter().map(|path| format!("--read={path}"));
        let writes = self.writes.iter().map(|path| format!("--write={path}"));
        reads.chain(writes).collect()
    }
}

/// Shuts this process into `reach`, for good, and becomes `program`. Comes back only if that fails.
///
/// What is not there is not reached; a kernel that can hold less holds what it can.
pub fn start(reach: &Access, program: &Utf8Path, args: &[String]) -> StackError {
    if let Err(error) = confined(reach) {
        return refused(&error);
    }
    StackError::io(format!("start {program}"), &process::become_program(program, args, &[]))
}

fn confined(reach: &Access) -> Result<RulesetStatus, landlock::RulesetError> {
    let all = AccessFs::from_all(NEWEST);
    let read = AccessFs::from_read(NEWEST);
    let status = Ruleset::default()
        .handle_access(all)?
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .add_rules(path_beneath_rules(SYSTEM, read))?
        .add_rules(path_beneath_rules(&reach.reads, read))?
        .add_rules(path_beneath_rules(DEVICES, all))?
        .add_rules(path_beneath_rules(&reach.writes, all))?
        .restrict_self()?;
    Ok(status.ruleset)
}

/// What the kernel of this machine holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// All of it.
    All,
    /// The file system alone, or a part of it.
    Some,
    /// Nothing.
    Nothing,
}

/// Looks, on a thread of its own: what is shut in stays shut in.
pub(super) fn holds() -> Holds {
    let everything = Access { reads: vec!["/".into()], writes: vec!["/".into()] };
    let tried = std::thread::spawn(move || confined(&everything)).join();
    match tried {
        Ok(Ok(RulesetStatus::FullyEnforced)) => Holds::All,
        Ok(Ok(RulesetStatus::PartiallyEnforced)) => Holds::Some,
        Ok(Ok(RulesetStatus::NotEnforced) | Err(_)) | Err(_) => Holds::Nothing,
    }
}

fn refused(error: &landlock::RulesetError) -> StackError {
    StackError::Refused {
        doing: "keep a component from files that are not its own".to_owned(),
        cause: error.to_string(),
    }
}

/// The folder that holds a program with what belongs to it: `/x/jdk` of `/x/jdk/bin/java`.
pub(super) fn home_of(program: &Utf8Path) -> Option<Utf8PathBuf> {
    let real = program.canonicalize_utf8().ok()?;
    let folder = real.parent()?;
    // All of the machine would be no wall.
    let home = folder.parent().filter(|home| home.parent().is_some());
    Some(home.unwrap_or(folder).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a thread can do once it is shut in. Where the kernel has no wall there is nothing to see.
    fn within<T: Send>(reach: &Access, act: impl FnOnce() -> T + Send) -> Option<T> {
        let act = || {
            let status = confined(reach).unwrap();
            (status != RulesetStatus::NotEnforced).then(act)
        };
        std::thread::scope(|scope| scope.spawn(act).join()).unwrap()
    }

    #[test]
    fn what_is_not_in_reach_is_neither_read_nor_written() {
        let temporary = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(temporary.path()).unwrap();
        for name in ["own", "lent", "foreign"] {
            fs_err::create_dir(root.join(name)).unwrap();
            fs_err::write(root.join(name).join("file"), name).unwrap();
        }
        let reach = Access { reads: vec![root.join("lent")], writes: vec![root.join("own")] };
        let read = |name: &str| fs_err::read(root.join(name).join("file")).is_ok();
        let write = |name: &str| fs_err::write(root.join(name).join("new"), "").is_ok();
        let can = within(&reach, || {
            let link = fs_err::hard_link;
            (
                [read("own"), read("lent"), read("foreign")],
                [write("own"), write("lent"), write("foreign")],
                link(root.join("lent/file"), root.join("own/link")).is_ok(),
                fs_err::read("/etc/passwd").is_ok() && fs_err::write("/dev/null", "x").is_ok(),
            )
        });
        let Some(can) = can else { return };
        assert_eq!(can, ([true, true, false], [true, false, false], false, true));
    }

    #[test]
    fn a_program_comes_with_what_lies_beside_it() {
        let shell = home_of("/bin/sh".into()).unwrap();
        assert!(shell == "/usr" || shell == "/bin", "{shell}");
        assert_eq!(home_of("/no/such/bin/program".into()), None);
    }
}
