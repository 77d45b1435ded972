//! Writes a file beside the old one, and then puts it in its place.

use std::io::{ErrorKind, Result, Write as _};
use std::os::unix::fs::{MetadataExt as _, fchown};

use camino::{Utf8Path, Utf8PathBuf};
use fs_err::os::unix::fs::OpenOptionsExt as _;
use fs_err::{File, OpenOptions};

/// How many names are tried for the file beside; more cannot be left over by accident.
const BESIDE_MAX: u32 = 1_000;

/// Writes a file so that whoever reads it, whenever, sees the old one or the new one, also if the
/// disk is full or the machine stops. Mode and owner stay; a link stays a link, and the file it
/// leads to is replaced.
pub fn replace(path: &Utf8Path, bytes: &[u8]) -> Result<()> {
    let target = match path.canonicalize_utf8() {
        Err(error) if error.kind() == ErrorKind::NotFound && !path.is_symlink() => path.to_owned(),
        found => found?,
    };
    let (beside, file) = beside(&target)?;
    let done = write(file, &target, bytes).and_then(|()| fs_err::rename(&beside, &target));
    if done.is_err() {
        // What failed is told; a file that stays besides is no harm.
        fs_err::remove_file(&beside).ok();
    }
    done
}

/// A new file in the folder of another, under a name that is free.
fn beside(target: &Utf8Path) -> Result<(Utf8PathBuf, File)> {
    // What replaces a file is nobody else's to read until it has the mode of the old one.
    let mode = if target.exists() { 0o600 } else { 0o666 };
    for n in 0..BESIDE_MAX {
        let path = Utf8PathBuf::from(format!("{target}.new{n}"));
        match OpenOptions::new().write(true).create_new(true).mode(mode).open(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            opened => return opened.map(|file| (path, file)),
        }
    }
    let left = format!("{BESIDE_MAX} files `{target}.new…` are in the way: remove them");
    Err(std::io::Error::other(left))
}

fn write(mut file: File, target: &Utf8Path, bytes: &[u8]) -> Result<()> {
    file.write_all(bytes)?;
    match fs_err::metadata(target) {
        Ok(old) => {
            let new = file.metadata()?;
            if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
                // Who may write the folder but not give files away keeps it.
                fchown(&file, Some(old.uid()), Some(old.gid())).ok();
            }
            file.set_permissions(old.permissions())?;
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // A disk may take the bytes and refuse them later, and a rename may outlive them.
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path()).unwrap().to_owned();
        (folder, path)
    }

    fn names(folder: &Utf8Path) -> Vec<String> {
        let entries = folder.read_dir_utf8().unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().to_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_new_text_has_the_old_mode_and_nothing_stays_beside() {
        let (_kept, folder) = folder();
        let file = folder.join("a.yaml");
        fs_err::write(&file, "old").unwrap();
        fs_err::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        replace(&file, b"new").unwrap();
        assert_eq!(fs_err::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs_err::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        replace(&folder.join("b.yaml"), b"first").unwrap();
        assert_eq!(names(&folder), ["a.yaml", "b.yaml"]);
    }

    #[test]
    fn a_link_stays_a_link() {
        let (_kept, folder) = folder();
        fs_err::create_dir(folder.join("d")).unwrap();
        fs_err::write(folder.join("d/a.yaml"), "old").unwrap();
        fs_err::os::unix::fs::symlink("d/a.yaml", folder.join("link.yaml")).unwrap();
        replace(&folder.join("link.yaml"), b"new").unwrap();
        assert!(folder.join("link.yaml").is_symlink());
        assert_eq!(fs_err::read_to_string(folder.join("d/a.yaml")).unwrap(), "new");
        fs_err::os::unix::fs::symlink("nowhere", folder.join("dangling")).unwrap();
        assert!(replace(&folder.join("dangling"), b"new").is_err());
    }

    #[test]
    fn what_was_left_beside_is_left_alone() {
        let (_kept, folder) = folder();
        fs_err::write(folder.join("a"), "old").unwrap();
        fs_err::write(folder.join("a.new0"), "of another").unwrap();
        replace(&folder.join("a"), b"new").unwrap();
        assert_eq!(fs_err::read_to_string(folder.join("a.new0")).unwrap(), "of another");
        assert_eq!(names(&folder), ["a", "a.new0"]);
    }
}
