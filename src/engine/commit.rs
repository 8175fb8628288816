//! Turns the plans of an operation into one commit: records, elements, expire entries, burials, counts.
//!
//! May use everything below the engine. Invariants (design, rules 1 and 9): all of it is one batch; the entry,
//! burial and count of an expired record are not touched; a record whose expiry has passed is never written.

use std::collections::BTreeSet;

use crate::births::{Birth, Written};
use crate::encoding::{
    Body, CollectionId, CountValue, DataFamily, DataType, ExpireKey, ExpireValue, KeyspaceNo, Meta, MetaKey, StoreKey,
    StoreTime as StoreTimeRecord, UnixMillis,
};
use crate::engine::Engine;
use crate::engine::habits::{Lesson, Placed};
use crate::engine::keyspaces::Keyspace;
use crate::engine::ranks::Touched;
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::gc::{Burials, Timed, merge_burials};
use crate::store::{Batch, Database, Family};
use crate::types::{Before, Change, Home, KeyPlan, NewRecord, Origin, Pending};

/// A commit in the making.
struct Staged<'a> {
    engine: &'a Engine,
    batch: Batch,
    burials: Burials,
    /// What becomes of each keyspace's count of keys.
    counts: Vec<(Keyspace, i64)>,
    /// Held until the commit is done.
    births: Vec<Birth<'a>>,
    written: Vec<(DataFamily, Written)>,
    /// Collections that lie under other keys after this.
    moved: BTreeSet<CollectionId>,
    /// Sorted sets that have an index of their ranks.
    ranked: Vec<Touched>,
    /// What the commit says about the habits of its keys.
    lessons: Vec<Lesson>,
    now: UnixMillis,
    /// Whether a record takes the place of one that has expired and waits for the reaper.
    replaces_expired: bool,
}

impl Engine {
    /// Commits the plans together; returns whether anything was written. The caller holds the keys' locks and a
    /// write pin.
    pub(super) fn commit(&self, plans: Vec<(Keyspace, KeyPlan<'_>)>, sync: bool) -> Result<bool> {
        self.reclaimer.pacer.time(Timed::Write, 1, || self.commit_plans(plans, sync))
    }

    fn commit_plans(&self, plans: Vec<(Keyspace, KeyPlan<'_>)>, sync: bool) -> Result<bool> {
        let places: Vec<Option<Placed>> =
            plans.iter().map(|(keyspace, plan)| self.place_plan(keyspace.number, plan)).collect();
        let mut staged = Staged {
            engine: self,
            batch: Batch::new(),
            burials: Burials::default(),
            counts: Vec::new(),
            births: self.begin_births(&places),
            written: Vec::new(),
            moved: moved_by(&plans),
            ranked: Vec::new(),
            lessons: Vec::new(),
            now: plans.first().map_or(UnixMillis::ZERO, |(_, plan)| plan.now),
            replaces_expired: false,
        };
        for ((keyspace, plan), place) in plans.into_iter().zip(places) {
            staged.add(&keyspace, plan, place).inspect_err(|_| self.ids.doubt())?;
        }
        staged.finish(sync)
    }

    /// ORDER: gates in the order of their families, so that no two commits wait for each other.
    fn begin_births(&self, places: &[Option<Placed>]) -> Vec<Birth<'_>> {
        let mut families: Vec<DataFamily> = places.iter().flatten().map(|place| place.family).collect();
        families.sort_unstable();
        families.dedup();
        families.into_iter().map(|family| self.births.begin(family)).collect()
    }
}

impl<'a> Staged<'a> {
    fn add(&mut self, keyspace: &Keyspace, plan: KeyPlan<'_>, place: Option<Placed>) -> Result<()> {
        let KeyPlan { key, now, before, change, elements, built, origin, .. } = plan;
        if let Some(built) = built {
            self.batch.delete(&self.engine.db, Family::Default, &StoreKey::Building(built).encode());
        }
        let growth = growth(&before, &change);
        let had = id_before(&before);
        let id = match change {
            Change::Nothing => return Ok(()),
            Change::Remove => {
                self.remove(keyspace, key, &before, true);
                return Ok(());
            }
            Change::MoveAway => {
                self.remove(keyspace, key, &before, false);
                return Ok(());
            }
            // A write whose expiry is not above its sample is a delete.
            Change::Put(record) if record.expires_at.is_some_and(|expires_at| expires_at <= now) => {
                self.remove(keyspace, key, &before, true);
                if let Some(built) = built {
                    self.burials.add(built);
                }
                return Ok(());
            }
            Change::Elements(id) => Some(id),
            Change::Put(record) => self.put(keyspace, key, &before, record, (place, origin))?,
        };
        let is_written = origin == Origin::Rewritten || (id == had && !elements.is_empty());
        if let Some(had) = had.filter(|_| is_written) {
            self.engine.habits.written(had);
        }
        if let Some(id) = id {
            self.put_elements(id, elements, growth);
        }
        Ok(())
    }

    fn put_elements(&mut self, id: CollectionId, elements: Pending, growth: i64) {
        self.engine.margins.make_room(id, &elements);
        self.ranked.extend(self.engine.ranks.touched(id, &elements, growth));
        let written = stage_elements(&mut self.batch, &self.engine.db, id, elements);
        self.written.push((id.family(), written));
    }

    fn remove(&mut self, keyspace: &Keyspace, key: &[u8], before: &Before, bury: bool) {
        let Before::Live(old) = before else {
            return;
        };
        let meta_key = self.meta_key(keyspace, key);
        self.batch.delete(&self.engine.db, Family::Meta, &meta_key);
        self.unfile_expiry(keyspace, key, old.expires_at);
        self.count(keyspace, -1);
        if bury
            && let Some(id) = old.id()
            && !self.moved.contains(&id)
        {
            self.lessons.extend(Lesson::of_end(keyspace.number, key, old));
            self.bury(id);
        }
    }

    fn bury(&mut self, id: CollectionId) {
        self.burials.add(id);
        self.engine.ranks.forget(id);
        self.engine.margins.forget(id);
    }

    fn count(&mut self, keyspace: &Keyspace, delta: i64) {
        match self.counts.iter_mut().find(|(counted, _)| counted.number == keyspace.number) {
            Some((_, sum)) => *sum += delta,
            None => self.counts.push((keyspace.clone(), delta)),
        }
    }

    /// Writes a record; returns the id under which its elements go.
    fn put(
        &mut self,
        keyspace: &Keyspace,
        key: &[u8],
        before: &Before,
        record: NewRecord,
        (place, origin): (Option<Placed>, Origin),
    ) -> Result<Option<CollectionId>> {
        let body = self.body_of(&record, place)?;
        let id = body.id();
        let new = Meta {
            data_type: record.data_type,
            body,
            created_at: record.created_at,
            updated_at: self.now,
            expires_at: record.expires_at,
            size: record.size,
        };
        let mut filed = false;
        if let Before::Live(old) = before {
            let moves_away = old.id().is_some_and(|old_id| Some(old_id) != id && self.moved.contains(&old_id));
            if !moves_away {
                self.lessons.extend(Lesson::of_change(keyspace.number, key, old, &new, origin));
            }
            self.lessons.extend((origin == Origin::Promoted).then_some(Lesson::Promoted));
            if let Some(old_id) = old.id()
                && Some(old_id) != id
                && !moves_away
            {
                self.bury(old_id);
            }
            filed = old.expires_at == new.expires_at && old.id() == id && old.data_type == new.data_type;
            if old.expires_at != new.expires_at {
                self.unfile_expiry(keyspace, key, old.expires_at);
            }
        } else {
            self.count(keyspace, 1);
            self.replaces_expired |= matches!(before, Before::Expired(_));
        }
        if !filed && let Some((entry, value)) = expire_entry(&new, keyspace.number, key) {
            self.batch.put(&self.engine.db, Family::Expire, &entry, &value);
        }
        let meta_key = self.meta_key(keyspace, key);
        self.batch.put(&self.engine.db, Family::Meta, &meta_key, &new.encode());
        Ok(id)
    }

    /// ORDER: the id is taken as the last step of planning, so that the order of ids is nearly that of commits; and
    /// within a birth, so that the rest of the disorder stays inside one write buffer.
    fn body_of(&mut self, record: &NewRecord, place: Option<Placed>) -> Result<Body> {
        match (&record.home, place) {
            (Home::Known(body), _) => Ok(body.clone()),
            (Home::NewId { .. }, None) => Err(Error::corrupt("a new collection was given no family")),
            (Home::NewId { head, .. }, Some(place)) => {
                let id = self.engine.ids.take(&self.engine.db, place.family)?;
                self.lessons.extend(place.born.map(|born| Lesson::Born { id, born }));
                Ok(match record.data_type {
                    DataType::List => Body::List { id, head: *head },
                    _ => Body::Elements(id),
                })
            }
        }
    }

    fn unfile_expiry(&mut self, keyspace: &Keyspace, key: &[u8], expires_at: Option<UnixMillis>) {
        if let Some(expires_at) = expires_at {
            let entry = ExpireKey { expires_at, keyspace: keyspace.number, user_key: key }.encode();
            self.batch.delete(&self.engine.db, Family::Expire, &entry);
        }
    }

    fn meta_key(&self, keyspace: &Keyspace, key: &[u8]) -> Vec<u8> {
        MetaKey::encode(self.engine.directory.layout, keyspace.number, key)
    }

    fn finish(mut self, sync: bool) -> Result<bool> {
        if self.batch.is_empty() {
            return Ok(false);
        }
        let engine = self.engine;
        merge_burials(&engine.db, &engine.watermark.picture(), &self.burials, &mut self.batch);
        for (keyspace, delta) in self.counts.iter().filter(|(_, delta)| *delta != 0) {
            let operand = CountValue::encode_plain(*delta);
            self.batch.merge(&engine.db, Family::Default, &StoreKey::Count(keyspace.number).encode(), &operand);
        }
        // ORDER: held until the commit is made, so that a record of the time never replaces a later one.
        let saving = self.replaces_expired.then(|| engine.saving_time.lock());
        if saving.is_some() {
            // WHY: if time began earlier after a crash, the new record could be given the old one's expiry, whose entry in the
            // expire family belongs to the reaper still.
            let now = StoreTimeRecord(engine.time.sample());
            self.batch.put(&engine.db, Family::Default, &StoreKey::StoreTime.encode(), &now.encode());
        }
        failpoint!("commit::before");
        let batch = self.batch;
        let commit = || engine.db.commit(batch, sync).inspect_err(|_| engine.ids.doubt());
        engine.ranks.follow(self.ranked, commit)?;
        drop(saving);
        drop(self.births);
        failpoint!("commit::after");
        for (keyspace, delta) in &self.counts {
            keyspace.add(*delta);
        }
        engine.watermark.committed(self.burials);
        engine.learn(self.lessons, self.now);
        for (family, written) in self.written {
            engine.births.wrote(&engine.db, family, written);
        }
        Ok(true)
    }
}

/// Returns the expire entry of a record, if it expires.
pub(super) fn expire_entry(meta: &Meta, keyspace: KeyspaceNo, user_key: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let entry = ExpireKey { expires_at: meta.expires_at?, keyspace, user_key }.encode();
    Some((entry, ExpireValue { data_type: meta.data_type, id: meta.id() }.encode()))
}

/// Returns the collections that come to another key: what links them elsewhere lets them go without burying them.
fn moved_by(plans: &[(Keyspace, KeyPlan<'_>)]) -> BTreeSet<CollectionId> {
    let moved = plans.iter().filter_map(|(_, plan)| match &plan.change {
        Change::Put(NewRecord { home: Home::Known(body), .. }) if body.id() != id_before(&plan.before) => body.id(),
        _ => None,
    });
    moved.collect()
}

/// Returns the id that the key had.
fn id_before(before: &Before) -> Option<CollectionId> {
    match before {
        Before::Live(old) => old.id(),
        Before::Absent | Before::Expired(_) => None,
    }
}

/// Returns by how much a collection grows that has an id and keeps it.
fn growth(before: &Before, change: &Change) -> i64 {
    match (before, change) {
        (Before::Live(old), Change::Put(record)) => record.size.wrapping_sub(old.size).cast_signed(),
        _ => 0,
    }
}

/// Adds changes of elements under `id` to a batch.
pub(super) fn stage_elements(batch: &mut Batch, db: &Database, id: CollectionId, elements: Pending) -> Written {
    let family = Family::Data(id.family());
    let mut written = Written::default();
    let mut key = id.to_be_bytes().to_vec();
    for (tail, value) in elements {
        key.truncate(8);
        key.extend_from_slice(&tail);
        let bytes = key.len() + value.as_ref().map_or(0, |value| value.len());
        written.entries += 1;
        written.bytes += u64::try_from(bytes).unwrap_or(0);
        match value {
            Some(value) => batch.put(db, family, &key, &value),
            None => batch.delete(db, family, &key),
        }
    }
    written
}
