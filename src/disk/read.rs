//! Reads regular files, up to a limit.

use std::fs::{FileType, OpenOptions};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};

use camino::{Utf8Path, Utf8PathBuf};
use fs_err::File;
use rustix::fs::OFlags;

use crate::base::limits::size;

/// Why a file is not read. Every sentence names it.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// There is nothing of this name.
    #[error("there is no file `{0}`")]
    Missing(Utf8PathBuf),
    /// A link leads nowhere.
    #[error("`{0}` is a link to a file that is not there")]
    Dangling(Utf8PathBuf),
    /// It is no regular file: what it is.
    #[error("`{0}` is {1}, not a file")]
    Other(Utf8PathBuf, &'static str),
    /// It is larger than what is read of such a file, in bytes.
    #[error("`{0}` is larger than {size}, the most that is read of such a file", size = size(*.1))]
    TooLarge(Utf8PathBuf, u64),
    /// It is no text: the first byte that is none.
    #[error("`{0}` is not UTF-8 text (byte {1})")]
    NotText(Utf8PathBuf, usize),
    /// The operating system refuses.
    #[error("`{0}` cannot be read: {1}")]
    Refused(Utf8PathBuf, std::io::Error),
}

/// Opens a regular file; links are followed. Neither a pipe nor a device is opened, so that nothing
/// waits for a writer.
pub fn open(path: &Utf8Path) -> Result<File, Unread> {
    let refused = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound if path.is_symlink() => Unread::Dangling(path.to_owned()),
        // A file that stands where a folder should be has no files below it.
        ErrorKind::NotFound | ErrorKind::NotADirectory => Unread::Missing(path.to_owned()),
        _ => Unread::Refused(path.to_owned(), error),
    };
    // Looked at before it is opened: opening a device may do something.
    let kind = std::fs::metadata(path).map_err(refused)?.file_type();
    if let Some(other) = other(kind) {
        return Err(Unread::Other(path.to_owned(), other));
    }
    // Without waiting, in case it has become a pipe since.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(refused)?;
    Ok(File::from_parts(file, path))
}

/// The bytes of a regular file of at most `most` bytes.
pub fn read(path: &Utf8Path, most: u64) -> Result<Vec<u8>, Unread> {
    let mut bytes = Vec::new();
    let read = open(path)?.into_file().take(most.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error| Unread::Refused(path.to_owned(), error))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= most) {
        return Ok(bytes);
    }
    Err(Unread::TooLarge(path.to_owned(), most))
}

/// The text of a regular file of at most `most` bytes.
pub fn read_text(path: &Utf8Path, most: u64) -> Result<String, Unread> {
    String::from_utf8(read(path, most)?)
        .map_err(|error| Unread::NotText(path.to_owned(), error.utf8_error().valid_up_to()))
}

/// What stands there instead of a regular file.
fn other(kind: FileType) -> Option<&'static str> {
    if kind.is_file() {
        return None;
    }
    Some(match kind {
        kind if kind.is_dir() => "a folder",
        kind if kind.is_fifo() => "a pipe",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    })
}

#[cfg(test)]
mod tests {
    use rustix::fs::{CWD, FileType as Node, Mode};

    use super::*;

    fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path()).unwrap().to_owned();
        (folder, path)
    }

    fn told(path: &Utf8Path) -> String {
        let error = read_text(path, 4).unwrap_err().to_string();
        let parent = format!("{}/", path.parent().unwrap());
        error.replace(&parent, "")
    }

    #[test]
    fn what_is_no_small_text_is_told_in_a_sentence() {
        let (_kept, folder) = folder();
        let file = |name: &str, bytes: &[u8]| {
            fs_err::write(folder.join(name), bytes).unwrap();
            folder.join(name)
        };
        assert_eq!(read_text(&file("four", b"four"), 4).unwrap(), "four");
        assert_eq!(
            told(&file("five", b"fives")),
            "`five` is larger than 4 bytes, the most that is read of such a file"
        );
        assert_eq!(told(&file("latin", b"a\xe9b")), "`latin` is not UTF-8 text (byte 1)");
        assert_eq!(told(&folder.join("none")), "there is no file `none`");
        assert_eq!(told(&folder.join("four/none")), "there is no file `none`");
        let link = folder.join("link");
        fs_err::os::unix::fs::symlink("nowhere", &link).unwrap();
        assert_eq!(told(&link), "`link` is a link to a file that is not there");
        assert!(told(&folder).ends_with("is a folder, not a file"));
    }

    #[test]
    fn neither_a_pipe_nor_a_device_is_waited_for() {
        let (_kept, folder) = folder();
        let pipe = folder.join("pipe");
        rustix::fs::mknodat(CWD, pipe.as_std_path(), Node::Fifo, Mode::RUSR, 0).unwrap();
        assert_eq!(told(&pipe), "`pipe` is a pipe, not a file");
        let zero = folder.join("zero");
        fs_err::os::unix::fs::symlink("/dev/zero", &zero).unwrap();
        assert_eq!(told(&zero), "`zero` is a device, not a file");
    }
}
