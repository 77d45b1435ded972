//! What the names in statements stand for: catalogs, and the tables in them, as one statement after
//! the other makes them.

use std::collections::BTreeMap;

use super::fate::Thing;
use crate::scenario::settings::Options;
use crate::sql::flink::like::merged;
use crate::sql::flink::{CreateTable, Created, Name, Statement};

/// The catalog that every session has, and its database.
const MEMORY: (&str, &str) = ("default_catalog", "default_database");
/// The database of any other catalog that names none.
const DEFAULT: &str = "default";

/// The catalogs and tables that are there between two statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    catalog: String,
    database: String,
    catalogs: BTreeMap<String, Catalog>,
    tables: BTreeMap<[String; 3], Thing>,
    /// The tables as they are, those that are like others with what they have of them.
    made: BTreeMap<[String; 3], CreateTable>,
}

/// A catalog that a statement made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    /// Iceberg's, or one in memory.
    pub thing: Thing,
    /// Where production keeps it: its warehouse, or its name.
    pub place: String,
    /// What is between the warehouse and a database (`base-namespace`).
    pub base: Vec<String>,
    /// The database that is used first.
    database: String,
}

/// What a connector's tables are; an error is the connector's name.
pub fn of_connector(connector: &str) -> Result<Thing, &str> {
    match connector {
        "kafka" | "upsert-kafka" => Ok(Thing::Topic),
        "filesystem" => Ok(Thing::Files),
        "iceberg" => Ok(Thing::Iceberg),
        "datagen" | "print" | "blackhole" => Ok(Thing::Placeless),
        other => Err(other),
    }
}

/// What a catalog of a type is; an error is its type.
pub fn of_catalog_type(kind: &str) -> Result<Thing, &str> {
    match kind {
        "iceberg" => Ok(Thing::Iceberg),
        "generic_in_memory" => Ok(Thing::Memory),
        other => Err(other),
    }
}

impl Catalog {
    /// The catalog that a statement makes.
    pub fn of(created: &Created) -> Self {
        let get = |key: &str| created.with.as_ref().and_then(|with| with.get(key));
        let thing = get("type").map_or(Ok(Thing::Unknown), of_catalog_type);
        let base = get("base-namespace").filter(|base| !base.is_empty());
        Self {
            thing: thing.unwrap_or(Thing::Unknown),
            place: get("warehouse").unwrap_or_else(|| created.name.table()).to_owned(),
            base: base.into_iter().flat_map(|base| base.split('.')).map(String::from).collect(),
            database: get("default-database").unwrap_or(DEFAULT).to_owned(),
        }
    }

    /// Where production keeps one of its tables.
    pub fn folder(&self, [_, database, table]: &[String; 3]) -> String {
        let mut folder = self.place.trim_end_matches('/').to_owned();
        for part in self.base.iter().chain([database, table]) {
            folder.push('/');
            folder.push_str(part);
        }
        folder
    }
}

impl Scope {
    /// A session at its start.
    pub fn new() -> Self {
        let (catalog, database) = MEMORY;
        Self {
            catalog: catalog.to_owned(),
            database: database.to_owned(),
            catalogs: BTreeMap::new(),
            tables: BTreeMap::new(),
            made: BTreeMap::new(),
        }
    }

    /// A table with all that it has of the one that it is like.
    pub fn whole(&self, create: &CreateTable) -> CreateTable {
        let base = create.like.as_ref().and_then(|like| self.made.get(&self.full(like)));
        base.map_or_else(|| create.clone(), |base| merged(create, base))
    }

    /// Catalog, database and name of what a name stands for.
    pub fn full(&self, name: &Name) -> [String; 3] {
        let own = || (self.catalog.clone(), self.database.clone());
        match name.parts.as_slice() {
            [.., catalog, database, table] => [catalog.clone(), database.clone(), table.clone()],
            [database, table] => [own().0, database.clone(), table.clone()],
            rest => [own().0, own().1, rest.first().cloned().unwrap_or_default()],
        }
    }

    /// The Iceberg catalog that keeps a table.
    pub fn lake(&self, create: &CreateTable) -> Option<&Catalog> {
        let [catalog, ..] = self.full(&create.name);
        let found = self.catalogs.get(&catalog).filter(|found| found.thing == Thing::Iceberg);
        // A temporary table is the session's, whatever catalog its name is below.
        found.filter(|_| !create.is_temporary)
    }

    /// What a table is that is there already.
    pub fn table(&self, name: &Name) -> Option<Thing> {
        let full = self.full(name);
        let [catalog, ..] = &full;
        let kept = || self.catalogs.get(catalog).map(|catalog| catalog.thing);
        // In memory each table has a connector of its own.
        self.tables.get(&full).copied().or_else(|| kept().filter(|kept| *kept == Thing::Iceberg))
    }

    /// What the catalog of a database is.
    pub fn database(&self, name: &Name) -> Thing {
        let catalog = match name.parts.as_slice() {
            [catalog, _, ..] => catalog,
            _ => &self.catalog,
        };
        self.catalogs.get(catalog).map_or(Thing::Memory, |catalog| catalog.thing)
    }

    /// What a catalog is.
    pub fn catalog(&self, name: &str) -> Thing {
        let memory = if name == MEMORY.0 { Thing::Memory } else { Thing::Unknown };
        self.catalogs.get(name).map_or(memory, |catalog| catalog.thing)
    }

    /// What a table is that is made now, `set` being options that the settings give it; an error
    /// is a connector that is not known.
    pub fn made<'a>(
        &self,
        create: &'a CreateTable,
        set: Option<&'a Options>,
    ) -> Result<Thing, &'a str> {
        if self.lake(create).is_some() {
            return Ok(Thing::Iceberg);
        }
        let set = set.and_then(|set| set.get("connector")).map(String::as_str);
        let written = create.with.as_ref().and_then(|with| with.get("connector"));
        match (set.or(written), &create.like) {
            (Some(connector), _) => of_connector(connector),
            (None, Some(like)) => Ok(self.table(like).unwrap_or(Thing::Unknown)),
            (None, None) => Ok(Thing::Unknown),
        }
    }

    /// Takes in what a statement makes or uses.
    pub fn see(&mut self, statement: &Statement, set: Option<&Options>) {
        match statement {
            Statement::CreateCatalog(created) => {
                self.catalogs.insert(created.name.table().to_owned(), Catalog::of(created));
            }
            Statement::CreateTable(create) => {
                let thing = self.made(create, set).unwrap_or(Thing::Unknown);
                self.made.insert(self.full(&create.name), self.whole(create));
                self.tables.insert(self.full(&create.name), thing);
            }
            Statement::UseCatalog(name) => {
                let database = self.catalogs.get(name).map_or(MEMORY.1, |found| &found.database);
                self.database = database.to_owned();
                self.catalog.clone_from(name);
            }
            Statement::Use(name) => {
                if let [.., catalog, _] = name.parts.as_slice() {
                    self.catalog.clone_from(catalog);
                }
                name.table().clone_into(&mut self.database);
            }
            Statement::CreateModel(_)
            | Statement::CreateDatabase(_)
            | Statement::CreateView { .. }
            | Statement::Insert(_)
            | Statement::StatementSet(_)
            | Statement::Set { .. }
            | Statement::Reset(_)
            | Statement::Other => {}
        }
    }
}

impl Default for Scope {
    fn default() -> Self {
        Self::new()
    }
}
