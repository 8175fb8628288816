//! Small runs for the tests of this module's parts.
//!
//! Uses `run`. Invariant: nothing is printed, and everything is removed with the run.

use std::path::Path;
use std::time::Duration;

use super::config::{Input, WindowBench};
use super::progress::Progress;
use super::run::Run;

/// What a test asks for: one thread, a temporary directory, no files.
pub(crate) fn asked(windows: u32, input: Input) -> WindowBench {
    WindowBench {
        dir: None,
        windows,
        input,
        lifetime: None,
        threads: 1,
        check_every: 1,
        settle_wait: Duration::from_secs(30),
        json: None,
        svg: None,
    }
}

/// A run of sets of random members, with nothing written yet.
pub(crate) fn generated(windows: u32, collections: u64, elements: u32, value_bytes: usize) -> Run {
    let input = Input::Generated { collections, elements, value_bytes, seed: 1 };
    Run::prepare(asked(windows, input), Progress::silent()).unwrap()
}

/// A run of the files under a directory, with nothing written yet.
pub(crate) fn tree(windows: u32, root: &Path) -> Run {
    Run::prepare(asked(windows, Input::Tree(root.to_owned())), Progress::silent()).unwrap()
}
