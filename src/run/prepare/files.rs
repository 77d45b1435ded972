//! Tables that are files: where production keeps them, and the folder of the run that stands for it.

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use crate::contain::fate::Thing;
use crate::history::files::Kept;
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

/// A folder of this machine as Flink is told it.
pub(in crate::run) fn url(folder: &Utf8Path) -> String {
    format!("file://{folder}")
}

/// The folder below `base` that stands for a place in production (`s3://bucket/deletes`).
pub(in crate::run) fn below(base: &Utf8Path, place: &str) -> Utf8PathBuf {
    let path = place.split_once(':').map_or(place, |(_, path)| path);
    let names = Utf8Path::new(path).components().filter_map(|component| match component {
        Utf8Component::Normal(name) => Some(name),
        _ => None,
    });
    names.fold(base.to_owned(), |folder, name| folder.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_production_becomes_a_folder_of_the_run() {
        let folder = |place| below(Utf8Path::new("/runs/r/lake"), place).to_string();
        assert_eq!(folder("s3://bucket/deletes/"), "/runs/r/lake/bucket/deletes");
        assert_eq!(folder("file:///tmp/../x"), "/runs/r/lake/tmp/x");
        assert_eq!(folder("deletes"), "/runs/r/lake/deletes");
    }
}
