//! `changeproof fmt`: files in their canonical form.

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;
use similar::TextDiff;

use super::console::Console;
use super::format::show;
use crate::base::exit::Exit;
use crate::base::text::Text;
use crate::report::plural;
use crate::scenario::print::{NotPrinted, canonical};

/// Write scenario and pipeline files in their canonical form
///
/// Comments, the order of keys and all values stay as they are; indentation, spaces and blank lines
/// become uniform, and what an older YAML reader would take for something else is quoted.
#[derive(Debug, Args)]
pub(super) struct Fmt {
    /// Files, or folders with all the scenario and pipeline files below them
    #[arg(value_name = "PATH", default_value = "scenarios")]
    paths: Vec<Utf8PathBuf>,
    /// Change nothing; show what would change, and fail if anything would
    #[arg(long)]
    check: bool,
}

/// What is to be said of all files.
struct Tally {
    exit: Exit,
    n_files: usize,
    n_changed: usize,
}

pub(super) fn run(fmt: &Fmt, console: Console) -> Exit {
    let mut tally = Tally { exit: Exit::Pass, n_files: 0, n_changed: 0 };
    let mut files = Vec::new();
    for path in &fmt.paths {
        if let Err(error) = collect(path, path.is_dir(), &mut files) {
            return console.failed(&error, Exit::Usage);
        }
    }
    files.sort();
    files.dedup();
    for file in &files {
        if let Err(error) = one(file, fmt.check, console, &mut tally) {
            tally.exit = tally.exit.worst(console.failed(&error, Exit::Usage));
        }
    }
    if tally.n_files == 0 && tally.exit == Exit::Pass {
        return console.failed(&"no scenario or pipeline file was named", Exit::NothingRun);
    }
    let (files, changed) = (plural(tally.n_files, "file"), plural(tally.n_changed, "file"));
    if !fmt.check {
        console.err(&format!("{files} in canonical form, {changed} changed"));
    } else if tally.n_changed == 0 {
        console.err(&format!("{files} in canonical form"));
    } else {
        console.err(&format!("{changed} not in canonical form: changeproof fmt"));
        tally.exit = tally.exit.worst(Exit::ScenarioInvalid);
    }
    tally.exit
}

fn one(file: &Utf8Path, check: bool, console: Console, tally: &mut Tally) -> std::io::Result<()> {
    let text = fs_err::read_to_string(file)?;
    let source = Text::whole(file.to_owned(), text.clone());
    let printed = match canonical(&source) {
        Ok(printed) => printed,
        Err(NotPrinted::Refused(diagnostics)) => {
            show(&diagnostics, |_| Some(&text), console);
            tally.exit = tally.exit.worst(Exit::ScenarioInvalid);
            return Ok(());
        }
        Err(NotPrinted::Changed) => {
            let error =
                format!("{file} is left as it is: its canonical form would not say the same");
            tally.exit = tally.exit.worst(console.failed(&error, Exit::Internal));
            return Ok(());
        }
    };
    tally.n_files += 1;
    if printed == text {
        return Ok(());
    }
    tally.n_changed += 1;
    if check {
        let diff = TextDiff::from_lines(&text, &printed);
        let canonical = format!("{file} (canonical)");
        console.out(&diff.unified_diff().header(file.as_str(), &canonical).to_string());
        return Ok(());
    }
    fs_err::write(file, printed)
}

/// Files that are named, and files of the language below folders.
fn collect(path: &Utf8Path, is_folder: bool, files: &mut Vec<Utf8PathBuf>) -> std::io::Result<()> {
    if !is_folder {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in path.read_dir_utf8()? {
        let entry = entry?;
        let is_folder = entry.file_type()?.is_dir();
        if is_folder || (entry.path().extension() == Some("yaml") && is_ours(entry.path())?) {
            collect(entry.path(), is_folder, files)?;
        }
    }
    Ok(())
}

/// Its first key is `scenario` or `pipeline`.
fn is_ours(path: &Utf8Path) -> std::io::Result<bool> {
    let text = fs_err::read_to_string(path)?;
    let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with(['#', '-']));
    Ok(first.is_some_and(|line| line.starts_with("scenario:") || line.starts_with("pipeline:")))
}
