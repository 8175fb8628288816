//! The rows as JSON.
//!
//! Uses `serde_json`. Invariant: what was not measured is not there; sizes are bytes, times are seconds.

use serde_json::{Value, json};

use super::run::Row;

/// Makes the list of all rows, and of those that other scenarios have made themselves.
pub(crate) fn to_json(rows: &[Row], others: impl Iterator<Item = Value>) -> String {
    let rows: Vec<Value> = rows.iter().map(row_json).chain(others).collect();
    format!("{:#}\n", Value::Array(rows))
}

fn row_json(row: &Row) -> Value {
    let mut json = json!({
        "scenario": row.workload.scenario.name(),
        "strategy": row.strategy.name(),
        "ids": row.ids.name(),
        "collections": row.workload.collections,
        "elements": row.workload.elements,
        "value_bytes": row.workload.value_bytes,
        "survivors": row.workload.survivors(),
        "seconds_to_load": rounded(row.seconds_to_load),
        "seconds_to_reclaimable": rounded(row.seconds_to_reclaimable),
        "seconds_to_freed": row.seconds_to_freed.map(rounded),
        "freed_bytes": row.freed_bytes(),
        "live_bytes": row.live_bytes(),
        "held_bytes_at_death": row.held_bytes.0,
        "held_bytes_settled": row.held_bytes.1,
        "peak_disk_bytes": row.peak_disk_bytes,
        "settled_disk_bytes": row.settled_disk_bytes,
        "write_amplification": rounded(row.write_amplification),
        "compaction_read_bytes": row.io.compaction_read_bytes,
        "compaction_written_bytes": row.io.compaction_written_bytes,
        "flushed_bytes": row.io.flushed_bytes,
        "log_bytes": row.io.log_bytes,
        "survivors_right": row.checked.survivors,
        "dead_elements_left": row.checked.dead_elements,
        "faults": row.checked.fault_count,
    });
    if let Some((read, written)) = row.process_io {
        json["reclaim_read_bytes"] = read.into();
        json["reclaim_written_bytes"] = written.into();
    }
    if let Some((read, written)) = row.io.data_compaction {
        json["data_compaction_read_bytes"] = read.into();
        json["data_compaction_written_bytes"] = written.into();
    }
    json
}

fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
