//! Dead meta records that an earlier session left: found again by looks into the files.
//!
//! Uses looks and reaches. Invariant: what they find only says where a compaction is worth its while; what dies is decided by the
//! filter alone.

use std::collections::VecDeque;

use super::expired::ExpiredPass;
use super::looks::{Judged, Look, share_of};
use super::meta::Target;
use super::reach::Reaches;
use super::tombstones::Worth;
use crate::encoding::{Meta, UnixMillis};
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::store::{Family, SstFile};

/// Files looked into in one pass. More: sooner done after an opening. Fewer: less to read at once.
const FILES_A_PASS: usize = 4;

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
    worth: Vec<(u64, Target)>,
}

impl LeftOver {
    /// Looks into some more files; returns whether there are still more. `everywhere` takes those in L0 for worth a compaction, too.
    pub(super) fn look(&mut self, pass: &ExpiredPass<'_>, worth: Worth, everywhere: bool) -> Result<bool> {
        if self.unseen.is_none() {
            self.through = pass.picture.meta_dead_through;
        }
        let listed = || pass.files.iter().filter(|file| file.family == Family::Meta).cloned().collect();
        let unseen = self.unseen.get_or_insert_with(listed);
        for _ in 0..FILES_A_PASS.min(unseen.len()) {
            let Some(file) = unseen.pop_front() else { break };
            let keys = (file.smallest.as_slice(), file.largest.as_slice());
            let look = Look { db: pass.db, family: Family::Meta, keys, see_range_deleted: false };
            let share = look
                .dead_share(|_, record| Judged { is_dead: has_expired(record, self.through), together_with: None })?;
            let estimate = share_of(file.entries, share);
            self.dead += estimate;
            // WHY not in L0: files there span nearly all keys, so compacting one would compact everything.
            if (file.level > 0 || everywhere) && estimate > 0 && worth.is_share_reached(estimate, file.entries) {
                self.worth.push((estimate, Target::of(&file)));
            }
        }
        Ok(!unseen.is_empty())
    }

    /// Estimates the dead records that were found and are not being given back.
    pub(super) fn dead(&self) -> u64 {
        self.dead
    }

    /// Hands out the files that are worth a compaction with all that it takes along, if they hold enough dead records together. The
    /// others stay until RocksDB has moved down what lies above them.
    pub(super) fn take_worth(&mut self, pass: &ExpiredPass<'_>, worth: Worth) -> Vec<Target> {
        let reaches = Reaches::new(pass.db, Family::Meta, pass.files);
        let pays = |(dead, target): &(u64, Target)| {
            // What is gone is passed over later.
            reaches.of_file(&target.name).is_none_or(|reach| {
                let entries = reach.files().map(|file| file.entries).sum();
                worth.is_share_reached(*dead, entries)
            })
        };
        let (worth_it, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.worth).into_iter().partition(pays);
        let dead: u64 = worth_it.iter().map(|(dead, _)| dead).sum();
        if dead < worth.entries() {
            self.worth = [worth_it, others].concat();
            return Vec::new();
        }
        self.worth = others;
        failpoint!("left_over::taken");
        self.dead = self.dead.saturating_sub(dead);
        worth_it.into_iter().map(|(_, file)| file).collect()
    }

    /// Forgets what was found: everything is about to be compacted.
    pub(super) fn clear(&mut self) {
        self.dead = 0;
        self.worth.clear();
        self.unseen = Some(VecDeque::new());
    }
}

fn has_expired(record: &[u8], through: UnixMillis) -> bool {
    let expires_at = Meta::peek(record).ok().and_then(|head| head.expires_at);
    expires_at.is_some_and(|expires_at| expires_at <= through)
}
