//! The one place where the language reads files.

use camino::{Utf8Path, Utf8PathBuf};

use super::diagnose::{At, Diagnostics};
use super::parse;
use super::scenario::Scenario;
use crate::base::diagnostic::{Diagnostic, Severity};
use crate::base::text::{Place, Span, Text};

/// What came of a file.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The scenario; `None` if there is any error.
    pub scenario: Option<Scenario>,
    /// Everything wrong with the file and with the files it names, by place.
    pub diagnostics: Vec<Diagnostic>,
    /// Every file that was read, the scenario first.
    pub sources: Vec<Source>,
}

/// A file as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its path as diagnostics name it.
    pub path: Utf8PathBuf,
    /// Its text.
    pub text: String,
}

/// Reads a scenario file and all it names, with all their errors at once. Its id is its path
/// without `.yaml`, relative to the nearest `scenarios/` above it, else its file name.
pub fn load(path: &Utf8Path) -> Loaded {
    load_as(path, &id(path))
}

/// [`load`], under a given id.
pub fn load_as(path: &Utf8Path, id: &str) -> Loaded {
    load_from(path, id, Files::default())
}

/// [`load_as`], of a file as if it held `text`.
pub fn load_edited(path: &Utf8Path, id: &str, text: String) -> Loaded {
    load_from(path, id, Files { sources: vec![Source { path: path.to_owned(), text }] })
}

fn load_from(path: &Utf8Path, id: &str, mut files: Files) -> Loaded {
    let mut diagnostics = Diagnostics::default();
    let source = files.read_first(path, &mut diagnostics);
    let scenario =
        source.and_then(|source| parse::scenario(&source, id, &mut files, &mut diagnostics));
    finish(scenario, diagnostics, files)
}

/// Reads a pipeline file alone, for `lint`: the scenario of the result is always `None`.
pub fn load_pipeline(path: &Utf8Path) -> Loaded {
    let mut files = Files::default();
    let mut diagnostics = Diagnostics::default();
    if let Some(source) = files.read_first(path, &mut diagnostics) {
        parse::pipeline_file(&source, &mut files, &mut diagnostics);
    }
    finish(None, diagnostics, files)
}

fn finish(scenario: Option<Scenario>, diagnostics: Diagnostics, files: Files) -> Loaded {
    let diagnostics = diagnostics.finish();
    let refused = diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    Loaded { scenario: scenario.filter(|_| !refused), diagnostics, sources: files.sources }
}

/// The id of the scenario in `path`.
pub fn id(path: &Utf8Path) -> String {
    let root = path.ancestors().skip(1).find(|above| above.file_name() == Some("scenarios"));
    let relative = root.and_then(|root| path.strip_prefix(root).ok());
    let relative = relative.or_else(|| path.file_name().map(Utf8Path::new)).unwrap_or(path);
    relative.with_extension("").into_string()
}

/// The files read so far.
#[derive(Debug, Default)]
pub(crate) struct Files {
    sources: Vec<Source>,
}

impl Files {
    /// Reads a file. The error is a sentence.
    pub(crate) fn read(&mut self, path: &Utf8Path) -> Result<Text, String> {
        if let Some(known) = self.text(path) {
            return Ok(Text::whole(path.to_owned(), known.to_owned()));
        }
        let bytes = fs_err::read(path).map_err(|error| sentence(path, &error))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let byte = error.utf8_error().valid_up_to();
            format!("`{path}` is not UTF-8 text (byte {byte})")
        })?;
        self.sources.push(Source { path: path.to_owned(), text: text.clone() });
        Ok(Text::whole(path.to_owned(), text))
    }

    /// The text of a file that was read.
    pub(crate) fn text(&self, path: &Utf8Path) -> Option<&str> {
        let source = self.sources.iter().find(|source| source.path == path)?;
        Some(&source.text)
    }

    fn read_first(&mut self, path: &Utf8Path, diagnostics: &mut Diagnostics) -> Option<Text> {
        match self.read(path) {
            Ok(text) => Some(text),
            Err(message) => {
                let place = Place { file: path.to_owned(), line: 1, column: 1 };
                let at = At { place, span: Span::new(0, 0) };
                diagnostics.error(super::code::Code::NoFile, &at, message);
                None
            }
        }
    }

    /// The files that `pattern` (with `*` within a name, `**` for any folders) matches under `base`,
    /// sorted. The error is a sentence.
    pub(crate) fn matching(base: &Utf8Path, pattern: &str) -> Result<Vec<Utf8PathBuf>, String> {
        let plain = |part: &&str| !part.contains('*');
        let root = pattern.split('/').take_while(plain).fold(base.to_owned(), |a, b| a.join(b));
        let rest: Vec<&str> = pattern.split('/').skip_while(plain).collect();
        let mut found = Vec::new();
        walk(&lexical(&root), &rest, &mut found)?;
        found.sort();
        found.dedup();
        Ok(found)
    }
}

fn sentence(path: &Utf8Path, error: &std::io::Error) -> String {
    if error.kind() == std::io::ErrorKind::NotFound {
        return format!("there is no file `{path}`");
    }
    format!("`{path}` cannot be read: {error}")
}

fn walk(folder: &Utf8Path, rest: &[&str], found: &mut Vec<Utf8PathBuf>) -> Result<(), String> {
    let Some((first, after)) = rest.split_first() else { return Ok(()) };
    if *first == "**" {
        walk(folder, after, found)?;
    }
    let entries = folder.read_dir_utf8().map_err(|error| sentence(folder, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| sentence(folder, &error))?;
        let is_folder = entry.file_type().map_err(|error| sentence(folder, &error))?.is_dir();
        let path = folder.join(entry.file_name());
        let matches = *first != "**" && is_like(entry.file_name(), first);
        if is_folder && *first == "**" {
            walk(&path, rest, found)?;
        } else if is_folder && matches {
            walk(&path, after, found)?;
        } else if matches && after.is_empty() {
            found.push(path);
        }
    }
    Ok(())
}

/// Whether `name` matches a pattern in which `*` stands for any letters.
fn is_like(name: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => name == pattern,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|tail| {
            let mut ends = tail.char_indices().map(|(at, _)| at).chain([tail.len()]);
            ends.any(|at| tail.get(at..).is_some_and(|tail| is_like(tail, rest)))
        }),
    }
}

/// The path with `.` and `a/..` taken out, so that one file has one name.
pub(crate) fn lexical(path: &Utf8Path) -> Utf8PathBuf {
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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("scenarios/order/keys.yaml", "order/keys")]
    #[case("/a/scenarios/b/scenarios/c.yaml", "c")]
    #[case("other/keys.yaml", "keys")]
    fn ids(#[case] path: &str, #[case] expected: &str) {
        assert_eq!(id(Utf8Path::new(path)), expected);
    }

    #[rstest]
    #[case("ddl.orders.sql", "ddl.*.sql", true)]
    #[case("dml.orders.sql", "ddl.*.sql", false)]
    #[case("ab", "*a*b*", true)]
    #[case("a", "a*a", false)]
    fn patterns(#[case] name: &str, #[case] pattern: &str, #[case] expected: bool) {
        assert_eq!(is_like(name, pattern), expected);
    }

    #[rstest]
    #[case("a/../b/./c", "b/c")]
    #[case("../../a", "../../a")]
    #[case("/a/../b", "/b")]
    fn one_file_has_one_name(#[case] path: &str, #[case] expected: &str) {
        assert_eq!(lexical(Utf8Path::new(path)), expected);
    }
}
