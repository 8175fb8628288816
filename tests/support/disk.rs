//! Copies of a store's directory: what a crash at that moment leaves.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// Copies the files of a store that is open and may be working. A copy during which files came, went or grew is
/// taken again, so that it is the picture of one moment.
pub(crate) fn copy_store(from: &Path, to: &Path) {
    for _ in 0..500 {
        let _ = fs::remove_dir_all(to);
        fs::create_dir_all(to).unwrap();
        let before = sizes(from);
        let whole = before.iter().all(|(name, size)| match size {
            Some(_) => fs::copy(from.join(name), to.join(name)).is_ok(),
            None => fs::create_dir(to.join(name)).is_ok(),
        });
        if whole && sizes(from) == before {
            return;
        }
        thread::sleep(Duration::from_millis(2));
    }
    panic!("the store's directory does not stand still");
}

/// The names and sizes of the files of a directory, RocksDB's own log of events left out, and of the directories in it, which
/// have none.
fn sizes(of: &Path) -> BTreeMap<PathBuf, Option<u64>> {
    let mut sizes = BTreeMap::new();
    let mut directories = vec![PathBuf::new()];
    while let Some(directory) = directories.pop() {
        // It may be gone by now; the next look tells.
        for entry in fs::read_dir(of.join(&directory)).into_iter().flatten().flatten() {
            let name = directory.join(entry.file_name());
            let is_event_log = name.to_string_lossy().starts_with("LOG");
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                directories.push(name.clone());
                sizes.insert(name, None);
            } else if !is_event_log {
                sizes.insert(name, Some(metadata.len()));
            }
        }
    }
    sizes
}
