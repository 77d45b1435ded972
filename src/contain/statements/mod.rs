//! The Flink statements: options, catalogs, functions and jars that name a place, owned or refused.
//!
//! What is owned the run replaces and lists ([`super::fate`] says what that is); this is the other
//! half, what is refused. A statement of which nothing is known here may hold no text that looks
//! like a place, unless its texts are data.

use camino::Utf8PathBuf;

use super::fate::{self, Fate, Thing};
use super::scope::{self, Scope};
use super::{place, programs, refusal, session, written};
use crate::base::diagnostic::Diagnostic;
use crate::base::text::{Span, Text};
use crate::scenario::pipeline::Dialect;
use crate::scenario::settings::Options;
use crate::scenario::trial::Trial;
use crate::sql::flink::options::{Altered, altered, hints};
use crate::sql::flink::{self, CreateTable, Created, Name, Statement, With};
use crate::sql::token::{Kind, Language, significant};

/// Statements, table options and Flink settings that would reach outside of the run.
pub(super) fn refuse(trial: &Trial, sources: &[(Utf8PathBuf, String)]) -> Vec<Diagnostic> {
    let mut refused = Vec::new();
    let mut scope = Scope::new();
    let mut settled: Vec<(&str, Thing)> = Vec::new();
    let settings = &trial.settings;
    let parsed: Vec<_> = trial.pipeline.statements.iter().map(|t| (t, flink::parse(t))).collect();
    for (text, statement) in &parsed {
        let set = created(statement).and_then(|create| settings.tables.get(create.name.table()));
        let case = Case { scope: &scope, dialect: trial.pipeline.dialect, text };
        refused.extend(case.refuse(statement, set));
        if let Statement::CreateTable(create) = statement {
            settled.push((create.name.table(), case.made(create, set).unwrap_or(Thing::Unknown)));
        }
        scope.see(statement, set);
    }
    for (table, options) in &settings.tables {
        let made = settled.iter().rev().find(|(name, _)| name == table);
        let thing = made.map_or(Thing::Topic, |(_, thing)| *thing);
        let keep = |key: &str, value: &str| fate::option(thing, key, value);
        refused.extend(set(options, &format!("of table `{table}`"), sources, keep));
    }
    for settings in trial.settings_in_turn() {
        let of = "of Flink's session";
        refused.extend(set(&settings.flink, of, sources, session::option));
    }
    refused
}

/// Everything in one statement that would reach outside of the run, between the statements before
/// and after it.
pub fn refuse_one(
    scope: &Scope,
    text: &Text,
    statement: &Statement,
    set: Option<&Options>,
) -> Vec<Diagnostic> {
    Case { scope, dialect: Dialect::Flink, text }.refuse(statement, set)
}

fn created(statement: &Statement) -> Option<&CreateTable> {
    if let Statement::CreateTable(create) = statement { Some(create) } else { None }
}

/// Refusals among the options that the settings give.
fn set(
    options: &Options,
    of: &str,
    sources: &[(Utf8PathBuf, String)],
    fate: impl Fn(&str, &str) -> Fate,
) -> Vec<Diagnostic> {
    let mut refused = Vec::new();
    for (key, value) in options {
        if let Fate::Refused(what, help) = fate(key, value) {
            let (text, span) = written::setting(key, value, sources);
            refused.push(refusal(&text, span, format!("the option `{key}` {of} {what}"), help));
        }
    }
    refused
}

/// One statement among others.
struct Case<'a> {
    scope: &'a Scope,
    dialect: Dialect,
    text: &'a Text,
}

impl Case<'_> {
    fn refuse(&self, statement: &Statement, set: Option<&Options>) -> Vec<Diagnostic> {
        let mut refused = self.hints();
        match statement {
            Statement::CreateTable(create) => refused.extend(self.table(create, set)),
            Statement::CreateCatalog(created) => refused.extend(self.catalog(created)),
            Statement::CreateDatabase(created) => {
                let thing = self.scope.database(&created.name);
                refused.extend(self.names(thing, &created.name));
                let of = format!("of database `{}`", created.name);
                refused.extend(self.with(thing, &of, created.with.as_ref()));
            }
            Statement::CreateModel(created) => {
                let of = format!("of model `{}`", created.name);
                refused.extend(self.with(Thing::Model, &of, created.with.as_ref()));
            }
            Statement::Set { key, value } => {
                if let Fate::Refused(what, help) = session::option(key, value) {
                    refused.push(self.at(self.all(), format!("the option `{key}` {what}"), help));
                }
            }
            Statement::Other => refused.extend(self.other()),
            Statement::CreateView { .. }
            | Statement::Insert(_)
            | Statement::StatementSet(_)
            | Statement::Reset(_)
            | Statement::UseCatalog(_)
            | Statement::Use(_) => {}
        }
        refused
    }

    fn at(&self, span: Span, message: impl Into<String>, help: impl Into<String>) -> Diagnostic {
        refusal(self.text, span, message, help)
    }

    /// The first line.
    fn all(&self) -> Span {
        let line = self.text.value.lines().next().unwrap_or("").trim_end();
        Span::new(0, line.len())
    }

    /// What a table is. Confluent's stand on topics.
    fn made<'c>(
        &self,
        create: &'c CreateTable,
        set: Option<&'c Options>,
    ) -> Result<Thing, &'c str> {
        match (self.dialect, self.scope.made(create, set)) {
            (Dialect::Confluent, Ok(Thing::Unknown) | Err("confluent")) => Ok(Thing::Topic),
            (_, made) => made,
        }
    }

    fn table(&self, create: &CreateTable, set: Option<&Options>) -> Vec<Diagnostic> {
        let of = format!("of table `{}`", create.name);
        let thing = match self.made(create, set) {
            Ok(thing) => thing,
            Err(connector) => return vec![self.connector(create, connector)],
        };
        let mut refused = self.with(thing, &of, create.with.as_ref());
        refused.extend(self.names(thing, &create.name));
        refused
    }

    fn connector(&self, create: &CreateTable, connector: &str) -> Diagnostic {
        let options = create.with.iter().flat_map(|with| &with.options);
        let mut written = options.filter(|option| option.key == "connector").map(|o| o.value_span);
        let message = format!(
            "table `{}` is of the connector `{connector}`, which reaches outside of the run",
            create.name
        );
        self.at(
            written.next_back().unwrap_or(create.name.span),
            message,
            programs::instead(connector),
        )
    }

    fn catalog(&self, created: &Created) -> Vec<Diagnostic> {
        let with = created.with.as_ref();
        let kind = with.and_then(|with| with.get("type")).unwrap_or("");
        let Ok(thing) = scope::of_catalog_type(kind) else {
            let message = format!(
                "catalog `{}` is of the type `{kind}`, which reaches outside of the run",
                created.name
            );
            let help = "a run keeps catalogs of the types `iceberg` and `generic_in_memory`: create the \
                        tables with CREATE TABLE, or leave the catalog out";
            return vec![self.at(created.name.span, message, help)];
        };
        let of = format!("of catalog `{}`", created.name);
        let mut refused = self.with(thing, &of, with);
        refused.extend(self.names(thing, &created.name));
        refused
    }

    /// Options in parentheses: each as the rule says, none twice, all of them readable.
    fn with(&self, thing: Thing, of: &str, with: Option<&With>) -> Vec<Diagnostic> {
        let Some(with) = with else { return Vec::new() };
        let mut refused = self.unread(with);
        for (n, option) in with.options.iter().enumerate() {
            let key = &option.key;
            if with.options.iter().take(n).any(|before| before.key == *key) {
                let message = format!("the option `{key}` {of} is written twice");
                refused.push(self.at(option.span, message, "take one of the two out"));
            }
            if let Fate::Refused(what, help) = fate::option(thing, key, &option.value) {
                let message = format!("the option `{key}` {of} {what}");
                refused.push(self.at(option.span, message, help));
            } else if thing == Thing::Iceberg
                && PARTS.contains(&key.as_str())
                && !is_plain(&option.value)
            {
                refused.push(self.no_folder(option.value_span, &option.value));
            }
        }
        refused
    }

    fn unread(&self, with: &With) -> Vec<Diagnostic> {
        let help = "write 'key' = 'value', each of the two one plain string";
        let refused = with.unread.iter();
        refused.map(|span| self.at(*span, "this option cannot be read", help)).collect()
    }

    /// Names become folders in a lake.
    fn names(&self, thing: Thing, name: &Name) -> Option<Diagnostic> {
        let is_wrong = thing == Thing::Iceberg && !name.parts.iter().all(|part| is_plain(part));
        is_wrong.then(|| self.no_folder(name.span, &name.to_string()))
    }

    fn no_folder(&self, span: Span, name: &str) -> Diagnostic {
        let message = format!("`{name}` is no name for a folder of the run's lake");
        self.at(span, message, "write a name without slashes and without empty parts")
    }

    /// A hint is read by Flink alone: nothing in it can be the run's own.
    fn hints(&self) -> Vec<Diagnostic> {
        let mut refused = Vec::new();
        for hint in hints(self.text) {
            let Some(with) = &hint.with else {
                let help = "write /*+ OPTIONS('key' = 'value') */";
                refused.push(self.at(hint.span, "this hint cannot be read", help));
                continue;
            };
            let table = hint.table.as_ref();
            let thing = table.and_then(|table| self.scope.table(table)).unwrap_or(Thing::Unknown);
            refused.extend(self.changed(thing, with, "a hint"));
        }
        refused
    }

    /// Options that are changed afterwards: those that are the run's cannot be.
    fn changed(&self, thing: Thing, with: &With, by: &str) -> Vec<Diagnostic> {
        let mut refused = self.unread(with);
        for option in &with.options {
            refused.extend(self.kept(thing, (&option.key, &option.value), option.span, by));
        }
        refused
    }

    fn kept(
        &self,
        thing: Thing,
        (key, value): (&str, &str),
        span: Span,
        by: &str,
    ) -> Option<Diagnostic> {
        let (what, help) = match fate::option(thing, key, value) {
            Fate::Kept if key == "connector" => {
                ("makes another table of it".to_owned(), "write another CREATE TABLE".to_owned())
            }
            Fate::Kept => return None,
            Fate::Refused(what, help) => (what, help),
            Fate::Ours(_) | Fate::LeftOut(_) => {
                let help =
                    "write it in the WITH of what it belongs to: there the run can put its own in";
                ("is the run's own".to_owned(), help.to_owned())
            }
        };
        Some(self.at(span, format!("the option `{key}` of {by} {what}"), help))
    }

    fn other(&self) -> Vec<Diagnostic> {
        if let Some(altered) = altered(self.text) {
            return self.altered(&altered);
        }
        let tokens = significant(Language::Flink, &self.text.value);
        if let Some((what, help)) = programs::refused(&tokens) {
            return vec![self.at(self.all(), what, help)];
        }
        if programs::holds_data(&tokens) {
            return Vec::new();
        }
        let mut refused = Vec::new();
        for (n, token) in tokens.iter().enumerate() {
            let is_comment = n > 0 && tokens.get(n - 1).is_some_and(|token| token.is("COMMENT"));
            let kind = (token.kind == Kind::Text && !is_comment)
                .then(|| place::kind(token.text.trim_matches('\'')));
            if let Some(kind) = kind.flatten() {
                let message = format!("this statement names {kind} outside of the run");
                refused.push(self.at(token.span, message, "leave it out"));
            }
        }
        refused
    }

    fn altered(&self, altered: &Altered) -> Vec<Diagnostic> {
        let thing = match altered.what.as_str() {
            "TABLE" => match (self.scope.table(&altered.name), self.dialect) {
                (Some(thing), _) => thing,
                (None, Dialect::Confluent) => Thing::Topic,
                (None, Dialect::Flink) => Thing::Unknown,
            },
            "CATALOG" => self.scope.catalog(altered.name.table()),
            "DATABASE" => self.scope.database(&altered.name),
            "MODEL" => Thing::Model,
            _ => Thing::Unknown,
        };
        let mut refused = Vec::new();
        if let Some(with) = &altered.set {
            refused.extend(self.changed(thing, with, "an ALTER"));
        }
        for (key, span) in &altered.reset {
            refused.extend(self.kept(thing, (key, ""), *span, "an ALTER"));
        }
        refused
    }
}

/// Options of Iceberg's that become folders.
const PARTS: [&str; 4] =
    ["base-namespace", "catalog-database", "catalog-table", "default-database"];

/// A name that stays below the folder it is in.
fn is_plain(name: &str) -> bool {
    !name.contains(['/', '\\']) && name.split('.').all(|part| !part.is_empty())
}

#[cfg(test)]
mod tests;
