//! Files in the order in which they can be run: what defines before what uses, and else as their
//! names count (`V2` before `V10`).

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use super::of_postgres;
use super::tables::last_name;
use crate::base::text::Text;
use crate::sql::flink::{self, Statement};
use crate::sql::split;
use crate::sql::token::{Language, Token, significant};

/// Files that are left out, each with the reason.
type LeftOut = Vec<(Utf8PathBuf, String)>;

/// A file with what it defines and needs.
struct Piece {
    file: (Utf8PathBuf, Text),
    defines: BTreeSet<String>,
    needs: BTreeSet<String>,
}

/// Files of Postgres' DDL in order, and those that are left out, each with the reason.
pub(super) fn source(files: Vec<(Utf8PathBuf, Text)>) -> (Vec<(Utf8PathBuf, Text)>, LeftOut) {
    let mut left_out = Vec::new();
    let mut pieces = Vec::new();
    for file in files {
        match postgres(&file.1) {
            _ if is_way_back(&file.0) => {
                left_out.push((file.0, "it takes a migration back".to_owned()));
            }
            Some((defines, needs)) => pieces.push(Piece { file, defines, needs }),
            None => {
                let why = match of_postgres(&file.1) {
                    Err(error) => format!("line {}: {error}", file.1.place(error.span.start).line),
                    Ok(_) => "it makes no tables and puts no rows into any".to_owned(),
                };
                left_out.push((file.0, why));
            }
        }
    }
    pieces.sort_by_key(|piece| natural(&piece.file.0));
    let (pieces, repeated) = without_repeated(pieces);
    left_out.extend(repeated);
    (in_order(pieces), left_out)
}

/// Files of Flink statements in order.
pub(super) fn statements(files: Vec<(Utf8PathBuf, Text)>) -> Vec<(Utf8PathBuf, Text)> {
    let mut pieces: Vec<Piece> = files
        .into_iter()
        .map(|file| {
            let (defines, needs) = of_flink(&file.1);
            Piece { file, defines, needs }
        })
        .collect();
    pieces.sort_by_key(|piece| rank(&piece.file.0, &piece.file.1));
    in_order(pieces)
}

/// Each file once all that it needs is defined, as far as any file defines it.
fn in_order(mut pieces: Vec<Piece>) -> Vec<(Utf8PathBuf, Text)> {
    let mut sorted = Vec::new();
    let mut defined: BTreeSet<String> = BTreeSet::new();
    while !pieces.is_empty() {
        let next = pieces.iter().position(|piece| {
            let mut open = piece.needs.iter().filter(|name| !defined.contains(*name));
            open.all(|name| {
                piece.defines.contains(name)
                    || !pieces.iter().any(|other| other.defines.contains(name))
            })
        });
        let piece = pieces.remove(next.unwrap_or(0));
        defined.extend(piece.defines);
        sorted.push(piece.file);
    }
    sorted
}

/// Of files that make the same tables those that make most: a dump beside the migrations. Files of
/// one folder belong together.
fn without_repeated(pieces: Vec<Piece>) -> (Vec<Piece>, LeftOut) {
    let group = |piece: &Piece| match piece.file.0.parent() {
        // Prisma's migrations have a folder each.
        Some(folder) if piece.file.0.file_name() == Some("migration.sql") => {
            folder.parent().unwrap_or(folder).to_owned()
        }
        Some(folder) => folder.to_owned(),
        None => Utf8PathBuf::new(),
    };
    let mut groups: Vec<(Utf8PathBuf, BTreeSet<String>)> = Vec::new();
    for piece in &pieces {
        let name = group(piece);
        match groups.iter_mut().find(|(own, _)| *own == name) {
            Some((_, tables)) => tables.extend(piece.defines.iter().cloned()),
            None => groups.push((name, piece.defines.clone())),
        }
    }
    groups.sort_by_key(|(_, tables)| std::cmp::Reverse(tables.len()));
    let (mut made, mut repeated) = (BTreeSet::new(), Vec::new());
    for (name, tables) in &groups {
        if !tables.is_empty() && tables.is_subset(&made) {
            repeated.push(name.clone());
        }
        made.extend(tables.iter().cloned());
    }
    let (out, kept): (Vec<Piece>, Vec<Piece>) =
        pieces.into_iter().partition(|piece| repeated.contains(&group(piece)));
    let why = |piece: Piece| (piece.file.0, "its tables are made by other files too".to_owned());
    (kept, out.into_iter().map(why).collect())
}

/// `000001_x.down.sql`, `V1__x.down.sql`, Flyway's `U1__x.sql`.
fn is_way_back(path: &Utf8Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_lowercase();
    let undoes = name
        .strip_prefix('u')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()) && rest.contains("__"));
    name.ends_with(".down.sql") || name == "down.sql" || name.ends_with("_down.sql") || undoes
}

/// A path whose numbers are compared as numbers.
fn natural(path: &Utf8Path) -> Vec<(Utf8PathBuf, u128, String)> {
    let mut parts = Vec::new();
    let folder = path.parent().unwrap_or(Utf8Path::new("")).to_owned();
    // Flyway's repeatable migrations come last.
    let mut rest = path.file_name().unwrap_or_default();
    let is_last = rest.starts_with("R__");
    parts.push((folder, u128::from(is_last), String::new()));
    while !rest.is_empty() {
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (text, after) = rest.split_at(letters);
        let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let (number, after) = after.split_at(digits);
        parts.push((Utf8PathBuf::from(text), number.parse().unwrap_or(0), number.to_owned()));
        rest = after;
    }
    parts
}

/// Where a file of Flink statements belongs, as far as names of files and folders tell.
fn rank(path: &Utf8Path, text: &Text) -> (bool, usize, Vec<(Utf8PathBuf, u128, String)>) {
    let statements = split::flink(text).unwrap_or_default();
    let writes = statements.iter().any(|text| !flink::parse(text).inserts().is_empty());
    let stages = ["sources", "intermediates", "dimensions", "facts", "views"];
    let stage =
        path.components().find_map(|part| stages.iter().position(|stage| *stage == part.as_str()));
    (writes, stage.unwrap_or(0), natural(path))
}

/// The tables that a file of Postgres makes, and those that must be there before.
fn postgres(text: &Text) -> Option<(BTreeSet<String>, BTreeSet<String>)> {
    let (mut defines, mut needs) = (BTreeSet::new(), BTreeSet::new());
    let mut is_used = false;
    for statement in of_postgres(text).unwrap_or_default() {
        let tokens = significant(Language::Postgres, &statement.value);
        let is =
            |n: usize, word: &str| tokens.get(n).is_some_and(|token: &Token<'_>| token.is(word));
        is_used |= ["CREATE", "ALTER", "INSERT", "COPY", "DROP"].iter().any(|word| is(0, word));
        if let Some(created) = crate::sql::postgres::created_table(&statement) {
            defines.insert(created.name);
        } else if is(0, "ALTER") || is(0, "INSERT") {
            let skip = 2 + usize::from(is(2, "ONLY"));
            needs.extend(tokens.get(skip..).and_then(last_name));
        } else if is(0, "CREATE") && is(1, "TYPE") {
            defines.extend(tokens.get(2..).and_then(last_name));
        } else if let Some(on) =
            tokens.iter().position(|token| token.is("ON")).filter(|_| is(0, "CREATE"))
        {
            needs.extend(tokens.get(on + 1..).and_then(last_name));
        }
        for (n, _) in tokens.iter().enumerate().filter(|(_, token)| token.is("REFERENCES")) {
            needs.extend(tokens.get(n + 1..).and_then(last_name));
        }
        if let Some(of) = tokens.iter().position(|token| token.is("PARTITION")) {
            needs.extend(tokens.get(of + 2..).filter(|_| is(0, "CREATE")).and_then(last_name));
        }
    }
    is_used.then_some((defines, needs))
}

fn of_flink(text: &Text) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut defines, mut needs) = (BTreeSet::new(), BTreeSet::new());
    for statement in split::flink(text).unwrap_or_default() {
        let parsed = flink::parse(&statement);
        for insert in parsed.inserts() {
            needs.insert(insert.target.table().to_owned());
            needs.extend(insert.reads.iter().map(|name| name.table().to_owned()));
        }
        match parsed {
            Statement::CreateTable(table) => {
                needs.extend(table.like.iter().map(|name| name.table().to_owned()));
                defines.insert(table.name.table().to_owned());
            }
            Statement::CreateView { name, reads } => {
                needs.extend(reads.iter().map(|name| name.table().to_owned()));
                defines.insert(name.table().to_owned());
            }
            _ => {}
        }
    }
    (defines, needs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(all: &[(&str, &str)]) -> Vec<(Utf8PathBuf, Text)> {
        let file = |(path, text): &(&str, &str)| {
            ((*path).into(), Text::whole((*path).into(), (*text).to_owned()))
        };
        all.iter().map(file).collect()
    }

    fn names(files: &[(Utf8PathBuf, Text)]) -> Vec<&str> {
        files.iter().map(|(path, _)| path.as_str()).collect()
    }

    #[test]
    fn migrations_run_as_they_count_and_none_is_taken_back() {
        let (kept, out) = source(files(&[
            ("m/V10__c.sql", "ALTER TABLE a ADD x int"),
            ("m/V2__b.sql", "CREATE TABLE b (id int REFERENCES a)"),
            ("m/V1__a.sql", "CREATE TABLE a (id int PRIMARY KEY)"),
            ("m/1.down.sql", "DROP TABLE a"),
            ("q/report.sql", "SELECT 1"),
        ]));
        assert_eq!(names(&kept), ["m/V1__a.sql", "m/V2__b.sql", "m/V10__c.sql"]);
        assert_eq!(out.len(), 2);
    }

    #[test]
    fn a_file_a_table_is_put_in_order_and_a_dump_beside_them_is_left_out() {
        let (kept, out) = source(files(&[
            ("dump.sql", "CREATE TABLE a (id int PRIMARY KEY)"),
            ("t/a_line.sql", "CREATE TABLE a_line (a int REFERENCES a)"),
            ("t/b.sql", "CREATE TABLE a (id int PRIMARY KEY)"),
        ]));
        assert_eq!(names(&kept), ["t/b.sql", "t/a_line.sql"]);
        assert_eq!(out[0].0, "dump.sql");
    }

    #[test]
    fn definitions_come_before_writes_and_sources_before_facts() {
        let sorted = statements(files(&[
            ("facts/a/dml.a.sql", "INSERT INTO a SELECT * FROM b"),
            ("facts/a/ddl.a.sql", "CREATE TABLE a (x INT)"),
            ("dimensions/b/dml.b.sql", "INSERT INTO b SELECT * FROM c"),
            ("sources/c/ddl.c.sql", "CREATE TABLE c (x INT)"),
        ]));
        let expected = [
            "sources/c/ddl.c.sql",
            "facts/a/ddl.a.sql",
            "dimensions/b/dml.b.sql",
            "facts/a/dml.a.sql",
        ];
        assert_eq!(names(&sorted), expected);
    }

    #[test]
    fn a_table_that_a_query_makes_comes_before_what_reads_it() {
        let sorted = statements(files(&[
            ("a.sql", "CREATE TABLE sums AS SELECT x FROM totals"),
            ("b.sql", "CREATE TABLE totals AS SELECT x FROM `cdc.public.a`"),
        ]));
        assert_eq!(names(&sorted), ["b.sql", "a.sql"]);
    }
}
