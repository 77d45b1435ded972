//! Folders of migrations: which files of a folder build a database, and in which order, by the names
//! that the usual tools give them.

use camino::{Utf8Path, Utf8PathBuf};

use crate::base::text::{Span, Text};

/// The files of a folder as they are run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ordered {
    /// In this order.
    pub(super) files: Vec<Utf8PathBuf>,
    /// Those that are left out, with the reason: one clause.
    pub(super) left_out: Vec<(Utf8PathBuf, &'static str)>,
}

/// What a file of a folder is, by its name; a greater one is run later.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Flyway's `B1__x.sql`, which stands for all versions up to it.
    Baseline(Vec<u128>),
    /// Flyway's `V1_2__x.sql`: by version, in whatever folder.
    Version(Vec<u128>),
    /// `0001_x.sql`, `2024…_x.up.sql`, `x.sql`: folder by folder, numbers first, by number.
    Plain(Utf8PathBuf, (bool, u128), String),
    /// Flyway's `R__x.sql`, behind all versions.
    Repeatable(String),
    /// What takes a migration back.
    Down,
}

const DOWN: &str = "it takes a migration back, and a run begins with an empty database";
const BASELINE: &str = "a baseline stands for this version";

/// The files of a folder in the order in which a tool for migrations runs them.
pub(super) fn ordered(paths: Vec<Utf8PathBuf>) -> Ordered {
    let mut all: Vec<_> = paths.into_iter().map(|path| (kind(&path), path)).collect();
    all.sort();
    let baseline = all.iter().filter_map(|(kind, _)| match kind {
        Kind::Baseline(version) => Some(version.clone()),
        _ => None,
    });
    let baseline = baseline.max();
    let mut ordered = Ordered::default();
    for (kind, path) in all {
        let why = match &kind {
            Kind::Down => Some(DOWN),
            Kind::Baseline(version) => (Some(version) < baseline.as_ref()).then_some(BASELINE),
            Kind::Version(version) => (Some(version) <= baseline.as_ref()).then_some(BASELINE),
            Kind::Plain(..) | Kind::Repeatable(_) => None,
        };
        match why {
            Some(why) => ordered.left_out.push((path, why)),
            None => ordered.files.push(path),
        }
    }
    ordered
}

fn kind(path: &Utf8Path) -> Kind {
    let name = path.file_stem().unwrap_or_default();
    if let Some((prefix, description)) = name.split_once("__") {
        let version = || version(prefix.get(1..)?);
        match (prefix.chars().next(), version()) {
            (Some('B'), Some(version)) => return Kind::Baseline(version),
            (Some('V'), Some(version)) => return Kind::Version(version),
            (Some('U'), Some(_)) => return Kind::Down,
            (Some('R'), _) if prefix == "R" => return Kind::Repeatable(description.to_owned()),
            _ => {}
        }
    }
    let is_down = Utf8Path::new(name).extension() == Some("down");
    if is_down || name.ends_with("_down") || name == "down" {
        return Kind::Down;
    }
    let digits: String = name.chars().take_while(char::is_ascii_digit).collect();
    let number = digits.parse().ok();
    let folder = path.parent().unwrap_or(Utf8Path::new("")).to_owned();
    Kind::Plain(folder, (number.is_none(), number.unwrap_or_default()), name.to_owned())
}

/// `1.2`, `1_2`, `20240101`.
fn version(text: &str) -> Option<Vec<u128>> {
    text.split(['.', '_']).map(|part| part.parse().ok()).collect()
}

/// Comments behind which a tool keeps what takes the migration of the same file back, and those
/// behind which it goes on.
const MARKS: [(&str, &str); 3] = [
    ("-- +goose Down", "-- +goose Up"),
    ("-- +migrate Down", "-- +migrate Up"),
    ("-- migrate:down", "-- migrate:up"),
];

/// The parts of a file that take its migration back: from the mark to the end of the file, or to the
/// next one.
pub(super) fn backwards(text: &Text) -> Vec<Span> {
    let mut found: Vec<Span> = Vec::new();
    let (mut at, mut open) = (0, None);
    for line in text.value.split_inclusive('\n') {
        let is = |mark: &str| {
            let line = line.trim().get(..mark.len());
            line.is_some_and(|line| line.eq_ignore_ascii_case(mark))
        };
        if MARKS.iter().any(|(down, _)| is(down)) {
            open = open.or(Some(at));
        } else if MARKS.iter().any(|(_, up)| is(up)) {
            found.extend(open.take().map(|start| Span::new(start, at)));
        }
        at += line.len();
    }
    found.extend(open.map(|start| Span::new(start, at)));
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::flyway(
        &["db/R__views.sql", "db/V10__j.sql", "db/V2__b.sql", "db/V2_1__c.sql", "db/V2.10__e.sql", "db/V2.9__d.sql", "db/U2__b.sql", "db/R__alter.sql"],
        &["db/V2__b.sql", "db/V2_1__c.sql", "db/V2.9__d.sql", "db/V2.10__e.sql", "db/V10__j.sql", "db/R__alter.sql", "db/R__views.sql"],
        &["db/U2__b.sql"]
    )]
    #[case::baseline(
        &["V1__a.sql", "V2__b.sql", "B2__base.sql", "B1__old.sql", "V3__c.sql"],
        &["B2__base.sql", "V3__c.sql"],
        &["B1__old.sql", "V1__a.sql", "V2__b.sql"]
    )]
    #[case::sqlx(
        &["m/20240102030405_b.up.sql", "m/20230102030405_a.up.sql", "m/20230102030405_a.down.sql"],
        &["m/20230102030405_a.up.sql", "m/20240102030405_b.up.sql"],
        &["m/20230102030405_a.down.sql"]
    )]
    #[case::numbers(
        &["10_j.sql", "9_i.sql", "001_a.sql", "schema.sql", "2-b.sql"],
        &["001_a.sql", "2-b.sql", "9_i.sql", "10_j.sql", "schema.sql"],
        &[]
    )]
    #[case::folders(
        &["seed/01.sql", "ddl/02.sql", "ddl/01.sql", "ddl/10.sql"],
        &["ddl/01.sql", "ddl/02.sql", "ddl/10.sql", "seed/01.sql"],
        &[]
    )]
    #[case::a_folder_a_migration(
        &["m/2_b/up.sql", "m/1_a/up.sql", "m/1_a/down.sql"],
        &["m/1_a/up.sql", "m/2_b/up.sql"],
        &["m/1_a/down.sql"]
    )]
    fn files_are_run_in_the_order_of_their_tool(
        #[case] paths: &[&str],
        #[case] files: &[&str],
        #[case] left_out: &[&str],
    ) {
        let ordered = ordered(paths.iter().map(Utf8PathBuf::from).collect());
        assert_eq!(ordered.files, files);
        let out: Vec<_> = ordered.left_out.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(out, left_out);
    }

    #[rstest]
    #[case("-- +goose Up\nA\n-- +goose Down\nB\n", &["-- +goose Down\nB\n"])]
    #[case("-- migrate:up\nA\n-- migrate:down\nB", &["-- migrate:down\nB"])]
    #[case("-- +migrate Down\nB\n-- +migrate Up\nA\n", &["-- +migrate Down\nB\n"])]
    #[case("A\n-- going down\n", &[])]
    fn what_takes_a_migration_back_is_found(#[case] sql: &str, #[case] expected: &[&str]) {
        let text = Text::whole("a.sql".into(), sql.to_owned());
        let found: Vec<_> =
            backwards(&text).iter().map(|span| &sql[span.start..span.end]).collect();
        assert_eq!(found, expected);
    }

    proptest! {
        /// No file is lost, and the order does not depend on how they were found.
        #[test]
        fn every_file_has_one_place(
            names in prop::collection::btree_set("(a/|b/)?(V|B|U|R|)[0-9]{0,3}(_|__|[.])[ab](\\.up|\\.down|)\\.sql", 0..12),
            seed: u64,
        ) {
            let mut paths: Vec<Utf8PathBuf> = names.iter().map(Utf8PathBuf::from).collect();
            let first = ordered(paths.clone());
            let turn = usize::try_from(seed % 12).unwrap_or_default() % paths.len().max(1);
            paths.rotate_left(turn);
            paths.reverse();
            prop_assert_eq!(&first, &ordered(paths));
            prop_assert_eq!(first.files.len() + first.left_out.len(), names.len());
        }
    }
}
