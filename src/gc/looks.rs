//! Looks into a file: which share of its entries is dead, estimated from a few of them.
//!
//! May use `store`. Invariants: a look reads a bounded number of entries, at places spread over the file's bytes; what it
//! finds is an estimate and decides only what is worth a compaction. What dies is decided by the filter alone.

use std::sync::Arc;

use crate::error::Result;
use crate::store::{Cursor, Database, Family, Scan};

/// Places looked at in a file. Each costs three seeks and a look into the index; 16 tell a half from three quarters.
const PLACES: usize = 16;
/// Seeks that may be spent on finding the places.
const MAX_SPLITS: usize = 48;
/// Entries read from each place on.
const ENTRIES_A_PLACE: u64 = 16;

/// What to look at.
pub(super) struct Look<'a> {
    pub(super) db: &'a Arc<Database>,
    pub(super) family: Family,
    /// First and last key.
    pub(super) keys: (&'a [u8], &'a [u8]),
    /// Takes what a range deletion hides for there still.
    pub(super) see_range_deleted: bool,
}

impl Look<'_> {
    /// Estimates the share of the data, from 0 to 1, that is dead, by places that have like amounts of data behind them.
    /// WHY not evenly spread keys: keys come in clusters, and most places would meet one or none.
    pub(super) fn dead_share(&self, judge: impl Fn(&[u8], &[u8]) -> Judged) -> Result<f64> {
        let (first, last) = self.keys;
        // WHY an end: a seek would run through whatever deletions hide behind the file.
        let mut scan = Scan::between(first, Some([last, &[0]].concat()));
        scan.bypass_cache = true;
        scan.see_range_deleted = self.see_range_deleted;
        let mut cursor = Cursor::open(self.db, self.family, scan, None);
        let Some((first, _)) = cursor.entry()?.filter(|(key, _)| *key <= last) else {
            return Ok(0.0);
        };
        let whole = self.region(first.to_vec(), last.to_vec());
        let (mut dead_bytes, mut bytes) = (0.0, 0.0);
        for region in self.split(&mut cursor, whole)? {
            let weight = approximate(region.bytes);
            dead_bytes += weight * region.dead_share(&mut cursor, &judge)?;
            bytes += weight;
        }
        Ok(dead_bytes / bytes)
    }

    fn region(&self, first: Vec<u8>, last: Vec<u8>) -> Region {
        let bytes = self.db.approximate_bytes_between(self.family, &first, &last).max(1);
        Region { first, last, bytes }
    }

    /// Splits the largest region again and again; a region that cannot be split stays as it is.
    fn split(&self, cursor: &mut Cursor, whole: Region) -> Result<Vec<Region>> {
        let (mut regions, mut whole_ones) = (vec![whole], Vec::new());
        for _ in 0..MAX_SPLITS {
            let largest = regions.iter().enumerate().max_by_key(|(_, region)| region.bytes).map(|(place, _)| place);
            let Some(largest) = largest.filter(|_| regions.len() + whole_ones.len() < PLACES) else { break };
            let region = regions.swap_remove(largest);
            let Some(middle) = middle(&region.first, &region.last) else {
                whole_ones.push(region);
                continue;
            };
            cursor.seek(&middle);
            let Some(right) = cursor.entry()?.map(|(key, _)| key.to_vec()).filter(|key| *key <= region.last) else {
                // Nothing lies behind the middle.
                regions.push(Region { last: middle, ..region });
                continue;
            };
            cursor.retreat();
            let left = cursor.entry()?.map(|(key, _)| key.to_vec()).unwrap_or_else(|| region.first.clone());
            regions.push(self.region(region.first, left));
            regions.push(self.region(right, region.last));
        }
        regions.append(&mut whole_ones);
        Ok(regions)
    }
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Judged {
    pub(super) is_dead: bool,
    /// What dies with it: its collection's counter.
    pub(super) together_with: Option<u64>,
}

/// Some keys of a file, and the bytes around them.
#[derive(Clone, Debug)]
struct Region {
    first: Vec<u8>,
    last: Vec<u8>,
    bytes: u64,
}

impl Region {
    /// The share of the entries, or that of the collections if it is larger. WHY: of a queue that was emptied item by item
    /// only the last one shows, as deletions hide the others; and they fill the file all the same.
    fn dead_share(&self, cursor: &mut Cursor, judge: impl Fn(&[u8], &[u8]) -> Judged) -> Result<f64> {
        cursor.seek(&self.first);
        let (mut entries, mut collections) = (Share::default(), Share::default());
        let mut before = None;
        while entries.all < ENTRIES_A_PLACE
            && let Some((key, value)) = cursor.entry()?.filter(|(key, _)| *key <= self.last.as_slice())
        {
            let judged = judge(key, value);
            entries.count(judged.is_dead);
            if judged.together_with.is_none() || judged.together_with != before {
                collections.count(judged.is_dead);
            }
            before = judged.together_with;
            cursor.advance();
        }
        Ok(entries.get().max(collections.get()))
    }
}

/// So many of all.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    dead: u64,
    all: u64,
}

impl Share {
    fn count(&mut self, is_dead: bool) {
        self.dead += u64::from(is_dead);
        self.all += 1;
    }

    fn get(self) -> f64 {
        approximate(self.dead) / approximate(self.all.max(1))
    }
}

/// Finds a key above `first` and not above `last`, about half-way; none if there may be none.
fn middle(first: &[u8], last: &[u8]) -> Option<Vec<u8>> {
    let common = first.iter().zip(last).take_while(|(a, b)| a == b).count();
    let behind = |key: &[u8]| {
        let mut bytes = [0; 8];
        bytes.iter_mut().zip(key.iter().skip(common)).for_each(|(to, from)| *to = *from);
        u64::from_be_bytes(bytes)
    };
    let half_way = behind(first) + behind(last).saturating_sub(behind(first)).div_ceil(2);
    let mut middle: Vec<u8> = first.iter().take(common).copied().collect();
    middle.extend_from_slice(&half_way.to_be_bytes());
    (first < middle.as_slice() && middle.as_slice() <= last).then_some(middle)
}

/// Takes `share` of `count`.
pub(super) fn share_of(count: u64, share: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an estimate; `as` saturates")]
    let taken = (approximate(count) * share) as u64;
    taken
}

/// Converts for an estimate.
pub(super) fn approximate(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let approximate = count as f64;
    approximate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_lies_behind_the_first_key_and_not_behind_the_last() {
        let pairs: [(&[u8], &[u8]); 6] = [
            (b"user:0001", b"user:9999"),
            (b"a", b"b"),
            (b"", b"\xff"),
            (b"a long key and another", b"a long key and one more"),
            (b"\x01", b"\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00"),
            (b"aaaaaaaab", b"aaaaaaabb"),
        ];
        for (first, last) in pairs {
            let middle = middle(first, last);
            assert!(middle.is_none_or(|middle| first < middle.as_slice() && middle.as_slice() <= last), "{last:?}");
        }
        assert!(middle(b"user:0", b"user:8").is_some_and(|middle| middle.starts_with(b"user:4")));
        assert_eq!(middle(b"same", b"same"), None);
    }
}
