//! Entries of the `expire` family.
//!
//! What lives here: `expire_at:u64 keyspace:u32 user_key`, and the value that names the dead
//! collection. It may use keyspaces, ids and times.
//!
//! INVARIANT: entries order by time first, so that what is due is one range; a user key may have
//! two entries.

use super::error::DecodeError;
use super::error::RecordKind;
use super::id::CollectionId;
use super::key::KeyspaceNo;
use super::meta::DataType;
use super::reader::Reader;
use super::time::UnixMillis;

/// A key of the `expire` family, taken apart. Orders as its bytes do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExpireKey<'a> {
    /// When the user key expires. The epoch itself is stored as the millisecond after it, as in the
    /// meta record.
    pub expires_at: UnixMillis,
    /// The keyspace of the user key.
    pub keyspace: KeyspaceNo,
    /// The key that expires.
    pub user_key: &'a [u8],
}

impl<'a> ExpireKey<'a> {
    /// The bytes of the key. Costs one allocation.
    pub fn encode(&self) -> Vec<u8> {
        let mut key = Vec::with_capacity(12 + self.user_key.len());
        key.extend_from_slice(&self.expires_at.as_expiry().get().to_be_bytes());
        key.extend_from_slice(&self.keyspace.encode());
        key.extend_from_slice(self.user_key);
        key
    }

    /// Reads a key of the `expire` family.
    ///
    /// # Errors
    ///
    /// The key is shorter than 12 bytes, its time is 0 or all ones, or its keyspace number is all
    /// ones.
    pub fn decode(key: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(RecordKind::ExpireKey, key);
        let expires_at = reader.expiry()?;
        let keyspace = KeyspaceNo::read(&mut reader)?;
        Ok(Self { expires_at, keyspace, user_key: reader.rest() })
    }
}

/// A value of the `expire` family: what dies, so that the reaper need not read the meta record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpireValue {
    /// The type of the value that expires.
    pub data_type: DataType,
    /// The id under which its elements lie, if they lie apart.
    pub id: Option<CollectionId>,
}

impl ExpireValue {
    /// The bytes of the value: `type:u8 [id:u64]`.
    pub fn encode(&self) -> Vec<u8> {
        let mut value = Vec::with_capacity(9);
        value.push(self.data_type.number());
        if let Some(id) = self.id {
            value.extend_from_slice(&id.to_be_bytes());
        }
        value
    }

    /// Reads a value of the `expire` family.
    ///
    /// # Errors
    ///
    /// The value is neither 1 nor 9 bytes long, or its type or id is unknown.
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(RecordKind::ExpireValue, value);
        let data_type = DataType::read(&mut reader)?;
        let id = if reader.is_at_end() { None } else { Some(CollectionId::from_be_bytes(reader.array()?)?) };
        reader.finish()?;
        Ok(Self { data_type, id })
    }
}
