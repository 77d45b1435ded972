//! What the system lets one user have at most, where it says so.

use camino::Utf8Path;
use rustix::process::{Resource, getrlimit};

/// Which limit a number is, for people, and the number.
pub(super) type Limit = (&'static str, u64);

/// The open files that a process may have. JVMs and Postgres raise their own limit to the hard one.
pub(super) fn open_files() -> Option<Limit> {
    getrlimit(Resource::Nofile).maximum.map(|most| ("ulimit -Hn", most))
}

/// The processes and threads that this user, or this container, may have: the lower one.
pub(super) fn processes() -> Option<Limit> {
    let of_user = getrlimit(Resource::Nproc).current.map(|most| ("ulimit -u", most));
    let of_container =
        ["/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max"].iter().find_map(number);
    let of_container = of_container.map(|most| ("pids.max of the container", most));
    of_user.into_iter().chain(of_container).min_by_key(|(_, most)| *most)
}

/// The memory that programs can still have, in bytes: the machine's or the container's, whichever is
/// less.
pub(super) fn available_memory() -> Option<u64> {
    of_machine().into_iter().chain(of_container()).min()
}

fn of_machine() -> Option<u64> {
    let text = fs_err::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

fn of_container() -> Option<u64> {
    let folders = [
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        (
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        ),
    ];
    let (most, used) =
        folders.iter().find_map(|(most, used)| Some((number(most)?, number(used)?)))?;
    Some(most.saturating_sub(used))
}

/// The number that a file holds; one that says `max` holds none.
fn number(path: impl AsRef<Utf8Path>) -> Option<u64> {
    fs_err::read_to_string(path.as_ref().as_std_path()).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_holds_no_number_sets_no_limit() {
        let temporary = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(temporary.path()).unwrap().join("pids.max");
        assert_eq!(number(&path), None);
        fs_err::write(&path, "max\n").unwrap();
        assert_eq!(number(&path), None);
        fs_err::write(&path, "512\n").unwrap();
        assert_eq!(number(&path), Some(512));
    }

    #[test]
    fn there_is_memory_for_this_test() {
        assert!(available_memory().is_some_and(|bytes| bytes > 0));
    }
}
