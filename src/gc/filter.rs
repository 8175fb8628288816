//! What a compaction may drop, decided from the published picture alone.
//!
//! May use `encoding`, the store's filter trait and the watermark's picture. Invariant (design, rules 3 and
//! 6): only positive proof removes an entry. What cannot be decoded is kept and counted. A filter never
//! writes, waits, reads the store or panics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
}

impl FilterSource for Filters {
    fn picture(&self, family: Family) -> Option<Box<dyn EntryFilter>> {
        let picture = self.published.picture();
        let undecodable = Arc::clone(&self.undecodable);
        match family {
            Family::Data(data) => {
                let dead = Arc::clone(picture.dead.family(data));
                let nothing = dead.is_empty() && dead.retired().is_empty();
                (!nothing).then(|| Box::new(DataFilter { family: data, dead, last: None, undecodable }) as _)
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
    /// The last verdict: elements of one id come in a row.
    last: Option<(CollectionId, bool)>,
    undecodable: Arc<AtomicU64>,
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
                self.last = Some((id, verdict));
                verdict
            }
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
