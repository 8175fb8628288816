//! What RocksDB wrote, as its own log tells: every file that a flush or a compaction made, by family.
//!
//! Uses `serde_json`. Invariant: it reads text files only, so it tells the same of any RocksDB, open or not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

/// How long nothing may have been made for a store to count as at rest, beside that no job is under way.
const REST: Duration = Duration::from_millis(500);

/// How long to wait for that at most.
const PATIENCE: Duration = Duration::from_secs(600);

/// What was made so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Made {
    /// Bytes of the files made, by the name of their family.
    pub(crate) bytes: BTreeMap<String, u64>,
    /// When the last flush or compaction ended, in microseconds since 1970.
    pub(crate) last_micros: u64,
    /// Flushes and compactions under way, by the numbers that RocksDB gives them.
    jobs: BTreeSet<u64>,
}

impl Made {
    /// Reads the logs of a directory.
    pub(crate) fn read(path: &Path) -> Self {
        let mut made = Self::default();
        for file in std::fs::read_dir(path).expect("the directory") {
            let file = file.expect("a file");
            if !file.file_name().to_string_lossy().starts_with("LOG") {
                continue;
            }
            let text = std::fs::read(file.path()).unwrap_or_default();
            String::from_utf8_lossy(&text).lines().for_each(|line| made.take(line));
        }
        made
    }

    fn take(&mut self, line: &str) {
        // A line that is being written is not whole yet; it is read at the next look.
        let event = line.split_once("EVENT_LOG_v1 ").and_then(|(_, event)| serde_json::from_str::<Value>(event).ok());
        let Some(event) = event else {
            return;
        };
        match event["event"].as_str() {
            Some("table_file_creation") => {
                let family = event["cf_name"].as_str().unwrap_or_default().to_owned();
                *self.bytes.entry(family).or_default() += event["file_size"].as_u64().unwrap_or(0);
            }
            Some("flush_started" | "compaction_started") => {
                self.jobs.extend(event["job"].as_u64());
            }
            Some("flush_finished" | "compaction_finished") => {
                self.jobs.retain(|job| Some(*job) != event["job"].as_u64());
                self.last_micros = self.last_micros.max(event["time_micros"].as_u64().unwrap_or(0));
            }
            _ => {}
        }
    }

    /// Waits until nothing is made any more.
    pub(crate) fn at_rest(path: &Path) -> Self {
        let mut made = Self::read(path);
        let begun = Instant::now();
        let mut since = begun;
        while since.elapsed() < REST || !made.jobs.is_empty() {
            assert!(begun.elapsed() < PATIENCE, "{:?} are under way", made.jobs);
            std::thread::sleep(REST / 20);
            let now = Self::read(path);
            if now != made {
                (made, since) = (now, Instant::now());
            }
        }
        made
    }

    /// The bytes of the files made in the data families.
    pub(crate) fn data_bytes(&self) -> u64 {
        self.bytes.iter().filter(|(family, _)| family.starts_with("data-")).map(|(_, bytes)| bytes).sum()
    }
}

/// Microseconds since 1970, on the clock that RocksDB's log uses.
pub(crate) fn now_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is right");
    u64::try_from(since.as_micros()).expect("before the year 500,000")
}
