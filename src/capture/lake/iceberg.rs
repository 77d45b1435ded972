//! Which files make an Iceberg table, by the table's own metadata: the newest version names a
//! snapshot, that a list of manifests, and each of these its files.

use std::collections::BTreeSet;

use apache_avro::Reader;
use apache_avro::types::Value as Avro;
use camino::Utf8Path;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Committed, LakeError, Room};
use crate::history::files::{Holds, Place};

/// The version of the table's format up to which deletes are rows of Parquet files.
const FORMAT_MAX: u32 = 2;
/// The content of a file whose rows are keys that are deleted.
const KEYS: i32 = 2;
/// The status of a manifest's entry whose file is no part of the table any more.
const DELETED: i32 = 2;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Metadata {
    format_version: u32,
    current_snapshot_id: Option<i64>,
    #[serde(default)]
    snapshots: Vec<Snapshot>,
    #[serde(default)]
    partition_specs: Vec<Spec>,
    #[serde(default)]
    current_schema_id: i32,
    #[serde(default)]
    schemas: Vec<Schema>,
}

/// How the table is parted.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Spec {
    spec_id: i32,
    fields: Vec<Transformed>,
}

#[derive(Deserialize)]
struct Transformed {
    transform: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Schema {
    #[serde(default)]
    schema_id: i32,
    fields: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    id: i32,
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Snapshot {
    snapshot_id: i64,
    manifest_list: String,
}

#[derive(Deserialize)]
struct Manifest {
    manifest_path: String,
    #[serde(default)]
    sequence_number: i64,
    #[serde(default)]
    partition_spec_id: i32,
}

#[derive(Deserialize)]
struct Entry {
    status: i32,
    sequence_number: Option<i64>,
    data_file: DataFile,
}

#[derive(Deserialize)]
struct DataFile {
    #[serde(default)]
    content: i32,
    file_path: String,
    file_format: String,
    #[serde(default)]
    equality_ids: Option<Vec<i32>>,
}

/// The files of the table in `room`, whose rows are told apart by the columns of `key`.
pub(super) async fn snapshot(room: &Room, key: &[String]) -> Result<Vec<Committed>, LakeError> {
    let Some(version) = room.newest()? else { return Ok(Vec::new()) };
    let json = room.read(&version).await?;
    let version = room.place(&version);
    let metadata: Metadata =
        serde_json::from_slice(&json).map_err(|error| LakeError::unread(&version, error))?;
    if metadata.format_version > FORMAT_MAX {
        let what = format!("a table of format version {}", metadata.format_version);
        return Err(LakeError::unknown(version, what));
    }
    let is_current =
        |snapshot: &&Snapshot| Some(snapshot.snapshot_id) == metadata.current_snapshot_id;
    let Some(current) = metadata.snapshots.iter().find(is_current) else { return Ok(Vec::new()) };
    let mut files = Vec::new();
    for list in values(room, &current.manifest_list).await? {
        let manifest = read::<Manifest>(Utf8Path::new(&current.manifest_list), &list)?;
        let path = Utf8Path::new(&manifest.manifest_path);
        for value in values(room, &manifest.manifest_path).await? {
            let entry = read::<Entry>(path, &value)?;
            if entry.status == DELETED {
                continue;
            }
            metadata.refuse_other_keys(&entry.data_file, key)?;
            let partition = metadata.partition(&manifest, &value);
            files.push(committed(room, (&manifest, partition), entry)?);
        }
    }
    Ok(files)
}

impl Metadata {
    /// The partition of a file, for people; `None` where the table has none by the file's spec.
    fn partition(&self, manifest: &Manifest, entry: &Avro) -> Option<String> {
        let spec =
            self.partition_specs.iter().find(|spec| spec.spec_id == manifest.partition_spec_id);
        // A partition that is no more leaves a field that is always NULL.
        let parts = |field: &Transformed| field.transform != "void";
        if spec.is_some_and(|spec| !spec.fields.iter().any(parts)) {
            return None;
        }
        let Avro::Record(fields) = member(member(entry, "data_file")?, "partition")? else {
            return None;
        };
        let shown = fields.iter().map(|(name, value)| match shown(value) {
            Some(value) => format!("{name}={value}"),
            None => format!("{name} is NULL"),
        });
        let shown = shown.collect::<Vec<_>>().join(", ");
        let is_only = self.partition_specs.len() < 2;
        Some(if is_only { shown } else { format!("{}: {shown}", manifest.partition_spec_id) })
    }

    /// Keys of other columns than those by which the rows are told apart are not judged.
    fn refuse_other_keys(&self, file: &DataFile, key: &[String]) -> Result<(), LakeError> {
        let Some(ids) = file.equality_ids.as_ref().filter(|_| file.content == KEYS) else {
            return Ok(());
        };
        let schema = self.schemas.iter().find(|schema| schema.schema_id == self.current_schema_id);
        let fields = schema.map_or(&[][..], |schema| schema.fields.as_slice());
        let name = |id: &i32| fields.iter().find(|field| field.id == *id).map(|f| f.name.as_str());
        let names: BTreeSet<_> = ids.iter().filter_map(name).collect();
        if names == key.iter().map(String::as_str).collect() {
            return Ok(());
        }
        let names = names.into_iter().collect::<Vec<_>>().join("`, `");
        let what = format!("a file of deletes by `{names}`, which is not the key of the table,");
        Err(LakeError::unknown(&file.file_path, what))
    }
}

/// A member of a record.
fn member<'v>(value: &'v Avro, name: &str) -> Option<&'v Avro> {
    match value {
        Avro::Record(fields) => fields.iter().find(|(own, _)| own == name).map(|(_, value)| value),
        Avro::Union(_, value) => member(value, name),
        _ => None,
    }
}

/// A value of a partition, by which it differs from all others; `None` for NULL.
fn shown(value: &Avro) -> Option<String> {
    match value {
        Avro::Null => None,
        Avro::Union(_, value) => shown(value),
        Avro::String(text) => Some(text.clone()),
        Avro::Int(number) | Avro::Date(number) => Some(number.to_string()),
        Avro::Long(number) => Some(number.to_string()),
        Avro::Boolean(value) => Some(value.to_string()),
        other => Some(format!("{other:?}")),
    }
}

fn committed(
    room: &Room,
    (manifest, partition): (&Manifest, Option<String>),
    entry: Entry,
) -> Result<Committed, LakeError> {
    let DataFile { content, file_path, file_format, .. } = entry.data_file;
    if !file_format.eq_ignore_ascii_case("parquet") {
        return Err(LakeError::unknown(file_path, format!("a file in {file_format}")));
    }
    Ok(Committed {
        name: room.below(&file_path)?,
        holds: match content {
            0 => Holds::Rows,
            1 => Holds::Places,
            _ => Holds::Keys,
        },
        // A file that its manifest adds has the manifest's number.
        commit: entry.sequence_number.unwrap_or(manifest.sequence_number),
        partition,
    })
}

/// Rows of a file of places, with paths below the folder.
pub(super) fn places(room: &Room, rows: Vec<String>) -> Result<Vec<String>, LakeError> {
    let unread = |error: serde_json::Error| LakeError::unread(&room.place(""), error);
    let place = |row: String| {
        let mut place = serde_json::from_str::<Place>(&row).map_err(unread)?;
        place.file_path = room.below(&place.file_path)?;
        serde_json::to_string(&place).map_err(unread)
    };
    rows.into_iter().map(place).collect()
}

fn read<T: DeserializeOwned>(path: &Utf8Path, value: &Avro) -> Result<T, LakeError> {
    apache_avro::from_value::<T>(value).map_err(|error| LakeError::unread(path, error))
}

/// The records of a file of Avro's, by its URL.
async fn values(room: &Room, url: &str) -> Result<Vec<Avro>, LakeError> {
    let path = Utf8Path::new(url);
    let bytes = room.read(&room.below(url)?).await?;
    let reader = Reader::new(bytes.as_slice()).map_err(|error| LakeError::unread(path, error))?;
    reader.collect::<Result<_, _>>().map_err(|error| LakeError::unread(path, error))
}
