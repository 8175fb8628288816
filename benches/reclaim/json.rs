//! The rows as JSON.
//!
//! Uses `serde_json`. Invariant: what was not measured is not there, or null; sizes are bytes, times are seconds.

use serde_json::{Value, json};

use super::latency::Pace;
use super::pairs::{Pair, Pairs};
use super::row::Row;
use super::spread::Spread;

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
        "turn": row.turn,
        "collections": row.workload.collections,
        "elements": row.workload.elements,
        "value_bytes": row.workload.value_bytes,
        "survivors": row.totals.survivors,
        "seconds_to_load": rounded(row.seconds_to_load),
        "seconds_to_reclaimable": rounded(row.seconds_to_reclaimable),
        "seconds_to_freed": row.seconds_to_freed.map(rounded),
        "freed_bytes": row.freed_bytes(),
        "live_bytes": row.totals.live_bytes,
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
    if let Some((read, written)) = row.calls {
        json["reclaim_read_bytes"] = read.into();
        json["reclaim_written_bytes"] = written.into();
    }
    if let Some((read, written)) = row.io.data_compaction {
        json["data_compaction_read_bytes"] = read.into();
        json["data_compaction_written_bytes"] = written.into();
    }
    if let Some(amplification) = row.data_write_amplification {
        json["data_write_amplification"] = rounded(amplification).into();
    }
    let [reaped, freed] = row.ids_per_cpu_second();
    json["ids_reaped_per_cpu_second"] = reaped.map(f64::round).into();
    json["ids_per_cpu_second"] = freed.map(f64::round).into();
    json["foreground"] = row.foreground.map_or(Value::Null, |[before, during, after]| {
        json!({ "before": before.map(pace_json), "during": during.map(pace_json), "after": after.map(pace_json) })
    });
    if let Some(view) = row.view {
        json["seconds_under_view"] = rounded(view.seconds).into();
        json["view_losses"] = view.losses.into();
    }
    json
}

/// The row of a strategy's pairs.
pub(crate) fn pairs_json(pairs: &Pairs) -> Value {
    let freed = pairs.pairs.iter().map(|pair| pair.seconds_to_freed.map(rounded));
    let paces = |pace: fn(&Pair) -> Option<Pace>| -> Vec<Option<Value>> {
        pairs.pairs.iter().map(|pair| pace(pair).map(pace_json)).collect()
    };
    json!({
        "scenario": "pairs",
        "strategy": pairs.strategy.name(),
        "ids": pairs.ids.name(),
        "collections": pairs.workload.collections,
        "elements": pairs.workload.elements,
        "value_bytes": pairs.workload.value_bytes,
        "p99_ratio": pairs.p99_ratio().map(spread_json),
        "throughput_kept": pairs.throughput_kept().map(spread_json),
        "seconds_to_freed": freed.collect::<Vec<_>>(),
        "held_bytes": pairs.pairs.iter().map(|pair| pair.held_bytes).collect::<Vec<_>>(),
        "idle": paces(|pair| pair.idle),
        "reclaiming": paces(|pair| pair.reclaiming),
        "computing": paces(|pair| pair.computing),
        "computing_p99_ratio": pairs.computing_ratio().map(spread_json),
        "faults": pairs.faults,
    })
}

fn pace_json(pace: Pace) -> Value {
    json!({
        "ops_per_s": rounded(pace.ops_per_s),
        "p50_us": rounded(pace.p50_us),
        "p99_us": rounded(pace.p99_us),
        "p999_us": rounded(pace.p999_us),
    })
}

fn spread_json(spread: Spread) -> Value {
    json!({
        "least": rounded(spread.least),
        "first_quartile": rounded(spread.first_quartile),
        "median": rounded(spread.median),
        "third_quartile": rounded(spread.third_quartile),
        "most": rounded(spread.most),
    })
}

fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
