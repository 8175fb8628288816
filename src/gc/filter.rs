//! What a compaction may drop, decided from the published picture alone.
//!
//! May use `encoding`, the store's filter trait and the watermark's picture. Invariant (design, rules 3 and
//! 6): only positive proof removes an entry. What cannot be decoded is kept and counted. A filter never
//! writes, waits, reads the store or panics.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::dead::FamilyDead;
use super::watermark::Published;
use crate::encoding::{CollectionId, DataFamily, ExpireKey, ExpireValue, Meta, UnixMillis, id_of_key};
use crate::store::{EntryFilter, Family, FilterSource};

/// Makes the filters of all families.
#[derive(Default)]
pub(crate) struct Filters {
    pub(crate) published: Arc<Published>,
    /// Entries met that could not be decoded.
    pub(crate) undecodable: Arc<AtomicU64>,
    /// Compactions of data families that have ended since somebody asked.
    pub(crate) ended: Arc<Mutex<Vec<Cleaning>>>,
}

/// What one compaction went through.
#[derive(Debug)]
pub(crate) struct Cleaning {
    pub(crate) family: DataFamily,
    /// From the first id met to the last.
    pub(crate) counters: Range<u64>,
    /// The dead that it left out.
    pub(crate) picture: Arc<FamilyDead>,
}

impl FilterSource for Filters {
    fn picture(&self, family: Family) -> Option<Box<dyn EntryFilter>> {
        let picture = self.published.picture();
        let undecodable = Arc::clone(&self.undecodable);
        match family {
            Family::Data(data) => {
                let dead = Arc::clone(picture.dead.family(data));
                let nothing = dead.is_empty() && dead.retired().is_empty();
                let ended = Arc::clone(&self.ended);
                let filter = DataFilter { family: data, dead, first: None, last: None, undecodable, ended };
                (!nothing).then(|| Box::new(filter) as _)
            }
            Family::Meta => {
                let through = picture.meta_dead_through;
                (through > UnixMillis::ZERO).then(|| Box::new(MetaFilter { through, undecodable }) as _)
            }
            Family::Expire => {
                let through = picture.reaped_through;
                (through > UnixMillis::ZERO).then(|| Box::new(ExpireFilter { through, undecodable }) as _)
            }
            Family::Default | Family::Gc => None,
        }
    }
}

/// Drops the elements of dead ids.
struct DataFilter {
    family: DataFamily,
    dead: Arc<FamilyDead>,
    first: Option<CollectionId>,
    /// The last verdict: elements of one id come in a row.
    last: Option<(CollectionId, bool)>,
    undecodable: Arc<AtomicU64>,
    ended: Arc<Mutex<Vec<Cleaning>>>,
}

impl EntryFilter for DataFilter {
    fn is_dead(&mut self, key: &[u8], _value: &[u8]) -> bool {
        let id = match id_of_key(key) {
            Ok(id) if id.family() == self.family => id,
            _ => return keep(&self.undecodable),
        };
        match self.last {
            Some((last, verdict)) if last == id => verdict,
            _ => {
                let verdict = self.dead.contains(id);
                self.first.get_or_insert(id);
                self.last = Some((id, verdict));
                verdict
            }
        }
    }

    /// The lock is held for a push here and for a swap by the reclaimer: nobody waits on it.
    fn finish(&mut self) {
        if let (Some(first), Some((last, _))) = (self.first, self.last) {
            let counters = first.counter()..last.counter() + 1;
            let picture = Arc::clone(&self.dead);
            self.ended.lock().push(Cleaning { family: self.family, counters, picture });
        }
    }
}

/// Drops meta records that expired before everything pinned and were reaped.
struct MetaFilter {
    through: UnixMillis,
    undecodable: Arc<AtomicU64>,
}

impl EntryFilter for MetaFilter {
    fn is_dead(&mut self, _key: &[u8], value: &[u8]) -> bool {
        match Meta::peek(value) {
            Ok(head) => head.expires_at.is_some_and(|expires_at| expires_at <= self.through),
            Err(_) => keep(&self.undecodable),
        }
    }
}

/// Drops entries of the expire family that the reaper has passed.
struct ExpireFilter {
    through: UnixMillis,
    undecodable: Arc<AtomicU64>,
}

impl EntryFilter for ExpireFilter {
    fn is_dead(&mut self, key: &[u8], value: &[u8]) -> bool {
        match (ExpireKey::decode(key), ExpireValue::decode(value)) {
            (Ok(entry), Ok(_)) => entry.expires_at <= self.through,
            _ => keep(&self.undecodable),
        }
    }
}

fn keep(undecodable: &AtomicU64) -> bool {
    undecodable.fetch_add(1, Ordering::Relaxed);
    false
}
