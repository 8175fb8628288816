//! The names under which elements are found: hash fields, set members, members of sorted sets.
//!
//! Uses `encoding`. Invariant: what has no name is refused as damage, never shown as a name.

use bytes::Bytes;

use crate::encoding::ElementKey;
use crate::error::{Error, Result};

/// Returns the name of an element that has one.
#[inline]
pub(crate) fn name_of<'n>(key: &ElementKey<'n>) -> Result<&'n [u8]> {
    match key {
        ElementKey::HashField(name) | ElementKey::SetMember(name) | ElementKey::SortedMember(name) => Ok(name),
        ElementKey::SortedScore(..) | ElementKey::ListItem(_) | ElementKey::StringPiece(_) => {
            Err(Error::corrupt("a range of names holds another element"))
        }
    }
}

/// Copies the name of an element.
pub(crate) fn owned_name(key: &ElementKey<'_>) -> Result<Bytes> {
    name_of(key).map(Bytes::copy_from_slice)
}
