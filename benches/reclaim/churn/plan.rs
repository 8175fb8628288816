//! How large a run of a mix is, and the store's sizes for it.
//!
//! Uses the mix. Invariants: the living data is at least four times the block cache; the store's other sizes stand to its cache as
//! windrow's defaults do, so that a run is a small model of a store with default options and 1 GiB of living data.
//!
//! What the publication does not say, and decides what is reclaimed how: how often a key is set before it expires. Here a key is
//! set once in its lifetime in the mean (`--sets-a-life`). With equal keys, then, 63% of them live, and of the sets 63% meet a
//! living key, whose old value dies early and among living ones; unequal keys are overwritten more often. With 0.1 nearly
//! all die by expiry.

use ::windrow::{Durability, Options};

use super::ChurnAsked;
use super::keys::Keys;
use super::mix::Mix;

/// Bytes that may be written for each operation of a run, in the mean; mixes with larger values get fewer operations.
const BYTES_PER_OPERATION: u64 = 1536;
/// So many block caches hold what lives.
const LIVE_OVER_CACHE: u64 = 4;
/// The history lasts so many of the longest lifetime, after which every lifetime has its full share among the living.
const LONGEST_LIVES: f64 = 1.1;
/// And no fewer mean lifetimes than this, so that reclaiming has found its step. So much of its end is lived through whole.
const RECENT_MEAN_LIVES: f64 = 2.0;

/// One run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) mix: &'static Mix,
    pub(crate) keys: u64,
    /// How often a key is set in its lifetime, in the mean.
    pub(crate) sets_a_life: f64,
    /// Sets before the load, those left out included.
    pub(crate) history_sets: u64,
    /// Sets of the history that expire before so many of them have passed are left out.
    ///
    /// WHY: what came and went long ago has left nothing behind. Where one set in fifty lives forty times the mean, its
    /// history is nearly all of the other sort.
    pub(crate) forgotten_sets: u64,
    /// Sets and gets of the load.
    pub(crate) operations: u64,
    sets_in_a_mean_life: f64,
    pub(crate) expected_live_bytes: u64,
}

impl Plan {
    /// Plans at most so many operations in the history, and in the load; a key is set so often in a mean lifetime.
    pub(crate) fn of(mix: &'static Mix, most_operations: u64, sets_a_life: f64) -> Self {
        let most_sets = (most_operations * BYTES_PER_OPERATION / mix.pair_bytes()).max(1);
        let operations = most_operations.min((most_sets as f64 / mix.set_share) as u64).max(1);
        let mean = mix.mean_life();
        let recent = RECENT_MEAN_LIVES * mean;
        let forgotten = (LONGEST_LIVES * mix.longest_life() - recent).max(0.0);
        // Of what was set before, there is what lives on into the recent time.
        let made_seconds = recent + mix.mean_life_up_to(forgotten);
        let sets_in_a_mean_life = most_operations.min(most_sets) as f64 * mean / made_seconds;
        let sets_in = |seconds: f64| (seconds / mean * sets_in_a_mean_life) as u64;
        let (history_sets, forgotten_sets) = (sets_in(forgotten + recent), sets_in(forgotten));
        let keys = Keys::of(mix, sets_in_a_mean_life, sets_a_life);
        let living = keys.living(sets_a_life);
        let expected_live_bytes = living as u64 * mix.pair_bytes();
        let keys = keys.count();
        Self {
            mix,
            keys,
            sets_a_life,
            history_sets,
            forgotten_sets,
            operations,
            sets_in_a_mean_life,
            expected_live_bytes,
        }
    }

    /// The mix's time from one set to the next.
    pub(crate) fn nanos_between_sets(&self) -> f64 {
        self.mix.mean_life() * 1e9 / self.sets_in_a_mean_life
    }

    pub(crate) fn keys(&self) -> Keys {
        Keys::of(self.mix, self.sets_in_a_mean_life, self.sets_a_life)
    }

    /// The mix's time that the load lasts, in mean lifetimes.
    pub(crate) fn lives_of_load(&self) -> f64 {
        self.operations as f64 * self.mix.set_share / self.sets_in_a_mean_life
    }

    /// The options of all stores of this run, as small as windrow lets them be.
    pub(crate) fn options(&self, asked: &ChurnAsked) -> Options {
        let mut options = Options::default();
        let cache = (self.expected_live_bytes / LIVE_OVER_CACHE).clamp(1 << 20, options.block_cache_bytes as u64);
        let scale = cache as f64 / options.block_cache_bytes as f64;
        let scaled = |size: u64, least: u64| ((size as f64 * scale) as u64).max(least);
        let small =
            |size: usize, least: u64| usize::try_from(scaled(size as u64, least)).expect("not above the default");
        options.block_cache_bytes = small(options.block_cache_bytes, 1 << 20);
        options.write_buffer_bytes = small(options.write_buffer_bytes, 16 << 20);
        options.family_write_buffer_bytes = small(options.family_write_buffer_bytes, 1 << 20);
        options.file_bytes = scaled(options.file_bytes, 1 << 20);
        options.max_log_bytes = scaled(options.max_log_bytes, 16 << 20);
        options.durability = Durability::Buffered;
        options.direct_io = asked.direct_io;
        options.compact_dead_percent = asked.compact_dead_percent;
        // A clock that leaps with every operation would be taken for a faulty one.
        options.max_clock_leap = std::time::Duration::from_secs(30 * 24 * 3600);
        options
    }
}
