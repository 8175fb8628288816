//! What the system counts of this process.
//!
//! Uses what Linux tells. Invariant: where it tells nothing, nothing is made up.

use std::path::Path;
use std::time::Duration;

/// What the process has used since it began, or between two moments.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Bytes read and written by system calls, whether or not a device was asked.
    pub(crate) calls: Option<(u64, u64)>,
    /// How long processors were busy.
    pub(crate) cpu: Option<Duration>,
}

impl Usage {
    pub(crate) fn now() -> Self {
        Self { calls: call_bytes(), cpu: cpu() }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls.zip(other.calls).map(|(one, other)| (one.0 + other.0, one.1 + other.1)),
            cpu: self.cpu.zip(other.cpu).map(|(one, other)| one + other),
        }
    }

    pub(crate) fn since(self, earlier: Self) -> Self {
        let calls = self.calls.zip(earlier.calls);
        Self {
            calls: calls.map(|(now, then)| (now.0.saturating_sub(then.0), now.1.saturating_sub(then.1))),
            cpu: self.cpu.zip(earlier.cpu).map(|(now, then)| now.saturating_sub(then)),
        }
    }
}

fn call_bytes() -> Option<(u64, u64)> {
    let counts = std::fs::read_to_string(Path::new("/proc/self/io")).ok()?;
    let count = |name: &str| {
        counts.lines().find_map(|line| line.strip_prefix(name)).and_then(|value| value.trim().parse().ok())
    };
    Some((count("rchar:")?, count("wchar:")?))
}

/// One step of the processor times that Linux tells, the same on all its machines.
const TICK: Duration = Duration::from_millis(10);

/// Reads how long the process has kept processors busy, in itself and in the system, threads that have ended included.
pub(crate) fn cpu() -> Option<Duration> {
    let stat = std::fs::read_to_string(Path::new("/proc/self/stat")).ok()?;
    // The name, in brackets, may hold spaces; user and system time are the 12th and 13th word behind it.
    let mut times = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks = times.next()?.parse::<u32>().ok()?.checked_add(times.next()?.parse().ok()?)?;
    Some(TICK * ticks)
}
