//! What `windrow bench window` is asked to do: plain data, checked before anything is touched.
//!
//! Uses nothing of the crate. Invariant: a value that passed [`WindowBench::validate`] needs no further check.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Failure, Result};

/// Smallest element. WHY: its first four bytes are the element's number, so that elements of a set differ.
const MIN_VALUE_BYTES: usize = 8;
/// Largest element: the longest member that a store can be told to take.
const MAX_VALUE_BYTES: usize = 1 << 20;
/// Longest lifetime. WHY: expiries are kept as u32 milliseconds after the start, which last 49 days.
const MAX_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);
/// Most collections of a run. WHY: five bytes of memory are kept for each.
const MAX_COLLECTIONS: u64 = 1 << 31;

/// Where the collections come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Random bytes that cannot be compressed, made again from the seed when they are checked.
    Generated {
        /// Sets in each window.
        collections: u64,
        /// Elements in each set.
        elements: u32,
        /// Bytes of each element.
        value_bytes: usize,
        /// Where the bytes come from.
        seed: u64,
    },
    /// Every regular file under a directory: a set of its numbered 4 KiB blocks.
    Tree(PathBuf),
}

/// Where the figures go as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonTo {
    /// Standard output; the table moves to standard error.
    Stdout,
    /// A file, replaced if it exists.
    File(PathBuf),
}

/// One run of `windrow bench window`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowBench {
    /// Directory of the store, missing or empty, kept afterwards; none: a temporary one that is removed.
    pub dir: Option<PathBuf>,
    /// How many windows are written.
    pub windows: u32,
    /// What is written.
    pub input: Input,
    /// Lifetime of a collection in real time; none: it dies when the second window after its own has been written.
    pub lifetime: Option<Duration>,
    /// Threads that write and check.
    pub threads: usize,
    /// After each window one living collection in so many is read back; the last check reads all.
    pub check_every: u32,
    /// Longest wait for the space after the last expiry.
    pub settle_wait: Duration,
    /// Where the figures go as JSON.
    pub json: Option<JsonTo>,
    /// File for the picture.
    pub svg: Option<PathBuf>,
}

impl WindowBench {
    pub(crate) fn validate(&self) -> Result<()> {
        let refuse = |line: &str| Err(Failure::usage(line));
        if self.windows == 0 || self.threads == 0 || self.check_every == 0 {
            return refuse("--windows, --threads and --check-every must be at least 1");
        }
        if self.threads > 256 {
            return refuse("--threads must be at most 256");
        }
        if self.lifetime.is_some_and(|lifetime| lifetime < Duration::from_millis(1) || lifetime > MAX_LIFETIME) {
            return refuse("--ttl must lie between 1 ms and 30 days");
        }
        if let Input::Generated { collections, elements, value_bytes, .. } = &self.input {
            if *collections == 0 || *elements == 0 {
                return refuse("--collections and --elements must be at least 1");
            }
            if !(MIN_VALUE_BYTES..=MAX_VALUE_BYTES).contains(value_bytes) {
                return refuse("--value-bytes must lie in 8..=1048576");
            }
            let all = collections.checked_mul(u64::from(self.windows));
            if all.is_none_or(|all| all > MAX_COLLECTIONS) {
                return refuse("--windows times --collections must not pass 2147483648");
            }
        }
        for path in [self.json_file(), self.svg.as_ref()].into_iter().flatten() {
            check_writable(path)?;
        }
        Ok(())
    }

    pub(crate) fn json_file(&self) -> Option<&PathBuf> {
        match &self.json {
            Some(JsonTo::File(path)) => Some(path),
            _ => None,
        }
    }
}

/// WHY: a run of minutes must not find out at its end that its figures have no place to go.
fn check_writable(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Err(Failure::at("cannot write", path, "it is a directory"));
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => return Ok(()),
    };
    if parent.is_dir() { Ok(()) } else { Err(Failure::at("cannot write", path, "its directory does not exist")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bench() -> WindowBench {
        WindowBench {
            dir: None,
            windows: 1,
            input: Input::Generated { collections: 1, elements: 1, value_bytes: 8, seed: 0 },
            lifetime: None,
            threads: 1,
            check_every: 1,
            settle_wait: Duration::ZERO,
            json: None,
            svg: None,
        }
    }

    #[test]
    fn the_smallest_run_is_valid() {
        bench().validate().unwrap();
    }

    #[test]
    fn every_number_out_of_range_is_refused_by_its_option() {
        let refused = |change: fn(&mut WindowBench)| {
            let mut asked = bench();
            change(&mut asked);
            asked.validate().unwrap_err().to_string()
        };
        let generated =
            |collections, elements, value_bytes| Input::Generated { collections, elements, value_bytes, seed: 0 };
        assert!(refused(|asked| asked.windows = 0).contains("--windows"));
        assert!(refused(|asked| asked.threads = 257).contains("--threads"));
        assert!(refused(|asked| asked.lifetime = Some(Duration::ZERO)).contains("--ttl"));
        for (input, option) in [
            (generated(0, 1, 8), "--collections"),
            (generated(1, 0, 8), "--elements"),
            (generated(1, 1, 7), "--value-bytes"),
            (generated(MAX_COLLECTIONS + 1, 1, 8), "--collections"),
        ] {
            let mut asked = bench();
            asked.input = input;
            assert!(asked.validate().unwrap_err().to_string().contains(option), "{asked:?}");
        }
    }

    #[test]
    fn figures_without_a_place_to_go_are_refused_before_the_run() {
        let mut asked = bench();
        asked.svg = Some(PathBuf::from("no-such-directory/picture.svg"));
        assert!(asked.validate().is_err());
        asked.svg = None;
        asked.json = Some(JsonTo::File(std::env::temp_dir()));
        assert!(asked.validate().is_err());
    }
}
