//! Statements and connector as their author wrote them, for a stack that speaks their dialect: what
//! changes is only what is the run's own. What the judge needs to know of tables stays what the dialect
//! makes of them.

use std::collections::BTreeSet;

use crate::base::diagnostic::Diagnostic;
use crate::base::difference::Difference;
use crate::base::draft::Draft;
use crate::base::secret::Secrets;
use crate::base::text::{Span, Text};
use crate::capture::diagnose::{self, PIPELINE};
use crate::client::reach::{Reach, TlsMode};
use crate::dialect::Translation;
use crate::dialect::connector::{CLASS, Mapped};
use crate::model::routes::Routes;
use crate::run::names::Names;
use crate::run::prepare::connector::{Connector, part};
use crate::run::prepare::statements::{Prepared, Statements};
use crate::scenario::secret::hidden;
use crate::scenario::settings::Options;
use crate::scenario::trial::Trial;
use crate::sql::edit::{Edit, splice};
use crate::sql::flink::{self, Name, Statement};
use crate::sql::table as altering;
use crate::sql::token::{Language, Token, significant};

/// What the harness's own connector is where there is no connector file.
const DEFAULT: [(&str, &str); 5] = [
    ("connector.class", CLASS),
    ("output.data.format", "JSON"),
    ("output.key.format", "JSON"),
    ("after.state.only", "false"),
    ("tasks.max", "1"),
];

/// The statements as they were written, with the run's token before the names of tables.
pub(in crate::run) fn statements(
    translated: Statements,
    translation: &Translation,
    names: &Names,
) -> Result<Statements, Vec<Diagnostic>> {
    let mut all = Statements { prepared: Vec::new(), differences: Vec::new(), ..translated };
    let mut wrong = Vec::new();
    for one in &translation.statements {
        if flink::only_shows(&one.written) {
            let why = "it only shows something to a person";
            let difference = Difference::new("statements", first_words(&one.written), why);
            all.differences.push(difference.at(one.written.place(0)));
            continue;
        }
        let statement = flink::parse(&one.written);
        match renamed(&one.written, &statement, names) {
            Ok((submitted, differences)) => {
                all.differences.extend(differences);
                all.prepared.push(Prepared { written: one.written.clone(), submitted, statement });
            }
            Err(refused) => wrong.push(refused),
        }
    }
    all.differences.sort();
    all.differences.dedup();
    if wrong.is_empty() { Ok(all) } else { Err(wrong) }
}

fn first_words(text: &Text) -> String {
    text.value.split_whitespace().take(6).collect::<Vec<_>>().join(" ")
}

/// One statement with the run's names of tables, and what that changes.
fn renamed(
    text: &Text,
    statement: &Statement,
    names: &Names,
) -> Result<(Text, Vec<Difference>), Diagnostic> {
    let tables = tables(text, statement);
    let tokens = significant(Language::Flink, &text.value);
    let called: BTreeSet<&str> = tables.iter().map(Name::table).collect();
    let is_before_dot = |n: usize| tokens.get(n + 1).is_some_and(|token| token.is_symbol("."));
    let qualifiers = tokens.iter().enumerate().filter(|(n, _)| is_before_dot(*n));
    let qualifiers: BTreeSet<_> = qualifiers.filter_map(|(_, token)| token.name()).collect();
    // What qualifies nothing, such as the name of a column, is not mistaken for a table.
    let qualifying = called.iter().copied().filter(|name| qualifiers.contains(*name)).collect();
    if let Some(alias) = alias(&tokens, &tables, &qualifying) {
        let message =
            format!("the alias `{}` is also the name of a table of the statement", alias.1);
        let mut diagnostic = diagnose::at(PIPELINE, &text.slice(alias.0), message);
        diagnostic.help = Some(
            "give the alias another name: tables of a run have its token before theirs".into(),
        );
        return Err(diagnostic);
    }
    let own = |name: &str| format!("`{}`", names.topic(name).replace('`', "``"));
    let mut edits: Vec<(Span, String)> =
        tables.iter().map(|name| (name.span, own(name.table()))).collect();
    for (n, token) in tokens.iter().enumerate() {
        let follows =
            |at: usize, symbol: &str| tokens.get(at).is_some_and(|token| token.is_symbol(symbol));
        let is_qualifier = follows(n + 1, ".") && !(n > 0 && follows(n - 1, "."));
        let Some(name) = token.name().filter(|_| is_qualifier) else { continue };
        let is_in_name = tables
            .iter()
            .any(|one| one.span.start <= token.span.start && token.span.end <= one.span.end);
        if called.contains(name.as_str()) && !is_in_name {
            edits.push((token.span, own(&name)));
        }
    }
    edits.sort_by_key(|(span, _)| span.start);
    edits.dedup_by_key(|(span, _)| span.start);
    let why = "runs side by side have tables of their own";
    let difference = |(span, ours): &(Span, String)| {
        let theirs = text.value.get(span.start..span.end).unwrap_or_default();
        Difference::new("statements", theirs, why).theirs(theirs).ours(ours)
    };
    let differences = edits.iter().map(difference).collect();
    let edits: Vec<_> = edits.into_iter().map(|(span, with)| Edit::new(span, with)).collect();
    Ok((splice(text, &edits), differences))
}

/// Every table and view that a statement names, where it names it.
fn tables(text: &Text, statement: &Statement) -> Vec<Name> {
    let mut all: Vec<Name> = match statement {
        Statement::CreateTable(create) => {
            std::iter::once(&create.name).chain(&create.like).cloned().collect()
        }
        Statement::CreateView { name, reads } => {
            std::iter::once(name).chain(reads).cloned().collect()
        }
        _ => altering::alter(text).map(|alter| alter.name).into_iter().collect(),
    };
    for insert in statement.inserts() {
        all.push(insert.target.clone());
        all.extend(insert.reads.iter().cloned());
    }
    all.sort_by_key(|name| name.span.start);
    all.dedup_by_key(|name| name.span.start);
    all
}

/// A name of a table that stands as an alias: behind `AS`, or behind a table.
fn alias(tokens: &[Token<'_>], tables: &[Name], called: &BTreeSet<&str>) -> Option<(Span, String)> {
    tokens.iter().enumerate().skip(1).find_map(|(n, token)| {
        let name = token.name().filter(|name| called.contains(name.as_str()))?;
        let before = tokens.get(n - 1)?;
        let is_behind_table = tables.iter().any(|table| table.span.end == before.span.end);
        let is_table = tables.iter().any(|table| table.span.start == token.span.start);
        let is_alias = !is_table && (before.is("AS") || is_behind_table);
        is_alias.then_some((token.span, name))
    })
}

impl Connector {
    /// What is submitted, with secrets hidden.
    pub(in crate::run) fn shown_as_submitted(&self) -> Options {
        hidden(self.submitted.as_ref().unwrap_or(&self.config), &Secrets::none())
    }
}

/// The managed connector as it is submitted: its author's file and the settings of the trial, and what
/// is the run's.
pub(in crate::run) fn connector(
    mut known: Connector,
    trial: &Trial,
    (names, reach): (&Names, &Reach),
    mapped: &Mapped,
) -> Connector {
    let file = trial.pipeline.connectors.get(known.nth);
    let written: Options = match file {
        Some(file) => file.options.clone(),
        None => DEFAULT.iter().map(|(key, to)| ((*key).to_owned(), (*to).to_owned())).collect(),
    };
    let mut draft = Draft::new(written);
    draft.author(&trial.settings.connector);
    let login = "the connector logs in with the key of the stack file";
    draft.leave_out("kafka.service.account.id", login);
    draft.set("kafka.auth.mode", "KAFKA_API_KEY", login);
    if let Some(sasl) = &reach.kafka.inside.security.sasl {
        draft.set("kafka.api.key", &sasl.login.user, login);
        draft.set("kafka.api.secret", &sasl.login.password.0, login);
    }
    draft.set("name", names.connector(known.nth), "the run names its connector");
    let database = "the database is the run's";
    for (key, value) in reach.postgres.debezium() {
        draft.set(key, value, database);
    }
    if reach.postgres.tls.mode == TlsMode::Disable {
        // The managed connector wants TLS where nothing is said.
        draft.set("database.sslmode", "disable", database);
    }
    draft.set("database.dbname", names.database(), database);
    let topics = "runs side by side have topics of their own";
    if let Ok(routes) = Routes::of(mapped.options()) {
        draft.set("topic.prefix", names.topic(routes.prefix()), topics);
    }
    draft.set("slot.name", names.connector_slot(known.nth), "the slot is the run's");
    let publication = "the run makes the publication before the connector starts";
    draft.set("publication.name", names.connector_slot(known.nth), publication);
    draft.set("publication.autocreate.mode", "disabled", publication);
    let (config, differences) = draft.finish(&part(known.name.as_deref()));
    known.submitted = Some(config);
    known.differences = differences;
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submitted(sql: &str) -> Result<String, String> {
        let text = Text::whole("p.sql".into(), sql.to_owned());
        let names = Names::of_token("t1");
        let renamed = renamed(&text, &flink::parse(&text), &names);
        renamed.map(|(text, _)| text.value).map_err(|refused| refused.message)
    }

    #[rstest::rstest]
    #[case::insert(
        "INSERT INTO totals SELECT o.id FROM `cdc.public.orders` AS o -- totals",
        "INSERT INTO `cp_t1.totals` SELECT o.id FROM `cp_t1.cdc.public.orders` AS o -- totals"
    )]
    #[case::qualifier(
        "INSERT INTO t SELECT orders.id, totals FROM orders JOIN totals ON totals.id = orders.id",
        "INSERT INTO `cp_t1.t` SELECT `cp_t1.orders`.id, totals FROM `cp_t1.orders` JOIN `cp_t1.totals` ON `cp_t1.totals`.id = `cp_t1.orders`.id"
    )]
    #[case::create(
        "CREATE TABLE a (a INT, `b` ROW<c INT>)",
        "CREATE TABLE `cp_t1.a` (a INT, `b` ROW<c INT>)"
    )]
    #[case::of_its_own(
        "CREATE TABLE e.c.a AS SELECT 1 AS a",
        "CREATE TABLE `cp_t1.a` AS SELECT 1 AS a"
    )]
    #[case::alter(
        "ALTER TABLE `cdc.public.a` ADD WATERMARK FOR ts AS ts",
        "ALTER TABLE `cp_t1.cdc.public.a` ADD WATERMARK FOR ts AS ts"
    )]
    #[case::set(
        "ALTER TABLE `cdc.public.a` SET ('changelog.mode' = 'append')",
        "ALTER TABLE `cp_t1.cdc.public.a` SET ('changelog.mode' = 'append')"
    )]
    #[case::view(
        "CREATE VIEW v AS SELECT * FROM a",
        "CREATE VIEW `cp_t1.v` AS SELECT * FROM `cp_t1.a`"
    )]
    fn tables_bear_the_runs_token_and_nothing_else_changes(
        #[case] written: &str,
        #[case] ours: &str,
    ) {
        assert_eq!(submitted(written), Ok(ours.to_owned()));
    }

    #[rstest::rstest]
    #[case::with_as("INSERT INTO t SELECT a.x FROM a AS a")]
    #[case::without("INSERT INTO t SELECT a.x FROM b a, a")]
    fn an_alias_that_is_a_table_is_refused(#[case] written: &str) {
        let refused = submitted(written).unwrap_err();
        assert_eq!(refused, "the alias `a` is also the name of a table of the statement");
    }
}
