//! The rows as lines for a terminal and as JSON.
//!
//! Uses the tool's `text` and `serde_json`. Invariant: what was not measured is not there.

use serde_json::{Value, json};

use super::plan::Plan;
use super::store::FamilyFiles;
use super::watch::Sample;
use super::{Row, Shape};
use crate::latency::{Latencies, Pace};
use crate::text::{bytes, count};

/// Points of the timeline in the JSON.
const POINTS: usize = 100;

/// Says what a run does.
pub(super) fn title(plan: &Plan, shape: Shape, options: &::windrow::Options) -> String {
    format!(
        "churn, {} as {}: {} keys, {} sets, then {} operations ({:.2} mean lifetimes); about {} alive, cache {}, files of {}",
        plan.mix.name,
        shape.name(),
        count(plan.keys),
        count(plan.history_sets),
        count(plan.operations),
        plan.lives_of_load(),
        bytes(plan.expected_live_bytes),
        bytes(options.block_cache_bytes as u64),
        bytes(options.file_bytes),
    )
}

/// One run.
pub(super) fn lines(row: &Row) -> Vec<String> {
    let settled = &row.settled;
    let mut lines = vec![
        format!(
            "{} {}: {:.0} ops/s in calls, history {:.1} s, load {:.1} s; gets {}; sets {} µs (p50/p99/p999); hits {:.3}",
            row.strategy.name(),
            row.ids.name(),
            row.pace().ops_per_s,
            row.seconds_of_history,
            row.seconds_of_load,
            pace(&row.seen.gets),
            pace(&row.seen.sets),
            row.hit_share(),
        ),
        format!(
            "  over live bytes under load, median (most): SST {}, with log {}; data {}, other {}, debt {}, waiting {}",
            row.spread(Sample::sst_over_live),
            row.spread(Sample::held_over_live),
            row.spread(|one| over_live(one, one.figures.data_file_bytes)),
            row.spread(|one| over_live(one, one.figures.other_file_bytes)),
            row.spread(|one| over_live(one, one.figures.debt_bytes)),
            row.spread(|one| over_live(one, one.figures.waiting_bytes)),
        ),
        format!(
            "  quiet: {} live, SST {:.3}, with log {:.3} (target {}), data {:.3}, other {:.3}, debt {:.3}; peak disk {}",
            bytes(settled.live_bytes),
            settled.sst_over_live(),
            settled.held_over_live(),
            row.plan.mix.target,
            over_live(settled, settled.figures.data_file_bytes),
            over_live(settled, settled.figures.other_file_bytes),
            over_live(settled, settled.figures.debt_bytes),
            bytes(row.peak_disk_bytes()),
        ),
    ];
    if let Some((asked, is_over)) = &row.asked {
        lines.push(format!(
            "  settled by request{}: SST {:.3}, with log {:.3}; sets not expired, for each living key: {:.3}",
            if *is_over { "" } else { " (not ended)" },
            asked.sst_over_live(),
            asked.held_over_live(),
            row.unexpired_over_living,
        ));
    }
    if let Some(fresh) = &row.fresh {
        let of = |wanted: &str| over_live(settled, bytes_of(fresh, wanted));
        lines.push(format!(
            "  a fresh store of the living: SST {:.3}: data {:.3}, meta {:.3}, expire {:.3}",
            of(""),
            of("data-"),
            of("meta"),
            of("expire")
        ));
    }
    let io = row.last().figures;
    lines.push(format!(
        "  write amp. {:.2} (flushes {}, compactions read {}, wrote {}), {} files dropped ({}), {} compactions asked for",
        row.write_amplification(),
        bytes(io.io.flushed_bytes),
        bytes(io.io.compaction_read_bytes),
        bytes(io.io.compaction_written_bytes),
        count(io.files_dropped),
        bytes(io.bytes_dropped),
        count(io.compactions),
    ));
    if let Some((read, written)) = io.io.data_compaction {
        let (others_read, others_written) = io.other_compaction;
        lines.push(format!(
            "  keys and values in compactions: data read {}, wrote {}; meta and expire read {}, wrote {}",
            bytes(read),
            bytes(written),
            bytes(others_read),
            bytes(others_written),
        ));
    }
    let families: Vec<String> = row
        .closed
        .families
        .iter()
        .map(|one| format!("{}/L{} {}x {} {}", one.family, one.level, one.files, bytes(one.bytes), count(one.entries)))
        .collect();
    if !families.is_empty() {
        lines.push(format!("  files: {}; dead elements {}", families.join(", "), count(row.closed.dead_elements)));
    }
    lines.extend(row.seen.faults.iter().chain(&row.closed.faults).map(|fault| format!("  FAULT: {fault}")));
    lines.push(format!("  {} values compared, {} faults", count(row.seen.compared), row.faults()));
    lines
}

/// One run as an object.
pub(super) fn to_json(row: &Row) -> Value {
    let (settled, last) = (&row.settled, row.last().figures);
    let mut json = json!({
        "scenario": "churn",
        "mix": row.plan.mix.name,
        "shape": row.shape.name(),
        "strategy": row.strategy.name(),
        "ids": row.ids.name(),
        "keys": row.plan.keys,
        "history_sets": row.plan.history_sets,
        "operations": row.plan.operations,
        "sets_a_life": rounded(row.plan.sets_a_life),
        "block_cache_bytes": row.cache_bytes,
        "seconds_of_history": rounded(row.seconds_of_history),
        "seconds_of_load": rounded(row.seconds_of_load),
        "ops_per_s": row.pace().ops_per_s.round(),
        "p50_us": rounded(row.pace().p50_us),
        "p99_us": rounded(row.pace().p99_us),
        "p999_us": rounded(row.pace().p999_us),
        "gets": pace_json(&row.seen.gets),
        "sets": pace_json(&row.seen.sets),
        "hit_share": rounded(row.hit_share()),
        "live_bytes": settled.live_bytes,
        "peak_disk_bytes": row.peak_disk_bytes(),
        "settled_disk_bytes": settled.held_bytes,
        "settled_sst_bytes": settled.sst_bytes,
        "settled_disk_over_live": rounded(settled.held_over_live()),
        "unexpired_over_living": rounded(row.unexpired_over_living),
        "target": row.plan.mix.target,
        "load_sst_over_live": spread_json(row, Sample::sst_over_live),
        "load_disk_over_live": spread_json(row, Sample::held_over_live),
        "load_debt_over_live": spread_json(row, |one| over_live(one, one.figures.debt_bytes)),
        "write_amplification": rounded(row.write_amplification()),
        "flushed_bytes": last.io.flushed_bytes,
        "compaction_read_bytes": last.io.compaction_read_bytes,
        "compaction_written_bytes": last.io.compaction_written_bytes,
        "log_bytes": last.io.log_bytes,
        "files_dropped": last.files_dropped,
        "bytes_dropped": last.bytes_dropped,
        "debt_bytes": settled.figures.debt_bytes,
        "compared": row.seen.compared,
        "faults": row.faults(),
        "timeline": timeline(row),
    });
    if let Some((asked, is_over)) = &row.asked {
        json["asked_sst_bytes"] = asked.sst_bytes.into();
        json["asked_disk_bytes"] = asked.held_bytes.into();
        json["asked_in_time"] = (*is_over).into();
    }
    if let Some(fresh) = &row.fresh {
        json["fresh_sst_bytes"] = bytes_of(fresh, "").into();
    }
    if let Some((read, written)) = last.io.data_compaction {
        json["data_compaction_read_bytes"] = read.into();
        json["data_compaction_written_bytes"] = written.into();
        json["other_compaction_read_bytes"] = last.other_compaction.0.into();
        json["other_compaction_written_bytes"] = last.other_compaction.1.into();
    }
    json
}

/// A part of the samples, as rows of numbers with their names before them.
fn timeline(row: &Row) -> Value {
    let every = row.samples.len().div_ceil(POINTS).max(1);
    let points = row.samples.iter().step_by(every).map(|one| {
        json!([
            rounded(one.passed.as_secs_f64()),
            one.live_bytes,
            one.sst_bytes,
            one.held_bytes,
            one.figures.data_file_bytes,
            one.figures.other_file_bytes,
            one.figures.debt_bytes
        ])
    });
    let names = json!(["mix_seconds", "live", "sst", "sst_and_log", "data", "other", "debt"]);
    std::iter::once(names).chain(points).collect()
}

impl Row {
    /// Operations in a second of the store's calls: what the driver needs for its model and its values is left out.
    fn pace(&self) -> Pace {
        let mut all = self.seen.gets.clone();
        all.add(&self.seen.sets);
        all.pace(self.seen.in_calls)
    }

    fn hit_share(&self) -> f64 {
        self.seen.hits as f64 / self.seen.gets.count().max(1) as f64
    }

    fn peak_disk_bytes(&self) -> u64 {
        self.samples.iter().map(|sample| sample.disk_bytes).max().unwrap_or(0)
    }

    fn last(&self) -> &Sample {
        self.samples.last().unwrap_or(&self.settled)
    }

    fn write_amplification(&self) -> f64 {
        let io = self.last().figures.io;
        (io.flushed_bytes + io.compaction_written_bytes) as f64 / self.seen.user_bytes as f64
    }

    /// The median and the most of a figure in the last half of the load.
    fn median_and_most(&self, of: impl Fn(&Sample) -> f64) -> (f64, f64) {
        let half = self.load.start.midpoint(self.load.end);
        let mut seen: Vec<f64> = self.samples[half.min(self.load.end - 1)..self.load.end].iter().map(of).collect();
        seen.sort_by(f64::total_cmp);
        (seen[seen.len() / 2], seen[seen.len() - 1])
    }

    fn spread(&self, of: impl Fn(&Sample) -> f64) -> String {
        let (median, most) = self.median_and_most(of);
        format!("{median:.3} ({most:.3})")
    }
}

fn spread_json(row: &Row, of: impl Fn(&Sample) -> f64) -> Value {
    let (median, most) = row.median_and_most(of);
    json!({ "median": rounded(median), "most": rounded(most) })
}

/// Bytes of the families whose names begin so.
fn bytes_of(files: &[FamilyFiles], family: &str) -> u64 {
    files.iter().filter(|one| one.family.starts_with(family)).map(|one| one.bytes).sum()
}

fn over_live(sample: &Sample, bytes: u64) -> f64 {
    bytes as f64 / sample.live_bytes.max(1) as f64
}

fn pace(latencies: &Latencies) -> String {
    let pace = latencies.pace(std::time::Duration::from_secs(1));
    format!("{:.1}/{:.0}/{:.0}", pace.p50_us, pace.p99_us, pace.p999_us)
}

fn pace_json(latencies: &Latencies) -> Value {
    let pace = latencies.pace(std::time::Duration::from_secs(1));
    json!({
        "count": latencies.count(),
        "p50_us": rounded(pace.p50_us),
        "p99_us": rounded(pace.p99_us),
        "p999_us": rounded(pace.p999_us),
    })
}

fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
