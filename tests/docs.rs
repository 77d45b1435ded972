//! The pages of `docs/` show files of this repository as they are.

#![expect(
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test that cannot read its files fails, and may start processes"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files that a page shows, each with what is shown of it.
fn shown(page: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for part in page.split("<!-- file: ").skip(1) {
        let (file, rest) = part.split_once(" -->\n").expect("a mark ends its line");
        let (block, _) = rest.split_once("<!-- end -->").expect("what is shown has an end");
        let text = block.strip_prefix("```yaml\n").and_then(|block| block.strip_suffix("```\n"));
        found.push((file.to_owned(), text.unwrap_or(block).to_owned()));
    }
    found
}

#[test]
fn the_page_on_ci_shows_the_workflow_as_it_is() {
    let [(file, text)] = shown(&read(&root().join("docs/ci.md"))).try_into().expect("one file");
    assert!(text == read(&root().join(&file)), "{file} is shown otherwise: ci/generate");
}

/// The command lines of the console blocks of a page, without their comments.
fn commands(page: &str) -> Vec<String> {
    let blocks = page.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
    let lines = blocks.flat_map(str::lines).filter_map(|line| line.trim_start().strip_prefix("$ "));
    lines.map(|line| line.split(" # ").next().unwrap_or(line).trim().to_owned()).collect()
}

/// A command line as words; a quote ends at the next of its kind.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (n, part) in command.split(['\'', '"']).enumerate() {
        if n % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// Every command of the pages people begin with is one that this program knows, with options that it
/// has, and every script is there.
#[test]
fn every_command_that_a_page_shows_is_understood() {
    let mut n_commands = 0;
    let pages = ["README.md", "CONTRIBUTING.md", "docs/guide.md", "docs/ci.md", "docs/editors.md"];
    for page in pages {
        for command in commands(&read(&root().join(page))) {
            let words = words(&command);
            let program = words.first().map_or("", String::as_str);
            n_commands += 1;
            if program.starts_with("ci/") {
                assert!(root().join(program).is_file(), "{page}: there is no {program}");
            }
            if !program.ends_with("changeproof") {
                continue;
            }
            // What stands behind `>` is the shell's; `--help` in the end asks for nothing but the words.
            let ours = words.iter().skip(1).take_while(|word| *word != ">");
            let mut run = Command::new(env!("CARGO_BIN_EXE_changeproof"));
            let output = run.args(ours).arg("--help").output().expect("it can be run");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{page}: {command}\n{said}");
        }
    }
    assert!(n_commands > 20, "{n_commands} commands found");
}

#[test]
fn the_cookbook_shows_every_recipe_as_it_runs() {
    let page = read(&root().join("docs/cookbook.md"));
    let mut shown = shown(&page);
    for (file, text) in &shown {
        assert!(*text == read(&root().join(file)), "{file} is shown otherwise: ci/generate");
    }
    shown.sort();
    let folder = std::fs::read_dir(root().join("scenarios/cookbook")).expect("it is there");
    let mut files: Vec<String> = folder
        .map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned())
        .map(|name| format!("scenarios/cookbook/{name}"))
        .collect();
    files.sort();
    let names: Vec<&String> = shown.iter().map(|(file, _)| file).collect();
    assert_eq!(names, files.iter().collect::<Vec<_>>());
}
