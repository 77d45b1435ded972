//! `--schema DIR`: what an editor needs to complete and to mark: the schemas of this version in a folder
//! of the project, and a line at the top of each file that names its own.

use camino::{Utf8Path, Utf8PathBuf};

use crate::disk;
use crate::scenario::{schema, stack};

/// What editors look for in a comment (the YAML language server, and all that build on it).
const MARK: &str = "# yaml-language-server: $schema=";

/// The first key of a file, and the text of its schema.
type Kind = (&'static str, fn() -> String);

/// The kinds of files.
const KINDS: [Kind; 3] =
    [("scenario", schema::scenario), ("pipeline", schema::pipeline), ("stack", stack::schema)];

/// Writes the schemas to a folder, each unless it is there already and the same. Gives their paths.
pub(super) fn write_schemas(folder: &Utf8Path) -> std::io::Result<Vec<Utf8PathBuf>> {
    fs_err::create_dir_all(folder)?;
    let mut written = Vec::new();
    for (name, text) in schemas(folder) {
        if fs_err::read_to_string(&name).is_ok_and(|there| there == text) {
            continue;
        }
        disk::replace(&name, text.as_bytes())?;
        written.push(name);
    }
    Ok(written)
}

/// The schemas that a folder lacks, or has of another version.
pub(super) fn stale(folder: &Utf8Path) -> Vec<Utf8PathBuf> {
    let is_stale = |(name, text): &(Utf8PathBuf, String)| {
        !fs_err::read_to_string(name).is_ok_and(|there| there == *text)
    };
    schemas(folder).into_iter().filter(is_stale).map(|(name, _)| name).collect()
}

fn schemas(folder: &Utf8Path) -> Vec<(Utf8PathBuf, String)> {
    KINDS.iter().map(|(kind, text)| (folder.join(format!("{kind}.json")), text())).collect()
}

/// The text of a file with the line that names its schema, at its top unless it has one elsewhere. A
/// file of no kind stays as it is.
pub(super) fn with_line(text: &str, schema: impl Fn(&str) -> String) -> String {
    let first = |line: &&str| !line.trim().is_empty() && !line.starts_with(['#', '-']);
    let key = text.lines().find(first).and_then(|line| line.split_once(':')).map(|(key, _)| key);
    let Some((kind, _)) = KINDS.iter().find(|(kind, _)| Some(*kind) == key) else {
        return text.to_owned();
    };
    let line = format!("{MARK}{}", schema(&format!("{kind}.json")));
    let old = text.lines().find(|line| line.starts_with(MARK));
    match old {
        Some(old) => text.replacen(old, &line, 1),
        None => format!("{line}\n{text}"),
    }
}

/// The text of a file with the line that names its schema in a folder.
pub(super) fn named_in(file: &Utf8Path, text: &str, folder: &Utf8Path) -> std::io::Result<String> {
    let from = file.parent().filter(|folder| !folder.as_str().is_empty());
    let from = from.unwrap_or(Utf8Path::new("."));
    let folder = disk::relative(folder, from)?;
    Ok(with_line(text, |name| folder.join(name).into_string()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("scenario: v1\n", "# yaml-language-server: $schema=../s/scenario.json\nscenario: v1\n")]
    #[case(
        "# mine\n---\npipeline: v1\n",
        "# yaml-language-server: $schema=../s/pipeline.json\n# mine\n---\npipeline: v1\n"
    )]
    #[case(
        "# mine\n# yaml-language-server: $schema=old.json\nstack: v1\n",
        "# mine\n# yaml-language-server: $schema=../s/stack.json\nstack: v1\n"
    )]
    #[case("services: {}\n", "services: {}\n")]
    fn a_file_names_its_schema_once(#[case] text: &str, #[case] expected: &str) {
        let line = |text: &str| with_line(text, |name| format!("../s/{name}"));
        assert_eq!(line(text), expected);
        assert_eq!(line(expected), expected);
    }

    #[test]
    fn schemas_are_written_once_and_again_for_another_version() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(temporary.path()).unwrap().join("schema");
        assert_eq!(stale(&folder).len(), KINDS.len());
        assert_eq!(write_schemas(&folder).unwrap().len(), KINDS.len());
        assert_eq!(write_schemas(&folder).unwrap(), Vec::<Utf8PathBuf>::new());
        fs_err::write(folder.join("scenario.json"), "{}").unwrap();
        assert_eq!(stale(&folder), [folder.join("scenario.json")]);
        assert_eq!(write_schemas(&folder).unwrap(), [folder.join("scenario.json")]);
    }
}
