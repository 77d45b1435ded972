//! The run directory: everything that is needed to judge the run again and to repeat it.
//!
//! ```text
//! .changeproof/runs/<time>-<token>/
//!   files/…            scenario and pipeline as they were read, secrets apart
//!   effective/…        connector, statements as submitted, versions, the command that repeats it
//!   history.jsonl      what was seen (or packed, history.cph)
//!   lake/…             what the statements wrote as files, if they did
//!   verdict.json       what it was judged to be
//!   logs/…             the ends of the components' logs, if something failed
//! ```
//!
//! None of it shows a secret of the author's files: such values are replaced by `…`.

use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::DirBuilderExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::Access;
use serde::Serialize;

use crate::base::secret::Secrets;

/// How many run directories are kept.
const KEPT: usize = 200;
/// How much of the end of a log is kept, in bytes.
const LOG_END: u64 = 64 * 1024;

/// A run directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder(Utf8PathBuf);

/// The disk, or whoever owns it, refuses.
#[derive(Debug, thiserror::Error)]
#[error("the run directory cannot be written: {0}")]
pub struct FolderError(#[from] std::io::Error);

impl FolderError {
    /// The disk is full: a trouble of the machine, and not of the folder that was chosen.
    pub fn is_full(&self) -> bool {
        self.0.kind() == std::io::ErrorKind::StorageFull
    }
}

/// Whether run directories can be made below `runs`, which is made if it is not there. Looked at
/// before a stack is started for them.
pub fn check(runs: &Utf8Path) -> Result<(), FolderError> {
    // A folder whose path is no text could not be told to the components.
    let runs = camino::absolute_utf8(runs)?;
    fs_err::create_dir_all(&runs)?;
    leave_to_no_git(&runs)?;
    let refused = |error: rustix::io::Errno| {
        let error = std::io::Error::from(error);
        std::io::Error::new(error.kind(), format!("{runs}: {error}"))
    };
    let wanted = Access::WRITE_OK | Access::EXEC_OK;
    Ok(rustix::fs::access(runs.as_std_path(), wanted).map_err(refused)?)
}

/// Has git ignore all that runs keep, wherever it is told to look: rows, logs, copies.
fn leave_to_no_git(runs: &Utf8Path) -> std::io::Result<()> {
    let file = runs.parent().unwrap_or(runs).join(".gitignore");
    if file.exists() { Ok(()) } else { fs_err::write(file, "*\n") }
}

impl Folder {
    /// Makes the directory of run `name`, with the files that were read for it.
    pub fn create(
        runs: &Utf8Path,
        name: &str,
        sources: &[(Utf8PathBuf, String)],
        secrets: &Secrets,
    ) -> Result<Self, FolderError> {
        let folder = Self(runs.join(name));
        // The author's files and rows are in it.
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder.0)?;
        for (path, text) in sources {
            folder.write(&Utf8Path::new("files").join(inside(path)), &secrets.hidden(text))?;
        }
        Ok(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Utf8Path {
        &self.0
    }

    /// Keeps what was written as files. Only files and folders: a link could lead anywhere. What has gone
    /// with a stack that was lost is left out.
    pub fn keep_lake(&self, written: &Utf8Path) -> Result<(), FolderError> {
        match copy_files(written, &self.0.join("lake")) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !written.exists() => {
                Ok(())
            }
            copied => Ok(copied?),
        }
    }

    /// The history's file.
    pub fn history(&self) -> Utf8PathBuf {
        self.0.join("history.jsonl")
    }

    /// Writes a text to a file below the directory.
    pub fn write(&self, file: &Utf8Path, text: &str) -> Result<(), FolderError> {
        let path = self.0.join(file);
        if let Some(parent) = path.parent() {
            fs_err::create_dir_all(parent)?;
        }
        Ok(fs_err::write(path, text)?)
    }

    /// Writes something as JSON for people.
    pub fn write_json(&self, file: &str, content: &impl Serialize) -> Result<(), FolderError> {
        let mut text = serde_json::to_string_pretty(content).map_err(std::io::Error::from)?;
        text.push('\n');
        self.write(Utf8Path::new(file), &text)
    }

    /// Keeps the end of a component's log, of what was written behind byte `since`, when the run
    /// began: what stands before belongs to other runs. A log that is not there is left out.
    pub fn keep_log(
        &self,
        (component, log): (&str, &Utf8Path),
        since: u64,
        secrets: &Secrets,
    ) -> Result<(), FolderError> {
        let Ok(mut file) = fs_err::File::open(log) else { return Ok(()) };
        let length = file.metadata()?.len();
        // A log that is shorter now was begun anew.
        let since = if since > length { 0 } else { since };
        let start = since.max(length.saturating_sub(LOG_END));
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(LOG_END).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        // The first line was probably cut.
        let whole = match text.split_once('\n') {
            Some((_, rest)) if start > since => rest,
            _ => &text,
        };
        self.write(&Utf8Path::new("logs").join(format!("{component}.log")), &secrets.hidden(whole))
    }
}

/// Copies the files of a folder and of those below; a folder without any is left out.
fn copy_files(from: &Utf8Path, to: &Utf8Path) -> std::io::Result<()> {
    for entry in from.read_dir_utf8()? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy_files(entry.path(), &target)?;
        } else if kind.is_file() {
            fs_err::create_dir_all(to)?;
            fs_err::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Removes the oldest run directories beyond the last two hundred. What cannot be removed now is
/// removed by a later run.
pub fn prune(runs: &Utf8Path) {
    let names = recorded(runs);
    let surplus = names.len().saturating_sub(KEPT);
    for name in names.iter().take(surplus) {
        if let Err(error) = fs_err::remove_dir_all(runs.join(name)) {
            tracing::debug!("an old run directory stays: {error}");
        }
    }
}

/// The names of the run directories, the oldest first. What is no directory itself is none.
pub fn recorded(runs: &Utf8Path) -> Vec<String> {
    let Ok(entries) = runs.read_dir_utf8() else { return Vec::new() };
    let own = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let names = own.map(|entry| entry.file_name().to_owned());
    let mut names: Vec<String> = names.filter(|name| is_run(name)).collect();
    names.sort();
    names
}

/// Whether a run was judged.
pub fn has_ended(folder: &Utf8Path) -> bool {
    folder.join("verdict.json").exists()
}

/// `20250101-235959-0123456789`: nothing else in the folder is ours to remove.
fn is_run(name: &str) -> bool {
    let parts: Vec<_> = name.split('-').collect();
    let digits =
        |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    matches!(parts.as_slice(), [day, time, token]
        if digits(day, 8) && digits(time, 6) && token.len() == 10)
}

/// A path that stays inside the folder it is joined to.
fn inside(path: &Utf8Path) -> Utf8PathBuf {
    use camino::Utf8Component;
    let parts = path.components().filter_map(|component| match component {
        Utf8Component::Normal(part) => Some(part),
        Utf8Component::ParentDir => Some("up"),
        Utf8Component::Prefix(_) | Utf8Component::RootDir | Utf8Component::CurDir => None,
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_anywhere_are_kept_inside() {
        assert_eq!(inside("../../flink-sql/p.yaml".into()), "up/up/flink-sql/p.yaml");
        assert_eq!(inside("/etc/./p.yaml".into()), "etc/p.yaml");
    }

    #[test]
    fn a_run_directory_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let runs = Utf8Path::from_path(folder.path()).unwrap().join("runs");
        let run =
            Folder::create(&runs, "20250101-000000-0123456789", &[], &Secrets::none()).unwrap();
        let mode = fs_err::metadata(run.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o700);
    }

    #[test]
    fn what_was_written_is_kept_and_no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let runs = Utf8Path::from_path(folder.path()).unwrap();
        let lake = runs.join("work");
        fs_err::create_dir_all(lake.join("bucket/table")).unwrap();
        fs_err::create_dir_all(lake.join("empty")).unwrap();
        fs_err::write(lake.join("bucket/table/part"), "rows").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", lake.join("bucket/link")).unwrap();
        let run =
            Folder::create(runs, "20250101-000000-0123456789", &[], &Secrets::none()).unwrap();
        run.keep_lake(&lake).unwrap();
        let kept = run.path().join("lake");
        assert_eq!(fs_err::read_to_string(kept.join("bucket/table/part")).unwrap(), "rows");
        assert!(!kept.join("bucket/link").exists() && !kept.join("empty").exists());
        // A stack that is lost takes its folders with it.
        fs_err::remove_dir_all(&lake).unwrap();
        run.keep_lake(&lake).unwrap();
    }

    #[test]
    fn only_the_oldest_runs_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let runs = Utf8Path::from_path(folder.path()).unwrap();
        fs_err::create_dir(runs.join("mine")).unwrap();
        for n in 0..KEPT + 2 {
            Folder::create(runs, &format!("20250101-{n:06}-0123456789"), &[], &Secrets::none())
                .unwrap();
        }
        prune(runs);
        assert!(runs.join("mine").exists());
        assert!(!runs.join("20250101-000001-0123456789").exists());
        assert!(runs.join("20250101-000002-0123456789").exists());
    }

    #[test]
    fn the_end_of_a_log_begins_with_a_whole_line_of_this_run() {
        let folder = tempfile::tempdir().unwrap();
        let runs = Utf8Path::from_path(folder.path()).unwrap();
        let log = runs.join("kafka.log");
        fs_err::write(&log, format!("{}\nof others\nlast line\n", "x".repeat(70_000))).unwrap();
        let mut secrets = Secrets::none();
        let run = Folder::create(runs, "20250101-000000-0123456789", &[], &secrets).unwrap();
        let kept = |since: u64, secrets: &Secrets| {
            run.keep_log(("kafka", &log), since, secrets).unwrap();
            fs_err::read_to_string(run.path().join("logs/kafka.log")).unwrap()
        };
        assert_eq!(kept(0, &secrets), "of others\nlast line\n");
        assert_eq!(kept(70_011, &secrets), "last line\n");
        secrets.learn("l4st");
        fs_err::write(&log, "begun anew: l4st, password=first\n").unwrap();
        assert_eq!(kept(70_011, &secrets), "begun anew: …, password=…\n");
        run.keep_log(("flink", &runs.join("nowhere.log")), 0, &secrets).unwrap();
        assert!(!run.path().join("logs/flink.log").exists());
    }

    #[test]
    fn the_files_are_kept_without_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let runs = Utf8Path::from_path(folder.path()).unwrap();
        let mut secrets = Secrets::none();
        secrets.learn("hunter2");
        let sources = [("a.sql".into(), "-- not hunter2\nALTER ROLE a PASSWORD 'other'\n".into())];
        let run = Folder::create(runs, "20250101-000000-0123456789", &sources, &secrets).unwrap();
        let kept = fs_err::read_to_string(run.path().join("files/a.sql")).unwrap();
        assert_eq!(kept, "-- not …\nALTER ROLE a PASSWORD '…'\n");
    }
}
