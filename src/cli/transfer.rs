//! `windrow import` and `windrow export`: a store filled from a file of Redis or a running one, and written as a file.
//!
//! Uses the public handles, the live file, `rdb` to tell what a file is, and `indicatif`. Invariants: ends well only if
//! everything came; an export that does not end leaves no file under the name that was asked for.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{IsTerminal, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::live::{Address, LiveFile};
use super::text::{bytes, count};
use super::{Failure, Result};
use crate::rdb::is_preamble;
use crate::{Existing, ExportReport, ImportOptions, ImportReport, Store, append_only_parts};

/// How often a bar moves by itself.
const TICK: Duration = Duration::from_millis(200);

/// How much of a file is looked at to tell what it is: what Redis says in front of the first key takes some 200 bytes.
const HEAD_BYTES: u64 = 1024;

/// What `windrow import` was asked for.
#[derive(Clone, Debug)]
pub struct Import {
    /// The file to read, a directory with an append-only file in parts, or the address of a running Redis.
    pub from: PathBuf,
    /// Directory of the store, which is created if it is missing.
    pub dir: PathBuf,
    /// The namespace into which it goes.
    pub namespace: String,
    /// What becomes of keys that are there already.
    pub existing: Existing,
    /// Threads that write; `None` for one for each core, up to four.
    pub threads: Option<usize>,
}

/// What `windrow export` was asked for.
#[derive(Clone, Debug)]
pub struct Export {
    /// Directory of the store.
    pub dir: PathBuf,
    /// The file to write, which must not be there.
    pub to: PathBuf,
    /// The namespace that is written.
    pub namespace: String,
}

/// Imports a file, or what a running Redis holds, and prints what came of it; returns whether everything came.
///
/// # Errors
///
/// The file, Redis or the store cannot be opened, read or written, or the file is damaged.
pub fn import(asked: &Import) -> Result<bool> {
    let text = asked.from.to_string_lossy();
    let address = Address::read(&text);
    if address.is_none() && text.starts_with("redis://") {
        // WHY not what was given: a password may be in it.
        return Err(Failure::new("the address is none; write redis://[[USER]:PASSWORD@]HOST[:PORT][/DB]"));
    }
    let mut options = ImportOptions::new().existing(asked.existing);
    if let Some(threads) = asked.threads {
        options = options.threads(threads);
    }
    let began = Instant::now();
    let report = match &address {
        Some(address) => import_live(asked, address, options)?,
        None => import_file(asked, options)?,
    };
    print(&imported(&report, began.elapsed()))?;
    Ok(report.is_complete())
}

fn import_file(asked: &Import, options: ImportOptions) -> Result<ImportReport> {
    let failed = |error: &dyn std::fmt::Display| Failure::at("cannot import", &asked.from, error);
    let paths = append_only_parts(&asked.from).map_err(|error| failed(&error))?;
    let mut files = Vec::with_capacity(paths.len());
    let mut length = 0;
    for path in &paths {
        let file = File::open(path).map_err(|error| Failure::at("cannot open", path, error))?;
        length += file.metadata().map_or(0, |metadata| metadata.len());
        files.push(file);
    }
    let is_appended = paths != [asked.from.clone()] || is_append_only(&mut files).map_err(|error| failed(&error))?;
    let store = Store::open(&asked.dir)?;
    let namespace = store.namespace(&asked.namespace);
    let bar = bar("{bytes}/{total_bytes} {bytes_per_sec}", length);
    let done = match files.pop() {
        Some(file) if !is_appended => namespace.import_rdb(bar.wrap_read(file), options),
        last => namespace.import_aof(files.into_iter().chain(last).map(|file| bar.wrap_read(file)), options),
    };
    bar.finish_and_clear();
    let report = done.map_err(|error| failed(&error))?;
    store.close()?;
    Ok(report)
}

/// Tells whether a single file is append-only, by its beginning. What is nothing known counts as an RDB file.
fn is_append_only(files: &mut [File]) -> std::io::Result<bool> {
    let mut head = Vec::new();
    for file in files {
        (&*file).take(HEAD_BYTES).read_to_end(&mut head)?;
        file.rewind()?;
    }
    Ok(head.starts_with(b"*") || head.starts_with(b"#") || is_preamble(&head))
}

fn import_live(asked: &Import, address: &Address, options: ImportOptions) -> Result<ImportReport> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(format!("cannot import from {}:{}: {error}", address.host, address.port))
    };
    let store = Store::open(&asked.dir)?;
    let bar = bar("{human_pos}/{human_len} keys", u64::MAX);
    let from = LiveFile::connect(address, &store, &bar).map_err(|error| failed(&error))?;
    let done = store.namespace(&asked.namespace).import_rdb(from, options);
    bar.finish_and_clear();
    let report = done.map_err(|error| failed(&error))?;
    store.close()?;
    Ok(report)
}

/// Exports a namespace to a file and prints what was written; returns true.
///
/// # Errors
///
/// The store cannot be opened or read, or the file is there already or cannot be written.
pub fn export(asked: &Export) -> Result<bool> {
    if asked.to.exists() {
        return Err(Failure::new(format!("{} is there already", asked.to.display())));
    }
    let store = Store::builder(&asked.dir).read_only(true).open()?;
    let mut partial = asked.to.clone().into_os_string();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let began = Instant::now();
    let written = write(&store, asked, &partial);
    if written.is_err() {
        // What is left of it is of no use, and says so by its name if it cannot be removed.
        let _ = std::fs::remove_file(&partial);
    }
    let report = written?;
    store.close()?;
    print(&exported(&report, began.elapsed()))?;
    Ok(true)
}

fn write(store: &Store, asked: &Export, partial: &Path) -> Result<ExportReport> {
    let failed = |error: std::io::Error| Failure::at("cannot write", partial, error);
    let file = File::create_new(partial).map_err(failed)?;
    let bar = bar("{bytes} written, {bytes_per_sec}", 0);
    let done = store.view()?.namespace(&asked.namespace).export_rdb(bar.wrap_write(&file));
    bar.finish_and_clear();
    let report = done?;
    // ORDER: a file that has its name is whole, also after a power loss.
    file.sync_all().map_err(failed)?;
    std::fs::rename(partial, &asked.to).map_err(failed)?;
    Ok(report)
}

/// A bar where a terminal watches, of a known length or without one.
fn bar(shown: &str, length: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::hidden());
    let template = if length > 0 { format!("[{{elapsed_precise}}] {{bar:40}} {shown}") } else { shown.to_owned() };
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    if std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::stderr());
        bar.enable_steady_tick(TICK);
    }
    bar
}

fn imported(report: &ImportReport, time: Duration) -> String {
    let mut text =
        format!("imported {} keys from {} in {:.1} s\n", count(report.keys()), bytes(report.bytes), time.as_secs_f64());
    let of_types = [report.counts.strings, report.counts.lists, report.counts.sets, report.counts.hashes, report.counts.sorted_sets];
    push_types(&mut text, of_types, report.counts.with_expiry);
    let mut line = |what: &str, number: u64| {
        if number > 0 {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {what}: {}", count(number));
        }
    };
    line("commands done", report.commands);
    line("passed over, as they had expired", report.expired);
    line("kept as they were", report.kept);
    for (why, number) in &report.refused {
        line(&format!("refused, {why}"), *number);
    }
    if report.is_cut {
        text.push_str("  the file ends within a command or a transaction, which was left out\n");
    }
    text
}

fn exported(report: &ExportReport, time: Duration) -> String {
    let mut text =
        format!("exported {} keys, {} in {:.1} s\n", count(report.keys()), bytes(report.bytes), time.as_secs_f64());
    let of_types = [report.counts.strings, report.counts.lists, report.counts.sets, report.counts.hashes, report.counts.sorted_sets];
    push_types(&mut text, of_types, report.counts.with_expiry);
    text
}

fn push_types(text: &mut String, of_types: [u64; 5], with_expiry: u64) {
    let names = ["strings", "lists", "sets", "hashes", "sorted sets"];
    for (name, number) in names.into_iter().zip(of_types).filter(|(_, number)| *number > 0) {
        let _ = writeln!(text, "  {name}: {}", count(number));
    }
    if with_expiry > 0 {
        let _ = writeln!(text, "  with an expiry: {}", count(with_expiry));
    }
}

fn print(text: &str) -> Result<()> {
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| Failure::new(format!("cannot print: {error}")))
}
