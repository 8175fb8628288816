//! Keys of an RDB file on their way into the store: one thread reads, others write several keys in one commit, or feed a bulk load.
//!
//! Uses the write path, `types::dump`, `rdb`, the bulk load and the threads of `parallel`. Invariants: a key that cannot be restored
//! leaves the others of its commit alone; a key comes at most once in a commit.

use std::io::Read;

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};

use crate::encoding::{DataType, Habit, UnixMillis};
use crate::engine::expiry::within_63_bits;
use crate::engine::export::Exported;
use crate::engine::import::feed::Feed;
use crate::engine::import::lots::{Lots, Work};
use crate::engine::import::parallel::in_parallel;
use crate::engine::import::report::Refused;
use crate::engine::import::{Existing, ImportOptions, ImportReport, Refusal};
use crate::engine::write::{Place, Target, check_namespace};
use crate::engine::{Live, Namespace, ViewNamespace};
use crate::error::{Error, Result};
use crate::options::Durability;
use crate::rdb::{FileReader, FoundKey, FoundValue, Record};
use crate::types::dump::{self, MAX_DUMP_BYTES, Restoring};
use crate::types::{Birth, Change, KeyPlan};

/// A key to restore.
pub(super) struct Item {
    pub(super) db: u32,
    pub(super) key: Bytes,
    pub(super) expires_at: Option<u64>,
    /// The byte of the type and the value.
    pub(super) value: Vec<u8>,
    /// How many keys came before it.
    pub(super) number: u64,
}

/// Where an import writes, and how.
pub(super) struct Importer<'a> {
    pub(super) namespace: &'a Namespace,
    pub(super) existing: Existing,
    /// The bulk load under way.
    pub(super) feed: RwLock<Option<Feed>>,
    /// What came of all keys so far.
    pub(super) report: &'a Mutex<ImportReport>,
}

/// Imports a whole file; returns what follows it in its input. What came is counted, also if it ends with an error.
pub(super) fn file<R: Read>(
    namespace: &Namespace,
    from: R,
    options: ImportOptions,
    report: &Mutex<ImportReport>,
) -> Result<impl Read + use<R>> {
    // Here, as the threads that write are in no transaction.
    namespace.live.engine.check_writable()?;
    namespace.live.engine.refuse_inside()?;
    check_namespace(&namespace.name)?;
    let limits = &namespace.live.engine.options;
    let max_value_bytes = usize::try_from(MAX_DUMP_BYTES).unwrap_or(usize::MAX);
    let mut reader = FileReader::open(from, limits.max_key_bytes, max_value_bytes)?;
    let restored = restore_all(namespace, options, report, |lots| read(&mut reader, lots, report));
    report.lock().bytes += reader.offset();
    restored.map(|()| reader.into_rest())
}

/// Imports what a view shows, of another store.
pub(super) fn view(
    namespace: &Namespace,
    from: &ViewNamespace,
    options: ImportOptions,
    report: &Mutex<ImportReport>,
) -> Result<()> {
    restore_all(namespace, options, report, |lots| {
        from.each_key(|found| {
            let Exported { db, key, expires_at, value, .. } = found;
            let bytes = u64::try_from(value.len()).unwrap_or(u64::MAX).saturating_mul(2);
            let key = Bytes::copy_from_slice(key);
            let item = Item { db, key, expires_at: expires_at.map(UnixMillis::get), value, number: 0 };
            lots.add(item, bytes)
        })
    })
}

/// Lets `produce` make keys in this thread, and restores them in others.
///
/// WHY no commit is durable by itself: one sync at the end makes all of them so, and before it nobody was told that they are.
fn restore_all(
    namespace: &Namespace,
    options: ImportOptions,
    report: &Mutex<ImportReport>,
    produce: impl FnOnce(&mut Lots<'_>) -> Result<()>,
) -> Result<()> {
    let importer = Importer { namespace, existing: options.existing, feed: RwLock::new(None), report };
    let produce = |send: &dyn Fn(Work, u64) -> bool| {
        let mut lots = Lots::new(&importer, send);
        let produced = produce(&mut lots);
        // What came before an error stays, so it has to take its place.
        let ended = lots.end();
        produced.and(ended)
    };
    in_parallel(options.threads, produce, |work| importer.work(work))?;
    importer.live().engine.db.sync_log()
}

/// Reads a file to its end and hands its keys over.
fn read(reader: &mut FileReader<impl Read>, lots: &mut Lots<'_>, report: &Mutex<ImportReport>) -> Result<()> {
    while let Some(record) = reader.next_record()? {
        match sort_out(record) {
            Ok((item, bytes)) => {
                if !lots.add(item, bytes)? {
                    return Ok(());
                }
            }
            Err(refused) => report.lock().refuse_named(refused),
        }
    }
    Ok(())
}

/// Tells what of a record can be restored.
fn sort_out(record: Record) -> Result<(Item, u64), Refused> {
    let FoundKey { db, key, expires_at, value } = match record {
        Record::Key(found) => found,
        Record::Function => return Err(Refused::other(Refusal::Function, "a library of functions".to_owned())),
        Record::ModuleData => {
            return Err(Refused::other(Refusal::Module, "data of a module that belong to no key".to_owned()));
        }
    };
    let refused = |why, wrong: &str| Err(Refused::key(why, db, key.as_deref(), wrong));
    let (value, bytes) = match value {
        FoundValue::Raw { bytes, unpacked } => {
            let weight = unpacked.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            (bytes, weight)
        }
        FoundValue::TooLarge => return refused(Refusal::TooLarge, "the value has more than 4 GiB"),
        FoundValue::Unsupported("a stream") => return refused(Refusal::Stream, "a stream"),
        FoundValue::Unsupported(what) => return refused(Refusal::Module, what),
    };
    let Ok(number) = u32::try_from(db) else {
        return refused(Refusal::OutOfRange, "dbs have numbers up to 4294967295");
    };
    match key {
        Some(key) => Ok((Item { db: number, key, expires_at, value, number: 0 }, bytes)),
        None => refused(Refusal::TooLarge, "its name is longer than max_key_bytes allows"),
    }
}

/// What became of a key.
pub(super) enum Outcome {
    Restored { data_type: DataType, expires: bool },
    Expired,
    Kept,
    Refused(Refused),
}

/// What becomes of a key that cannot be restored; an error if that is not for reasons of its own.
pub(super) fn refusal_of(item: &Item, error: Error) -> Result<Outcome> {
    match Refusal::of(&error) {
        Some(why) => Ok(Outcome::Refused(Refused::key(why, item.db.into(), Some(&item.key), error))),
        None => Err(error),
    }
}

impl ImportReport {
    pub(super) fn take(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Restored { data_type, expires } => self.counts.count(data_type, expires),
            Outcome::Expired => self.expired += 1,
            Outcome::Kept => self.kept += 1,
            Outcome::Refused(refused) => self.refuse_named(refused),
        }
    }
}

impl Importer<'_> {
    pub(super) fn live(&self) -> &Live {
        &self.namespace.live
    }

    fn work(&self, work: Work) -> Result<()> {
        match work {
            Work::Restore(items) => self.restore(&items),
            Work::Feed(items) => match &*self.feed.read() {
                Some(feed) => feed.take(&items, self.report),
                None => Err(Error::corrupt("an import has lost its bulk load")),
            },
            Work::End => match self.feed.write().take() {
                Some(feed) => feed.finish(self.report),
                None => Ok(()),
            },
        }
    }

    /// Restores different keys in one commit.
    fn restore(&self, items: &[Item]) -> Result<()> {
        let engine = &self.live().engine;
        let place = Place { namespace: &self.namespace.name, durability: Some(Durability::Buffered) };
        let targets: Vec<Target<'_>> = items.iter().map(|item| Target { db: item.db, key: &item.key }).collect();
        let outcomes: Vec<Outcome> = engine.write_targets(place, &targets, |plans| {
            plans.iter_mut().zip(items).map(|(plan, item)| self.restore_one(plan, item)).collect()
        })?;
        let mut report = self.report.lock();
        outcomes.into_iter().for_each(|outcome| report.take(outcome));
        Ok(())
    }

    fn restore_one(&self, plan: &mut KeyPlan<'_>, item: &Item) -> Result<Outcome> {
        let expires_at = item.expires_at.map(UnixMillis::new);
        if expires_at.is_some_and(|expires_at| expires_at <= plan.now) {
            return Ok(Outcome::Expired);
        }
        if plan.live().is_some() {
            match self.existing {
                Existing::Fail => return Err(Error::key_exists(item.db, &item.key)),
                Existing::Keep => return Ok(Outcome::Kept),
                Existing::Replace => {}
            }
        }
        match self.restore_value(plan, item, expires_at) {
            Ok(data_type) => Ok(Outcome::Restored { data_type, expires: expires_at.is_some() }),
            Err(error) => {
                let refused = refusal_of(item, error)?;
                // What was built of it is buried, as nothing links it.
                plan.change = Change::Nothing;
                plan.elements.clear();
                plan.built = None;
                plan.notes.clear();
                Ok(refused)
            }
        }
    }

    fn restore_value(&self, plan: &mut KeyPlan<'_>, item: &Item, expires_at: Option<UnixMillis>) -> Result<DataType> {
        let engine = &self.live().engine;
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
