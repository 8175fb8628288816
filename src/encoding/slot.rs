//! Hash slots of cluster mode.
//!
//! What lives here: the slot of a user key, as Redis Cluster computes it. It may use nothing.
//!
//! INVARIANT: the slot of a key never changes, and is below [`HASH_SLOTS`].

/// How many hash slots a cluster has.
pub const HASH_SLOTS: u16 = 16_384;

/// The generator polynomial of CRC-16/XMODEM.
const POLYNOMIAL: u16 = 0x1021;

/// Returns the hash slot of a key as Redis Cluster computes it, 0 to 16,383: CRC-16/XMODEM modulo 16,384 (CLUSTER KEYSLOT).
/// Costs a pass over the key.
///
/// When the key has a hash tag (at least one byte between its first `{` and the next `}`), only the
/// tag is hashed. The empty key has slot 0.
///
/// # Examples
///
/// ```
/// # use windrow::encoding::hash_slot;
/// assert_eq!(hash_slot(b"123456789"), 12_739);
/// assert_eq!(hash_slot(b"{user1000}.following"), hash_slot(b"{user1000}.followers"));
/// ```
#[doc(alias = "CLUSTER KEYSLOT")]
pub fn hash_slot(user_key: &[u8]) -> u16 {
    crc16(hash_tag(user_key).unwrap_or(user_key)) % HASH_SLOTS
}

fn hash_tag(user_key: &[u8]) -> Option<&[u8]> {
    let open = user_key.iter().position(|&byte| byte == b'{')?;
    let after = user_key.get(open.checked_add(1)?..)?;
    let len = after.iter().position(|&byte| byte == b'}')?;
    if len == 0 { None } else { after.get(..len) }
}

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(
            crc ^ (u16::from(byte) << 8),
            |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ POLYNOMIAL }
            },
        )
    })
}
