//! Words of the command line to scenario files: paths, ids and labels.

use camino::{Utf8Path, Utf8PathBuf};

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

/// Why a selection cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SelectError {
    /// A folder cannot be read.
    #[error("the folder `{folder}` cannot be read: {source}")]
    Folder {
        /// The folder.
        folder: Utf8PathBuf,
        /// Why not.
        source: std::io::Error,
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
    let mut found = Vec::new();
    walk(root, root, &mut found)?;
    found.sort();
    Ok(found)
}

/// The scenario files that `words` name: a file or folder by path, an id, the first folders of an
/// id, or a label of `covers`. Ids and labels are looked for below `root`. Without words, all.
pub fn select<W: AsRef<str>>(root: &Utf8Path, words: &[W]) -> Result<Vec<Selected>, SelectError> {
    if words.is_empty() {
        return list(root);
    }
    let mut found = Vec::new();
    let mut known: Option<Vec<Selected>> = None;
    for word in words.iter().map(AsRef::as_ref) {
        let path = Utf8Path::new(word);
        if path.is_file() {
            found.push(Selected { id: id(path), path: path.to_owned() });
        } else if path.is_dir() {
            found.extend(list(path)?);
        } else {
            let all = match &mut known {
                Some(all) => all,
                none => none.insert(list(root)?),
            };
            found.extend(named(root, word, all)?);
        }
    }
    found.sort();
    found.dedup_by(|a, b| a.path == b.path);
    Ok(found)
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

fn walk(root: &Utf8Path, folder: &Utf8Path, found: &mut Vec<Selected>) -> Result<(), SelectError> {
    let error = |source| SelectError::Folder { folder: folder.to_owned(), source };
    for entry in folder.read_dir_utf8().map_err(error)? {
        let entry = entry.map_err(error)?;
        let path = entry.path();
        if entry.file_type().map_err(error)?.is_dir() {
            walk(root, path, found)?;
        } else if path.extension() == Some("yaml") && !is_pipeline(path) {
            let relative = path.strip_prefix(root).unwrap_or(path).with_extension("");
            found.push(Selected { id: relative.into_string(), path: path.to_owned() });
        }
    }
    Ok(())
}

fn is_pipeline(path: &Utf8Path) -> bool {
    let text = fs_err::read_to_string(path).unwrap_or_default();
    let mut lines = text.lines().filter(|line| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with('#') && line != "---"
    });
    lines.next().is_some_and(|line| line.starts_with("pipeline:"))
}
