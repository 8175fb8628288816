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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::encoding::{Body, DataType, ElementKey, ExpireValue, KeyspaceNo};
    use crate::gc::{Burials, Picture};

    fn family() -> DataFamily {
        DataFamily::new(1).unwrap()
    }

    fn id(counter: u64) -> CollectionId {
        CollectionId::new(family(), counter).unwrap()
    }

    /// Filters with the ids 10 to 19 of one family dead, and everything up to the time 1000.
    fn filters() -> Filters {
        let filters = Filters::default();
        let mut burials = Burials::default();
        burials.add_range(family(), 10..20);
        filters.published.update(|picture: &mut Picture| {
            for (segment, bits) in burials.iter() {
                picture.dead.family_mut(family()).bury(segment.number(), bits, Duration::ZERO);
            }
            picture.reaped_through = UnixMillis::new(1000);
            picture.meta_dead_through = UnixMillis::new(1000);
        });
        filters
    }

    fn meta(expires_at: Option<u64>) -> Vec<u8> {
        let now = UnixMillis::new(1);
        let expires_at = expires_at.map(UnixMillis::new);
        let body = Body::Inline(bytes::Bytes::new());
        Meta { data_type: DataType::String, body, created_at: now, updated_at: now, expires_at, size: 0 }.encode()
    }

    #[test]
    fn an_empty_picture_makes_no_filter_at_all() {
        assert!(Family::all().all(|family| Filters::default().picture(family).is_none()));
        let filters = filters();
        assert!(filters.picture(Family::Data(DataFamily::new(2).unwrap())).is_none());
        assert!(filters.picture(Family::Gc).is_none() && filters.picture(Family::Default).is_none());
    }

    #[test]
    fn only_elements_of_dead_ids_of_the_family_are_dead() {
        let filters = filters();
        let mut filter = filters.picture(Family::Data(family())).unwrap();
        for (counter, dead) in [(9, false), (10, true), (10, true), (19, true), (20, false), (10, true)] {
            assert_eq!(filter.is_dead(&ElementKey::SetMember(b"m").encode(id(counter)), b""), dead, "{counter}");
        }
        let foreign = CollectionId::new(DataFamily::new(2).unwrap(), 10).unwrap();
        assert!(!filter.is_dead(&ElementKey::SetMember(b"m").encode(foreign), b""));
    }

    #[test]
    fn only_records_and_entries_at_or_before_their_time_are_dead() {
        let filters = filters();
        let mut metas = filters.picture(Family::Meta).unwrap();
        assert!(metas.is_dead(b"k", &meta(Some(1000))));
        assert!(!metas.is_dead(b"k", &meta(Some(1001))) && !metas.is_dead(b"k", &meta(None)));
        let mut entries = filters.picture(Family::Expire).unwrap();
        let value = ExpireValue { data_type: DataType::Set, id: Some(id(10)) }.encode();
        let keyspace = KeyspaceNo::new(0).unwrap();
        for (time, dead) in [(1000, true), (1001, false)] {
            let key = ExpireKey { expires_at: UnixMillis::new(time), keyspace, user_key: b"k" }.encode();
            assert_eq!(entries.is_dead(&key, &value), dead, "{time}");
        }
    }

    #[test]
    fn any_bytes_are_kept_and_counted_and_nothing_panics() {
        let filters = filters();
        let mut random = fastrand::Rng::with_seed(7);
        let mut met = 0;
        for family in [Family::Data(family()), Family::Meta, Family::Expire] {
            let mut filter = filters.picture(family).unwrap();
            for _ in 0..2_000 {
                let mut bytes = |most| std::iter::repeat_with(|| random.u8(..)).take(most).collect::<Vec<u8>>();
                let (key, value) = (bytes(usize::from(met as u8 % 30)), bytes(60));
                assert!(!filter.is_dead(&key, &value), "{key:?}");
                met += 1;
            }
        }
        // Now and then random bytes happen to be an id; it is not dead.
        assert!(filters.undecodable.load(Ordering::Relaxed) > met * 9 / 10);
    }

    #[test]
    fn filters_are_made_while_the_picture_changes() {
        let filters = filters();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        let mut filter = filters.picture(Family::Data(family())).unwrap();
                        assert!(filter.is_dead(&ElementKey::SetMember(b"m").encode(id(15)), b""));
                    }
                });
            }
            for time in 0..1_000 {
                filters.published.update(|picture| picture.reaped_through = UnixMillis::new(time));
            }
        });
    }
}
