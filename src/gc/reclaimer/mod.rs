//! The reclaimer: gives the space of dead ids back, cheapest means first, several families at once.
//!
//! May use `store`, the watermark, the planner, ids, births and the clock. Invariants: it acts only on the published picture; a
//! segment is retired only after a look in total order has found nothing in it (design, rule 8).

mod buffer;
mod family;
mod history;
mod retire;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::ages::Ages;
use super::dead::Burials;
use super::debt::{Debt, Owing};
use super::expired;
use super::log::QuietLog;
use super::mixed::MixedFiles;
use super::pacing::{Owed, Pacer};
use super::stats::ReclaimCounters;
use super::swarm::{Sizes, Swarm};
use super::watermark::{Picture, Watermark};
use super::worth::Rent;
use crate::births::Births;
use crate::clock::StoreTime;
use crate::encoding::DataFamily;
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::ids::Ids;
use crate::store::{Database, Family, SstFile};

/// Time between two estimates of what waits. WHY: under an old view each looks at every burial since it was opened.
const WEIGH_WAITING_EVERY: Duration = Duration::from_secs(5);

/// What the last passes saw of one family.
#[derive(Debug, Default)]
struct Memory {
    next_counter: u64,
    quiet_passes: u32,
    buffer: buffer::Memory,
    /// Dead L0 files and in how many passes they were seen.
    stuck: HashMap<String, u32>,
    mixed: MixedFiles,
    ages: Ages,
    swarm: Swarm,
    owing: Owing,
    /// When dead segments that lie under a file were last looked into.
    looked_under_files: Option<Duration>,
    /// What lay over each of them then.
    was_over: HashMap<u64, u64>,
}

/// Why a pass is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// It is time for one.
    Turn,
    /// Something has died. Such passes come as they come, so they are no measure of time.
    News,
    /// Somebody wants all space that can be had now, and nothing is to wait.
    Settling,
}

/// What one pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PassOutcome {
    /// Whether anything on disk was changed.
    pub(crate) acted: bool,
    /// Whether something waits for RocksDB or for another look.
    pub(crate) pending: bool,
}

impl PassOutcome {
    pub(super) const ACTED: Self = Self { acted: true, pending: true };

    pub(super) fn and(self, other: Self) -> Self {
        Self { acted: self.acted || other.acted, pending: self.pending || other.pending }
    }
}

/// Settings that come from the store's options.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReclaimSettings {
    pub(crate) threads: usize,
    pub(crate) compact_dead_percent: u8,
    pub(crate) file_bytes: u64,
    /// A family's write buffer.
    pub(crate) buffer_bytes: u64,
    pub(crate) background_threads: u32,
    pub(crate) max_debt_percent: u32,
    pub(crate) max_debt_age: Duration,
}

/// Gives dead data back in passes.
pub(crate) struct Reclaimer {
    db: Arc<Database>,
    watermark: Arc<Watermark>,
    ids: Arc<Ids>,
    births: Arc<Births>,
    time: Arc<StoreTime>,
    counters: Arc<ReclaimCounters>,
    settings: ReclaimSettings,
    sizes: Sizes,
    pub(crate) pacer: Pacer,
    families: Vec<Mutex<Memory>>,
    expired: Mutex<expired::Memory>,
    quiet_log: Mutex<QuietLog>,
    /// The debt that the last pass found, as far as it is known to be there.
    known_debt: AtomicU64,
    /// When the bytes of what waits were last estimated.
    weighed_waiting: Mutex<Option<Duration>>,
    /// One pass at a time, whoever asks.
    passing: Mutex<()>,
}

/// What a pass works on.
struct Pass<'a> {
    picture: &'a Picture,
    files: &'a [SstFile],
    /// Buried and held back: for the figures alone.
    waiting: &'a Burials,
    rent: Rent,
    occasion: Occasion,
    /// Which files are small.
    sizes: Sizes,
    /// Waits for nothing: somebody asked for everything that can be given back now.
    eager: bool,
    now: Duration,
}

impl Pass<'_> {
    /// Tells whether there may be something to give back, to estimate, or to merge. WHY also where all that is dead has been
    /// retired: a file may still hold what deletions hid from the look before that.
    fn has_work(&self, family: DataFamily) -> bool {
        let dead = self.picture.dead.family(family);
        !dead.is_empty()
            || self.waiting.iter().any(|(segment, _)| segment.family() == family)
            || (!dead.retired().is_empty() && self.files_of(family).next().is_some())
            || (self.occasion != Occasion::News && self.sizes.are_many_small(self.files_of(family)))
    }

    fn files_of(&self, family: DataFamily) -> impl Iterator<Item = &SstFile> {
        self.files.iter().filter(move |file| file.family == Family::Data(family))
    }
}

impl Reclaimer {
    pub(crate) fn new(
        db: Arc<Database>,
        watermark: Arc<Watermark>,
        ids: Arc<Ids>,
        births: Arc<Births>,
        time: Arc<StoreTime>,
        counters: Arc<ReclaimCounters>,
        settings: ReclaimSettings,
    ) -> Self {
        let families = DataFamily::all().map(|_| Mutex::default()).collect();
        Self {
            db,
            watermark,
            ids,
            births,
            time,
            counters,
            settings,
            sizes: Sizes::new(settings.file_bytes, settings.buffer_bytes),
            pacer: Pacer::new(&settings),
            families,
            expired: Mutex::default(),
            quiet_log: Mutex::default(),
            known_debt: AtomicU64::new(0),
            weighed_waiting: Mutex::default(),
            passing: Mutex::default(),
        }
    }

    /// Takes the commits from `before` to `after` for no sign of life.
    pub(crate) fn overlook_commit(&self, before: u64, after: u64) {
        self.quiet_log.lock().overlook(before, after);
    }

    /// Looks at every family with dead ids once and gives back what is worth it.
    pub(crate) fn pass(&self, occasion: Occasion) -> Result<PassOutcome> {
        let _one = self.passing.lock();
        let eager = occasion == Occasion::Settling;
        if occasion != Occasion::News {
            self.pacer.begin_pass();
        }
        failpoint!("reclaimer::pass", |_| Err(crate::Error::new(crate::ErrorKind::Io, "failpoint reclaimer::pass")));
        let picture = self.watermark.picture();
        let files = self.db.live_files()?;
        let now = self.time.monotonic();
        let weighed = self.waiting_to_weigh(now, eager);
        let nothing = Burials::default();
        let waiting = weighed.as_ref().unwrap_or(&nothing);
        let (rent, sizes) = (self.rent(&files), self.sizes);
        let pass = Pass { picture: &picture, files: &files, waiting, rent, occasion, sizes, eager, now };
        self.notice_births(&pass);
        let families: Vec<DataFamily> = DataFamily::all().filter(|family| pass.has_work(*family)).collect();
        let results = self.in_parallel(&families, eager, |family| self.reclaim_family(family, &pass))?;
        let (mut outcome, mut debt) = (PassOutcome::default(), Debt::default());
        for (did, owed) in results {
            outcome = outcome.and(did);
            debt = debt.and(owed);
        }
        // WHY a second look: what is gone does not live, either.
        let left = if outcome.acted { &self.db.live_files()? } else { &files };
        self.show(debt, left, now);
        if weighed.is_some() {
            self.counters.waiting_bytes.store(debt.waiting_bytes, Ordering::Relaxed);
        }
        if occasion == Occasion::News {
            return Ok(outcome);
        }
        let quiet = self.quiet_log.lock().notice(&self.db);
        let mut memory = self.expired.lock();
        let dead_percent = self.settings.compact_dead_percent;
        let past = expired::ExpiredPass {
            db: &self.db,
            picture: &picture,
            files: &files,
            dead_percent,
            eager,
            quiet,
            sizes,
            pacer: &self.pacer,
            emptied: &self.watermark.emptied,
        };
        let outcome = outcome.and(memory.pass(&past, &self.counters)?);
        self.pacer.end_pass();
        let file_bytes = files.iter().map(|file| file.size_bytes).sum();
        Ok(outcome.and(self.quiet_log.lock().pass(&self.db, &self.births, &self.counters, file_bytes, eager)?))
    }

    /// Sets the rent by the debt that the last pass found.
    fn rent(&self, files: &[SstFile]) -> Rent {
        let data = files.iter().filter(|file| matches!(file.family, Family::Data(_)));
        let bytes: u64 = data.map(|file| file.size_bytes).sum();
        let debt = self.known_debt.load(Ordering::Relaxed).min(bytes);
        Rent::of(debt, bytes - debt)
    }

    fn show(&self, debt: Debt, files: &[SstFile], now: Duration) {
        let age = debt.since.map_or(Duration::ZERO, |since| now.saturating_sub(since));
        self.counters.set_debt(debt.ids, debt.bytes, age);
        let data = files.iter().filter(|file| matches!(file.family, Family::Data(_)));
        let bytes: u64 = data.map(|file| file.size_bytes).sum();
        // WHY not all of it: by their ids alone files look as they did before RocksDB filtered them, all of them after an opening.
        self.known_debt.store(debt.known_bytes, Ordering::Relaxed);
        self.pacer.owe(Owed { bytes: debt.known_bytes, live_bytes: bytes.saturating_sub(debt.bytes), age, at: now });
    }

    /// Copies the burials that wait, if it is time to estimate their bytes again.
    fn waiting_to_weigh(&self, now: Duration, eager: bool) -> Option<Burials> {
        let mut last = self.weighed_waiting.lock();
        let is_due = eager || last.is_none_or(|at| now.saturating_sub(at) >= WEIGH_WAITING_EVERY);
        if !is_due && self.watermark.waiting_ids() > 0 {
            return None;
        }
        let waiting = self.watermark.waiting();
        *last = (!waiting.is_empty()).then_some(now);
        Some(waiting)
    }

    /// Runs `work` for every family on up to as many threads as the pace allows.
    fn in_parallel<T: Send>(
        &self,
        families: &[DataFamily],
        eager: bool,
        work: impl Fn(DataFamily) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let threads = self.pacer.workers(eager).min(families.len());
        if threads <= 1 {
            return families.iter().map(|family| work(*family)).collect();
        }
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            let work = || {
                while let Some(family) = families.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = work(*family);
                    done.lock().push(result);
                }
            };
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            for thread in threads {
                // WHY: the scope alone would say that a thread panicked, and not of what.
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            }
        });
        done.into_inner().into_iter().collect()
    }
}
