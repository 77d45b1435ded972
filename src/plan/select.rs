//! Words of the command line to scenario files: paths, ids and labels.

use std::path::PathBuf;

use camino::{Utf8Path, Utf8PathBuf};

use crate::base::limits;
use crate::disk::{self, Budget, Lost};
use crate::scenario::load::id;
use crate::scenario::load_as;

/// A scenario file that was selected.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selected {
    /// Its id: the path without `.yaml`, relative to the folder given, else to the nearest
    /// `scenarios/`.
    pub id: String,
    /// Its path.
    pub path: Utf8PathBuf,
}

/// What was found for the words of a command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The files, by id.
    pub files: Vec<Selected>,
    /// What was left out, since its name is no UTF-8.
    pub nameless: Vec<PathBuf>,
}

/// Why a selection cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SelectError {
    /// A folder cannot be looked into.
    #[error("{lost}")]
    Folder {
        /// The folder that was named.
        folder: Utf8PathBuf,
        /// Why not.
        lost: Lost,
    },
    /// A word selects nothing.
    #[error(
        "`{word}` is neither a scenario file, nor a folder, nor an id or label below `{root}`{near}"
    )]
    Nothing {
        /// The word.
        word: String,
        /// The folder that ids and labels were looked for in.
        root: Utf8PathBuf,
        /// The nearest id, as a sentence; may be empty.
        near: String,
    },
}

/// All scenario files below a folder, by id. Files that are pipelines (their first key is
/// `pipeline`) are left out; those with errors are in.
pub fn list(root: &Utf8Path) -> Result<Vec<Selected>, SelectError> {
    found(root).map(|found| found.files)
}

fn found(root: &Utf8Path) -> Result<Found, SelectError> {
    let below = disk::below(root, &|_| true, &mut Budget(limits::VISITED));
    let below = below.map_err(|lost| SelectError::Folder { folder: root.to_owned(), lost })?;
    let is_scenario =
        |path: &&Utf8PathBuf| path.extension() == Some("yaml") && !is_pipeline(path.as_path());
    let scenarios = below.files.iter().filter(is_scenario);
    let mut files: Vec<Selected> = scenarios
        .map(|path| {
            let relative = path.strip_prefix(root).unwrap_or(path).with_extension("");
            Selected { id: relative.into_string(), path: path.clone() }
        })
        .collect();
    files.sort();
    Ok(Found { files, nameless: below.nameless })
}

/// The scenario files that `words` name: a file or folder by path, an id, the first folders of an
/// id, or a label of `covers`. Ids and labels are looked for below `root`. Without words, all.
pub fn select<W: AsRef<str>>(root: &Utf8Path, words: &[W]) -> Result<Found, SelectError> {
    if words.is_empty() {
        return found(root);
    }
    let mut selected = Found::default();
    let mut known: Option<Vec<Selected>> = None;
    for word in words.iter().map(AsRef::as_ref) {
        let path = Utf8Path::new(word);
        if path.is_dir() {
            let below = found(path)?;
            selected.files.extend(below.files);
            selected.nameless.extend(below.nameless);
        } else if path.exists() || path.is_symlink() {
            selected.files.push(Selected { id: id(path), path: path.to_owned() });
        } else {
            let all = match &mut known {
                Some(all) => all,
                none => none.insert(list(root)?),
            };
            selected.files.extend(named(root, word, all)?);
        }
    }
    selected.files.sort();
    selected.files.dedup_by(|a, b| a.path == b.path);
    Ok(selected)
}

fn named(root: &Utf8Path, word: &str, all: &[Selected]) -> Result<Vec<Selected>, SelectError> {
    let below = format!("{}/", word.trim_end_matches('/'));
    let by_id: Vec<Selected> = all
        .iter()
        .filter(|selected| selected.id == word || selected.id.starts_with(&below))
        .cloned()
        .collect();
    if !by_id.is_empty() {
        return Ok(by_id);
    }
    let by_label: Vec<Selected> =
        all.iter().filter(|selected| covers(selected, word)).cloned().collect();
    if !by_label.is_empty() {
        return Ok(by_label);
    }
    let near = crate::scenario::nearest(word, all.iter().map(|selected| selected.id.as_str()));
    let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    Err(SelectError::Nothing { word: word.to_owned(), root: root.to_owned(), near })
}

/// A file with errors is selected by its id only: its labels cannot be trusted.
fn covers(selected: &Selected, label: &str) -> bool {
    let loaded = load_as(&selected.path, &selected.id);
    loaded.scenario.is_some_and(|scenario| scenario.covers.iter().any(|own| own == label))
}

fn is_pipeline(path: &Utf8Path) -> bool {
    let text = disk::read_text(path, limits::FILE_BYTES).unwrap_or_default();
    let mut lines = text.lines().filter(|line| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with('#') && line != "---"
    });
    lines.next().is_some_and(|line| line.starts_with("pipeline:"))
}
