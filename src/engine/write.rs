//! The path of every change to keys: lock, pin, sample, read, plan, commit.
//!
//! May use everything below the engine. Invariant: keys are locked by their names, and dbs are swapped only while
//! every lock is held: so what a db's name stands for changes under no write, but by a flush, before which a write
//! in flight counts as done.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::encoding::{MAX_NAMESPACE_BYTES, UnixMillis};
use crate::engine::Engine;
use crate::engine::builds::Builds;
use crate::engine::events::Happened;
use crate::engine::keyspaces::Map;
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::gc::PinKind;
use crate::options::Durability;
use crate::types::{Before, KeyPlan, Limits, PlanContext, Reader};

/// Where a write goes and how durable it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) namespace: &'a [u8],
    pub(crate) durability: Option<Durability>,
}

/// A key that an operation may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    pub(crate) db: u32,
    pub(crate) key: &'a [u8],
}

impl Engine {
    /// Plans a change of several different keys, which may lie in different dbs of one namespace, and commits it.
    ///
    /// ORDER: locks, pin, time, keyspaces.
    pub(super) fn write_targets<T>(
        &self,
        place: Place<'_>,
        targets: &[Target<'_>],
        plan: impl FnOnce(&mut [KeyPlan<'_>]) -> Result<T>,
    ) -> Result<T> {
        self.check_writable()?;
        self.refuse_inside()?;
        check_namespace(place.namespace)?;
        targets.iter().try_for_each(|target| self.check_key(target.key))?;
        let _locked = self.locks.lock(targets.iter().map(|target| (place.namespace, target.db, target.key)));
        let pin = self.pins.pin(PinKind::Write);
        let reader = Reader::new(&self.db, self.directory.layout, None);
        let keyspaces = self.keyspaces_of(place.namespace, targets, &reader, pin.now())?;
        let limits = self.limits();
        let builds = Builds::new(self);
        let is_heard = self.events.is_heard();
        let context = PlanContext { now: pin.now(), reader: &reader, limits: &limits, builder: &builds, is_heard };
        let mut plans = Vec::with_capacity(targets.len());
        let before = before_each(&reader, &keyspaces, place.namespace, targets, pin.now())?;
        for (target, before) in targets.iter().zip(before) {
            let keyspace = keyspaces.find(place.namespace, target.db).map(|keyspace| keyspace.number);
            plans.push(KeyPlan::new(keyspace, target.key, context, before));
        }
        failpoint!("write::planning");
        let outcome = plan(&mut plans)?;
        let happened = if is_heard { Happened::take(targets, &mut plans) } else { Vec::new() };
        self.commit_plans_of(place, &keyspaces, targets, plans, &builds)?;
        if is_heard {
            self.events.publish(place.namespace, &happened);
        }
        Ok(outcome)
    }

    /// Returns the keyspaces with those of all targets, if they lie in several dbs and there may be something to write.
    fn keyspaces_of(
        &self,
        namespace: &[u8],
        targets: &[Target<'_>],
        reader: &Reader,
        now: UnixMillis,
    ) -> Result<Arc<Map>> {
        let keyspaces = self.keyspaces.current();
        let dbs = || targets.iter().map(|target| target.db);
        if !is_missing_one_of_several(&keyspaces, namespace, dbs()) {
            return Ok(keyspaces);
        }
        // WHY only then: what is asked of keys that are not there must not fill the store with empty dbs.
        for target in targets {
            if let Some(keyspace) = keyspaces.find(namespace, target.db)
                && reader.live(keyspace.number, target.key, now)?.is_some()
            {
                return self.keyspaces.with_all(&self.db, namespace, dbs());
            }
        }
        Ok(keyspaces)
    }

    /// Commits what is planned for these targets, a plan for each. The caller holds their locks, and has held a write pin
    /// since before the keyspaces were loaded.
    pub(super) fn commit_plans_of(
        &self,
        place: Place<'_>,
        keyspaces: &Map,
        targets: &[Target<'_>],
        plans: Vec<KeyPlan<'_>>,
        builds: &Builds<'_>,
    ) -> Result<()> {
        let mut changes = Vec::with_capacity(plans.len());
        let mut watched = self.watches.is_any().then(Vec::new);
        for (target, mut plan) in targets.iter().zip(plans).filter(|(_, plan)| plan.changes_something()) {
            self.promote(&mut plan);
            let keyspace = match keyspaces.find(place.namespace, target.db) {
                Some(keyspace) => keyspace.clone(),
                None => self.keyspaces.find_or_create(&self.db, place.namespace, target.db)?,
            };
            changes.push((keyspace, plan));
            watched.iter_mut().for_each(|watched| watched.push(*target));
        }
        builds.leave_to_commit(changes.iter().filter_map(|(_, plan)| plan.built));
        let done = self.commit(changes, self.must_sync(place.durability));
        // ORDER: after the commit. Who begins to watch later has not read before it; one that failed may have happened.
        if !matches!(done, Ok(false)) && self.watches.is_any_after_commit() {
            let changed = watched.as_deref().unwrap_or(targets);
            changed.iter().for_each(|target| self.watches.mark(place.namespace, target.db, target.key));
        }
        if done? {
            self.want_sync(place.durability);
        }
        Ok(())
    }

    pub(super) fn limits(&self) -> Limits {
        let options = &self.options;
        Limits {
            inline_expiring: options.inline_expiring_bytes,
            inline_lasting: options.inline_lasting_bytes,
            packed_expiring: options.packed_expiring_bytes,
            packed_lasting: options.packed_lasting_bytes,
            max_value: options.max_value_bytes,
            commit: options.max_commit_bytes,
        }
    }

    /// Tells whether a commit has to be on stable storage before its call returns.
    pub(super) fn must_sync(&self, durability: Option<Durability>) -> bool {
        durability.unwrap_or(self.options.durability) == Durability::Sync
    }

    /// Has the log synced within the interval, if the commit just made asks for it.
    pub(super) fn want_sync(&self, durability: Option<Durability>) {
        let wanted = durability.unwrap_or(self.options.durability) == Durability::Interval;
        // Looked at first: all writers would fight for the cache line otherwise.
        if wanted && !self.sync_wanted.load(Ordering::Acquire) {
            self.sync_wanted.store(true, Ordering::Release);
        }
    }

    /// Refuses keys longer than the store's limit.
    pub(super) fn check_key(&self, key: &[u8]) -> Result<()> {
        check_length(key, "a key", "max_key_bytes", self.options.max_key_bytes)
    }

    /// Refuses set members longer than the store's limit.
    pub(super) fn check_member(&self, member: &[u8]) -> Result<()> {
        check_length(member, "a member", "max_member_bytes", self.options.max_member_bytes)
    }

    /// Refuses values and list items longer than the store's limit.
    pub(super) fn check_value(&self, value: &[u8]) -> Result<()> {
        check_length(value, "a value", "max_value_bytes", self.options.max_value_bytes)
    }
}

/// Reads what the keys of these targets hold, those of one db in one look-up.
fn before_each(
    reader: &Reader,
    keyspaces: &Map,
    namespace: &[u8],
    targets: &[Target<'_>],
    now: UnixMillis,
) -> Result<Vec<Before>> {
    let mut found = Vec::with_capacity(targets.len());
    for of_db in targets.chunk_by(|a, b| a.db == b.db) {
        let Some(keyspace) = of_db.first().and_then(|first| keyspaces.find(namespace, first.db)) else {
            found.extend(of_db.iter().map(|_| Before::Absent));
            continue;
        };
        match of_db {
            // Which is quicker alone.
            [one] => found.push(reader.before(keyspace.number, one.key, now)?),
            several => {
                let keys: Vec<_> = several.iter().map(|target| target.key).collect();
                found.extend(reader.before_many(keyspace.number, &keys, now)?);
            }
        }
    }
    Ok(found)
}

/// Tells whether these dbs are several, and one of them is not there.
pub(super) fn is_missing_one_of_several(keyspaces: &Map, namespace: &[u8], dbs: impl Iterator<Item = u32>) -> bool {
    let mut dbs = dbs.peekable();
    let Some(first) = dbs.peek().copied() else { return false };
    let (mut are_several, mut is_one_missing) = (false, false);
    for db in dbs {
        are_several |= db != first;
        is_one_missing |= keyspaces.find(namespace, db).is_none();
    }
    are_several && is_one_missing
}

/// Refuses names that no keyspace can have.
pub(super) fn check_namespace(name: &[u8]) -> Result<()> {
    check_length(name, "a namespace's name", "the format", MAX_NAMESPACE_BYTES)
}

/// Returns the different keys, in the order in which they come first, and for each key given its place among them.
pub(super) fn distinct<'k>(keys: &[&'k [u8]]) -> (Vec<&'k [u8]>, Vec<usize>) {
    let mut different = Vec::new();
    let mut known = BTreeMap::new();
    let place = |key: &&'k [u8]| {
        *known.entry(*key).or_insert_with(|| {
            different.push(*key);
            different.len() - 1
        })
    };
    let places = keys.iter().map(place).collect();
    (different, places)
}

fn check_length(bytes: &[u8], what: &str, option: &str, limit: usize) -> Result<()> {
    if bytes.len() <= limit {
        return Ok(());
    }
    let wide = |length| u64::try_from(length).unwrap_or(u64::MAX);
    Err(Error::too_large(what, wide(bytes.len()), option, wide(limit)))
}
