//! Transactions come out with the images that Postgres held.

use rstest::rstest;

use super::{Carried, Change, Journal, Kind, Transaction};
use crate::base::position::{Lsn, Xid};
use crate::codec::pgoutput::Cell;
use crate::codec::pgoutput::write::{self, Row};
use crate::history::event::{Column, Table};
use crate::scenario::settings::ReplicaIdentity;

fn table(identity: ReplicaIdentity, key: &[&str]) -> Table {
    let column = |name: &str| Column {
        name: name.to_owned(),
        type_oid: 25,
        type_name: "text".to_owned(),
        not_null: false,
        default: None,
        generated: false,
    };
    Table {
        oid: 1,
        schema: "public".to_owned(),
        name: "t".to_owned(),
        columns: vec![column("id"), column("note")],
        key: key.iter().map(|name| (*name).to_owned()).collect(),
        identity,
        captured: true,
    }
}

fn row(cells: &[Option<&str>]) -> Row {
    cells.iter().map(|cell| cell.map_or(Cell::Null, |text| Cell::Text(text.to_owned()))).collect()
}

fn push(journal: &mut Journal, messages: &[Vec<u8>]) -> Vec<Transaction> {
    let push = |(n, message): (usize, &Vec<u8>)| {
        journal.push(Lsn(u64::try_from(n).unwrap()), Xid(7), message).unwrap()
    };
    messages.iter().enumerate().filter_map(push).collect()
}

fn transaction(commit: u64, changes: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let begin = write::begin(Lsn(commit), 0, Xid(7));
    let end = write::commit(Lsn(commit), Lsn(commit + 8), 0);
    [vec![begin], changes.to_vec(), vec![end]].concat()
}

fn last(transactions: &[Transaction]) -> &Change {
    transactions.last().unwrap().changes.last().unwrap()
}

#[test]
fn an_unchanged_toast_value_and_the_old_row_come_from_the_fold() {
    let mut journal = Journal::new(&[table(ReplicaIdentity::Default, &["id"])]);
    let new = [Cell::Text("1".to_owned()), Cell::Unchanged];
    push(&mut journal, &transaction(10, &[write::insert(1, &row(&[Some("1"), Some("long")]))]));
    let seen = push(&mut journal, &transaction(20, &[write::update(1, None, &new)]));
    let change = last(&seen);
    assert_eq!(change.old.as_deref(), Some(&*row(&[Some("1"), Some("long")])));
    assert_eq!(change.new, change.old);
    assert_eq!((&change.carried, change.unchanged.as_slice()), (&Carried::Nothing, &[1][..]));
    assert!(!change.key_changed);
}

#[test]
fn a_key_change_under_default_identity_is_seen_with_its_full_old_row() {
    let mut journal = Journal::new(&[table(ReplicaIdentity::Default, &["id"])]);
    push(&mut journal, &transaction(10, &[write::insert(1, &row(&[Some("1"), Some("a")]))]));
    let old = write::key(&row(&[Some("1"), None]));
    let update = write::update(1, Some(&old), &row(&[Some("2"), Some("a")]));
    let seen = push(&mut journal, &transaction(20, &[update]));
    let change = last(&seen);
    assert!(change.key_changed);
    assert_eq!(change.old.as_deref(), Some(&*row(&[Some("1"), Some("a")])));
    let rows = journal.fold(0).unwrap().rows().collect::<Vec<_>>();
    assert_eq!(rows, [change.new.as_ref().unwrap()]);
}

#[test]
fn a_table_without_key_is_a_multiset() {
    let mut journal = Journal::new(&[table(ReplicaIdentity::Full, &[])]);
    let one = row(&[Some("1"), None]);
    push(&mut journal, &transaction(10, &[write::insert(1, &one), write::insert(1, &one)]));
    assert_eq!(journal.fold(0).unwrap().rows().count(), 2);
    let seen = push(&mut journal, &transaction(20, &[write::delete(1, &write::full(&one))]));
    assert_eq!(last(&seen).kind, Kind::Delete);
    assert_eq!(journal.fold(0).unwrap().rows().count(), 1);
    push(&mut journal, &transaction(30, &[write::truncate(&[1])]));
    assert_eq!(journal.fold(0).unwrap().rows().count(), 0);
}

#[test]
fn an_added_column_is_unknown_in_the_rows_that_are_there() {
    let mut journal = Journal::new(&[table(ReplicaIdentity::Default, &["id"])]);
    push(&mut journal, &transaction(10, &[write::insert(1, &row(&[Some("1"), None]))]));
    let relation = write::relation(1, "t", b'd', &[("id", true), ("note", false), ("n", false)]);
    let insert = write::insert(1, &row(&[Some("2"), None, Some("5")]));
    push(&mut journal, &transaction(20, &[relation, insert]));
    let fold = journal.fold(0).unwrap();
    let cells = fold.rows().map(|row| row[2].clone()).collect::<Vec<_>>();
    assert_eq!(cells, [Cell::Unchanged, Cell::Text("5".to_owned())]);
}

#[rstest]
#[case::order(&[transaction(20, &[]), transaction(10, &[])], "its commit at 0/A does not follow the one before at 0/14")]
#[case::width(&[transaction(10, &[write::insert(1, &row(&[None]))])], "a row of table 1 has 1 cells, expected 2")]
#[case::unknown(&[transaction(10, &[write::insert(9, &row(&[None]))])], "table 9 is neither in the catalogue nor described")]
#[case::unseen(&[transaction(10, &[write::update(1, None, &row(&[None, None]))])], "an update of a row that the journal never saw")]
#[case::outside(&[vec![write::insert(1, &row(&[None, None]))]], "a change outside of a transaction")]
fn a_journal_that_cannot_be_true_is_refused(
    #[case] messages: &[Vec<Vec<u8>>],
    #[case] problem: &str,
) {
    let mut journal = Journal::new(&[table(ReplicaIdentity::Default, &["id"])]);
    let push = |message: &Vec<u8>| journal.push(Lsn(1), Xid(7), message).err();
    let errors = messages.concat().iter().filter_map(push).collect::<Vec<_>>();
    assert_eq!(errors.first().map(|error| error.problem.as_str()), Some(problem));
}
