//! Tables that are files: where production keeps them, and the folder of the run that stands for it.

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use crate::client::reach::{BUCKET, Reach};
use crate::contain::fate::Thing;
use crate::history::files::Kept;
use crate::run::names::Names;
use crate::sql::flink::{CreateTable, With};

/// How a table's rows are kept, by what it is; `None` where that is not followed.
pub(in crate::run) fn kept(thing: Thing, with: Option<&With>) -> Option<Kept> {
    match thing {
        Thing::Iceberg => Some(Kept::Iceberg),
        Thing::Files => match with?.get("format")? {
            "parquet" => Some(Kept::Parquet),
            "csv" => Some(Kept::Csv),
            "json" => Some(Kept::Json),
            _ => None,
        },
        Thing::Topic | Thing::Placeless | Thing::Memory | Thing::Model | Thing::Unknown => None,
    }
}

/// Where production keeps a table of Iceberg's that names its catalog itself: the warehouse, and the
/// table's folder in it.
pub(in crate::run) fn lake(create: &CreateTable, with: &With) -> (String, String) {
    let warehouse = with.get("warehouse").or_else(|| with.get("catalog-name")).unwrap_or("iceberg");
    let database = with.get("catalog-database").unwrap_or("default_database");
    let table = with.get("catalog-table").unwrap_or_else(|| create.name.table());
    let folder = format!("{}/{database}/{table}", warehouse.trim_end_matches('/'));
    (warehouse.to_owned(), folder)
}

/// Where a run keeps what its statements write as files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Home {
    /// In a folder of this machine.
    Folder(Utf8PathBuf),
    /// In object storage.
    Objects(Objects),
}

/// Object storage, as the components of the stack see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objects {
    /// The URL below which the run's objects are.
    url: String,
    /// Where the API is.
    endpoint: String,
    /// The database that is the catalog of Iceberg's tables.
    catalog: String,
    /// Who owns it.
    owner: String,
}

impl Home {
    /// That of a run whose folder is `folder`: in object storage, if the stack has it.
    pub(in crate::run) fn of(reach: &Reach, names: &Names, folder: &Utf8Path) -> Self {
        let Some(storage) = &reach.storage else { return Self::Folder(folder.to_owned()) };
        let postgres = &reach.postgres.at.inside;
        Self::Objects(Objects {
            url: format!("s3://{BUCKET}/{}", names.base),
            endpoint: storage.at.inside.clone(),
            catalog: format!("jdbc:postgresql://{postgres}/{}", names.catalog()),
            owner: names.owner(),
        })
    }

    /// The place that stands for one of production (`s3://bucket/deletes`), as Flink is told it.
    pub fn url(&self, place: &str) -> String {
        match self {
            Self::Folder(folder) => format!("file://{}", folder.join(inside(place))),
            Self::Objects(objects) => format!("{}/{}", objects.url, inside(place)),
        }
    }

    /// The same, as the history has it.
    pub fn name(&self, place: &str) -> String {
        match self {
            Self::Folder(folder) => folder.join(inside(place)).into_string(),
            Self::Objects(_) => self.url(place),
        }
    }

    /// How a catalog of Iceberg's keeps its tables below a place: its options.
    pub(in crate::run) fn catalog(&self, place: &str) -> Vec<(&'static str, String)> {
        let warehouse = ("warehouse", self.url(place));
        match self {
            Self::Folder(_) => vec![("catalog-type", "hadoop".to_owned()), warehouse],
            Self::Objects(Objects { endpoint, catalog, owner, .. }) => vec![
                ("catalog-impl", "org.apache.iceberg.jdbc.JdbcCatalog".to_owned()),
                warehouse,
                ("uri", catalog.clone()),
                ("jdbc.user", owner.clone()),
                ("io-impl", "org.apache.iceberg.aws.s3.S3FileIO".to_owned()),
                ("s3.endpoint", endpoint.clone()),
                ("s3.path-style-access", "true".to_owned()),
            ],
        }
    }
}

/// A place in production (`s3://bucket/deletes`) as a path below something else.
pub(in crate::run) fn inside(place: &str) -> Utf8PathBuf {
    let path = place.split_once(':').map_or(place, |(_, path)| path);
    let names = Utf8Path::new(path).components().filter_map(|component| match component {
        Utf8Component::Normal(name) => Some(name),
        _ => None,
    });
    names.fold(Utf8PathBuf::new(), |folder, name| folder.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::reach::{Storage, Twice};

    #[test]
    fn a_place_in_production_becomes_a_folder_of_the_run() {
        let home = Home::Folder("/runs/r/lake".into());
        let folder = |place| home.name(place);
        assert_eq!(folder("s3://bucket/deletes/"), "/runs/r/lake/bucket/deletes");
        assert_eq!(folder("file:///tmp/../x"), "/runs/r/lake/tmp/x");
        assert_eq!(folder("deletes"), "/runs/r/lake/deletes");
        assert_eq!(home.url("deletes"), "file:///runs/r/lake/deletes");
        assert_eq!(home.catalog("w")[0], ("catalog-type", "hadoop".to_owned()));
    }

    #[test]
    fn a_place_in_production_becomes_objects_of_the_run() {
        let at = Twice { outside: "http://a".to_owned(), inside: "http://b".to_owned() };
        let storage = Storage { at, ..Storage::default() };
        let reach = Reach { storage: Some(storage), ..Reach::default() };
        let names = Names::of_token("t");
        let home = Home::of(&reach, &names, Utf8Path::new("/runs/r/lake"));
        assert_eq!(home.url("s3://bucket/deletes/"), "s3://changeproof/cp_t/bucket/deletes");
        assert_eq!(home.name("/lake"), "s3://changeproof/cp_t/lake");
        let catalog = home.catalog("s3://b/w");
        assert!(catalog.contains(&("warehouse", "s3://changeproof/cp_t/b/w".to_owned())));
        assert!(catalog.contains(&("s3.endpoint", "http://b".to_owned())));
    }
}
