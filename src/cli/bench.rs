//! `windrow bench window`, from the first byte to the last figure.
//!
//! Uses all parts of the tool. Invariant: what is measured is what the store's background does by itself; nothing
//! here asks it to reclaim.

use std::fs;
use std::io::Write;

use super::chart::to_svg;
use super::check::{Checker, sample_absence};
use super::config::{JsonTo, WindowBench};
use super::json::to_json;
use super::progress::Progress;
use super::report::Report;
use super::run::Run;
use super::settle;
use super::table::to_table;
use super::text::{bytes, wide};
use super::times::Times;
use super::watcher::Timeline;
use super::write::{WindowFigures, write_window};
use super::{Failure, Result};

/// Windows that are alive at once by the window clock, but for the one that is being written.
const WINDOWS_KEPT: u32 = 2;

/// Runs the benchmark and hands its figures out; returns whether everything was as written and its space came back.
///
/// # Errors
/// A line for a person: a directory that is in use, a file that cannot be written, an error of the store.
pub fn bench_window(asked: WindowBench) -> Result<bool> {
    let run = Run::prepare(asked, Progress::on_stderr())?;
    let timeline = Timeline::default();
    let outcome = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| timeline.watch(&run));
        let outcome = go(&run, &timeline);
        timeline.end();
        watcher.thread().unpark();
        outcome
    });
    run.progress.end();
    let report = outcome?;
    run.close()?;
    hand_out(&report, &run.asked)?;
    if let Some(warning) = report.warning() {
        run.progress.line(warning);
    }
    Ok(report.is_clean())
}

fn go(run: &Run, timeline: &Timeline) -> Result<Report> {
    let mut checker = Checker::new(run.asked.windows);
    let mut windows = Vec::new();
    let last = run.asked.windows.saturating_sub(1);
    for window in 0..run.asked.windows {
        let mut figures = write_window(run, window)?;
        let step = if window == last { 1 } else { run.asked.check_every };
        let step = usize::try_from(step).unwrap_or(usize::MAX);
        figures.check_seconds = checker.check_through(run, window, step)?;
        say_what_is_held(run, timeline, window, &figures);
        windows.push(figures);
        run.times.window_written();
        if let (Times::ByWindow { .. }, Some(died)) = (&run.times, window.checked_sub(WINDOWS_KEPT)) {
            timeline.window_died(run.elapsed());
            sample_absence(run, died)?;
        }
    }
    let expired_at = settle::pass_last_expiry(run);
    timeline.window_died(expired_at);
    let settled = settle::settle(run, timeline, expired_at)?;
    let stats = run.store.stats();
    checker.check_through(run, last, 1)?;
    Ok(Report::collect(run, timeline, windows, (settled, stats), expired_at))
}

fn say_what_is_held(run: &Run, timeline: &Timeline, window: u32, figures: &WindowFigures) {
    let sample = timeline.look(run);
    run.progress.line(&format!(
        "window {} of {} checked in {:.1} s with those before it, {} mismatches; alive {}, on disk {} (data {}, log {})",
        window + 1,
        run.asked.windows,
        figures.check_seconds,
        run.progress.troubles().mismatches.count,
        bytes(sample.live_bytes),
        bytes(sample.disk.total()),
        bytes(sample.data_bytes),
        bytes(sample.disk.log_bytes),
    ));
}

/// Writes the JSON, the picture and the table to where they were asked for.
fn hand_out(report: &Report, asked: &WindowBench) -> Result<()> {
    let json = format!("{:#}\n", to_json(report, asked));
    match &asked.json {
        Some(JsonTo::File(path)) => {
            fs::write(path, &json).map_err(|error| Failure::at("cannot write", path, error))?;
        }
        Some(JsonTo::Stdout) => print(&mut std::io::stdout(), &json)?,
        None => {}
    }
    if let Some(path) = &asked.svg {
        fs::write(path, to_svg(report)?).map_err(|error| Failure::at("cannot write", path, error))?;
    }
    if asked.json == Some(JsonTo::Stdout) {
        print(&mut std::io::stderr(), &to_table(report))
    } else {
        print(&mut std::io::stdout(), &to_table(report))
    }
}

/// Prints without the panic that a closed pipe would bring.
fn print(to: &mut impl Write, text: &str) -> Result<()> {
    let printed = to.write_all(text.as_bytes()).and_then(|()| to.flush());
    printed.map_err(|error| Failure::new(format!("cannot print {} bytes: {error}", wide(text.len()))))
}
