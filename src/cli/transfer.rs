//! `windrow import` and `windrow export`: a store filled from a file of Redis or a running one, and written as a file.
//!
//! Uses the public handles, the live file, `rdb` to tell what a file is, and `indicatif`. Invariants: ends well only if
//! everything came; an export that does not end leaves no file under the name that was asked for.

use std::fmt::Write as _;
use std::fs::{File, TryLockError};
use std::io::{IsTerminal, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::live::{Address, LiveFile, Named, Redis, lacks_scheme};
use super::text::{bytes, count};
use super::{Failure, Result};
use crate::rdb::{FileError, is_preamble};
use crate::{
    Error, ErrorKind, Existing, ExportReport, ImportOptions, ImportReport, KeyCounts, Options, Refusal, Store,
    ViewNamespace, append_only_parts,
};

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
    /// The longest key that is taken; `None` for what a store takes by default.
    pub max_key_bytes: Option<usize>,
    /// The longest member or field that is taken; `None` for what a store takes by default.
    pub max_member_bytes: Option<usize>,
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

/// Imports a file, or what a running Redis holds, and prints what came of it, also before an error; returns whether everything came.
///
/// # Errors
///
/// The file, Redis or the store cannot be opened, read or written, or the file is damaged.
pub fn import(asked: &Import) -> Result<bool> {
    let mut options = ImportOptions::new().existing(asked.existing);
    if let Some(threads) = asked.threads {
        options = options.threads(threads);
    }
    let began = Instant::now();
    let mut report = ImportReport::default();
    let done = match Named::read(&asked.from.to_string_lossy()) {
        Named::Redis(address) => import_live(asked, &address, options, &mut report),
        Named::Path => import_file(asked, options, &mut report),
        Named::Wrong(why) => Err(Failure::usage(why)),
    };
    if done.is_ok() || report != ImportReport::default() {
        print(&imported(&report, began.elapsed(), done.is_ok()))?;
    }
    done.map(|()| report.is_complete())
}

fn import_file(asked: &Import, options: ImportOptions, report: &mut ImportReport) -> Result<()> {
    let failed = |error: &dyn std::fmt::Display| Failure::at("cannot import", &asked.from, error);
    let paths = append_only_parts(&asked.from).map_err(|error| failed(&error))?;
    let mut files = Vec::with_capacity(paths.len());
    let mut length = 0;
    for path in &paths {
        let file = File::open(path).map_err(|error| cannot_open(path, &error))?;
        length += file.metadata().map_or(0, |metadata| metadata.len());
        files.push(file);
    }
    let is_appended = paths != [asked.from.clone()] || is_append_only(&mut files).map_err(|error| failed(&error))?;
    let store = open(asked)?;
    let namespace = store.namespace(&asked.namespace);
    let bar = bar("{bytes}/{total_bytes} {bytes_per_sec}", length);
    let done = match files.pop() {
        Some(file) if !is_appended => namespace.import_rdb_counted(Told::last(file, &bar), options, report),
        last => {
            let parts = files.into_iter().map(|file| Told { from: file, bar: &bar, is_last: false });
            let last = last.into_iter().map(|file| Told::last(file, &bar));
            namespace.import_aof_counted(parts.chain(last), options, report)
        }
    };
    bar.finish_and_clear();
    done.map_err(|error| failed(&with_advice(&error)))?;
    Ok(store.close()?)
}

fn cannot_open(path: &Path, error: &std::io::Error) -> Failure {
    let text = path.to_string_lossy();
    let hint = if lacks_scheme(&text) { format!("; a running Redis is named redis://{text}") } else { String::new() };
    Failure::at("cannot open", path, format!("{error}{hint}"))
}

/// Opens the store into which an import goes.
fn open(asked: &Import) -> Result<Store> {
    let mut options = Options::default();
    options.max_key_bytes = asked.max_key_bytes.unwrap_or(options.max_key_bytes);
    options.max_member_bytes = asked.max_member_bytes.unwrap_or(options.max_member_bytes);
    if let Err(error) = options.validate() {
        return Err(Failure::usage(error.to_string()));
    }
    Ok(Store::builder(&asked.dir).options(options).open()?)
}

/// An error, and what can be done about it here.
fn with_advice(error: &Error) -> String {
    let advice = match error.kind() {
        ErrorKind::KeyExists => {
            "; --existing keep passes over keys that are there already, --existing replace replaces them"
        }
        _ => "",
    };
    format!("{error}{advice}")
}

/// A file that moves a bar, and tells by it when all was read.
struct Told<'b> {
    from: File,
    bar: &'b ProgressBar,
    is_last: bool,
}

impl<'b> Told<'b> {
    fn last(from: File, bar: &'b ProgressBar) -> Self {
        Self { from, bar, is_last: true }
    }
}

impl Read for Told<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.from.read(into)?;
        self.bar.inc(u64::try_from(read).unwrap_or(0));
        if read == 0 && self.is_last && !into.is_empty() {
            tell_all_was_read(self.bar);
        }
        Ok(read)
    }
}

/// WHY: what was read takes its place only now, which may take as long again.
fn tell_all_was_read(bar: &ProgressBar) {
    if let Ok(style) =
        ProgressStyle::with_template("[{elapsed_precise}] {spinner} all was read, and the keys take their places")
    {
        bar.set_style(style);
    }
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

fn import_live(asked: &Import, address: &Address, options: ImportOptions, report: &mut ImportReport) -> Result<()> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(format!("cannot import from {}:{}: {error}", address.host, address.port))
    };
    // Before the store: where nobody answers, none is made.
    let redis = Redis::connect(address).map_err(|error| failed(&error))?;
    let store = open(asked)?;
    if redis.functions > 0 {
        *report.refused.entry(Refusal::Function).or_default() += redis.functions;
    }
    let bar = bar("{human_pos}/{human_len} keys", u64::MAX);
    let from = LiveFile::begin(redis, &store, &bar).map_err(|error| failed(&error))?;
    let done = store.namespace(&asked.namespace).import_rdb_counted(from, options, report);
    bar.finish_and_clear();
    // What Redis says is no fault of a file.
    done.map_err(|error| match input_failure(&error) {
        Some(said) => failed(&said),
        None => failed(&with_advice(&error)),
    })?;
    Ok(store.close()?)
}

/// What the input of an import said, if it was that which failed.
fn input_failure(error: &Error) -> Option<String> {
    let mut source = std::error::Error::source(error);
    let is_of_input = |source: &(dyn std::error::Error + 'static)| source.is::<FileError>();
    source.filter(|source| is_of_input(*source))?;
    while let Some(inner) = source {
        if let Some(said) = inner.downcast_ref::<std::io::Error>() {
            return Some(said.to_string());
        }
        source = inner.source();
    }
    None
}

/// Exports a namespace to a file and prints what was written; returns true.
///
/// # Errors
///
/// The store cannot be opened or read or has no such namespace, or the file is there already or cannot be written.
pub fn export(asked: &Export) -> Result<bool> {
    refuse_existing(&asked.to)?;
    let store = Store::builder(&asked.dir).read_only(true).open()?;
    let view = store.view()?.namespace(&asked.namespace);
    if !asked.namespace.is_empty() && view.dbs().is_empty() {
        return Err(Failure::new(format!("{} has no namespace {:?}", asked.dir.display(), asked.namespace)));
    }
    let mut partial = asked.to.clone().into_os_string();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let began = Instant::now();
    let file = take_partial(&partial, &asked.to)?;
    let written = write(&view, asked, &file, &partial);
    if written.is_err() {
        // What is left of it is of no use, and says so by its name if it cannot be removed.
        let _ = std::fs::remove_file(&partial);
    }
    let report = written?;
    drop(view);
    store.close()?;
    print(&exported(&report, began.elapsed()))?;
    Ok(true)
}

fn refuse_existing(to: &Path) -> Result<()> {
    if to.exists() { Err(Failure::new(format!("{} is there already", to.display()))) } else { Ok(()) }
}

/// Makes the file that gets its name when it is whole. What an export left that was killed is written over.
///
/// WHY a lock: what another one writes at this moment is not. ORDER: it gives the file its name before it lets go of the lock, so what
/// has no other name by then is nobody's.
fn take_partial(partial: &Path, to: &Path) -> Result<File> {
    let failed = |error: std::io::Error| Failure::at("cannot write", partial, error);
    let file = File::options().write(true).create(true).truncate(false).open(partial).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(Failure::new(format!("another export is writing {}", partial.display())));
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    refuse_existing(to)?;
    file.set_len(0).map_err(failed)?;
    Ok(file)
}

fn write(view: &ViewNamespace, asked: &Export, file: &File, partial: &Path) -> Result<ExportReport> {
    let failed = |error: std::io::Error| Failure::at("cannot write", partial, error);
    let bar = bar("{bytes} written, {bytes_per_sec}", 0);
    let done = view.export_rdb(bar.wrap_write(file));
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

fn imported(report: &ImportReport, time: Duration, is_done: bool) -> String {
    let mut text =
        format!("imported {} keys from {} in {:.1} s", count(report.keys()), bytes(report.bytes), time.as_secs_f64());
    text.push_str(if is_done { "\n" } else { ", before it ended with an error\n" });
    push_types(&mut text, &report.counts);
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
    report.examples.iter().for_each(|example| {
        let _ = writeln!(text, "    {example}");
    });
    if report.is_cut {
        text.push_str("  the file ends within a command or a transaction, which was left out\n");
    }
    text
}

fn exported(report: &ExportReport, time: Duration) -> String {
    let mut text =
        format!("exported {} keys, {} in {:.1} s\n", count(report.keys()), bytes(report.bytes), time.as_secs_f64());
    push_types(&mut text, &report.counts);
    text
}

fn push_types(text: &mut String, counts: &KeyCounts) {
    let lines = [
        ("strings", counts.strings),
        ("lists", counts.lists),
        ("sets", counts.sets),
        ("hashes", counts.hashes),
        ("sorted sets", counts.sorted_sets),
        ("with an expiry", counts.with_expiry),
    ];
    for (name, number) in lines.into_iter().filter(|(_, number)| *number > 0) {
        let _ = writeln!(text, "  {name}: {}", count(number));
    }
}

fn print(text: &str) -> Result<()> {
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| Failure::new(format!("cannot print: {error}")))
}
