//! Names of the files below the cache and the state folder.

use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};

use camino::{Utf8Path, Utf8PathBuf};

use super::error::{Doing, StackError};
use super::{StackOptions, files, machine};

/// The files of one state folder and one cache folder.
#[derive(Debug, Clone)]
pub(super) struct Paths {
    state: Utf8PathBuf,
    cache: Utf8PathBuf,
}

impl Paths {
    pub(super) fn of(options: &StackOptions) -> Self {
        Self::new(&options.state, &options.cache)
    }

    pub(super) fn new(state: &Utf8Path, cache: &Utf8Path) -> Self {
        Self { state: state.to_owned(), cache: cache.to_owned() }
    }

    pub(super) fn state(&self) -> &Utf8Path {
        &self.state
    }

    /// Held for a moment by everyone who takes a lease, and for as long as starting takes.
    pub(super) fn gate(&self) -> Utf8PathBuf {
        self.state.join("gate.lock")
    }

    /// Held shared by every run, exclusively by one that needs the stack alone.
    pub(super) fn lease(&self) -> Utf8PathBuf {
        self.state.join("lease.lock")
    }

    /// Held by the keeper for its whole life.
    pub(super) fn keeper(&self) -> Utf8PathBuf {
        self.state.join("keeper.lock")
    }

    /// Which process the keeper is.
    pub(super) fn keeper_process(&self) -> Utf8PathBuf {
        self.state.join("keeper.json")
    }

    /// What the keepers did, for people.
    pub(super) fn keeper_log(&self) -> Utf8PathBuf {
        self.state.join("keeper.log")
    }

    /// There while, and only while, the stack is ready.
    pub(super) fn record(&self) -> Utf8PathBuf {
        self.state.join("stack.json")
    }

    /// There while the stack must not end by itself.
    pub(super) fn held(&self) -> Utf8PathBuf {
        self.state.join("held")
    }

    /// Where the keeper is asked.
    pub(super) fn control(&self) -> Utf8PathBuf {
        self.state.join("control")
    }

    pub(super) fn claims(&self) -> Utf8PathBuf {
        self.state.join("claims")
    }

    /// Names of production that runs claim for their topics: links to the runs' claims.
    pub(super) fn topics(&self) -> Utf8PathBuf {
        self.state.join("topics")
    }

    /// Folders of runs, named after their claims.
    pub(super) fn work(&self) -> Utf8PathBuf {
        self.state.join("work")
    }

    /// What the keeper is to do.
    pub(super) fn order(&self, token: &str) -> Utf8PathBuf {
        self.state.join(format!("start-{token}.json"))
    }

    /// What the keeper says while it starts, a line each.
    pub(super) fn progress(&self, token: &str) -> Utf8PathBuf {
        self.state.join(format!("start-{token}.progress"))
    }

    /// Why the keeper gave up.
    pub(super) fn failure(&self, token: &str) -> Utf8PathBuf {
        self.state.join(format!("start-{token}.failure"))
    }

    /// Data, configuration and logs of one start.
    pub(super) fn run(&self, token: &str) -> Utf8PathBuf {
        self.state.join(format!("run-{token}"))
    }

    /// The logs of the last stack that failed.
    pub(super) fn last_failure(&self) -> Utf8PathBuf {
        self.state.join("last-failure")
    }

    pub(super) fn jars(&self) -> Utf8PathBuf {
        self.cache.join("jars")
    }

    pub(super) fn templates(&self) -> Utf8PathBuf {
        self.cache.join("templates")
    }

    pub(super) fn cds(&self) -> Utf8PathBuf {
        self.cache.join("cds")
    }

    /// Held by whoever fills the cache.
    pub(super) fn cache_lock(&self) -> Utf8PathBuf {
        self.cache.join("fill.lock")
    }

    /// Makes both folders, and closes the state folder to others if it is open to them.
    pub(super) fn prepare(&self) -> Result<(), StackError> {
        fs_err::create_dir_all(&self.cache).doing("make the cache folder")?;
        make_state_folder(&self.state)?;
        self.is_ours()?;
        // It may have been there, and open.
        files::let_pass(&self.state, machine::unprivileged()?)
            .doing("close the state folder to other users")
    }

    /// Whether the state folder is there. It may stand where everybody can write, so one that
    /// belongs to somebody else is refused.
    pub(super) fn is_ours(&self) -> Result<bool, StackError> {
        let found = match fs_err::symlink_metadata(&self.state) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            found => found.doing("look at the state folder")?,
        };
        if !found.is_dir() || found.uid() != rustix::process::getuid().as_raw() {
            return Err(StackError::Missing {
                what: format!("{} is not a folder of this user", self.state),
                mend: "name another folder in CHANGEPROOF_STATE".to_owned(),
            });
        }
        Ok(true)
    }
}

/// Makes a state folder, unless it is there.
pub(super) fn make_state_folder(folder: &Utf8Path) -> Result<(), StackError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o711)
        .create(folder)
        .doing(&format!("make the folder {folder}"))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_state_folder_is_closed_and_one_of_somebody_else_refused() {
        let temporary = tempfile::tempdir().unwrap();
        let base = Utf8Path::from_path(temporary.path()).unwrap();
        let paths = |state: &str| Paths { state: base.join(state), cache: base.join("cache") };
        let open = paths("open");
        assert!(!open.is_ours().unwrap());
        fs_err::create_dir(open.state()).unwrap();
        fs_err::set_permissions(open.state(), Permissions::from_mode(0o777)).unwrap();
        open.prepare().unwrap();
        assert!(open.is_ours().unwrap());
        let mode = fs_err::metadata(open.state()).unwrap().permissions().mode();
        assert_eq!(mode & 0o7067, 0, "{mode:o}");
        // Whoever can write where it will stand can put a link there.
        std::os::unix::fs::symlink(open.state(), base.join("link")).unwrap();
        assert!(paths("link").is_ours().is_err());
        assert!(paths("link").prepare().is_err());
    }
}
