//! Hands out collection ids: dense, ordered by birth, never reused.
//!
//! May use `encoding` and `store`. Invariants (design, rule 2): an id is handed out only below a lease that is
//! on stable storage, and after a crash counting goes on at the end of the last lease.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::encoding::{DataFamily, KeyRange, Lease, SEGMENT_IDS, StoreKey, id_of_key};
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint::failpoint;
use crate::gc::{Burials, DeadSet};
use crate::store::{Batch, Cursor, Database, Family, Scan};

pub(crate) use crate::encoding::CollectionId;

/// Ids leased at a time. WHY: each lease costs a synced commit; what a crash leaves of one costs a bitmap of runs.
const LEASE_IDS: u64 = 1 << 20;

/// How far before the last id with data a crash can have left gaps: more births than can be in flight at once,
/// unless one stood still while thousands passed it. Each costs a seek at the open after a crash.
const IN_FLIGHT_IDS: u64 = 4096;

/// Runs of dead ids in a segment that an open looks into for older gaps. WHY so few: where nearly everything is dead,
/// the runs have merged; more would mean many that live, and then a gap does no harm.
const MAX_DEAD_RUNS: usize = 64;

/// Segments of one family into which an open looks for older gaps. Each costs a seek, and one more for each gap.
const MAX_SEGMENTS_LOOKED_INTO: usize = 4096;

/// The counter of one family.
#[derive(Debug)]
struct Counter {
    next: u64,
    leased_end: u64,
}

/// The id counters of all families.
pub(crate) struct Ids {
    families: [Mutex<Counter>; DataFamily::COUNT],
    /// Set when a commit failed: nobody knows whether its ids are used.
    in_doubt: AtomicBool,
}

impl Ids {
    /// Reads the leases of the last session and starts behind them.
    pub(crate) fn load(db: &Database) -> Result<Self> {
        let ids = Self {
            families: std::array::from_fn(|_| Mutex::new(Counter { next: 1, leased_end: 1 })),
            in_doubt: AtomicBool::new(false),
        };
        for family in DataFamily::all() {
            let end = read_lease(db, family)?.first_unleased();
            *ids.counter(family).lock() = Counter { next: end, leased_end: end };
        }
        Ok(ids)
    }

    /// Takes the family's next id. Costs a synced commit once in a million calls.
    pub(crate) fn take(&self, db: &Database, family: DataFamily) -> Result<CollectionId> {
        let mut counter = self.counter(family).lock();
        if counter.next == counter.leased_end {
            counter.leased_end = lease_more(db, family, counter.leased_end)?;
        }
        let id = CollectionId::new(family, counter.next).ok_or_else(|| used_up(family))?;
        counter.next += 1;
        Ok(id)
    }

    /// Returns the counter that the family's next id gets.
    pub(crate) fn next_counter(&self, family: DataFamily) -> u64 {
        self.counter(family).lock().next
    }

    /// Takes note that a commit failed: the next open looks for the gap that it may have left.
    pub(crate) fn doubt(&self) {
        self.in_doubt.store(true, Ordering::Relaxed);
    }

    /// Gives the unused rest of every lease back, so that the next open has nothing to bury. For a clean close.
    pub(crate) fn return_leases(&self, db: &Database) -> Result<()> {
        if self.in_doubt.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut batch = Batch::new();
        let mut counters = Vec::new();
        for family in DataFamily::all() {
            let counter = self.counter(family).lock();
            if counter.next != counter.leased_end {
                let lease = Lease::new(counter.next).ok_or_else(|| used_up(family))?;
                batch.put(db, Family::Default, &StoreKey::Lease(family).encode(), &lease.encode());
            }
            counters.push(counter);
        }
        if !batch.is_empty() {
            db.commit(batch, true)?;
        }
        for counter in &mut counters {
            counter.leased_end = counter.next;
        }
        Ok(())
    }

    fn counter(&self, family: DataFamily) -> &Mutex<Counter> {
        #[expect(clippy::indexing_slicing, reason = "a DataFamily's index is below COUNT")]
        &self.families[family.index()]
    }
}

fn read_lease(db: &Database, family: DataFamily) -> Result<Lease> {
    match db.get(Family::Default, &StoreKey::Lease(family).encode(), None)? {
        Some(value) => Ok(Lease::decode(&value)?),
        None => Ok(Lease::NONE),
    }
}

/// ORDER: the lease is on stable storage before the first id in it is used.
fn lease_more(db: &Database, family: DataFamily, end: u64) -> Result<u64> {
    failpoint!("ids::lease", |_| Err(Error::new(ErrorKind::Io, "failpoint ids::lease")));
    let lease = Lease::new(end).and_then(|lease| lease.advanced_by(LEASE_IDS)).ok_or_else(|| used_up(family))?;
    let mut batch = Batch::new();
    batch.put(db, Family::Default, &StoreKey::Lease(family).encode(), &lease.encode());
    db.commit(batch, true)?;
    Ok(lease.first_unleased())
}

fn used_up(family: DataFamily) -> Error {
    Error::new(ErrorKind::Overflow, format!("data family {} has used up its ids", family.number()))
}

/// Finds the ids that the last session leased and never wrote under: from behind the last id with data to the
/// end of the lease and, before it, the gaps that operations in flight left at a crash. For open, before any new
/// lease. What was buried long ago is found again; the caller knows it.
///
/// This is positive proof: a living collection has elements, ids are handed out only to operations that write
/// elements under them, nothing is in flight yet, and the look is in total order.
pub(crate) fn unused_of_last_leases(db: &Arc<Database>) -> Result<Burials> {
    let mut unused = Burials::default();
    for family in DataFamily::all() {
        let end = read_lease(db, family)?.first_unleased();
        let Some(first) = first_unused(db, family)?.filter(|first| *first < end) else {
            continue;
        };
        // WHY: a session takes a lease only when it has used up the one before.
        unused.add_range(family, first.max(end.saturating_sub(LEASE_IDS))..end);
        for gap in gaps_before(db, family, first)? {
            unused.add_range(family, gap);
        }
    }
    Ok(unused)
}

/// Returns the counter behind the family's last id with data, or `None` if its last key cannot be decoded.
fn first_unused(db: &Arc<Database>, family: DataFamily) -> Result<Option<u64>> {
    let last = Cursor::open_last(db, Family::Data(family), physical(&KeyRange::family(family)), None);
    match last.entry()? {
        None => Ok(Some(1)),
        Some((key, _)) => Ok(id_of_key(key).ok().map(|id| id.counter() + 1)),
    }
}

/// Lists the ids without data among the last [`IN_FLIGHT_IDS`] below `end`, which follows one that has some.
fn gaps_before(db: &Arc<Database>, family: DataFamily, end: u64) -> Result<Vec<Range<u64>>> {
    gaps_in(db, family, end.saturating_sub(IN_FLIGHT_IDS).max(1)..end)
}

/// Finds the ids without data in runs that were taken by whoever may not have come to write under them. For open, before any new
/// lease, and proven as in [`unused_of_last_leases`]. Costs a seek for each id in them that has data.
pub(crate) fn gaps_in_runs(db: &Arc<Database>, runs: Vec<(DataFamily, Range<u64>)>) -> Result<Burials> {
    let mut gaps = Burials::default();
    for (family, counters) in runs {
        let handed_out = counters.start..counters.end.min(read_lease(db, family)?.first_unleased());
        if !handed_out.is_empty() {
            gaps_in(db, family, handed_out)?.into_iter().for_each(|gap| gaps.add_range(family, gap));
        }
    }
    Ok(gaps)
}

/// Lists the ids of `counters` without data, up to the first key that cannot be decoded.
fn gaps_in(db: &Arc<Database>, family: DataFamily, counters: Range<u64>) -> Result<Vec<Range<u64>>> {
    let Range { start: mut next, end } = counters;
    let mut gaps = Vec::new();
    let mut cursor = Cursor::open(db, Family::Data(family), physical(&KeyRange::ids(family, next, end)), None);
    while let Some((key, _)) = cursor.entry()? {
        let Ok(id) = id_of_key(key) else {
            // What cannot be decoded may be anybody's: nothing is proven from here on.
            return Ok(gaps);
        };
        if id.counter() > next {
            gaps.push(next..id.counter());
        }
        next = id.counter() + 1;
        cursor.seek(KeyRange::ids(family, next, end).start());
    }
    if next < end {
        gaps.push(next..end);
    }
    Ok(gaps)
}

/// Finds the ids without data in segments in which nearly everything is dead: what commits left that failed, or that stood
/// still at a crash, and that are too old for [`unused_of_last_leases`]. For open, with the leases and the burials of the
/// last session, and proven as there.
pub(crate) fn gaps_among_the_dead(db: &Arc<Database>, dead: &DeadSet) -> Result<Burials> {
    let mut gaps = Burials::default();
    for family in DataFamily::all() {
        let dead = dead.family(family);
        let handed_out = 1..read_lease(db, family)?.first_unleased();
        let mut looked_into = 0;
        for (segment, _) in dead.segments_in(&handed_out) {
            let first = segment * SEGMENT_IDS;
            let counters = first.max(handed_out.start)..handed_out.end.min(first + SEGMENT_IDS);
            let Some(runs) = dead.runs_in(&counters, MAX_DEAD_RUNS) else { continue };
            if runs == [counters.clone()] {
                continue;
            }
            if looked_into == MAX_SEGMENTS_LOOKED_INTO {
                break;
            }
            looked_into += 1;
            gaps_between(db, family, counters, &runs)?.into_iter().for_each(|gap| gaps.add_range(family, gap));
        }
    }
    Ok(gaps)
}

/// Lists the ids without data that lie in `counters` outside of `runs`, up to the first id with data: the segment keeps
/// its bitmap for that one in any case.
fn gaps_between(
    db: &Arc<Database>,
    family: DataFamily,
    counters: Range<u64>,
    runs: &[Range<u64>],
) -> Result<Vec<Range<u64>>> {
    let mut gaps = Vec::new();
    let mut next = counters.start;
    let range = KeyRange::ids(family, counters.start, counters.end);
    let mut cursor = Cursor::open(db, Family::Data(family), physical(&range), None);
    for run in runs.iter().cloned().chain(std::iter::once(counters.end..counters.end)) {
        let undead = next..run.start;
        next = run.end;
        if undead.is_empty() {
            continue;
        }
        cursor.seek(KeyRange::ids(family, undead.start, undead.end).start());
        let found = match cursor.entry()?.map(|(key, _)| id_of_key(key)) {
            None => undead.end,
            Some(Ok(id)) => id.counter().min(undead.end),
            Some(Err(_)) => return Ok(gaps),
        };
        if undead.start < found {
            gaps.push(undead.start..found);
        }
        if found < undead.end {
            return Ok(gaps);
        }
    }
    Ok(gaps)
}

/// Scans what is physically there, range deletions or not.
fn physical(range: &KeyRange) -> Scan {
    let mut scan = Scan::between(range.start(), Some(range.end().to_vec()));
    scan.see_range_deleted = true;
    scan
}
