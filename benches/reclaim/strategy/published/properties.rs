//! What RocksDB tells of the compactions of one family.
//!
//! Uses the records. Invariant: what it tells in other words than these is not guessed.
//!
//! WHY a text: the counters are of all families, and the crate has no other way to those of one.

use super::records::Records;

const GIB: f64 = (1_u64 << 30) as f64;

/// Bytes that compactions of the elements' family read and wrote since open, to 10 MiB.
pub(super) fn compaction_bytes(records: &Records) -> Option<(u64, u64)> {
    let text = records.db().property_value_cf(records.data(), "rocksdb.cfstats-no-file-histogram").ok()??;
    parsed(&text)
}

/// Takes the figures out of lines like these:
/// `Flush(GB): cumulative 0.781, interval 0.781` and
/// `Cumulative compaction: 0.79 GB write, 61.43 MB/s write, 0.00 GB read, ...`, in which flushes count as written.
fn parsed(text: &str) -> Option<(u64, u64)> {
    let flushed = after(text, "Flush(GB): cumulative ")?.split(',').next()?;
    let mut moved = after(text, "Cumulative compaction: ")?.split(", ").filter_map(|part| part.split_once(" GB "));
    let (written, "write") = moved.next()? else { return None };
    let (read, "read") = moved.next()? else { return None };
    let [flushed, written, read] = [bytes(flushed)?, bytes(written)?, bytes(read)?];
    Some((read, written.saturating_sub(flushed)))
}

/// The rest of the line that begins so.
fn after<'a>(text: &'a str, begin: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(begin))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size")]
fn bytes(gib: &str) -> Option<u64> {
    Some((gib.trim().parse::<f64>().ok()? * GIB) as u64)
}
