//! The language as its users meet it when they err. Each file in `tests/language/err/` holds a
//! mistake (its name says which); what is shown for it, all errors at once, is the snapshot of that
//! name. The message alone must be enough to mend the file.
//!
//! Write the snapshots anew with `INSTA_UPDATE=always cargo test --test language`, and read them.

use camino::{Utf8Path, Utf8PathBuf};
use changeproof::report::diagnostics::{Paint, render};
use changeproof::scenario::load;

#[test]
fn every_mistake_is_shown_in_its_place_with_what_mends_it() {
    let entries = Utf8Path::new("tests/language/err").read_dir_utf8();
    let paths = entries.expect("the folder of the mistakes is there").filter_map(Result::ok);
    let mut files: Vec<Utf8PathBuf> = paths.map(camino::Utf8DirEntry::into_path).collect();
    files.retain(|path| path.extension() == Some("yaml"));
    files.sort();
    assert!(!files.is_empty(), "there are mistakes");
    for file in files {
        let loaded = load(&file);
        let source = |file: &Utf8Path| {
            loaded.sources.iter().find(|source| source.path == file).map(|source| &*source.text)
        };
        let shown = render(&loaded.diagnostics, source, Paint::Plain);
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("language/err");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        let name = file.file_stem().expect("a file has a name");
        settings.bind(|| insta::assert_snapshot!(name, shown));
    }
}
