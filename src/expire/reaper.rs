//! The reaper: pops what is due from the expire family, in order of time, and buries it in bulk.
//!
//! May use `store`, `encoding`, the pins and the watermark. Invariants (design, section 4.2): it takes entries
//! only up to the write horizon, so none can appear, move or vanish behind it; one commit carries the burials,
//! the counts and the new position; positions never go back.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::encoding::{CountValue, ExpireKey, ExpireValue, KeyspaceNo, ReapedThrough, StoreKey, UnixMillis};
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::gc::{Burials, Pins, Watermark, merge_burials};
use crate::store::{Batch, Cursor, Database, Family, Scan};

/// Entries taken in one commit. WHY: more would hold more memory and make a longer commit; fewer would write the
/// same bitmaps more often.
const STEP_ENTRIES: usize = 32 << 10;

/// Keys that a step wants of each keyspace it meets, on average, before it ends. WHY: each keyspace costs a record in the
/// commit, its count. With 10,000 namespaces whose keys expire in turns, that would be more than all the rest.
const KEYS_OF_A_KEYSPACE: usize = 32;

/// Entries at which a step ends in any case. WHY not more: until its commit, nothing of it is given back.
const MOST_STEP_ENTRIES: usize = 8 * STEP_ENTRIES;

/// Bytes of keys at which a step ends, if somebody wants to know them. WHY not more: they are in memory until its commit.
const MOST_STEP_KEY_BYTES: usize = 16 << 20;

/// A key whose time is over.
#[derive(Debug)]
pub(crate) struct Dead {
    pub(crate) expires_at: UnixMillis,
    pub(crate) keyspace: KeyspaceNo,
    pub(crate) key: Bytes,
}

/// Takes what a step has committed: the keys in order, and up to where they are all there were.
pub(crate) type Tell<'t> = &'t dyn Fn(Vec<Dead>, &ReapedThrough);

/// What one step did.
#[derive(Debug, Default)]
pub(crate) struct Reaped {
    /// Keys given back, for each keyspace.
    pub(crate) keys: HashMap<KeyspaceNo, i64>,
    /// Entries that could not be decoded; they stay where they are.
    pub(crate) undecodable: u64,
    /// Whether more was due than one step takes.
    pub(crate) more: bool,
}

/// The reaper's position and what it needs.
pub(crate) struct Reaper {
    db: Arc<Database>,
    pins: Arc<Pins>,
    watermark: Arc<Watermark>,
    /// As it was committed last.
    position: ReapedThrough,
    /// Up to here nothing is due, found by looking and not worth a commit.
    looked_through: UnixMillis,
}

/// One step's harvest.
struct Harvest {
    burials: Burials,
    reaped: Reaped,
    /// The keys, if somebody wants to know.
    dead: Vec<Dead>,
    position: ReapedThrough,
}

impl Dead {
    fn of(entry: &ExpireKey<'_>) -> Self {
        let ExpireKey { expires_at, keyspace, user_key } = *entry;
        Self { expires_at, keyspace, key: Bytes::copy_from_slice(user_key) }
    }
}

impl Reaper {
    pub(crate) fn new(db: Arc<Database>, pins: Arc<Pins>, watermark: Arc<Watermark>, position: ReapedThrough) -> Self {
        let looked_through = position.time;
        Self { db, pins, watermark, position, looked_through }
    }

    /// Reads the position of the last session.
    pub(crate) fn stored_position(db: &Database) -> Result<ReapedThrough> {
        match db.get(Family::Default, &StoreKey::ReapedThrough.encode(), None)? {
            Some(value) => Ok(ReapedThrough::decode(&value)?),
            None => Ok(ReapedThrough { time: UnixMillis::ZERO, cursor: Vec::new() }),
        }
    }

    /// Returns the latest time that the store is known to have reached by this position.
    pub(crate) fn time_seen(position: &ReapedThrough) -> UnixMillis {
        let in_hand = ExpireKey::decode(&position.cursor).map_or(UnixMillis::ZERO, |entry| entry.expires_at);
        position.time.max(in_hand)
    }

    /// Gives back what is due, up to one step's worth. `counts` tells which keyspaces still have a key count:
    /// flushed ones have none. `tell` is there if somebody wants to know the keys.
    pub(crate) fn step(&mut self, counts: impl Fn(KeyspaceNo) -> bool, tell: Option<Tell<'_>>) -> Result<Reaped> {
        // WHY: a flush is not finished while an older pin is held, so `counts` stays true to the end of the step.
        let _pin = self.pins.pin_own();
        let horizon = self.pins.write_horizon();
        if horizon <= self.looked_through {
            return Ok(Reaped::default());
        }
        failpoint!("reaper::before_read");
        let mut harvest = self.harvest(horizon, tell.is_some())?;
        if harvest.reaped.keys.is_empty() {
            self.looked_through = harvest.position.time;
            return Ok(harvest.reaped);
        }
        // ORDER: only a commit moves the position; after a failed one the same entries are read again.
        self.commit(&harvest, counts)?;
        self.looked_through = harvest.position.time;
        self.position = harvest.position.clone();
        failpoint!("reaper::after_commit");
        if let Some(tell) = tell {
            // ORDER: before the filter may drop the record. As long as it is there, a writer sees that the key has expired.
            tell(std::mem::take(&mut harvest.dead), &self.position);
        }
        self.watermark.reaped(harvest.burials, self.position.time);
        Ok(harvest.reaped)
    }

    /// Reads the entries that are due, from behind the position to the horizon.
    fn harvest(&self, horizon: UnixMillis, is_heard: bool) -> Result<Harvest> {
        let mut cursor = self.open(horizon);
        let mut burials = Burials::default();
        let mut reaped = Reaped::default();
        let mut dead = Vec::new();
        let (mut taken, mut key_bytes) = (0, 0);
        while let Some((key, value)) = cursor.entry()? {
            match (ExpireKey::decode(key), ExpireValue::decode(value)) {
                (Ok(entry), Ok(found)) => {
                    *reaped.keys.entry(entry.keyspace).or_default() -= 1;
                    if let Some(id) = found.id {
                        burials.add(id);
                    }
                    taken += 1;
                    if is_heard {
                        key_bytes += entry.user_key.len();
                        dead.push(Dead::of(&entry));
                    }
                    if is_enough(taken, reaped.keys.len()) || key_bytes >= MOST_STEP_KEY_BYTES {
                        reaped.more = true;
                        let time = UnixMillis::new(entry.expires_at.get().saturating_sub(1));
                        let position = ReapedThrough { time: time.max(self.position.time), cursor: key.to_vec() };
                        return Ok(Harvest { burials, reaped, dead, position });
                    }
                }
                _ => reaped.undecodable += 1,
            }
            cursor.advance();
        }
        let position = ReapedThrough { time: horizon, cursor: Vec::new() };
        Ok(Harvest { burials, reaped, dead, position })
    }

    fn open(&self, horizon: UnixMillis) -> Cursor {
        let mut lower = (self.looked_through.get().saturating_add(1)).to_be_bytes().to_vec();
        if self.position.cursor > lower {
            lower.clone_from(&self.position.cursor);
            lower.push(0);
        }
        let upper = horizon.get().saturating_add(1).to_be_bytes().to_vec();
        let mut scan = Scan::between(lower, Some(upper));
        scan.bypass_cache = true;
        Cursor::open(&self.db, Family::Expire, scan, None)
    }

    fn commit(&self, harvest: &Harvest, counts: impl Fn(KeyspaceNo) -> bool) -> Result<()> {
        let mut batch = Batch::new();
        merge_burials(&self.db, &self.watermark.picture(), &harvest.burials, &mut batch);
        for (keyspace, delta) in harvest.reaped.keys.iter().filter(|(keyspace, _)| counts(**keyspace)) {
            let operand = CountValue::encode_plain(*delta);
            batch.merge(&self.db, Family::Default, &StoreKey::Count(*keyspace).encode(), &operand);
        }
        batch.put(&self.db, Family::Default, &StoreKey::ReapedThrough.encode(), &harvest.position.encode());
        failpoint!("reaper::before_commit");
        self.db.commit(batch, false)
    }
}

/// Tells whether a step has taken enough entries, of so many keyspaces.
fn is_enough(entries: usize, keyspaces: usize) -> bool {
    entries >= MOST_STEP_ENTRIES || (entries >= STEP_ENTRIES && entries >= keyspaces * KEYS_OF_A_KEYSPACE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_ends_sooner_where_it_meets_few_keyspaces_and_ends_in_any_case() {
        assert!(!is_enough(STEP_ENTRIES - 1, 1));
        assert!(is_enough(STEP_ENTRIES, 1) && is_enough(STEP_ENTRIES, STEP_ENTRIES / KEYS_OF_A_KEYSPACE));
        assert!(!is_enough(STEP_ENTRIES, STEP_ENTRIES / KEYS_OF_A_KEYSPACE + 1));
        assert!(!is_enough(MOST_STEP_ENTRIES - 1, STEP_ENTRIES) && is_enough(MOST_STEP_ENTRIES, STEP_ENTRIES));
    }
}
