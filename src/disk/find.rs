//! Finds files: all of a kind below a folder, or those that a pattern matches. Links to folders are
//! not followed, so that no loop has an end to wait for; how many names are looked at is bounded.
//!
//! Nothing that is hidden is looked into, nor what git ignores: copies that runs keep, what is built,
//! packages. A folder that is named itself is looked into, whatever it is.

use std::path::{Path, PathBuf};

use camino::{Utf8Path, Utf8PathBuf};
use ignore::{DirEntry, WalkBuilder};

/// How many names may still be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget(pub u64);

/// Why the files are not found.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// There is no such folder.
    #[error("there is no folder `{0}`")]
    Missing(Utf8PathBuf),
    /// The operating system refuses.
    #[error("the folder `{0}` cannot be read: {1}")]
    Refused(Utf8PathBuf, std::io::Error),
    /// It would go on for long.
    #[error("there are too many names to look at: it was given up in `{0}`")]
    TooMany(Utf8PathBuf),
}

/// What is below a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Below {
    /// The files, sorted.
    pub files: Vec<Utf8PathBuf>,
    /// Paths that are no UTF-8, which neither a scenario nor a report could name.
    pub nameless: Vec<PathBuf>,
}

/// All files below a folder, sorted; a folder is looked into if `enters` says so.
pub fn below(
    folder: &Utf8Path,
    enters: impl Fn(&Utf8Path) -> bool + Send + Sync + 'static,
    budget: &mut Budget,
) -> Result<Below, Lost> {
    let mut below = Below::default();
    // What cannot be named is not looked into, but told.
    let is_entered = move |path: &Path| Utf8Path::from_path(path).is_none_or(&enters);
    let is_folder =
        |entry: &DirEntry| entry.file_type().is_some_and(|kind| kind.is_dir()) && entry.depth() > 0;
    let walk = WalkBuilder::new(here(folder))
        .ignore(false)
        .filter_entry(move |entry| !is_folder(entry) || is_entered(entry.path()))
        .build();
    for entry in walk {
        let entry = entry.map_err(|error| lost(folder, error))?;
        budget.0 = budget.0.checked_sub(1).ok_or_else(|| Lost::TooMany(folder.to_owned()))?;
        let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
        match Utf8PathBuf::from_path_buf(entry.into_path()) {
            Ok(path) if !is_folder => below.files.push(path),
            Ok(_) => {}
            Err(path) if path.parent().is_some_and(|above| above.to_str().is_some()) => {
                below.nameless.push(path);
            }
            // What lies in such a folder is told with it.
            Err(_) => {}
        }
    }
    below.files.sort();
    below.nameless.sort();
    Ok(below)
}

/// A folder as the operating system takes it: a file that is named without one is in this one.
fn here(folder: &Utf8Path) -> &Utf8Path {
    if folder.as_str().is_empty() { Utf8Path::new(".") } else { folder }
}

fn lost(folder: &Utf8Path, error: ignore::Error) -> Lost {
    let told = error.to_string();
    match error.into_io_error() {
        Some(error) => refused(folder, error),
        None => Lost::Refused(folder.to_owned(), std::io::Error::other(told)),
    }
}

fn refused(folder: &Utf8Path, error: std::io::Error) -> Lost {
    match error.kind() {
        std::io::ErrorKind::NotFound => Lost::Missing(folder.to_owned()),
        _ => Lost::Refused(folder.to_owned(), error),
    }
}

/// The files that `pattern` (with `*` within a name, `**` for any folders) matches under `base`,
/// sorted. Each folder is looked into once, whatever the pattern.
pub fn matching(
    base: &Utf8Path,
    pattern: &str,
    budget: &mut Budget,
) -> Result<Vec<Utf8PathBuf>, Lost> {
    let root = if pattern.starts_with('/') { Utf8Path::new("/") } else { base };
    let parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty()).collect();
    let plain = parts.iter().take_while(|part| !part.contains('*')).count();
    let (plain, parts) = parts.split_at(plain);
    let root = plain.iter().fold(root.to_owned(), |folder, part| folder.join(part));
    let mut found = Vec::new();
    // Each folder with the parts of the pattern that may match next in it.
    let mut folders = vec![(super::lexical(&root), opened(parts, vec![0]))];
    while let Some((folder, places)) = folders.pop() {
        for (name, is_folder) in list(&folder, budget)?.names {
            let next = after(parts, &places, &name, is_folder);
            let path = folder.join(&name);
            if is_folder && !next.is_empty() {
                folders.push((path, opened(parts, next)));
            } else if !is_folder && next.contains(&parts.len()) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The places of a pattern behind a name that stands at one of `places`. A hidden name is matched by
/// a part that begins with a dot itself, as in a shell.
fn after(parts: &[&str], places: &[usize], name: &str, is_folder: bool) -> Vec<usize> {
    let is_hidden = name.starts_with('.');
    let steps = places.iter().filter_map(|place| match parts.get(*place) {
        Some(&"**") => (is_folder && !is_hidden).then_some(*place),
        Some(part) if is_hidden && !part.starts_with('.') => None,
        Some(part) => is_like(name, part).then_some(place + 1),
        None => None,
    });
    steps.collect()
}

/// `**` stands for no folder as well.
fn opened(parts: &[&str], mut places: Vec<usize>) -> Vec<usize> {
    let mut n = 0;
    while let Some(place) = places.get(n).copied() {
        if parts.get(place) == Some(&"**") {
            places.push(place + 1);
        }
        n += 1;
    }
    places.sort_unstable();
    places.dedup();
    places
}

/// Whether `name` matches a pattern in which `*` stands for any letters. What follows a `*` is taken
/// at the first place where it stands: no other place could leave more of the name to the rest.
fn is_like(name: &str, pattern: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return name == pattern };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    let inner = name.strip_prefix(start).and_then(|name| name.strip_suffix(end));
    let Some(mut inner) = inner else { return false };
    for part in middle.split('*') {
        let Some(at) = inner.find(part) else { return false };
        inner = inner.get(at + part.len()..).unwrap_or("");
    }
    true
}

/// The names in a folder.
#[derive(Debug, Default)]
struct Listed {
    /// Sorted, each with whether it is a folder.
    names: Vec<(String, bool)>,
    nameless: Vec<PathBuf>,
}

fn list(folder: &Utf8Path, budget: &mut Budget) -> Result<Listed, Lost> {
    let refused = |error| refused(folder, error);
    let mut listed = Listed::default();
    for entry in std::fs::read_dir(here(folder)).map_err(refused)? {
        let entry = entry.map_err(refused)?;
        budget.0 = budget.0.checked_sub(1).ok_or_else(|| Lost::TooMany(folder.to_owned()))?;
        match entry.file_name().into_string() {
            Ok(name) => listed.names.push((name, entry.file_type().map_err(refused)?.is_dir())),
            Err(name) => listed.nameless.push(folder.as_std_path().join(name)),
        }
    }
    listed.names.sort();
    Ok(listed)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const ENOUGH: Budget = Budget(1_000);

    fn tree(files: &[&str]) -> (tempfile::TempDir, Utf8PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap().to_owned();
        for file in files {
            let path = root.join(file);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, "").unwrap();
        }
        (folder, root)
    }

    #[rstest]
    #[case("ddl.orders.sql", "ddl.*.sql", true)]
    #[case("dml.orders.sql", "ddl.*.sql", false)]
    #[case("ab", "*a*b*", true)]
    #[case("abab", "*ab", true)]
    #[case("a", "a*a", false)]
    #[case("aba", "a**a", true)]
    #[case("acbd", "*b*c*", false)]
    fn patterns(#[case] name: &str, #[case] pattern: &str, #[case] expected: bool) {
        assert_eq!(is_like(name, pattern), expected);
    }

    proptest! {
        /// As the definition has it, letter by letter.
        #[test]
        fn a_pattern_matches_what_it_stands_for(name in "[ab]{0,6}", pattern in "[ab*]{0,6}") {
            fn slow(name: &[u8], pattern: &[u8]) -> bool {
                match pattern.split_first() {
                    None => name.is_empty(),
                    Some((b'*', rest)) => (0..=name.len()).any(|at| slow(&name[at..], rest)),
                    Some((letter, rest)) => {
                        name.split_first().is_some_and(|(first, name)| first == letter && slow(name, rest))
                    }
                }
            }
            prop_assert_eq!(is_like(&name, &pattern), slow(name.as_bytes(), pattern.as_bytes()));
        }
    }

    #[rstest]
    #[case("*.sql", &["a.sql"])]
    #[case("x/*.sql", &["x/b.sql"])]
    #[case("**/*.sql", &["a.sql", "x/b.sql", "x/y/c.sql"])]
    #[case("**/**/**/*.sql", &["a.sql", "x/b.sql", "x/y/c.sql"])]
    #[case("**/y/**/c.sql", &["x/y/c.sql"])]
    #[case("*/*/*.sql", &["x/y/c.sql"])]
    #[case("**", &[])]
    #[case("x/../*.sql", &["a.sql"])]
    fn files_are_matched_once(#[case] pattern: &str, #[case] expected: &[&str]) {
        let (_kept, root) = tree(&["a.sql", "a.txt", "x/b.sql", "x/y/c.sql"]);
        let found = |base: &Utf8Path, pattern: &str| -> Vec<String> {
            let found = matching(base, pattern, &mut ENOUGH.clone()).unwrap();
            let names = found.iter().map(|path| path.strip_prefix(&root).unwrap().to_string());
            names.collect()
        };
        assert_eq!(found(&root, pattern), expected);
        // An absolute pattern stands for itself.
        let absolute = format!("{root}/{pattern}");
        assert_eq!(found(Utf8Path::new("/elsewhere"), &absolute), expected);
    }

    #[test]
    fn a_pattern_of_many_folders_looks_into_each_once() {
        let files: Vec<String> = (0..50).map(|n| format!("{}/{}/x.sql", n / 10, n % 10)).collect();
        let (_kept, root) = tree(&files.iter().map(String::as_str).collect::<Vec<_>>());
        let mut budget = ENOUGH;
        let pattern = format!("{}x*.sql", "**/".repeat(30));
        assert_eq!(matching(&root, &pattern, &mut budget).unwrap().len(), 50);
        assert_eq!(ENOUGH.0 - budget.0, 5 + 50 + 50);
    }

    #[test]
    fn too_many_names_and_folders_that_are_not_there_are_told() {
        let (_kept, root) = tree(&["a", "b", "c"]);
        let told = below(&root, |_| true, &mut Budget(2)).unwrap_err().to_string();
        assert_eq!(
            told,
            format!("there are too many names to look at: it was given up in `{root}`")
        );
        let told = matching(&root, "none/*.sql", &mut Budget(2)).unwrap_err().to_string();
        assert_eq!(told, format!("there is no folder `{root}/none`"));
    }

    #[test]
    fn what_is_hidden_or_ignored_by_git_is_not_looked_into_unless_it_is_named() {
        let files = ["a.sql", ".kept/b.sql", "built/c.sql", "built/.git-less", ".hidden.sql"];
        let (_kept, root) = tree(&files);
        fs_err::create_dir(root.join(".git")).unwrap();
        fs_err::write(root.join(".gitignore"), "built/\n").unwrap();
        let found = |folder: &str| {
            let folder = root.join(folder);
            below(&folder, |_| true, &mut ENOUGH.clone()).unwrap().files
        };
        assert_eq!(found(""), [root.join("a.sql")]);
        assert_eq!(found(".kept"), [root.join(".kept/b.sql")]);
        assert_eq!(found("built"), [root.join("built/c.sql")]);
        let matched = |pattern: &str| matching(&root, pattern, &mut ENOUGH.clone()).unwrap();
        assert_eq!(matched("**/*.sql"), [root.join("a.sql"), root.join("built/c.sql")]);
        assert_eq!(matched(".kept/*.sql"), [root.join(".kept/b.sql")]);
        assert_eq!(matched(".*/*.sql"), [root.join(".kept/b.sql")]);
        assert_eq!(matched(".h*.sql"), [root.join(".hidden.sql")]);
    }

    #[test]
    fn a_name_that_is_no_text_stops_nothing_and_a_loop_has_an_end() {
        let (_kept, root) = tree(&["d/a.yaml", "skipped/b.yaml"]);
        fs_err::write(root.as_std_path().join(OsStr::from_bytes(b"caf\xe9.yaml")), "").unwrap();
        fs_err::os::unix::fs::symlink("..", root.join("d/loop")).unwrap();
        let enters = |path: &Utf8Path| path.file_name() != Some("skipped");
        let found = below(&root, enters, &mut ENOUGH.clone()).unwrap();
        assert_eq!(found.files, [root.join("d/a.yaml"), root.join("d/loop")]);
        assert_eq!(found.nameless.len(), 1);
    }
}
