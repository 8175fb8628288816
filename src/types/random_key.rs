//! A random key of a keyspace, without a list of its keys.
//!
//! May use the reader. Invariant: what is chosen lives.
//!
//! Few records are read through. Else the keys are seen as a tree in which each byte of a key chooses a branch, and
//! several *draws* go down from its root. At each fork a draw takes a random byte between the least and the greatest
//! branch and follows the first branch at or above it; where few records are left, it takes any living one. So it knows
//! the chance with which it found its key. One of the draws is kept, with a chance inverse to that: what the shape of
//! the tree makes too likely is seldom kept.

use bytes::Bytes;

use crate::encoding::{KeyspaceNo, Meta, MetaKey, UnixMillis, prefix_end};
use crate::error::Result;
use crate::expire::is_expired;
use crate::types::Reader;

/// A db of up to this many records is read through, and its keys all have the same chance. More: slower by about a
/// third of a microsecond each.
const FEW_IN_ALL: usize = 256;

/// Where a draw has this many records left, it reads them through. More: fewer seeks and more reads, at about the same
/// cost.
const FEW_IN_DRAW: usize = 16;

/// Draws of which one is kept. More: nearer to the same chance for all keys, and slower by as much.
const DRAWS: usize = 16;

/// At a key that is the beginning of others, a draw ends with this chance: one branch of about as many.
const END_CHANCE: f64 = 1.0 / 16.0;

/// Chooses a living key at random, `None` if there is none. The reader has a snapshot.
pub(crate) fn choose(reader: &Reader, keyspace: KeyspaceNo, now: UnixMillis) -> Result<Option<Bytes>> {
    let chooser = Chooser { reader, now, root: MetaKey::prefix(keyspace).to_vec() };
    let all = chooser.begin(&chooser.root, FEW_IN_ALL)?;
    if all.is_whole {
        return Ok(fastrand::choice(all.living));
    }
    let mut kept = None;
    let mut total = 0.0;
    for _ in 0..DRAWS {
        let Some((key, weight)) = chooser.draw()? else { continue };
        total += weight;
        if fastrand::f64() * total < weight {
            kept = Some(key);
        }
    }
    match kept {
        Some(key) => Ok(Some(key)),
        // Nearly everything has expired and was not reaped yet.
        None => chooser.first_living(),
    }
}

struct Chooser<'a> {
    reader: &'a Reader,
    now: UnixMillis,
    root: Vec<u8>,
}

/// The first records of a range.
struct Beginning {
    /// The first two keys, as they are stored.
    first: Vec<u8>,
    second: Vec<u8>,
    /// The user keys that live.
    living: Vec<Bytes>,
    /// Whether these are all.
    is_whole: bool,
}

impl Chooser<'_> {
    /// Goes down the tree once; returns the key found and one divided by the chance of finding it. `None` where nothing
    /// lives.
    fn draw(&self) -> Result<Option<(Bytes, f64)>> {
        let mut chance = 1.0;
        let mut branch = self.root.clone();
        loop {
            let few = self.begin(&branch, FEW_IN_DRAW)?;
            if few.is_whole {
                return Ok(weigh(few.living, chance));
            }
            let Some(last) = self.last_key(&branch, prefix_end(&branch))? else { return Ok(None) };
            let depth = common(&few.first, &last);
            branch.clear();
            branch.extend_from_slice(few.first.get(..depth).unwrap_or_default());
            let mut least = &few.first;
            if few.first.len() == depth {
                if fastrand::f64() < END_CHANCE {
                    return Ok(weigh(self.if_living(&few), chance * END_CHANCE));
                }
                chance *= 1.0 - END_CHANCE;
                least = &few.second;
            }
            let (Some(low), Some(high)) = (least.get(depth).copied(), last.get(depth).copied()) else {
                return Ok(None);
            };
            let Some((byte, share)) = self.follow(&branch, low, high)? else { return Ok(None) };
            chance *= share;
            branch.push(byte);
        }
    }

    /// Chooses a branch between `low` and `high`, which are branches; returns its byte and the chance that it had.
    fn follow(&self, fork: &[u8], low: u8, high: u8) -> Result<Option<(u8, f64)>> {
        let depth = fork.len();
        let wanted = [fork, &[fastrand::u8(low..=high)]].concat();
        let cursor = self.reader.records_between(&wanted, prefix_end(fork), false);
        let Some(byte) = cursor.entry()?.and_then(|(key, _)| key.get(depth).copied()) else {
            return Ok(None);
        };
        // All bytes above the branch before lead here.
        let below = self.last_key(&[fork, &[low]].concat(), Some([fork, &[byte]].concat()))?;
        let below = below.and_then(|key| key.get(depth).copied());
        let width = below.map_or(1.0, |below| f64::from(byte) - f64::from(below));
        Ok(Some((byte, width / (f64::from(high) - f64::from(low) + 1.0))))
    }

    /// Reads the first records that begin with `prefix`.
    fn begin(&self, prefix: &[u8], limit: usize) -> Result<Beginning> {
        let mut cursor = self.reader.records_between(prefix, prefix_end(prefix), false);
        let mut begun = Beginning { first: Vec::new(), second: Vec::new(), living: Vec::new(), is_whole: true };
        for place in 0..=limit {
            let Some((key, record)) = cursor.entry()? else { return Ok(begun) };
            match place {
                0 => begun.first.extend_from_slice(key),
                1 => begun.second.extend_from_slice(key),
                _ => {}
            }
            if !is_expired(&Meta::decode(record)?, self.now) {
                begun.living.push(self.user_key(key)?);
            }
            cursor.advance();
        }
        begun.is_whole = false;
        Ok(begun)
    }

    fn last_key(&self, lower: &[u8], upper: Option<Vec<u8>>) -> Result<Option<Vec<u8>>> {
        let cursor = self.reader.records_between(lower, upper, true);
        Ok(cursor.entry()?.map(|(key, _)| key.to_vec()))
    }

    /// The first key, if it lives.
    fn if_living(&self, few: &Beginning) -> Vec<Bytes> {
        let first = self.user_key(&few.first).ok();
        few.living.first().filter(|living| first.as_ref() == Some(*living)).cloned().into_iter().collect()
    }

    fn user_key(&self, key: &[u8]) -> Result<Bytes> {
        Ok(Bytes::copy_from_slice(MetaKey::decode(self.reader.layout(), key)?.user_key))
    }

    fn first_living(&self) -> Result<Option<Bytes>> {
        let mut cursor = self.reader.records_between(&self.root, prefix_end(&self.root), false);
        while let Some((key, record)) = cursor.entry()? {
            if !is_expired(&Meta::decode(record)?, self.now) {
                return self.user_key(key).map(Some);
            }
            cursor.advance();
        }
        Ok(None)
    }
}

/// Chooses one of the living keys that a draw found with this chance, and says what it weighs.
fn weigh(living: Vec<Bytes>, chance: f64) -> Option<(Bytes, f64)> {
    #[expect(clippy::cast_precision_loss, reason = "there are few")]
    let weight = living.len() as f64 / chance;
    fastrand::choice(living).map(|key| (key, weight))
}

/// The length of what both begin with.
fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
