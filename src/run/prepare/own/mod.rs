//! What of a statement is the run's: its own addresses, topics and folders put in, production's
//! secrets left out, and every such difference listed.

use crate::base::diagnostic::Diagnostic;
use crate::base::difference::Difference;
use crate::base::text::{Span, Text};
use crate::capture::diagnose::{self, PIPELINE};
use crate::client::reach::Reach;
use crate::client::registry;
use crate::contain::fate::{self, Fate, Thing};
use crate::contain::scope::{Catalog, Scope};
use crate::contain::session;
use crate::dialect::avro;
use crate::history::event::SinkMode;
use crate::history::files::Kept;
use crate::run::prepare::files::{self, Home};
use crate::run::prepare::table::{ISOLATION, Places, TopicTable, Unread, format, is_debezium};
use crate::scenario::settings::Options;
use crate::sql::edit::{Edit, splice, with_options};
use crate::sql::flink::like::takes_options;
use crate::sql::flink::{self, CreateTable, Created, Statement, With};
use crate::sql::token::{Language, significant};

/// A statement with what is the run's.
pub(in crate::run) struct Owned {
    /// As it is submitted; `None` if it is left out.
    pub(in crate::run) submitted: Option<Text>,
    /// The table that it makes, where rows of it are followed.
    pub(in crate::run) table: Option<TopicTable>,
    /// The table that it makes, where they are not.
    pub(in crate::run) unread: Option<(String, Unread)>,
    /// What the table lacks, should a statement read or write it; another may be like it.
    pub(in crate::run) lacks: Option<Diagnostic>,
    /// How it differs from what is written.
    pub(in crate::run) differences: Vec<Difference>,
}

impl Owned {
    fn as_written(text: &Text) -> Self {
        let submitted = Some(text.clone());
        Self { submitted, table: None, unread: None, lacks: None, differences: Vec::new() }
    }
}

/// One option that is the run's.
struct Change {
    key: String,
    /// `None`: it is left out.
    ours: Option<String>,
    why: &'static str,
}

impl Change {
    fn new(key: impl Into<String>, ours: impl Into<String>, why: &'static str) -> Self {
        Self { key: key.into(), ours: Some(ours.into()), why }
    }
}

/// A statement with the options that settings give its table.
pub(in crate::run) fn with_settings(written: &Text, set: Option<&Options>) -> Text {
    let set = set.into_iter().flatten();
    with_options(written, set.map(|(key, value)| (key.as_str(), Some(value.as_str()))))
}

/// A statement after its settings are applied (`edited`), with what is the run's; `written` is what
/// the author wrote.
pub(in crate::run) fn statement(
    scope: &Scope,
    (edited, written): (&Text, &Text),
    places: &Places<'_>,
) -> Owned {
    match flink::parse(edited) {
        Statement::CreateTable(create) => table(scope, (edited, written), *create, places),
        Statement::CreateCatalog(created) => catalog(edited, &created, places),
        Statement::CreateDatabase(created) => {
            let thing = scope.database(&created.name);
            let left_out = changes(thing, created.with.as_ref(), |_| None);
            let part = format!("database `{}`", created.name);
            owned(edited, created.with.as_ref(), &part, left_out)
        }
        Statement::Set { key, value } => option(edited, &key, &value),
        Statement::Reset(key) => reset(edited, &key),
        Statement::StatementSet(_) => statement_set(edited),
        Statement::CreateModel(_)
        | Statement::CreateView { .. }
        | Statement::Insert(_)
        | Statement::UseCatalog(_)
        | Statement::Use(_)
        | Statement::Other => Owned::as_written(edited),
    }
}

/// A `SET`, which is left out if it is none of the author's business here.
fn option(text: &Text, key: &str, value: &str) -> Owned {
    let why = match session::option(key, value) {
        Fate::Ours(why) | Fate::LeftOut(why) => why,
        Fate::Kept | Fate::Refused(..) => {
            return Owned::as_written(text);
        }
    };
    let difference = Difference::new("session", key, why).theirs(value).at(text.place(0));
    let differences = vec![difference];
    Owned { submitted: None, table: None, unread: None, lacks: None, differences }
}

/// A `RESET`, which is left out where its `SET` is, and never takes the run's own away.
fn reset(text: &Text, key: &str) -> Owned {
    let mut owned = option(text, key, "");
    if key == ZONE {
        let set = format!("SET '{ZONE}' = 'UTC'");
        let why = "the same on every machine";
        let difference = Difference::new("session", key, why).ours("UTC").at(text.place(0));
        owned.submitted = Some(splice(text, &[Edit::new(Span::new(0, text.value.len()), set)]));
        owned.differences = vec![difference];
    } else if key.starts_with("restart-strategy") {
        let why = "a statement that fails shall say so";
        let difference = Difference::new("session", key, why).at(text.place(0));
        owned.submitted = None;
        owned.differences = vec![difference];
    }
    owned
}

/// The option of a session that says in which zone windows and texts are.
const ZONE: &str = "table.local-time-zone";

/// The client's own words for a statement set are none of Flink's.
fn statement_set(text: &Text) -> Owned {
    let mut owned = Owned::as_written(text);
    let tokens = significant(Language::Flink, &text.value);
    if let [begin, _, _, semicolon, ..] = tokens.as_slice()
        && begin.is("BEGIN")
    {
        let (theirs, ours) = ("BEGIN STATEMENT SET", "EXECUTE STATEMENT SET BEGIN");
        let span = Span::new(begin.span.start, semicolon.span.end);
        owned.submitted = Some(splice(text, &[Edit::new(span, ours)]));
        let why = "the client reads these words itself";
        let difference = Difference::new("statements", theirs, why).ours(ours);
        owned.differences.push(difference.at(text.place(span.start)));
    }
    owned
}

/// The options that are the run's among those of a clause; `ours` says what it puts in.
fn changes(
    thing: Thing,
    with: Option<&With>,
    ours: impl Fn(&str) -> Option<String>,
) -> Vec<Change> {
    let options = with.iter().flat_map(|with| &with.options);
    let change = |option: &flink::WithOption| {
        let key = option.key.clone();
        match fate::option(thing, &key, &option.value) {
            Fate::Ours(why) => Some(Change { ours: ours(&key), key, why }),
            Fate::LeftOut(why) => Some(Change { key, ours: None, why }),
            Fate::Kept | Fate::Refused(..) => None,
        }
    };
    options.filter_map(change).collect()
}

/// A statement with changes made and listed.
fn owned(text: &Text, with: Option<&With>, part: &str, changes: Vec<Change>) -> Owned {
    let written = |key: &str| with?.options.iter().find(|option| option.key == key);
    let edits = changes.iter().map(|change| (change.key.as_str(), change.ours.as_deref()));
    let submitted = with_options(text, edits);
    let mut differences = Vec::new();
    for Change { key, ours, why } in changes {
        let theirs = written(&key);
        if theirs.map(|option| &option.value) == ours.as_ref() {
            continue;
        }
        let mut difference = Difference::new(part, key, why);
        difference.theirs = theirs.map(|option| option.value.clone());
        difference.ours = ours;
        difference.at = theirs.map(|option| text.place(option.span.start));
        differences.push(difference);
    }
    Owned { submitted: Some(submitted), table: None, unread: None, lacks: None, differences }
}

/// A catalog of Iceberg's becomes one of the run's folders.
fn catalog(text: &Text, created: &Created, places: &Places<'_>) -> Owned {
    let part = format!("catalog `{}`", created.name);
    let with = created.with.as_ref();
    let catalog = Catalog::of(created);
    let ours = lake_options(places, &catalog.place);
    let is_lake = catalog.thing == Thing::Iceberg;
    owned(text, with, &part, in_lake(catalog.thing, with, ours, is_lake))
}

/// The options of a catalog that the run keeps.
fn lake_options(places: &Places<'_>, place: &str) -> Vec<Change> {
    let why = match places.files {
        Home::Folder(_) => "the catalog is a folder of the run",
        Home::Objects(_) => {
            "the catalog is a database of the run, its tables are objects of the run"
        }
    };
    places.files.catalog(place).into_iter().map(|(key, ours)| Change::new(key, ours, why)).collect()
}

/// The options of a catalog, or of a table that names its own: those of the run's, also in the place of
/// production's. What the clause does not have is added where it `is_whole`.
fn in_lake(thing: Thing, with: Option<&With>, ours: Vec<Change>, is_whole: bool) -> Vec<Change> {
    let mut all = changes(thing, with, |key| value(&ours, key));
    for change in &mut all {
        change.ours = value(&ours, &change.key);
    }
    if is_whole {
        add(&mut all, with, ours);
    }
    all
}

fn value(ours: &[Change], key: &str) -> Option<String> {
    ours.iter().find(|change| change.key == key)?.ours.clone()
}

/// Adds what the clause does not have.
fn add(all: &mut Vec<Change>, with: Option<&With>, ours: Vec<Change>) {
    let is_written = |key: &str| with.is_some_and(|with| with.get(key).is_some());
    all.extend(ours.into_iter().filter(|change| !is_written(&change.key)));
}

fn table(
    scope: &Scope,
    (text, written): (&Text, &Text),
    mut create: CreateTable,
    places: &Places<'_>,
) -> Owned {
    let thing = scope.made(&create, None).unwrap_or(Thing::Unknown);
    let with = create.with.clone();
    let part = format!("table `{}`", create.name);
    // What is not written here is that of another table, which is the run's already.
    let is_whole = create.like.is_none() || !takes_options(&create);
    create = scope.whole(&create);
    let lacks = |option: &str| lacks(&create, written, option);
    let get = |key: &str| create.with.as_ref().and_then(|with| with.get(key));
    let mut lacking = None;
    let (all, topics) = match (thing, scope.lake(&create)) {
        (Thing::Iceberg, Some(catalog)) => {
            let folder = catalog.folder(&scope.full(&create.name));
            (changes(thing, with.as_ref(), |_| None), vec![folder])
        }
        (Thing::Iceberg, None) => {
            let nothing = With::default();
            let (warehouse, folder) = files::lake(&create, with.as_ref().unwrap_or(&nothing));
            let ours = lake_options(places, &warehouse);
            (in_lake(thing, with.as_ref(), ours, is_whole), vec![folder])
        }
        (Thing::Files, _) => {
            let all = in_files(with.as_ref(), places);
            let path = get("path").map(|path| path.trim_end_matches('/').to_owned());
            if path.is_none() && create.like.is_none() {
                lacking = Some(lacks("path"));
            }
            (all, path.into_iter().collect())
        }
        (Thing::Topic, _) => {
            let topics = match (get("topic"), get("topic-pattern")) {
                (Some(topic), _) => listed(topic),
                (None, pattern) => pattern.map_or_else(Vec::new, |one| places.matching(one)),
            };
            if get("topic").or(get("topic-pattern")).is_none() && create.like.is_none() {
                lacking = Some(lacks("topic"));
            }
            (on_topics(&topics, with.as_ref(), is_whole, places), topics)
        }
        (Thing::Placeless | Thing::Memory | Thing::Model | Thing::Unknown, _) => {
            (changes(thing, with.as_ref(), |_| None), Vec::new())
        }
    };
    let mut owned = owned(text, with.as_ref(), &part, all);
    owned.lacks = lacking;
    if let Some((kept, mode)) = followed(thing, &create).filter(|_| !topics.is_empty()) {
        let place = written.place(create.name.span.start);
        let name = create.name.table().to_owned();
        // Whatever catalog is used when it is asked about.
        create.name.parts = scope.full(&create.name).into();
        owned.table = Some(TopicTable {
            name,
            topics,
            kept,
            mode,
            format: create.with.as_ref().map_or("", format).to_owned(),
            create,
            written: written.clone(),
            place,
        });
    } else if thing != Thing::Unknown {
        let name = create.name.table().to_owned();
        owned.unread = Some((name, unread(&create, written)));
    }
    owned
}

/// What is told of a table that does not say where its rows are.
fn lacks(create: &CreateTable, written: &Text, option: &str) -> Diagnostic {
    let message = format!("table `{}` names no {option}", create.name);
    let mut diagnostic = diagnose::at(PIPELINE, written, message);
    diagnostic.help = Some(format!("write '{option}' = '…' in its WITH clause"));
    diagnostic
}

/// Why rows of a table are not followed.
fn unread(create: &CreateTable, written: &Text) -> Unread {
    let get = |key: &str| create.with.as_ref().and_then(|with| with.get(key));
    let (what, help) = match (get("connector"), get("format")) {
        (None, _) if create.like.is_some() => (
            "made with LIKE".to_owned(),
            "write its own options in its WITH, `connector` among them",
        ),
        (Some("filesystem"), Some(format)) => (
            format!("files in {format}"),
            "write 'format' = 'csv', 'json' or 'parquet', or `unjudged`",
        ),
        (connector, _) => {
            let connector = connector.unwrap_or("none");
            (format!("of the connector `{connector}`"), "write `unjudged` under `sinks`")
        }
    };
    Unread { what, help, written: written.clone() }
}

/// How the rows of a table are kept and written, where they are followed.
fn followed(thing: Thing, create: &CreateTable) -> Option<(Kept, SinkMode)> {
    let with = create.with.as_ref();
    // What a table does not say itself is not known here.
    if create.like.is_some() && with?.get("connector").is_none() {
        return None;
    }
    let mode = |is_keyed: bool| if is_keyed { SinkMode::Upsert } else { SinkMode::Append };
    if thing != Thing::Topic {
        let kept = files::kept(thing, with)?;
        return Some((kept, mode(kept == Kept::Iceberg && !create.primary_key.is_empty())));
    }
    let with = with?;
    match with.get("connector")? {
        "upsert-kafka" => Some((Kept::Topic, SinkMode::Upsert)),
        _ if is_debezium(format(with)) => Some((Kept::Topic, SinkMode::Retract)),
        _ => Some((Kept::Topic, SinkMode::Append)),
    }
}

/// Flink goes on writing a file of rows for half an hour, unless it is larger than this at a
/// checkpoint; a proof reads what is committed.
const SIZE: &str = "sink.rolling-policy.file-size";

/// The options of a table of files that are the run's.
fn in_files(with: Option<&With>, places: &Places<'_>) -> Vec<Change> {
    let path = with.and_then(|with| with.get("path"));
    let mut all = changes(Thing::Files, with, |_| path.map(|path| places.folder(path)));
    if files::kept(Thing::Files, with).is_some_and(|kept| !kept.is_columnar()) {
        all.push(Change::new(SIZE, "1b", "what a checkpoint holds is in files of its own"));
    }
    all
}

/// The topics of a list.
fn listed(topics: &str) -> Vec<String> {
    let topics = topics.split(';').map(|topic| topic.trim().to_owned());
    topics.filter(|topic| !topic.is_empty()).collect()
}

/// Whether the Kafka clients of a table register their metrics with Flink.
const CLIENT_METRICS: [&str; 2] =
    ["properties.register.consumer.metrics", "properties.register.producer.metrics"];

/// The options of a table on topics that are the run's.
fn on_topics(
    topics: &[String],
    with: Option<&With>,
    is_whole: bool,
    places: &Places<'_>,
) -> Vec<Change> {
    let Places { names, reach, .. } = *places;
    let registry = reach.registry_inside(registry::API);
    let protection = protection(reach, with);
    let get = |key: &str| with.and_then(|with| with.get(key));
    let ours = |key: &str| match key {
        "topic" => {
            let physical: Vec<_> = topics.iter().map(|topic| names.topic(topic)).collect();
            Some(physical.join(";"))
        }
        "properties.bootstrap.servers" => Some(reach.kafka.inside.bootstrap.clone()),
        "properties.group.id" => {
            Some(get(key).map_or_else(|| names.base.clone(), |group| names.own(group)))
        }
        "sink.transactional-id-prefix" => get(key).map(|prefix| names.own(prefix)),
        _ => Some(registry.clone()),
    };
    let mut all = changes(Thing::Topic, with, ours);
    for change in all.iter_mut().filter(|change| change.ours.is_none()) {
        if let Some(ours) = value(&protection, &change.key) {
            (change.ours, change.why) = (Some(ours), PROTECTED);
        }
    }
    if get("topic").is_none() && get("topic-pattern").is_some() && !topics.is_empty() {
        let why = "topics of other runs could match the pattern";
        all.push(Change { key: "topic-pattern".to_owned(), ours: None, why });
        all.extend(ours("topic").map(|topics| Change::new("topic", topics, why)));
    }
    if !is_whole {
        return all;
    }
    let mut added = Vec::new();
    for key in ["properties.bootstrap.servers", "properties.group.id"] {
        if let (Some(ours), Fate::Ours(why)) = (ours(key), fate::option(Thing::Topic, key, "")) {
            added.push(Change::new(key, ours, why));
        }
    }
    // A proof reads the metrics of Flink's reader alone, and every read of one costs a copy of
    // all; those of the Kafka clients are hundreds for each table.
    let why = "a proof reads the metrics of Flink's own readers alone";
    added.extend(CLIENT_METRICS.map(|key| Change::new(key, "false", why)));
    if places.committed {
        let why = "the timeline holds topics, by transactions that stay open";
        added.push(Change::new(ISOLATION, "read_committed", why));
    }
    let why = "the schema registry is the stack's";
    let urls = with.map(registry_options).unwrap_or_default();
    added.extend(urls.into_iter().map(|key| Change::new(key, registry.as_str(), why)));
    added.extend(protection);
    add(&mut all, with, added);
    all
}

/// Why a table has options of security.
const PROTECTED: &str = "the stack file says how brokers and registry are protected";

/// How the clients of a table reach brokers and registry that do not let everybody in.
fn protection(reach: &Reach, with: Option<&With>) -> Vec<Change> {
    let brokers = reach.kafka.inside.security.java().into_iter();
    let brokers = brokers.map(|(key, value)| (format!("properties.{key}"), value));
    let urls = with.map(registry_options).unwrap_or_default();
    let registry = reach.registry.as_ref().map(|at| at.inside.flink()).unwrap_or_default();
    let registry = urls.iter().flat_map(|url| {
        let format = url.strip_suffix("url").unwrap_or(url);
        registry.iter().map(move |(key, value)| (format!("{format}{key}"), value.clone()))
    });
    brokers.chain(registry).map(|(key, value)| Change::new(key, value, PROTECTED)).collect()
}

/// What differs of a model that is told the address of the run's scoring service.
pub(in crate::run) fn model(written: &Text, told: &Text) -> Vec<Difference> {
    let (Statement::CreateModel(theirs), Statement::CreateModel(ours)) =
        (flink::parse(written), flink::parse(told))
    else {
        return Vec::new();
    };
    let ours = ours.with.iter().flat_map(|with| &with.options);
    let told = ours.filter_map(|option| match fate::option(Thing::Model, &option.key, "") {
        Fate::Ours(why) => Some(Change::new(option.key.as_str(), option.value.as_str(), why)),
        Fate::Kept | Fate::LeftOut(_) | Fate::Refused(..) => None,
    });
    let part = format!("model `{}`", theirs.name);
    owned(written, theirs.with.as_ref(), &part, told.collect()).differences
}

/// The options that hold the registry's address, one for each format that needs it.
fn registry_options(with: &With) -> Vec<String> {
    let formats = ["", "key.", "value."].into_iter().filter_map(|part| {
        let format = with.get(&format!("{part}format"))?;
        avro::is_format(format).then(|| format!("{part}{format}.url"))
    });
    formats.collect()
}

#[cfg(test)]
mod tests;
