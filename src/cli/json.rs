//! The figures as JSON.
//!
//! Uses `serde_json` and the report. Invariant: sizes are bytes and times are seconds unless a name says otherwise.

use serde_json::{Value, json};

use super::config::{Input, WindowBench};
use super::progress::Named;
use super::report::Report;
use super::write::WindowFigures;

/// Makes the JSON of a run.
pub(crate) fn to_json(report: &Report, asked: &WindowBench) -> Value {
    let mut figures = main_figures(report);
    let more = json!({
        "windrow_version": env!("CARGO_PKG_VERSION"),
        "parameters": parameters(asked),
        "durations": {
            "total_seconds": seconds(report.total_time.as_secs_f64()),
            "write_seconds": seconds(report.write_time.as_secs_f64()),
            "check_seconds": seconds(report.check_seconds),
            "last_expiry_at_seconds": seconds(report.last_expiry_at.as_secs_f64()),
            "seconds_from_expiry_to_quiet": report.settled.seconds_to_quiet.map(seconds),
        },
        "peak": {
            "data_bytes": report.peak.data_bytes,
            "other_bytes": report.peak.other_bytes,
            "log_bytes": report.peak.log_bytes,
            "rest_bytes": report.peak.rest_bytes,
            "unlinked_but_open_bytes": report.peak.unlinked_bytes,
        },
        "settled": {
            "data_bytes": report.settled.sample.data_bytes,
            "listed_data_bytes": report.settled.sample.listed_data_bytes,
            "other_bytes": report.settled.sample.other_bytes,
            "log_bytes": report.settled.sample.disk.log_bytes,
            "rest_bytes": report.settled.sample.disk.rest_bytes,
            "unlinked_but_open_bytes": report.settled.sample.disk.unlinked_bytes,
            "keys_left": report.settled.keys_left,
        },
        "store": store_figures(report),
        "windows": report.windows.iter().map(window_figures).collect::<Vec<_>>(),
    });
    if let (Value::Object(figures), Value::Object(more)) = (&mut figures, more) {
        figures.extend(more);
    }
    figures
}

fn main_figures(report: &Report) -> Value {
    json!({
        "loaded_bytes": report.loaded_bytes,
        "loaded_collections": report.loaded_collections,
        "live_bytes": report.live_bytes,
        "live_bytes_at_end": report.settled.sample.live_bytes,
        "peak_disk_bytes": report.peak.disk_bytes,
        "peak_disk_over_live": rounded(report.peak_over_live()),
        "settled_disk_bytes": report.settled.sample.disk.total(),
        "freed_bytes": report.freed_bytes(),
        "freed_share_of_peak": rounded(report.freed_share_of_peak()),
        "seconds_from_expiry_to_freed": report.settled.seconds_to_freed.map(seconds),
        "reclaim_read_bytes": report.stats.data_compaction_read_bytes,
        "reclaim_written_bytes": report.stats.data_compaction_written_bytes,
        "reclaim_bytes_over_freed": rounded(report.reclaim_share()),
        "other_reclaim_read_bytes": report.stats.other_compaction_read_bytes,
        "other_reclaim_written_bytes": report.stats.other_compaction_written_bytes,
        "verified_collections": report.verified_collections,
        "unverified_collections": report.unverified_collections(),
        "mismatches": report.troubles.mismatches.count,
        "mismatched": report.troubles.mismatches.first,
        "unreadable_files": named(&report.troubles.unreadable),
        "changed_files": named(&report.troubles.changed),
        "ops": report.commits,
        "ops_per_s": report.ops_per_s().round(),
        "p50_us": rounded(report.p50_us),
        "p99_us": rounded(report.p99_us),
    })
}

fn parameters(asked: &WindowBench) -> Value {
    let mut parameters = json!({
        "windows": asked.windows,
        "ttl_seconds": asked.lifetime.map(|lifetime| lifetime.as_secs_f64()),
        "threads": asked.threads,
        "check_every": asked.check_every,
        "wait_seconds": asked.settle_wait.as_secs_f64(),
    });
    let input = match &asked.input {
        Input::Generated { collections, elements, value_bytes, seed } => json!({
            "collections": collections,
            "elements": elements,
            "value_bytes": value_bytes,
            "seed": seed,
        }),
        Input::Tree(root) => json!({ "from": root.display().to_string() }),
    };
    if let (Value::Object(parameters), Value::Object(input)) = (&mut parameters, input) {
        parameters.extend(input);
    }
    parameters
}

fn store_figures(report: &Report) -> Value {
    let stats = &report.stats;
    json!({
        "keys_reaped": stats.keys_reaped,
        "files_dropped": stats.files_dropped,
        "bytes_dropped": stats.bytes_dropped,
        "range_deletions": stats.range_deletions,
        "compactions_asked_for": stats.compactions,
        "flushes_asked_for": stats.flushes,
        "segments_retired": stats.segments_retired,
        "entries_filtered": stats.entries_filtered,
        "debt_ids": stats.debt_ids,
        "debt_bytes": stats.debt_bytes,
        "waiting_ids": stats.waiting_ids,
        "waiting_bytes": stats.waiting_bytes,
        "compaction_read_bytes": stats.compaction_read_bytes,
        "compaction_written_bytes": stats.compaction_written_bytes,
        "flushed_bytes": stats.flushed_bytes,
        "log_bytes_written": stats.log_bytes,
        "undecodable_entries": stats.undecodable_entries,
    })
}

fn window_figures(window: &WindowFigures) -> Value {
    json!({
        "collections": window.collections,
        "bytes": window.bytes,
        "ops": window.commits,
        "write_seconds": seconds(window.write_seconds),
        "check_seconds": seconds(window.check_seconds),
    })
}

fn named(named: &Named) -> Value {
    json!({ "count": named.count, "first": named.first })
}

fn seconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

fn rounded(number: f64) -> f64 {
    (number * 10_000.0).round() / 10_000.0
}
