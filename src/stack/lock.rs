//! Locks on files: the kernel frees them however their holder ends, and a child does not inherit
//! them.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use camino::Utf8Path;

use super::error::StackError;
use super::paths::Paths;
use super::process::Process;
use super::{Say, control, files, paths};
use crate::client::clock::Stopwatch;
use crate::client::wait::{self, Look, WaitError};

/// A wait that takes longer is told.
const TELL_AFTER: Duration = Duration::from_secs(2);

/// How many may hold a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// As many as like.
    Shared,
    /// One.
    Exclusive,
}

/// A lock that is held; free when dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock unless somebody holds it against us. The file is made if it is not there.
    pub(super) fn try_take(path: &Utf8Path, mode: Mode) -> io::Result<Option<Self>> {
        loop {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                // A lock needs no more than to be opened: whoever can read it can hold it.
                .mode(files::OURS)
                .open(path)?;
            let taken = match mode {
                Mode::Shared => file.try_lock_shared(),
                Mode::Exclusive => file.try_lock(),
            };
            match taken {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // Whoever ended the stack may have removed the file between the opening and the
            // locking; a lock on a removed file would exclude nobody.
            if is_at(&file, path)? {
                return Ok(Some(Self { _file: file }));
            }
        }
    }

    /// Takes the lock, or says after `limit` that `what` did not end. Whom a wait is for is told
    /// soon.
    pub(super) async fn take(
        path: &Utf8Path,
        mode: Mode,
        (limit, what): (Duration, &str),
        say: Say<'_>,
    ) -> Result<Self, StackError> {
        let watch = Stopwatch::start();
        let told = AtomicBool::new(false);
        let got = wait::until(what, limit, || async {
            Ok(match Self::try_take(path, mode) {
                Ok(Some(lock)) => Look::Holds(lock),
                Ok(None) => {
                    let held = format!("{} holds {path}", holders(path));
                    if watch.elapsed() >= TELL_AFTER
                        && let Some(keeper) = stopped_keeper(path)?
                    {
                        return Err(control::stopped(keeper));
                    }
                    if watch.elapsed() >= TELL_AFTER && !told.swap(true, Ordering::Relaxed) {
                        say(&format!("waiting for {what}: {held}"));
                    }
                    Look::NotYet(held)
                }
                // Whoever ended the stack removed the folder just now.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    paths::make_state_folder(path.parent().unwrap_or(path))?;
                    Look::NotYet(format!("{path} was removed"))
                }
                Err(error) => return Err(StackError::io(format!("lock {path}"), &error)),
            })
        })
        .await;
        got.map_err(WaitError::flatten)
    }

    /// Whether somebody holds it exclusively. Looking takes it shared for a moment, so that
    /// lookers do not see each other. A file that is not there is not held.
    pub(super) fn is_held(path: &Utf8Path) -> io::Result<bool> {
        if !path.exists() {
            return Ok(false);
        }
        Ok(Self::try_take(path, Mode::Shared)?.is_none())
    }
}

/// The keeper beside whose files the lock lies, if it holds the lock and somebody stopped it: it
/// sweeps under the locks of the others, and stopped then would keep them for good.
fn stopped_keeper(path: &Utf8Path) -> Result<Option<u32>, StackError> {
    let state = path.parent().unwrap_or(path);
    let keeper = files::read_json::<Process>(&Paths::new(state, state).keeper_process())?;
    let keeper = keeper.filter(|keeper| keeper.is_stopped() && of_lock(path).contains(&keeper.pid));
    Ok(keeper.map(|keeper| keeper.pid))
}

/// The processes that hold a lock, as far as the kernel tells.
fn of_lock(path: &Utf8Path) -> Vec<u32> {
    let locks = fs_err::read_to_string("/proc/locks").unwrap_or_default();
    let found = std::fs::metadata(path).map(|found| found.ino());
    found.map(|inode| pids(&locks, inode)).unwrap_or_default()
}

/// Who holds a lock, as far as the kernel tells.
fn holders(path: &Utf8Path) -> String {
    let named = of_lock(path).into_iter().filter_map(Process::described);
    let named: Vec<String> = named.collect();
    if named.is_empty() { "another process".to_owned() } else { named.join(", ") }
}

/// The processes that hold a whole-file lock on the file with this number, in lines of
/// `/proc/locks` as `1: FLOCK  ADVISORY  WRITE 743 fe:00:1590 0 EOF`. The device before the number is
/// left aside: some file systems show another one there.
fn pids(locks: &str, inode: u64) -> Vec<u32> {
    let held = locks.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        // A waiting one has an arrow before its kind.
        let ["FLOCK", _, _, pid, file, ..] = fields.get(1..)? else { return None };
        let (_, number) = file.rsplit_once(':')?;
        (number.parse() == Ok(inode)).then(|| pid.parse().ok()).flatten()
    });
    held.collect()
}

fn is_at(file: &File, path: &Utf8Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(there) => Ok(there.ino() == ours.ino() && there.dev() == ours.dev()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use camino::Utf8PathBuf;

    use super::*;

    fn lock_file() -> (tempfile::TempDir, Utf8PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(folder.path().join("x.lock")).unwrap();
        (folder, path)
    }

    #[test]
    fn shared_holders_keep_an_exclusive_one_out() {
        let (_folder, path) = lock_file();
        let one = Lock::try_take(&path, Mode::Shared).unwrap();
        let two = Lock::try_take(&path, Mode::Shared).unwrap();
        assert!(one.is_some() && two.is_some());
        assert!(Lock::try_take(&path, Mode::Exclusive).unwrap().is_none());
        assert!(!Lock::is_held(&path).unwrap());
        drop((one, two));
        let alone = Lock::try_take(&path, Mode::Exclusive).unwrap();
        assert!(alone.is_some());
        assert!(Lock::is_held(&path).unwrap());
    }

    #[test]
    fn a_lock_on_a_removed_file_excludes_nobody() {
        let (_folder, path) = lock_file();
        let _old = Lock::try_take(&path, Mode::Exclusive).unwrap().unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(Lock::try_take(&path, Mode::Exclusive).unwrap().is_some());
    }

    #[test]
    fn the_holders_of_a_lock_are_found_by_its_file() {
        let locks = "1: FLOCK  ADVISORY  WRITE 743 fe:00:1590 0 EOF\n\
                     1: -> FLOCK  ADVISORY  WRITE 800 fe:00:1590 0 EOF\n\
                     2: POSIX  ADVISORY  READ 9 fe:00:1590 0 10\n\
                     3: FLOCK  ADVISORY  READ 744 00:1b:1590 0 EOF\n\
                     4: FLOCK  ADVISORY  READ 745 fe:00:15901 0 EOF\n";
        assert_eq!(pids(locks, 1590), [743, 744]);
    }

    #[test]
    fn a_lock_is_its_owners_alone() {
        let (_folder, path) = lock_file();
        let _lock = Lock::try_take(&path, Mode::Shared).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    }

    #[tokio::test]
    async fn a_long_wait_says_for_whom() {
        let (_folder, path) = lock_file();
        let _held = Lock::try_take(&path, Mode::Exclusive).unwrap();
        let told = std::sync::Mutex::new(Vec::new());
        let say = |line: &str| told.lock().unwrap().push(line.to_owned());
        let limit = TELL_AFTER + Duration::from_millis(300);
        let taken = Lock::take(&path, Mode::Shared, (limit, "the test"), &say).await;
        assert!(taken.is_err());
        let told = told.lock().unwrap();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("waiting for the test: "), "{told:?}");
        assert!(told[0].contains(&std::process::id().to_string()), "{told:?}");
    }

    #[test]
    fn nobody_holds_a_lock_that_is_not_there() {
        let (_folder, path) = lock_file();
        assert!(!Lock::is_held(&path).unwrap());
        assert!(!path.exists());
    }
}
