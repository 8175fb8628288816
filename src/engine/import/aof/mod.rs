//! Append-only files on their way into the store: done command by command in a store of their own, whose time stands still, and
//! then taken over key by key.
//!
//! Uses the import of keys, the public handles, `aof` and `rdb`. Invariants: the store that imports sees no key before the whole
//! file was read; nothing expires before all is done that the file says, as in Redis.
//!
//! WHY a store of its own: what a command did to a key depends on whether it lived then, and not on whether it lives now. It
//! costs that everything is written twice; and a damaged file changes nothing.

mod commands;
mod replay;
mod words;

use std::fs::{self, File};
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use crate::aof::{AofReader, PartKind, read_manifest};
use crate::clock::ManualClock;
use crate::engine::import::{Existing, ImportOptions, ImportReport, load};
use crate::engine::write::check_namespace;
use crate::engine::{Namespace, Store};
use crate::error::{Error, ErrorKind, Result};
use crate::gc::PinKind;
use crate::options::Durability;
use crate::rdb::MAGIC;
use crate::resp::Limits;

use replay::{Replay, STANDSTILL};

/// The longest manifest that is read. Redis deletes parts as it goes, so that there are a few dozen lines at most.
const MAX_MANIFEST_BYTES: u64 = 1 << 20;

/// WHY more words than a client may send: an older Redis, and one with other settings, takes more. No memory is taken for
/// them before they come.
const LIMITS: Limits = Limits { max_words: i32::MAX as usize, max_word_bytes: 512 << 20, max_line_bytes: 64 * 1024 };

impl Store {
    /// Imports an append-only file into the default namespace; see [`Namespace::import_aof`].
    ///
    /// # Errors
    /// As [`Namespace::import_aof`].
    ///
    /// # Examples
    /// ```
    /// use windrow::ImportOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let file = "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n*3\r\n$5\r\nRPUSH\r\n$1\r\nl\r\n$1\r\na\r\n";
    /// let report = store.import_aof([file.as_bytes()], ImportOptions::new())?;
    /// assert_eq!((report.counts.lists, report.commands), (1, 2));
    /// assert_eq!(store.db(3).lists().len("l")?, 1);
    /// # Ok(()) }
    /// ```
    pub fn import_aof<R: Read>(
        &self,
        parts: impl IntoIterator<Item = R>,
        options: ImportOptions,
    ) -> Result<ImportReport> {
        self.namespace([]).import_aof(parts, options)
    }
}

impl Namespace {
    /// Imports an append-only file of Redis up to 7.0: what its commands make of an empty server, each key into the db of this
    /// namespace in which it is then, with its expiry. It is given as its parts in order, one if it is in one file
    /// ([`append_only_parts`] tells them). Each may begin with an RDB file. They need not be buffered.
    ///
    /// Commands that are not supported, such as those on streams, and such as fail, are passed over and counted. If the last
    /// part ends within a command or a transaction, that is left out and told by [`is_cut`](ImportReport::is_cut), as Redis
    /// does with `aof-load-truncated yes`.
    ///
    /// Everything is done in a store of its own first, in the directory of this one, where time stands still; it is gone in
    /// the end. Then its keys are taken over as those of [`Namespace::import_rdb`] are, and as durably; until then this store
    /// is as it was. Costs a write for each command, one by one, then a write of each key; the room of both on disk; memory as
    /// an open store, for the largest command, and for all commands of the largest transaction. Imports of append-only files into
    /// a store wait for each other, so what is read here must not wait for another one: in the thread of one that is under way it is
    /// refused, in another thread it is not noticed.
    ///
    /// # Errors
    /// [`BadDump`](crate::ErrorKind::BadDump) for a file that is damaged elsewhere than at its end, with the place;
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) within the reading of another such import into the store; else as
    /// [`Namespace::import_rdb`].
    ///
    /// # Examples
    /// ```
    /// use windrow::{ImportOptions, Store, Ttl};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = Store::open(dir.path().join("s"))?;
    /// let base = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\n7\r\n*3\r\n$9\r\nPEXPIREAT\r\n$1\r\nk\r\n$4\r\n1000\r\n";
    /// let then = "*2\r\n$4\r\nINCR\r\n$1\r\nk\r\n*2\r\n$7\r\nPERSIST\r\n$1\r\nk\r\n*2\r\n$4\r\nDECR";
    /// let tenant = store.namespace("tenant");
    /// let report = tenant.import_aof([base.as_bytes(), then.as_bytes()], ImportOptions::new())?;
    /// assert!(report.is_cut);
    /// assert_eq!(tenant.db(0).strings().get("k")?, Some("8".into()));
    /// assert_eq!(tenant.db(0).ttl("k")?, Ttl::Forever);
    /// # Ok(()) }
    /// ```
    pub fn import_aof<R: Read>(
        &self,
        parts: impl IntoIterator<Item = R>,
        options: ImportOptions,
    ) -> Result<ImportReport> {
        let mut report = ImportReport::default();
        self.import_aof_counted(parts, options, &mut report)?;
        Ok(report)
    }

    /// Imports an append-only file as [`Namespace::import_aof`] does, and adds to `report` what came, also if it ends with an error:
    /// commands that were done count then, though nothing of them may have been taken over yet, and keys only if they were.
    ///
    /// # Errors
    /// As [`Namespace::import_aof`].
    ///
    /// # Examples
    /// ```
    /// use windrow::{ImportOptions, ImportReport};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let file = "*2\r\n$4\r\nINCR\r\n$1\r\nk\r\nnothing known";
    /// let mut report = ImportReport::default();
    /// let done = store.namespace([]).import_aof_counted([file.as_bytes()], ImportOptions::new(), &mut report);
    /// assert!(done.is_err());
    /// assert_eq!((report.commands, report.keys()), (1, 0));
    /// # Ok(()) }
    /// ```
    pub fn import_aof_counted<R: Read>(
        &self,
        parts: impl IntoIterator<Item = R>,
        options: ImportOptions,
        report: &mut ImportReport,
    ) -> Result<()> {
        let mut own = ImportReport::default();
        let done = self.do_import_aof(parts, options, &mut own);
        report.add(own);
        done
    }

    fn do_import_aof<R: Read>(
        &self,
        parts: impl IntoIterator<Item = R>,
        options: ImportOptions,
        report: &mut ImportReport,
    ) -> Result<()> {
        let engine = &self.live.engine;
        engine.check_writable()?;
        engine.refuse_inside()?;
        check_namespace(&self.name)?;
        // Declared first, so dropped last.
        let staging = engine.directory.stage()?;
        let mut chosen = engine.options.clone();
        chosen.durability = Durability::Buffered;
        let clock = ManualClock::starting_at(STANDSTILL);
        let staged = Store::builder(staging.path()).options(chosen).clock(clock).open()?;
        let namespace = staged.namespace([]);
        let now = engine.pins.pin(PinKind::Read).now();
        let mut replay = Replay::new(&namespace, now);
        for part in parts {
            if report.is_cut {
                return Err(Error::new(ErrorKind::BadDump, "a part of an append-only file ends within a command"));
            }
            read_part(part, options, &mut replay, report)?;
        }
        let taken_over = Mutex::default();
        let done = load::view(self, &staged.view()?.namespace([]), options, &taken_over);
        report.add(taken_over.into_inner());
        done
    }
}

/// Does what a part says.
fn read_part(
    mut from: impl Read,
    options: ImportOptions,
    replay: &mut Replay<'_>,
    report: &mut ImportReport,
) -> Result<()> {
    let mut head = Vec::new();
    let length = u64::try_from(MAGIC.len()).unwrap_or(0);
    from.by_ref().take(length).read_to_end(&mut head).map_err(|error| Error::io("the input cannot be read", error))?;
    let has_preamble = head == MAGIC;
    let whole = Cursor::new(head).chain(from);
    if !has_preamble {
        return read_commands(whole, 0, replay, report);
    }
    let loaded = Mutex::default();
    let rest = load::file(replay.namespace, whole, options.existing(Existing::Replace), &loaded)?;
    let loaded: ImportReport = loaded.into_inner();
    let before = loaded.bytes;
    // The keys themselves are counted when they are taken over.
    report.add(ImportReport { refused: loaded.refused, expired: loaded.expired, ..ImportReport::default() });
    read_commands(rest, before, replay, report)
}

/// Does the commands of a part, of which some bytes were read already.
fn read_commands(from: impl Read, before: u64, replay: &mut Replay<'_>, report: &mut ImportReport) -> Result<()> {
    let mut reader = AofReader::new(from, before, LIMITS);
    // A part begins in db 0 unless it says otherwise.
    replay.db = replay.namespace.db(0);
    while let Some(commands) = reader.next_commands()? {
        commands.into_iter().try_for_each(|words| replay.run(words, report))?;
    }
    report.bytes += reader.good();
    report.is_cut = reader.is_cut();
    Ok(())
}

/// Tells of which files an append-only file consists, in the order in which they belong together: `path` may be the directory
/// or the manifest of one in parts, as Redis 7.0 has them, or a single file, which is then the only part. Costs a look at the
/// directory and a read of the manifest; the parts are not looked for.
///
/// # Errors
/// [`Io`](crate::ErrorKind::Io) if they cannot be read; [`BadDump`](crate::ErrorKind::BadDump) for a directory without a manifest or
/// with several, and for a manifest that is none.
///
/// # Examples
/// ```
/// use windrow::append_only_parts;
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let dir = dir.path();
/// let manifest = dir.join("appendonly.aof.manifest");
/// std::fs::write(&manifest, "file base.rdb seq 1 type b\nfile incr.aof seq 1 type i\n").unwrap();
/// assert_eq!(append_only_parts(dir)?, [dir.join("base.rdb"), dir.join("incr.aof")]);
/// assert_eq!(append_only_parts(dir.join("incr.aof"))?, [dir.join("incr.aof")]);
/// # Ok(()) }
/// ```
pub fn append_only_parts(path: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
    let path = path.as_ref();
    let manifest = if path.is_dir() { manifest_in(path)? } else { path.to_owned() };
    if !is_manifest(&manifest) {
        return Ok(vec![manifest]);
    }
    let failed = |error| Error::io(format!("cannot read {}", manifest.display()), error);
    let mut text = Vec::new();
    File::open(&manifest).and_then(|file| file.take(MAX_MANIFEST_BYTES).read_to_end(&mut text)).map_err(failed)?;
    let wrong = |why| Error::new(ErrorKind::BadDump, format!("{} is no manifest: {why}", manifest.display()));
    let parts = read_manifest(&text).map_err(wrong)?;
    debug_assert!(parts.iter().skip(1).all(|part| part.kind == PartKind::Incremental));
    Ok(parts.into_iter().map(|part| manifest.with_file_name(part.name)).collect())
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "manifest")
}

/// The only manifest in a directory.
fn manifest_in(dir: &Path) -> Result<PathBuf> {
    let failed = |error| Error::io(format!("cannot list {}", dir.display()), error);
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if is_manifest(&path) {
            found.push(path);
        }
    }
    let count = found.len();
    let only = found.pop().filter(|_| count == 1);
    only.ok_or_else(|| {
        let line = format!("{} holds {count} manifests, where one is needed{}", dir.display(), within(dir));
        Error::new(ErrorKind::BadDump, line)
    })
}

/// What may have been meant by a directory that is none of an append-only file: that of a Redis, which has it within.
fn within(dir: &Path) -> String {
    let (parts, file) = (dir.join("appendonlydir"), dir.join("dump.rdb"));
    let found: Vec<String> = [
        parts.is_dir().then(|| format!("the append-only file in it is {}", parts.display())),
        file.is_file().then(|| format!("the RDB file in it is {}", file.display())),
    ]
    .into_iter()
    .flatten()
    .collect();
    if found.is_empty() { String::new() } else { format!("; {}", found.join(", ")) }
}
