//! The words in which components say that they met the wall around them.

const FILES: &str = "a component reaches no file outside of the run";
const NAMES: &str = "a component resolves no name but this machine's";

/// What is said of a file, by class of the exception or in its message, and of a name.
const WORDS: [(&str, &str); 6] = [
    ("AccessDeniedException", FILES),
    ("(Permission denied)", FILES),
    ("Mkdirs failed to create", FILES),
    ("Failed to create the parent directory", FILES),
    ("in hosts file", NAMES),
    ("No resolvable bootstrap urls given", NAMES),
];

/// Which wall an exception tells of, if it does.
pub(super) fn met(class: &str, message: &str) -> Option<&'static str> {
    let met = WORDS.iter().find(|(word, _)| class == *word || message.contains(word));
    met.map(|(_, wall)| *wall)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("AccessDeniedException", "/home/ann/rows", Some(FILES))]
    #[case("FileNotFoundException", "/home/ann/rows (Permission denied)", Some(FILES))]
    #[case("FileNotFoundException", "/home/ann/rows (No such file or directory)", None)]
    #[case("UnknownHostException", "Unable to resolve host db in hosts file /c/hosts", Some(NAMES))]
    #[case("PSQLException", "ERROR: permission denied for table t", None)]
    fn a_wall_is_known_by_its_words(
        #[case] class: &str,
        #[case] message: &str,
        #[case] wall: Option<&str>,
    ) {
        assert_eq!(met(class, message), wall);
    }
}
