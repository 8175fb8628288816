//! Who tells that a key has expired: the reaper, or a writer that comes before it and puts something in the key's place.
//!
//! Uses the keyspaces. Invariant: of one entry in the expire family it is told once at most, by whoever comes first under
//! the ledger's lock; what takes an expired key's place is told after that.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::encoding::{ExpireKey, KeyspaceNo, ReapedThrough, UnixMillis};
use crate::engine::events::{Hub, Where};
use crate::engine::keyspaces::Map;
use crate::expire::Dead;

/// A key that had expired when something was written in its place.
pub(in crate::engine) struct Claim<'k> {
    pub(in crate::engine) expires_at: UnixMillis,
    pub(in crate::engine) keyspace: KeyspaceNo,
    pub(in crate::engine) key: &'k [u8],
}

/// Keyspaces by their numbers: the namespaces and dbs that they are.
type Names = HashMap<KeyspaceNo, (Bytes, u32)>;

/// What was told of expired keys.
#[derive(Default)]
pub(super) struct Ledger {
    /// All up to here is told, by the reaper, or to be told to nobody.
    told_through: Option<ReapedThrough>,
    /// What writers told of a key, up to which time, until the reaper is there.
    told_early: HashMap<KeyspaceNo, HashMap<Box<[u8]>, UnixMillis>>,
    names: Option<(Arc<Map>, Names)>,
}

impl Ledger {
    /// Begins anew: what expired until then is told to nobody.
    pub(super) fn begin(&mut self, since: UnixMillis) {
        *self = Self { told_through: Some(ReapedThrough { time: since, cursor: Vec::new() }), ..Self::default() };
    }

    /// Tells whether the writer is the one to tell of the key.
    pub(super) fn claim(&mut self, claim: &Claim<'_>) -> bool {
        let Claim { expires_at, keyspace, key } = *claim;
        let is_told = self.told_through.as_ref().is_some_and(|told| {
            let entry = ExpireKey { expires_at, keyspace, user_key: key };
            told.time >= expires_at || *told.cursor >= *entry.encode()
        });
        // WHY the second: a transaction that told it and came to nothing has left the record as it was.
        if is_told || self.is_told_early(keyspace, key, expires_at) {
            return false;
        }
        self.told_early.entry(keyspace).or_default().insert(key.into(), expires_at);
        true
    }

    fn is_told_early(&self, keyspace: KeyspaceNo, key: &[u8], expires_at: UnixMillis) -> bool {
        let told = self.told_early.get(&keyspace).and_then(|keys| keys.get(key));
        told.is_some_and(|told| *told >= expires_at)
    }

    /// Moves on to where the reaper is. What writers told before that is not needed any more.
    fn move_on(&mut self, position: &ReapedThrough) {
        for keys in self.told_early.values_mut() {
            keys.retain(|_, told| *told > position.time);
        }
        self.told_early.retain(|_, keys| !keys.is_empty());
        // The reaper may still be at what had expired when the first subscriber came.
        if self.told_through.as_ref().is_none_or(|told| told.time <= position.time) {
            self.told_through = Some(position.clone());
        }
    }

    fn names(&mut self, keyspaces: Arc<Map>) -> &Names {
        let is_same = |known: &(Arc<Map>, Names)| Arc::ptr_eq(&known.0, &keyspaces);
        let known = self.names.take().filter(is_same);
        &self
            .names
            .insert(known.unwrap_or_else(|| {
                let names = keyspaces.names();
                (keyspaces, names)
            }))
            .1
    }
}

impl Hub {
    /// Tells of the keys that the reaper has taken up to a position. Those of flushed keyspaces have no name any more.
    pub(in crate::engine) fn publish_expired(&self, dead: Vec<Dead>, position: &ReapedThrough, keyspaces: Arc<Map>) {
        let mut ledger = self.ledger.lock();
        for one in dead.into_iter() {
            if ledger.is_told_early(one.keyspace, &one.key, one.expires_at) {
                continue;
            }
            let Some((namespace, db)) = ledger.names(Arc::clone(&keyspaces)).get(&one.keyspace).cloned() else {
                continue;
            };
            let place = Where { namespace, db, key: one.key };
            let subscribers = self.subscribers.read();
            subscribers.all.iter().for_each(|subscriber| subscriber.offer_expired(&place, one.expires_at));
        }
        ledger.move_on(position);
    }
}
