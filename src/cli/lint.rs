//! `changeproof lint`: all errors of all files, without a stack.

use camino::Utf8Path;
use clap::{Args, ValueEnum};

use super::console::Console;
use super::format::show;
use super::last::LastRuns;
use super::list::listing;
use super::project;
use super::select::{Nothing, Selected, Selection};
use super::watch::Watch;
use crate::base::exit::Exit;
use crate::report::{annotations, plural};

/// Read scenarios and their pipelines and show everything that is wrong with them
#[derive(Debug, Args)]
pub(super) struct Lint {
    #[command(flatten)]
    selection: Selection,
    /// How it is shown
    #[arg(long, value_enum, default_value_t = Form::Human, help_heading = "Output")]
    format: Form,
    /// Go on, and read again whenever a file changes
    #[arg(long)]
    watch: bool,
}

/// A form for what is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people, in the files
    Human,
    /// JSON, as `changeproof schema list` describes it: trials, diagnostics, refused scenarios
    Json,
    /// SARIF 2.1.0, for services that keep what tools find
    Sarif,
    /// Commands in the log of a GitHub job, which shows them at their lines
    Github,
}

pub(super) fn run(lint: &Lint, console: Console) -> Exit {
    if !lint.watch {
        return once(lint, console).0;
    }
    match watch(lint, console) {
        Ok(exit) => exit,
        Err(error) => console.failed(&format!("files cannot be watched: {error}"), Exit::Usage),
    }
}

fn watch(lint: &Lint, console: Console) -> notify::Result<Exit> {
    let mut watch = Watch::new()?;
    loop {
        let (exit, selected) = once(lint, console);
        let root = project::scenarios(console).ok();
        let named = lint.selection.words.iter().map(Utf8Path::new).filter(|path| path.exists());
        let (folders, files): (Vec<_>, Vec<_>) = named.partition(|path| path.is_dir());
        let read = selected.sources.keys().map(camino::Utf8PathBuf::as_path);
        watch.also(root.as_deref().into_iter().chain(folders), read.chain(files))?;
        console.err("watching; Ctrl-C ends it");
        if !watch.changed() {
            return Ok(exit);
        }
        console.err("\n── read again ──\n");
    }
}

/// Reads everything once and shows it.
fn once(lint: &Lint, console: Console) -> (Exit, Selected) {
    let (selected, exit) = match lint.selection.select(console) {
        Ok(selected) if selected.refused() => (selected, Exit::ScenarioInvalid),
        Ok(selected) => (selected, Exit::Pass),
        Err(nothing) => {
            nothing.tell(console);
            let Nothing { exit, asked } = nothing;
            (Selected { wrong: asked, ..Selected::default() }, exit)
        }
    };
    let found = &selected.diagnostics;
    match lint.format {
        // What was named is nothing, and that has been said.
        Form::Human if selected.n_files == 0 => {}
        Form::Human => people(&selected, console),
        Form::Json => console.out(&listing(&selected, &LastRuns::default()).text()),
        Form::Sarif => console.out(&annotations::sarif(found)),
        Form::Github if found.is_empty() => {}
        Form::Github => console.out(&annotations::github(found)),
    }
    (exit, selected)
}

fn people(selected: &Selected, console: Console) {
    if !selected.diagnostics.is_empty() {
        show(&selected.diagnostics, |file| selected.source(file), console);
    }
    if selected.refused() {
        return;
    }
    for planned in &selected.trials {
        console.out(&planned.trial.name());
    }
    let (trials, files) = (selected.trials.len(), selected.n_files);
    let warnings = match selected.diagnostics.len() {
        0 => String::new(),
        n => format!(", {}", plural(n, "warning")),
    };
    console.out(&format!(
        "{} in {}, no errors{warnings}",
        plural(trials, "trial"),
        plural(files, "scenario")
    ));
}
