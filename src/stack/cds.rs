//! Class archives (AppCDS): they halve the time that a JVM needs to start.
//!
//! A JVM writes its archive when it ends in an orderly way. So the first stack of a cache runs as
//! any other does and is only ended more gently: its archives then hold the classes that real runs
//! use, and nobody waits for a start that serves nothing else.

use std::io;

use camino::Utf8PathBuf;

use super::error::{Doing, StackError};
use super::files;
use super::infra;
use super::lock::{Lock, Mode};
use super::machine::Machine;
use super::paths::Paths;

/// What the JVMs of one stack do about archives.
#[derive(Debug)]
pub(super) enum Archives {
    /// They start from these.
    Use(Utf8PathBuf),
    /// They write them at their end.
    Make(Making),
    /// Another stack is making them, or the cache cannot be written.
    None,
}

/// Archives that are being written. What is unfinished when this is dropped is removed.
#[derive(Debug)]
pub(super) struct Making {
    part: Utf8PathBuf,
    target: Utf8PathBuf,
    lock_file: Utf8PathBuf,
    /// Another stack must not write the same ones.
    _lock: Lock,
}

impl Drop for Making {
    fn drop(&mut self) {
        for path in [&self.part, &self.lock_file] {
            if let Err(error) = files::remove(path) {
                tracing::warn!("{error}");
            }
        }
    }
}

impl Archives {
    /// Archives fit one class path and one Java only. The command lines are part of the key,
    /// because a module option can make a JVM refuse an archive.
    pub(super) fn find<'j>(
        paths: &Paths,
        machine: &Machine,
        jars: impl IntoIterator<Item = &'j Utf8PathBuf>,
    ) -> Result<Self, StackError> {
        let jars = jars.into_iter().map(|jar| jar.as_str());
        let key = [machine.java.as_str(), &machine.java_version, FORMAT].into_iter().chain(jars);
        let target = paths.cds().join(infra::digest(key));
        if target.is_dir() {
            return Ok(Self::Use(target));
        }
        let lock_file = Utf8PathBuf::from(format!("{target}.lock"));
        let locked = fs_err::create_dir_all(paths.cds())
            .and_then(|()| files::open(&paths.cds()))
            .and_then(|()| Lock::try_take(&lock_file, Mode::Exclusive));
        let lock = match locked {
            Ok(Some(lock)) => lock,
            Ok(None) => return Ok(Self::None),
            // A cache that several share, and one fills.
            Err(error) if is_read_only(&error) => return Ok(Self::None),
            Err(error) => return Err(StackError::io("lock the archives", &error)),
        };
        if target.is_dir() {
            // Another stack finished them between the look and the lock.
            return Ok(Self::Use(target));
        }
        let part = Utf8PathBuf::from(format!("{target}.part"));
        files::remove(&part)?;
        fs_err::create_dir(&part)
            .and_then(|()| files::give(&part, machine.user))
            .doing("make a folder for class archives")?;
        Ok(Self::Make(Making { part, target, lock_file, _lock: lock }))
    }

    /// The argument for the JVM of a component.
    pub(super) fn argument(&self, component: &str) -> Option<String> {
        match self {
            Self::Use(folder) => Some(format!("-XX:SharedArchiveFile={folder}/{component}.jsa")),
            Self::Make(Making { part, .. }) => {
                Some(format!("-XX:ArchiveClassesAtExit={part}/{component}.jsa"))
            }
            Self::None => None,
        }
    }

    /// The folder that the JVMs write to, if they make archives.
    pub(super) fn written_to(&self) -> Option<Utf8PathBuf> {
        if let Self::Make(Making { part, .. }) = self { Some(part.clone()) } else { None }
    }

    /// Whether the JVMs must end in an orderly way.
    pub(super) fn are_made(&self) -> bool {
        matches!(self, Self::Make(_))
    }

    /// Keeps what was written, if all of `components` wrote theirs.
    pub(super) fn keep(self, components: &[&str]) -> Result<bool, StackError> {
        let Self::Make(making) = self else { return Ok(false) };
        let written = |name: &&str| making.part.join(format!("{name}.jsa")).is_file();
        let complete = components.iter().all(written);
        if complete {
            files::publish(&making.part)
                .and_then(|()| files::keep(&making.part, &making.target))
                .doing("keep the class archives")?;
        }
        Ok(complete)
    }
}

fn is_read_only(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied)
}

/// Changed whenever the command lines of the JVMs change in a way that archives notice.
const FORMAT: &str = "1";
