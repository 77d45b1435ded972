//! What Flink refuses, and where the author's files say it.
//!
//! Flink names a line and a column where a statement itself is wrong. It looks at the options of a
//! table only when a statement reads or writes it, and then names the table and the option: these
//! stand in the `CREATE TABLE`, so that is where the author is sent.

use crate::base::anomaly::Anomaly;
use crate::base::text::{Place, Text};
use crate::client::cause::Cause;
use crate::client::gateway::GatewayError;
use crate::history::event::Event;
use crate::run::outcome::Stop;
use crate::run::prepare::Run;
use crate::run::prepare::statements::{Prepared, Statements, span};
use crate::sql::flink::{self, CreateTable, Statement, WithOption};

/// What is refused where it makes and writes nothing by itself.
const STATEMENTS: &str = "statements";

/// What of a chain of messages tells no fault: lists of what is there or would have been right. Each
/// ends at the next line that ends in a dot or a colon.
const LISTS: [&str; 6] = [
    "Was expecting one of:",
    "Table options are:",
    "Supported options:",
    "Available factory identifiers are:",
    "Available options are:",
    "Required options are:",
];

/// Flink refuses an option of the session, which costs every sink.
pub(in crate::run) fn session_refused(run: &Run<'_>, cause: Cause) -> Result<Stop, Stop> {
    let mut places: Vec<String> = run.trial.pipeline.sinks.keys().cloned().collect();
    if places.is_empty() {
        places.push(STATEMENTS.to_owned());
    }
    for place in places {
        run.record_trouble(Event::Trouble {
            finding: Anomaly::StatementRejected,
            place,
            at: None,
            sentence: format!("Flink refuses an option of the session: {}", cause.sentence),
            detail: cause.detail.clone(),
        })?;
    }
    Ok(Stop::Trouble)
}

/// Flink's refusal of a statement; anything else is no statement about the pipeline.
pub(in crate::run) fn refusal(error: GatewayError) -> Result<Cause, Stop> {
    match error {
        GatewayError::Refused(cause) => Ok(cause),
        GatewayError::Http(_) | GatewayError::Late(_) => Err(error.into()),
    }
}

/// The table or view that a statement was to make.
pub(in crate::run) fn created(prepared: &Prepared) -> String {
    match &prepared.statement {
        Statement::CreateTable(create) => create.name.table().to_owned(),
        Statement::CreateView { name, .. } => name.table().to_owned(),
        Statement::CreateModel(created)
        | Statement::CreateCatalog(created)
        | Statement::CreateDatabase(created) => created.name.table().to_owned(),
        Statement::Insert(_)
        | Statement::StatementSet(_)
        | Statement::Set { .. }
        | Statement::Reset(_)
        | Statement::UseCatalog(_)
        | Statement::Use(_)
        | Statement::Other => STATEMENTS.to_owned(),
    }
}

/// Records that a statement was refused, at every sink that it costs, else at what it was to make;
/// the run goes on only if that is expected.
pub(in crate::run) fn reject(
    run: &Run<'_>,
    prepared: &Prepared,
    sinks: &[String],
    cause: &Cause,
) -> Result<(), Stop> {
    let at = place(&run.effective.statements, prepared, cause);
    let mut expected = true;
    let made = [created(prepared)];
    let places = if sinks.is_empty() { &made[..] } else { sinks };
    for place in places {
        run.record_trouble(Event::Trouble {
            finding: Anomaly::StatementRejected,
            place: place.clone(),
            at: Some(at.clone()),
            sentence: cause.sentence.clone(),
            detail: detail(cause),
        })?;
        expected &= run.expects(Anomaly::StatementRejected, place);
    }
    if expected { Ok(()) } else { Err(Stop::Trouble) }
}

/// The place of what Flink refuses about a statement.
fn place(statements: &Statements, prepared: &Prepared, cause: &Cause) -> Place {
    if let Some(place) = cause.place {
        return prepared.submitted.place(place.bytes(&prepared.submitted.value).0);
    }
    let said = faults(&cause.said);
    let used = statements.used(prepared).into_iter().map(|table| &table.written);
    let tables: Vec<(&Text, CreateTable)> = own_table(prepared)
        .into_iter()
        .chain(used)
        .filter_map(|text| match flink::parse(text) {
            Statement::CreateTable(create) => Some((text, *create)),
            _ => None,
        })
        .collect();
    let named: Vec<_> = tables.iter().filter(|(_, create)| is_named(create, cause)).collect();
    let candidates = if named.is_empty() { tables.iter().collect() } else { named.clone() };
    let option = candidates.iter().find_map(|(text, create)| {
        let options = create.with.iter().flat_map(|with| &with.options);
        let found = option(options, &said)?;
        Some(text.place(found.span.start))
    });
    let table = || named.first().map(|(text, create)| text.place(create.name.span.start));
    option
        .or_else(|| table().filter(|_| is_of_a_table(cause)))
        .unwrap_or_else(|| prepared.submitted.place(span(prepared).start))
}

/// A statement that makes a table itself.
fn own_table(prepared: &Prepared) -> Option<&Text> {
    matches!(prepared.statement, Statement::CreateTable(_)).then_some(&prepared.written)
}

/// The lines without the lists in them.
fn faults(said: &[String]) -> Vec<&str> {
    let mut kept = Vec::new();
    let mut in_list = false;
    for line in said.iter().map(|line| line.trim()).filter(|line| !line.is_empty()) {
        if LISTS.iter().any(|list| line.ends_with(list)) {
            in_list = true;
        } else if !line.ends_with(" ...") && line.ends_with(['.', ':']) {
            in_list = false;
        }
        if !in_list {
            kept.push(line);
        }
    }
    kept
}

/// The rest of a message without lists of what is there; a heading stands in front of what follows.
fn detail(cause: &Cause) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in faults(&cause.detail) {
        match lines.last_mut().filter(|last| last.ends_with(':')) {
            Some(heading) => *heading = format!("{heading} {line}"),
            None => lines.push(line.to_owned()),
        }
    }
    lines
}

/// Whether the messages name the table: `'default_catalog.default_database.orders'`.
fn is_named(create: &CreateTable, cause: &Cause) -> bool {
    let name = create.name.table();
    let quoted = [format!(".{name}'"), format!("'{name}'"), format!("`{name}`")];
    cause.said.iter().any(|line| quoted.iter().any(|quoted| line.contains(quoted.as_str())))
}

/// Whether what is refused is how a table is kept, not what a statement asks of it.
fn is_of_a_table(cause: &Cause) -> bool {
    let of_options = ["Unable to create a sink", "Unable to create a source", "required options"];
    cause.said.iter().any(|line| of_options.iter().any(|words| line.contains(words)))
}

/// The option that is named: by its key, else by its value.
fn option<'a>(
    options: impl Iterator<Item = &'a WithOption> + Clone,
    said: &[&str],
) -> Option<&'a WithOption> {
    let is_said = |text: &str, line: &&str| {
        *line == text
            || line.contains(&format!("'{text}'"))
            || line.contains(&format!("\"{text}\""))
    };
    let by_key = options.clone().find(|option| said.iter().any(|line| is_said(&option.key, line)));
    // What stands for itself in a message; a name of a table or topic stands for many things.
    let telling = |option: &&WithOption| !option.value.is_empty() && option.key != "topic";
    by_key.or_else(|| {
        options.filter(telling).find(|option| said.iter().any(|line| is_said(&option.value, line)))
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::client::cause;

    const SINK: &str = "CREATE TABLE copies (id INT, PRIMARY KEY (id) NOT ENFORCED) WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'copies',
  'key.format' = 'json',
  'value.format' = 'jsonn',
  'sink.paralelism' = '2')";

    fn found(trace: &str) -> Option<String> {
        let Statement::CreateTable(create) =
            flink::parse(&Text::whole("p.sql".into(), SINK.to_owned()))
        else {
            panic!("no table");
        };
        let cause = cause::root(trace);
        assert!(is_named(&create, &cause));
        let options = create.with.iter().flat_map(|with| &with.options);
        option(options, &faults(&cause.said)).map(|option| option.key.clone())
    }

    const AROUND: &str =
        "org.apache.flink.table.api.ValidationException: Unable to create a sink for writing table \
         'default_catalog.default_database.copies'.

Table options are:

'connector'='upsert-kafka'
'key.format'='json'
'sink.paralelism'='2'
'topic'='copies'
'value.format'='jsonn'
\tat a.b.C.d(C.java:1)
Caused by: org.apache.flink.table.api.ValidationException: ";

    #[rstest]
    #[case::unsupported(
        "Unsupported options found for 'upsert-kafka'.\n\nUnsupported options:\n\nsink.paralelism\n\nSupported options:\n\nconnector\nkey.format",
        Some("sink.paralelism")
    )]
    #[case::a_format(
        "Could not find any factory for identifier 'jsonn' that implements 'a.b.Format' in the classpath.\n\nAvailable factory identifiers are:\n\njson\nraw",
        Some("value.format")
    )]
    #[case::a_value("Invalid value for option 'sink.paralelism'.", Some("sink.paralelism"))]
    #[case::missing(
        "One or more required options are missing.\n\nMissing required options are:\n\nscan.x",
        None
    )]
    fn an_option_is_found_by_what_is_said_of_it(#[case] cause: &str, #[case] key: Option<&str>) {
        assert_eq!(found(&format!("{AROUND}{cause}\n\tat a.b.C.d(C.java:2)")).as_deref(), key);
    }
}
