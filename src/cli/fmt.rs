//! `changeproof fmt`: files in their canonical form.

use anyhow::Context as _;
use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;
use similar::TextDiff;

use super::console::Console;
use super::editor;
use super::format::show;
use super::project;
use crate::base::exit::Exit;
use crate::base::limits;
use crate::base::text::Text;
use crate::disk::{self, Below, Budget, Lost};
use crate::report::plural;
use crate::scenario::print::{NotPrinted, canonical};

/// Write scenario, pipeline and stack files in their canonical form
///
/// Comments, the order of keys and all values stay as they are; indentation, spaces and blank lines
/// become uniform, and what an older YAML reader would take for something else is quoted.
#[derive(Debug, Args)]
pub(super) struct Fmt {
    /// Files, or folders with all the scenario and pipeline files below them; left out, the folder
    /// with the scenarios
    #[arg(value_name = "PATH")]
    paths: Vec<Utf8PathBuf>,
    /// Change nothing; show what would change, and fail if anything would
    #[arg(long)]
    check: bool,
    /// Also write the schemas of this version to a folder of the project, and name them at the top of
    /// each file, so that editors complete and mark mistakes
    #[arg(long, value_name = "DIR")]
    schema: Option<Utf8PathBuf>,
}

/// The folder that holds all that runs keep.
const KEPT: &str = ".changeproof";

/// What is to be said of all files.
struct Tally {
    exit: Exit,
    n_files: usize,
    n_changed: usize,
}

pub(super) fn run(fmt: &Fmt, console: Console) -> Exit {
    let mut tally = Tally { exit: Exit::Pass, n_files: 0, n_changed: 0 };
    let mut files = Vec::new();
    let mut paths = fmt.paths.clone();
    if paths.is_empty() {
        match project::scenarios(console) {
            Ok(folder) => paths.push(folder),
            Err(exit) => return exit,
        }
    }
    for path in &paths {
        match collect(path, console) {
            Ok(found) => files.extend(found),
            Err(error) => return console.failed(&error, Exit::Usage),
        }
    }
    files.sort();
    files.dedup();
    if let Some(folder) = &fmt.schema
        && let Err(error) = schemas(folder, fmt.check, console, &mut tally)
    {
        return console.failed(&error, Exit::Usage);
    }
    for file in &files {
        if let Err(error) = one(file, fmt, console, &mut tally) {
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

/// The schemas of this version in a folder of the project.
fn schemas(
    folder: &Utf8Path,
    check: bool,
    console: Console,
    tally: &mut Tally,
) -> std::io::Result<()> {
    let files = if check { editor::stale(folder) } else { editor::write_schemas(folder)? };
    for file in files {
        console.err(&format!("{} {file}", if check { "another version:" } else { "wrote" }));
        tally.n_changed += usize::from(check);
    }
    Ok(())
}

fn one(
    file: &Utf8Path,
    fmt: &Fmt,
    console: Console,
    tally: &mut Tally,
) -> Result<(), anyhow::Error> {
    if is_kept(file) {
        anyhow::bail!("{file} is what a run was made from: it stays as it is");
    }
    let text = disk::read_text(file, limits::FILE_BYTES)?;
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
    let printed = match &fmt.schema {
        Some(folder) => editor::named_in(file, &printed, folder)?,
        None => printed,
    };
    tally.n_files += 1;
    if printed == text {
        return Ok(());
    }
    if fmt.check {
        tally.n_changed += 1;
        let diff = TextDiff::from_lines(&text, &printed);
        let canonical = format!("{file} (canonical)");
        console.out(&diff.unified_diff().header(file.as_str(), &canonical).to_string());
        return Ok(());
    }
    let written = disk::replace(file, printed.as_bytes());
    written.with_context(|| format!("{file} stays as it is"))?;
    tally.n_changed += 1;
    Ok(())
}

/// A file that is named, or the files of the language below a folder.
fn collect(path: &Utf8Path, console: Console) -> Result<Vec<Utf8PathBuf>, Lost> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let Below { mut files, nameless } = disk::below(path, |_| true, &mut Budget(limits::VISITED))?;
    console.nameless(&nameless);
    files.retain(|file| file.extension() == Some("yaml") && is_ours(file));
    Ok(files)
}

/// It lies in the folder that runs are kept in.
fn is_kept(file: &Utf8Path) -> bool {
    let folders = disk::whole(file);
    folders.components().any(|part| part.as_str() == KEPT)
}

/// Its first key is `scenario`, `pipeline` or `stack`.
fn is_ours(path: &Utf8Path) -> bool {
    let text = disk::read_text(path, limits::FILE_BYTES).unwrap_or_default();
    let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with(['#', '-']));
    first.is_some_and(|line| {
        ["scenario:", "pipeline:", "stack:"].iter().any(|key| line.starts_with(key))
    })
}
