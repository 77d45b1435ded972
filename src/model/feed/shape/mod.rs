//! What becomes of the rows and keys of a table on the way to its topic: the connector's own lists of
//! columns first, then its transforms, each by its rules.
//!
//! A record is read back into the columns of its table before it is compared, so that whoever looks
//! at it need not know what its fields are called there. Columns that are left out, masked, cut,
//! hashed or cast are compared by what must be shown of them.
//!
//! Source: the rules of `lists` and of `chain`, each with its own.

mod chain;
mod lists;
pub mod step;
#[cfg(test)]
mod tests;
mod time;
mod walk;

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::codec::debezium::{self, Row};
use crate::codec::types::DataType;
use crate::history::event::{Column, Table};
use crate::model::feed::{Deletes, Unwrapped};
use crate::model::routes::Routes;
use crate::scenario::settings::Options;
pub(super) use chain::Own;
use chain::{Link, chain};
use lists::Lists;
use step::{Cast, Step};
use walk::Walk;

/// What a configuration makes of rows, read once for all tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shapes {
    lists: Lists,
    chain: Vec<Link>,
    routes: Option<Routes>,
}

/// What an author should know of transforms, by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remarks {
    /// They name fields that no record has where they stand.
    pub idle: Vec<String>,
    /// They fail at records without a value, and get some.
    pub failing: Vec<String>,
}

/// What it makes of the rows of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    /// The records are rows: a transform has taken the envelope away.
    pub unwrapped: Option<Unwrapped>,
    /// Fields in which the value stands, the outermost first.
    hoisted: Vec<String>,
    fields: Vec<Field>,
    key: KeyShape,
    /// Tombstones are passed on.
    pub tombstones: bool,
    /// A filter lets no record of the table through.
    pub is_dropped: bool,
    /// The envelope shows the row before.
    pub before: bool,
    /// By column, what is done to its values; `None` where it is left out.
    columns: BTreeMap<String, Option<Vec<Step>>>,
    /// The same of the connector alone, before any transform.
    captured: BTreeMap<String, Option<Vec<Step>>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct KeyShape {
    fields: Vec<Field>,
    /// The key is the value of its one field.
    is_bare: bool,
    hoisted: Vec<String>,
}

/// A field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    name: String,
    origin: Origin,
}

/// Where the value of a field comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    /// A column, and what was done to it.
    Column(String, Vec<Step>),
    /// What the unwrapping transform adds, by its place in its list.
    Added(usize),
    /// The mark of deleted rows.
    Mark,
    /// This text.
    Fixed(String),
    /// Something that nobody knows here.
    Free,
}

impl Origin {
    fn take(&mut self, step: Step) {
        match self {
            Self::Column(_, steps) => steps.push(step),
            // A text stays the same text.
            Self::Fixed(_) if step == Step::Cast(Cast::Text) => {}
            Self::Added(_) | Self::Mark | Self::Fixed(_) | Self::Free => *self = Self::Free,
        }
    }
}

/// What becomes of deletes where `ExtractField` takes the envelope away.
pub(super) const NULLS: Deletes = Deletes::Nulls;

/// A field that does not hold what a transform puts there: its name, that, and what it holds.
pub type Odd = (String, String, Option<String>);

impl Shapes {
    /// Reads a configuration without what the harness put into it; what has no model is told in
    /// sentences.
    pub fn of(config: &Options) -> Result<Self, Vec<String>> {
        let (lists, chain) = (Lists::of(config), chain(config));
        match (lists, chain) {
            (Ok(lists), Ok(chain)) => Ok(Self { lists, chain, routes: Routes::of(config).ok() }),
            (lists, chain) => {
                let told = [lists.err(), chain.err()].into_iter().flatten();
                Err(told.flatten().collect())
            }
        }
    }

    /// The topic of a table's records, as far as it is known.
    pub fn topic_of(&self, table: &Table) -> Option<String> {
        self.routes.as_ref().map(|routes| routes.table(&table.schema, &table.name))
    }

    /// What becomes of the rows of a table whose records the connector keys by these columns.
    pub fn of_table(&self, table: &Table, key: &[String]) -> Result<Shape, String> {
        self.walked(table, key)?.shape.finished(table)
    }

    /// Transforms that find nothing to do at the records of a table, and those that fail at records
    /// without a value.
    pub fn remarks(&self, table: &Table, key: &[String]) -> Remarks {
        let walk = self.walked(table, key).ok();
        let told = walk.map(|walk| Remarks { idle: walk.idle, failing: walk.failing });
        told.unwrap_or_default()
    }

    fn walked(&self, table: &Table, key: &[String]) -> Result<Walk, String> {
        let mut fields = Vec::new();
        let stored = table.columns.iter().filter(|column| !column.generated);
        for column in stored.filter(|column| self.lists.has(table, &column.name)) {
            let steps = self.lists.steps(table, column)?;
            let origin = Origin::Column(column.name.clone(), steps);
            fields.push(Field { name: self.lists.field(&column.name), origin });
        }
        let key = key.iter().map(|column| Field {
            name: self.lists.field(column),
            origin: Origin::Column(column.clone(), Vec::new()),
        });
        let key = KeyShape { fields: key.collect(), ..KeyShape::default() };
        let mut shape = Shape { fields, key, tombstones: true, before: true, ..Shape::default() };
        shape.captured = shape.by_column(table);
        let topic = self.routes.as_ref().map(|routes| routes.captured(&table.schema, &table.name));
        let has_parts = |column: &&Column| DataType::postgres(column.read_as()).has_parts();
        let parts = table.columns.iter().filter(has_parts).map(|column| column.name.clone());
        let mut walk = Walk::new(shape, topic.unwrap_or_default(), parts.collect());
        for link in &self.chain {
            walk.step(link)?;
        }
        Ok(walk)
    }
}

impl Shape {
    /// That of a table whose rows are written as they are.
    pub fn plain(table: &Table, key: &[String]) -> Self {
        let column = |name: &String| Field {
            name: name.clone(),
            origin: Origin::Column(name.clone(), Vec::new()),
        };
        let stored = table.columns.iter().filter(|column| !column.generated);
        let fields = stored.map(|stored| column(&stored.name)).collect();
        let key = KeyShape { fields: key.iter().map(column).collect(), ..KeyShape::default() };
        let mut plain = Self { fields, key, tombstones: true, before: true, ..Self::default() };
        plain.columns = plain.by_column(table);
        plain.captured = plain.by_column(table);
        plain
    }

    /// Whether rows and keys are written as they are.
    pub fn is_plain(&self, table: &Table, key: &[String]) -> bool {
        *self == Self::plain(table, key)
    }

    fn by_column(&self, table: &Table) -> BTreeMap<String, Option<Vec<Step>>> {
        let column = |field: &Field| match &field.origin {
            Origin::Column(column, steps) => Some((column.clone(), Some(steps.clone()))),
            Origin::Added(_) | Origin::Mark | Origin::Fixed(_) | Origin::Free => None,
        };
        let stored = table.columns.iter().filter(|column| !column.generated);
        let mut all = stored.map(|column| (column.name.clone(), None)).collect::<BTreeMap<_, _>>();
        all.extend(self.fields.iter().filter_map(column));
        all
    }

    fn finished(mut self, table: &Table) -> Result<Self, String> {
        self.columns = self.by_column(table);
        for field in &self.key.fields {
            match &field.origin {
                Origin::Column(_, steps) if steps.iter().all(|s| *s == Step::Cast(Cast::Text)) => {}
                Origin::Fixed(_) => {}
                Origin::Column(..) | Origin::Added(_) | Origin::Mark | Origin::Free => {
                    return Err(format!("a key whose `{}` is changed has no model", field.name));
                }
            }
        }
        self.name_added()?;
        Ok(self)
    }

    /// What the unwrapping transform adds, by the names and in the form that it has in the end.
    fn name_added(&mut self) -> Result<(), String> {
        let Some(unwrapped) = &mut self.unwrapped else { return Ok(()) };
        let is_marked = self.fields.iter().any(|field| field.origin == Origin::Mark);
        if unwrapped.form.marks && !is_marked {
            return Err("rows of deletes that are not marked as such have no model".to_owned());
        }
        let named = |(n, mut added): (usize, debezium::Added)| {
            let field = self.fields.iter().find(|field| field.origin == Origin::Added(n))?;
            added.name.clone_from(&field.name);
            Some(added)
        };
        let added = std::mem::take(&mut unwrapped.form.added);
        unwrapped.form.added = added.into_iter().enumerate().filter_map(named).collect();
        Ok(())
    }

    /// Whether records of another shape of the table are found in the same place, and have the same
    /// key, so that only what their rows hold differs.
    pub fn is_read_like(&self, other: &Self) -> bool {
        let around = |shape: &Self| {
            let Self { unwrapped, hoisted, key, tombstones, is_dropped, before, .. } = shape;
            ((unwrapped.clone(), hoisted.clone(), key.clone()), (*tombstones, *is_dropped, *before))
        };
        around(self) == around(other)
    }

    /// The columns of the topic's key.
    pub fn key(&self) -> Vec<String> {
        let columns = self.key.fields.iter().filter_map(|field| match &field.origin {
            Origin::Column(column, _) => Some(column.clone()),
            Origin::Added(_) | Origin::Mark | Origin::Fixed(_) | Origin::Free => None,
        });
        columns.collect()
    }

    /// Whether rows show a column.
    pub fn has(&self, column: &str) -> bool {
        self.steps(column).is_some()
    }

    /// What is done to the values of a column; `None` where it is left out. A column that the table
    /// does not have is as it is.
    pub fn steps(&self, column: &str) -> Option<&[Step]> {
        self.columns.get(column).map_or(Some(&[]), Option::as_deref)
    }

    /// Whether rows show a column as it is.
    pub fn is_as_it_is(&self, column: &str) -> bool {
        self.steps(column).is_some_and(<[Step]>::is_empty)
    }

    /// What the connector does to the values of a column; `None` where it leaves it out.
    pub fn captured(&self, column: &str) -> Option<&[Step]> {
        self.captured.get(column).map_or(Some(&[]), Option::as_deref)
    }

    /// The bytes in which the envelope or row stands.
    pub fn value<'a>(&self, bytes: &'a [u8]) -> Result<Option<&'a [u8]>, String> {
        inside(bytes, &self.hoisted)
    }

    /// The key by its columns; `None` where the record has none.
    pub fn key_row<'a>(
        &self,
        bytes: &'a [u8],
        odd: &mut Vec<Odd>,
    ) -> Result<Option<Row<'a>>, String> {
        let Some(bytes) = inside(bytes, &self.key.hoisted)? else { return Ok(None) };
        let Some(raw) = debezium::payload(bytes)? else { return Ok(None) };
        let mut row = if self.key.is_bare {
            let name = self.key.fields.first().map_or("", |field| field.name.as_str());
            Row::from([(name.to_owned(), raw)])
        } else {
            serde_json::from_str(raw.get()).map_err(|error| error.to_string())?
        };
        row = columns(&self.key.fields, row, odd);
        for field in &self.key.fields {
            if let Origin::Column(column, steps) = &field.origin
                && !steps.is_empty()
                && let Some(raw) = row.get_mut(column)
            {
                *raw = number_in(raw);
            }
        }
        Ok(Some(row))
    }

    /// How many of its fields a row lacks; `None` where the row has others too.
    pub fn lacking(&self, row: &Row<'_>) -> Option<usize> {
        let known = self.fields.iter().filter(|field| row.contains_key(&field.name)).count();
        (known == row.len()).then(|| self.fields.len() - known)
    }

    /// The row by the columns of its table.
    pub fn row<'a>(&self, row: Row<'a>, odd: &mut Vec<Odd>) -> Row<'a> {
        columns(&self.fields, row, odd)
    }
}

/// `"7"` as `7`, where a cast has made a text of a number.
fn number_in(raw: &RawValue) -> &RawValue {
    let inner = raw.get().trim().strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let inner =
        inner.filter(|text| text.parse::<i128>().is_ok() || matches!(*text, "true" | "false"));
    inner.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(raw)
}

/// What stands below fields, the outermost first.
fn inside<'a>(bytes: &'a [u8], fields: &[String]) -> Result<Option<&'a [u8]>, String> {
    if fields.is_empty() {
        return Ok(Some(bytes));
    }
    let Some(mut raw) = debezium::payload(bytes)? else { return Ok(None) };
    for field in fields {
        let row: Row<'a> = serde_json::from_str(raw.get()).map_err(|error| error.to_string())?;
        raw = row.get(field).copied().ok_or_else(|| format!("it has no `{field}`"))?;
    }
    Ok((raw.get() != "null").then(|| raw.get().as_bytes()))
}

/// Gives values the names of their columns. What a transform puts in is looked at and left out; what
/// nothing explains stays.
fn columns<'a>(fields: &[Field], mut row: Row<'a>, odd: &mut Vec<Odd>) -> Row<'a> {
    let mut named = Row::new();
    for field in fields {
        let raw = match &field.origin {
            Origin::Added(_) | Origin::Mark => continue,
            Origin::Column(..) | Origin::Fixed(_) | Origin::Free => row.remove(&field.name),
        };
        match (&field.origin, raw) {
            (Origin::Column(column, _), Some(raw)) => drop(named.insert(column.clone(), raw)),
            (Origin::Fixed(text), raw) => {
                let shown = raw.map(RawValue::get);
                let is_it = shown.is_some_and(|raw| {
                    serde_json::from_str::<String>(raw).is_ok_and(|shown| shown == *text)
                });
                if !is_it {
                    odd.push((field.name.clone(), text.clone(), shown.map(ToOwned::to_owned)));
                }
            }
            (_, _) => {}
        }
    }
    // What nothing explains stays, but under no name by which another field is known here.
    row.retain(|name, _| !named.contains_key(name) && !is_named_otherwise(fields, name));
    named.extend(row);
    named
}

fn is_named_otherwise(fields: &[Field], column: &str) -> bool {
    let is_it = |field: &Field| {
        matches!(&field.origin, Origin::Column(of, _) if of == column) && field.name != column
    };
    fields.iter().any(is_it)
}
