//! The pages of `docs/` show files of this repository as they are.

#![expect(clippy::panic, reason = "a test that cannot read its files fails")]

use std::path::{Path, PathBuf};

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
