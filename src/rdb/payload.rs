//! The payload of DUMP: a type's byte and its value, then a footer of ten bytes.
//!
//! What lives here: the footer. It may use the errors and `crc`.

use crc::{CRC_64_REDIS, Crc, Table};

use super::{RdbError, Result};

/// The version of the format that Redis 7.0 writes, and the last that it reads.
pub const RDB_VERSION: u16 = 10;

/// The tables take 32 KiB, which is what sixteen bytes at a time cost; one at a time is several times as slow.
static CRC: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);

/// The checksum that Redis puts behind dumps and files: CRC-64 of Jones' polynomial.
#[must_use]
pub fn checksum(bytes: &[u8]) -> u64 {
    CRC.checksum(bytes)
}

/// The checksum of bytes that come one after the other.
pub(super) struct Sum(crc::Digest<'static, u64, Table<16>>);

impl Default for Sum {
    fn default() -> Self {
        Self(CRC.digest())
    }
}

impl Sum {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum of what was added so far.
    pub(super) fn value(&self) -> u64 {
        self.0.clone().finalize()
    }
}

/// Checks version and checksum; returns the type's byte and the value.
///
/// # Errors
/// The payload is too short, of a later version, or not what its checksum says.
pub fn open_payload(payload: &[u8]) -> Result<&[u8]> {
    const SHORT: RdbError = RdbError::Truncated("the footer of a payload");
    let (summed, stored) = payload.split_last_chunk::<8>().ok_or(SHORT)?;
    let (body, version) = summed.split_last_chunk::<2>().ok_or(SHORT)?;
    let version = u16::from_le_bytes(*version);
    if version > RDB_VERSION {
        return Err(RdbError::Version(version));
    }
    let (stored, computed) = (u64::from_le_bytes(*stored), checksum(summed));
    if stored == computed { Ok(body) } else { Err(RdbError::Checksum { stored, computed }) }
}

/// Puts the footer behind a type's byte and a value.
pub fn seal_payload(out: &mut Vec<u8>) {
    out.extend_from_slice(&RDB_VERSION.to_le_bytes());
    let sum = checksum(out);
    out.extend_from_slice(&sum.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_redis() {
        assert_eq!(checksum(b"123456789"), 0xE9C6_D914_C4B8_D9CA);
    }
}
