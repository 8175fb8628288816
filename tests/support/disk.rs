//! Copies of a store's directory: what a crash at that moment leaves.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// Copies the files of a store that is open and may be working. A copy during which files came, went or grew is
/// taken again, so that it is the picture of one moment.
pub(crate) fn copy_store(from: &Path, to: &Path) {
    for _ in 0..500 {
        let _ = fs::remove_dir_all(to);
        fs::create_dir_all(to).unwrap();
        let before = sizes(from);
        let whole = before.keys().all(|name| fs::copy(from.join(name), to.join(name)).is_ok());
        if whole && sizes(from) == before {
            return;
        }
        thread::sleep(Duration::from_millis(2));
    }
    panic!("the store's directory does not stand still");
}

/// The names and sizes of the files of a directory, RocksDB's own log of events left out.
fn sizes(of: &Path) -> BTreeMap<OsString, u64> {
    let mut sizes = BTreeMap::new();
    for entry in fs::read_dir(of).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        let is_event_log = name.to_string_lossy().starts_with("LOG");
        if !is_event_log && let Ok(metadata) = entry.metadata() {
            sizes.insert(name, metadata.len());
        }
    }
    sizes
}
