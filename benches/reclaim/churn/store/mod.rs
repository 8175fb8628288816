//! What a mix runs on: windrow, or one of those that it is measured against.
//!
//! Uses the strategies' names. Invariant: all of them hold the same keys and values, and give space back in threads of
//! their own beside the load.

mod published;
mod reclaiming;
mod windrow;

use std::path::Path;
use std::time::Duration;

use ::windrow::Options;
use rocksdb::DB;

use super::model::Model;
use super::time::MixClock;
use crate::strategy::{Ids, Io, Strategy};
use reclaiming::Way;

/// What a key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A string: SET with its expiry.
    String,
    /// A hash of four fields that is made anew: DEL, then HSET with the expiry of its birth.
    Hash,
    /// A hash of four fields that is written over, as many clients do it: HSET, then EXPIRE.
    HashInPlace,
}

impl Shape {
    pub(crate) const ALL: [Self; 3] = [Self::String, Self::Hash, Self::HashInPlace];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Hash => "hash",
            Self::HashInPlace => "hash-in-place",
        }
    }
}

/// The fields of a hash.
const FIELDS: [&str; 4] = ["a", "b", "c", "d"];

/// Cuts a value into what the four fields hold.
fn fields_of(value: &[u8]) -> impl Iterator<Item = (&'static str, &[u8])> {
    FIELDS.into_iter().zip(value.chunks(value.len().div_ceil(FIELDS.len())))
}

/// A reading of what a store does by itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) io: Io,
    /// What windrow says of itself; nothing where the store is bare.
    pub(crate) debt_bytes: u64,
    pub(crate) waiting_bytes: u64,
    pub(crate) other_compaction: (u64, u64),
    pub(crate) data_file_bytes: u64,
    pub(crate) other_file_bytes: u64,
    pub(crate) files_dropped: u64,
    pub(crate) bytes_dropped: u64,
    pub(crate) keys_reaped: u64,
    pub(crate) compactions: u64,
}

/// SST files of one family on one level.
#[derive(Clone, Debug, Default)]
pub(crate) struct FamilyFiles {
    pub(crate) family: String,
    pub(crate) level: i32,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) entries: u64,
}

/// What was found in the closed store.
#[derive(Clone, Debug, Default)]
pub(crate) struct Closed {
    pub(crate) faults: Vec<String>,
    /// Elements under dead ids that still lie in files.
    pub(crate) dead_elements: u64,
    pub(crate) families: Vec<FamilyFiles>,
}

/// A store under a mix.
pub(crate) trait Churned: Sync {
    /// Sets a key whole, with its lifetime.
    fn set(&self, key: &[u8], value: &[u8], life: Duration);

    /// Reads a key whole into `value`; returns whether it exists.
    fn get(&self, key: &[u8], value: &mut Vec<u8>) -> bool;

    fn figures(&self) -> Figures;

    /// Asks for all the space that can be had now, where somebody can be asked.
    fn settle(&self, limit: Duration) -> bool;

    /// Closes the store and looks at what it left.
    fn close(self: Box<Self>, model: &Model) -> Closed;
}

/// Makes a new store in an empty directory; none where the strategy is not written for a mix.
pub(crate) fn open(
    strategy: Strategy,
    ids: Ids,
    shape: Shape,
    directory: &Path,
    options: &Options,
    clock: &MixClock,
) -> Option<Box<dyn Churned>> {
    let way = match strategy {
        Strategy::Windrow => return Some(Box::new(windrow::Windrow::open(directory, options, shape, clock))),
        Strategy::ScanSlots => Way::ScanSlots,
        Strategy::DropCompact => Way::DropCompact,
        Strategy::FilterLookup => Way::filter_lookup(),
        Strategy::WindrowSettle | Strategy::ScanOne | Strategy::RangeEach | Strategy::Unlink => return None,
    };
    Some(Box::new(published::Published::open(directory, options, ids, shape, way, clock)))
}

fn files_by_family(db: &DB) -> Vec<FamilyFiles> {
    let mut families: Vec<FamilyFiles> = Vec::new();
    for file in db.live_files().expect("the list of files") {
        let (family, level) = (file.column_family_name, file.level);
        let known = families.iter().position(|known| known.family == family && known.level == level);
        let place = known.unwrap_or_else(|| {
            families.push(FamilyFiles { family, level, ..FamilyFiles::default() });
            families.len() - 1
        });
        families[place].files += 1;
        families[place].bytes += file.size as u64;
        families[place].entries += file.num_entries;
    }
    families.sort_by(|a, b| (&a.family, a.level).cmp(&(&b.family, b.level)));
    families
}
