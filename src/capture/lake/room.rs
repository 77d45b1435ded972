//! Where the files of a sink are: in a folder, or in object storage, which is read by its API alone.

use camino::{Utf8Path, Utf8PathBuf};

use super::LakeError;
#[cfg(feature = "lake")]
use crate::client::storage::Bucket;

/// Where the files of one sink are.
#[derive(Debug)]
pub enum Room {
    /// In a folder of this machine.
    Folder(Utf8PathBuf),
    /// In object storage.
    #[cfg(feature = "lake")]
    Objects(Objects),
}

/// The objects of one sink.
#[cfg(feature = "lake")]
#[derive(Debug)]
pub struct Objects {
    /// Those of the run.
    pub bucket: Bucket,
    /// The folder of the sink, below that of the run.
    pub folder: Utf8PathBuf,
    /// Its URL.
    pub url: String,
    /// The URL of the newest metadata of a table of Iceberg's, as its catalog has it.
    pub metadata: Option<String>,
}

impl Room {
    /// A file in it, for messages.
    pub(super) fn place(&self, name: &str) -> Utf8PathBuf {
        match self {
            Self::Folder(folder) => folder.join(name),
            #[cfg(feature = "lake")]
            Self::Objects(objects) => Utf8PathBuf::from(format!("{}/{name}", objects.url)),
        }
    }

    /// What a file holds.
    pub(super) async fn read(&self, name: &str) -> Result<Vec<u8>, LakeError> {
        let place = self.place(name);
        match self {
            Self::Folder(_) => fs_err::read(&place).map_err(|e| LakeError::unread(&place, e)),
            #[cfg(feature = "lake")]
            Self::Objects(Objects { bucket, folder, .. }) => {
                let read = bucket.read(folder.join(name).as_str()).await;
                read.map_err(|error| LakeError::unread(&place, error))
            }
        }
    }

    /// The names of all finished files: what is in progress, or waits for its checkpoint, has a hidden
    /// name in a folder, and is no object yet in object storage.
    pub(super) async fn names(&self) -> Result<Vec<String>, LakeError> {
        match self {
            Self::Folder(folder) => below(folder),
            #[cfg(feature = "lake")]
            Self::Objects(Objects { bucket, folder, url, .. }) => {
                let names = bucket.names(folder.as_str()).await;
                let mut names = names.map_err(|e| LakeError::unread(Utf8Path::new(url), e))?;
                names.retain(|name| !name.split('/').any(is_hidden));
                Ok(names)
            }
        }
    }

    /// The name of the newest metadata of a table of Iceberg's, if there is any yet.
    #[cfg(feature = "lake")]
    pub(super) fn newest(&self) -> Result<Option<String>, LakeError> {
        match self {
            Self::Folder(folder) => Ok(newest(folder)),
            Self::Objects(objects) => {
                objects.metadata.as_ref().map(|url| self.below(url)).transpose()
            }
        }
    }

    /// The name of a file by its URL.
    #[cfg(feature = "lake")]
    pub(super) fn below(&self, url: &str) -> Result<String, LakeError> {
        let name = match self {
            Self::Folder(folder) => {
                let path = local(url);
                path.strip_prefix(folder).ok().map(ToString::to_string)
            }
            Self::Objects(objects) => {
                let name = url.strip_prefix(&objects.url).and_then(|name| name.strip_prefix('/'));
                name.map(ToOwned::to_owned)
            }
        };
        let outside = || LakeError::unread(Utf8Path::new(url), "it is outside of the table");
        name.ok_or_else(outside)
    }
}

fn is_hidden(name: &str) -> bool {
    name.starts_with(['.', '_'])
}

/// The finished files of a folder and of those in it. Flink makes the folder with the first row.
fn below(folder: &Utf8Path) -> Result<Vec<String>, LakeError> {
    let unread = |error: std::io::Error| LakeError::unread(folder, error);
    let mut found = Vec::new();
    if !folder.exists() {
        return Ok(found);
    }
    let mut open = vec![folder.to_owned()];
    while let Some(within) = open.pop() {
        for entry in within.read_dir_utf8().map_err(unread)? {
            let entry = entry.map_err(unread)?;
            if is_hidden(entry.file_name()) {
                continue;
            }
            if entry.file_type().map_err(unread)?.is_dir() {
                open.push(entry.into_path());
                continue;
            }
            let name = entry.path().strip_prefix(folder);
            let name = name.map_err(|error| LakeError::unread(folder, error))?;
            found.push(name.to_string());
        }
    }
    Ok(found)
}

/// The file of the newest version in a folder, of those that were committed.
#[cfg(feature = "lake")]
fn newest(folder: &Utf8Path) -> Option<String> {
    let entries = folder.join("metadata").read_dir_utf8().ok()?;
    let versions = entries.flatten().filter_map(|entry| {
        let number = entry.file_name().strip_prefix('v')?.strip_suffix(".metadata.json")?;
        Some((number.parse::<u64>().ok()?, format!("metadata/{}", entry.file_name())))
    });
    versions.max().map(|(_, name)| name)
}

/// The path of a `file:` URL.
#[cfg(feature = "lake")]
fn local(url: &str) -> Utf8PathBuf {
    let path = url.strip_prefix("file:").unwrap_or(url);
    Utf8PathBuf::from(format!("/{}", path.trim_start_matches('/')))
}
