//! Claims: each run names itself in a locked file before it makes anything. A claim whose lock is
//! free belongs to a run that was killed, and what starts with its name is removed.
//!
//! A topic that has the name of production is claimed too, as a link to the run's claim: the same
//! lock holds both, and the name is free for others once the link is gone.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use camino::{Utf8Path, Utf8PathBuf};

use super::StackOptions;
use super::error::{Doing, StackError};
use super::files;
use super::infra;
use super::lock::{Lock, Mode};
use super::machine;
use super::options::OWN;
use super::paths::Paths;
use crate::client::clock;

/// What everything starts with that any run makes on a stack.
pub const PREFIX: &str = "cp_";

/// The last line of a claim that holds after its run: what was made under it is kept.
const KEPT: &str = "\nkept";

/// A run's name on the stack.
#[derive(Debug)]
pub struct Claim {
    /// Ten characters, `0`-`9` and `a`-`f`, like no other run's; with the time in it thirteen, behind
    /// a `t`.
    pub token: String,
    /// A folder for files of the run, gone with the claim. Made when this claim is made.
    pub folder: Utf8PathBuf,
    /// The folder among them in which the components may write.
    pub lake: Utf8PathBuf,
    file: Utf8PathBuf,
    topics: Utf8PathBuf,
    _lock: Lock,
    /// The same name in another folder of claims.
    also: Option<(Utf8PathBuf, Lock)>,
}

impl Claim {
    /// `cp_<token>`: the name of the run's database, slot, connector and Flink job, and the start
    /// of every other name that it makes.
    pub fn name(&self) -> String {
        format!("{PREFIX}{}", self.token)
    }

    /// The same name, claimed in another folder too: what is made on a stack of somebody else's is
    /// swept by the claims there.
    pub(super) fn also_in(mut self, folder: &Utf8Path, run: &str) -> Result<Self, StackError> {
        let file = folder.join(&self.token);
        let lock = Lock::try_take(&file, Mode::Exclusive).doing("lock a claim")?;
        let lock = lock.ok_or_else(|| {
            StackError::Busy(format!("another process holds the claim {file}; try again"))
        })?;
        fs_err::write(&file, run).doing("write a claim")?;
        self.also = Some((file, lock));
        Ok(self)
    }

    /// Claims a name of production for a topic, before it is made. Gives who has it, as a sentence,
    /// if it is not free.
    pub fn topic(&self, name: &str) -> Result<Option<String>, StackError> {
        let path = self.topics.join(name);
        // No broker takes another name, so that there is nothing to claim.
        if path.file_name() != Some(name) {
            return Ok(None);
        }
        files::make_folder(&self.topics).doing("make the folder of claimed topics")?;
        match fs_err::hard_link(&self.file, &path) {
            Ok(()) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.holder(&path),
            Err(error) => Err(StackError::io(format!("claim the topic {name}"), &error)),
        }
    }

    fn holder(&self, path: &Utf8Path) -> Result<Option<String>, StackError> {
        if self.is_at(path) {
            return Ok(None);
        }
        // Gone in between, it is tried again.
        let text = fs_err::read_to_string(path).unwrap_or_default();
        let run = text.strip_suffix(KEPT).unwrap_or(&text);
        let lives = Lock::is_held(path).doing("look at a claimed topic")?;
        let state = if lives {
            "has it"
        } else if run.len() < text.len() {
            "is kept with it; `changeproof prune --kept` lets it go"
        } else {
            "was killed, and what it left is being swept"
        };
        Ok(Some(format!("the run `{run}` {state}")))
    }

    fn is_at(&self, path: &Utf8Path) -> bool {
        let node =
            |path: &Utf8Path| fs_err::metadata(path).map(|file| (file.dev(), file.ino())).ok();
        node(path).is_some_and(|there| node(&self.file) == Some(there))
    }

    /// Lets the claim hold after this process: nothing that was made under it is swept, until
    /// [`let_go`] or the end of the stack.
    pub fn keep(&self) -> Result<(), StackError> {
        for file in
            [Some(&self.file), self.also.as_ref().map(|(file, _)| file)].into_iter().flatten()
        {
            let run = fs_err::read_to_string(file).doing("read a claim")?;
            fs_err::write(file, run + KEPT).doing("keep a claim")?;
        }
        Ok(())
    }

    /// Ends the claim: everything that was made under its names is gone. A claim that is merely
    /// dropped is taken for that of a killed run, and swept.
    pub fn release(&self) -> Result<(), StackError> {
        for topic in files::names(&self.topics, "") {
            let path = self.topics.join(topic);
            if self.is_at(&path) {
                files::remove(&path)?;
            }
        }
        files::remove(&self.folder)?;
        if let Some((file, _)) = &self.also {
            files::remove(file)?;
        }
        files::remove(&self.file)
    }
}

/// Claims a name for a run. `run` is for people who look at the claims.
pub fn claim(options: &StackOptions, run: &str) -> Result<Claim, StackError> {
    claim_as(options, run, token)
}

/// The same with a token that tells when it was made: what bears it is swept by its age where nobody
/// has the claims, as after a night on a machine that is gone.
pub(super) fn claim_with_time(options: &StackOptions, run: &str) -> Result<Claim, StackError> {
    claim_as(options, run, timed_token)
}

fn claim_as(
    options: &StackOptions,
    run: &str,
    token: impl Fn() -> String,
) -> Result<Claim, StackError> {
    let paths = Paths::of(options);
    paths.prepare()?;
    files::make_folder(&paths.claims()).doing("make the folder of the claims")?;
    loop {
        let token = token();
        let file = paths.claims().join(&token);
        // Somebody who sweeps may be looking at the file that we have just made.
        let Some(lock) = Lock::try_take(&file, Mode::Exclusive).doing("lock a claim")? else {
            continue;
        };
        let folder = paths.work().join(format!("{PREFIX}{token}"));
        let lake = folder.join("lake");
        make_folders([&paths.work(), &folder], &lake).doing("make a folder for the run")?;
        fs_err::write(&file, run).doing("write a claim")?;
        return Ok(Claim {
            token,
            folder,
            lake,
            file,
            topics: paths.topics(),
            _lock: lock,
            also: None,
        });
    }
}

/// Whether a claim holds after its run.
pub(super) fn is_kept(claim: &Utf8Path) -> bool {
    fs_err::read_to_string(claim).is_ok_and(|text| text.ends_with(KEPT))
}

/// Ends the claims of runs that were kept and whose token is `wanted`, on all stacks of these options:
/// the keeper of each sweeps what was made under them. Gives the names of these runs.
pub fn let_go(
    options: &StackOptions,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<String>, StackError> {
    let below = |folder: Utf8PathBuf| {
        files::names(&folder, "").into_iter().map(move |name| folder.join(name).join("claims"))
    };
    let shared = options.state.join("claims");
    let folders = std::iter::once(shared)
        .chain(below(options.state.join(OWN)))
        .chain(below(options.cache.join("attached")));
    let mut gone = Vec::new();
    for folder in folders {
        for token in files::names(&folder, "").into_iter().filter(|token| wanted(token)) {
            let file = folder.join(token);
            let Ok(text) = fs_err::read_to_string(&file) else { continue };
            let Some(run) = text.strip_suffix(KEPT) else { continue };
            fs_err::write(&file, run).doing("let a claim go")?;
            gone.push(run.to_owned());
        }
    }
    gone.dedup();
    Ok(gone)
}

/// Makes folders that the components pass through, and below them one of theirs.
fn make_folders(passed: [&Utf8Path; 2], theirs: &Utf8Path) -> io::Result<()> {
    let user = machine::unprivileged().ok().flatten();
    for folder in passed {
        files::make_folder(folder)?;
        files::let_pass(folder, user)?;
    }
    files::make_folder(theirs)?;
    files::give(theirs, user)
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

/// What begins a token that tells when it was made: no digit of the others.
const TIMED: char = 't';
/// Digits of the minutes since 1970, in hexadecimal form: enough for 500 years.
const MINUTES: usize = 7;
/// Digits that no other run has.
const UNIQUE: usize = 5;

fn timed_token() -> String {
    let minutes = clock::now_ms() / 60_000;
    let unique: String = token().chars().take(UNIQUE).collect();
    format!("{TIMED}{minutes:0MINUTES$x}{unique}")
}

/// The token with a time in it that a name begins with behind `cp_` (or `cp-`, in the names of
/// statements), and its age.
pub(super) fn timed(name: &str) -> Option<(&str, Duration)> {
    let rest = name.strip_prefix(PREFIX).or_else(|| name.strip_prefix("cp-"))?;
    let token = rest.get(..1 + MINUTES + UNIQUE)?;
    let digits = token.strip_prefix(TIMED)?;
    let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let ends = rest.get(token.len()..)?.chars().next().is_none_or(|next| !next.is_alphanumeric());
    if !ends || !digits.chars().all(is_digit) {
        return None;
    }
    let minutes = i64::from_str_radix(digits.get(..MINUTES)?, 16).ok()?;
    let age_ms = clock::now_ms().saturating_sub(minutes.saturating_mul(60_000));
    Some((token, Duration::from_millis(u64::try_from(age_ms).ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timed_token_tells_its_age_and_no_other_does() {
        let token = timed_token();
        assert_ne!(token, timed_token());
        for name in [format!("cp_{token}"), format!("cp_{token}.cdc.a"), format!("cp-{token}-1")] {
            let (found, age) = timed(&name).unwrap();
            assert_eq!(found, token);
            assert!(age < Duration::from_mins(2), "{age:?}");
        }
        for name in
            ["cp_0123456789", "cp_t012", "orders", "cp_tzzzzzzzzzzzz", &format!("x_{token}")]
        {
            assert_eq!(timed(name), None, "{name}");
        }
        assert_eq!(timed(&format!("cp_{token}9_source")), None);
        let (_, age) = timed("cp_t000000000000").unwrap();
        assert!(age > Duration::from_hours(24 * 365 * 50));
    }

    #[test]
    fn tokens_differ() {
        assert_ne!(token(), token());
        assert_eq!(token().len(), 10);
    }
}
