//! Names of the files below the cache and the state folder.

use std::os::unix::fs::{DirBuilderExt, MetadataExt};

use camino::{Utf8Path, Utf8PathBuf};

use super::StackOptions;
use super::error::{Doing, StackError};

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

    /// Makes both folders. The state folder may stand where everybody can write, so one that
    /// belongs to somebody else is refused.
    pub(super) fn prepare(&self) -> Result<(), StackError> {
        fs_err::create_dir_all(&self.cache).doing("make the cache folder")?;
        make_state_folder(&self.state)?;
        let found = fs_err::symlink_metadata(&self.state).doing("look at the state folder")?;
        if !found.is_dir() || found.uid() != rustix::process::getuid().as_raw() {
            return Err(StackError::Missing {
                what: format!("{} is not a folder of this user", self.state),
                mend: "name another folder in CHANGEPROOF_STATE".to_owned(),
            });
        }
        Ok(())
    }
}

/// Makes a folder that everybody can enter, because Postgres may run as another user.
pub(super) fn make_state_folder(folder: &Utf8Path) -> Result<(), StackError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(folder)
        .doing(&format!("make the folder {folder}"))
}
