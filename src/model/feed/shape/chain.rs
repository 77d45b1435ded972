//! The transforms of a connector in their order, as its configuration has them.
//!
//! Their rules are those of Kafka's `connect/transforms` and of Debezium's transforms; each is a pure
//! function of a record.
//!
//! Source: Debezium's manual, "Transformations"; Kafka's manual, "Kafka Connect",
//! "Transformations". Seen on 3.6.3 (scenarios `records/rows-as-transforms-leave-them` and
//! `records/keys-as-transforms-make-them`).

use super::step::Cast;
use super::time::Time;
use crate::model::feed::unwrap::{self, Unwrapped};
use crate::model::pattern::Pattern;
use crate::model::routes::{self, MATCHES, REGEX_ROUTER, Step as Route, TABLE_ROUTER};
use crate::scenario::settings::Options;

/// Kafka's own transforms.
const KAFKA: &str = "org.apache.kafka.connect.transforms.";
/// Kafka's own predicates.
const PREDICATES: &str = "org.apache.kafka.connect.transforms.predicates.";

/// A transform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    /// Its name.
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Which records it is for, and whether for the others instead.
    pub(super) predicate: Option<(Predicate, bool)>,
}

/// Which records a transform is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Predicate {
    Topic(Pattern),
    Tombstone,
    Header(String),
}

/// The part of a record that a transform is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Key,
    Value,
}

/// What a transform does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// `ExtractNewRecordState`.
    Unwrap(Unwrapped),
    Mask(Part, Vec<String>, Option<String>),
    Replace(Part, Renames),
    /// `InsertField`: a field and what it holds; `None` where nobody knows.
    Insert(Part, Vec<(String, Option<Inserted>)>),
    Cast(Part, Vec<(String, Cast)>),
    /// `TimestampConverter`, of a field.
    Time(Part, String, Time),
    ToKey(Vec<String>),
    Extract(Part, String),
    Hoist(Part, String),
    /// Fields of fields become fields of their own.
    Flatten(Part),
    /// `Filter`.
    Drop,
    /// A header that is added, if it is known which.
    Header(Option<String>),
    /// Fields that go into headers.
    Move(Part, Vec<String>),
    /// Another topic.
    Route(Option<Route>),
    /// Another topic, with a field of the key that says which table the row is from.
    TableRoute(Option<Route>, Option<TableField>),
    /// Nothing that a record without its schema shows.
    Nothing,
}

/// What a field that is put in holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Inserted {
    Text(String),
    Topic,
}

/// What `ReplaceField` does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Renames {
    pub(super) include: Vec<String>,
    pub(super) exclude: Vec<String>,
    pub(super) renames: Vec<(String, String)>,
}

impl Renames {
    /// The new name of a field; `None` if it is left out.
    pub(super) fn name(&self, field: &str) -> Option<String> {
        let is_in = self.include.is_empty() || self.include.iter().any(|name| name == field);
        let is_out = self.exclude.iter().any(|name| name == field);
        let renamed = self.renames.iter().find(|(from, _)| from == field);
        let name = renamed.map_or(field, |(_, to)| to).to_owned();
        (is_in && !is_out).then_some(name)
    }
}

/// The field that `ByLogicalTableRouter` adds to keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableField {
    pub(super) name: String,
    /// What it makes of the topic; `None`: it is the topic.
    pub(super) route: Option<Route>,
}

/// Reads the transforms; what has no model is told in sentences.
pub(super) fn chain(config: &Options) -> Result<Vec<Link>, Vec<String>> {
    let (mut links, mut problems) = (Vec::new(), Vec::new());
    for name in routes::transforms(config) {
        match (kind(config, name), predicate(config, name)) {
            (Ok(kind), Ok(predicate)) => {
                links.push(Link { name: name.to_owned(), kind, predicate });
            }
            (kind, predicate) => {
                let told = [kind.err(), predicate.err()].into_iter().flatten();
                problems.extend(told.map(|problem| format!("`transforms.{name}`: {problem}")));
            }
        }
    }
    if problems.is_empty() { Ok(links) } else { Err(problems) }
}

/// The options of one transform.
pub(in crate::model::feed) struct Own<'a> {
    config: &'a Options,
    prefix: String,
}

impl<'a> Own<'a> {
    pub(in crate::model::feed) fn of(config: &'a Options, name: &str) -> Self {
        Self { config, prefix: format!("transforms.{name}.") }
    }

    pub(in crate::model::feed) fn get(&self, option: &str) -> Option<&'a str> {
        self.config.get(&format!("{}{option}", self.prefix)).map(String::as_str)
    }

    fn list(&self, option: &str) -> Vec<String> {
        let list = self.get(option).unwrap_or("").split(',').map(str::trim);
        list.filter(|one| !one.is_empty()).map(ToOwned::to_owned).collect()
    }

    fn is_on(&self, option: &str, default: bool) -> bool {
        self.get(option).map_or(default, |on| on.eq_ignore_ascii_case("true"))
    }

    /// The names of the options that are written.
    pub(in crate::model::feed) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.config.keys().filter_map(|key| key.strip_prefix(&self.prefix))
    }
}

fn kind(config: &Options, name: &str) -> Result<Kind, String> {
    let own = Own::of(config, name);
    let class = own.get("type").unwrap_or("");
    if class == unwrap::CLASS {
        return Unwrapped::of(&own).map(Kind::Unwrap);
    }
    if class == TABLE_ROUTER {
        return table_router(config, name, &own);
    }
    if class == REGEX_ROUTER {
        return Ok(Kind::Route(Route::of(config, name)?));
    }
    let unknown = || format!("what a {} does to records has no model", last(class));
    let of_kafka = class.strip_prefix(KAFKA).ok_or_else(unknown)?;
    let (plain, part) = match of_kafka.split_once('$') {
        Some((plain, "Key")) => (plain, Part::Key),
        Some((plain, "Value")) => (plain, Part::Value),
        Some(_) => return Err(unknown()),
        None => (of_kafka, Part::Value),
    };
    let field = || own.get("field").unwrap_or("").to_owned();
    Ok(match plain {
        "MaskField" => {
            let with = own.get("replacement").map(ToOwned::to_owned);
            Kind::Mask(part, own.list("fields"), with)
        }
        "ReplaceField" => {
            let pair = |pair: &String| {
                let (from, to) = pair.split_once(':')?;
                Some((from.to_owned(), to.to_owned()))
            };
            let renames = own.list("renames").iter().filter_map(pair).collect();
            let (include, exclude) = (own.list("include"), own.list("exclude"));
            Kind::Replace(part, Renames { include, exclude, renames })
        }
        "InsertField" => Kind::Insert(part, inserted(&own)),
        "Cast" => Kind::Cast(part, casts(&own)?),
        "TimestampConverter" if !field().is_empty() => {
            let target = own.get("target.type");
            Kind::Time(
                part,
                field(),
                Time::of(target, own.get("unix.precision"), own.get("format"))?,
            )
        }
        "ValueToKey" => Kind::ToKey(own.list("fields")),
        "ExtractField" if own.get("field.syntax.version").is_none_or(|v| v == "V1") => {
            Kind::Extract(part, field())
        }
        "HoistField" => Kind::Hoist(part, field()),
        "Flatten" => Kind::Flatten(part),
        "Filter" => Kind::Drop,
        "InsertHeader" => Kind::Header(own.get("header").map(ToOwned::to_owned)),
        "DropHeaders" => Kind::Header(None),
        "HeaderFrom" if own.get("operation") == Some("move") => {
            Kind::Move(part, own.list("fields"))
        }
        "HeaderFrom" => Kind::Header(None),
        "SetSchemaMetadata" => Kind::Nothing,
        _ => return Err(unknown()),
    })
}

fn table_router(config: &Options, name: &str, own: &Own<'_>) -> Result<Kind, String> {
    let field = if own.is_on("key.enforce.uniqueness", true) {
        let name = own.get("key.field.name").unwrap_or("__dbz__physicalTableIdentifier").to_owned();
        let route = match (own.get("key.field.regex"), own.get("key.field.replacement")) {
            (Some(regex), Some(replacement)) => Some(Route::plain(regex, replacement)?),
            _ => None,
        };
        Some(TableField { name, route })
    } else {
        None
    };
    Ok(Kind::TableRoute(Route::of(config, name)?, field))
}

fn inserted(own: &Own<'_>) -> Vec<(String, Option<Inserted>)> {
    let name = |option: &str| own.get(option).map(|n| n.trim_end_matches(['?', '!']).to_owned());
    let fixed = own.get("static.value").map(|value| Inserted::Text(value.to_owned()));
    let all = [
        (name("static.field"), fixed),
        (name("topic.field"), Some(Inserted::Topic)),
        (name("partition.field"), None),
        (name("timestamp.field"), None),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name?, value))).collect()
}

/// The entries of `spec`; one type alone is for the whole part, and stands for the field without a
/// name.
fn casts(own: &Own<'_>) -> Result<Vec<(String, Cast)>, String> {
    let entry = |entry: String| {
        let (field, kind) = entry.split_once(':').unwrap_or(("", &entry));
        let cast = Cast::of(kind).ok_or_else(|| format!("a cast to `{kind}` has no model"))?;
        Ok((field.trim().to_owned(), cast))
    };
    own.list("spec").into_iter().map(entry).collect()
}

/// Which records a transform is for.
fn predicate(config: &Options, transform: &str) -> Result<Option<(Predicate, bool)>, String> {
    let own = Own::of(config, transform);
    let Some(name) = own.get("predicate") else { return Ok(None) };
    let option = |key: &str| config.get(&format!("predicates.{name}.{key}")).map(String::as_str);
    let class = option("type").unwrap_or("");
    let predicate = match (class.strip_prefix(PREDICATES), option("pattern"), option("name")) {
        (Some("RecordIsTombstone"), ..) => Predicate::Tombstone,
        (Some("HasHeaderKey"), _, Some(header)) => Predicate::Header(header.to_owned()),
        (_, Some(pattern), _) if class == MATCHES => Predicate::Topic(Pattern::of(pattern)?),
        _ => {
            return Err(format!(
                "for which records it is under the predicate `{name}` has no model"
            ));
        }
    };
    Ok(Some((predicate, own.is_on("negate", false))))
}

/// The name of a class without its package.
fn last(class: &str) -> &str {
    let name = class.rsplit('.').next().unwrap_or(class);
    if name.is_empty() { "transform without a type" } else { name }
}
