//! A store's directory before RocksDB touches it: the format file and the lock on it.
//!
//! Uses `encoding` for the file's text and std's file locks. Invariant: nothing is created or changed in a
//! directory that is not a store of a known format, and one process at a time may write to it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread::ThreadId;

use parking_lot::{Mutex, MutexGuard};

use crate::encoding::{FormatFile, FormatVersion, HabitsFile, HistoryFile, KeyLayout};
use crate::error::{Error, ErrorKind, Result};

/// Name of the plain file that says what the directory holds.
pub(crate) const FORMAT_FILE: &str = "WINDROW";

/// Name of the file that marks a checkpoint which was not opened yet.
const CHECKPOINT_FILE: &str = "CHECKPOINT";

/// What the mark says, for whoever looks into the directory; nobody else reads it.
const CHECKPOINT_TEXT: &str = "a windrow checkpoint that was not opened for writing yet\n";

/// Begins the names of format files that are being written.
const TEMPORARY: &str = "WINDROW.new.";

/// Name of a new `HABITS` file that is being written.
const NEW_HABITS: &str = "HABITS.new";

/// Name of a new `HISTORY` file that is being written.
const NEW_HISTORY: &str = "HISTORY.new";

/// Name of the directory in which an import gathers what it reads, as long as it runs.
const IMPORT: &str = "IMPORT";

/// More than this in a format file is no format file. WHY: nothing is read without a bound.
const MAX_FORMAT_BYTES: u64 = 4096;

/// The locked directory of an open store.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) layout: KeyLayout,
    /// Whether this is a checkpoint that is opened for writing for the first time.
    pub(crate) is_new_checkpoint: bool,
    path: PathBuf,
    /// Held by the import that has a place here to gather what it reads.
    importing: Mutex<()>,
    /// The thread that holds it.
    importer: Mutex<Option<ThreadId>>,
    /// Holds the lock until it is dropped.
    _lock: File,
}

/// An empty directory within the store's, for what an import reads; removed with all that lies in it when this is dropped.
#[derive(Debug)]
pub(crate) struct Staging<'d> {
    path: PathBuf,
    importer: &'d Mutex<Option<ThreadId>>,
    _alone: MutexGuard<'d, ()>,
}

impl Staging<'_> {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next opening.
        let _ = fs::remove_dir_all(&self.path);
        *self.importer.lock() = None;
    }
}

impl Directory {
    /// Makes a directory of the caller's own within this one, once no other import has one.
    pub(crate) fn stage(&self) -> Result<Staging<'_>> {
        let me = std::thread::current().id();
        if *self.importer.lock() == Some(me) {
            return Err(Error::invalid("an import of an append-only file reads from another one into the same store"));
        }
        let alone = self.importing.lock();
        let path = self.path.join(IMPORT);
        remove_staged(&self.path)
            .and_then(|()| fs::create_dir(&path))
            .map_err(|error| Error::io("an import finds no room in the store's directory", error))?;
        *self.importer.lock() = Some(me);
        Ok(Staging { path, importer: &self.importer, _alone: alone })
    }

    fn locked(path: &Path, layout: KeyLayout, lock: File) -> Self {
        let is_new_checkpoint = path.join(CHECKPOINT_FILE).exists();
        let (importing, importer) = (Mutex::default(), Mutex::default());
        Self { layout, is_new_checkpoint, path: path.to_owned(), importing, importer, _lock: lock }
    }

    /// Tells whether `path`, which need not exist, lies in this directory.
    pub(crate) fn contains(&self, path: &Path) -> bool {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        match (fs::canonicalize(parent), fs::canonicalize(&self.path)) {
            (Ok(parent), Ok(own)) => parent.starts_with(own),
            _ => false,
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the `HABITS` file, `None` if there is none. No more of it than the longest such file and a byte.
    pub(crate) fn read_habits(&self) -> io::Result<Option<Vec<u8>>> {
        self.read_hint(HabitsFile::NAME, HabitsFile::MAX_BYTES)
    }

    /// Replaces the `HABITS` file.
    ///
    /// WHY nothing is synced: a power loss may leave a torn file, which its checksum tells, and what it said is learnt again.
    pub(crate) fn write_habits(&self, bytes: &[u8]) -> io::Result<()> {
        let part = self.path.join(NEW_HABITS);
        fs::write(&part, bytes)?;
        fs::rename(part, self.path.join(HabitsFile::NAME))
    }

    /// Reads the `HISTORY` file, `None` if there is none. No more of it than the longest such file and a byte.
    pub(crate) fn read_history(&self) -> io::Result<Option<Vec<u8>>> {
        self.read_hint(HistoryFile::NAME, HistoryFile::MAX_BYTES)
    }

    /// Replaces the `HISTORY` file.
    ///
    /// WHY its contents are synced before it gets its name: what they count is never counted again.
    pub(crate) fn write_history(&self, bytes: &[u8]) -> io::Result<()> {
        let part = self.path.join(NEW_HISTORY);
        let mut file = File::create(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(part, self.path.join(HistoryFile::NAME))
    }

    fn read_hint(&self, name: &str, longest: usize) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(self.path.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let mut bytes = Vec::new();
        file.take(u64::try_from(longest).unwrap_or(u64::MAX) + 1).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }
}

/// Locks an existing store, or makes a new one in an empty or missing directory.
pub(crate) fn open_or_create(path: &Path, layout: KeyLayout) -> Result<Directory> {
    fs::create_dir_all(path).map_err(|e| Error::io(format!("cannot create {}", path.display()), e))?;
    if !path.join(FORMAT_FILE).exists() {
        if !is_empty(path)? {
            return Err(not_a_store(path, "it is not empty and has no format file"));
        }
        write_format(path, layout)?;
    }
    let lock = open_format(path, true)?;
    lock_or_refuse(path, lock.try_lock())?;
    let layout = read_format(path, &lock)?;
    refuse_without_current(path)?;
    remove_staged(path)
        .map_err(|e| Error::io(format!("cannot remove what an import left in {}", path.display()), e))?;
    Ok(Directory::locked(path, layout, lock))
}

/// Removes what an import gathered that did not end.
fn remove_staged(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path.join(IMPORT)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Refuses a directory that has lost RocksDB's `CURRENT` file but not its data: RocksDB would begin anew and delete it.
fn refuse_without_current(path: &Path) -> Result<()> {
    if path.join("CURRENT").exists() {
        return Ok(());
    }
    for name in names(path)? {
        let name = name.to_string_lossy();
        // A crash at creation can leave a manifest, but never data.
        if name.ends_with(".sst") || name.ends_with(".log") {
            return Err(not_a_store(path, "RocksDB's CURRENT file is missing beside its data"));
        }
    }
    Ok(())
}

/// Locks an existing store for reading; several readers may share it, but none beside a writer.
pub(crate) fn open_shared(path: &Path) -> Result<Directory> {
    match fs::metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(not_a_store(path, "it does not exist")),
        Err(e) => return Err(Error::io(format!("cannot look at {}", path.display()), e)),
        Ok(found) if !found.is_dir() => return Err(not_a_store(path, "it is no directory")),
        Ok(_) => {}
    }
    if fs::metadata(path.join(FORMAT_FILE)).is_err_and(|e| e.kind() == io::ErrorKind::NotFound) {
        return Err(not_a_store(path, "it has no format file"));
    }
    let lock = open_format(path, false)?;
    lock_or_refuse(path, lock.try_lock_shared())?;
    let layout = read_format(path, &lock)?;
    Ok(Directory::locked(path, layout, lock))
}

fn not_a_store(path: &Path, why: &str) -> Error {
    Error::new(ErrorKind::NotAStore, format!("{} is not a store: {why}", path.display()))
}

fn is_empty(path: &Path) -> Result<bool> {
    // A half-written format file is all that a crash during creation can leave.
    Ok(names(path)?.iter().all(|name| name.as_encoded_bytes().starts_with(TEMPORARY.as_bytes())))
}

fn names(path: &Path) -> Result<Vec<OsString>> {
    let list = || -> io::Result<Vec<OsString>> {
        fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.file_name())).collect()
    };
    list().map_err(|e| Error::io(format!("cannot list {}", path.display()), e))
}

/// ORDER: written and synced under a name of its own, then linked, then the directory is synced: the file is whole or
/// absent. A link never replaces a file that somebody else has made and locked meanwhile.
fn write_format(path: &Path, layout: KeyLayout) -> Result<()> {
    let text = FormatFile::new(layout).print();
    let whole = path.join(FORMAT_FILE);
    let part = path.join(format!("{TEMPORARY}{}-{:?}", std::process::id(), std::thread::current().id()));
    let write = || -> io::Result<()> {
        let mut file = File::create(&part)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        match fs::hard_link(&part, &whole) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => fs::remove_file(&part)?,
        }
        File::open(path)?.sync_all()
    };
    write().map_err(|e| Error::io(format!("cannot write {}", whole.display()), e))
}

/// Makes a store of a copy of RocksDB's files. The mark comes first and the format file last: a crash leaves a
/// directory that is refused, never one that takes the original's ids for its own.
pub(crate) fn finish_checkpoint(path: &Path, layout: KeyLayout) -> Result<()> {
    let mark = || -> io::Result<()> {
        let mut file = File::create(path.join(CHECKPOINT_FILE))?;
        file.write_all(CHECKPOINT_TEXT.as_bytes())?;
        file.sync_all()?;
        File::open(path)?.sync_all()
    };
    mark().map_err(|e| Error::io(format!("cannot mark the checkpoint {}", path.display()), e))?;
    write_format(path, layout)
}

/// Removes the mark of a checkpoint that has ids of its own now.
pub(crate) fn forget_checkpoint(path: &Path) -> Result<()> {
    let forget = || -> io::Result<()> {
        fs::remove_file(path.join(CHECKPOINT_FILE))?;
        File::open(path)?.sync_all()
    };
    forget().map_err(|e| Error::io(format!("cannot remove the mark of the checkpoint {}", path.display()), e))
}

fn open_format(path: &Path, write: bool) -> Result<File> {
    let file = path.join(FORMAT_FILE);
    OpenOptions::new()
        .read(true)
        .write(write)
        .open(&file)
        .map_err(|e| Error::io(format!("cannot open {}", file.display()), e))
}

fn lock_or_refuse(path: &Path, locked: Result<(), TryLockError>) -> Result<()> {
    match locked {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            let held = "in another process, or in this one: a view, an iterator or any other handle keeps it open";
            Err(Error::new(ErrorKind::InUse, format!("{} is open already, {held}", path.display())))
        }
        Err(TryLockError::Error(e)) => Err(Error::io(format!("cannot lock {}", path.display()), e)),
    }
}

fn read_format(path: &Path, file: &File) -> Result<KeyLayout> {
    let mut text = Vec::new();
    file.take(MAX_FORMAT_BYTES)
        .read_to_end(&mut text)
        .map_err(|e| Error::io(format!("cannot read the format file of {}", path.display()), e))?;
    let format = FormatFile::parse(&text).map_err(|e| {
        Error::with_source(ErrorKind::UnknownFormat, format!("the format file of {} cannot be read", path.display()), e)
    })?;
    if !format.version.is_supported() {
        return Err(Error::new(
            ErrorKind::UnknownFormat,
            format!(
                "{} has format {}; this version reads and writes {} only",
                path.display(),
                format.version,
                FormatVersion::CURRENT
            ),
        ));
    }
    Ok(format.layout)
}
