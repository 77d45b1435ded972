//! What a retract sink holds. Within a partition the records of a row are in order, wherever they
//! stand; between partitions nothing tells which came first, and only the number of rows that came
//! and went counts.
//!
//! Source: Flink's manual, "Dynamic Tables", "Table to Stream Conversion". Kafka orders records
//! within a partition only. Seen on 2.2.0 (scenario `sinks/retractions-over-partitions`).

use std::collections::{BTreeMap, BTreeSet};

use super::{Contents, Emitted, Shape, texts};
use crate::model::key::Key;

/// A row by the texts of its values.
pub type Form = Vec<Option<String>>;

impl<'a> Shape<'a> {
    /// The row that comes or goes with a record, by the texts of its values.
    pub fn form(&self, emitted: &Emitted<'a>) -> Option<Form> {
        let row = emitted.row.as_ref().or(emitted.old.as_ref())?;
        let columns = self.columns.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        Some(texts(row, &columns))
    }
}

/// The keys whose records stand in more than one partition.
pub fn scattered<'l, 'a: 'l>(log: impl Iterator<Item = &'l Emitted<'a>>) -> BTreeSet<Key> {
    let mut seen = BTreeMap::new();
    let mut scattered = BTreeSet::new();
    for emitted in log {
        let Some(key) = &emitted.key else { continue };
        let partition = emitted.record.partition;
        if *seen.entry(key).or_insert(partition) != partition {
            scattered.insert(key.clone());
        }
    }
    scattered
}

/// The rows that are left. A second row of a key goes into the bag.
pub(super) fn fold<'a, 'l>(
    shape: &Shape<'a>,
    log: impl Iterator<Item = &'l Emitted<'a>> + Clone,
) -> Contents<'a>
where
    'a: 'l,
{
    let scattered = scattered(log.clone());
    let mut contents = Contents::default();
    let mut rows = Rows::default();
    for emitted in log {
        match &emitted.key {
            Some(key) if !scattered.contains(key) => match &emitted.row {
                Some(_) => {
                    contents.keyed.insert(key.clone(), emitted.clone());
                }
                None => {
                    contents.keyed.remove(key);
                }
            },
            Some(_) | None => rows.take(shape, emitted),
        }
    }
    for emitted in rows.left() {
        match &emitted.key {
            Some(key) if !contents.keyed.contains_key(key) => {
                contents.keyed.insert(key.clone(), emitted.clone());
            }
            Some(_) | None => contents.bag.push(emitted.clone()),
        }
    }
    contents
}

/// Rows that come and go one by one.
#[derive(Default)]
struct Rows<'l, 'a> {
    /// Those that came, by what they are; each until it goes.
    held: BTreeMap<Form, Vec<(usize, &'l Emitted<'a>)>>,
    /// Those that went before their own partition shows them come.
    owed: Vec<(Form, i32)>,
    n_seen: usize,
}

impl<'l, 'a> Rows<'l, 'a> {
    fn take(&mut self, shape: &Shape<'a>, emitted: &'l Emitted<'a>) {
        let Some(form) = shape.form(emitted) else { return };
        let partition = emitted.record.partition;
        self.n_seen += 1;
        if emitted.row.is_some() {
            self.held.entry(form).or_default().push((self.n_seen, emitted));
        } else if !self.remove(&form, |held| held.record.partition == partition) {
            self.owed.push((form, partition));
        }
    }

    /// Takes out the first such row, if there is one.
    fn remove(&mut self, form: &Form, is_it: impl Fn(&Emitted<'a>) -> bool) -> bool {
        let Some(held) = self.held.get_mut(form) else { return false };
        let Some(place) = held.iter().position(|(_, row)| is_it(row)) else { return false };
        held.remove(place);
        true
    }

    /// The rows that are left, in the order in which they came.
    fn left(mut self) -> Vec<&'l Emitted<'a>> {
        for (form, partition) in std::mem::take(&mut self.owed) {
            self.remove(&form, |held| held.record.partition != partition);
        }
        let mut left = self.held.into_values().flatten().collect::<Vec<_>>();
        left.sort_by_key(|(n, _)| *n);
        left.into_iter().map(|(_, emitted)| emitted).collect()
    }
}
