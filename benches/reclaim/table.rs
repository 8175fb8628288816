//! The rows as tables for a terminal, and how windrow stands in them.
//!
//! Uses the tool's `text`. Invariant: every row is shown, also where windrow loses or nothing came back.

use super::latency::Pace;
use super::row::Row;
use super::strategy::{Ids, Strategy};
use super::text::{bytes, count};
use super::workload::Workload;

const HEADER: [&str; 12] = [
    "strategy",
    "ids",
    "marked",
    "freed",
    "bytes freed",
    "read",
    "written",
    "peak disk",
    "settled",
    "write amp.",
    "ids/CPU s",
    "right",
];

/// Says what a scenario loads.
pub(crate) fn title(workload: &Workload) -> String {
    let totals = workload.totals();
    format!(
        "{}: {} sets with {} in members; {} with {} die at one moment, {} survive",
        workload.scenario.name(),
        count(workload.collections),
        bytes(totals.dead_bytes + totals.live_bytes),
        count(totals.dead),
        bytes(totals.dead_bytes),
        count(totals.survivors)
    )
}

/// The line above the rows.
pub(crate) fn header() -> String {
    line(HEADER.map(str::to_owned))
}

/// One run: its line, and below it what does not fit there.
pub(crate) fn row_lines(row: &Row) -> Vec<String> {
    let mut lines = vec![row_line(row)];
    if let Some(view) = row.view {
        let lost = count(view.losses);
        lines.push(format!("  the view was held for {:.2} s; at its end it had lost {lost} sets", view.seconds));
    }
    if let Some([before, during, after]) = row.foreground {
        let ops = |pace: Option<Pace>| match pace {
            Some(pace) => format!("{:.0}/s {:.1} {:.1} {:.1}", pace.ops_per_s, pace.p50_us, pace.p99_us, pace.p999_us),
            None => "none".to_owned(),
        };
        let [before, during, after] = [before, during, after].map(ops);
        lines.push(format!("  callers, p50 p99 p999 in µs: before {before}, during {during}, after {after}"));
    }
    lines.extend(row.checked.faults.iter().map(|fault| format!("  FAULT: {fault}")));
    lines
}

fn row_line(row: &Row) -> String {
    let unknown = || "?".to_owned();
    let right = match row.checked.fault_count {
        0 => "yes".to_owned(),
        faults => format!("NO: {faults} faults"),
    };
    line([
        row.strategy.name().to_owned(),
        row.ids.name().to_owned(),
        format!("{:.2} s", row.seconds_to_reclaimable),
        match row.seconds_to_freed {
            Some(seconds) => format!("{seconds:.2} s"),
            None if row.is_large_enough() => "NOT".to_owned(),
            None => "too small".to_owned(),
        },
        bytes(row.freed_bytes()),
        row.calls.map_or_else(unknown, |(read, _)| bytes(read)),
        row.calls.map_or_else(unknown, |(_, written)| bytes(written)),
        bytes(row.peak_disk_bytes),
        bytes(row.settled_disk_bytes),
        format!("{:.2}", row.write_amplification),
        row.ids_per_cpu_second()[1].map_or_else(unknown, |freed| format!("{freed:.0}")),
        right,
    ])
}

fn line(cells: [String; 12]) -> String {
    let [strategy, ids, rest @ ..] = cells;
    let mut line = format!("{strategy:<15}{ids:<8}");
    for cell in rest {
        line.push_str(&format!("{cell:>12}"));
    }
    line
}

/// Compares windrow's time with that of the baselines, and its reads and writes with what they freed.
pub(crate) fn comparison(rows: &[Row]) -> Vec<String> {
    let mut lines = Vec::new();
    for ours in rows.iter().filter(|row| row.strategy.is_windrow() && row.is_large_enough()) {
        let name = ours.strategy.name();
        if let Some(slots) = of(rows, Strategy::ScanSlots, Ids::Random) {
            lines.push(against("scan-256, random ids", slots, name, ours));
        }
        if let Some(best) = best_on_ordered_ids(rows) {
            lines.push(against(&format!("best on ordered ids, {}", best.strategy.name()), best, name, ours));
        }
        if let (Some(yardstick), Some(took)) = (unlinking(rows), ours.seconds_from_reclaimable_to_freed()) {
            let ratio = took / yardstick.max(0.001);
            lines.push(format!("time from marked to freed, {name} / unlinking its files by hand: {ratio:.2}"));
        }
    }
    lines.extend(rows.iter().filter(|row| row.is_large_enough()).filter_map(data_line));
    lines
}

/// What a run moved in the data families.
fn data_line(row: &Row) -> Option<String> {
    let (read, written) = row.io.data_compaction.filter(|_| row.strategy != Strategy::Unlink)?;
    let freed = row.freed_bytes().max(1) as f64;
    let [read, written] = [read, written].map(|moved| moved as f64 / freed);
    Some(format!(
        "{}, {} ids: compactions of data families read {read:.3} and wrote {written:.3} bytes for each byte freed; write \
         amplification there before death {:.2}",
        row.strategy.name(),
        row.ids.name(),
        row.data_write_amplification?
    ))
}

/// How long it takes to unlink windrow's files by hand.
pub(crate) fn unlinking(rows: &[Row]) -> Option<f64> {
    rows.iter().find(|row| row.strategy == Strategy::Unlink)?.seconds_to_freed
}

pub(crate) fn best_on_ordered_ids(rows: &[Row]) -> Option<&Row> {
    rows.iter()
        .filter(|row| row.strategy.is_baseline() && row.ids == Ids::Ordered && row.keeps_views())
        .filter(|row| row.seconds_to_freed.is_some())
        .min_by(|a, b| a.seconds_to_freed.partial_cmp(&b.seconds_to_freed).expect("times are numbers"))
}

pub(crate) fn of(rows: &[Row], strategy: Strategy, ids: Ids) -> Option<&Row> {
    rows.iter().find(|row| row.strategy == strategy && row.ids == ids)
}

fn against(name: &str, row: &Row, our_name: &str, ours: &Row) -> String {
    match (row.seconds_to_freed, ours.seconds_to_freed) {
        (Some(theirs), Some(ours)) => format!("time to freed, {name} / {our_name}: {:.2}", theirs / ours.max(0.001)),
        (Some(theirs), None) => format!("time to freed, {name}: {theirs:.2} s; {our_name}: NOT"),
        (None, Some(ours)) => format!("time to freed, {name}: NOT; {our_name}: {ours:.2} s"),
        (None, None) => format!("time to freed, {name} and {our_name}: NOT"),
    }
}
