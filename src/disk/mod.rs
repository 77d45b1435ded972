//! How files are read and written, whoever asks: only regular files, never more of one than was
//! agreed, and a file that is replaced is the old one or the new one, never a part.
//!
//! What a command is given may be anything: a pipe that nobody writes to, a device without end, a
//! file of gigabytes. Each ends with one sentence that names it; so the errors of the operating system
//! need not name it too, and come from `std::fs`.

mod find;
mod read;
mod replace;

pub use find::{Below, Budget, Lost, below, matching};
pub use read::{Unread, open, read, read_text};
pub use replace::replace;

use camino::{Utf8Path, Utf8PathBuf};

/// The path with `.` and `a/..` taken out, so that one file has one name.
pub fn lexical(path: &Utf8Path) -> Utf8PathBuf {
    let mut parts: Vec<&str> = Vec::new();
    for component in path.components() {
        match component.as_str() {
            "." => {}
            ".." if parts.last().is_some_and(|last| *last != ".." && *last != "/") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.iter().collect()
}

/// The whole path of a file that is named from the working folder, as [`lexical`] writes it.
pub fn whole(path: &Utf8Path) -> Utf8PathBuf {
    // A folder that is gone has no name: what is named stays as it is.
    camino::absolute_utf8(path).map_or_else(|_| lexical(path), |path| lexical(&path))
}

/// The path as seen from the working folder, if it lies below it.
pub fn from_here(path: &Utf8Path) -> Option<Utf8PathBuf> {
    let below = whole(path).strip_prefix(whole(Utf8Path::new("."))).ok()?.to_owned();
    Some(below).filter(|below| !below.as_str().is_empty())
}

/// The path of a file as seen from a folder that may not be there yet.
pub fn relative(path: &Utf8Path, from: &Utf8Path) -> std::io::Result<Utf8PathBuf> {
    let (path, from) = (camino::absolute_utf8(path)?, camino::absolute_utf8(from)?);
    let (path, from) = (lexical(&path), lexical(&from));
    let mut parts = from.components();
    let shared = path.components().take_while(|part| parts.next() == Some(*part)).count();
    let up = from.components().skip(shared).map(|_| "..");
    let down = path.components().skip(shared).map(|part| part.as_str());
    Ok(up.chain(down).collect())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn files_are_named_as_seen_from_a_folder() {
        let seen = |path: &str, from: &str| {
            relative(Utf8Path::new(path), Utf8Path::new(from)).ok().map(Utf8PathBuf::into_string)
        };
        assert_eq!(seen("sql/./a.sql", "changeproof").as_deref(), Some("../sql/a.sql"));
        assert_eq!(seen("a/b.sql", "a").as_deref(), Some("b.sql"));
        assert_eq!(seen("/a/b.sql", "/c/d").as_deref(), Some("../../a/b.sql"));
    }

    #[rstest]
    #[case("a/../b/./c", "b/c")]
    #[case("../../a", "../../a")]
    #[case("/a/../b", "/b")]
    fn one_file_has_one_name(#[case] path: &str, #[case] expected: &str) {
        assert_eq!(lexical(Utf8Path::new(path)), expected);
    }
}
