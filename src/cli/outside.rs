//! Files that a scenario names outside of the project: nothing of them is shown. Whoever lints the
//! scenarios of others must not print what a stranger's file points at.

use camino::{Utf8Path, Utf8PathBuf};

use crate::base::diagnostic::{Diagnostic, Severity};

/// The folders whose files may be shown.
#[derive(Debug)]
pub(super) struct Project(Vec<Utf8PathBuf>);

impl Project {
    /// The project of a scenario that was named: the folder under version control that holds it, else
    /// its own; and the working folder. Links count as what they lead to.
    pub(super) fn of(scenario: &Utf8Path) -> Self {
        let file = scenario.canonicalize_utf8().ok();
        let above = file.iter().flat_map(|file| file.ancestors().skip(1));
        let root = above.clone().find(|folder| folder.join(".git").exists());
        let root = root.or_else(|| above.clone().next()).map(Utf8Path::to_owned);
        let here = Utf8Path::new(".").canonicalize_utf8().ok();
        Self(root.into_iter().chain(here).collect())
    }

    /// Whether a file lies in it. What is not there has nothing to show.
    pub(super) fn holds(&self, file: &Utf8Path) -> bool {
        let Ok(file) = file.canonicalize_utf8() else { return !file.exists() };
        self.0.iter().any(|root| file.starts_with(root))
    }

    /// The diagnostics, but of a file outside of the project only that there are some: messages may
    /// quote what they are about.
    pub(super) fn shown(&self, diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let mut shown: Vec<Diagnostic> = Vec::new();
        let mut told: Vec<(Utf8PathBuf, Severity)> = Vec::new();
        for diagnostic in diagnostics {
            if self.holds(diagnostic.file()) {
                shown.push(diagnostic);
                continue;
            }
            let once = (diagnostic.file().clone(), diagnostic.severity);
            if !told.contains(&once) {
                told.push(once);
                shown.push(hidden(diagnostic));
            }
        }
        shown
    }
}

fn hidden(diagnostic: Diagnostic) -> Diagnostic {
    let what = match diagnostic.severity {
        Severity::Error => "something in this file is refused",
        Severity::Warning => "there is a warning about this file",
    };
    let message = format!("{what}, and it is not shown: the file lies outside of the project");
    let help = "run changeproof in a folder that holds both the scenario and this file";
    Diagnostic {
        message,
        label: String::new(),
        earlier: None,
        help: Some(help.to_owned()),
        ..diagnostic
    }
}
