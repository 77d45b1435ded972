//! The statements in order: DDL changes the catalogue, DML brings out the tables it names.

use std::collections::{BTreeMap, BTreeSet};

use super::captured::{Captured, Wire, captured, is_avro, ticked};
use super::emit::{Form, form, generated};
use super::names::{shortened, uses_rowtime};
use super::refusal::Refusal;
use super::stars::{Seen, Shown, returned, written_out};
use super::table::{self, Base, Table};
use super::{Described, Emitted, Translated, Translation, World};
use crate::base::diagnostic::Diagnostic;
use crate::base::text::Text;
use crate::scenario::nearest;
use crate::sql::edit::quoted;
use crate::sql::flink::{self, Derived, Name, Statement};
use crate::sql::table::{Part, Parts, alter, parts};
use crate::sql::token::{Language, Token, significant};

/// The catalogue as it stands between two statements.
struct Walk<'a> {
    world: &'a World<'a>,
    /// Every connector writes Avro.
    avro: bool,
    topics: Vec<Captured>,
    tables: BTreeMap<String, Table>,
    views: BTreeMap<String, Vec<String>>,
    /// Tables and views of which a statement reads `$rowtime`.
    rowtime: BTreeSet<String>,
    emitted: BTreeMap<String, Form>,
    /// What statements so far have read by its time.
    timed: BTreeSet<String>,
}

/// What one statement becomes.
#[derive(Default)]
struct Outcome {
    emitted: Vec<Emitted>,
    notes: Vec<String>,
}

impl Outcome {
    fn note(note: impl Into<String>) -> Self {
        Self { emitted: Vec::new(), notes: vec![note.into()] }
    }
}

/// The catalogue before any statement.
fn start<'a>(statements: &[Text], world: &'a World<'a>) -> Walk<'a> {
    Walk {
        world,
        avro: world.registry || world.connectors.iter().all(is_avro),
        topics: captured(world),
        tables: BTreeMap::new(),
        views: BTreeMap::new(),
        rowtime: rowtime(statements),
        emitted: BTreeMap::new(),
        timed: BTreeSet::new(),
    }
}

/// One table of the catalogue behind these statements.
pub(super) fn described(
    name: &str,
    statements: &[Text],
    world: &World<'_>,
) -> Result<Described, Vec<Diagnostic>> {
    let mut walk = start(statements, world);
    let cause = statements.last().cloned().unwrap_or_else(|| Text::whole("".into(), String::new()));
    for written in statements {
        walk.statement(written).map_err(|refusal| vec![refusal.in_text(written)])?;
    }
    let table = walk.table(name).map_err(|refusal| vec![refusal.in_text(&cause)])?;
    let described = table.text().and_then(|text| Ok((text, form(table, false, &cause)?)));
    let (text, form) = described.map_err(|refusal| vec![refusal.in_text(&cause)])?;
    Ok(Described { text, open: form.statements, topic: form.topic })
}

pub(super) fn translate(
    statements: &[Text],
    world: &World<'_>,
) -> Result<Translation, Vec<Diagnostic>> {
    let mut walk = start(statements, world);
    let mut translation = Translation::default();
    let mut wrong = Vec::new();
    for written in statements {
        match walk.statement(written) {
            Ok(Outcome { emitted, notes }) => {
                translation.statements.push(Translated {
                    written: written.clone(),
                    emitted,
                    notes,
                });
            }
            Err(refusal) => wrong.push(refusal.in_text(written)),
        }
    }
    translation.topics = walk.emitted.into_iter().map(|(name, form)| (name, form.topic)).collect();
    if wrong.is_empty() { Ok(translation) } else { Err(wrong) }
}

/// What statements that use `$rowtime` read, through however many views.
fn rowtime(statements: &[Text]) -> BTreeSet<String> {
    let names = |names: &[Name]| names.iter().map(|n| n.table().to_owned()).collect::<Vec<_>>();
    let mut views: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut open: Vec<String> = Vec::new();
    for text in statements {
        let reads = match flink::parse(text) {
            Statement::CreateView { name, reads } => {
                views.insert(name.table().to_owned(), names(&reads));
                names(&reads)
            }
            other => other.inserts().iter().flat_map(|insert| names(&insert.reads)).collect(),
        };
        if uses_rowtime(text) {
            open.extend(reads);
        }
    }
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        if seen.insert(name.clone()) {
            open.extend(views.get(&name).into_iter().flatten().cloned());
        }
    }
    seen
}

impl Walk<'_> {
    fn statement(&mut self, text: &Text) -> Result<Outcome, Refusal> {
        if let Some(alter) = alter(text) {
            return self.alter(text, alter);
        }
        match flink::parse(text) {
            Statement::CreateTable(create) => {
                let text = &match (create.derived, &create.like) {
                    (Some(Derived::As), _) => self.without_stars(text)?,
                    (Some(Derived::Like), Some(like)) => self.like(text, &create, like)?,
                    (Some(Derived::Like) | None, _) => text.clone(),
                };
                let made = self.create(text, create.name.table())?;
                if create.derived == Some(Derived::As) && made.notes.is_empty() {
                    return self.dml(text, &[], create.writes.as_slice(), true);
                }
                Ok(made)
            }
            Statement::CreateView { name, reads } => {
                let outcome = self.dml(text, &reads, &[], false)?;
                let reads = reads.iter().map(|name| name.table().to_owned()).collect();
                self.views.insert(name.table().to_owned(), reads);
                Ok(outcome)
            }
            Statement::Insert(insert) => self.dml(text, &[], &[insert], false),
            Statement::StatementSet(inserts) => self.dml(text, &[], &inserts, false),
            Statement::Set { key, value } => set(text, &key, Some(&value)),
            Statement::Reset(key) => set(text, &key, None),
            Statement::CreateModel(_)
            | Statement::CreateCatalog(_)
            | Statement::CreateDatabase(_)
            | Statement::UseCatalog(_)
            | Statement::Use(_)
            | Statement::Other => self.other(text),
        }
    }

    fn create(&mut self, text: &Text, name: &str) -> Result<Outcome, Refusal> {
        let exists = self.tables.contains_key(name)
            || self.views.contains_key(name)
            || self.topics.iter().any(|topic| topic.topic == name);
        let tokens = significant(Language::Flink, &text.value);
        let word = |n: usize, word: &str| tokens.get(n).is_some_and(|token| token.is(word));
        if exists && word(2, "IF") {
            return Ok(Outcome::note(format!(
                "`{name}` is there already, so that IF NOT EXISTS makes nothing"
            )));
        }
        if exists {
            return Err(Refusal::new(
                format!("`{name}` is there already"),
                "write CREATE TABLE IF NOT EXISTS, or ALTER TABLE to change it",
            ));
        }
        if !word(1, "TABLE") {
            return Err(Refusal::new(
                "only CREATE TABLE makes a table here",
                "Confluent Cloud has no TEMPORARY and no OR REPLACE tables",
            ));
        }
        let overrides = self.world.tables.get(name).cloned().unwrap_or_default();
        let table = Table::new(name.to_owned(), Base::Written(text.clone()), overrides, self.avro);
        self.tables.insert(name.to_owned(), table);
        Ok(Outcome::default())
    }

    /// A table that is like another one, written out.
    fn like(
        &mut self,
        text: &Text,
        create: &flink::CreateTable,
        like: &Name,
    ) -> Result<Text, Refusal> {
        let base = self.table(like.table()).map_err(|refusal| refusal.at(like.span))?;
        table::like(base, text, create)
    }

    fn alter(&mut self, text: &Text, alter: crate::sql::table::Alter) -> Result<Outcome, Refusal> {
        let (name, span) = (alter.name.table().to_owned(), alter.name.span);
        if alter.if_exists && !self.is_known(&name) {
            return Ok(Outcome::note(format!("`{name}` is not there, so that nothing is altered")));
        }
        self.table(&name).map_err(|refusal| refusal.at(span))?.alter(text, alter)?;
        Ok(Outcome::default())
    }

    fn is_known(&self, name: &str) -> bool {
        self.tables.contains_key(name) || self.topics.iter().any(|topic| topic.topic == name)
    }

    /// The table of the catalogue; inferred from its topic when it is named for the first time.
    fn table(&mut self, name: &str) -> Result<&mut Table, Refusal> {
        let topic = self.topics.iter().find(|topic| topic.topic == name).cloned();
        if let (false, Some(topic)) = (self.tables.contains_key(name), topic) {
            let overrides = self.world.tables.get(name).cloned().unwrap_or_default();
            let avro = match self.world.connectors {
                [_] => self.avro,
                // Of several, each writes as its own file says.
                _ => topic.wire == Wire::Avro,
            };
            let table = Table::new(name.to_owned(), Base::Inferred(topic), overrides, avro);
            self.tables.insert(name.to_owned(), table);
        }
        let topics = self.topics.iter().map(|topic| topic.topic.as_str());
        let known: BTreeSet<&str> = topics.chain(self.tables.keys().map(String::as_str)).collect();
        let known: Vec<&str> = known.into_iter().collect();
        let near = nearest(name, known.iter().copied());
        let help = near.map_or_else(
            || format!("tables that are known here: {}", known.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        let unknown = || {
            Refusal::new(
                format!("`{name}` is neither a topic of the connector nor created before this"),
                help.clone(),
            )
        };
        self.tables.get_mut(name).ok_or_else(unknown)
    }

    /// A statement that reads or writes tables: they come out before it. `is_own` says that it also
    /// makes the table it writes.
    fn dml(
        &mut self,
        text: &Text,
        reads: &[Name],
        inserts: &[flink::Insert],
        is_own: bool,
    ) -> Result<Outcome, Refusal> {
        let mut outcome = Outcome::default();
        let reads: Vec<&Name> = reads.iter().chain(inserts.iter().flat_map(|i| &i.reads)).collect();
        let targets = inserts.iter().map(|insert| &insert.target).filter(|_| !is_own);
        for name in reads.iter().copied().chain(targets) {
            if !self.views.contains_key(name.table()) {
                let emitted = self.emit(name.table(), text).map_err(|r| r.at(name.span))?;
                outcome.emitted.extend(emitted);
            }
        }
        let is_natural = significant(Language::Flink, &text.value).iter().any(|t| t.is("NATURAL"));
        if is_natural && self.behind(&reads).iter().any(|name| self.rowtime.contains(name)) {
            return Err(Refusal::new(
                "a NATURAL join would compare `$rowtime`, which Confluent hides",
                "write JOIN … USING (…) with the columns that are compared",
            ));
        }
        let (own, mut notes) = match inserts.first().filter(|_| is_own) {
            Some(insert) => {
                let name = insert.target.table().to_owned();
                let found = self.emit(&name, text)?;
                let own = found.into_iter().next();
                own.map_or_else(|| (text.clone(), Vec::new()), |own| (own.text, own.notes))
            }
            None => (self.without_stars(text)?, Vec::new()),
        };
        let (own, changed) =
            shortened(&own, |name| self.is_known(name) || self.views.contains_key(name));
        if changed {
            notes.push("environment and cluster are taken off the names of tables".to_owned());
        }
        if uses_time(text) {
            self.timed.extend(self.behind(&reads));
        }
        outcome.emitted.push(Emitted { text: own, notes });
        Ok(outcome)
    }

    /// The tables that these names stand for, through however many views.
    fn behind(&self, names: &[&Name]) -> BTreeSet<String> {
        let mut open: Vec<String> = names.iter().map(|name| name.table().to_owned()).collect();
        let mut seen = BTreeSet::new();
        while let Some(name) = open.pop() {
            if seen.insert(name.clone()) {
                open.extend(self.views.get(&name).into_iter().flatten().cloned());
            }
        }
        seen
    }

    /// `text` with the stars written out that would show `$rowtime`, which Confluent hides.
    fn without_stars(&mut self, text: &Text) -> Result<Text, Refusal> {
        written_out(text, |name| self.shown(name, text))
    }

    /// The columns that a star shows of a table, and whether it has `$rowtime` besides.
    fn shown(&mut self, name: &str, cause: &Text) -> Shown {
        // What nobody knows is told where it is brought out.
        if self.views.contains_key(name) || !self.is_known(name) {
            return Ok(None);
        }
        let needs_rowtime = self.rowtime.contains(name);
        let table = self.table(name)?;
        let form = form(table, needs_rowtime, cause)?;
        let declares = form.statements.last().is_some_and(|made| match parts(made) {
            Some(parts) => columns(&parts).any(|column| column == "$rowtime"),
            None => made.value.contains("`$rowtime`"),
        });
        let text = table.text()?;
        let Some(parts) = parts(&text) else {
            return Ok(Some(Seen { columns: Vec::new(), hides: declares }));
        };
        let mut all: Vec<String> = columns(&parts).filter(|name| name != "$rowtime").collect();
        if let Some(tail) = parts.tail {
            let query = text.value.get(tail.span.start..tail.span.end).unwrap_or("");
            let returned = returned(&significant(Language::Flink, query));
            // Where the author lists columns too, how both are joined is not followed.
            all = returned.filter(|_| all.is_empty()).unwrap_or_default();
        }
        Ok(Some(Seen { columns: all, hides: declares }))
    }

    /// Brings a table out, unless it stands as it is already.
    fn emit(&mut self, name: &str, cause: &Text) -> Result<Vec<Emitted>, Refusal> {
        let needs_rowtime = self.rowtime.contains(name);
        let new = form(self.table(name)?, needs_rowtime, cause)?;
        let mut emitted = Vec::new();
        if let Some(old) = self.emitted.get(name) {
            let same = |a: &Text, b: &Text| a.value == b.value;
            let is_same =
                old.statements.len() == new.statements.len()
                    && old.statements.iter().enumerate().all(|(n, text)| {
                        new.statements.get(n).is_some_and(|other| same(text, other))
                    });
            if is_same {
                return Ok(emitted);
            }
            if old.watermark != new.watermark && self.timed.contains(name) {
                return Err(Refusal::new(
                    format!(
                        "the watermark of `{name}` was changed after a statement used its time"
                    ),
                    "write the ALTER TABLE before the first statement that uses the time of the table",
                ));
            }
            let notes =
                vec![format!("`{name}` was altered since it was made: it is created again")];
            for (n, drop) in old.drops.iter().enumerate() {
                let notes = if n == 0 { notes.clone() } else { Vec::new() };
                emitted.push(Emitted { text: generated(drop.clone(), cause), notes });
            }
        }
        for (n, text) in new.statements.iter().enumerate() {
            let notes = if n == 0 { new.notes.clone() } else { Vec::new() };
            emitted.push(Emitted { text: text.clone(), notes });
        }
        self.emitted.insert(name.to_owned(), new);
        Ok(emitted)
    }

    /// What is neither a table, a view, an INSERT nor a SET.
    fn other(&mut self, text: &Text) -> Result<Outcome, Refusal> {
        let tokens = significant(Language::Flink, &text.value);
        let is = |n: usize, word: &str| tokens.get(n).is_some_and(|token| token.is(word));
        if is(0, "DROP") && is(1, "TABLE") {
            return self.drop_table(text, &tokens);
        }
        if is(0, "SHOW") && is(1, "CREATE") && is(2, "TABLE") && self.is_known(&last_name(&tokens))
        {
            return self.show(text, &tokens);
        }
        if is(0, "USE") {
            return Ok(Outcome::note(
                "one session holds all tables, whatever its catalog is called",
            ));
        }
        if flink::only_shows(text) {
            return Ok(Outcome::note("it only shows something to a person, so it is left out"));
        }
        if is(0, "DROP") && is(1, "VIEW") {
            let emitted = vec![Emitted { text: text.clone(), notes: Vec::new() }];
            return Ok(Outcome { emitted, notes: Vec::new() });
        }
        let head: Vec<_> = tokens.iter().take(2).map(|token| token.text.to_uppercase()).collect();
        let help = nearest_to(&head);
        Err(Refusal::new(format!("`{} …` has no translation", head.join(" ")), help))
    }

    fn drop_table(&mut self, text: &Text, tokens: &[Token<'_>]) -> Result<Outcome, Refusal> {
        let name = last_name(tokens);
        if self.topics.iter().any(|topic| topic.topic == name) {
            return Err(Refusal::new(
                format!("`{name}` is a topic of the connector, and dropping the table deletes it"),
                "leave the statement out",
            ));
        }
        let if_exists = tokens.get(2).is_some_and(|token| token.is("IF"));
        if self.tables.remove(&name).is_none() && !if_exists {
            return Err(Refusal::new(
                format!("there is no table `{name}`"),
                "write DROP TABLE IF EXISTS",
            ));
        }
        let Some(form) = self.emitted.remove(&name) else {
            return Ok(Outcome::note(format!(
                "`{name}` was never made, so that nothing is dropped"
            )));
        };
        let drops = form
            .drops
            .iter()
            .map(|drop| Emitted { text: generated(drop.clone(), text), notes: Vec::new() });
        Ok(Outcome { emitted: drops.collect(), notes: Vec::new() })
    }

    /// Both forms of a table, as notes.
    fn show(&mut self, text: &Text, tokens: &[Token<'_>]) -> Result<Outcome, Refusal> {
        let name = last_name(tokens);
        let needs_rowtime = self.rowtime.contains(&name);
        let table = self.table(&name)?;
        let confluent = table.text()?.value;
        let open = form(table, needs_rowtime, text)?;
        let mut notes = vec![format!("{} in Confluent Cloud:", ticked(&name))];
        notes.extend(confluent.lines().map(ToOwned::to_owned));
        notes.push(format!("{} in open-source Flink:", ticked(&name)));
        for statement in &open.statements {
            notes.extend(statement.value.lines().map(ToOwned::to_owned));
        }
        Ok(Outcome { emitted: Vec::new(), notes })
    }
}

/// Words by which a statement depends on the time of what it reads.
const TIMES: [&str; 10] = [
    "TUMBLE",
    "HOP",
    "CUMULATE",
    "SESSION",
    "OVER",
    "SYSTEM_TIME",
    "MATCH_RECOGNIZE",
    "INTERVAL",
    "CURRENT_WATERMARK",
    "$rowtime",
];

/// Whether a statement may depend on the watermarks of what it reads.
fn uses_time(text: &Text) -> bool {
    let tokens = significant(Language::Flink, &text.value);
    let mut names = tokens.iter().filter_map(Token::name);
    names.any(|name| TIMES.iter().any(|word| name.eq_ignore_ascii_case(word)))
}

/// What comes nearest to a statement that has no translation, by its first words.
fn nearest_to(head: &[String]) -> &'static str {
    let word = |n: usize| head.get(n).map_or("", String::as_str);
    match (word(0), word(1)) {
        (_, "MODEL" | "CONNECTION" | "AGENT" | "TOOL") => {
            "models, connections, agents and tools are resources of Confluent Cloud; compute the score \
             in SQL, or enrich the topic outside of Flink"
        }
        (_, "FUNCTION") => "artifacts of Confluent Cloud are not here; use built-in functions",
        (_, "MATERIALIZED") => "write CREATE TABLE and an INSERT",
        (_, "VIEW") => "write DROP VIEW and CREATE VIEW",
        (_, "CATALOG" | "DATABASE") => {
            "environments and clusters are not made by statements; leave it out: one session holds all \
             tables"
        }
        ("DELETE" | "UPDATE" | "TRUNCATE", _) => {
            "a topic only grows; write the change into the source table, in the timeline"
        }
        _ => {
            "what is translated: CREATE, ALTER, DROP and SHOW CREATE TABLE, CREATE VIEW, INSERT, \
             EXECUTE STATEMENT SET, SET, RESET"
        }
    }
}

/// The names of the columns that a table lists.
fn columns(parts: &Parts) -> impl Iterator<Item = String> {
    let items = parts.list.iter().flat_map(|list| &list.items);
    items.filter_map(|item| match &item.part {
        Part::Column(column) => Some(column.name.clone()),
        Part::Watermark(_) | Part::PrimaryKey(_) | Part::Other => None,
    })
}

fn last_name(tokens: &[Token<'_>]) -> String {
    tokens.iter().rev().find_map(Token::name).unwrap_or_default()
}

/// Confluent's options of a statement, as Flink calls them; without a value they are reset.
fn set(text: &Text, key: &str, value: Option<&str>) -> Result<Outcome, Refusal> {
    let flink = match key {
        "sql.state-ttl" => "table.exec.state.ttl",
        "sql.local-time-zone" => "table.local-time-zone",
        "sql.tables.scan.idle-timeout" => "table.exec.source.idle-timeout",
        "sql.current-catalog" | "sql.current-database" | "client.statement-name" => {
            return Ok(Outcome::note(format!("{key} names something of the cloud only")));
        }
        _ if !key.starts_with("sql.") && !key.starts_with("client.") => {
            let notes = vec![format!("{key} is passed as it is")];
            let emitted = vec![Emitted { text: text.clone(), notes }];
            return Ok(Outcome { emitted, notes: Vec::new() });
        }
        _ => {
            return Err(Refusal::new(
                format!("the option '{key}' has no open-source equivalent"),
                "sql.state-ttl, sql.local-time-zone and sql.tables.scan.idle-timeout are translated; \
                 where a table is read from is said with ALTER TABLE … SET ('scan.startup.mode' = …)",
            ));
        }
    };
    let written = match value {
        Some(value) => format!("SET '{flink}' = {}", quoted(value)),
        None => format!("RESET '{flink}'"),
    };
    let notes = vec![format!("{key} is {flink}")];
    let emitted = vec![Emitted { text: generated(written, text), notes }];
    Ok(Outcome { emitted, notes: Vec::new() })
}
