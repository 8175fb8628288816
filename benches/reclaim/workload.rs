//! What is loaded, which of it dies, and which survives.
//!
//! Uses `fastrand`. Invariant: a member depends on its collection's number and its own, on nothing else, so that
//! nothing of what was written is kept in memory; random bytes do not compress.

use std::time::Duration;

/// Windows that are written one after the other.
const WINDOWS: u64 = 5;

/// Which collections die, all at the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// The published experiment: all of them.
    Window,
    /// Four windows of five die, the last one stays alive.
    WindowTail,
    /// So many percent survive, without any order.
    Scatter(u64),
}

impl Scenario {
    pub(crate) const ALL: [Self; 5] =
        [Self::Window, Self::WindowTail, Self::Scatter(1), Self::Scatter(10), Self::Scatter(50)];

    pub(crate) fn name(self) -> String {
        match self {
            Self::Window => "window".to_owned(),
            Self::WindowTail => "window-tail".to_owned(),
            Self::Scatter(percent) => format!("scatter-{percent}"),
        }
    }
}

/// Collections of one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workload {
    pub(crate) scenario: Scenario,
    pub(crate) collections: u64,
    pub(crate) elements: u32,
    pub(crate) value_bytes: usize,
}

impl Workload {
    /// How long those live that die. WHY below a minute: the survivors, too, have to be of windrow's first lifetime
    /// class. Apart from each other, dead and living would be no task.
    pub(crate) const SHORT_LIFE: Duration = Duration::from_secs(50);
    /// How long the survivors would live; the clock stops before.
    pub(crate) const LONG_LIFE: Duration = Duration::from_secs(59);

    pub(crate) fn all(&self) -> std::ops::Range<u64> {
        0..self.collections
    }

    /// The user key of a collection.
    pub(crate) fn key(&self, index: u64) -> Vec<u8> {
        format!("window:{}:{index}", self.window(index)).into_bytes()
    }

    /// The number of the collection that has this key.
    pub(crate) fn index(&self, key: &[u8]) -> Option<u64> {
        let index = std::str::from_utf8(key).ok()?.rsplit(':').next()?.parse().ok()?;
        (self.key(index) == key).then_some(index)
    }

    fn window(&self, index: u64) -> u64 {
        index * WINDOWS / self.collections.max(1)
    }

    /// Tells whether a collection is still alive when the others have died.
    pub(crate) fn survives(&self, index: u64) -> bool {
        match self.scenario {
            Scenario::Window => false,
            Scenario::WindowTail => self.window(index) == WINDOWS - 1,
            Scenario::Scatter(percent) => mixed(index ^ 0x5eed) % 100 < percent,
        }
    }

    /// How long a collection lives.
    pub(crate) fn lifetime(&self, index: u64) -> Duration {
        if self.survives(index) { Self::LONG_LIFE } else { Self::SHORT_LIFE }
    }

    pub(crate) fn survivors(&self) -> u64 {
        self.all().filter(|index| self.survives(*index)).map(|_| 1).sum()
    }

    pub(crate) fn dead(&self) -> u64 {
        self.collections - self.survivors()
    }

    /// Bytes of the members of so many collections.
    pub(crate) fn member_bytes(&self, collections: u64) -> u64 {
        collections * u64::from(self.elements) * self.value_bytes as u64
    }

    /// Makes the members of a collection, in the order of their bytes.
    pub(crate) fn members(&self, index: u64) -> impl Iterator<Item = Vec<u8>> {
        let (value_bytes, elements) = (self.value_bytes, self.elements);
        (0..elements).map(move |element| {
            let mut member = vec![0; value_bytes];
            fastrand::Rng::with_seed(mixed(mixed(index) ^ u64::from(element))).fill(&mut member);
            if let Some(number) = member.first_chunk_mut::<4>() {
                *number = element.to_be_bytes();
            }
            member
        })
    }
}

/// Spreads the bits of a number (the finish of splitmix64); different numbers stay different.
pub(crate) fn mixed(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
