//! The hash of an element, and which register it raises to what.
//!
//! May use nothing but the number of registers. Invariant: the hash is MurmurHash64A with Redis' seed, so that a
//! HyperLogLog of Redis counts the same element once.

use crate::encoding::hyperloglog::REGISTERS;

const SEED: u64 = 0xadc8_3b19;

/// Bits of the hash that choose the register. The others make its value.
const REGISTER_BITS: u32 = REGISTERS.trailing_zeros();

/// What an element does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Raise {
    pub(crate) register: usize,
    /// 1 to 51.
    pub(crate) value: u8,
}

impl Raise {
    /// The lowest bits of the element's hash choose a register; how many zeros come behind them, and 1, is its value.
    pub(crate) fn by(element: &[u8]) -> Self {
        let hash = murmur_64a(element, SEED);
        let rest = hash >> REGISTER_BITS | 1 << (u64::BITS - REGISTER_BITS);
        Self { register: hash as usize % REGISTERS, value: rest.trailing_zeros() as u8 + 1 }
    }
}

/// MurmurHash2 of 64 bits for 64-bit machines, by Austin Appleby, with its words read as little-endian.
fn murmur_64a(bytes: &[u8], seed: u64) -> u64 {
    const FACTOR: u64 = 0xc6a4_a793_5bd1_e995;
    const SHIFT: u32 = 47;
    let (words, tail) = bytes.as_chunks();
    let mut hash = seed ^ (bytes.len() as u64).wrapping_mul(FACTOR);
    for word in words {
        let mut word = u64::from_le_bytes(*word).wrapping_mul(FACTOR);
        word = (word ^ word >> SHIFT).wrapping_mul(FACTOR);
        hash = (hash ^ word).wrapping_mul(FACTOR);
    }
    if !tail.is_empty() {
        let last = tail.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        hash = (hash ^ last).wrapping_mul(FACTOR);
    }
    hash = (hash ^ hash >> SHIFT).wrapping_mul(FACTOR);
    hash ^ hash >> SHIFT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_raises_a_register_there_is_to_a_value_it_can_have() {
        for element in 0..20_000_u32 {
            let raise = Raise::by(&element.to_be_bytes());
            assert!(raise.register < REGISTERS && (1..=51).contains(&raise.value), "{raise:?}");
        }
    }

    #[test]
    fn every_byte_of_an_element_counts() {
        let element: Vec<u8> = (0..23).collect();
        for length in 0..=element.len() {
            let hash = murmur_64a(&element[..length], SEED);
            for place in 0..length {
                let mut other = element[..length].to_vec();
                other[place] ^= 0x40;
                assert_ne!(murmur_64a(&other, SEED), hash, "byte {place} of {length}");
            }
        }
    }
}
