//! The path of every change to keys: lock, pin, sample, read, plan, commit.
//!
//! May use everything below the engine. Invariant: the keyspace number under which the keys are locked is the
//! one under which they are written.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use crate::engine::Engine;
use crate::engine::builds::Builds;
use crate::engine::keyspaces::Keyspace;
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint::failpoint;
use crate::gc::PinKind;
use crate::options::Durability;
use crate::types::{KeyPlan, Limits, PlanContext, Reader};

/// Where a write goes and how durable it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) namespace: &'a [u8],
    pub(crate) db: u32,
    pub(crate) durability: Option<Durability>,
}

/// A key that an operation may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    pub(crate) db: u32,
    pub(crate) key: &'a [u8],
}

impl Engine {
    /// Plans a change of one key and commits it.
    pub(super) fn write_key<T>(
        &self,
        place: Place<'_>,
        key: &[u8],
        plan: impl FnOnce(&mut KeyPlan<'_>) -> Result<T>,
    ) -> Result<T> {
        self.write_keys(place, &[key], |plans| match plans {
            [one] => plan(one),
            _ => Err(Error::invalid("one key makes one plan")),
        })
    }

    /// Plans a change of several different keys of one db and commits it.
    pub(super) fn write_keys<T>(
        &self,
        place: Place<'_>,
        keys: &[&[u8]],
        plan: impl FnOnce(&mut [KeyPlan<'_>]) -> Result<T>,
    ) -> Result<T> {
        let targets: Vec<Target<'_>> = keys.iter().map(|key| Target { db: place.db, key }).collect();
        self.write_targets(place, &targets, plan)
    }

    /// Plans a change of several different keys, which may lie in different dbs of one namespace, and commits it.
    ///
    /// ORDER: locks, pin, time, keyspaces. A flush between locking and pinning shows as another number.
    pub(super) fn write_targets<T>(
        &self,
        place: Place<'_>,
        targets: &[Target<'_>],
        plan: impl FnOnce(&mut [KeyPlan<'_>]) -> Result<T>,
    ) -> Result<T> {
        self.check_writable()?;
        targets.iter().try_for_each(|target| self.check_key(target.key))?;
        loop {
            let expected = self.expect_keyspaces(place.namespace, targets)?;
            let locked = expected.iter().zip(targets).map(|(keyspace, target)| (keyspace.number, target.key));
            let _locked = self.locks.lock(locked);
            let pin = self.pins.pin(PinKind::Write);
            let current = self.keyspaces.current();
            let is_current = |(keyspace, target): (&Keyspace, &Target<'_>)| {
                current.find(place.namespace, target.db).is_some_and(|found| found.number == keyspace.number)
            };
            if !expected.iter().zip(targets).all(is_current) {
                continue;
            }
            let reader = Reader::new(&self.db, self.directory.layout, None);
            let limits = self.limits();
            let builds = Builds::new(self);
            let context = PlanContext { now: pin.now(), reader: &reader, limits: &limits, builder: &builds };
            let mut plans = Vec::with_capacity(targets.len());
            for (keyspace, target) in expected.iter().zip(targets) {
                let before = reader.before(keyspace.number, target.key, pin.now())?;
                plans.push(KeyPlan::new(target.key, context, before));
            }
            failpoint!("write::planning");
            let outcome = plan(&mut plans)?;
            builds.leave_to_commit(plans.iter().filter_map(|plan| plan.built));
            self.commit(expected.into_iter().zip(plans).collect(), self.must_sync(place.durability))?;
            self.want_sync(place.durability);
            return Ok(outcome);
        }
    }

    /// Finds the keyspaces of the targets, creating what is missing.
    fn expect_keyspaces(&self, namespace: &[u8], targets: &[Target<'_>]) -> Result<Vec<Keyspace>> {
        targets.iter().map(|target| self.keyspaces.find_or_create(&self.db, namespace, target.db)).collect()
    }

    fn limits(&self) -> Limits {
        let options = &self.options;
        Limits {
            inline_expiring: options.inline_expiring_bytes,
            inline_lasting: options.inline_lasting_bytes,
            packed_expiring: options.packed_expiring_bytes,
            packed_lasting: options.packed_lasting_bytes,
            max_value: options.max_value_bytes,
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
        check_length(key, self.options.max_key_bytes, "a key is longer than the store's limit")
    }

    /// Refuses set members longer than the store's limit.
    pub(super) fn check_member(&self, member: &[u8]) -> Result<()> {
        check_length(member, self.options.max_member_bytes, "a member is longer than the store's limit")
    }

    /// Refuses values and list items longer than the store's limit.
    pub(super) fn check_value(&self, value: &[u8]) -> Result<()> {
        check_length(value, self.options.max_value_bytes, "a value is longer than the store's limit")
    }
}

/// The different ones among `keys`, each where it first stands: for operations that lock several keys.
pub(super) fn distinct<'k>(keys: &[&'k [u8]]) -> Vec<&'k [u8]> {
    let mut seen = BTreeSet::new();
    keys.iter().copied().filter(|key| seen.insert(*key)).collect()
}

fn check_length(bytes: &[u8], limit: usize, message: &'static str) -> Result<()> {
    if bytes.len() > limit { Err(Error::new(ErrorKind::TooLarge, message)) } else { Ok(()) }
}
