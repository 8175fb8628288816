//! Giving the space of the dead back: windrow beside the other ways to do it, on the same data and the same RocksDB.
//!
//! Uses the public API, `rocksdb` and `../common`. Every run has a directory of its own. Space counts as given back when
//! the file system shows it, not when a call returns; then all that is left is read and compared.
//!
//! `--help` lists the arguments. Ends with 1 if a survivor was not right, or something dead could be read.
#![allow(missing_docs, reason = "a program, not an interface")]
#![allow(clippy::expect_used, reason = "a benchmark that cannot go on has nothing to measure")]
#![allow(clippy::indexing_slicing, reason = "a benchmark that is wrong may stop")]

#[path = "../common/bare.rs"]
#[expect(dead_code, reason = "no twins are needed")]
mod bare;
#[path = "../../src/cli/disk.rs"]
#[expect(dead_code, unused_imports, reason = "a part of it is needed, and not its tests")]
mod disk;
#[path = "../../src/cli/text.rs"]
#[expect(dead_code, unused_imports, unreachable_pub, reason = "a part of it is needed, and not its tests")]
mod text;

mod chart;
mod churn;
mod json;
mod latency;
mod options;
mod run;
mod strategy;
mod table;
mod timeline;
mod workload;

use std::process::ExitCode;

use options::{Asked, USAGE};
use run::Row;
use strategy::Ids;
use workload::Scenario;

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--help") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let asked = match Asked::read(std::env::args().skip(1)) {
        Ok(Some(asked)) => asked,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let mut rows = Vec::new();
    for scenario in &asked.scenarios {
        rows.extend(run_scenario(&asked, *scenario));
        // After each scenario, so that a long run that is stopped leaves something.
        save(&asked, &rows, &[]);
    }
    let churned = if asked.churn.is_wanted { churn::run_all(&asked) } else { Vec::new() };
    save(&asked, &rows, &churned);
    let faults = rows.iter().map(|row| row.checked.fault_count).chain(churned.iter().map(churn::Row::faults));
    let faults: u64 = faults.sum();
    if faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_scenario(asked: &Asked, scenario: Scenario) -> Vec<Row> {
    let workload = asked.workload(scenario);
    println!("\n{}\n{}", table::title(&workload), table::header());
    let mut rows = Vec::new();
    for strategy in &asked.strategies {
        let ids: &[Ids] = if strategy.is_windrow() { &[Ids::Ordered] } else { &asked.ids };
        for ids in ids {
            let row = run::run(asked, workload, *strategy, *ids);
            println!("{}", table::row_line(&row));
            for fault in &row.checked.faults {
                println!("  FAULT: {fault}");
            }
            rows.push(row);
        }
    }
    for line in table::comparison(&rows) {
        println!("{line}");
    }
    rows
}

fn save(asked: &Asked, rows: &[Row], churned: &[churn::Row]) {
    if let Some(file) = &asked.json {
        std::fs::write(file, json::to_json(rows, churn::to_json(churned))).expect("write the rows");
    }
    if let Some(file) = &asked.svg {
        std::fs::write(file, chart::to_svg(rows)).expect("write the chart");
    }
}
