//! Locks on files: the kernel frees them however their holder ends, and a child does not inherit
//! them.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use camino::Utf8Path;

use super::error::StackError;
use super::paths;
use crate::client::wait::{self, Look, WaitError};

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

    /// Takes the lock, or says after `limit` that `what` did not end.
    pub(super) async fn take(
        path: &Utf8Path,
        mode: Mode,
        limit: Duration,
        what: &str,
    ) -> Result<Self, StackError> {
        let got = wait::until(what, limit, || async {
            Ok(match Self::try_take(path, mode) {
                Ok(Some(lock)) => Look::Holds(lock),
                Ok(None) => Look::NotYet(format!("another process holds {path}")),
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
    fn nobody_holds_a_lock_that_is_not_there() {
        let (_folder, path) = lock_file();
        assert!(!Lock::is_held(&path).unwrap());
        assert!(!path.exists());
    }
}
