//! Hands out collection ids: dense, ordered by birth, never reused.
//!
//! May use `encoding` and `store`. Invariants (design, rule 2): an id is handed out only below a lease that is
//! on stable storage, and after a crash counting goes on at the end of the last lease.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::encoding::{DataFamily, KeyRange, Lease, StoreKey, id_of_key};
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint::failpoint;
use crate::gc::Burials;
use crate::store::{Batch, Cursor, Database, Family, Scan};

pub(crate) use crate::encoding::CollectionId;

/// Ids leased at a time. WHY: each lease costs a synced commit; what a crash leaves of one costs a bitmap of runs.
const LEASE_IDS: u64 = 1 << 20;

/// The counter of one family.
#[derive(Debug)]
struct Counter {
    next: u64,
    leased_end: u64,
}

/// The id counters of all families.
pub(crate) struct Ids {
    families: [Mutex<Counter>; DataFamily::COUNT],
}

impl Ids {
    /// Reads the leases of the last session and starts behind them.
    pub(crate) fn load(db: &Database) -> Result<Self> {
        let ids = Self { families: std::array::from_fn(|_| Mutex::new(Counter { next: 1, leased_end: 1 })) };
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

    /// Gives the unused rest of every lease back, so that the next open has nothing to bury. For a clean close.
    pub(crate) fn return_leases(&self, db: &Database) -> Result<()> {
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
/// end of the lease. For open, before any new lease.
///
/// This is positive proof: ids are handed out in order and only to operations that write elements under them,
/// and the look for the last one is in total order.
pub(crate) fn unused_of_last_leases(db: &Arc<Database>) -> Result<Burials> {
    let mut unused = Burials::default();
    for family in DataFamily::all() {
        let end = read_lease(db, family)?.first_unleased();
        if let Some(first) = first_unused(db, family)? {
            // WHY: a session takes a lease only when it has used up the one before.
            unused.add_range(family, first.max(end.saturating_sub(LEASE_IDS))..end);
        }
    }
    Ok(unused)
}

/// Returns the counter behind the family's last id with data, or `None` if its last key cannot be decoded.
fn first_unused(db: &Arc<Database>, family: DataFamily) -> Result<Option<u64>> {
    let range = KeyRange::family(family);
    let mut scan = Scan::between(range.start(), Some(range.end().to_vec()));
    scan.see_range_deleted = true;
    let last = Cursor::open_last(db, Family::Data(family), scan);
    match last.entry()? {
        None => Ok(Some(1)),
        Some((key, _)) => Ok(id_of_key(key).ok().map(|id| id.counter() + 1)),
    }
}
