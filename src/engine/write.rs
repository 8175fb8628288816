//! The path of every change to keys: lock, pin, sample, read, plan, commit.
//!
//! May use everything below the engine. Invariant: the keyspace number under which the keys are locked is the
//! one under which they are written.

use std::sync::atomic::Ordering;

use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint::failpoint;
use crate::gc::PinKind;
use crate::options::Durability;
use crate::types::{KeyPlan, Reader};

/// Where a write goes and how durable it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) namespace: &'a [u8],
    pub(crate) db: u32,
    pub(crate) durability: Option<Durability>,
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

    /// Plans a change of several different keys and commits it.
    ///
    /// ORDER: locks, pin, time, keyspaces. A flush between locking and pinning shows as another number.
    pub(super) fn write_keys<T>(
        &self,
        place: Place<'_>,
        keys: &[&[u8]],
        plan: impl FnOnce(&mut [KeyPlan<'_>]) -> Result<T>,
    ) -> Result<T> {
        self.check_writable()?;
        keys.iter().try_for_each(|key| self.check_key(key))?;
        loop {
            let expected = self.keyspaces.find_or_create(&self.db, place.namespace, place.db)?;
            let _locked = self.locks.lock(keys.iter().map(|key| (expected.number, *key)));
            let pin = self.pins.pin(PinKind::Write);
            let current = self.keyspaces.current();
            let keyspace = match current.find(place.namespace, place.db) {
                Some(keyspace) if keyspace.number == expected.number => keyspace,
                _ => continue,
            };
            let reader = Reader::new(&self.db, self.directory.layout, None);
            let mut plans = Vec::with_capacity(keys.len());
            for key in keys {
                let before = reader.before(keyspace.number, key, pin.now())?;
                plans.push(KeyPlan::new(key, pin.now(), &reader, before));
            }
            failpoint!("write::planning");
            let outcome = plan(&mut plans)?;
            self.commit(keyspace, plans, self.must_sync(place.durability))?;
            self.want_sync(place.durability);
            return Ok(outcome);
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
}

fn check_length(bytes: &[u8], limit: usize, message: &'static str) -> Result<()> {
    if bytes.len() > limit { Err(Error::new(ErrorKind::TooLarge, message)) } else { Ok(()) }
}
