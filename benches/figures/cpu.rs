//! The time on processors that the threads of this process have had, where Linux tells it.
//!
//! Uses `/proc`. Invariant: threads are found by their names; one that has ended is not counted.

use std::fs;

/// Seconds on a processor.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CpuSeconds {
    /// Of the threads with a given name.
    pub(crate) named: f64,
    /// Of all threads but the calling one.
    pub(crate) others: f64,
}

/// Reads what the threads called `name` have had, and all but the calling one; `None` where that cannot be learned.
pub(crate) fn of_threads(name: &str) -> Option<CpuSeconds> {
    let own = fs::read_link("/proc/thread-self").ok()?;
    let own = own.file_name()?.to_owned();
    let mut seconds = CpuSeconds::default();
    for task in fs::read_dir("/proc/self/task").ok()? {
        let task = task.ok()?;
        if task.file_name() == own {
            continue;
        }
        // A thread may end between the list and the look.
        let (Ok(called), Ok(times)) =
            (fs::read_to_string(task.path().join("comm")), fs::read_to_string(task.path().join("schedstat")))
        else {
            continue;
        };
        let nanos: u64 = times.split_whitespace().next()?.parse().ok()?;
        let used = nanos as f64 / 1e9;
        seconds.others += used;
        if called.trim_end() == name {
            seconds.named += used;
        }
    }
    Some(seconds)
}
