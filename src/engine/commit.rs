//! Turns the plans of an operation into one commit: records, elements, expire entries, burials, counts.
//!
//! May use everything below the engine. Invariants (design, rules 1 and 9): all of it is one batch; the entry,
//! burial and count of an expired record are not touched; a record whose expiry has passed is never written.

use crate::encoding::{
    Body, CollectionId, CountValue, DataFamily, ExpireKey, ExpireValue, Habit, LifetimeClass, Meta, MetaKey, StoreKey,
    UnixMillis,
};
use crate::engine::Engine;
use crate::engine::births::{Birth, Written};
use crate::engine::keyspaces::Keyspace;
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::gc::{Burials, merge_burials};
use crate::store::{Batch, Family};
use crate::types::{Before, Change, ElementChange, Home, KeyPlan, NewRecord};

/// A commit in the making.
struct Staged<'a> {
    engine: &'a Engine,
    keyspace: &'a Keyspace,
    batch: Batch,
    burials: Burials,
    count_delta: i64,
    /// Held until the commit is done.
    births: Vec<Birth<'a>>,
    written: Vec<(DataFamily, Written)>,
}

impl Engine {
    /// Commits the plans, all of one keyspace, together. The caller holds the keys' locks and a write pin.
    pub(super) fn commit(&self, keyspace: &Keyspace, plans: Vec<KeyPlan<'_>>, sync: bool) -> Result<()> {
        let mut staged = Staged {
            engine: self,
            keyspace,
            batch: Batch::new(),
            burials: Burials::default(),
            count_delta: 0,
            births: self.begin_births(&plans),
            written: Vec::new(),
        };
        for plan in plans {
            staged.add(plan).inspect_err(|_| self.ids.doubt())?;
        }
        staged.finish(sync)
    }

    /// ORDER: gates in the order of their families, so that no two commits wait for each other.
    fn begin_births(&self, plans: &[KeyPlan<'_>]) -> Vec<Birth<'_>> {
        let mut families: Vec<DataFamily> = plans
            .iter()
            .filter_map(|plan| match &plan.change {
                Change::Put(NewRecord { home: Home::NewId(habit), expires_at, .. }) => {
                    Some(family_of_birth(*expires_at, plan.now, *habit))
                }
                _ => None,
            })
            .collect();
        families.sort_unstable();
        families.dedup();
        families.into_iter().map(|family| self.births.begin(family)).collect()
    }
}

/// Chooses the family of a collection by the time it has to live.
fn family_of_birth(expires_at: Option<UnixMillis>, now: UnixMillis, habit: Habit) -> DataFamily {
    let lifetime = expires_at.map(|expires_at| expires_at.saturating_since(now));
    DataFamily::for_birth(LifetimeClass::for_ttl(lifetime), habit)
}

impl<'a> Staged<'a> {
    fn add(&mut self, plan: KeyPlan<'_>) -> Result<()> {
        let KeyPlan { key, now, before, change, mut elements, .. } = plan;
        let id = match change {
            Change::Nothing => return Ok(()),
            Change::Remove => {
                self.remove(key, &before, true);
                return Ok(());
            }
            Change::MoveAway => {
                self.remove(key, &before, false);
                return Ok(());
            }
            // A write whose expiry is not above its sample is a delete.
            Change::Put(record) if record.expires_at.is_some_and(|expires_at| expires_at <= now) => {
                self.remove(key, &before, true);
                return Ok(());
            }
            Change::Put(record) => self.put(key, now, &before, record)?,
        };
        if let Some(id) = id {
            self.put_elements(id, &mut elements);
        }
        Ok(())
    }

    fn put_elements(&mut self, id: CollectionId, elements: &mut [ElementChange]) {
        let (db, family) = (&self.engine.db, Family::Data(id.family()));
        let mut written = Written::default();
        for element in elements {
            let value = element.value.take();
            let key = element.key_under(id);
            let bytes = key.len() + value.as_ref().map_or(0, |value| value.len());
            written.entries += 1;
            written.bytes += u64::try_from(bytes).unwrap_or(0);
            match value {
                Some(value) => self.batch.put(db, family, key, &value),
                None => self.batch.delete(db, family, key),
            }
        }
        self.written.push((id.family(), written));
    }

    fn remove(&mut self, key: &[u8], before: &Before, bury: bool) {
        let Before::Live(old) = before else {
            return;
        };
        let meta_key = self.meta_key(key);
        self.batch.delete(&self.engine.db, Family::Meta, &meta_key);
        self.unfile_expiry(key, old.expires_at);
        self.count_delta -= 1;
        if bury && let Some(id) = old.id() {
            self.burials.add(id);
        }
    }

    /// Writes a record; returns the id under which its elements go.
    fn put(&mut self, key: &[u8], now: UnixMillis, before: &Before, record: NewRecord) -> Result<Option<CollectionId>> {
        let body = self.body_of(&record, now)?;
        let id = body.id();
        let new = Meta {
            data_type: record.data_type,
            body,
            created_at: record.created_at,
            updated_at: now,
            expires_at: record.expires_at,
            size: record.size,
        };
        let mut filed = false;
        if let Before::Live(old) = before {
            if let Some(old_id) = old.id()
                && Some(old_id) != id
            {
                self.burials.add(old_id);
            }
            filed = old.expires_at == new.expires_at && old.id() == id && old.data_type == new.data_type;
            if old.expires_at != new.expires_at {
                self.unfile_expiry(key, old.expires_at);
            }
        } else {
            self.count_delta += 1;
        }
        if !filed && let Some(expires_at) = new.expires_at {
            let entry = ExpireKey { expires_at, keyspace: self.keyspace.number, user_key: key }.encode();
            let value = ExpireValue { data_type: new.data_type, id }.encode();
            self.batch.put(&self.engine.db, Family::Expire, &entry, &value);
        }
        let meta_key = self.meta_key(key);
        self.batch.put(&self.engine.db, Family::Meta, &meta_key, &new.encode());
        Ok(id)
    }

    /// ORDER: the id is taken as the last step of planning, so that the order of ids is nearly that of commits; and
    /// within a birth, so that the rest of the disorder stays inside one write buffer.
    fn body_of(&self, record: &NewRecord, now: UnixMillis) -> Result<Body> {
        match &record.home {
            Home::Known(body) => Ok(body.clone()),
            Home::NewId(habit) => {
                let family = family_of_birth(record.expires_at, now, *habit);
                Ok(Body::Elements(self.engine.ids.take(&self.engine.db, family)?))
            }
        }
    }

    fn unfile_expiry(&mut self, key: &[u8], expires_at: Option<UnixMillis>) {
        if let Some(expires_at) = expires_at {
            let entry = ExpireKey { expires_at, keyspace: self.keyspace.number, user_key: key }.encode();
            self.batch.delete(&self.engine.db, Family::Expire, &entry);
        }
    }

    fn meta_key(&self, key: &[u8]) -> Vec<u8> {
        MetaKey::encode(self.engine.directory.layout, self.keyspace.number, key)
    }

    fn finish(mut self, sync: bool) -> Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let engine = self.engine;
        merge_burials(&engine.db, &engine.watermark.picture(), &self.burials, &mut self.batch);
        if self.count_delta != 0 {
            let operand = CountValue::encode_plain(self.count_delta);
            self.batch.merge(&engine.db, Family::Default, &StoreKey::Count(self.keyspace.number).encode(), &operand);
        }
        failpoint!("commit::before");
        engine.db.commit(self.batch, sync).inspect_err(|_| engine.ids.doubt())?;
        drop(self.births);
        failpoint!("commit::after");
        self.keyspace.add(self.count_delta);
        engine.watermark.committed(self.burials);
        for (family, written) in self.written {
            engine.births.wrote(&engine.db, family, written);
        }
        Ok(())
    }
}
