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
mod foreground;
mod json;
mod latency;
mod options;
mod pairs;
mod process;
mod row;
mod run;
mod spread;
mod strategy;
mod summary;
mod table;
mod timeline;
mod workload;

use std::process::ExitCode;

use options::{Asked, USAGE};
use pairs::Pairs;
use row::Row;
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
    let (mut rows, mut others) = (Vec::new(), Vec::new());
    let mut faults = 0;
    if let Some(count) = asked.pairs() {
        let pairs = run_pairs(&asked, count);
        faults += pairs.iter().map(|pairs| pairs.faults).sum::<u64>();
        others.extend(pairs.iter().map(json::pairs_json));
        save(&asked, &rows, &others);
    }
    if asked.pairs.is_none() {
        for scenario in &asked.scenarios {
            rows.extend(run_scenario(&asked, *scenario));
            // After each scenario, so that a long run that is stopped leaves something.
            save(&asked, &rows, &others);
        }
        let churned = if asked.churn.is_wanted { churn::run_all(&asked) } else { Vec::new() };
        faults += churned.iter().map(churn::Row::faults).sum::<u64>();
        others.extend(churn::to_json(&churned));
        save(&asked, &rows, &others);
    }
    faults += rows.iter().map(|row| row.checked.fault_count).sum::<u64>();
    if faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_scenario(asked: &Asked, scenario: Scenario) -> Vec<Row> {
    let workload = asked.workload(scenario);
    println!("\n{}\n{}", table::title(&workload), table::header());
    let mut rows = Vec::new();
    for turn in 0..asked.repeat {
        for run in asked.runs(scenario) {
            let row = run::run(asked, workload, run, turn);
            table::row_lines(&row).iter().for_each(|line| println!("{line}"));
            rows.push(row);
        }
    }
    let lines = if asked.repeat == 1 { table::comparison(&rows) } else { summary::lines(&rows) };
    lines.iter().for_each(|line| println!("{line}"));
    rows
}

fn run_pairs(asked: &Asked, count: u32) -> Vec<Pairs> {
    let rate = if asked.rate == 0 { "all possible".to_owned() } else { asked.rate.to_string() };
    println!("\n{count} windows in one store; {rate} operations in a second beside them");
    let mut all = Vec::new();
    for (strategy, ids) in asked.runs_of_pairs() {
        if let Some(pairs) = pairs::run(asked, count, strategy, ids) {
            pairs.lines().iter().for_each(|line| println!("{line}"));
            all.push(pairs);
        }
    }
    all
}

fn save(asked: &Asked, rows: &[Row], others: &[serde_json::Value]) {
    if let Some(file) = &asked.json {
        std::fs::write(file, json::to_json(rows, others.iter().cloned())).expect("write the rows");
    }
    if let Some(file) = asked.svg.as_ref().filter(|_| !rows.is_empty()) {
        std::fs::write(file, chart::to_svg(rows)).expect("write the chart");
    }
}
