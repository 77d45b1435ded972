//! The schemas of sinks in Avro, registered before their statements run.
//!
//! Flink registers them as its tasks begin to write, and when two of them register one at the same
//! time, Apicurio 2.6.13 refuses one with 409 and its statement fails by no fault of its own. What is
//! registered already is only looked up.

use crate::client::gateway::{Column, GatewayError};
use crate::client::registry::Registry;
use crate::client::roles::Statements;
use crate::dialect::{avro, written as schemas};
use crate::history::event::Part;
use crate::run::outcome::Stop;
use crate::run::prepare::Run;
use crate::run::prepare::statements::Prepared;
use crate::run::prepare::table::{TopicTable, format};
use crate::run::prepare::unfit::{by_several, in_avro, is_parallel};
use crate::run::start::written;
use crate::sql::flink::Derived;

/// Registers the schemas of the sinks of a statement. Those that are not known here are left to
/// Flink where one task alone writes them, and refused else.
pub(in crate::run) async fn register(
    run: &Run<'_>,
    session: &dyn Statements,
    prepared: &Prepared,
) -> Result<(), Stop> {
    let inserts = prepared.statement.inserts().iter();
    for table in
        inserts.filter_map(|insert| run.effective.statements.tables.get(insert.target.table()))
    {
        let parts = in_avro(table);
        if parts.is_empty() {
            continue;
        }
        let registry = Registry::of(run.context.reach());
        let registry = registry.map_err(|error| Stop::Stack(error.to_string()))?;
        // Without one the tap has said so already.
        let Some(registry) = registry else { continue };
        if table.create.derived == Some(Derived::As) {
            // There is nothing to describe before the statement has made it; see `refuse`.
            continue;
        }
        let columns = session.describe(&table.create.name.in_backticks()).await;
        let columns = match columns {
            Ok(columns) => columns,
            // Flink refuses the statement for the same reason, and says where.
            Err(GatewayError::Refused(cause)) => {
                tracing::debug!(table = %table.name, %cause, "it has no columns");
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        for part in parts {
            match schema(table, &columns, part) {
                Ok(schema) => {
                    let subject = subject(run, table, part);
                    let registered = registry.register(&subject, &schema).await;
                    registered.map_err(|error| Stop::Stack(error.to_string()))?;
                }
                Err(why) if is_parallel(run.trial) => return Err(by_several(table, &why).into()),
                Err(why) => tracing::debug!(table = %table.name, why, "left to Flink"),
            }
        }
    }
    Ok(())
}

/// The schema of a part of a sink's records.
fn schema(table: &TopicTable, columns: &[Column], part: Part) -> Result<String, String> {
    let with = table.create.with.as_ref().ok_or("it has no WITH")?;
    if table.format_of(part) != Some(avro::FORMAT) {
        return Err(format!("the schema of `{}` is not known here", format(with)));
    }
    let key = written::key(table, &table.create.primary_key);
    let (key, prefix, bare) = key.map_or_else(
        || (Vec::new(), String::new(), false),
        |key| (key.columns, key.prefix, !key.in_value),
    );
    let column = |name: &String| {
        let found = columns.iter().find(|column| column.name == *name);
        found.ok_or_else(|| format!("it has no column `{name}`"))
    };
    let shown: Vec<&Column> = match part {
        Part::Key => key.iter().map(column).collect::<Result<_, _>>()?,
        Part::Value => {
            let physical = columns.iter().filter(|column| column.is_physical());
            physical.filter(|column| !bare || !key.contains(&column.name)).collect()
        }
    };
    let named = |name: &str| match part {
        Part::Key => name.strip_prefix(&prefix).unwrap_or(name).to_owned(),
        Part::Value => name.to_owned(),
    };
    let field = |c: &&'_ Column| (named(&c.name), c.type_name.clone(), c.nullable);
    let fields: Vec<_> = shown.iter().map(field).collect();
    let fields: Vec<_> =
        fields.iter().map(|(n, t, null)| (n.as_str(), t.as_str(), *null)).collect();
    schemas::schema(&fields)
}

/// The subject under which Flink registers it.
fn subject(run: &Run<'_>, table: &TopicTable, part: Part) -> String {
    let (name, keys): (&str, &[&str]) = match part {
        Part::Key => ("key", &["key.avro-confluent.subject"]),
        Part::Value => ("value", &["value.avro-confluent.subject", "avro-confluent.subject"]),
    };
    let with = table.create.with.as_ref();
    let set = keys.iter().find_map(|key| with.and_then(|with| with.get(key)));
    let topic = || run.names.topic(table.topics.first().map_or("", String::as_str));
    set.map_or_else(|| format!("{}-{name}", topic()), ToOwned::to_owned)
}
