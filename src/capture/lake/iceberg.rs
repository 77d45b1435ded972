//! Which files make an Iceberg table, by the table's own metadata: the newest version names a
//! snapshot, that a list of manifests, and each of these its files.

use apache_avro::Reader;
use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Committed, LakeError};
use crate::history::files::{Holds, Place};

/// The version of the table's format up to which deletes are rows of Parquet files.
const FORMAT_MAX: u32 = 2;
/// The status of a manifest's entry whose file is no part of the table any more.
const DELETED: i32 = 2;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Metadata {
    format_version: u32,
    current_snapshot_id: Option<i64>,
    #[serde(default)]
    snapshots: Vec<Snapshot>,
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
}

/// The files of the table in `folder`, a table of a `hadoop` catalog.
pub(super) fn snapshot(folder: &Utf8Path) -> Result<Vec<Committed>, LakeError> {
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
        for entry in avro::<Entry>(&local(&manifest.manifest_path))? {
            if entry.status != DELETED {
                files.push(committed(folder, &manifest, entry)?);
            }
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

fn committed(folder: &Utf8Path, manifest: &Manifest, entry: Entry) -> Result<Committed, LakeError> {
    let DataFile { content, file_path, file_format } = entry.data_file;
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
    let bytes = fs_err::read(path).map_err(|error| LakeError::unread(path, error))?;
    let reader = Reader::new(bytes.as_slice()).map_err(|error| LakeError::unread(path, error))?;
    let read = reader.map(|value| apache_avro::from_value::<T>(&value?));
    read.collect::<Result<_, apache_avro::Error>>().map_err(|error| LakeError::unread(path, error))
}
