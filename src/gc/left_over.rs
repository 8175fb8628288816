//! Dead meta records that an earlier session left: found again by looks into the files.
//!
//! May use `store`. Invariants: a look reads a bounded number of records, spread over a file's keys; what it finds is
//! an estimate, and only says where a compaction is worth its while. What dies is decided by the filter alone.

use std::collections::VecDeque;
use std::sync::Arc;

use super::expired::ExpiredPass;
use crate::encoding::{Meta, UnixMillis};
use crate::error::Result;
use crate::store::{Cursor, Database, Family, Scan, SstFile};

/// Files looked into in one pass. More: sooner done after an opening. Fewer: less to read at once.
const FILES_A_PASS: usize = 4;
/// Places looked at in a file. Each costs three seeks and a look into the index; 16 tell a half from three quarters.
const PLACES: usize = 16;
/// Seeks that may be spent on finding the places.
const MAX_SPLITS: usize = 48;
/// Records read from each place on.
const RECORDS_A_PLACE: u64 = 16;

/// First and last key of a file.
pub(super) type Keys = (Vec<u8>, Vec<u8>);

/// The meta files of the last session, and what looks into them found.
#[derive(Debug, Default)]
pub(super) struct LeftOver {
    /// Files that wait for their look; none until the first pass lists them.
    unseen: Option<VecDeque<SstFile>>,
    /// What expired at or before this was reaped by the session that is gone.
    through: UnixMillis,
    /// Estimate of the dead records in the files that were looked into.
    dead: u64,
    /// Files whose dead share passes the limit, with the estimate of their dead.
    worth: Vec<(u64, Keys)>,
}

impl LeftOver {
    /// Looks into some more files; returns whether there are still more.
    pub(super) fn look(&mut self, pass: &ExpiredPass<'_>, dead_percent: u8) -> Result<bool> {
        if self.unseen.is_none() {
            self.through = pass.picture.meta_dead_through;
        }
        let listed = || pass.files.iter().filter(|file| file.family == Family::Meta).cloned().collect();
        let unseen = self.unseen.get_or_insert_with(listed);
        for _ in 0..FILES_A_PASS.min(unseen.len()) {
            let Some(file) = unseen.pop_front() else { break };
            let share = dead_share(pass.db, &file, self.through)?;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share lies in 0..=1")]
            let estimate = (approximate(file.entries) * share) as u64;
            self.dead += estimate;
            // WHY not in L0: files there span nearly all keys, so compacting one would compact everything.
            if (file.level > 0 || pass.eager) && estimate > 0 && share * 100.0 >= f64::from(dead_percent) {
                self.worth.push((estimate, (file.smallest, file.largest)));
            }
        }
        Ok(!unseen.is_empty())
    }

    /// Estimates the dead records that were found and are not being given back.
    pub(super) fn dead(&self) -> u64 {
        self.dead
    }

    /// Hands out the files that are worth a compaction, if they hold so many dead records together.
    pub(super) fn take_worth(&mut self, at_least: u64) -> Vec<Keys> {
        let dead: u64 = self.worth.iter().map(|(dead, _)| dead).sum();
        if dead < at_least {
            return Vec::new();
        }
        self.dead = self.dead.saturating_sub(dead);
        std::mem::take(&mut self.worth).into_iter().map(|(_, keys)| keys).collect()
    }

    /// Forgets what was found: everything is about to be compacted.
    pub(super) fn clear(&mut self) {
        self.dead = 0;
        self.worth.clear();
        self.unseen = Some(VecDeque::new());
    }
}

/// Some keys of a file, and the bytes around them.
#[derive(Clone, Debug)]
struct Region {
    first: Vec<u8>,
    last: Vec<u8>,
    bytes: u64,
}

impl Region {
    fn new(db: &Database, first: Vec<u8>, last: Vec<u8>) -> Self {
        let bytes = db.approximate_bytes_between(Family::Meta, &first, &last).max(1);
        Self { first, last, bytes }
    }
}

/// Estimates which share of a file's records expired at or before `through`, from records read at places that have like
/// amounts of data behind them. WHY not at evenly spread keys: keys come in clusters, and most places would meet one.
fn dead_share(db: &Arc<Database>, file: &SstFile, through: UnixMillis) -> Result<f64> {
    let mut scan = Scan::between(file.smallest.clone(), None);
    scan.bypass_cache = true;
    let mut cursor = Cursor::open(db, Family::Meta, scan, None);
    let Some((first, _)) = cursor.entry()?.filter(|(key, _)| *key <= file.largest.as_slice()) else {
        return Ok(0.0);
    };
    let whole = Region::new(db, first.to_vec(), file.largest.clone());
    let (mut dead_bytes, mut bytes) = (0.0, 0.0);
    for region in split(db, &mut cursor, whole)? {
        let weight = approximate(region.bytes);
        dead_bytes += weight * dead_share_of_region(&mut cursor, &region, through)?;
        bytes += weight;
    }
    Ok(dead_bytes / bytes)
}

/// Splits the largest region again and again; a region that cannot be split stays as it is.
fn split(db: &Database, cursor: &mut Cursor, whole: Region) -> Result<Vec<Region>> {
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
        regions.push(Region::new(db, region.first, left));
        regions.push(Region::new(db, right, region.last));
    }
    regions.append(&mut whole_ones);
    Ok(regions)
}

fn dead_share_of_region(cursor: &mut Cursor, region: &Region, through: UnixMillis) -> Result<f64> {
    cursor.seek(&region.first);
    let (mut dead, mut looked) = (0, 0);
    while looked < RECORDS_A_PLACE
        && let Some((_, value)) = cursor.entry()?.filter(|(key, _)| *key <= region.last.as_slice())
    {
        let expires_at = Meta::peek(value).ok().and_then(|head| head.expires_at);
        dead += u64::from(expires_at.is_some_and(|expires_at| expires_at <= through));
        looked += 1;
        cursor.advance();
    }
    Ok(approximate(dead) / approximate(looked.max(1)))
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

fn approximate(count: u64) -> f64 {
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
