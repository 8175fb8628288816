//! Keys of the `default` family.
//!
//! What lives here: one mark for each kind of store-wide record, and what follows it. It may use
//! keyspaces, ids and families.
//!
//! INVARIANT: the first byte of a key says which record it is; no two records share a key.

use super::error::{DecodeError, Fault, RecordKind};
use super::family::DataFamily;
use super::id::CollectionId;
use super::key::KeyspaceNo;
use super::reader::Reader;

const VERSION_MARK: u8 = b'V';
const KEYSPACE_MARK: u8 = b'K';
const NEXT_KEYSPACE_MARK: u8 = b'N';
const LEASE_MARK: u8 = b'L';
pub(super) const COUNT_MARK: u8 = b'C';
const BUILDING_MARK: u8 = b'B';
const FLUSHED_MARK: u8 = b'F';
const REAPED_THROUGH_MARK: u8 = b'R';
const STORE_TIME_MARK: u8 = b'T';
const RETIRED_MARK: u8 = b'D';

/// The longest namespace: its length takes one byte.
pub const MAX_NAMESPACE_BYTES: usize = 255;

/// The name of a keyspace: a namespace and a db.
///
/// It has no order of its own: the keys that hold it order by the namespace's length first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyspaceName<'a> {
    namespace: &'a [u8],
    db: u32,
}

impl<'a> KeyspaceName<'a> {
    /// The name; none when the namespace is longer than [`MAX_NAMESPACE_BYTES`].
    pub const fn new(namespace: &'a [u8], db: u32) -> Option<Self> {
        if namespace.len() > MAX_NAMESPACE_BYTES { None } else { Some(Self { namespace, db }) }
    }

    /// The namespace.
    pub const fn namespace(self) -> &'a [u8] {
        self.namespace
    }

    /// The db.
    pub const fn db(self) -> u32 {
        self.db
    }
}

/// A key of the `default` family, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKey<'a> {
    /// `'V'`: the format version.
    Version,
    /// `'K'`: the number of a keyspace.
    Keyspace(KeyspaceName<'a>),
    /// `'N'`: the next keyspace number.
    NextKeyspace,
    /// `'L'`: the id lease of a family.
    Lease(DataFamily),
    /// `'C'`: the key count of a keyspace.
    Count(KeyspaceNo),
    /// `'B'`: an id under which a large build is being written.
    Building(CollectionId),
    /// `'F'`: a flushed keyspace whose meta records are being walked.
    Flushed(KeyspaceNo),
    /// `'R'`: how far the reaper has come.
    ReapedThrough,
    /// `'T'`: the store time's high-water mark.
    StoreTime,
    /// `'D'`: the retired segments of a family.
    Retired(DataFamily),
}

impl<'a> StoreKey<'a> {
    /// The bytes that begin every key that names a keyspace.
    pub const KEYSPACES: &'static [u8] = &[KEYSPACE_MARK];

    /// The bytes that begin the key of every building record.
    pub const BUILDINGS: &'static [u8] = &[BUILDING_MARK];

    /// The bytes that begin the key of every flushed keyspace.
    pub const FLUSHED: &'static [u8] = &[FLUSHED_MARK];

    /// The bytes that begin the key of every count.
    pub const COUNTS: &'static [u8] = &[COUNT_MARK];

    /// The bytes of the key. Costs one allocation.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Version => vec![VERSION_MARK],
            Self::Keyspace(name) => {
                let len = u8::try_from(name.namespace.len()).unwrap_or(u8::MAX);
                [&[KEYSPACE_MARK, len], name.namespace, &name.db.to_be_bytes()].concat()
            }
            Self::NextKeyspace => vec![NEXT_KEYSPACE_MARK],
            Self::Lease(family) => vec![LEASE_MARK, family.number()],
            Self::Count(keyspace) => [&[COUNT_MARK][..], &keyspace.encode()].concat(),
            Self::Building(id) => [&[BUILDING_MARK][..], &id.to_be_bytes()].concat(),
            Self::Flushed(keyspace) => [&[FLUSHED_MARK][..], &keyspace.encode()].concat(),
            Self::ReapedThrough => vec![REAPED_THROUGH_MARK],
            Self::StoreTime => vec![STORE_TIME_MARK],
            Self::Retired(family) => vec![RETIRED_MARK, family.number()],
        }
    }

    /// Reads a key of the `default` family.
    ///
    /// # Errors
    ///
    /// The mark is unknown, or what follows it is not what the mark asks for.
    pub fn decode(key: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(RecordKind::StoreKey, key);
        let decoded = match reader.u8()? {
            VERSION_MARK => Self::Version,
            KEYSPACE_MARK => {
                let len = usize::from(reader.u8()?);
                let namespace = reader.take(len)?;
                Self::Keyspace(KeyspaceName { namespace, db: reader.u32()? })
            }
            NEXT_KEYSPACE_MARK => Self::NextKeyspace,
            LEASE_MARK => Self::Lease(read_family(&mut reader)?),
            COUNT_MARK => Self::Count(KeyspaceNo::read(&mut reader)?),
            BUILDING_MARK => Self::Building(CollectionId::from_be_bytes(reader.array()?)?),
            FLUSHED_MARK => Self::Flushed(KeyspaceNo::read(&mut reader)?),
            REAPED_THROUGH_MARK => Self::ReapedThrough,
            STORE_TIME_MARK => Self::StoreTime,
            RETIRED_MARK => Self::Retired(read_family(&mut reader)?),
            mark => {
                return Err(reader.error(Fault::Unknown { what: "record mark", value: mark }));
            }
        };
        reader.finish()?;
        Ok(decoded)
    }
}

fn read_family(reader: &mut Reader<'_>) -> Result<DataFamily, DecodeError> {
    let number = reader.u8()?;
    DataFamily::new(number).ok_or_else(|| reader.error(Fault::Unknown { what: "data family", value: number }))
}
