//! What a chain of transforms makes of the rows of one table.
//!
//! Source: Debezium's manual, "Transformations"; Kafka's manual, "Kafka Connect",
//! "Transformations". Seen on 3.6.3 (scenario `records/rows-as-transforms-leave-them`).

use super::chain::{Inserted, Kind, Link, Part, Predicate, Renames};
use super::step::{Cast, Step};
use super::{Field, Origin, Shape};
use crate::codec::debezium;
use crate::model::feed::Unwrapped;
use crate::model::feed::unwrap::Deletes;

/// The fields of Debezium's envelope that a record must have to be read.
const NEEDED: [&str; 3] = ["op", "source", "after"];
/// Those that hold more than one value.
const STRUCTURES: [&str; 4] = ["before", "after", "source", "transaction"];
/// The others.
const PLAIN: [&str; 4] = ["op", "ts_ms", "ts_us", "ts_ns"];

/// Which records of a table a transform is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    Nothing,
    All,
    Tombstones,
    /// All but tombstones.
    Rows,
}

/// A record on its way through the chain.
pub(super) struct Walk {
    pub(super) shape: Shape,
    pub(super) topic: String,
    /// Columns whose values are written as several fields.
    structures: Vec<String>,
    /// Headers that every record has.
    headers: Vec<String>,
    /// Transforms that find none of the fields that they name here.
    pub(super) idle: Vec<String>,
    /// Transforms that take no record without a value, and get some.
    pub(super) failing: Vec<String>,
}

impl Walk {
    pub(super) fn new(shape: Shape, topic: String, structures: Vec<String>) -> Self {
        let (headers, idle, failing) = (Vec::new(), Vec::new(), Vec::new());
        Self { shape, topic, structures, headers, idle, failing }
    }

    /// Takes a step; what has no model is told.
    pub(super) fn step(&mut self, link: &Link) -> Result<(), String> {
        let at = |problem: String| format!("`transforms.{}`: {problem}", link.name);
        let of = self.applies(link).map_err(at)?;
        if of == For::Nothing {
            return Ok(());
        }
        let names = &link.name;
        self.idle.extend(self.is_idle(&link.kind).then(|| names.clone()));
        self.failing.extend((of == For::All && self.fails(&link.kind)).then(|| names.clone()));
        self.does(&link.kind, of).map_err(at)
    }

    /// Whether it names fields, and none of them is there.
    fn is_idle(&self, kind: &Kind) -> bool {
        let names: Vec<&str> = match kind {
            Kind::Mask(_, fields, _) | Kind::Move(_, fields) => {
                fields.iter().map(String::as_str).collect()
            }
            Kind::Replace(_, Renames { include, exclude, renames }) if include.is_empty() => {
                let renames = renames.iter().map(|(from, _)| from);
                exclude.iter().chain(renames).map(String::as_str).collect()
            }
            Kind::Cast(_, casts) => casts.iter().map(|(field, _)| field.as_str()).collect(),
            Kind::Time(_, field, _) => vec![field.as_str()],
            _ => return false,
        };
        let of_key = Self::is_of_key(kind);
        let is_there = |name: &&str| {
            let among = |fields: &[Field]| fields.iter().any(|field| field.name == *name);
            match (of_key, self.shape.unwrapped.is_some()) {
                (true, _) => name.is_empty() || among(&self.shape.key.fields),
                (false, true) => name.is_empty() || among(&self.shape.fields),
                (false, false) => STRUCTURES.contains(name) || PLAIN.contains(name),
            }
        };
        !names.is_empty() && !names.iter().any(is_there)
    }

    /// Whether records without a value come here, at which it fails.
    fn fails(&self, kind: &Kind) -> bool {
        let takes_none = matches!(kind, Kind::Mask(Part::Value, ..) | Kind::ToKey(_));
        let deletes = self.shape.unwrapped.as_ref().map(|unwrapped| unwrapped.deletes);
        let are_rows = matches!(deletes, Some(Deletes::Rewrite | Deletes::Drop));
        takes_none && self.shape.tombstones && !are_rows
    }

    /// Which records of the table a transform is for.
    fn applies(&self, link: &Link) -> Result<For, String> {
        let Some((predicate, negate)) = &link.predicate else { return Ok(For::All) };
        let all = |applies: bool| if applies { For::All } else { For::Nothing };
        Ok(match predicate {
            Predicate::Tombstone if *negate => For::Rows,
            Predicate::Tombstone => For::Tombstones,
            Predicate::Topic(pattern) => all(pattern.holds(&self.topic) != *negate),
            Predicate::Header(name) => {
                let has = self.headers.contains(name);
                let told = self.shape.unwrapped.iter().flat_map(|of| &of.form.headers);
                let may_have = name.starts_with("__debezium.")
                    || told.into_iter().any(|one| one.name == *name);
                if !has && may_have {
                    return Err(format!("which records have the header `{name}` has no model"));
                }
                all(has != *negate)
            }
        })
    }

    fn does(&mut self, kind: &Kind, of: For) -> Result<(), String> {
        let (all, only) = (of == For::All, of == For::Tombstones);
        match kind {
            Kind::Nothing => {}
            Kind::Header(name) if all => self.headers.extend(name.clone()),
            Kind::Header(_) => {}
            Kind::Drop if only => self.shape.tombstones = false,
            Kind::Drop if all => self.shape.is_dropped = true,
            Kind::Drop => return Err("which records it drops has no model".to_owned()),
            Kind::Unwrap(unwrapped) if all => self.unwrap(unwrapped)?,
            Kind::Route(route) if all => self.route(route.as_ref()),
            Kind::TableRoute(route, field) if all => {
                let from = self.topic.clone();
                self.route(route.as_ref());
                let Some(field) = field.as_ref().filter(|_| self.topic != from) else {
                    return Ok(());
                };
                let route = field.route.as_ref().and_then(|route| route.apply(&from));
                let told = Origin::Fixed(route.unwrap_or(from));
                self.shape.key.fields.push(Field { name: field.name.clone(), origin: told });
            }
            Kind::ToKey(fields) if !only => self.key_of_value(fields, of)?,
            // A tombstone has no fields.
            _ if only && is_of_fields(kind) => {}
            _ if Self::is_of_key(kind) && !all => {
                return Err("keys that are others at tombstones have no model".to_owned());
            }
            _ if Self::is_of_key(kind) => self.on_key(kind)?,
            _ if only => return Err("what it does to tombstones has no model".to_owned()),
            _ if self.shape.unwrapped.is_none() => self.on_envelope(kind)?,
            _ => self.on_row(kind)?,
        }
        Ok(())
    }

    fn is_of_key(kind: &Kind) -> bool {
        match kind {
            Kind::Mask(part, ..)
            | Kind::Replace(part, _)
            | Kind::Insert(part, _)
            | Kind::Cast(part, _)
            | Kind::Time(part, ..)
            | Kind::Extract(part, _)
            | Kind::Hoist(part, _)
            | Kind::Flatten(part)
            | Kind::Move(part, _) => *part == Part::Key,
            _ => false,
        }
    }

    fn route(&mut self, route: Option<&crate::model::routes::Step>) {
        if let Some(topic) = route.and_then(|route| route.apply(&self.topic)) {
            self.topic = topic;
        }
    }

    fn unwrap(&mut self, unwrapped: &Unwrapped) -> Result<(), String> {
        if self.shape.unwrapped.is_some() || !self.shape.hoisted.is_empty() {
            // What is no envelope is passed on as it is.
            return Ok(());
        }
        if !self.shape.before && unwrapped.deletes.marks() {
            return Err("rows of deletes whose old row was left out have no model".to_owned());
        }
        let added = unwrapped.form.added.iter().enumerate();
        let added = added.map(|(n, one)| (one.name.clone(), Origin::Added(n)));
        let mark = unwrapped.deletes.marks().then(|| (debezium::DELETED.to_owned(), Origin::Mark));
        let fields = mark.into_iter().chain(added);
        self.shape.fields.extend(fields.map(|(name, origin)| Field { name, origin }));
        self.shape.unwrapped = Some(unwrapped.clone());
        Ok(())
    }

    fn key_of_value(&mut self, fields: &[String], of: For) -> Result<(), String> {
        let Some(unwrapped) = &self.shape.unwrapped else {
            return Err("an envelope has no such fields for its key".to_owned());
        };
        let deletes = unwrapped.deletes;
        let has_rows_only = matches!(deletes, Deletes::Rewrite | Deletes::Drop);
        if of == For::Rows && !has_rows_only && self.shape.tombstones {
            return Err("keys that are others at tombstones have no model".to_owned());
        }
        let mut key = Vec::new();
        for field in fields {
            let found = self.shape.fields.iter().find(|known| known.name == *field);
            let found = found.ok_or_else(|| format!("the rows have no field `{field}`"))?;
            key.push(found.clone());
        }
        self.shape.key.fields = key;
        self.shape.key.is_bare = false;
        self.shape.key.hoisted.clear();
        Ok(())
    }

    fn on_key(&mut self, kind: &Kind) -> Result<(), String> {
        let key = &mut self.shape.key;
        match kind {
            Kind::Hoist(_, field) if key.is_bare => {
                key.is_bare = false;
                for one in &mut key.fields {
                    one.name.clone_from(field);
                }
            }
            Kind::Hoist(_, field) => key.hoisted.insert(0, field.clone()),
            Kind::Flatten(_) if key.hoisted.is_empty() => {}
            _ if !key.hoisted.is_empty() => {
                return Err("a key in a field of its own, and changed further, has no model".into());
            }
            Kind::Extract(_, field) if !key.is_bare => {
                key.fields.retain(|known| known.name == *field);
                if key.fields.is_empty() {
                    return Err(format!("the key has no field `{field}`"));
                }
                key.is_bare = true;
            }
            _ => changed(&mut key.fields, kind, &self.topic, key.is_bare)?,
        }
        Ok(())
    }

    fn on_row(&mut self, kind: &Kind) -> Result<(), String> {
        if let Kind::Hoist(_, field) = kind {
            self.shape.hoisted.insert(0, field.clone());
            return Ok(());
        }
        if !self.shape.hoisted.is_empty() {
            return Err("a row in a field of its own, and changed further, has no model".to_owned());
        }
        if matches!(kind, Kind::Flatten(_)) {
            let column = |field: &Field| match &field.origin {
                Origin::Column(column, _) => self.structures.contains(column),
                _ => false,
            };
            return match self.shape.fields.iter().find(|field| column(field)) {
                Some(field) => {
                    Err(format!("a Flatten of `{}`, which has parts, has no model", field.name))
                }
                // Plain values stay where they are.
                None => Ok(()),
            };
        }
        changed(&mut self.shape.fields, kind, &self.topic, false)
    }

    /// With its envelope a record's fields are those of the envelope.
    fn on_envelope(&mut self, kind: &Kind) -> Result<(), String> {
        let is_needed = |name: &String| NEEDED.contains(&name.as_str());
        let is_structure = |name: &String| STRUCTURES.contains(&name.as_str());
        let is_field = |name: &String| is_structure(name) || PLAIN.contains(&name.as_str());
        if !self.shape.hoisted.is_empty() {
            return Err("an envelope in a field of its own, changed further, has no model".into());
        }
        match kind {
            Kind::Hoist(_, field) => self.shape.hoisted.insert(0, field.clone()),
            Kind::Extract(_, field) if field == "after" => {
                let form = debezium::Form::default();
                self.shape.unwrapped = Some(Unwrapped { deletes: Deletes::Nulls, form });
            }
            Kind::Mask(_, fields, _) => {
                if let Some(name) = fields.iter().find(|name| is_structure(name) || *name == "op") {
                    return Err(format!("an envelope whose `{name}` is masked has no model"));
                }
            }
            Kind::Replace(_, renames) => self.replace_envelope(renames)?,
            Kind::Move(_, fields) => {
                if let Some(name) = fields.iter().find(|name| is_needed(name)) {
                    return Err(format!("an envelope without `{name}` has no model"));
                }
                self.shape.before &= !fields.iter().any(|name| name == "before");
            }
            Kind::Insert(_, fields) => {
                if let Some((name, _)) = fields.iter().find(|(name, _)| is_field(name)) {
                    return Err(format!("an envelope whose `{name}` is put in has no model"));
                }
            }
            Kind::Cast(_, casts) => {
                let mut casts = casts.iter();
                let hit = casts.find(|(name, _)| name.is_empty() || is_structure(name));
                if let Some((name, _)) = hit {
                    return Err(format!("an envelope whose `{name}` is cast has no model"));
                }
            }
            Kind::Time(_, name, _) => {
                if is_structure(name) || name == "op" {
                    return Err(format!("an envelope whose `{name}` is converted has no model"));
                }
            }
            Kind::Flatten(_) => {
                return Err("an envelope whose images are flattened has no model".to_owned());
            }
            _ => return Err("what it makes of envelopes has no model".to_owned()),
        }
        Ok(())
    }

    fn replace_envelope(&mut self, renames: &Renames) -> Result<(), String> {
        for name in NEEDED {
            if renames.name(name).as_deref() != Some(name) {
                return Err(format!("an envelope without `{name}` has no model"));
            }
        }
        self.shape.before &= renames.name("before").as_deref() == Some("before");
        Ok(())
    }
}

/// Whether it changes fields of the value and nothing else.
fn is_of_fields(kind: &Kind) -> bool {
    match kind {
        Kind::Mask(part, ..)
        | Kind::Replace(part, _)
        | Kind::Insert(part, _)
        | Kind::Cast(part, _)
        | Kind::Time(part, ..)
        | Kind::Flatten(part)
        | Kind::Move(part, _) => *part == Part::Value,
        _ => false,
    }
}

/// What a transform makes of fields.
fn changed(fields: &mut Vec<Field>, kind: &Kind, topic: &str, is_bare: bool) -> Result<(), String> {
    let is_it = |names: &[String], field: &Field| names.contains(&field.name);
    match kind {
        Kind::Mask(_, names, with) => {
            let hit = fields.iter_mut().filter(|field| is_it(names, field));
            hit.for_each(|field| field.origin.take(Step::Mask(with.clone())));
        }
        Kind::Replace(_, renames) if !is_bare => {
            fields.retain_mut(|field| match renames.name(&field.name) {
                Some(name) => {
                    field.name = name;
                    true
                }
                None => false,
            });
        }
        Kind::Move(_, names) => fields.retain(|field| !is_it(names, field)),
        Kind::Insert(_, inserted) if !is_bare => {
            for (name, value) in inserted {
                let origin = match value {
                    Some(Inserted::Text(text)) => Origin::Fixed(text.clone()),
                    Some(Inserted::Topic) => Origin::Fixed(topic.to_owned()),
                    None => Origin::Free,
                };
                fields.retain(|field| field.name != *name);
                fields.push(Field { name: name.clone(), origin });
            }
        }
        Kind::Cast(_, casts) => {
            for field in fields.iter_mut() {
                let is_it = |(name, _): &&(String, Cast)| {
                    *name == field.name || (is_bare && name.is_empty())
                };
                if let Some((_, cast)) = casts.iter().find(is_it) {
                    field.origin.take(Step::Cast(*cast));
                }
            }
        }
        Kind::Time(_, name, time) => {
            let hit = fields.iter_mut().filter(|field| field.name == *name);
            hit.for_each(|field| field.origin.take(Step::Time(time.clone())));
        }
        _ => return Err("what it makes of records has no model".to_owned()),
    }
    if fields
        .iter()
        .any(|field| matches!(field.origin, Origin::Mark) && field.name != debezium::DELETED)
    {
        return Err(format!("rows whose `{}` has another name have no model", debezium::DELETED));
    }
    Ok(())
}
