//! Where a checkpoint holds the sources: the offsets in its own files.
//!
//! A source that was restored past its last record shows no offset in its metrics, and those of the
//! attempt before may still be shown; what a completed checkpoint holds leaves neither doubt. A
//! source reader's state is one split after the other, each the topic (two bytes of length, UTF-8),
//! the partition (4 bytes), the next offset (8 bytes) and the offset to stop at, which is the least
//! number there is where the source is unbounded. The enumerator's state holds every split once more,
//! as it was assigned: with a negative offset, which stands for the beginning. So there are as many
//! negative ones as sources as soon as every reader has read something.

use std::path::PathBuf;

/// The next offset of a partition in these files, the least where several sources read it; `None`
/// while one of them has read nothing.
pub fn next_offset(files: &[Vec<u8>], topic: &str, partition: i32) -> Option<i64> {
    let found = files.iter().flat_map(|bytes| offsets(bytes, topic, partition));
    let (read, assigned): (Vec<i64>, Vec<i64>) = found.partition(|offset| *offset >= 0);
    let all_read = read.len() >= assigned.len();
    read.into_iter().min().filter(|_| all_read)
}

/// Every offset that stands behind the partition.
fn offsets(bytes: &[u8], topic: &str, partition: i32) -> Vec<i64> {
    let Ok(length) = u16::try_from(topic.len()) else { return Vec::new() };
    let mut wanted = length.to_be_bytes().to_vec();
    wanted.extend(topic.as_bytes());
    wanted.extend(partition.to_be_bytes());
    let unbounded = i64::MIN.to_be_bytes();
    let offset = |split: &[u8]| {
        let (name, rest) = split.split_at_checked(wanted.len())?;
        let (next, stop) = rest.split_at_checked(8)?;
        let is_ours = name == wanted && stop == unbounded;
        is_ours.then(|| next.try_into().ok().map(i64::from_be_bytes)).flatten()
    };
    bytes.windows(wanted.len() + 16).filter_map(offset).collect()
}

/// The folder that a URI names, if it is one of this machine.
fn local(uri: &str) -> Option<PathBuf> {
    let path = uri.strip_prefix("file:")?;
    Some(PathBuf::from(path.strip_prefix("//").unwrap_or(path)))
}

/// The checkpoint of a job that completed last, as a URI; `folder` is that of all of them.
pub fn last_checkpoint(folder: &str) -> Option<String> {
    let mut last = None;
    for entry in fs_err::read_dir(local(folder)?).ok()? {
        let entry = entry.ok()?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let id = name.strip_prefix("chk-").and_then(|id| id.parse::<u64>().ok());
        // The last thing that is written.
        if id.is_some() && entry.path().join("_metadata").is_file() {
            last = last.max(id);
        }
    }
    last.map(|id| format!("{folder}/chk-{id}"))
}

/// Everything a checkpoint wrote, file by file; `None` if it is not there (any more).
pub fn files(uri: &str) -> Option<Vec<Vec<u8>>> {
    let folder = local(uri)?;
    let entries = fs_err::read_dir(folder).ok()?;
    let mut files = Vec::new();
    for entry in entries {
        files.push(fs_err::read(entry.ok()?.path()).ok()?);
    }
    Some(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(topic: &str, partition: i32, next: i64, stop: i64) -> Vec<u8> {
        let mut bytes = u16::try_from(topic.len()).unwrap().to_be_bytes().to_vec();
        bytes.extend(topic.as_bytes());
        bytes.extend(partition.to_be_bytes());
        bytes.extend(next.to_be_bytes());
        bytes.extend(stop.to_be_bytes());
        bytes
    }

    #[test]
    fn the_least_next_offset_counts_once_every_source_has_read() {
        let mut reader = vec![7; 20];
        reader.extend(split("cdc.a", 0, 12, i64::MIN));
        reader.extend(split("cdc.a", 0, 9, i64::MIN));
        reader.extend(split("cdc.a", 1, 3, i64::MIN));
        reader.extend(split("cdc.a", 2, 0, 0));
        let assigned = |n: i32| split("cdc.a", n, -2, i64::MIN);
        let files = [reader, [assigned(0), assigned(0), assigned(1)].concat()];
        assert_eq!(next_offset(&files, "cdc.a", 0), Some(9));
        assert_eq!(next_offset(&files, "cdc.a", 1), Some(3));
        assert_eq!(next_offset(&files, "cdc.a", 2), None);
        assert_eq!(next_offset(&files, "cdc.ab", 0), None);
        let behind = [files.concat(), assigned(1)];
        assert_eq!(next_offset(&behind, "cdc.a", 1), None);
    }
}
