//! Small habits with files: replace at once, copy whole folders, give them away.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{Doing, StackError};
use super::machine::User;
use crate::disk::{self, Unread};

/// The mode of a file that nobody else may read.
pub(super) const OURS: u32 = 0o600;
/// More than any file has that is read here.
const READ_MAX: u64 = 16 << 20;

/// Opens a file of our own for writing at its end, and makes it if it is not there.
pub(super) fn append(path: &Utf8Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(OURS).open(path)
}

/// Opens an empty file of our own, in the place of what was there.
pub(super) fn create(path: &Utf8Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(OURS).open(path)?;
    // The mode is for a file that is made; this one may have been there.
    file.set_permissions(Permissions::from_mode(OURS))?;
    Ok(file)
}

/// Makes a folder that nobody else can enter, unless it is there. What is above it must be.
pub(super) fn make_folder(path: &Utf8Path) -> io::Result<()> {
    match std::fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made,
    }
}

/// Closes a folder of ours to everybody, but lets `user` pass through to what it is given below.
pub(super) fn let_pass(folder: &Utf8Path, user: Option<User>) -> io::Result<()> {
    let mode = match user {
        Some(user) => {
            std::os::unix::fs::chown(folder, None, Some(user.gid))?;
            0o710
        }
        None => 0o700,
    };
    fs_err::set_permissions(folder, Permissions::from_mode(mode))
}

/// Lets `user` look at a file or folder of ours, and enter the latter.
pub(super) fn lend(path: &Utf8Path, user: Option<User>) -> io::Result<()> {
    let Some(user) = user else { return Ok(()) };
    std::os::unix::fs::chown(path, None, Some(user.gid))?;
    let mode = if path.is_dir() { 0o750 } else { 0o640 };
    fs_err::set_permissions(path, Permissions::from_mode(mode))
}

/// Lets everybody look at a folder of ours, whatever the mask of new files is.
pub(super) fn open(folder: &Utf8Path) -> io::Result<()> {
    fs_err::set_permissions(folder, Permissions::from_mode(0o755))
}

/// Makes ours what lies in a folder, the folder included, and lets everybody look at it.
pub(super) fn publish(folder: &Utf8Path) -> io::Result<()> {
    let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
    let ours = Some(User { uid: uid.as_raw(), gid: gid.as_raw() });
    give(folder, ours)?;
    open(folder)?;
    for entry in folder.read_dir_utf8()? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            publish(entry.path())?;
        } else if kind.is_file() {
            give(entry.path(), ours)?;
            let starts = entry.metadata()?.permissions().mode() & 0o100 != 0;
            let mode = if starts { 0o755 } else { 0o644 };
            fs_err::set_permissions(entry.path(), Permissions::from_mode(mode))?;
        }
    }
    Ok(())
}

/// Writes a file of our own so that a reader sees the old one or the new one, never a part.
pub(super) fn replace(path: &Utf8Path, bytes: &[u8]) -> Result<(), StackError> {
    let beside = Utf8PathBuf::from(format!("{path}.new"));
    let done = create(&beside).and_then(|mut file| file.write_all(bytes));
    done.and_then(|()| fs_err::rename(&beside, path)).doing(&format!("write {path}"))
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
    let refused = |cause: String| StackError::Refused { doing: format!("read {path}"), cause };
    let bytes = match disk::read(path, READ_MAX) {
        Ok(bytes) => bytes,
        Err(Unread::Missing(_)) => return Ok(None),
        Err(error) => return Err(refused(error.to_string())),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| refused(error.to_string()))
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

    #[test]
    fn what_is_published_can_be_read_by_all_and_written_by_us() {
        let temporary = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(temporary.path()).unwrap().join("a");
        make_folder(&root).unwrap();
        make_folder(&root.join("b")).unwrap();
        replace(&root.join("b/c"), b"").unwrap();
        publish(&root).unwrap();
        let mode =
            |path: &str| fs_err::metadata(root.join(path)).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode(""), mode("b"), mode("b/c")), (0o755, 0o755, 0o644));
    }

    #[test]
    fn a_device_is_no_file_to_read() {
        let error = read_json::<u8>("/dev/zero".into()).unwrap_err().to_string();
        assert!(error.ends_with("is a device, not a file"), "{error}");
    }

    #[test]
    fn what_is_written_is_its_owners_alone_though_it_was_open_before() {
        let temporary = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(temporary.path()).unwrap().join("x");
        let mode = || fs_err::metadata(&path).unwrap().permissions().mode() & 0o7777;
        fs_err::write(&path, "").unwrap();
        fs_err::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        create(&path).unwrap();
        assert_eq!(mode(), OURS);
        fs_err::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        replace(&path, b"x").unwrap();
        assert_eq!(mode(), OURS);
    }
}
