//! What is told of the pace: the dials, and the reason as a sentence.
//!
//! Uses nothing of the crate. Invariant: figures only; nothing here is acted upon.

use std::fmt;
use std::time::Duration;

/// How fast reclaiming rewrites, and why.
///
/// Unlinking whole files of dead data is nearly free, and follows the pace only in how many calls it makes in a row. What costs
/// the callers something is rewriting files that hold survivors, and that is done in steps.
///
/// # Examples
/// ```
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let pacing = store.stats().pacing;
/// println!("{} steps at once of up to {} bytes, {:?} apart", pacing.workers, pacing.bytes_per_step, pacing.pause);
/// println!("{}", pacing.reason);
/// assert_eq!(pacing.pause, std::time::Duration::ZERO, "nobody is held up in a new store");
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pacing {
    /// Families that are worked on at once.
    pub workers: usize,
    /// Bytes of neighbouring files that one step joins: what it reads where files lie side by side. It does not bound what one of them
    /// takes along: a file, or a dead one in L0, goes with all that RocksDB rewrites together with it, if
    /// enough of that is dead. Under files in L0 that span a family that may be the whole family.
    pub bytes_per_step: u64,
    /// Time from the end of a step to the next one.
    pub pause: Duration,
    /// Steps made since open, those that [`Store::settle`](crate::Store::settle) asked for included.
    pub steps: u64,
    /// Why.
    pub reason: PacingReason,
}

/// Why reclaiming goes as fast as it goes; shown as a sentence.
///
/// # Examples
/// ```
/// use windrow::PacingReason;
/// assert_eq!(PacingReason::WritesDelayed.to_string(), "holding back: writes are delayed by RocksDB");
/// let reason = PacingReason::ReadsSlower { percent: 40 };
/// assert_eq!(reason.to_string(), "holding back: reads take 40% longer while space is given back");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PacingReason {
    /// Nothing is to be rewritten now.
    #[default]
    NothingToDo,
    /// The pace is full, and callers are not seen to feel it.
    Unfelt,
    /// The pace is full, because nobody calls.
    NobodyCalls,
    /// The pace was slower and is coming back.
    Returning,
    /// Half a second of rest, to learn how fast operations are without reclaiming.
    Listening,
    /// RocksDB lets nobody write until its own compactions or flushes have caught up.
    WritesStopped,
    /// RocksDB slows writes down.
    WritesDelayed,
    /// RocksDB has much to compact by itself.
    CompactionsPending {
        /// Its own estimate.
        bytes: u64,
    },
    /// A family has so many files in L0 that RocksDB may soon slow writes down.
    Level0Files {
        /// How many.
        files: u64,
    },
    /// RocksDB's own compactions take all threads there are for them.
    CompactionsRunning,
    /// Reads take longer than without reclaiming: the mean, or the slowest hundredth.
    ReadsSlower {
        /// By how much.
        percent: u32,
    },
    /// Writes take longer than without reclaiming: the mean, or the slowest hundredth.
    WritesSlower {
        /// By how much.
        percent: u32,
    },
    /// The pace is full whatever callers feel: there is more debt than [`Options::max_debt_percent`](crate::Options::max_debt_percent).
    DebtTooLarge {
        /// Dead bytes.
        bytes: u64,
    },
    /// The pace is full whatever callers feel: debt has waited for longer than [`Options::max_debt_age`](crate::Options::max_debt_age).
    DebtTooOld {
        /// For how long.
        age: Duration,
    },
}

impl fmt::Display for PacingReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingToDo => write!(f, "nothing to rewrite"),
            Self::Unfelt => write!(f, "at full pace: no caller is seen to feel it"),
            Self::NobodyCalls => write!(f, "at full pace: nobody calls"),
            Self::Returning => write!(f, "going faster bit by bit: nothing speaks against it any more"),
            Self::Listening => write!(f, "resting for a moment to learn how fast operations are without reclaiming"),
            Self::WritesStopped => write!(f, "holding back: writes are stopped by RocksDB"),
            Self::WritesDelayed => write!(f, "holding back: writes are delayed by RocksDB"),
            Self::CompactionsPending { bytes } => {
                write!(f, "holding back: RocksDB has {} MiB to compact by itself", bytes >> 20)
            }
            Self::Level0Files { files } => write!(f, "holding back: a family has {files} files in L0"),
            Self::CompactionsRunning => write!(f, "holding back: RocksDB's own compactions take all their threads"),
            Self::ReadsSlower { percent } => {
                write!(f, "holding back: reads take {percent}% longer while space is given back")
            }
            Self::WritesSlower { percent } => {
                write!(f, "holding back: writes take {percent}% longer while space is given back")
            }
            Self::DebtTooLarge { bytes } => {
                write!(f, "at full pace whatever callers feel: {} MiB are dead, which is too much", bytes >> 20)
            }
            Self::DebtTooOld { age } => {
                write!(f, "at full pace whatever callers feel: dead data has waited for {} s", age.as_secs())
            }
        }
    }
}
