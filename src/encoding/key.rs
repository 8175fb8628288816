//! Keyspace numbers and the keys of the `meta` family.
//!
//! What lives here: `keyspace:u32 'M' [slot:u16] user_key`. It may use slots.
//!
//! INVARIANT: a keyspace number is never all ones, and a stored slot is the hash slot of its user
//! key. The byte after the keyspace number leaves room for other kinds of record beside the meta
//! records.

use std::fmt;

use super::error::{DecodeError, Fault, RecordKind};
use super::reader::Reader;
use super::slot::hash_slot;

/// The byte that marks a meta record.
pub(super) const META_MARK: u8 = b'M';

/// The number that stands for one namespace and db. Never reused; never `u32::MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyspaceNo(u32);

impl KeyspaceNo {
    /// The last keyspace number.
    pub const MAX: Self = Self(u32::MAX - 1);

    /// The keyspace with this number; none for `u32::MAX`.
    pub const fn new(number: u32) -> Option<Self> {
        if number > Self::MAX.0 { None } else { Some(Self(number)) }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The value of a keyspace's record in the `default` family.
    pub const fn encode(self) -> [u8; 4] {
        self.0.to_be_bytes()
    }

    /// Reads the value of a keyspace's record in the `default` family.
    ///
    /// # Errors
    ///
    /// The value is not 4 bytes long, or all ones.
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(RecordKind::KeyspaceNo, value);
        let keyspace = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(keyspace)
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let number = reader.u32()?;
        Self::new(number).ok_or_else(|| reader.error(Fault::OutOfRange { what: "keyspace number" }))
    }
}

impl fmt::Display for KeyspaceNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How the keys of the `meta` family are laid out; chosen when the store is created.
///
/// # Examples
///
/// ```
/// # use windrow::encoding::{KeyLayout, KeyspaceNo, MetaKey};
/// let keyspace = KeyspaceNo::new(1).unwrap();
/// let plain = MetaKey::encode(KeyLayout::Plain, keyspace, b"k");
/// let cluster = MetaKey::encode(KeyLayout::Cluster, keyspace, b"k");
/// assert_eq!(plain, b"\0\0\0\x01Mk");
/// assert_eq!(cluster.len(), plain.len() + 2, "the slot lies before the user key");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum KeyLayout {
    /// `keyspace:u32 'M' user_key`.
    #[default]
    Plain,
    /// `keyspace:u32 'M' slot:u16 user_key`: a hash slot is one range of keys.
    Cluster,
}

/// A key of the `meta` family, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetaKey<'a> {
    /// The keyspace of the key.
    pub keyspace: KeyspaceNo,
    /// The hash slot, in a store with the cluster layout.
    pub slot: Option<u16>,
    /// The key the caller names.
    pub user_key: &'a [u8],
}

impl<'a> MetaKey<'a> {
    /// The bytes of the key. Costs one allocation.
    pub fn encode(layout: KeyLayout, keyspace: KeyspaceNo, user_key: &[u8]) -> Vec<u8> {
        let mut key = Vec::with_capacity(7 + user_key.len());
        key.extend_from_slice(&Self::prefix(keyspace));
        if layout == KeyLayout::Cluster {
            key.extend_from_slice(&hash_slot(user_key).to_be_bytes());
        }
        key.extend_from_slice(user_key);
        key
    }

    /// The bytes that begin every meta key of a keyspace, in both layouts.
    pub const fn prefix(keyspace: KeyspaceNo) -> [u8; 5] {
        let [a, b, c, d] = keyspace.encode();
        [a, b, c, d, META_MARK]
    }

    /// Reads a key of the `meta` family.
    ///
    /// # Errors
    ///
    /// The key is too short, has no `'M'`, names an illegal keyspace, or (in the cluster layout)
    /// stands in a slot that is not its own.
    pub fn decode(layout: KeyLayout, key: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(RecordKind::MetaKey, key);
        let keyspace = KeyspaceNo::read(&mut reader)?;
        let mark = reader.u8()?;
        if mark != META_MARK {
            return Err(reader.error(Fault::Unknown { what: "record mark", value: mark }));
        }
        let slot = match layout {
            KeyLayout::Plain => None,
            KeyLayout::Cluster => Some(reader.u16()?),
        };
        let wrong_slot = reader.error(Fault::Inconsistent { what: "the slot is not that of the user key" });
        let user_key = reader.rest();
        if slot.is_some_and(|slot| slot != hash_slot(user_key)) {
            return Err(wrong_slot);
        }
        Ok(Self { keyspace, slot, user_key })
    }
}
