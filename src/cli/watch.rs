//! Waits until files that a command has read change.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};

/// An editor writes a file in several steps; what follows within this time belongs to the same change.
const SETTLED: Duration = Duration::from_millis(100);

/// Folders that are watched for changes of the files that scenarios are made of.
pub(super) struct Watch {
    watcher: RecommendedWatcher,
    events: Receiver<notify::Result<Event>>,
    folders: BTreeSet<Utf8PathBuf>,
}

impl Watch {
    pub(super) fn new() -> notify::Result<Self> {
        let (sender, events) = channel();
        let watcher = notify::recommended_watcher(sender)?;
        Ok(Self { watcher, events, folders: BTreeSet::new() })
    }

    /// Watches the folders of these files too, and what is below `roots`.
    pub(super) fn also<'a>(
        &mut self,
        roots: impl IntoIterator<Item = &'a Utf8Path>,
        files: impl IntoIterator<Item = &'a Utf8Path>,
    ) -> notify::Result<()> {
        for root in roots.into_iter().filter(|root| root.is_dir()) {
            self.folder(root, RecursiveMode::Recursive)?;
        }
        for file in files {
            let folder = file.parent().filter(|folder| !folder.as_str().is_empty());
            self.folder(folder.unwrap_or(Utf8Path::new(".")), RecursiveMode::NonRecursive)?;
        }
        Ok(())
    }

    fn folder(&mut self, folder: &Utf8Path, mode: RecursiveMode) -> notify::Result<()> {
        if folder.is_dir() && self.folders.insert(folder.to_owned()) {
            self.watcher.watch(folder.as_std_path(), mode)?;
        }
        Ok(())
    }

    /// Waits for a change; `false` if none can come any more.
    pub(super) fn changed(&self) -> bool {
        loop {
            match self.events.recv() {
                Err(_) => return false,
                Ok(event) if is_change(&event) => break,
                Ok(_) => {}
            }
        }
        while self.events.recv_timeout(SETTLED).is_ok() {}
        true
    }
}

/// Whether a file of the kinds that are read was written, made or removed.
fn is_change(event: &notify::Result<Event>) -> bool {
    let Ok(event) = event else { return true };
    let is_read = |path: &std::path::PathBuf| {
        let kind = path.extension().and_then(|kind| kind.to_str());
        kind.is_some_and(|kind| ["yaml", "sql", "json"].contains(&kind))
    };
    let is_written = event.kind.is_modify() || event.kind.is_create() || event.kind.is_remove();
    is_written && event.paths.iter().any(is_read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_written_is_noticed_and_another_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap();
        let mut watch = Watch::new().unwrap();
        watch.also([root], []).unwrap();
        fs_err::write(root.join("notes.txt"), "x").unwrap();
        fs_err::write(root.join("a.yaml"), "x").unwrap();
        assert!(watch.changed());
        fs_err::write(root.join("notes.txt"), "y").unwrap();
        let others = std::iter::from_fn(|| watch.events.recv_timeout(SETTLED).ok());
        assert_eq!(others.filter(is_change).count(), 0);
    }
}
