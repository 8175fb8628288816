//! What should be in the store: which keys live, until when, and with which value.
//!
//! Uses `fastrand`. Invariant: a value depends on its key and version alone, so none is kept; the count of the living is exact at
//! every operation.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::mix::Mix;
use crate::workload::mixed;

/// A key, by how often it is asked for: 0 most often.
pub(crate) type Rank = u64;

/// One key.
#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    /// How often it was set.
    version: u32,
    expires_at: u64,
}

/// All keys of a run. Times are milliseconds of the mix's.
#[derive(Debug)]
pub(crate) struct Model {
    mix: &'static Mix,
    keys: Vec<Kept>,
    due: BinaryHeap<Reverse<(u64, Rank, u32)>>,
    living: u64,
    now: u64,
}

impl Model {
    pub(crate) fn new(mix: &'static Mix, keys: u64) -> Self {
        let keys = vec![Kept::default(); usize::try_from(keys).expect("keys fit memory")];
        Self { mix, keys, due: BinaryHeap::new(), living: 0, now: 0 }
    }

    /// Moves time on; what is due has died. A key dies at the very millisecond of its expiry.
    pub(crate) fn pass_to(&mut self, now: u64) {
        self.now = now;
        while let Some(Reverse((at, rank, version))) = self.due.peek().copied()
            && at <= now
        {
            self.due.pop();
            if self.keys[rank as usize].version == version {
                self.living -= 1;
            }
        }
    }

    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    /// Takes note of a set and returns the version that its value has.
    pub(crate) fn set(&mut self, rank: Rank, life_millis: u64) -> u32 {
        self.living += u64::from(!self.lives(rank));
        let kept = &mut self.keys[rank as usize];
        *kept = Kept { version: kept.version + 1, expires_at: self.now + life_millis };
        self.due.push(Reverse((kept.expires_at, rank, kept.version)));
        kept.version
    }

    /// The version of a key, if it lives.
    pub(crate) fn version(&self, rank: Rank) -> Option<u32> {
        self.lives(rank).then(|| self.keys[rank as usize].version)
    }

    /// Bytes of the keys and values that live.
    pub(crate) fn live_bytes(&self) -> u64 {
        self.living * self.mix.pair_bytes()
    }

    /// Sets that have not expired yet, for each key that lives: what stays if nothing but expiry gives space back.
    pub(crate) fn unexpired_over_living(&self) -> f64 {
        self.due.len() as f64 / self.living.max(1) as f64
    }

    pub(crate) fn living(&self) -> u64 {
        self.living
    }

    /// The keys that live, each with its version and how long it still does.
    pub(crate) fn all_living(&self) -> impl Iterator<Item = (Rank, u32, u64)> {
        let living = (0..).zip(&self.keys).filter(|(rank, _)| self.lives(*rank));
        living.map(|(rank, kept)| (rank, kept.version, kept.expires_at - self.now))
    }

    fn lives(&self, rank: Rank) -> bool {
        self.keys[rank as usize].expires_at > self.now
    }

    /// Makes the user key. Keys that are asked for often do not lie together.
    pub(crate) fn key(&self, rank: Rank) -> Vec<u8> {
        let number = format!("{:016x}", mixed(rank));
        let name = "cache:cluster:service:object:version:region:shard:".bytes().cycle();
        name.take(self.mix.key_bytes - number.len()).chain(number.bytes()).collect()
    }

    /// Makes a value that does not compress.
    pub(crate) fn fill_value(&self, rank: Rank, version: u32, value: &mut Vec<u8>) {
        value.resize(self.mix.value_bytes, 0);
        fastrand::Rng::with_seed(mixed(rank << 32 | u64::from(version))).fill(value);
    }
}
