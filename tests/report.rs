//! The HTML report in a real browser: it draws without an error, and what a reader does with it works.
//!
//! The browser is Chromium, headless. `ci/test` installs it and sets `CHANGEPROOF_BROWSER`; without
//! that, and without a `chromium` in PATH, these tests say so and look at nothing.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test may start processes, fail and say so"
)]

use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use rstest::rstest;

const PROGRAM: &str = env!("CARGO_BIN_EXE_changeproof");

/// The browser; `None` where there is none and nobody asked for one.
fn browser() -> Option<String> {
    if let Ok(named) = std::env::var("CHANGEPROOF_BROWSER") {
        return Some(named);
    }
    let found = Command::new("chromium").arg("--version").output();
    if found.is_err() {
        eprintln!("not run: there is no `chromium` here; set CHANGEPROOF_BROWSER to one");
    }
    found.ok().map(|_| "chromium".to_owned())
}

/// The page of these runs, as `check` makes it.
fn page(runs: &[Utf8PathBuf]) -> String {
    let mut check = Command::new(PROGRAM);
    check.arg("check").args(runs).args(["--format", "html"]);
    String::from_utf8(check.output().unwrap().stdout).unwrap()
}

fn recorded(name: &str) -> Utf8PathBuf {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/histories").join(format!("{name}.jsonl"))
}

/// What a browser makes of a page in which a reader does something: a script of its own, whose result
/// it writes into the title.
struct Read {
    text: String,
    errors: Vec<String>,
}

fn read(browser: &str, page: &str, acts: &str, wide: u32) -> Read {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.html");
    let ends = "</body>";
    assert!(page.contains(ends), "no page: {page}");
    fs_err::write(&file, page.replace(ends, &format!("<script>{acts}</script>{ends}"))).unwrap();
    let url = format!("file://{}", file.display());
    let profile = format!("--user-data-dir={}", folder.path().join("profile").display());
    let size = format!("--window-size={wide},900");
    let fixed = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--enable-logging=stderr",
        "--virtual-time-budget=2000",
        "--dump-dom",
    ];
    let output = Command::new(browser).args(fixed).args([&profile, &size, &url]).output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    let errors = log.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect();
    Read { text: String::from_utf8_lossy(&output.stdout).into_owned(), errors }
}

/// Does this with the page of a run, and expects this title.
#[track_caller]
fn expects(run: &str, acts: &str, title: &str) {
    let Some(browser) = browser() else { return };
    let read = read(&browser, &page(&[recorded(run)]), acts, 1280);
    assert_eq!(read.errors, [""; 0]);
    let wanted = format!("<title>{title}</title>");
    assert!(read.text.contains(&wanted), "{:.600}", read.text);
}

/// A pass, a failure, a replay after a kill, windows, files, DDL.
#[rstest]
fn every_kind_of_run_is_drawn_without_an_error(
    #[values(
        "states-of-a-filter",
        "a-replayed-tail",
        "changes-of-a-filter",
        "a-bucket-and-a-lake-hold-every-change-partitions-1",
        "two-truncates-that-are-streamed",
        "a-life-in-avro"
    )]
    run: &str,
    #[values(360, 1280)] wide: u32,
) {
    let Some(browser) = browser() else { return };
    let read = read(&browser, &page(&[recorded(run)]), "", wide);
    assert_eq!(read.errors, [""; 0]);
    for section in ["verdict", "pipeline", "timeline", "repeat"] {
        assert!(read.text.contains(&format!("id=\"{section}\"")), "{run}: no {section}");
    }
}

#[test]
fn the_first_wrong_hop_is_marked_in_the_picture() {
    let marked = "document.title = [...document.querySelectorAll('.hop.wrong title')]
        .map((one) => one.textContent).join()";
    expects("states-of-a-filter", marked, "big");
}

/// In a narrow window the hops stand below each other, so that no part of the picture is cut off.
#[test]
fn the_first_wrong_hop_is_in_view_in_a_narrow_window() {
    let Some(browser) = browser() else { return };
    let ends = "const hop = document.querySelector('.hop.wrong').getBoundingClientRect();
        document.title = hop.left >= 0 && hop.right <= window.innerWidth";
    let read = read(&browser, &page(&[recorded("states-of-a-filter")]), ends, 500);
    assert!(read.text.contains("<title>true</title>"), "{:.300}", read.text);
}

#[test]
fn names_in_sentences_are_code_and_one_of_a_kind_is_singular() {
    let look = "const sentence = document.querySelector('#findings .finding > p');
        document.title = [sentence.querySelector('code') !== null, sentence.textContent.includes('`'),
            document.getElementById('verdict').textContent.includes('1 proof ')].join()";
    expects("append-fan-out-keeps-deleted-rows", look, "true,false,true");
}

#[test]
fn a_key_that_is_chosen_leaves_its_own_events_alone() {
    let choose = "const box = document.getElementById('key'); box.value = 'id=2';
        box.dispatchEvent(new Event('input'));
        document.title = [...document.querySelectorAll('#timeline tbody tr')]
            .every((row) => row.textContent.includes('id=2')) ? lanes.kept.length > 3 : 'others'";
    expects("states-of-a-filter", choose, "true");
}

#[test]
fn the_timeline_is_used_by_keyboard() {
    let press =
        "const press = (key) => lanes.canvas.dispatchEvent(new KeyboardEvent('keydown', { key }));
        const whole = lanes.to - lanes.from; press('+'); const part = lanes.to - lanes.from;
        press('Enter'); press('Enter'); press('0');
        document.title = [part < whole, lanes.to - lanes.from === whole, lanes.picked,
            document.getElementById('what').textContent.includes('#1')].join()";
    expects("states-of-a-filter", press, "true,true,1,true");
}

#[test]
fn many_findings_of_one_kind_are_one_entry_that_opens() {
    let open = "const more = document.querySelector('#findings > details'); more.open = true;
        more.dispatchEvent(new Event('toggle'));
        document.title = document.querySelectorAll('#findings .finding').length";
    expects("a-replayed-tail", open, "90");
}

#[test]
fn nothing_is_wider_than_a_narrow_window() {
    let Some(browser) = browser() else { return };
    let wide = "document.title = document.documentElement.scrollWidth <= window.innerWidth";
    let read = read(&browser, &page(&[recorded("a-replayed-tail")]), wide, 500);
    assert!(read.text.contains("<title>true</title>"), "{:.300}", read.text);
}

#[test]
fn a_page_over_several_runs_lists_and_filters_them() {
    let Some(browser) = browser() else { return };
    let runs = ["states-of-a-filter", "a-life-in-avro", "a-replayed-tail"].map(recorded);
    let filter = "const box = document.getElementById('filter'); box.value = 'avro';
        const before = document.querySelectorAll('#trials tbody tr').length;
        box.dispatchEvent(new Event('input'));
        document.title = before + ',' + document.querySelectorAll('#trials tbody tr').length";
    let read = read(&browser, &page(&runs), filter, 1280);
    assert_eq!(read.errors, [""; 0]);
    assert!(read.text.contains("<title>3,1</title>"), "{:.600}", read.text);
}
