//! What is loaded, which of it dies, and which survives.
//!
//! Uses `fastrand`. Invariant: a member depends on its collection's number and its own, on nothing else, so that
//! nothing of what was written is kept in memory; random bytes do not compress.

mod scenario;
mod steps;

use std::time::Duration;

pub(crate) use scenario::Scenario;
pub(crate) use steps::Step;

/// Windows that are written one after the other.
const WINDOWS: u64 = 5;
/// How often a collection of `growing` is added to, its birth included.
const ROUNDS: u32 = 8;
/// Bytes of a member of `giant`'s one collection.
const GIANT_VALUE_BYTES: usize = 32;
/// The shortest member that is not packed into its record at once.
pub(crate) const MIN_VALUE_BYTES: usize = 16;

/// Collections of one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workload {
    pub(crate) scenario: Scenario,
    /// The number of the first one.
    pub(crate) first: u64,
    pub(crate) collections: u64,
    pub(crate) elements: u32,
    pub(crate) value_bytes: usize,
    /// Elements of the one collection of `giant`.
    pub(crate) giant_elements: u32,
    /// Length that keys are filled up to, if they are shorter.
    pub(crate) key_bytes: usize,
}

/// How much dies and how much stays.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) dead: u64,
    pub(crate) survivors: u64,
    pub(crate) survivors_elements: u64,
    /// Bytes of members.
    pub(crate) dead_bytes: u64,
    pub(crate) live_bytes: u64,
}

impl Workload {
    /// How long those live that die. WHY below a minute: the survivors, too, have to be of windrow's first lifetime
    /// class. Apart from each other, dead and living would be no task.
    pub(crate) const SHORT_LIFE: Duration = Duration::from_secs(50);
    /// How long the survivors would live; the clock stops before.
    pub(crate) const LONG_LIFE: Duration = Duration::from_secs(59);
    /// How far the clock leaps for the short lives to be over.
    pub(crate) const LEAP: Duration = Duration::from_secs(51);

    pub(crate) fn all(&self) -> std::ops::Range<u64> {
        self.first..self.first + self.collections
    }

    /// The user key of a collection.
    pub(crate) fn key(&self, index: u64) -> Vec<u8> {
        let kind = if self.is_growing(index) { "limit" } else { "window" };
        let begin = format!("{kind}:{}:", self.window(index));
        let digits = self.key_bytes.saturating_sub(begin.len());
        format!("{begin}{index:0digits$}").into_bytes()
    }

    /// The number of the collection that has this key.
    pub(crate) fn index(&self, key: &[u8]) -> Option<u64> {
        let index = std::str::from_utf8(key).ok()?.rsplit(':').next()?.parse().ok()?;
        (self.all().contains(&index) && self.key(index) == key).then_some(index)
    }

    fn window(&self, index: u64) -> u64 {
        (index - self.first) * WINDOWS / self.collections.max(1)
    }

    /// Tells whether a collection is added to all its life.
    pub(crate) fn is_growing(&self, index: u64) -> bool {
        match self.scenario {
            Scenario::Growing => index.is_multiple_of(2),
            Scenario::Giant => self.is_giant(index),
            _ => false,
        }
    }

    fn is_giant(&self, index: u64) -> bool {
        self.scenario == Scenario::Giant && index == self.first
    }

    /// Tells whether a collection is still alive when the others have died.
    pub(crate) fn survives(&self, index: u64) -> bool {
        match self.scenario {
            Scenario::Window | Scenario::LateExpire | Scenario::LongView => false,
            Scenario::WindowTail | Scenario::Growing => self.window(index) == WINDOWS - 1,
            Scenario::Scatter(percent) => mixed(index ^ 0x5eed) % 100 < percent,
            Scenario::Giant => !self.is_giant(index),
        }
    }

    /// How long a collection lives; none: until it is deleted.
    pub(crate) fn lifetime(&self, index: u64) -> Option<Duration> {
        match self.scenario {
            Scenario::Giant => None,
            _ if self.survives(index) => Some(Self::LONG_LIFE),
            _ => Some(Self::SHORT_LIFE),
        }
    }

    /// Tells whether its time to live comes in a second call.
    pub(crate) fn gets_life_late(&self) -> bool {
        self.scenario == Scenario::LateExpire
    }

    /// The collection that dies by a deletion.
    pub(crate) fn deleted(&self) -> Option<u64> {
        (self.scenario == Scenario::Giant).then_some(self.first)
    }

    /// How many collections expire.
    pub(crate) fn expiring(&self, totals: &Totals) -> u64 {
        if self.scenario == Scenario::Giant { 0 } else { totals.dead }
    }

    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for index in self.all() {
            let elements = u64::from(self.elements_of(index));
            let bytes = elements * self.value_bytes_of(index) as u64;
            if self.survives(index) {
                totals.survivors += 1;
                totals.survivors_elements += elements;
                totals.live_bytes += bytes;
            } else {
                totals.dead += 1;
                totals.dead_bytes += bytes;
            }
        }
        totals
    }

    /// How many members a collection has at the end of its life.
    pub(crate) fn elements_of(&self, index: u64) -> u32 {
        match self.scenario {
            Scenario::Giant if self.is_giant(index) => self.giant_elements,
            Scenario::Growing if self.is_growing(index) => self.elements * ROUNDS,
            _ => self.elements,
        }
    }

    /// Bytes of one of its members. WHY not the same for all: a growing collection shall not be larger than a closed one.
    fn value_bytes_of(&self, index: u64) -> usize {
        match self.scenario {
            Scenario::Giant if self.is_giant(index) => GIANT_VALUE_BYTES,
            Scenario::Growing if self.is_growing(index) => (self.value_bytes / ROUNDS as usize).max(MIN_VALUE_BYTES),
            _ => self.value_bytes,
        }
    }

    /// Makes the members of a collection, in the order of their bytes.
    pub(crate) fn members(&self, index: u64) -> impl Iterator<Item = Vec<u8>> {
        (0..self.elements_of(index)).map(move |element| self.member(index, element))
    }

    fn member(&self, index: u64, element: u32) -> Vec<u8> {
        let mut member = vec![0; self.value_bytes_of(index)];
        fastrand::Rng::with_seed(mixed(mixed(index) ^ u64::from(element))).fill(&mut member);
        if let Some(number) = member.first_chunk_mut::<4>() {
            *number = element.to_be_bytes();
        }
        member
    }
}

/// Spreads the bits of a number (the finish of splitmix64); different numbers stay different.
pub(crate) fn mixed(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
