//! `changeproof complete` and `changeproof man`: the command line for shells, and for `man`.

use camino::Utf8PathBuf;
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::console::Console;
use crate::base::exit::Exit;

/// Print what a shell needs to complete the words of changeproof
#[derive(Debug, Args)]
pub(super) struct Complete {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Print the manual page, or write one for each command to a folder
#[derive(Debug, Args)]
pub(super) struct Man {
    /// A folder, as `~/.local/share/man/man1`
    #[arg(value_name = "DIR")]
    folder: Option<Utf8PathBuf>,
}

pub(super) fn complete(complete: &Complete, console: Console) -> Exit {
    let mut text = Vec::new();
    let mut command = super::Arguments::command();
    clap_complete::generate(complete.shell, &mut command, "changeproof", &mut text);
    console.out(&String::from_utf8_lossy(&text));
    Exit::Pass
}

pub(super) fn man(man: &Man, console: Console) -> Exit {
    let command = super::Arguments::command();
    let done = match &man.folder {
        Some(folder) => fs_err::create_dir_all(folder)
            .and_then(|()| clap_mangen::generate_to(command, folder.as_std_path())),
        None => {
            let mut text = Vec::new();
            let rendered = clap_mangen::Man::new(command).render(&mut text);
            console.out(&String::from_utf8_lossy(&text));
            rendered
        }
    };
    match done {
        Ok(()) => Exit::Pass,
        Err(error) => console.failed(&format!("no manual page is written: {error}"), Exit::Usage),
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_shell_completes_the_visible_commands() {
        for shell in Shell::value_variants() {
            let mut text = Vec::new();
            clap_complete::generate(
                *shell,
                &mut super::super::Arguments::command(),
                "changeproof",
                &mut text,
            );
            let text = String::from_utf8(text).unwrap();
            assert!(text.contains("last-failed") && text.contains("explain"), "{shell}");
        }
    }

    #[test]
    fn each_command_has_a_manual_page() {
        let folder = tempfile::tempdir().unwrap();
        clap_mangen::generate_to(super::super::Arguments::command(), folder.path()).unwrap();
        let page =
            |name: &str| fs_err::read_to_string(folder.path().join(name)).unwrap_or_default();
        assert!(page("changeproof.1").contains("Exit codes"));
        assert!(page("changeproof-run.1").contains("last"));
        assert!(page("changeproof-keeper.1").is_empty());
    }
}
