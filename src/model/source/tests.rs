//! Transactions come out with the images that Postgres held.

use itertools::Itertools as _;
use rstest::rstest;

use super::{Carried, Change, Journal, Kind, Rows, Transaction, prefix};
use crate::base::position::{Lsn, Xid};
use crate::codec::pgoutput::Cell;
use crate::codec::pgoutput::write::{self, Row};
use crate::history::event::Table;
use crate::history::testing::text_table;
use crate::scenario::settings::ReplicaIdentity;

fn table(identity: ReplicaIdentity, key: &[&str]) -> Table {
    let key = key.iter().map(|name| (*name).to_owned()).collect();
    Table { key, identity, ..text_table("t", &["id", "note"]) }
}

pub(super) fn row(cells: &[Option<&str>]) -> Row {
    cells.iter().map(|cell| cell.map_or(Cell::Null, |text| Cell::Text(text.to_owned()))).collect()
}

pub(super) fn push(journal: &mut Journal, messages: &[Vec<u8>]) -> Vec<Transaction> {
    let push = |(n, message): (usize, &Vec<u8>)| {
        journal.push(Lsn(u64::try_from(n).unwrap()), Xid(7), message).unwrap()
    };
    messages.iter().enumerate().filter_map(push).collect()
}

pub(super) fn transaction(commit: u64, changes: &[Vec<u8>]) -> Vec<Vec<u8>> {
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
#[case::again(&[transaction(10, &[]), transaction(10, &[])], "its commit at 0/A does not follow the one before at 0/A")]
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

#[test]
fn generated_columns_are_in_no_image() {
    let mut table = table(ReplicaIdentity::Default, &["id"]);
    table.columns[1].generated = true;
    assert_eq!(*Rows::of(&table).columns, ["id".to_owned()]);
}

#[test]
fn rows_are_put_into_the_order_of_the_columns_that_come_later() {
    let tables = [table(ReplicaIdentity::Default, &["id"])];
    let mut journal = Journal::new(&tables);
    let insert = write::insert(1, &row(&[Some("1"), Some("a")]));
    let mut seen = push(&mut journal, &transaction(10, &[insert]));
    let relation = write::relation(1, "t", b'd', &[("note", false), ("id", true)]);
    let insert = write::insert(1, &row(&[Some("b"), Some("2")]));
    let update = write::update(1, None, &row(&[Some("c"), Some("1")]));
    seen.extend(push(&mut journal, &transaction(20, &[relation, insert, update])));
    let rows = prefix(&tables, &seen);
    assert_eq!(*rows[0].columns, ["note".to_owned(), "id".to_owned()]);
    let rows = rows[0].iter().map(|row| row.to_vec()).collect::<Vec<_>>();
    assert_eq!(rows, [row(&[Some("c"), Some("1")]), row(&[Some("b"), Some("2")])]);
}

#[test]
fn kinds_are_called_as_people_call_them() {
    let kinds = [Kind::Insert, Kind::Update, Kind::Delete, Kind::Truncate];
    assert_eq!(kinds.map(Kind::name), ["insert", "update", "delete", "truncate"]);
}

#[test]
fn a_transaction_is_open_until_its_commit() {
    let mut journal = Journal::new(&[table(ReplicaIdentity::Default, &["id"])]);
    let open = transaction(10, &[]).into_iter().map(|message| {
        journal.push(Lsn(1), Xid(7), &message).unwrap();
        journal.in_transaction()
    });
    assert_eq!(open.collect::<Vec<_>>(), [true, false]);
}

#[test]
fn changes_at_one_place_are_numbered() {
    let mut journal = Journal::new(&[table(ReplicaIdentity::Default, &["id"])]);
    let inserts = ["1", "2", "3"].map(|id| write::insert(1, &row(&[Some(id), None])));
    let mut seen = Vec::new();
    // The last stands elsewhere.
    for (lsn, message) in [1, 5, 5, 6, 7].into_iter().zip_eq(transaction(10, &inserts)) {
        seen.extend(journal.push(Lsn(lsn), Xid(7), &message).unwrap());
    }
    let numbers = seen[0].changes.iter().map(|change| (change.lsn.0, change.nth));
    assert_eq!(numbers.collect::<Vec<_>>(), [(5, 0), (5, 1), (6, 0)]);
}

#[test]
fn of_a_row_that_was_never_seen_only_the_key_is_known() {
    let mut journal = Journal::new(&[table(ReplicaIdentity::Default, &["id"])]);
    let relation = write::relation(1, "t", b'd', &[("id", true), ("note", false)]);
    let delete = write::delete(1, &write::key(&row(&[Some("1"), None])));
    let seen = push(&mut journal, &transaction(10, &[relation, delete]));
    let old = [Cell::Text("1".to_owned()), Cell::Unchanged];
    assert_eq!(last(&seen).old.as_deref(), Some(&old[..]));
    assert_eq!(last(&seen).carried, Carried::Key);
}

#[test]
fn a_table_without_key_may_show_an_update_of_a_row_that_was_never_seen() {
    let mut journal = Journal::new(&[table(ReplicaIdentity::Nothing, &[])]);
    assert!(!journal.fold(0).unwrap().is_keyed());
    let update = write::update(1, None, &row(&[Some("1"), None]));
    let seen = push(&mut journal, &transaction(10, &[update]));
    assert_eq!((last(&seen).kind, &last(&seen).old), (Kind::Update, &None));
    assert!(!last(&seen).key_changed);
}

/// Describes the table as the WAL does where an index is its replica identity.
fn by_index(columns: [(&str, bool); 2]) -> Vec<u8> {
    write::relation(1, "t", b'i', &columns)
}

const BY_NOTE: [(&str, bool); 2] = [("id", false), ("note", true)];
const BY_ID: [(&str, bool); 2] = [("id", true), ("note", false)];

#[test]
fn rows_are_found_by_the_index_that_is_their_identity() {
    let mut journal = Journal::new(&[table(ReplicaIdentity::Index, &["id"])]);
    assert!(!journal.fold(0).unwrap().is_keyed());
    let insert = write::insert(1, &row(&[Some("1"), Some("a")]));
    // What is said of it first counts.
    let described = [by_index(BY_NOTE), by_index(BY_ID), insert];
    push(&mut journal, &transaction(10, &described));
    let key = journal.fold(0).unwrap().key_of(&row(&[Some("1"), Some("a")]));
    assert_eq!(key, Some(row(&[Some("a")])));
    let update = write::update(1, None, &row(&[Some("2"), Some("a")]));
    let seen = push(&mut journal, &transaction(20, &[update]));
    assert_eq!(last(&seen).old.as_deref(), Some(&*row(&[Some("1"), Some("a")])));
    assert_eq!(journal.fold(0).unwrap().rows().count(), 1);
}

#[test]
fn rows_that_are_there_without_a_key_are_found_without_one() {
    let mut journal = Journal::new(&[table(ReplicaIdentity::Index, &["id"])]);
    let one = row(&[Some("1"), Some("a")]);
    let messages = [write::insert(1, &one), by_index(BY_NOTE), write::insert(1, &one)];
    push(&mut journal, &transaction(10, &messages));
    assert!(!journal.fold(0).unwrap().is_keyed());
    assert_eq!(journal.fold(0).unwrap().rows().count(), 2);
}
