//! The sums of the jars: those that the repository pins, and those that the cache has.
//!
//! `infra/local/jars.sha256` names every file of every set as Maven hands it over; `ci/jars` writes
//! it. What a mirror gives must be the same bytes. The sums of what the cache keeps (some jars are
//! rewritten) stand in the manifest of their set; reading them all takes a second, so they are
//! compared when a component has died and by `doctor`, not at each start.

use std::collections::BTreeMap;
use std::io::{self, Read as _};

use camino::Utf8Path;
use sha2::{Digest, Sha256};

/// How much of a file is read at once.
const BLOCK: usize = 1 << 18;

const PINNED: &str = include_str!("../../infra/local/jars.sha256");

/// A file with another sum than it should have, or one that should not be there, or is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    /// Its name below the folder of its set.
    pub(super) name: String,
    /// The sum that it should have; `None` if there should be none of that name.
    pub(super) expected: Option<String>,
    /// The sum that it has; `None` if it is missing.
    pub(super) found: Option<String>,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, expected, found } = self;
        match (expected, found) {
            (Some(expected), Some(found)) => {
                write!(f, "{name} has the SHA-256 sum {found} instead of {expected}")
            }
            (Some(_), None) => write!(f, "{name} is missing"),
            (None, _) => write!(f, "{name} is no part of it"),
        }
    }
}

/// Name → sum, sorted by name.
pub(super) type Sums = BTreeMap<String, String>;

/// The sums that the files of a set have when Maven hands them over.
pub(super) fn pinned(set: &str) -> Sums {
    let of_set = PINNED.lines().filter_map(|line| {
        let (sum, path) = line.split_once("  ")?;
        let (of, name) = path.split_once('/')?;
        (of == set).then(|| (name.to_owned(), sum.to_owned()))
    });
    of_set.collect()
}

/// The SHA-256 sum of a file, in hexadecimal digits.
pub(super) fn sum(path: &Utf8Path) -> io::Result<String> {
    let mut file = fs_err::File::open(path)?;
    let (mut hasher, mut block) = (Sha256::new(), vec![0; BLOCK]);
    loop {
        match file.read(&mut block)? {
            0 => return Ok(hex::encode(hasher.finalize())),
            read => hasher.update(block.get(..read).unwrap_or_default()),
        }
    }
}

/// The first difference between the sums that files should have and those that they have.
pub(super) fn first_difference(expected: &Sums, found: &Sums) -> Option<Difference> {
    let names: std::collections::BTreeSet<_> = expected.keys().chain(found.keys()).collect();
    names.into_iter().find_map(|name| {
        let (expected, found) = (expected.get(name).cloned(), found.get(name).cloned());
        (expected != found).then(|| Difference { name: name.clone(), expected, found })
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn sums(list: &[(&str, &str)]) -> Sums {
        list.iter().map(|(name, sum)| ((*name).to_owned(), (*sum).to_owned())).collect()
    }

    #[test]
    fn a_sum_is_that_of_the_standard() {
        let temporary = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(temporary.path()).unwrap().join("a");
        fs_err::write(&path, "abc").unwrap();
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sum(&path).unwrap(), abc);
    }

    #[rstest]
    #[case::equal(&[("a.jar", "1")], None)]
    #[case::other(&[("a.jar", "2")], Some("a.jar has the SHA-256 sum 2 instead of 1"))]
    #[case::missing(&[], Some("a.jar is missing"))]
    #[case::more(&[("a.jar", "1"), ("b.jar", "1")], Some("b.jar is no part of it"))]
    fn a_difference_names_the_file(#[case] found: &[(&str, &str)], #[case] told: Option<&str>) {
        let difference = first_difference(&sums(&[("a.jar", "1")]), &sums(found));
        assert_eq!(difference.map(|difference| difference.to_string()).as_deref(), told);
    }
}
