//! The one place where the language reads files.

use camino::{Utf8Path, Utf8PathBuf};

use super::diagnose::{At, Diagnostics};
use super::parse;
use super::pipeline::Pipeline;
use super::scenario::Scenario;
use super::settings::Settings;
use crate::base::diagnostic::{Diagnostic, Severity};
use crate::base::limits;
use crate::base::text::{Place, Span, Text};
use crate::disk::{self, Budget, Unread};

/// What came of a file.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The scenario; `None` if there is any error.
    pub scenario: Option<Scenario>,
    /// A pipeline file that was read alone, with its settings; `None` if there is any error.
    pub pipeline: Option<(Pipeline, Settings)>,
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
    load_from(
        path,
        id,
        Files { sources: vec![Source { path: path.to_owned(), text }], ..Files::default() },
    )
}

fn load_from(path: &Utf8Path, id: &str, mut files: Files) -> Loaded {
    let mut diagnostics = Diagnostics::default();
    let source = files.read_first(path, &mut diagnostics);
    let scenario =
        source.and_then(|source| parse::scenario(&source, id, &mut files, &mut diagnostics));
    finish(scenario, diagnostics, files)
}

/// Reads a pipeline file alone: the scenario of the result is always `None`.
pub fn load_pipeline(path: &Utf8Path) -> Loaded {
    let mut files = Files::default();
    let mut diagnostics = Diagnostics::default();
    let source = files.read_first(path, &mut diagnostics);
    let pipeline =
        source.and_then(|source| parse::pipeline_file(&source, &mut files, &mut diagnostics));
    let loaded = finish(None, diagnostics, files);
    let refused = loaded.is_refused();
    Loaded { pipeline: pipeline.filter(|_| !refused), ..loaded }
}

/// What `changeproof.yaml` says.
#[derive(Debug, Clone, Default)]
pub struct Project {
    /// The folder with the scenarios, as seen from the working folder.
    pub scenarios: Option<Utf8PathBuf>,
    /// Everything wrong with the file.
    pub diagnostics: Vec<Diagnostic>,
    /// Its text.
    pub source: Option<String>,
}

/// Reads `changeproof.yaml`.
pub fn load_project(path: &Utf8Path) -> Project {
    let (mut files, mut diagnostics) = (Files::default(), Diagnostics::default());
    let source = files.read_first(path, &mut diagnostics);
    let scenarios =
        source.as_ref().and_then(|source| parse::project(source, &mut files, &mut diagnostics));
    Project {
        scenarios,
        diagnostics: diagnostics.finish(),
        source: source.map(|source| source.value),
    }
}

fn finish(scenario: Option<Scenario>, diagnostics: Diagnostics, files: Files) -> Loaded {
    let diagnostics = diagnostics.finish();
    let loaded = Loaded { scenario, pipeline: None, diagnostics, sources: files.sources };
    let refused = loaded.is_refused();
    Loaded { scenario: loaded.scenario.filter(|_| !refused), ..loaded }
}

impl Loaded {
    /// Whether any file is refused.
    fn is_refused(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

/// The id of the scenario in `path`, however that was written: the path below the nearest folder
/// `scenarios`, else below the working folder, else below the folder that was `named`, else the name.
pub fn id_in(path: &Utf8Path, named: Option<&Utf8Path>) -> String {
    let whole = disk::whole(path);
    let root = whole.ancestors().skip(1).find(|above| above.file_name() == Some("scenarios"));
    let below = root.and_then(|root| whole.strip_prefix(root).ok()).map(Utf8Path::to_owned);
    let below = below.or_else(|| disk::from_here(path));
    let below = below.or_else(|| Some(path.strip_prefix(named?).ok()?.to_owned()));
    let below = below.unwrap_or_else(|| path.file_name().map_or_else(|| path.into(), Into::into));
    below.with_extension("").into_string()
}

/// [`id_in`], of a file that was named itself.
pub fn id(path: &Utf8Path) -> String {
    id_in(path, None)
}

/// The labels (`covers`) of a scenario file, also of one that is refused; none if it cannot be read.
pub fn labels(path: &Utf8Path) -> Vec<String> {
    let (mut files, mut diagnostics) = (Files::default(), Diagnostics::default());
    let source = files.read_first(path, &mut diagnostics);
    source.map_or_else(Vec::new, |source| parse::labels(&source, &mut files))
}

/// The files read so far.
#[derive(Debug)]
pub(crate) struct Files {
    sources: Vec<Source>,
    bytes: u64,
    /// What may still be looked at for patterns.
    names: Budget,
}

impl Default for Files {
    fn default() -> Self {
        Self { sources: Vec::new(), bytes: 0, names: Budget(limits::VISITED) }
    }
}

impl Files {
    /// Reads a file. The error is a sentence.
    pub(crate) fn read(&mut self, path: &Utf8Path) -> Result<Text, String> {
        if let Some(known) = self.text(path) {
            return Ok(Text::whole(path.to_owned(), known.to_owned()));
        }
        if limits::exceeds(self.sources.len() + 1, limits::FILES) {
            return Err(format!(
                "a scenario has at most {} files, and `{path}` is one more",
                limits::FILES
            ));
        }
        let left = limits::FILES_BYTES.saturating_sub(self.bytes);
        let text = disk::read_text(path, limits::FILE_BYTES.min(left)).map_err(|error| {
            if matches!(error, Unread::TooLarge(..)) && left < limits::FILE_BYTES {
                let most = limits::size(limits::FILES_BYTES);
                return format!("with `{path}` the files of this scenario are larger than {most}");
            }
            error.to_string()
        })?;
        self.bytes += u64::try_from(text.len()).unwrap_or(u64::MAX);
        self.sources.push(Source { path: path.to_owned(), text: text.clone() });
        Ok(Text::whole(path.to_owned(), text))
    }

    /// Whether there is a file.
    pub(crate) fn has(&self, path: &Utf8Path) -> bool {
        self.text(path).is_some() || path.is_file()
    }

    /// How long the files are in all.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The text of a file that was read.
    pub(crate) fn text(&self, path: &Utf8Path) -> Option<&str> {
        let source = self.sources.iter().find(|source| source.path == path)?;
        Some(&source.text)
    }

    /// All of them.
    pub(super) fn into_sources(self) -> Vec<Source> {
        self.sources
    }

    pub(super) fn read_first(
        &mut self,
        path: &Utf8Path,
        diagnostics: &mut Diagnostics,
    ) -> Option<Text> {
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

    /// The files that `pattern` matches under `base`, sorted. The error is a sentence.
    pub(crate) fn matching(
        &mut self,
        base: &Utf8Path,
        pattern: &str,
    ) -> Result<Vec<Utf8PathBuf>, String> {
        disk::matching(base, pattern, &mut self.names).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("scenarios/order/keys.yaml", "order/keys")]
    #[case("/a/scenarios/b/scenarios/c.yaml", "c")]
    #[case("other/keys.yaml", "other/keys")]
    #[case("/elsewhere/keys.yaml", "keys")]
    fn ids(#[case] path: &str, #[case] expected: &str) {
        assert_eq!(id(Utf8Path::new(path)), expected);
    }
}
