//! A store's directory before RocksDB touches it: the format file and the lock on it.
//!
//! Uses `encoding` for the file's text and std's file locks. Invariant: nothing is created or changed in a
//! directory that is not a store of a known format, and one process at a time may write to it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use crate::encoding::{FormatFile, FormatVersion, KeyLayout};
use crate::error::{Error, ErrorKind, Result};

/// Name of the plain file that says what the directory holds.
pub(crate) const FORMAT_FILE: &str = "WINDROW";

/// More than this in a format file is no format file. WHY: nothing is read without a bound.
const MAX_FORMAT_BYTES: u64 = 4096;

/// The locked directory of an open store.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) layout: KeyLayout,
    /// Holds the lock until it is dropped.
    _lock: File,
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
    Ok(Directory { layout, _lock: lock })
}

/// Locks an existing store for reading; several readers may share it, but none beside a writer.
pub(crate) fn open_shared(path: &Path) -> Result<Directory> {
    if !path.join(FORMAT_FILE).exists() {
        return Err(not_a_store(path, "it has no format file"));
    }
    let lock = open_format(path, false)?;
    lock_or_refuse(path, lock.try_lock_shared())?;
    let layout = read_format(path, &lock)?;
    Ok(Directory { layout, _lock: lock })
}

fn not_a_store(path: &Path, why: &str) -> Error {
    Error::new(ErrorKind::NotAStore, format!("{} is not a store: {why}", path.display()))
}

fn is_empty(path: &Path) -> Result<bool> {
    let mut entries = fs::read_dir(path).map_err(|e| Error::io(format!("cannot list {}", path.display()), e))?;
    // A half-written format file is all that a crash during creation can leave.
    Ok(entries.all(|entry| entry.is_ok_and(|entry| entry.file_name().as_encoded_bytes() == temporary().as_bytes())))
}

fn temporary() -> String {
    format!("{FORMAT_FILE}.new")
}

/// ORDER: written, synced, renamed, directory synced: the file is whole or absent.
fn write_format(path: &Path, layout: KeyLayout) -> Result<()> {
    let text = FormatFile::new(layout).print();
    let whole = path.join(FORMAT_FILE);
    let part = path.join(temporary());
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&part)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&part, &whole)?;
        File::open(path)?.sync_all()
    };
    write().map_err(|e| Error::io(format!("cannot write {}", whole.display()), e))
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
            Err(Error::new(ErrorKind::InUse, format!("{} is open already, in this process or another", path.display())))
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
    if format.version != FormatVersion::CURRENT {
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
