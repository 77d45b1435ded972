//! Claims: each run names itself in a locked file before it makes anything. A claim whose lock is
//! free belongs to a run that was killed, and what starts with its name is removed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use camino::Utf8PathBuf;

use super::StackOptions;
use super::error::{Doing, StackError};
use super::files;
use super::infra;
use super::lock::{Lock, Mode};
use super::paths::Paths;
use crate::client::clock;

/// What everything starts with that any run makes on a stack.
pub const PREFIX: &str = "cp_";

/// A run's name on the stack.
#[derive(Debug)]
pub struct Claim {
    /// Ten characters, `0`-`9` and `a`-`f`, like no other run's.
    pub token: String,
    /// A folder for files of the run, gone with the claim. Made when this claim is made.
    pub folder: Utf8PathBuf,
    file: Utf8PathBuf,
    _lock: Lock,
}

impl Claim {
    /// `cp_<token>`: the name of the run's database, slot, connector and Flink job, and the start
    /// of every other name that it makes.
    pub fn name(&self) -> String {
        format!("{PREFIX}{}", self.token)
    }

    /// Ends the claim: everything that was made under its name is gone. A claim that is merely
    /// dropped is taken for that of a killed run, and swept.
    pub fn release(self) -> Result<(), StackError> {
        files::remove(&self.folder)?;
        files::remove(&self.file)
    }
}

/// Claims a name for a run. `run` is for people who look at the claims.
pub fn claim(options: &StackOptions, run: &str) -> Result<Claim, StackError> {
    let paths = Paths::of(options);
    fs_err::create_dir_all(paths.claims()).doing("make the folder of the claims")?;
    loop {
        let token = token();
        let file = paths.claims().join(&token);
        // Somebody who sweeps may be looking at the file that we have just made.
        let Some(lock) = Lock::try_take(&file, Mode::Exclusive).doing("lock a claim")? else {
            continue;
        };
        let folder = paths.work().join(format!("{PREFIX}{token}"));
        fs_err::create_dir_all(&folder).doing("make a folder for the run")?;
        fs_err::write(&file, run).doing("write a claim")?;
        return Ok(Claim { token, folder, file, _lock: lock });
    }
}

/// A name that no other start or run has: from the time, the process and a counter.
pub(super) fn token() -> String {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let nth = MADE.fetch_add(1, Ordering::Relaxed);
    let since = clock::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let unique = format!("{} {} {nth}", since.as_nanos(), std::process::id());
    let mut token = infra::digest([unique.as_str()]);
    token.truncate(10);
    token
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ() {
        assert_ne!(token(), token());
        assert_eq!(token().len(), 10);
    }
}
