//! The keys of hash slots, for whoever moves slots from one store to another: walking, counting, deleting.
//!
//! Uses the read and write paths. Invariant: a slot is one range of meta records; no element is read or written.

use std::ops::RangeInclusive;

use bytes::Bytes;

use crate::encoding::{HASH_SLOTS, KeyLayout};
use crate::engine::read::Reading;
use crate::engine::{Db, Keys, Live, Source};
use crate::error::{Error, Result};

/// Keys deleted in one commit. WHY: each holds one of the 1,024 locks on keys until the commit is done, and other writes
/// wait for them. More of them are hardly faster (64 and 1,024 both take about 2 µs for a key), but where each commit is
/// synced they save syncs.
const BATCH_KEYS: usize = 64;
/// Bytes of keys from which a commit takes no further one. WHY: a key may have a mebibyte; the usual ones never get here.
const BATCH_BYTES: usize = 256 << 10;

impl<S: Source> Db<S> {
    /// Walks over the keys of these hash slots, in order of slots and then in byte order, as [`Db::keys`] does (CLUSTER
    /// GETKEYSINSLOT). Reads only the meta records of these slots; [`hash_slot`](crate::hash_slot) tells the slot of a key.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) in a store whose keys are not laid out by slots
    /// ([`KeyLayout::Cluster`](crate::KeyLayout)), for a range without slots, and for a slot above 16,383; else as [`Db::keys`].
    ///
    /// # Examples
    /// ```
    /// use windrow::{KeyLayout, Options, Store, hash_slot};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("s");
    /// let mut options = Options::default();
    /// options.key_layout = KeyLayout::Cluster;
    /// let db = Store::builder(path).options(options).open()?.db(0);
    /// db.strings().mset([("{alice}.name", ""), ("{alice}.mail", ""), ("{bob}.name", "")])?;
    /// let slot = hash_slot(b"alice");
    /// let keys = db.keys_in_slots(slot..=slot)?.collect::<windrow::Result<Vec<_>>>()?;
    /// assert_eq!(keys, ["{alice}.mail", "{alice}.name"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "CLUSTER GETKEYSINSLOT")]
    pub fn keys_in_slots(&self, slots: RangeInclusive<u16>) -> Result<Keys> {
        let reading = self.begin_over_all()?;
        check(reading.reader.layout(), &slots)?;
        Ok(walk(reading.steady(), &slots, None))
    }

    /// Counts the keys of these hash slots, all at one moment (CLUSTER COUNTKEYSINSLOT). Reads their meta records: no count
    /// is kept for each slot. Does not count keys that expired.
    ///
    /// # Errors
    /// As [`Db::keys_in_slots`].
    ///
    /// # Examples
    /// ```
    /// use windrow::{KeyLayout, Options, Store, hash_slot};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("s");
    /// let mut options = Options::default();
    /// options.key_layout = KeyLayout::Cluster;
    /// let store = Store::builder(path).options(options).open()?;
    /// store.db(0).strings().mset([("{alice}.name", ""), ("{alice}.mail", ""), ("{bob}.name", "")])?;
    /// let slot = hash_slot(b"alice");
    /// assert_eq!(store.db(0).count_keys_in_slots(slot..=slot)?, 2);
    /// assert_eq!(store.view()?.db(0).count_keys_in_slots(0..=16_383)?, 3);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "CLUSTER COUNTKEYSINSLOT")]
    pub fn count_keys_in_slots(&self, slots: RangeInclusive<u16>) -> Result<u64> {
        let (mut keys, mut count) = (self.keys_in_slots(slots)?, 0);
        while keys.next_ref()?.is_some() {
            count += 1;
        }
        Ok(count)
    }
}

impl Db<Live> {
    /// Deletes every key of these hash slots and returns how many there were: for slots that have moved to another store.
    /// Views keep what they saw, the space comes back in the background.
    ///
    /// Costs a walk over the meta records of these slots, and for each key what it costs [`Db::delete`], whatever its
    /// value; memory for a few dozen keys. Keys that have expired are left to the reaper, and are not counted.
    ///
    /// Not one commit but one for every few dozen keys, in the order of the slots: readers see them go little by little. A
    /// key that is written meanwhile goes or stays; so have writes to these slots refused first, or call again. After an
    /// error or a crash in the middle the keys so far are gone, the others are whole: call again. The db is looked up for
    /// each commit anew, so another one that is swapped into its place meanwhile loses the rest of these slots.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) as [`Db::keys_in_slots`]; else as [`Db::delete`].
    ///
    /// # Examples
    /// ```
    /// use windrow::{KeyLayout, Options, Store, hash_slot};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("s");
    /// let mut options = Options::default();
    /// options.key_layout = KeyLayout::Cluster;
    /// let db = Store::builder(path).options(options).open()?.db(0);
    /// db.strings().mset([("{alice}.name", ""), ("{bob}.name", "")])?;
    /// db.sets().add("{alice}.friends", ["bob"])?;
    /// let slot = hash_slot(b"alice");
    /// assert_eq!(db.delete_keys_in_slots(slot..=slot)?, 2);
    /// assert!(!db.exists("{alice}.friends")? && db.exists("{bob}.name")?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SFLUSH")]
    pub fn delete_keys_in_slots(&self, slots: RangeInclusive<u16>) -> Result<u64> {
        self.engine().check_writable()?;
        let (mut deleted, mut last) = (0, None);
        loop {
            let mut keys = self.some_keys(&slots, last.as_deref())?;
            if keys.is_empty() {
                return Ok(deleted);
            }
            deleted += self.delete(&keys)?;
            last = keys.pop();
        }
    }

    /// Reads the next keys of these slots behind `last`, as many as one commit takes.
    ///
    /// WHY not one walk for all: it would hold reclaiming back until the last key is deleted.
    fn some_keys(&self, slots: &RangeInclusive<u16>, last: Option<&[u8]>) -> Result<Vec<Bytes>> {
        let reading = self.begin()?;
        check(reading.reader.layout(), slots)?;
        let (mut walk, mut keys, mut bytes) = (walk(reading, slots, last), Vec::new(), 0);
        while keys.len() < BATCH_KEYS && bytes < BATCH_BYTES {
            let Some(key) = walk.next_ref()? else {
                break;
            };
            bytes += key.len();
            keys.push(Bytes::copy_from_slice(key));
        }
        Ok(keys)
    }
}

/// Walks over the keys of some slots behind `last`.
fn walk(reading: Reading, slots: &RangeInclusive<u16>, last: Option<&[u8]>) -> Keys {
    let cursor = reading.number().map(|number| reading.reader.records_in_slots(number, slots, last));
    Keys::over(reading, cursor, Vec::new())
}

/// Refuses slots that the store does not know.
fn check(layout: KeyLayout, slots: &RangeInclusive<u16>) -> Result<()> {
    if layout != KeyLayout::Cluster {
        return Err(Error::invalid(
            "the store's keys are not laid out by hash slots, which is chosen when it is created",
        ));
    }
    if slots.is_empty() {
        return Err(Error::invalid("the range of hash slots is empty"));
    }
    if *slots.end() >= HASH_SLOTS {
        return Err(Error::invalid(format!("hash slot {} is above {}", slots.end(), HASH_SLOTS - 1)));
    }
    Ok(())
}
