//! The rows as tables for a terminal, and how windrow stands in them.
//!
//! Uses the tool's `text`. Invariant: every row is shown, also where windrow loses or nothing came back.

use super::run::Row;
use super::strategy::{Ids, Strategy};
use super::text::{bytes, count};
use super::workload::Workload;

const HEADER: [&str; 11] = [
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
    "right",
];

/// Says what a scenario loads.
pub(crate) fn title(workload: &Workload) -> String {
    format!(
        "{}: {} sets of {} x {}, of which {} die at one moment and {} survive",
        workload.scenario.name(),
        count(workload.collections),
        workload.elements,
        bytes(workload.value_bytes as u64),
        count(workload.dead()),
        count(workload.survivors())
    )
}

/// The line above the rows.
pub(crate) fn header() -> String {
    line(HEADER.map(str::to_owned))
}

/// One run.
pub(crate) fn row_line(row: &Row) -> String {
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
        row.process_io.map_or_else(unknown, |(read, _)| bytes(read)),
        row.process_io.map_or_else(unknown, |(_, written)| bytes(written)),
        bytes(row.peak_disk_bytes),
        bytes(row.settled_disk_bytes),
        format!("{:.2}", row.write_amplification),
        right,
    ])
}

fn line(cells: [String; 11]) -> String {
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
        if let Some((read, written)) = ours.io.data_compaction {
            let freed = ours.freed_bytes().max(1) as f64;
            let (read, written) = (read as f64 / freed, written as f64 / freed);
            lines.push(format!(
                "{name}: its data families' compactions read {read:.3} and wrote {written:.3} bytes for each byte freed"
            ));
        }
    }
    lines
}

fn best_on_ordered_ids(rows: &[Row]) -> Option<&Row> {
    rows.iter()
        .filter(|row| !row.strategy.is_windrow() && row.ids == Ids::Ordered && row.seconds_to_freed.is_some())
        .min_by(|a, b| a.seconds_to_freed.partial_cmp(&b.seconds_to_freed).expect("times are numbers"))
}

fn of(rows: &[Row], strategy: Strategy, ids: Ids) -> Option<&Row> {
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
