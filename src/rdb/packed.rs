//! Small collections in one string: what all of their encodings have in common.
//!
//! What lives here: which encoding it is. It may use all of them.

use bytes::Bytes;

use super::Result;
use super::intset::Intset;
use super::listpack::Listpack;
use super::ziplist::Ziplist;
use super::zipmap::Zipmap;

/// Redis lets no collection that lies in one string grow beyond this.
pub(super) const MAX_PACKED_BYTES: usize = 1 << 30;

/// How a collection lies in one string.
#[derive(Clone, Copy, Debug)]
pub(super) enum Packing {
    Listpack,
    Ziplist,
    Intset,
    Zipmap,
}

/// A collection in one string that is being read.
#[derive(Clone, Debug)]
pub(super) enum Packed {
    Listpack(Listpack),
    Ziplist(Ziplist),
    Intset(Intset),
    Zipmap(Zipmap),
}

impl Packed {
    pub(super) fn open(packing: Packing, bytes: Bytes) -> Result<Self> {
        Ok(match packing {
            Packing::Listpack => Self::Listpack(Listpack::open(bytes)?),
            Packing::Ziplist => Self::Ziplist(Ziplist::open(bytes)?),
            Packing::Intset => Self::Intset(Intset::open(bytes)?),
            Packing::Zipmap => Self::Zipmap(Zipmap::open(bytes)?),
        })
    }

    /// The next entry, `None` behind the last.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>> {
        match self {
            Self::Listpack(entries) => entries.next(),
            Self::Ziplist(entries) => entries.next(),
            Self::Intset(numbers) => numbers.next(),
            Self::Zipmap(entries) => entries.next(),
        }
    }
}
