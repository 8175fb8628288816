//! Reclaiming in the expire and meta families: past times and dead meta records.
//!
//! May use `store` and the picture. Invariant: whole files go only from the expire family, and only below
//! the reaper's durable position; meta records go by filter alone.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::left_over::{Keys, LeftOver};
use super::pacing::{Pacer, Turn};
use super::reclaimer::PassOutcome;
use super::stats::ReclaimCounters;
use super::watermark::Picture;
use crate::encoding::{KeyRange, UnixMillis};
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::store::{Database, Family, SstFile};

/// Passes in which a dead file may stay in L0 before it is compacted.
const PATIENCE_PASSES: u32 = 50;
/// Meta files are left alone while fewer records than this are dead. WHY: small stores are cheap as they are.
const WORTH_COMPACTING_RECORDS: u64 = 100_000;

/// How far the oldest pin may stand behind the reaper without being called an old view.
const VIEW_LAG: Duration = Duration::from_secs(1);

/// What a pass works on.
pub(super) struct ExpiredPass<'a> {
    pub(super) db: &'a Arc<Database>,
    pub(super) picture: &'a Picture,
    pub(super) files: &'a [SstFile],
    pub(super) eager: bool,
}

/// What the last passes saw.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Passes in which dead files of the expire family stayed where they cannot be dropped.
    stuck_passes: u32,
    /// The reaper's position when the expire family was last flushed.
    flushed_at: UnixMillis,
    /// Keys reaped when the meta family was last compacted.
    reaped_at_compaction: u64,
    /// The part of the picture that the last meta compaction could use.
    compacted_through: UnixMillis,
    /// Meta files that are still to be compacted, one in each pass.
    to_compact: VecDeque<Keys>,
    /// What an earlier session reaped and did not give back.
    left_over: LeftOver,
}

impl Memory {
    /// Gives back past times and, when enough records are dead, compacts the meta family file by file.
    pub(super) fn pass(
        &mut self,
        pass: &ExpiredPass<'_>,
        pacer: &Pacer,
        counters: &ReclaimCounters,
        dead_percent: u8,
    ) -> Result<PassOutcome> {
        let expire = self.expire(pass, pacer, counters)?;
        if !self.to_compact.is_empty() {
            return Ok(expire.and(self.compact_meta(pass, pacer, counters)));
        }
        let meta = self.meta(pass, counters, dead_percent)?;
        Ok(expire.and(meta))
    }

    fn expire(&mut self, pass: &ExpiredPass<'_>, pacer: &Pacer, counters: &ReclaimCounters) -> Result<PassOutcome> {
        let through = pass.picture.reaped_through;
        let past = KeyRange::expired_through(through);
        let dead: Vec<&SstFile> =
            files_of(pass.files, Family::Expire).filter(|file| past.contains(&file.largest)).collect();
        let droppable: Vec<_> = dead.iter().filter(|file| file.level > 0).collect();
        let mut outcome = PassOutcome::default();
        if !droppable.is_empty() {
            failpoint!("expired::before_drop");
            pass.db.drop_files(Family::Expire, &past)?;
            failpoint!("expired::after_drop");
            // WHY a second look: RocksDB leaves files that it is compacting where they are.
            let left = pass.db.live_files()?;
            let gone: Vec<_> =
                droppable.iter().filter(|file| left.iter().all(|other| other.name != file.name)).collect();
            ReclaimCounters::add(&counters.files_dropped, u64::try_from(gone.len()).unwrap_or(0));
            ReclaimCounters::add(&counters.bytes_dropped, gone.iter().map(|file| file.size_bytes).sum());
            outcome = PassOutcome { acted: !gone.is_empty(), pending: true };
        }
        let stuck = dead.len() > droppable.len();
        self.stuck_passes = if stuck { self.stuck_passes.saturating_add(1) } else { 0 };
        let is_due = stuck && (pass.eager || self.stuck_passes > PATIENCE_PASSES);
        if is_due && pacer.offers(Turn::EXPIRE, pass.eager) {
            let _step = pacer.begin(Turn::EXPIRE);
            failpoint!("expired::before_compact");
            pass.db.compact(Family::Expire, &past);
            failpoint!("expired::after_compact");
            ReclaimCounters::add(&counters.compactions, 1);
            self.stuck_passes = 0;
            outcome = PassOutcome::ACTED;
        }
        if pass.eager && through > self.flushed_at && pass.db.buffered_entries(Family::Expire) > 0 {
            pass.db.flush(Family::Expire)?;
            failpoint!("expired::after_flush");
            ReclaimCounters::add(&counters.flushes, 1);
            self.flushed_at = through;
            outcome = PassOutcome::ACTED;
        }
        Ok(outcome)
    }

    /// Compacts as many of the chosen meta files as one step may read.
    fn compact_meta(&mut self, pass: &ExpiredPass<'_>, pacer: &Pacer, counters: &ReclaimCounters) -> PassOutcome {
        if !pacer.offers(Turn::META, pass.eager) {
            return PassOutcome { acted: false, pending: true };
        }
        let _step = pacer.begin(Turn::META);
        let mut bytes = 0;
        while let Some((first, last)) = self.to_compact.front() {
            bytes += pass.db.approximate_bytes_between(Family::Meta, first, last);
            failpoint!("expired::before_meta_compact");
            pass.db.compact_keys(Family::Meta, first, last);
            failpoint!("expired::after_meta_compact");
            ReclaimCounters::add(&counters.compactions, 1);
            self.to_compact.pop_front();
            if bytes >= pacer.step_bytes(pass.eager) {
                break;
            }
        }
        PassOutcome::ACTED
    }

    fn meta(&mut self, pass: &ExpiredPass<'_>, counters: &ReclaimCounters, dead_percent: u8) -> Result<PassOutcome> {
        let through = pass.picture.meta_dead_through;
        let looking = self.left_over.look(pass, dead_percent)?;
        let nothing_yet = PassOutcome { acted: false, pending: looking };
        let reaped = counters.totals().keys_reaped;
        let dead = reaped.saturating_sub(self.reaped_at_compaction) + self.left_over.dead();
        let files: Vec<&SstFile> = files_of(pass.files, Family::Meta).collect();
        let records: u64 = files.iter().map(|file| file.entries).sum::<u64>() + pass.db.buffered_entries(Family::Meta);
        let enough = u128::from(dead) * 100 >= u128::from(records) * u128::from(dead_percent);
        // WHY: under an old view most of the dead records must stay, and rewriting them all would be in vain.
        let all_may_go = through.saturating_add(VIEW_LAG) >= pass.picture.reaped_through;
        let new_proof = all_may_go && through > self.compacted_through;
        let at_least = if pass.eager { 1 } else { WORTH_COMPACTING_RECORDS };
        if dead < at_least || !new_proof {
            return Ok(nothing_yet);
        }
        if !enough {
            // The whole is not worth it, but some files may be.
            self.to_compact = if looking { VecDeque::new() } else { self.left_over.take_worth(at_least).into() };
            return Ok(if self.to_compact.is_empty() { nothing_yet } else { PassOutcome::ACTED });
        }
        self.compacted_through = through;
        self.reaped_at_compaction = reaped;
        self.left_over.clear();
        if pass.eager {
            pass.db.flush(Family::Meta)?;
            failpoint!("expired::after_meta_flush");
        }
        // WHY: files in L0 span nearly all keys, so compacting one would compact everything; RocksDB moves them soon.
        let below = |file: &&SstFile| file.family == Family::Meta && (file.level > 0 || pass.eager);
        let files = pass.db.live_files()?;
        self.to_compact =
            files.iter().filter(below).map(|file| (file.smallest.clone(), file.largest.clone())).collect();
        Ok(PassOutcome::ACTED)
    }
}

fn files_of(files: &[SstFile], family: Family) -> impl Iterator<Item = &SstFile> {
    files.iter().filter(move |file| file.family == family)
}
