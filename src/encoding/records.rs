//! Values of the `default` family: the small ones.
//!
//! What lives here: leases, the next keyspace, buildings, flushed keyspaces, the reaper's position
//! and the store time. It may use ids, keyspaces, expire keys and times.
//!
//! INVARIANT: each value is as short as what it says; none carries a version of its own.

use super::error::{DecodeError, Fault, RecordKind};
use super::expire::ExpireKey;
use super::id::MAX_COUNTER;
use super::key::{KeyspaceNo, MetaKey};
use super::reader::Reader;
use super::time::UnixMillis;

/// The keyspace number that the next new keyspace gets; `u32::MAX` when all have been given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextKeyspace(u32);

impl NextKeyspace {
    /// What a new store starts with: number 0.
    pub const FIRST: Self = Self(0);

    /// The number to give now, and the record to write with it; none when all have been given.
    pub fn take(self) -> Option<(KeyspaceNo, Self)> {
        Some((KeyspaceNo::new(self.0)?, Self(self.0.checked_add(1)?)))
    }

    /// True when `keyspace` may have been given.
    pub const fn has_given(self, keyspace: KeyspaceNo) -> bool {
        keyspace.get() < self.0
    }

    /// The bytes of the value.
    pub const fn encode(self) -> [u8; 4] {
        self.0.to_be_bytes()
    }

    /// Reads the value.
    ///
    /// # Errors
    ///
    /// The value is not 4 bytes long.
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(RecordKind::NextKeyspace, value);
        let next = reader.u32()?;
        reader.finish()?;
        Ok(Self(next))
    }
}

/// How far a family's ids are leased: every counter below may have been handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lease {
    first_unleased: u64,
}

impl Lease {
    /// What a family starts with: nothing leased, the first counter is 1.
    pub const NONE: Self = Self { first_unleased: 1 };

    /// The lease up to `first_unleased`, excluded; none outside `1..=MAX_COUNTER + 1`.
    pub const fn new(first_unleased: u64) -> Option<Self> {
        if first_unleased == 0 || first_unleased > MAX_COUNTER + 1 { None } else { Some(Self { first_unleased }) }
    }

    /// The lease that is longer by `counters`; none when the family's counters do not suffice.
    pub const fn advanced_by(self, counters: u64) -> Option<Self> {
        match self.first_unleased.checked_add(counters) {
            Some(first_unleased) => Self::new(first_unleased),
            None => None,
        }
    }

    /// The first counter that is not leased.
    pub const fn first_unleased(self) -> u64 {
        self.first_unleased
    }

    /// The bytes of the value.
    pub const fn encode(self) -> [u8; 8] {
        self.first_unleased.to_be_bytes()
    }

    /// Reads the value.
    ///
    /// # Errors
    ///
    /// The value is not 8 bytes long, or no counter.
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(RecordKind::Lease, value);
        let first_unleased = reader.u64()?;
        let lease = Self::new(first_unleased);
        let lease = lease.ok_or_else(|| reader.error(Fault::OutOfRange { what: "counter" }))?;
        reader.finish()?;
        Ok(lease)
    }
}

/// A large build under way: its elements may be in several batches, and no meta record names its id
/// yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Building {
    /// When the build began.
    pub started_at: UnixMillis,
}

impl Building {
    /// The bytes of the value.
    pub const fn encode(self) -> [u8; 8] {
        self.started_at.get().to_be_bytes()
    }

    /// Reads the value.
    ///
    /// # Errors
    ///
    /// The value is not 8 bytes long, or all ones.
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self { started_at: decode_time(RecordKind::Building, value)? })
    }
}

/// The highest store time that may have been used before a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoreTime(pub UnixMillis);

impl StoreTime {
    /// The bytes of the value.
    pub const fn encode(self) -> [u8; 8] {
        self.0.get().to_be_bytes()
    }

    /// Reads the value.
    ///
    /// # Errors
    ///
    /// The value is not 8 bytes long, or all ones.
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self(decode_time(RecordKind::StoreTime, value)?))
    }
}

fn decode_time(record: RecordKind, value: &[u8]) -> Result<UnixMillis, DecodeError> {
    let mut reader = Reader::new(record, value);
    let time = reader.time()?;
    reader.finish()?;
    Ok(time)
}

/// How far the walk over a flushed keyspace's meta records has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Flushed {
    /// The last meta key that was walked; empty before the first.
    pub last_meta_key: Vec<u8>,
}

impl Flushed {
    /// The bytes of the value: the key itself.
    pub fn encode(&self) -> Vec<u8> {
        self.last_meta_key.clone()
    }

    /// Reads the value, which must be empty or begin as the meta keys of `keyspace` do.
    ///
    /// # Errors
    ///
    /// The value is no meta key of the keyspace.
    pub fn decode(keyspace: KeyspaceNo, value: &[u8]) -> Result<Self, DecodeError> {
        if !value.is_empty() && !value.starts_with(&MetaKey::prefix(keyspace)) {
            let fault = Fault::Inconsistent { what: "the last key is of another keyspace" };
            return Err(DecodeError::new(RecordKind::Flushed, fault));
        }
        Ok(Self { last_meta_key: value.to_vec() })
    }
}

/// How far the reaper has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReapedThrough {
    /// Every entry at or below this time is reaped.
    pub time: UnixMillis,
    /// Within the time after it, the last expire key that is reaped; empty when none is.
    pub cursor: Vec<u8>,
}

impl ReapedThrough {
    /// The bytes of the value: `time:u64 cursor`.
    pub fn encode(&self) -> Vec<u8> {
        debug_assert!(self.is_consistent(), "a reaper's cursor outside the time it is in");
        [&self.time.get().to_be_bytes()[..], &self.cursor].concat()
    }

    /// Reads the value.
    ///
    /// # Errors
    ///
    /// The value is too short, or its cursor is not an expire key after the time.
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(RecordKind::ReapedThrough, value);
        let time = reader.time()?;
        let misplaced = reader.error(Fault::Inconsistent { what: "the cursor is no expire key after the time" });
        let reaped = Self { time, cursor: reader.rest().to_vec() };
        if reaped.is_consistent() { Ok(reaped) } else { Err(misplaced) }
    }

    fn is_consistent(&self) -> bool {
        self.cursor.is_empty() || ExpireKey::decode(&self.cursor).is_ok_and(|key| key.expires_at > self.time)
    }
}
