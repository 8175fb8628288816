//! Registers of 6 bits, one behind the other, the lowest bits first: four of them in three bytes.
//!
//! It may use nothing.

use super::REGISTERS;

const BITS: usize = 6;
const LARGEST: u8 = (1 << BITS) - 1;

/// Registers that share whole bytes, and how many bytes they share.
const GROUP: usize = 4;
const GROUP_BYTES: usize = GROUP * BITS / 8;

/// The length of all registers.
pub(super) const BYTES: usize = REGISTERS * BITS / 8;

/// The value of the register at this place of a group.
const fn value_at(group: [u8; GROUP_BYTES], place: usize) -> u8 {
    let [a, b, c] = group;
    (u32::from_le_bytes([a, b, c, 0]) >> (place * BITS)) as u8 & LARGEST
}

/// The values of the registers.
pub(super) fn values(bytes: &[u8]) -> impl Iterator<Item = u8> {
    bytes.as_chunks().0.iter().flat_map(|group| (0..GROUP).map(|place| value_at(*group, place)))
}

/// The bytes of registers with these values, of which each is at most 63.
pub(super) fn encode(values: &[u8]) -> Vec<u8> {
    let group = |values: &[u8; GROUP]| {
        let bits = values.iter().rev().fold(0, |bits, value| bits << BITS | u32::from(value & LARGEST));
        bits.to_le_bytes().into_iter().take(GROUP_BYTES)
    };
    values.as_chunks().0.iter().flat_map(group).collect()
}

/// Raises a register to at least this value, and says whether it was lower.
pub(super) fn raise(bytes: &mut [u8], register: usize, value: u8) -> bool {
    let Some(group) = bytes.as_chunks_mut().0.get_mut(register / GROUP) else {
        return false;
    };
    let place = register % GROUP;
    let old = value_at(*group, place);
    if old >= value {
        return false;
    }
    // What differs between the two values, at the register's place.
    let flipped = u32::from(old ^ value & LARGEST) << (place * BITS);
    for (byte, flipped) in group.iter_mut().zip(flipped.to_le_bytes()) {
        *byte ^= flipped;
    }
    true
}
