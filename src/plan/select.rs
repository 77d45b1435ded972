//! Words of the command line to scenario files: paths, ids and labels.

use std::path::PathBuf;

use camino::{Utf8Path, Utf8PathBuf};

use super::word::Word;
use crate::base::limits;
use crate::disk::{self, Budget, Lost, lexical};
use crate::scenario::load::{id, id_in, labels};

/// A scenario file that was selected.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selected {
    /// Its id: the path without `.yaml` below the nearest `scenarios/`, else below the working folder,
    /// else below the folder given.
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
    /// A word is no pattern.
    #[error("{0}")]
    Pattern(String),
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

/// All scenario files below a folder, by id, those with errors too.
pub fn list(root: &Utf8Path) -> Result<Vec<Selected>, SelectError> {
    found(root).map(|found| found.files)
}

fn found(root: &Utf8Path) -> Result<Found, SelectError> {
    let below = disk::below(root, |_| true, &mut Budget(limits::VISITED));
    let below = below.map_err(|lost| SelectError::Folder { folder: root.to_owned(), lost })?;
    let is_scenario =
        |path: &&Utf8PathBuf| path.extension() == Some("yaml") && is_scenario(path.as_path());
    let scenarios = below.files.iter().filter(is_scenario);
    let mut files: Vec<Selected> = scenarios
        .map(|path| Selected { id: id_in(path, Some(root)), path: lexical(path) })
        .collect();
    files.sort();
    tell_apart(&mut files);
    Ok(Found { files, nameless: below.nameless })
}

/// The scenario files that `words` name: a file or folder by path, an id, the first folders of an
/// id, a label of `covers`, or a pattern of ids or labels ([`Word`]). These are looked for below `root`.
/// Without words, all.
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
    selected.files.dedup_by(|a, b| disk::whole(&a.path) == disk::whole(&b.path));
    tell_apart(&mut selected.files);
    Ok(selected)
}

/// Files of two folders `scenarios` may have one id: these are named by their paths.
fn tell_apart(files: &mut [Selected]) {
    let twice: Vec<String> = files
        .windows(2)
        .filter_map(|pair| match pair {
            [a, b] if a.id == b.id => Some(a.id.clone()),
            _ => None,
        })
        .collect();
    for file in files.iter_mut().filter(|file| twice.contains(&file.id)) {
        let path = disk::from_here(&file.path).unwrap_or_else(|| disk::whole(&file.path));
        file.id = path.with_extension("").into_string();
    }
    files.sort();
}

fn named(root: &Utf8Path, word: &str, all: &[Selected]) -> Result<Vec<Selected>, SelectError> {
    let pattern: Word = word.parse().map_err(SelectError::Pattern)?;
    let by_id: Vec<Selected> =
        all.iter().filter(|selected| pattern.is_id(&selected.id)).cloned().collect();
    if !by_id.is_empty() {
        return Ok(by_id);
    }
    let by_label: Vec<Selected> =
        all.iter().filter(|selected| covers(selected, &pattern)).cloned().collect();
    if !by_label.is_empty() {
        return Ok(by_label);
    }
    let near = crate::scenario::nearest(word, all.iter().map(|selected| selected.id.as_str()));
    let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    Err(SelectError::Nothing { word: word.to_owned(), root: root.to_owned(), near })
}

fn covers(selected: &Selected, word: &Word) -> bool {
    labels(&selected.path).iter().any(|label| word.is_label(label))
}

/// Whether a file is meant as a scenario: below a folder `scenarios` all that is no pipeline, so that
/// one with a mistake in its first line is told of; elsewhere, where files of others lie (Compose,
/// Kubernetes), what says so.
fn is_scenario(path: &Utf8Path) -> bool {
    let text = disk::read_text(path, limits::FILE_BYTES).unwrap_or_default();
    if text.lines().any(|line| line.starts_with("scenario:")) {
        return true;
    }
    let mut lines = text.lines().filter(|line| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with('#') && line != "---"
    });
    let whole = disk::whole(path);
    let mut above = whole.components().rev().skip(1);
    let is_pipeline = lines.next().is_some_and(|line| line.starts_with("pipeline:"));
    above.any(|part| part.as_str() == "scenarios") && !is_pipeline
}
