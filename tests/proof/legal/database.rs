//! What Postgres makes of a plan: changes with their places in the WAL.

use super::plan::{Act, Alter, Parts, Plan};
use super::shaping::NAMES;
use super::types::{Cell, Kind};

/// A row of the table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) id: i64,
    pub(crate) v: Option<i64>,
    /// A long value, which an update may leave out.
    pub(crate) note: String,
    /// The further columns.
    pub(crate) more: Vec<(String, Cell)>,
}

/// What a change does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kinds {
    Insert,
    Update,
    Delete,
    Truncate,
    Alter,
}

/// The further columns of the table.
pub(crate) type Layout = Vec<(String, Kind)>;

/// A change of a row, or of the schema.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) kind: Kinds,
    pub(crate) old: Option<Row>,
    pub(crate) new: Option<Row>,
    /// The WAL leaves `note` out of the new row.
    pub(crate) note_alone: bool,
    /// What the table is from here on, and its rows; another table is there.
    pub(crate) turn: Option<(Layout, Vec<Row>, bool)>,
    pub(crate) lsn: u64,
}

impl Change {
    /// The leaf of a partitioned table that it is about.
    pub(crate) fn leaf(&self) -> usize {
        self.new.as_ref().or(self.old.as_ref()).map_or(0, |row| leaf(row.id))
    }
}

/// The leaf that a row is in.
pub(crate) fn leaf(id: i64) -> usize {
    usize::from(id.rem_euclid(2) == 1)
}

/// A committed transaction.
#[derive(Debug, Clone)]
pub(crate) struct Transaction {
    pub(crate) xid: u32,
    pub(crate) changes: Vec<Change>,
    pub(crate) commit: u64,
}

/// How far the end of a commit record is from its beginning.
pub(crate) const COMMIT_LENGTH: u64 = 48;

/// The further columns at the beginning.
pub(crate) fn layout(plan: &Plan) -> Layout {
    let names = NAMES.iter().skip(2).map(|name| (*name).to_owned());
    itertools::Itertools::zip_longest(names, plan.columns.iter().copied())
        .filter_map(itertools::EitherOrBoth::both)
        .collect()
}

/// The rows after some transactions.
pub(crate) fn rows(transactions: &[Transaction]) -> Vec<Row> {
    let mut rows = Vec::new();
    for change in transactions.iter().flat_map(|transaction| &transaction.changes) {
        apply(&mut rows, change);
    }
    rows
}

fn apply(rows: &mut Vec<Row>, change: &Change) {
    if change.kind == Kinds::Truncate {
        rows.clear();
    }
    if let Some((_, turned, _)) = &change.turn {
        rows.clone_from(turned);
    }
    if let Some(old) = &change.old {
        let place = rows.iter().position(|row| row == old).unwrap();
        rows.remove(place);
    }
    rows.extend(change.new.clone());
}

/// The transactions of a plan in commit order.
pub(crate) fn changes(plan: &Plan) -> Vec<Transaction> {
    let mut table = Table { plan, rows: Vec::new(), layout: layout(plan), beside: false };
    let mut transactions = Vec::new();
    for (n, (acts, _)) in plan.transactions.iter().enumerate() {
        let mut changes = Vec::new();
        for (step, act) in acts.iter().enumerate() {
            for change in table.change(act, (n, step)) {
                apply(&mut table.rows, &change);
                changes.push(change);
            }
        }
        let xid = 700 + u32::try_from(n).unwrap();
        transactions.push(Transaction { xid, changes, commit: 0 });
    }
    place(plan, &mut transactions);
    transactions
}

struct Table<'p> {
    plan: &'p Plan,
    rows: Vec<Row>,
    layout: Layout,
    /// There is another table.
    beside: bool,
}

impl Table<'_> {
    fn find(&self, id: i64) -> Option<Row> {
        self.rows.iter().find(|row| row.id == id).cloned()
    }

    fn cells(&self, seed: u32) -> Vec<(String, Cell)> {
        let columns = self.layout.iter().enumerate();
        let cell = |(n, (name, kind)): (usize, &(String, Kind))| {
            let seed = seed.rotate_left(u32::try_from(n).unwrap() * 5);
            (name.clone(), kind.cell(self.plan.modes, seed))
        };
        columns.map(cell).collect()
    }

    fn change(&mut self, act: &Act, (n, step): (usize, usize)) -> Vec<Change> {
        let note = format!("note {n}.{step}");
        let whole =
            |kind, old, new| Change { kind, old, new, note_alone: false, turn: None, lsn: 0 };
        match act {
            Act::Insert(id, ..) if self.plan.keyed && self.find(*id).is_some() => Vec::new(),
            Act::Insert(id, v, seed) => {
                let new = Row { id: *id, v: *v, note, more: self.cells(*seed) };
                vec![whole(Kinds::Insert, None, Some(new))]
            }
            Act::Update(id, v, note_alone, seed) => {
                let Some(old) = self.find(*id) else { return Vec::new() };
                let note = if *note_alone { old.note.clone() } else { note };
                let more = seed.map_or_else(|| old.more.clone(), |seed| self.cells(seed));
                let new = Row { id: *id, v: *v, note, more };
                let change = whole(Kinds::Update, Some(old), Some(new));
                vec![Change { note_alone: *note_alone, ..change }]
            }
            Act::Rekey(from, to) => {
                let Some(old) = self.find(*from) else { return Vec::new() };
                if from == to || (self.plan.keyed && self.find(*to).is_some()) {
                    return Vec::new();
                }
                let new = Row { id: *to, ..old.clone() };
                // A row that moves to another partition is deleted here and inserted there.
                if self.plan.parts != Parts::None && leaf(*from) != leaf(*to) {
                    let gone = whole(Kinds::Delete, Some(old), None);
                    return vec![gone, whole(Kinds::Insert, None, Some(new))];
                }
                let change = whole(Kinds::Update, Some(old), Some(new));
                vec![Change { note_alone: true, ..change }]
            }
            Act::Delete(id) => {
                let old = self.find(*id);
                old.map(|old| whole(Kinds::Delete, Some(old), None)).into_iter().collect()
            }
            // One that is not streamed is an anomaly of its own.
            Act::Truncate if !self.plan.truncates => Vec::new(),
            Act::Truncate => vec![whole(Kinds::Truncate, None, None)],
            Act::Alter(alter) => {
                let Some(rows) = self.alter(alter, (n, step)) else { return Vec::new() };
                let turn = Some((self.layout.clone(), rows, self.beside));
                vec![Change { turn, ..whole(Kinds::Alter, None, None) }]
            }
        }
    }

    /// Changes the schema; the rows as they are then.
    fn alter(&mut self, alter: &Alter, (n, step): (usize, usize)) -> Option<Vec<Row>> {
        let mut rows = self.rows.clone();
        match alter {
            Alter::Beside => self.beside = true,
            Alter::Add(kind, seed) => {
                let name = format!("y{n}s{step}");
                // The seed 0 draws NULL.
                let cell = kind.cell(self.plan.modes, seed.unwrap_or(0));
                for row in &mut rows {
                    row.more.push((name.clone(), cell.clone()));
                }
                self.layout.push((name, *kind));
            }
            Alter::Drop(place) => {
                self.layout.get(*place)?;
                self.layout.remove(*place);
                for row in &mut rows {
                    drop(row.more.remove(*place));
                }
            }
            Alter::Rename(place) => {
                let (name, _) = self.layout.get_mut(*place)?;
                name.push('r');
                for row in &mut rows {
                    row.more[*place].0.push('r');
                }
            }
            Alter::IntoText(place) => {
                let (_, kind) = self.layout.get_mut(*place).filter(|(_, k)| k.turns_into_text())?;
                *kind = Kind::Text;
                for row in &mut rows {
                    row.more[*place].1.turn_into_text();
                }
            }
        }
        Some(rows)
    }
}

/// Gives changes and commits their places in the WAL: transactions are written side by side where
/// they touch different rows, and commit in their order.
fn place(plan: &Plan, transactions: &mut [Transaction]) {
    let mut lsn = 1000;
    let mut next = move || {
        lsn += 100;
        lsn
    };
    let mut n = 0;
    while n < transactions.len() {
        let early = plan.transactions.get(n + 1).is_some_and(|(_, early)| *early);
        let apart = transactions.get(n + 1).is_some_and(|other| disjoint(&transactions[n], other));
        // A slot is consistent only once all that ran when it was made have ended.
        let pair = early && apart && plan.before != n + 1;
        let written = if pair { vec![n + 1, n] } else { vec![n] };
        for place in written {
            for change in &mut transactions[place].changes {
                change.lsn = next();
            }
        }
        let end = if pair { n + 2 } else { n + 1 };
        for transaction in &mut transactions[n..end] {
            transaction.commit = next();
        }
        n = end;
    }
}

fn disjoint(one: &Transaction, other: &Transaction) -> bool {
    let keys = |transaction: &Transaction| {
        let rows = transaction.changes.iter().flat_map(|change| [&change.old, &change.new]);
        rows.flatten().map(|row| row.id).collect::<Vec<_>>()
    };
    let locks = |transaction: &Transaction| {
        let is_whole = |change: &Change| matches!(change.kind, Kinds::Truncate | Kinds::Alter);
        transaction.changes.iter().any(is_whole)
    };
    let others = keys(other);
    !locks(one) && !locks(other) && keys(one).iter().all(|key| !others.contains(key))
}
