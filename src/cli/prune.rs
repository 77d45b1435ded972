//! `changeproof prune`: recorded runs that nobody needs any more.

use camino::Utf8Path;
use clap::Args;

use super::console::Console;
use super::environment::Environment;
use super::run::RUNS;
use super::stack::own_options;
use crate::base::exit::Exit;
use crate::report::plural;
use crate::run::folder;
use crate::stack;

/// Remove recorded runs below `.changeproof/runs`, and what they keep on the stack
///
/// A run without a verdict may be going on, or was killed: it stays, unless `--unfinished` says that
/// nothing runs.
#[derive(Debug, Args)]
pub(super) struct Prune {
    /// Keep the last so many runs
    #[arg(long, value_name = "N", default_value_t = 0)]
    keep: usize,
    /// Remove runs without a verdict too
    #[arg(long)]
    unfinished: bool,
    /// Remove nothing; name what would be removed
    #[arg(long, conflicts_with = "kept")]
    dry_run: bool,
    /// Only let go of what runs keep on the stack (`run --keep-run`); their folders stay
    ///
    /// What is kept on the stack of a stack file goes with the next `changeproof stack sweep FILE`.
    #[arg(long, conflicts_with_all = ["keep", "unfinished"])]
    kept: bool,
}

pub(super) fn run(prune: &Prune, environment: &Environment, console: Console) -> Exit {
    let let_go = |wanted: &dyn Fn(&str) -> bool| {
        own_options(environment, None).and_then(|options| stack::let_go(&options, wanted))
    };
    if prune.kept {
        return match let_go(&|_| true) {
            Ok(runs) => {
                console.err(&format!(
                    "{} let go: changeproof's own stack removes what was kept, `changeproof stack sweep \
                     FILE` on that of a stack file",
                    plural(runs.len(), "run")
                ));
                Exit::Pass
            }
            Err(error) => console.failed(&error, error.exit()),
        };
    }
    let gone = match below(Utf8Path::new(RUNS), prune, console) {
        Ok(gone) => gone,
        Err(exit) => return exit,
    };
    // A run's folder and its claim bear the same token.
    match let_go(&|token| gone.iter().any(|name| name.ends_with(&format!("-{token}")))) {
        Ok(runs) if runs.is_empty() => Exit::Pass,
        Ok(runs) => {
            console.err(&format!("the stack removes what {} kept", plural(runs.len(), "run")));
            Exit::Pass
        }
        Err(error) => console.failed(&error, error.exit()),
    }
}

/// Removes run folders; gives the names of those that are gone.
fn below(runs: &Utf8Path, prune: &Prune, console: Console) -> Result<Vec<String>, Exit> {
    let mut names = folder::recorded(runs);
    names.truncate(names.len().saturating_sub(prune.keep));
    let (ended, open): (Vec<String>, Vec<String>) =
        names.into_iter().partition(|name| prune.unfinished || folder::has_ended(&runs.join(name)));
    let mut gone = Vec::new();
    for name in &ended {
        let folder = runs.join(name);
        if prune.dry_run {
            console.out(folder.as_str());
        } else if let Err(error) = fs_err::remove_dir_all(&folder) {
            return Err(console.failed(&format!("{folder} stays: {error}"), Exit::Usage));
        } else {
            gone.push(name.clone());
        }
    }
    let would = if prune.dry_run { "would be removed" } else { "removed" };
    console.err(&format!("{} {would}", plural(ended.len(), "run")));
    if !open.is_empty() {
        let them = plural(open.len(), "run");
        console.err(&format!(
            "{them} without a verdict left, which may be going on: --unfinished removes them too"
        ));
    }
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::cli::console::Color;

    const OLD: &str = "20250101-000000-0123456789";
    const OPEN: &str = "20250102-000000-0123456789";
    const NEW: &str = "20250103-000000-0123456789";

    #[rstest]
    #[case(0, false, false, &["notes", OPEN])]
    #[case(1, false, false, &["notes", OPEN, NEW])]
    #[case(0, true, false, &["notes"])]
    #[case(0, true, true, &["notes", OLD, OPEN, NEW])]
    fn only_runs_are_removed(
        #[case] keep: usize,
        #[case] unfinished: bool,
        #[case] dry_run: bool,
        #[case] expected: &[&str],
    ) {
        let kept = tempfile::tempdir().unwrap();
        let runs = Utf8Path::from_path(kept.path()).unwrap();
        for name in [OLD, OPEN, NEW, "notes"] {
            fs_err::create_dir(runs.join(name)).unwrap();
        }
        for name in [OLD, NEW] {
            fs_err::write(runs.join(name).join("verdict.json"), "{}").unwrap();
        }
        // A link that is called like a run leads to what is not ours.
        let link = runs.join("20250104-000000-0123456789");
        fs_err::os::unix::fs::symlink(runs.join("notes"), &link).unwrap();
        let prune = Prune { keep, unfinished, dry_run, kept: false };
        let gone = below(runs, &prune, Console::new(Color::Never, 0)).unwrap();
        assert!(gone.iter().all(|name| !runs.join(name).exists()), "{gone:?}");
        assert!(link.exists());
        fs_err::remove_file(&link).unwrap();
        let mut left: Vec<String> = runs
            .read_dir_utf8()
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_owned())
            .collect();
        left.sort();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(left, expected);
    }
}
