//! The figures as a table for a terminal.
//!
//! Uses the report. Invariant: plain text, one figure on a line.

use std::fmt::Write as _;

use super::report::Report;
use super::text::{bytes, count};

/// Makes the table of a run.
pub(crate) fn to_table(report: &Report) -> String {
    let mut rows = written(report);
    rows.extend(space(report));
    rows.extend(reclaiming(report));
    rows.extend(checked(report));
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut table = format!("{}\n", report.title);
    for (name, value) in rows {
        // Writing to a string cannot fail.
        let _ = writeln!(table, "  {name:width$}  {value}");
    }
    table
}

type Rows = Vec<(&'static str, String)>;

fn written(report: &Report) -> Rows {
    vec![
        (
            "written",
            format!(
                "{} sets, {} in {:.1} s",
                count(report.loaded_collections),
                bytes(report.loaded_bytes),
                report.write_time.as_secs_f64()
            ),
        ),
        ("commits", format!("{:.0}/s, p50 {:.0} us, p99 {:.0} us", report.ops_per_s(), report.p50_us, report.p99_us)),
    ]
}

fn space(report: &Report) -> Rows {
    let settled = &report.settled.sample;
    let freed = match report.settled.seconds_to_freed {
        Some(seconds) => format!("{seconds:.1} s after the last expiry"),
        None => "NOT within the wait".to_owned(),
    };
    vec![
        ("most alive at once", bytes(report.live_bytes)),
        (
            "most on disk",
            format!(
                "{}, {:.2} times what was alive (data {}, other {}, log {})",
                bytes(report.peak.disk_bytes),
                report.peak_over_live(),
                bytes(report.peak.data_bytes),
                bytes(report.peak.other_bytes),
                bytes(report.peak.log_bytes)
            ),
        ),
        (
            "on disk at the end",
            format!(
                "{} (data {}, other {}, log {}), {} alive",
                bytes(settled.disk.total()),
                bytes(settled.data_bytes),
                bytes(settled.other_bytes),
                bytes(settled.disk.log_bytes),
                bytes(settled.live_bytes)
            ),
        ),
        (
            "data space given back",
            format!("{}, {:.2}% of its peak", bytes(report.freed_bytes()), 100.0 * report.freed_share_of_peak()),
        ),
        ("98% of it was back", freed),
    ]
}

fn reclaiming(report: &Report) -> Rows {
    let stats = &report.stats;
    vec![
        (
            "read and written for it",
            format!(
                "{} and {} in data families, {:.3}% of what was freed",
                bytes(stats.data_compaction_read_bytes),
                bytes(stats.data_compaction_written_bytes),
                100.0 * report.reclaim_share()
            ),
        ),
        (
            "in other families",
            format!("{} and {}", bytes(stats.other_compaction_read_bytes), bytes(stats.other_compaction_written_bytes)),
        ),
        ("files dropped unread", format!("{}, {}", count(stats.files_dropped), bytes(stats.bytes_dropped))),
    ]
}

fn checked(report: &Report) -> Rows {
    let troubles = &report.troubles;
    let mut rows = vec![
        (
            "read back and right",
            format!(
                "{} of {} sets, {} mismatches",
                count(report.verified_collections),
                count(report.loaded_collections),
                count(troubles.mismatches.count)
            ),
        ),
        ("whole run", format!("{:.1} s", report.total_time.as_secs_f64())),
    ];
    if troubles.unreadable.count > 0 {
        rows.push(("files not readable", count(troubles.unreadable.count)));
    }
    if troubles.changed.count > 0 {
        rows.push(("files changed meanwhile", count(troubles.changed.count)));
    }
    if report.settled.keys_left > 0 {
        rows.push(("EXPIRED KEYS STILL COUNTED", count(report.settled.keys_left)));
    }
    rows
}
