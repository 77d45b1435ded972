//! Which files make an Iceberg table, by the table's own metadata: the newest version names a
//! snapshot, that a list of manifests, and each of these its files.

use std::collections::BTreeSet;

use apache_avro::Reader;
use apache_avro::types::Value as Avro;
use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Committed, LakeError};
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

/// The files of the table in `folder`, a table of a `hadoop` catalog, whose rows are told apart by
/// the columns of `key`.
pub(super) fn snapshot(folder: &Utf8Path, key: &[String]) -> Result<Vec<Committed>, LakeError> {
    let Some(version) = newest(folder) else { return Ok(Vec::new()) };
    let text = fs_err::read_to_string(&version).map_err(|e| LakeError::unread(&version, e))?;
    let metadata: Metadata =
        serde_json::from_str(&text).map_err(|error| LakeError::unread(&version, error))?;
    if metadata.format_version > FORMAT_MAX {
        let what = format!("a table of format version {}", metadata.format_version);
        return Err(LakeError::unknown(version, what));
    }
    let is_current =
        |snapshot: &&Snapshot| Some(snapshot.snapshot_id) == metadata.current_snapshot_id;
    let Some(current) = metadata.snapshots.iter().find(is_current) else { return Ok(Vec::new()) };
    let mut files = Vec::new();
    for manifest in avro::<Manifest>(&local(&current.manifest_list))? {
        let path = local(&manifest.manifest_path);
        for value in values(&path)? {
            let entry = read::<Entry>(&path, &value)?;
            if entry.status == DELETED {
                continue;
            }
            metadata.refuse_other_keys(&entry.data_file, key)?;
            let partition = metadata.partition(&manifest, &value);
            files.push(committed(folder, (&manifest, partition), entry)?);
        }
    }
    Ok(files)
}

/// The file of the newest version, of those that were committed.
fn newest(folder: &Utf8Path) -> Option<Utf8PathBuf> {
    let entries = folder.join("metadata").read_dir_utf8().ok()?;
    let versions = entries.flatten().filter_map(|entry| {
        let number = entry.file_name().strip_prefix('v')?.strip_suffix(".metadata.json")?;
        Some((number.parse::<u64>().ok()?, entry.path().to_owned()))
    });
    versions.max().map(|(_, path)| path)
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
    folder: &Utf8Path,
    (manifest, partition): (&Manifest, Option<String>),
    entry: Entry,
) -> Result<Committed, LakeError> {
    let DataFile { content, file_path, file_format, .. } = entry.data_file;
    if !file_format.eq_ignore_ascii_case("parquet") {
        return Err(LakeError::unknown(file_path, format!("a file in {file_format}")));
    }
    Ok(Committed {
        name: below(folder, &file_path)?,
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
pub(super) fn places(folder: &Utf8Path, rows: Vec<String>) -> Result<Vec<String>, LakeError> {
    let place = |row: String| {
        let place = serde_json::from_str::<Place>(&row);
        let mut place = place.map_err(|error| LakeError::unread(folder, error))?;
        place.file_path = below(folder, &place.file_path)?;
        serde_json::to_string(&place).map_err(|error| LakeError::unread(folder, error))
    };
    rows.into_iter().map(place).collect()
}

fn below(folder: &Utf8Path, url: &str) -> Result<String, LakeError> {
    let path = local(url);
    let name = path.strip_prefix(folder).map_err(|error| LakeError::unread(&path, error))?;
    Ok(name.to_string())
}

/// The path of a `file:` URL.
fn local(url: &str) -> Utf8PathBuf {
    let path = url.strip_prefix("file:").unwrap_or(url);
    Utf8PathBuf::from(format!("/{}", path.trim_start_matches('/')))
}

fn avro<T: DeserializeOwned>(path: &Utf8Path) -> Result<Vec<T>, LakeError> {
    values(path)?.iter().map(|value| read(path, value)).collect()
}

fn read<T: DeserializeOwned>(path: &Utf8Path, value: &Avro) -> Result<T, LakeError> {
    apache_avro::from_value::<T>(value).map_err(|error| LakeError::unread(path, error))
}

fn values(path: &Utf8Path) -> Result<Vec<Avro>, LakeError> {
    let bytes = fs_err::read(path).map_err(|error| LakeError::unread(path, error))?;
    let reader = Reader::new(bytes.as_slice()).map_err(|error| LakeError::unread(path, error))?;
    reader.collect::<Result<_, _>>().map_err(|error| LakeError::unread(path, error))
}
