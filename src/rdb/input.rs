//! Reading fields from the front of an input.
//!
//! What lives here: what all readers of this room share. It may use the errors only.
//!
//! INVARIANT: memory is taken for bytes that came, and for at most as many again.

use std::io::{ErrorKind, Read};

use super::{RdbError, Result};

/// The first step in which bytes of a claimed length are fetched. Larger: a lie costs more; smaller: more steps for what is
/// really there.
const FIRST_STEP: usize = 64 * 1024;

/// The next `N` bytes, which belong to `what`.
pub(super) fn array<const N: usize>(from: &mut impl Read, what: &'static str) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    fill(from, &mut bytes, what)?;
    Ok(bytes)
}

/// The next byte.
pub(super) fn byte(from: &mut impl Read, what: &'static str) -> Result<u8> {
    array::<1>(from, what).map(|[byte]| byte)
}

/// The next `length` bytes, if `limit` allows as many.
pub(super) fn bytes(from: &mut impl Read, length: u64, limit: usize, what: &'static str) -> Result<Vec<u8>> {
    let length = within(length, limit, what)?;
    let mut bytes = Vec::new();
    while bytes.len() < length {
        let start = bytes.len();
        let step = (length - start).min(start.max(FIRST_STEP));
        bytes.reserve_exact(step);
        bytes.resize(start + step, 0);
        fill(from, bytes.get_mut(start..).unwrap_or_default(), what)?;
    }
    Ok(bytes)
}

/// Refuses a length above the limit.
pub(super) fn within(length: u64, limit: usize, what: &'static str) -> Result<usize> {
    match usize::try_from(length) {
        Ok(length) if length <= limit => Ok(length),
        _ => Err(RdbError::TooLarge { what, bytes: length, limit: u64::try_from(limit).unwrap_or(u64::MAX) }),
    }
}

fn fill(from: &mut impl Read, bytes: &mut [u8], what: &'static str) -> Result<()> {
    from.read_exact(bytes).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => RdbError::Truncated(what),
        _ => RdbError::Io(error),
    })
}
