//! Bits of a slice of bytes: how many are set, and where the first one is.
//!
//! Uses nothing. Invariant: bits are counted from the slice's start, and those behind its end are not looked at.

use std::ops::Range;

use super::{BYTE, wide};

/// The bytes that hold some bits in a row, and what of the first and the last of them belongs to these bits.
struct Cut<'b> {
    bytes: &'b [u8],
    /// Where the bytes begin, in bits.
    start: u64,
    first_mask: u8,
    last_mask: u8,
}

fn cut<'b>(bytes: &'b [u8], span: &Range<u64>) -> Option<Cut<'b>> {
    let end = span.end.min(wide(bytes.len()) * BYTE);
    let last = end.checked_sub(1).filter(|last| *last >= span.start)?;
    let place = |bit: u64| usize::try_from(bit / BYTE).ok();
    Some(Cut {
        bytes: bytes.get(place(span.start)?..=place(last)?)?,
        start: span.start / BYTE * BYTE,
        first_mask: u8::MAX >> (span.start % BYTE),
        last_mask: u8::MAX << (BYTE - 1 - last % BYTE),
    })
}

/// Counts the set bits.
pub(super) fn count(bytes: &[u8], span: &Range<u64>) -> u64 {
    let Some(cut) = cut(bytes, span) else { return 0 };
    let (words, rest) = cut.bytes.as_chunks::<8>();
    let ones = words.iter().map(|word| u64::from(u64::from_ne_bytes(*word).count_ones())).sum::<u64>()
        + rest.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>();
    let outside = |byte: Option<&u8>, mask: u8| byte.map_or(0, |byte| u64::from((byte & !mask).count_ones()));
    ones - outside(cut.bytes.first(), cut.first_mask) - outside(cut.bytes.last(), cut.last_mask)
}

/// Finds the first bit that is as `bit` says.
pub(super) fn first(bytes: &[u8], span: &Range<u64>, bit: bool) -> Option<u64> {
    let cut = cut(bytes, span)?;
    let dull = if bit { 0 } else { u8::MAX };
    let last = cut.bytes.len() - 1;
    let mut from = 0;
    // What is found in vain lies outside of the bits, in the first byte or in the last.
    while let Some(found) = differing(cut.bytes.get(from..)?, dull) {
        let at = from + found;
        let mut wanted = cut.bytes.get(at)? ^ dull;
        if at == 0 {
            wanted &= cut.first_mask;
        }
        if at == last {
            wanted &= cut.last_mask;
        }
        if wanted != 0 {
            return Some(cut.start + wide(at) * BYTE + u64::from(wanted.leading_zeros()));
        }
        from = at + 1;
    }
    None
}

/// Finds the first byte that is not `dull`.
fn differing(bytes: &[u8], dull: u8) -> Option<usize> {
    let (words, _) = bytes.as_chunks::<8>();
    let skipped = words.iter().take_while(|word| **word == [dull; 8]).count() * 8;
    let found = bytes.get(skipped..)?.iter().position(|byte| *byte != dull)?;
    Some(skipped + found)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    fn bit(bytes: &[u8], at: u64) -> bool {
        bytes[(at / 8) as usize] & (0x80 >> (at % 8)) != 0
    }

    proptest! {
        #[test]
        fn bits_are_counted_and_found_as_one_by_one(
            bytes in vec(select(vec![0, 0, 0, 0xff, 0xff, 0xff, 1, 0x80, 0x7f, 0x5a]), 0..40),
            start in 0..340_u64,
            length in 0..340_u64,
        ) {
            let span = start..start + length;
            let inside: Vec<u64> = span.clone().filter(|at| *at < bytes.len() as u64 * 8).collect();
            let ones = inside.iter().filter(|at| bit(&bytes, **at)).count() as u64;
            prop_assert_eq!(count(&bytes, &span), ones);
            for wanted in [false, true] {
                let found = inside.iter().copied().find(|at| bit(&bytes, *at) == wanted);
                prop_assert_eq!(first(&bytes, &span, wanted), found);
            }
        }
    }
}
