//! How much memory the whole process has, RocksDB's included, where Linux tells it.
//!
//! Uses `/proc`. Invariant: no number rather than a wrong one.

/// Does the work; returns how many bytes more than before it were resident at most meanwhile, `None` where that cannot be
/// learned.
pub(crate) fn most_bytes(work: impl FnOnce()) -> Option<u64> {
    // Lets the highest mark begin anew.
    let begun = std::fs::write("/proc/self/clear_refs", "5").ok().and_then(|()| read("VmRSS:"));
    work();
    Some(read("VmHWM:")?.saturating_sub(begun?))
}

/// A line of the process' status, in bytes.
fn read(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kibibytes = status.lines().find_map(|line| line.strip_prefix(name))?.trim().strip_suffix(" kB")?;
    Some(kibibytes.parse::<u64>().ok()? << 10)
}
