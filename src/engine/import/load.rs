//! Keys of an RDB file on their way into the store: one thread reads, others write several keys in one commit.
//!
//! Uses the write path, `types::dump` and `rdb`. Invariants: a key that cannot be restored leaves the others of its commit
//! alone; a key comes at most once in a commit; no more waits than a few batches.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;

use crate::encoding::{DataType, Habit, UnixMillis};
use crate::engine::expiry::within_63_bits;
use crate::engine::export::Exported;
use crate::engine::import::{Existing, ImportOptions, ImportReport, Refusal};
use crate::engine::write::{Place, Target};
use crate::engine::{Live, Namespace, ViewNamespace};
use crate::error::{Error, ErrorKind, Result};
use crate::options::Durability;
use crate::rdb::{FileReader, FoundKey, FoundValue, Record};
use crate::types::dump::{self, MAX_DUMP_BYTES, Restoring};
use crate::types::{Birth, Change, KeyPlan};

/// How many keys are committed together. Larger: writers wait for each other more often, as each holds that many of the 1,024
/// locks; smaller: each key bears more of a commit's fixed cost.
const BATCH_KEYS: usize = 128;

/// How many bytes of values, unpacked, are committed together; a larger value goes alone. Larger: more memory; smaller: more
/// commits.
const BATCH_BYTES: u64 = 1 << 20;

/// A key to restore.
struct Item {
    db: u32,
    key: Bytes,
    expires_at: Option<u64>,
    /// The byte of the type and the value.
    value: Vec<u8>,
}

/// Keys to commit together.
#[derive(Default)]
struct Lot {
    items: Vec<Item>,
    known: BTreeSet<(u32, Bytes)>,
    bytes: u64,
}

impl Lot {
    /// Adds a key; returns what was gathered before, if this key does not go with it.
    fn add(&mut self, item: Item, bytes: u64) -> Option<Vec<Item>> {
        let is_full = self.items.len() >= BATCH_KEYS || self.bytes.saturating_add(bytes) > BATCH_BYTES;
        let is_known = !self.known.insert((item.db, item.key.clone()));
        let done = (is_known || is_full && !self.items.is_empty()).then(|| {
            let known = (item.db, item.key.clone());
            let before = std::mem::take(self);
            self.known.insert(known);
            before.items
        });
        self.bytes = self.bytes.saturating_add(bytes);
        self.items.push(item);
        done
    }

    fn into_items(self) -> Vec<Item> {
        self.items
    }
}

/// Where an import writes, and how.
struct Importer<'a> {
    live: &'a Live,
    namespace: &'a [u8],
    existing: Existing,
}

/// Imports a whole file; returns what follows it in its input, too.
pub(super) fn file<R: Read>(
    namespace: &Namespace,
    from: R,
    options: ImportOptions,
) -> Result<(ImportReport, impl Read + use<R>)> {
    let limits = &namespace.live.engine.options;
    let max_value_bytes = usize::try_from(MAX_DUMP_BYTES).unwrap_or(usize::MAX);
    let mut reader = FileReader::open(from, limits.max_key_bytes, max_value_bytes)?;
    let mut report = in_parallel(namespace, options, |send| read(&mut reader, send))?;
    report.bytes = reader.offset();
    Ok((report, reader.into_rest()))
}

/// Imports what a view shows, of another store.
pub(super) fn view(namespace: &Namespace, from: &ViewNamespace, options: ImportOptions) -> Result<ImportReport> {
    in_parallel(namespace, options, |send| {
        let mut lot = Lot::default();
        from.each_key(|found| {
            let Exported { db, key, expires_at, value, .. } = found;
            let bytes = u64::try_from(value.len()).unwrap_or(u64::MAX).saturating_mul(2);
            let key = Bytes::copy_from_slice(key);
            let item = Item { db, key, expires_at: expires_at.map(UnixMillis::get), value };
            Ok(lot.add(item, bytes).is_none_or(send))
        })?;
        send(lot.into_items());
        Ok(ImportReport::default())
    })
}

/// Lets `produce` make keys in this thread, and restores them in others. What it is given answers whether it is to go on.
///
/// WHY no commit is durable by itself: one sync at the end makes all of them so, and before it nobody was told that they are.
fn in_parallel(
    namespace: &Namespace,
    options: ImportOptions,
    produce: impl FnOnce(&dyn Fn(Vec<Item>) -> bool) -> Result<ImportReport>,
) -> Result<ImportReport> {
    let importer = Importer { live: &namespace.live, namespace: &namespace.name, existing: options.existing };
    let failure = Mutex::new(None);
    let has_failed = AtomicBool::new(false);
    let (sender, receiver): (Sender<Vec<Item>>, Receiver<Vec<Item>>) = bounded(options.threads);
    let written = Mutex::new(ImportReport::default());
    let work = || {
        let mut report = ImportReport::default();
        for items in &receiver {
            if has_failed.load(Ordering::Acquire) {
                continue;
            }
            if let Err(error) = importer.restore(&items, &mut report) {
                failure.lock().get_or_insert(error);
                has_failed.store(true, Ordering::Release);
            }
        }
        written.lock().add(report);
    };
    let read = std::thread::scope(|scope| {
        (0..options.threads).for_each(|_| drop(scope.spawn(work)));
        let send = |items: Vec<Item>| !has_failed.load(Ordering::Acquire) && sender.send(items).is_ok();
        let read = produce(&send);
        drop(sender);
        read
    });
    if let Some(error) = failure.into_inner() {
        return Err(error);
    }
    let mut report = read?;
    importer.live.engine.db.sync_log()?;
    report.add(written.into_inner());
    Ok(report)
}

/// Reads a file to its end and hands its keys over.
fn read(reader: &mut FileReader<impl Read>, send: &dyn Fn(Vec<Item>) -> bool) -> Result<ImportReport> {
    let mut report = ImportReport::default();
    let mut lot = Lot::default();
    while let Some(record) = reader.next_record()? {
        let (item, bytes) = match sort_out(record) {
            Ok(found) => found,
            Err(why) => {
                report.refuse(why);
                continue;
            }
        };
        if let Some(items) = lot.add(item, bytes)
            && !send(items)
        {
            return Ok(report);
        }
    }
    send(lot.into_items());
    Ok(report)
}

/// Tells what of a record can be restored.
fn sort_out(record: Record) -> Result<(Item, u64), Refusal> {
    let FoundKey { db, key, expires_at, value } = match record {
        Record::Key(found) => found,
        Record::Function => return Err(Refusal::Function),
        Record::ModuleData => return Err(Refusal::Module),
    };
    let (value, bytes) = match value {
        FoundValue::Raw { bytes, unpacked } => {
            let weight = unpacked.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            (bytes, weight)
        }
        FoundValue::TooLarge => return Err(Refusal::TooLarge),
        FoundValue::Unsupported("a stream") => return Err(Refusal::Stream),
        FoundValue::Unsupported(_) => return Err(Refusal::Module),
    };
    let db = u32::try_from(db).map_err(|_| Refusal::OutOfRange)?;
    let key = key.ok_or(Refusal::TooLarge)?;
    Ok((Item { db, key, expires_at, value }, bytes))
}

/// What became of a key.
enum Outcome {
    Restored { data_type: DataType, expires: bool },
    Expired,
    Kept,
    Refused(Refusal),
}

impl Importer<'_> {
    /// Restores different keys in one commit.
    fn restore(&self, items: &[Item], report: &mut ImportReport) -> Result<()> {
        let engine = &self.live.engine;
        let place = Place { namespace: self.namespace, durability: Some(Durability::Buffered) };
        let targets: Vec<Target<'_>> = items.iter().map(|item| Target { db: item.db, key: &item.key }).collect();
        let outcomes: Vec<Outcome> = engine.write_targets(place, &targets, |plans| {
            plans.iter_mut().zip(items).map(|(plan, item)| self.restore_one(plan, item)).collect()
        })?;
        for outcome in outcomes {
            match outcome {
                Outcome::Restored { data_type, expires } => report.imported(data_type, expires),
                Outcome::Expired => report.expired += 1,
                Outcome::Kept => report.kept += 1,
                Outcome::Refused(why) => report.refuse(why),
            }
        }
        Ok(())
    }

    fn restore_one(&self, plan: &mut KeyPlan<'_>, item: &Item) -> Result<Outcome> {
        let expires_at = item.expires_at.map(UnixMillis::new);
        if expires_at.is_some_and(|expires_at| expires_at <= plan.now) {
            return Ok(Outcome::Expired);
        }
        if plan.live().is_some() {
            match self.existing {
                Existing::Fail => {
                    return Err(Error::new(ErrorKind::KeyExists, "a key exists, and is not to be replaced"));
                }
                Existing::Keep => return Ok(Outcome::Kept),
                Existing::Replace => {}
            }
        }
        match self.restore_value(plan, item, expires_at) {
            Ok(data_type) => Ok(Outcome::Restored { data_type, expires: expires_at.is_some() }),
            Err(error) => {
                let why = Refusal::of(&error).ok_or(error)?;
                // What was built of it is buried, as nothing links it.
                plan.change = Change::Nothing;
                plan.elements.clear();
                plan.built = None;
                plan.notes.clear();
                Ok(Outcome::Refused(why))
            }
        }
    }

    fn restore_value(&self, plan: &mut KeyPlan<'_>, item: &Item, expires_at: Option<UnixMillis>) -> Result<DataType> {
        let engine = &self.live.engine;
        let check = |element: &_| engine.check_element(element);
        let with = Restoring {
            birth: Birth { expires_at: expires_at.map(within_63_bits).transpose()?, habit: Some(Habit::Closed) },
            may_replace: true,
            max_string_bytes: engine.most_string_bytes(),
            check: &check,
        };
        dump::restore_value(plan, &item.value, &with)
    }
}
