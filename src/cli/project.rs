//! Where a project keeps its scenarios: what `changeproof.yaml` names, or a folder of a usual name.

use camino::{Utf8Path, Utf8PathBuf};

use super::console::Console;
use super::format::show;
use crate::base::exit::Exit;
use crate::scenario::load::load_project;

/// The file that tells what is told nowhere else.
const FILE: &str = "changeproof.yaml";

/// Where ids and labels are looked for: the first of them that is there.
pub(super) const ROOTS: [&str; 2] = ["scenarios", "changeproof/scenarios"];

/// The folder with the scenarios of the working folder. What is wrong with `changeproof.yaml` is
/// shown, and ends the command.
pub(super) fn scenarios(console: Console) -> Result<Utf8PathBuf, Exit> {
    if Utf8Path::new(FILE).exists() {
        let loaded = load_project(Utf8Path::new(FILE));
        let source = loaded.source.as_deref();
        if !loaded.diagnostics.is_empty() {
            show(&loaded.diagnostics, |_| source, console);
            return Err(Exit::ScenarioInvalid);
        }
        if let Some(folder) = loaded.scenarios {
            return Ok(folder);
        }
    }
    let [usual, _] = ROOTS;
    let there = ROOTS.into_iter().find(|root| Utf8Path::new(root).is_dir());
    Ok(there.unwrap_or(usual).into())
}
