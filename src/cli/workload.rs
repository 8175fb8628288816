//! What a run writes, and must find again.
//!
//! Uses nothing of the crate. Invariant: asked twice, a workload gives the same members in the same order, the
//! order of their bytes; so nothing of what was written is kept in memory.

use std::io;
use std::ops::Range;

use super::config::{Input, WindowBench};
use super::generated::Generated;
use super::progress::Progress;
use super::tree::Tree;
use super::{Failure, Result};

/// The members of a collection, in the order of their bytes.
pub(crate) type Members<'a> = Box<dyn Iterator<Item = io::Result<Vec<u8>>> + 'a>;

/// Collections in windows; each has a number, and a window is a range of them.
pub(crate) trait Workload: Send + Sync {
    /// Returns the numbers of a window's collections.
    fn window(&self, window: u32) -> Range<usize>;

    /// Returns the number of collections in all windows.
    fn collections(&self) -> usize;

    /// Returns the user key of a collection.
    fn key(&self, index: usize) -> Vec<u8>;

    /// Opens the members of a collection; fails when its source cannot be read.
    fn members(&self, index: usize) -> io::Result<Members<'_>>;

    /// Tells whether the source of a collection is no longer what it was.
    fn has_changed(&self, index: usize) -> bool;

    /// Returns a few words for the title of the picture.
    fn describe(&self) -> String;
}

/// Makes the workload that a run asks for.
pub(crate) fn workload_of(asked: &WindowBench, progress: &Progress) -> Result<Box<dyn Workload>> {
    Ok(match &asked.input {
        Input::Generated { collections, elements, value_bytes, seed } => {
            let collections =
                usize::try_from(*collections).map_err(|_| Failure::usage("--collections is too large here"))?;
            Box::new(Generated::new(asked.windows, collections, *elements, *value_bytes, *seed))
        }
        Input::Tree(root) => {
            progress.line(&format!("listing the files under {}", root.display()));
            Box::new(Tree::list(root, asked.windows, progress)?)
        }
    })
}
