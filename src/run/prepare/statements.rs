//! The statements as they are submitted: addresses and the run's topics filled in, everything else
//! as written.

use std::collections::BTreeMap;

use crate::base::diagnostic::Diagnostic;
use crate::base::difference::Difference;
use crate::base::text::{Span, Text};
use crate::capture::diagnose::{self, PIPELINE};
use crate::contain;
use crate::contain::scope::Scope;
use crate::dialect::{TopicPlan, Translation};
use crate::model::pattern::Pattern;
use crate::model::zone::Zone;
use crate::run::prepare::own::{self, Owned};
use crate::run::prepare::table::{Places, TopicTable, Unread};
use crate::scenario::settings::Options;
use crate::sql::flink::{self, Insert, Name, Statement};
use crate::sql::table::{self as altering, Action};
use crate::sql::token::{Language, significant};

/// A statement ready to be submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// As the author wrote it; in Confluent's dialect, as it was translated.
    pub written: Text,
    /// As it is submitted; each piece still knows where it stood.
    pub submitted: Text,
    /// What it is.
    pub statement: Statement,
}

/// All statements of a pipeline, and what they name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statements {
    /// In order of submission.
    pub prepared: Vec<Prepared>,
    /// Tables on topics by name.
    pub tables: BTreeMap<String, TopicTable>,
    /// What the DDL says of tables' topics, by table.
    pub topics: BTreeMap<String, TopicPlan>,
    /// How what is submitted differs from the statements as written, or as translated.
    pub differences: Vec<Difference>,
    /// Tables whose rows are not followed, by name.
    pub(in crate::run) unread: BTreeMap<String, Unread>,
    /// What views read, by view.
    pub(super) views: BTreeMap<String, Vec<String>>,
    /// Tables and views that use the clock of the machine.
    pub(super) processing_time: Vec<String>,
    /// Views that ask a model.
    pub(super) asking: Vec<String>,
}

/// Reads and edits the translated statements of a pipeline.
pub fn prepare(
    translation: &Translation,
    settings: &BTreeMap<String, Options>,
    places: &Places<'_>,
) -> Result<Statements, Vec<Diagnostic>> {
    let mut all = Statements { topics: translation.topics.clone(), ..Statements::default() };
    let mut scope = Scope::new();
    let (mut wrong, mut lacking) = (Vec::new(), Vec::new());
    for one in translation.statements.iter().filter(|one| flink::only_shows(&one.written)) {
        all.differences.push(shown(&one.written));
    }
    for written in translation.texts().filter(|text| !flink::only_shows(text)) {
        let statement = flink::parse(written);
        let set = match &statement {
            Statement::CreateTable(create) => settings.get(create.name.table()),
            _ => None,
        };
        wrong.extend(contain::statements::refuse_one(&scope, written, &statement, set));
        let edited = own::with_settings(written, set);
        let Owned { submitted, table, unread, lacks, differences } =
            own::statement(&scope, (&edited, written), places);
        if let Statement::CreateTable(create) = &statement {
            lacking.extend(lacks.map(|what| ([create.name.table().to_owned()], what)));
        }
        all.differences.extend(differences);
        all.unread.extend(unread);
        if let Some(table) = table {
            wrong.extend(all.confusion(&table));
            all.tables.insert(table.name.clone(), table);
        }
        if let Some(submitted) = submitted {
            all.note(&statement, written);
            let (written, statement) = (written.clone(), statement.clone());
            all.prepared.push(Prepared { written, submitted, statement });
        }
        all.alter(written);
        scope.see(&statement, set);
    }
    for (name, what) in lacking {
        if all.prepared.iter().any(|prepared| all.needs(prepared, &name)) {
            wrong.push(what);
        }
    }
    if wrong.is_empty() { Ok(all) } else { Err(wrong) }
}

/// A statement that is left out, since it shows something to a person.
fn shown(written: &Text) -> Difference {
    const WIDTH: usize = 60;
    let words = significant(Language::Flink, &written.value);
    let start = words.first().map_or(0, |token| token.span.start);
    let line = written.value.get(start..).unwrap_or_default();
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = line.chars().take(WIDTH).collect();
    let short = if short.len() < line.len() { format!("{short}…") } else { short };
    let why = "it only shows something to a person";
    Difference::new("statements", short, why).at(written.place(start))
}

impl Statements {
    /// Tables and sinks go by the last part of their names, so only one may have it.
    fn confusion(&self, table: &TopicTable) -> Option<Diagnostic> {
        let other = self.tables.get(&table.name)?;
        let is_same = other.create.name.parts == table.create.name.parts;
        (!is_same).then(|| {
            let message = format!(
                "`{}` and `{}` are both `{}` to this run",
                other.create.name, table.create.name, table.name
            );
            let mut diagnostic = diagnose::at(PIPELINE, &table.written, message);
            diagnostic.help = Some(
                "give one of them another name: tables go by the last part of theirs".to_owned(),
            );
            diagnostic
        })
    }

    /// Takes in what an `ALTER TABLE` makes of a table's watermark.
    fn alter(&mut self, text: &Text) {
        let Some(alter) = altering::alter(text) else { return };
        let Some(table) = self.tables.get_mut(alter.name.table()) else { return };
        match alter.action {
            Action::Add(items, _) | Action::Modify(items, _) => {
                for item in items {
                    if let altering::Part::Watermark(Some(watermark)) = item.part {
                        table.create.watermark = Some(watermark);
                    }
                }
            }
            Action::DropWatermark => table.create.watermark = None,
            _ => {}
        }
    }

    fn note(&mut self, statement: &Statement, text: &Text) {
        let name = match statement {
            Statement::CreateView { name, reads } => {
                // One that is made anew: statements before that read what it was.
                let reads = reads.iter().map(|name| name.table().to_owned());
                self.views.entry(name.table().to_owned()).or_default().extend(reads);
                name.table()
            }
            Statement::CreateTable(create) => create.name.table(),
            Statement::CreateModel(_)
            | Statement::CreateCatalog(_)
            | Statement::CreateDatabase(_)
            | Statement::Insert(_)
            | Statement::StatementSet(_)
            | Statement::Set { .. }
            | Statement::Reset(_)
            | Statement::UseCatalog(_)
            | Statement::Use(_)
            | Statement::Other => return,
        };
        let like = match statement {
            Statement::CreateTable(create) => create.like.as_ref(),
            _ => None,
        };
        let is_like = |of: &Name| self.processing_time.iter().any(|known| known == of.table());
        if uses_processing_time(text) || like.is_some_and(is_like) {
            self.processing_time.push(name.to_owned());
        }
        if asks_a_model(text) {
            self.asking.push(name.to_owned());
        }
    }

    /// Tables and views that a statement reads, through however many views.
    fn reads(&self, inserts: &[Insert]) -> Vec<String> {
        let names = inserts.iter().flat_map(|insert| insert.reads.iter());
        let mut open: Vec<String> = names.map(|name| name.table().to_owned()).collect();
        let mut seen: Vec<String> = Vec::new();
        while let Some(name) = open.pop() {
            if seen.contains(&name) {
                continue;
            }
            open.extend(self.views.get(&name).into_iter().flatten().cloned());
            seen.push(name);
        }
        seen.sort();
        seen
    }

    /// Sinks that a refused statement costs: of a table or view those of the statements that read or
    /// write it, of everything else (`USE`, `SET`) all.
    pub fn costs(&self, refused: &Prepared, name: &str) -> Vec<String> {
        let makes = matches!(
            refused.statement,
            Statement::CreateTable(_) | Statement::CreateView { .. } | Statement::CreateModel(_)
        );
        let name = [name.to_owned()];
        let inserts = self.prepared.iter().filter(|one| !makes || self.needs(one, &name));
        let inserts = inserts.flat_map(|prepared| prepared.statement.inserts());
        inserts.map(|insert| insert.target.table().to_owned()).collect()
    }

    /// Whether a statement reads or writes one of these tables and views.
    pub fn needs(&self, prepared: &Prepared, names: &[String]) -> bool {
        let inserts = prepared.statement.inserts();
        let reads = self.reads(inserts);
        let writes = inserts.iter().map(|insert| insert.target.table());
        writes.chain(reads.iter().map(String::as_str)).any(|name| names.iter().any(|n| n == name))
    }

    /// Tables whose rows are followed that a statement writes or reads, those it writes first.
    pub(in crate::run) fn used(&self, prepared: &Prepared) -> Vec<&TopicTable> {
        let inserts = prepared.statement.inserts();
        let writes = inserts.iter().map(|insert| insert.target.table().to_owned());
        let names = writes.chain(self.reads(inserts));
        names.filter_map(|name| self.tables.get(&name)).collect()
    }

    /// Whether any statement reads a table, through however many views.
    pub fn is_read(&self, table: &str) -> bool {
        let mut all = self.prepared.iter();
        all.any(|one| self.reads(one.statement.inserts()).iter().any(|name| name == table))
    }

    /// Whether a table that a statement reads stands on a topic of this name.
    pub fn reads_topic(&self, topic: &str) -> bool {
        let by_pattern = |table: &TopicTable| {
            let with = table.create.with.as_ref();
            let pattern = with.and_then(|with| with.get("topic-pattern"));
            pattern.is_some_and(|pattern| Pattern::of(pattern).is_ok_and(|one| one.holds(topic)))
        };
        let of_it = |table: &&TopicTable| {
            table.topics.iter().any(|name| name == topic) || by_pattern(table)
        };
        self.tables.values().filter(of_it).any(|table| self.is_read(&table.name))
    }

    /// Tables on topics that a statement reads.
    pub fn sources(&self, inserts: &[Insert]) -> Vec<&TopicTable> {
        let read = self.reads(inserts);
        let tables = read.iter().filter_map(|name| self.tables.get(name));
        tables.filter(|table| table.kept.is_topic()).collect()
    }

    /// The time zones of the sessions' statements that read a table first, by table and where it is
    /// not UTC.
    pub fn zones(&self, flink: &Options) -> BTreeMap<String, String> {
        let (mut flink, mut zones) = (flink.clone(), BTreeMap::new());
        for prepared in &self.prepared {
            set_in(&mut flink, &prepared.statement);
            for table in self.sources(prepared.statement.inserts()) {
                zones.entry(table.name.clone()).or_insert_with(|| zone(&flink));
            }
        }
        zones.into_iter().filter_map(|(table, zone)| Some((table, zone?))).collect()
    }

    /// Whether a statement asks a model, itself or through views.
    pub fn asks_a_model(&self, prepared: &Prepared) -> bool {
        let reads = self.reads(prepared.statement.inserts());
        asks_a_model(&prepared.written) || reads.iter().any(|name| self.asking.contains(name))
    }

    /// What a statement has of the time of the machine, itself or in what it reads. Its plan says
    /// whether anything depends on it.
    pub fn processing_time(&self, prepared: &Prepared) -> Vec<String> {
        let mut gaps = Vec::new();
        let reads = self.reads(prepared.statement.inserts());
        if uses_processing_time(&prepared.written) {
            gaps.push("the statement uses processing time".to_owned());
        }
        for name in reads.iter().filter(|name| self.processing_time.contains(name)) {
            gaps.push(format!("`{name}` uses processing time"));
        }
        gaps
    }
}

/// Takes in what a statement sets for those after it.
pub fn set_in(flink: &mut Options, statement: &Statement) {
    match statement {
        Statement::Set { key, value } => drop(flink.insert(key.clone(), value.clone())),
        Statement::Reset(key) => drop(flink.remove(key)),
        _ => {}
    }
}

/// The time zone that these options give a session, where it is not UTC.
pub fn zone(flink: &Options) -> Option<String> {
    let name = flink.get("table.local-time-zone").map(|name| name.trim().to_owned());
    name.filter(|name| !Zone::is_utc(name))
}

fn asks_a_model(text: &Text) -> bool {
    significant(Language::Flink, &text.value).iter().any(|token| token.is("ML_PREDICT"))
}

fn uses_processing_time(text: &Text) -> bool {
    significant(Language::Flink, &text.value).iter().any(|token| token.is("PROCTIME"))
}

/// The first INSERT of a statement, for messages about the whole of it.
pub fn span(prepared: &Prepared) -> Span {
    prepared.statement.inserts().first().map_or_else(Span::default, |insert| insert.span)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::client::reach::{Kafka, Reach, Rest, Twice};
    use crate::dialect::{Emitted, Translated};
    use crate::history::event::SinkMode;
    use crate::run::names::Names;
    use crate::run::prepare::files::Home;
    use crate::sql::split;

    const SQL: &str = "\
CREATE TABLE payments (id INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
WITH ('connector' = 'kafka', 'topic' = 'cdc.public.payments', 'format' = 'debezium-json',
      'properties.bootstrap.servers' = 'production:9092', 'scan.startup.mode' = 'earliest-offset');
CREATE TABLE totals (id INT, PRIMARY KEY (id) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', 'topic' = 'totals', 'key.format' = 'json', 'value.format' = 'json',
      'sink.transactional-id-prefix' = 'totals');
CREATE VIEW late AS SELECT *, PROCTIME() AS p FROM payments;
INSERT INTO totals SELECT id FROM late;";

    fn translation(texts: &[Text]) -> Translation {
        let own = |text: &Text| Translated {
            written: text.clone(),
            emitted: vec![Emitted { text: text.clone(), notes: Vec::new() }],
            notes: Vec::new(),
        };
        Translation { statements: texts.iter().map(own).collect(), topics: BTreeMap::new() }
    }

    fn places<'a>(names: &'a Names, reach: &'a Reach) -> Places<'a> {
        static FILES: LazyLock<Home> = LazyLock::new(|| Home::Folder("/runs/t/lake".into()));
        Places { names, reach, files: &FILES, topics: &[], committed: false }
    }

    fn reach() -> Reach {
        Reach {
            kafka: Twice::same(Kafka::plain("127.0.0.1:1")),
            registry: Some(Twice::same(Rest::plain("http://127.0.0.1:2"))),
            ..Reach::default()
        }
    }

    #[test]
    fn a_format_with_a_registry_is_told_its_address() {
        let sql = "CREATE TABLE t (id INT) WITH ('connector' = 'upsert-kafka', 'topic' = 't', \
                   'key.format' = 'raw', 'value.format' = 'avro-confluent', \
                   'value.avro-confluent.url' = 'http://production')";
        let text = Text::whole("p.sql".into(), sql.to_owned());
        let names = Names::from_parts("t", 0);
        let all =
            prepare(&translation(&[text]), &BTreeMap::new(), &places(&names, &reach())).unwrap();
        let submitted = &all.prepared[0].submitted.value;
        let option = "'value.avro-confluent.url' = 'http://127.0.0.1:2/apis/ccompat/v7'";
        assert!(submitted.contains(option), "{submitted}");
        assert!(!submitted.contains("key.raw.url"), "{submitted}");
    }

    fn prepared() -> Statements {
        let texts = split::flink(&Text::whole("p.sql".into(), SQL.to_owned())).unwrap();
        let settings = BTreeMap::from([(
            "payments".to_owned(),
            Options::from([("scan.parallelism".to_owned(), "2".to_owned())]),
        )]);
        let translation = translation(&texts);
        let (names, reach) = (Names::from_parts("t", 0), reach());
        prepare(&translation, &settings, &places(&names, &reach)).unwrap()
    }

    #[test]
    fn addresses_and_topics_are_filled_in_and_nothing_else_changes() {
        let texts: Vec<_> =
            prepared().prepared.into_iter().map(|one| one.submitted.value).collect();
        insta::assert_snapshot!(texts.join("\n;\n"));
    }

    #[test]
    fn a_statement_reads_its_tables_through_views() {
        let all = prepared();
        let insert = all.prepared.last().unwrap();
        let sources = all.sources(insert.statement.inserts());
        assert_eq!(sources.len(), 1);
        assert_eq!(sources[0].topics, ["cdc.public.payments"]);
        assert_eq!(sources[0].format, "debezium-json");
        assert_eq!(all.tables["totals"].mode, SinkMode::Upsert);
        assert_eq!(all.processing_time(insert), ["`late` uses processing time"]);
    }

    #[test]
    fn two_tables_with_one_last_name_are_told_apart_by_their_author() {
        let table = |name: &str| {
            format!("CREATE TABLE {name} (id INT) WITH ('connector' = 'kafka', 'topic' = 't');")
        };
        let sql = format!("{} {}", table("a.t"), table("b.t"));
        let texts = split::flink(&Text::whole("p.sql".into(), sql)).unwrap();
        let (names, reach) = (Names::from_parts("t", 0), reach());
        let places = places(&names, &reach);
        let errors = prepare(&translation(&texts), &BTreeMap::new(), &places).unwrap_err();
        assert_eq!(
            errors[0].message,
            "`default_catalog.a.t` and `default_catalog.b.t` are both `t` to this run"
        );
        let again = split::flink(&Text::whole("p.sql".into(), format!("{0} {0}", table("t"))));
        let prepared = prepare(&translation(&again.unwrap()), &BTreeMap::new(), &places);
        assert!(prepared.is_ok());
    }

    #[test]
    fn a_table_without_topic_is_refused_at_its_place() {
        let text = Text::whole(
            "p.sql".into(),
            "CREATE TABLE t (id INT) WITH ('connector' = 'kafka'); INSERT INTO t SELECT 1"
                .to_owned(),
        );
        let texts = split::flink(&text).unwrap();
        let names = Names::from_parts("t", 0);
        let reach = reach();
        let places = places(&names, &reach);
        let errors = prepare(&translation(&texts), &BTreeMap::new(), &places).unwrap_err();
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].place.to_string(), "p.sql:1:1");
    }
}
