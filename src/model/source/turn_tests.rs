//! Rows and columns are followed over changes of the schema.

use super::tests::{push, row, transaction};
use super::{Image, Journal, ROWS, Rows, TABLES, Transaction, prefix};
use crate::base::position::Lsn;
use crate::codec::pgoutput::{Cell, write};
use crate::history::event::Table;
use crate::history::testing::text_table;

fn table(oid: u32, name: &str, columns: &[&str]) -> Table {
    Table { oid, ..text_table(name, columns) }
}

fn of_type(mut table: Table, column: usize, type_name: &str) -> Table {
    type_name.clone_into(&mut table.columns[column].type_name);
    table
}

fn noted(tables: &[Table]) -> Vec<u8> {
    write::message(Lsn(1), TABLES, &serde_json::to_vec(tables).unwrap())
}

fn rows_of(oid: u32, rows: &[&[&str]]) -> Vec<u8> {
    let rows = serde_json::json!({"table": oid, "rows": rows});
    write::message(Lsn(1), ROWS, rows.to_string().as_bytes())
}

fn insert(oid: u32, cells: &[&str]) -> Vec<u8> {
    let cells = cells.iter().map(|cell| Some(*cell)).collect::<Vec<_>>();
    write::insert(oid, &row(&cells))
}

fn texts(rows: &Rows) -> Vec<Vec<String>> {
    let text = |cell: &Cell| match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Text(text) => text.clone(),
        Cell::Unchanged => "?".to_owned(),
    };
    rows.iter().map(|row: &Image| row.iter().map(text).collect()).collect()
}

/// The rows of the tables as the journal folds them, which are those of the prefix.
fn after(tables: &[Table], messages: &[Vec<Vec<u8>>]) -> (Vec<Vec<Vec<String>>>, Vec<Transaction>) {
    let mut journal = Journal::new(tables);
    let seen = push(&mut journal, &messages.concat());
    let rows = prefix(tables, &seen);
    for (place, rows) in rows.iter().enumerate() {
        let folded = journal.fold(place).unwrap().rows().collect::<Vec<_>>();
        assert_eq!(rows.iter().collect::<Vec<_>>(), folded);
    }
    (rows.iter().map(texts).collect(), seen)
}

#[test]
fn a_key_of_another_type_is_found_by_its_new_text() {
    let before = table(1, "t", &["id", "v"]);
    let turned = of_type(before.clone(), 0, "integer");
    let update = write::update(1, None, &row(&[Some("1"), Some("b")]));
    let messages = [
        transaction(10, &[insert(1, &["01", "a"])]),
        transaction(20, &[noted(&[turned]), rows_of(1, &[&["1", "a"]])]),
        transaction(30, &[update]),
    ];
    let (rows, seen) = after(&[before], &messages);
    assert_eq!(rows, [[["1", "b"]]]);
    let reshaped = &seen[1].turns[0].reshaped[0];
    assert_eq!((reshaped.place, reshaped.noted, reshaped.gone), (Some(0), true, false));
}

#[test]
fn rows_of_a_large_table_come_in_several_notes() {
    let before = table(1, "t", &["id", "v"]);
    let turned = of_type(before.clone(), 1, "integer");
    let more = serde_json::json!({"table": 1, "more": true, "rows": [["2", "8"]]});
    let more = write::message(Lsn(1), ROWS, more.to_string().as_bytes());
    let messages = [
        transaction(10, &[insert(1, &["1", "07"]), insert(1, &["2", "08"])]),
        transaction(20, &[noted(&[turned]), rows_of(1, &[&["1", "7"]]), more]),
    ];
    let (rows, seen) = after(&[before], &messages);
    assert_eq!(rows, [[["1", "7"], ["2", "8"]]]);
    assert_eq!(seen[1].turns[0].reshaped[0].rows.len(), 2);
}

#[test]
fn without_noted_rows_a_value_of_another_type_is_not_known() {
    let before = table(1, "t", &["id", "v"]);
    let turned = of_type(before.clone(), 1, "integer");
    let messages =
        [transaction(10, &[insert(1, &["1", "07"])]), transaction(20, &[noted(&[turned])])];
    assert_eq!(after(&[before], &messages).0, [[["1", "?"]]]);
}

#[test]
fn a_renamed_column_keeps_its_values() {
    let before = table(1, "t", &["id", "v"]);
    let messages = [
        transaction(10, &[insert(1, &["1", "a"])]),
        transaction(20, &[noted(&[table(1, "t", &["id", "w"])]), insert(1, &["2", "b"])]),
    ];
    let (rows, seen) = after(&[before], &messages);
    assert_eq!(rows, [[["1", "a"], ["2", "b"]]]);
    assert_eq!(*seen[1].changes[0].columns, ["id".to_owned(), "w".to_owned()]);
}

#[test]
fn a_schema_that_changes_within_a_transaction_stands_between_its_changes() {
    let before = table(1, "t", &["id"]);
    let turned = table(1, "t", &["id", "v"]);
    let changes =
        [insert(1, &["1"]), noted(&[turned]), rows_of(1, &[&["1", "x"]]), insert(1, &["2", "y"])];
    let (rows, seen) = after(&[before], &[transaction(10, &changes)]);
    assert_eq!(rows, [[["1", "x"], ["2", "y"]]]);
    assert_eq!(seen[0].turns[0].behind, 1);
    assert_eq!(seen[0].changes[0].columns.len(), 1);
}

#[test]
fn a_renamed_table_takes_its_rows_with_it_and_its_name_can_be_used_again() {
    let (a, b) = (table(1, "a", &["id"]), table(1, "b", &["id"]));
    let again = table(3, "a", &["id"]);
    let known = [a, table(3, "b", &["id"])];
    let messages = [
        transaction(10, &[insert(1, &["1"])]),
        transaction(20, &[noted(std::slice::from_ref(&b)), insert(1, &["2"])]),
        transaction(30, &[noted(&[again, b]), insert(3, &["9"])]),
    ];
    assert_eq!(after(&known, &messages).0, [vec![["9"]], vec![["1"], ["2"]]]);
}

#[test]
fn a_dropped_table_has_no_rows_and_one_that_nobody_knows_is_left_alone() {
    let (a, unknown) = (table(1, "a", &["id"]), table(7, "unknown", &["id"]));
    let messages = [
        transaction(10, &[insert(1, &["1"])]),
        transaction(20, &[noted(std::slice::from_ref(&unknown)), insert(7, &["2"])]),
    ];
    let (rows, seen) = after(&[a], &messages);
    assert_eq!(rows, [Vec::<Vec<String>>::new()]);
    assert!(seen[1].changes.is_empty());
    let gone = seen[1].turns[0].reshaped.iter().filter(|reshaped| reshaped.gone).count();
    assert_eq!(gone, 1);
}

#[test]
fn a_note_that_changes_nothing_reshapes_nothing() {
    let a = table(1, "a", &["id"]);
    let (_, seen) =
        after(std::slice::from_ref(&a), &[transaction(10, &[noted(std::slice::from_ref(&a))])]);
    assert_eq!(seen[0].turns[0].reshaped, []);
}

#[test]
fn a_change_of_a_partition_is_one_of_its_root_and_is_published_as_one_of_them() {
    let root = Table { partitioned: true, ..table(9, "t", &["id", "v"]) };
    let leaf =
        |oid, name| Table { within: vec!["public.t".to_owned()], ..table(oid, name, &["id", "v"]) };
    let (north, south) = (leaf(1, "t_n"), leaf(2, "t_s"));
    let alone = Table { within: Vec::new(), ..south.clone() };
    let tables = [root.clone(), north.clone(), south];
    for via_root in [true, false] {
        let mut journal = Journal::new(&tables);
        let gone = write::delete(1, &write::full(&row(&[Some("1"), Some("a")])));
        let messages = [
            transaction(10, &[insert(1, &["1", "a"])]),
            transaction(20, &[gone, insert(2, &["1", "b"])]),
            // Detached, it is a table of its own.
            transaction(
                30,
                &[noted(&[root.clone(), north.clone(), alone.clone()]), insert(2, &["2", "c"])],
            ),
        ];
        let mut seen = push(&mut journal, &messages.concat());
        super::through_roots(&tables, &mut seen, |_| via_root);
        let published = seen.iter().flat_map(|transaction| &transaction.changes);
        let published = published.filter(|change| change.published).map(|change| change.table);
        let expected = if via_root { [0, 0, 0, 2] } else { [1, 1, 2, 2] };
        assert_eq!(published.collect::<Vec<_>>(), expected);
        let rows = prefix(&tables, &seen).iter().map(texts).collect::<Vec<_>>();
        // What it held is no longer the root's.
        assert_eq!((&rows[0], &rows[1], rows[2].len()), (&Vec::new(), &Vec::new(), 2));
    }
}

#[test]
fn a_root_has_the_rows_of_its_partitions_behind_every_change_of_the_schema() {
    let root = Table { partitioned: true, ..table(9, "t", &["id", "v"]) };
    let within = vec!["public.t".to_owned()];
    let north = Table { within: within.clone(), ..table(1, "t_n", &["id", "v"]) };
    // It came as a table of its own, with its columns in another order.
    let south = table(2, "t_s", &["v", "id"]);
    let tables = [root.clone(), north.clone(), south.clone()];
    let attached = Table { within: within.clone(), ..south };
    let wider = |table: &Table| {
        let mut table = table.clone();
        table.columns.push(crate::history::event::Column {
            name: "b".to_owned(),
            ..table.columns[0].clone()
        });
        table
    };
    let messages = [
        transaction(10, &[insert(1, &["1", "a"]), insert(2, &["b", "2"])]),
        transaction(20, &[noted(&[root.clone(), north.clone(), attached.clone()])]),
        transaction(
            30,
            &[
                noted(&[wider(&root), wider(&north), wider(&attached)]),
                rows_of(1, &[&["1", "a", "t"]]),
                rows_of(2, &[&["b", "2", "f"]]),
            ],
        ),
    ];
    for (upto, expected) in [
        (1, vec![vec!["1", "a"]]),
        (2, vec![vec!["1", "a"], vec!["2", "b"]]),
        (3, vec![vec!["1", "a", "t"], vec!["2", "b", "f"]]),
    ] {
        let mut journal = Journal::new(&tables);
        let mut seen = push(&mut journal, &messages[..upto].concat());
        super::through_roots(&tables, &mut seen, |_| true);
        assert_eq!(texts(&prefix(&tables, &seen)[0]), expected);
    }
}
