//! Statements that are over when they are done: they change the catalogue, or show something.

use serde_json::{Value, json};

use super::kind::Kind;
use super::model::{Phase, Rows, Statement};
use super::properties::Properties;
use super::run::{Why, prepared, refused, session, text};
use crate::base::text::Text;
use crate::client::kafka::NewTopic;
use crate::client::registry::Registry;
use crate::gateway::Gateway;
use crate::gateway::ids::Ids;
use crate::sql::flink::{self, Statement as Parsed};
use crate::sql::table::alter;
use crate::sql::token::{Language, Token, significant};

/// The partitions of a topic whose table does not say how many.
const BUCKETS: u32 = 6;

/// Carries such a statement out.
pub(super) async fn done(
    gateway: &Gateway,
    statement: &Statement,
    properties: &Properties,
) -> Result<(), Why> {
    let text = &statement.text;
    let is_dry = properties.is_dry_run;
    match statement.kind {
        Kind::CreateTable => create_table(gateway, text, is_dry).await.map(drop)?,
        Kind::AlterTable => alter_table(gateway, text, is_dry).await?,
        Kind::DropTable => drop_table(gateway, text, is_dry).await?,
        Kind::CreateView => create_view(gateway, statement, properties).await?,
        Kind::DropView => drop_view(gateway, text, is_dry).await?,
        _ => return show(gateway, statement, properties).await,
    }
    let traits = json!({
        "sql_kind": statement.kind.word(), "is_bounded": true, "is_append_only": true,
        "upsert_columns": null,
    });
    statement.change(|state| {
        state.traits = Some(traits);
        state.phase = Phase::Completed;
    });
    Ok(())
}

fn is_there(name: &str) -> Why {
    format!("a table, a view or a topic `{name}` is there already")
}

/// Creates a table with its topic; gives its name.
pub(super) async fn create_table(
    gateway: &Gateway,
    text: &Text,
    is_dry: bool,
) -> Result<String, Why> {
    let Parsed::CreateTable(create) = flink::parse(text) else {
        return Err("this CREATE TABLE cannot be read".to_owned());
    };
    let name = create.name.table().to_owned();
    let source = gateway.source(&super::catalogue::names(text)).await?;
    let mut catalogue = gateway.catalogue.lock().await;
    let tokens = significant(Language::Flink, &text.value);
    let may_be_there = tokens.get(2).is_some_and(|token| token.is("IF"));
    let has_topic = gateway.topic(&name).await?.is_some();
    if catalogue.has(&name) || has_topic {
        return if may_be_there { Ok(name) } else { Err(is_there(&name)) };
    }
    let described = catalogue.described(&name, Some(text), &source)?;
    if is_dry {
        return Ok(name);
    }
    let partitions = described.topic.partitions.unwrap_or(BUCKETS);
    let topic = NewTopic {
        name: name.clone(),
        partitions: i32::try_from(partitions).unwrap_or(i32::MAX),
        options: described.topic.options,
    };
    gateway.admin.create(&[topic]).await.map_err(|error| error.to_string())?;
    // What is like another table stands on its own from here on.
    let is_like = create.like.is_some();
    let written = if is_like { super::run::text(described.text.value) } else { text.clone() };
    catalogue.add(&written);
    Ok(name)
}

async fn alter_table(gateway: &Gateway, text: &Text, is_dry: bool) -> Result<(), Why> {
    let name = alter(text).ok_or("this ALTER TABLE cannot be read")?.name.table().to_owned();
    let source = gateway.source(std::slice::from_ref(&name)).await?;
    let mut catalogue = gateway.catalogue.lock().await;
    let described = catalogue.described(&name, Some(text), &source)?;
    if is_dry {
        return Ok(());
    }
    if !described.topic.options.is_empty() && catalogue.has(&name) {
        let altered = gateway.admin.alter(&name, &described.topic.options).await;
        altered.map_err(|error| error.to_string())?;
    }
    catalogue.add(text);
    Ok(())
}

/// Drops a table, with its topic and its schemas.
async fn drop_table(gateway: &Gateway, text: &Text, is_dry: bool) -> Result<(), Why> {
    let (name, may_be_absent) = dropped(text);
    let mut catalogue = gateway.catalogue.lock().await;
    let is_table = catalogue.made(false).contains(&name) || gateway.topic(&name).await?.is_some();
    if !is_table {
        return if may_be_absent { Ok(()) } else { Err(format!("there is no table `{name}`")) };
    }
    if is_dry {
        return Ok(());
    }
    gateway.admin.delete(&[&name]).await.map_err(|error| error.to_string())?;
    if let Some(registry) = Registry::of(&gateway.reach).map_err(|error| error.to_string())? {
        for part in ["key", "value"] {
            let subject = format!("{name}-{part}");
            let known = registry.subjects(&subject).await.map_err(|error| error.to_string())?;
            if known.contains(&subject) {
                registry.delete(&subject).await.map_err(|error| error.to_string())?;
            }
        }
    }
    catalogue.forget(&name);
    Ok(())
}

/// The name behind `DROP TABLE` or `DROP VIEW`, and whether it may be absent.
fn dropped(text: &Text) -> (String, bool) {
    let tokens = significant(Language::Flink, &text.value);
    let name = tokens.iter().rev().find_map(Token::name).unwrap_or_default();
    (name, tokens.get(2).is_some_and(|token| token.is("IF")))
}

async fn create_view(
    gateway: &Gateway,
    statement: &Statement,
    properties: &Properties,
) -> Result<(), Why> {
    let Parsed::CreateView { name, .. } = flink::parse(&statement.text) else {
        return Err("this CREATE VIEW cannot be read".to_owned());
    };
    let name = name.table().to_owned();
    if gateway.catalogue.lock().await.has(&name) || gateway.topic(&name).await?.is_some() {
        return Err(is_there(&name));
    }
    // Flink itself says whether the query is one.
    let texts = prepared(gateway, statement, &statement.text, properties).await?;
    let session = session(gateway, statement, properties).await?;
    let made = async {
        for text in &texts {
            session.execute(&text.value).await.map_err(refused)?;
        }
        Ok::<_, Why>(())
    };
    let made = made.await;
    session.close().await.map_err(refused)?;
    made?;
    if !properties.is_dry_run {
        gateway.catalogue.lock().await.add(&statement.text);
    }
    Ok(())
}

async fn drop_view(gateway: &Gateway, text: &Text, is_dry: bool) -> Result<(), Why> {
    let (name, may_be_absent) = dropped(text);
    let mut catalogue = gateway.catalogue.lock().await;
    match catalogue.made(true).contains(&name) {
        true if !is_dry => catalogue.forget(&name),
        true => {}
        false if may_be_absent => {}
        false => return Err(format!("there is no view `{name}`")),
    }
    Ok(())
}

type Shown = (Vec<&'static str>, Vec<Vec<Option<String>>>);

fn column(name: &'static str, rows: impl IntoIterator<Item = String>) -> Shown {
    (vec![name], rows.into_iter().map(|row| vec![Some(row)]).collect())
}

/// What a statement shows, as rows of text.
async fn show(
    gateway: &Gateway,
    statement: &Statement,
    properties: &Properties,
) -> Result<(), Why> {
    let (columns, rows) = match statement.kind {
        Kind::ShowCatalogs => (
            vec!["catalog name", "catalog id"],
            vec![vec![Some(Ids::ENVIRONMENT.to_owned()), Some(gateway.ids.environment.clone())]],
        ),
        Kind::ShowDatabases => (
            vec!["database name", "database id"],
            vec![vec![Some(Ids::CLUSTER.to_owned()), Some(gateway.ids.cluster.clone())]],
        ),
        // Nobody can make one here.
        Kind::ShowFunctions => column("function name", []),
        Kind::ShowTables => column("table name", gateway.tables().await?),
        Kind::ShowCreateTable => {
            let name = dropped(&statement.text).0;
            let source = gateway.source(std::slice::from_ref(&name)).await?;
            let described = gateway.catalogue.lock().await.described(&name, None, &source)?;
            column("SHOW CREATE TABLE", [described.text.value])
        }
        Kind::Describe => describe(gateway, statement, properties).await?,
        Kind::Explain => explain(gateway, statement, properties).await?,
        _ => {
            return Err(
                "only CREATE, ALTER, DROP, SHOW and DESCRIBE of tables and views, queries, \
                        INSERT, EXECUTE STATEMENT SET and EXPLAIN are carried out here; what SET \
                        would say is a property of a statement"
                    .to_owned(),
            );
        }
    };
    let kind = json!({"type": "VARCHAR", "nullable": true, "length": 2_147_483_647});
    let columns: Vec<Value> =
        columns.iter().map(|name| json!({"name": name, "type": kind})).collect();
    let traits = json!({
        "sql_kind": statement.kind.word(), "is_bounded": true, "is_append_only": true,
        "upsert_columns": null, "schema": {"columns": columns},
    });
    statement.change(|state| {
        state.traits = Some(traits);
        state.rows = Rows::Fixed(rows);
        state.phase = Phase::Completed;
    });
    Ok(())
}

async fn describe(
    gateway: &Gateway,
    statement: &Statement,
    properties: &Properties,
) -> Result<Shown, Why> {
    let name = dropped(&statement.text).0;
    let columns = columns_of(gateway, statement, properties, &name).await?;
    let row = |column: crate::client::gateway::Column| {
        let nullable = if column.nullable { "NULL" } else { "NOT NULL" };
        let key = column.in_key.then(|| "PRIMARY KEY".to_owned());
        vec![
            Some(column.name),
            Some(column.type_name),
            Some(nullable.to_owned()),
            key.or(column.extras),
        ]
    };
    let rows = columns.into_iter().map(row).collect();
    Ok((vec!["Column Name", "Data Type", "Nullable", "Extras"], rows))
}

/// The columns of a table or view, as Flink describes them.
pub(super) async fn columns_of(
    gateway: &Gateway,
    statement: &Statement,
    properties: &Properties,
    name: &str,
) -> Result<Vec<crate::client::gateway::Column>, Why> {
    let ticked = format!("`{}`", name.replace('`', "``"));
    let view = text(format!("CREATE VIEW `changeproof$shown` AS SELECT * FROM {ticked}"));
    let texts = prepared(gateway, statement, &view, properties).await?;
    let session = session(gateway, statement, properties).await?;
    let described = async {
        let (_, before) = texts.split_last().ok_or("nothing is described")?;
        for text in before {
            session.execute(&text.value).await.map_err(refused)?;
        }
        session.describe(&ticked).await.map_err(refused)
    };
    let described = described.await;
    session.close().await.map_err(refused)?;
    described
}

async fn explain(
    gateway: &Gateway,
    statement: &Statement,
    properties: &Properties,
) -> Result<Shown, Why> {
    let tokens = significant(Language::Flink, &statement.text.value);
    // The statement begins with the first word that begins one.
    let starts = ["SELECT", "WITH", "INSERT", "EXECUTE", "VALUES"];
    let start = tokens.iter().skip(1).find(|token| starts.iter().any(|word| token.is(word)));
    let at = start.map(|token| token.span.start).ok_or("EXPLAIN is followed by a statement")?;
    let explained = statement.text.value.get(at..).unwrap_or_default();
    let is_query =
        ["SELECT", "WITH", "VALUES"].iter().any(|word| start.is_some_and(|t| t.is(word)));
    let view = "CREATE VIEW `changeproof$query` AS ";
    let sql = if is_query { format!("{view}{explained}") } else { explained.to_owned() };
    let texts = prepared(gateway, statement, &text(sql), properties).await?;
    let session = session(gateway, statement, properties).await?;
    let planned = async {
        let (last, before) = texts.split_last().ok_or("nothing is explained")?;
        for text in before {
            session.execute(&text.value).await.map_err(refused)?;
        }
        let last = last.value.strip_prefix(view).unwrap_or(&last.value);
        session.explain("", last).await.map_err(refused)
    };
    let planned = planned.await;
    session.close().await.map_err(refused)?;
    Ok(column("Physical Plan", [planned?]))
}
