//! One table of the catalogue: what Confluent holds of it after every `ALTER TABLE`.

use super::captured::{Captured, Shape, Wire, ticked};
use super::emit::generated;
use super::refusal::Refusal;
use crate::base::text::{Span, Text};
use crate::scenario::settings::Options;
use crate::sql::edit::{Edit, splice, with_options};
use crate::sql::flink::{ColumnKind, CreateTable};
use crate::sql::table::{Action, Alter, Column, Item, List, Part, Position, parts};

/// A table of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    /// Its name, which is its topic's too.
    pub name: String,
    /// Where it comes from.
    pub base: Base,
    alters: Vec<(Text, Alter)>,
    /// Options that the scenario sets.
    overrides: Options,
    /// The connector writes Avro, which then is what no written format means.
    pub avro: bool,
}

/// Where a table comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Base {
    /// A `CREATE TABLE`.
    Written(Text),
    /// A topic of the connector.
    Inferred(Captured),
}

impl Table {
    pub(super) fn new(name: String, base: Base, overrides: Options, avro: bool) -> Self {
        Self { name, base, alters: Vec::new(), overrides, avro }
    }

    /// Applies an `ALTER TABLE`.
    pub(super) fn alter(&mut self, statement: &Text, alter: Alter) -> Result<(), Refusal> {
        if let (Base::Inferred(_), Action::Add(items, _) | Action::Modify(items, _)) =
            (&self.base, &alter.action)
        {
            items.iter().try_for_each(may_stand_on_a_topic)?;
        }
        self.alters.push((statement.clone(), alter));
        let applied = self.text();
        if applied.is_err() {
            self.alters.pop();
        }
        applied.map(drop)
    }

    /// The options that are set on it, later ones over earlier ones.
    fn set(&self) -> Options {
        let mut set = Options::new();
        for (_, alter) in &self.alters {
            match &alter.action {
                Action::Set(with) => {
                    set.extend(with.options.iter().map(|o| (o.key.clone(), o.value.clone())));
                }
                Action::Reset(keys) => set.retain(|key, _| !keys.contains(key)),
                _ => {}
            }
        }
        set.extend(self.overrides.clone());
        set
    }

    /// Confluent's `CREATE TABLE` of it as it stands now.
    pub(super) fn text(&self) -> Result<Text, Refusal> {
        let mut text = match &self.base {
            Base::Written(text) => text.clone(),
            Base::Inferred(captured) => inferred(captured, &self.set())?,
        };
        for (statement, alter) in &self.alters {
            text = applied(&text, statement, &alter.action)?;
        }
        let overrides = self.overrides.iter();
        Ok(with_options(&text, overrides.map(|(key, value)| (key.as_str(), Some(value.as_str())))))
    }
}

/// `CREATE TABLE … LIKE base`, written out: its own columns and options beside those of `base`.
pub(super) fn like(base: &Table, text: &Text, create: &CreateTable) -> Result<Text, Refusal> {
    let (Some(own), made) = (parts(text), base.text()?) else {
        return Err(Refusal::new("this CREATE TABLE cannot be read", "write the columns out"));
    };
    let Some(theirs) = parts(&made) else { return Ok(made) };
    let mut edits = vec![Edit::new(theirs.name.span, ticked(own.name.table()))];
    edits.extend(theirs.if_not_exists.map(|span| Edit::new(span, "")));
    edits.extend(theirs.tail.map(|tail| Edit::new(tail.span, "")));
    edits.sort_by_key(|edit| edit.span);
    let mut made = splice(&made, &edits);
    let leaves_out = |what: &str| {
        let mut likes = create.likes.iter().filter(|(_, of)| of == what || of == "ALL");
        likes.next_back().is_some_and(|(how, _)| how == "EXCLUDING")
    };
    // What a topic of the connector has of options is how Debezium writes it.
    let is_inferred = matches!(base.base, Base::Inferred(_));
    if leaves_out("OPTIONS") || is_inferred {
        let keys: Vec<_> = theirs.with.iter().flat_map(|with| &with.options).collect();
        made = with_options(&made, keys.iter().map(|option| (option.key.as_str(), None)));
    }
    if leaves_out("CONSTRAINTS") {
        made = without(&made, |part| matches!(part, Part::PrimaryKey(_))).unwrap_or(made);
    }
    if leaves_out("WATERMARKS") {
        made = without(&made, |part| matches!(part, Part::Watermark(_))).unwrap_or(made);
    }
    if leaves_out("DISTRIBUTION") {
        made = distributed(&made, "");
    }
    let is_theirs = |name: &str| {
        let items = theirs.list.iter().flat_map(|list| &list.items);
        items.into_iter().any(|item| matches!(&item.part, Part::Column(c) if c.name == name))
    };
    for item in own.list.iter().flat_map(|list| &list.items) {
        if let Part::Column(column) = &item.part
            && is_theirs(&column.name)
        {
            let message = format!("`{}` has a column `{}` already", base.name, column.name);
            return Err(Refusal::new(message, "leave the column out: LIKE takes it").at(item.span));
        }
        made = with_item(&made, text, item, false)?;
    }
    if let Some(distribution) = &own.distribution {
        made = distributed(&made, &source(text, distribution.span));
    }
    let options = own.with.iter().flat_map(|with| &with.options);
    let set = options.map(|option| (option.key.as_str(), Some(option.value.as_str())));
    made = with_options(&made, set);
    Ok(generated(made.value, text))
}

/// The table of a topic as Confluent would infer it, with the options that decide its columns.
fn inferred(captured: &Captured, set: &Options) -> Result<Text, Refusal> {
    let get = |key: &str| set.get(key).map(String::as_str);
    let compacted = get("kafka.cleanup-policy")
        .map_or(captured.is_compacted, |policy| policy.contains("compact"));
    let default = match captured.wire {
        Wire::Raw => "raw",
        Wire::Avro if captured.is_flat => "avro-registry",
        Wire::Json if captured.is_flat => "json-registry",
        Wire::Avro => "avro-debezium-registry",
        Wire::Json => "json-debezium-registry",
    };
    let format = get("value.format").unwrap_or(default);
    let shape = match format {
        "raw" => Shape::Raw,
        _ if captured.wire == Wire::Raw => {
            return Err(Refusal::new(
                format!("the records of `{}` carry no schema of a registry", captured.topic),
                "set output.data.format of the connector to JSON_SR",
            ));
        }
        _ if format.starts_with("json-") == (captured.wire == Wire::Avro) => {
            let (written, wanted) = if captured.wire == Wire::Avro {
                ("Avro", "avro-registry or avro-debezium-registry")
            } else {
                ("JSON", "json-registry or json-debezium-registry")
            };
            return Err(Refusal::new(
                format!("the connector writes `{}` in {written}, not as {format}", captured.topic),
                format!("write value.format={wanted}, or change output.data.format"),
            ));
        }
        _ if captured.is_flat && format.contains("debezium") => {
            return Err(Refusal::new(
                format!("the records of `{}` are rows without Debezium's envelope", captured.topic),
                format!("write value.format={default}, or \"after.state.only\": \"false\""),
            ));
        }
        _ if captured.is_flat || format.contains("debezium") => Shape::Decoded,
        _ => Shape::Envelope,
    };
    let mode = get("changelog.mode").unwrap_or(match (shape, compacted) {
        (Shape::Decoded | Shape::Envelope, true) => "upsert",
        (Shape::Decoded, false) if !captured.is_flat => "retract",
        (Shape::Decoded | Shape::Envelope | Shape::Raw, _) => "append",
    });
    let sql = captured.inferred(shape, mode == "upsert")?;
    let text = Text::whole(captured.topic.as_str().into(), sql);
    let policy = if compacted { "compact" } else { "delete" };
    let key_format = match shape {
        Shape::Raw => "raw",
        Shape::Decoded | Shape::Envelope if captured.keys == Wire::Avro => "avro-registry",
        Shape::Decoded | Shape::Envelope => "json-registry",
    };
    let mut options = vec![("changelog.mode", mode), ("kafka.cleanup-policy", policy)];
    if !captured.key.is_empty() || shape == Shape::Raw {
        options.push(("key.format", key_format));
    }
    options.push(("value.format", format));
    Ok(with_options(&text, options.into_iter().map(|(key, value)| (key, Some(value)))))
}

/// `text` with an action of the `ALTER TABLE` `statement` applied.
fn applied(text: &Text, statement: &Text, action: &Action) -> Result<Text, Refusal> {
    match action {
        Action::Set(with) => {
            let set = with.options.iter().map(|o| (o.key.as_str(), Some(o.value.as_str())));
            Ok(with_options(text, set))
        }
        Action::Reset(keys) => Ok(with_options(text, keys.iter().map(|key| (key.as_str(), None)))),
        Action::Add(items, distribution) => {
            let mut text = text.clone();
            for item in items {
                text = with_item(&text, statement, item, false)?;
            }
            Ok(match distribution {
                Some(found) => distributed(&text, &source(statement, found.span)),
                None => text,
            })
        }
        Action::Modify(items, distribution) => {
            let mut text = text.clone();
            for item in items {
                text = with_item(&text, statement, item, true)?;
            }
            Ok(match distribution {
                Some(found) => distributed(&text, &source(statement, found.span)),
                None => text,
            })
        }
        Action::DropWatermark => without(text, |part| matches!(part, Part::Watermark(_))),
        Action::DropPrimaryKey => without(text, |part| matches!(part, Part::PrimaryKey(_))),
        Action::DropDistribution => Ok(distributed(text, "")),
        Action::DropColumns(names) => {
            let mut text = text.clone();
            for name in names {
                text = without(&text, |part| matches!(part, Part::Column(c) if c.name == *name))?;
            }
            Ok(text)
        }
        Action::Other => Err(Refusal::new(
            "this ALTER TABLE has no translation",
            "ALTER TABLE is translated with SET, RESET, ADD, MODIFY and DROP of columns, watermark, \
             primary key and distribution",
        )),
    }
}

fn source(statement: &Text, span: Span) -> String {
    statement.value.get(span.start..span.end).unwrap_or("").to_owned()
}

/// `text` with the words after the list replaced.
fn distributed(text: &Text, words: &str) -> Text {
    let words = words.replacen("DISTRIBUTION", "DISTRIBUTED", 1);
    let Some(parts) = parts(text) else { return text.clone() };
    let span = match (&parts.distribution, &parts.list) {
        (Some(distribution), _) => distribution.span,
        (None, Some(list)) => Span::new(list.close.end, list.close.end),
        (None, None) => Span::new(parts.name.span.end, parts.name.span.end),
    };
    let words = if parts.distribution.is_none() { format!(" {words}") } else { words };
    splice(text, &[Edit::new(span, words)])
}

/// `text` with an item of an `ALTER TABLE` added, or put in the place of what it names.
fn with_item(text: &Text, statement: &Text, item: &Item, modify: bool) -> Result<Text, Refusal> {
    let found = parts(text);
    let Some(list) = found.as_ref().and_then(|parts| parts.list.as_ref()) else {
        return Err(Refusal::new(
            "the table has no list of columns to change",
            "write its columns in the CREATE TABLE",
        )
        .at(item.span));
    };
    let same = list.items.iter().find(|old| match (&old.part, &item.part) {
        (Part::Watermark(_), Part::Watermark(_)) => true,
        (Part::PrimaryKey(_), Part::PrimaryKey(_)) => true,
        (Part::Column(old), Part::Column(new)) => old.name == new.name,
        _ => false,
    });
    let column = match &item.part {
        Part::Column(column) => Some(column),
        Part::Watermark(_) | Part::PrimaryKey(_) | Part::Other => None,
    };
    let words = words(statement, item, column);
    match (same, modify) {
        (Some(old), true) => Ok(splice(text, &[Edit::new(old.span, words)])),
        (Some(_), false) => Err(Refusal::new(
            "what this adds is there already",
            "write ALTER TABLE … MODIFY to change it",
        )
        .at(item.span)),
        // A table without its own watermark has the default one.
        (None, true) if column.is_some() => {
            Err(Refusal::new("the table has no such column", "write ALTER TABLE … ADD to add it")
                .at(item.span))
        }
        (None, _) => Ok(splice(text, &[insertion(list, column, words)])),
    }
}

/// The columns of a topic's records come from the connector.
fn may_stand_on_a_topic(item: &Item) -> Result<(), Refusal> {
    match &item.part {
        Part::Column(column) if matches!(column.kind, ColumnKind::Physical(_)) => {
            Err(Refusal::new(
                format!("`{}` would be a column of the connector's records", column.name),
                "add computed columns (`name AS …`) or METADATA columns; the records' columns come \
                 from the source tables",
            )
            .at(item.span))
        }
        Part::Column(_) | Part::Watermark(_) | Part::PrimaryKey(_) | Part::Other => Ok(()),
    }
}

fn words(statement: &Text, item: &Item, column: Option<&Column>) -> String {
    let whole = source(statement, item.span);
    let Some((_, position)) = column.and_then(|column| column.position.as_ref()) else {
        return whole;
    };
    let upto = position.start.saturating_sub(item.span.start);
    whole.get(..upto).unwrap_or(&whole).trim_end().to_owned()
}

fn insertion(list: &List, column: Option<&Column>, words: String) -> Edit {
    let after = |at: usize| Edit::new(Span::new(at, at), format!(",\n  {words}"));
    let last = list.items.last().map(|item| item.span.end);
    match column.and_then(|column| column.position.as_ref()) {
        Some((Position::First, _)) => {
            let at = list.open.end;
            Edit::new(Span::new(at, at), format!("\n  {words},"))
        }
        Some((Position::After(name), _)) => {
            let found = list
                .items
                .iter()
                .find(|item| matches!(&item.part, Part::Column(column) if column.name == *name));
            after(found.map_or(last.unwrap_or(list.open.end), |item| item.span.end))
        }
        None => match last {
            Some(last) => after(last),
            None => Edit::new(Span::new(list.open.end, list.open.end), words),
        },
    }
}

/// `text` without the items that `is` names.
pub(super) fn without(text: &Text, is: impl Fn(&Part) -> bool) -> Result<Text, Refusal> {
    let found = parts(text).and_then(|parts| parts.list);
    let Some(list) = found else { return Ok(text.clone()) };
    let Some(index) = list.items.iter().position(|item| is(&item.part)) else {
        return Err(Refusal::new(
            "the table has nothing of that kind to drop",
            "leave the statement out",
        ));
    };
    let span = |n: usize| list.items.get(n).map(|item| item.span);
    let own = span(index).unwrap_or_default();
    let before = index.checked_sub(1).and_then(span);
    let removed = match (before, span(index + 1)) {
        (Some(before), _) => Span::new(before.end, own.end),
        (None, Some(after)) => Span::new(own.start, after.start),
        (None, None) => own,
    };
    Ok(splice(text, &[Edit::new(removed, "")]))
}
