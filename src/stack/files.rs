//! Small habits with files: replace at once, copy whole folders, give them away.

use std::io;

use camino::Utf8Path;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{Doing, StackError};
use super::machine::User;
use crate::disk;

/// Writes a file so that a reader sees the old one or the new one, never a part.
pub(super) fn replace(path: &Utf8Path, bytes: &[u8]) -> Result<(), StackError> {
    disk::replace(path, bytes).doing(&format!("write {path}"))
}

/// Moves a folder that is done to its place, so that even after a power cut it is there whole or not
/// at all: what is in it reaches the disk before its name does.
pub(super) fn keep(done: &Utf8Path, target: &Utf8Path) -> io::Result<()> {
    sync_tree(done)?;
    fs_err::rename(done, target)?;
    sync(target.parent().unwrap_or(target))
}

fn sync_tree(folder: &Utf8Path) -> io::Result<()> {
    for entry in folder.read_dir_utf8()? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_tree(entry.path())?;
        } else {
            sync(entry.path())?;
        }
    }
    sync(folder)
}

fn sync(path: &Utf8Path) -> io::Result<()> {
    fs_err::File::open(path)?.sync_all()
}

/// Writes a value as JSON, at once.
pub(super) fn write_json(path: &Utf8Path, value: &impl Serialize) -> Result<(), StackError> {
    let bytes = serde_json::to_vec_pretty(value).map_err(|error| StackError::Refused {
        doing: format!("write {path}"),
        cause: error.to_string(),
    })?;
    replace(path, &bytes)
}

/// Reads a value; `None` if the file is not there.
pub(super) fn read_json<T: DeserializeOwned>(path: &Utf8Path) -> Result<Option<T>, StackError> {
    let bytes = match fs_err::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StackError::io(format!("read {path}"), &error)),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| StackError::Refused {
        doing: format!("read {path}"),
        cause: error.to_string(),
    })
}

/// Removes a file or a whole folder, if it is there.
pub(super) fn remove(path: &Utf8Path) -> Result<(), StackError> {
    let removed = match fs_err::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs_err::remove_dir_all(path),
        Ok(_) => fs_err::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.doing(&format!("remove {path}")),
    }
}

/// Copies a folder with everything in it, modes included, and gives the copy to `owner`.
pub(super) fn copy_tree(from: &Utf8Path, to: &Utf8Path, owner: Option<User>) -> io::Result<()> {
    fs_err::create_dir(to)?;
    fs_err::set_permissions(to, fs_err::metadata(from)?.permissions())?;
    for entry in from.read_dir_utf8()? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(entry.path(), &target, owner)?;
        } else {
            fs_err::copy(entry.path(), &target)?;
            give(&target, owner)?;
        }
    }
    give(to, owner)
}

/// Makes `owner` the owner of one file or folder.
pub(super) fn give(path: &Utf8Path, owner: Option<User>) -> io::Result<()> {
    match owner {
        Some(user) => std::os::unix::fs::chown(path, Some(user.uid), Some(user.gid)),
        None => Ok(()),
    }
}

/// The names in a folder that start with `prefix`, sorted; none if the folder is not there.
pub(super) fn names(folder: &Utf8Path, prefix: &str) -> Vec<String> {
    let Ok(entries) = folder.read_dir_utf8() else { return Vec::new() };
    let names = entries.filter_map(Result::ok).map(|entry| entry.file_name().to_owned());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copied_folder_is_the_same_folder() {
        let temporary = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(temporary.path()).unwrap();
        fs_err::create_dir_all(root.join("a/b")).unwrap();
        fs_err::write(root.join("a/b/c"), "text").unwrap();
        copy_tree(&root.join("a"), &root.join("z"), None).unwrap();
        assert_eq!(fs_err::read_to_string(root.join("z/b/c")).unwrap(), "text");
        assert_eq!(names(root, "z"), ["z"]);
        remove(&root.join("z")).unwrap();
        remove(&root.join("z")).unwrap();
        assert_eq!(names(root, "z"), Vec::<String>::new());
    }

    #[test]
    fn a_folder_that_is_kept_is_at_its_place_whole() {
        let temporary = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(temporary.path()).unwrap();
        fs_err::create_dir_all(root.join("part/b")).unwrap();
        fs_err::write(root.join("part/b/c"), "text").unwrap();
        keep(&root.join("part"), &root.join("target")).unwrap();
        assert_eq!(fs_err::read_to_string(root.join("target/b/c")).unwrap(), "text");
        assert_eq!(names(root, ""), ["target"]);
    }

    #[test]
    fn a_json_file_that_is_not_there_is_nothing_and_a_broken_one_an_error() {
        let temporary = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(temporary.path()).unwrap().join("x.json");
        assert_eq!(read_json::<u8>(&path).unwrap(), None);
        write_json(&path, &7_u8).unwrap();
        assert_eq!(read_json::<u8>(&path).unwrap(), Some(7));
        fs_err::write(&path, "{").unwrap();
        assert!(read_json::<u8>(&path).is_err());
    }
}
