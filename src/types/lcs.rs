//! Longest common subsequences of two strings.
//!
//! Pure computation. Invariant: of several longest ones the same is found as in Redis, which walks back from the
//! ends of both strings and, where the bytes differ and neither way is better, leaves the second string's byte out.

use crate::error::{Error, ErrorKind, Result};

/// How many pairs of bytes are compared at most, an empty byte before each string included.
///
/// WHY: Redis refuses a table above `proto-max-bulk-len`, 512 MiB with 4 bytes a pair; so the same strings are refused here.
/// Each pair costs about a nanosecond and, if more than the length is asked for, a bit.
const MAX_PAIRS: u64 = 1 << 27;

/// A common stretch: where it begins in each string, and how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) a: usize,
    pub(crate) b: usize,
    pub(crate) length: usize,
}

/// Computes the length, in memory for one row.
pub(crate) fn length(a: &[u8], b: &[u8]) -> Result<usize> {
    check(a, b)?;
    let mut row = vec![0; b.len() + 1];
    for byte in a {
        next_row(&mut row, *byte, b, |_| {});
    }
    Ok(row.last().copied().map_or(0, size))
}

/// Finds the common stretches, those at the end of the strings first. Takes a bit for each pair of bytes.
pub(crate) fn stretches(a: &[u8], b: &[u8]) -> Result<Vec<Stretch>> {
    check(a, b)?;
    let mut ways = Ways::new(a.len(), b.len());
    let mut row = vec![0; b.len() + 1];
    for (i, byte) in a.iter().enumerate() {
        next_row(&mut row, *byte, b, |j| ways.set_up(i, j));
    }
    let mut found: Vec<Stretch> = Vec::new();
    let (mut i, mut j) = (a.len(), b.len());
    while let (Some(up), Some(left)) = (i.checked_sub(1), j.checked_sub(1)) {
        if a.get(up) == b.get(left) {
            match found.last_mut() {
                Some(last) if last.a == i && last.b == j => *last = Stretch { a: up, b: left, length: last.length + 1 },
                _ => found.push(Stretch { a: up, b: left, length: 1 }),
            }
            (i, j) = (up, left);
        } else if ways.is_up(up, left) {
            i = up;
        } else {
            j = left;
        }
    }
    Ok(found)
}

fn check(a: &[u8], b: &[u8]) -> Result<()> {
    let wide = |bytes: &[u8]| u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    check_lengths(wide(a), wide(b))
}

/// Refuses strings whose comparison would take too long, before they are read.
pub(crate) fn check_lengths(a: u64, b: u64) -> Result<()> {
    if a.saturating_add(1).saturating_mul(b.saturating_add(1)) > MAX_PAIRS {
        let lengths = format!("strings of {a} and {b} bytes are too long for their longest common subsequence");
        let limit = format!("the product of the lengths, each plus 1, may be {MAX_PAIRS}");
        return Err(Error::new(ErrorKind::TooLarge, format!("{lengths}: {limit}")));
    }
    Ok(())
}

/// Goes from the lengths for all beginnings of `b` and a beginning of `a` to those for one byte more of `a`; tells
/// `up` where leaving that byte out is the better way.
fn next_row(row: &mut [u32], byte: u8, b: &[u8], mut up: impl FnMut(usize)) {
    let (mut left, mut diagonal) = (0, 0);
    for (j, (cell, other)) in row.iter_mut().skip(1).zip(b).enumerate() {
        let above = *cell;
        if byte == *other {
            *cell = diagonal + 1;
        } else if above > left {
            up(j);
        } else {
            *cell = left;
        }
        (left, diagonal) = (*cell, above);
    }
}

fn size(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

/// Which way leads back from each pair: a bit for each, set where the byte of `a` is left out.
struct Ways {
    columns: usize,
    words: Vec<u64>,
}

impl Ways {
    fn new(rows: usize, columns: usize) -> Self {
        Self { columns, words: vec![0; (rows * columns).div_ceil(64)] }
    }

    fn set_up(&mut self, i: usize, j: usize) {
        let bit = i * self.columns + j;
        if let Some(word) = self.words.get_mut(bit / 64) {
            *word |= 1 << (bit % 64);
        }
    }

    fn is_up(&self, i: usize, j: usize) -> bool {
        let bit = i * self.columns + j;
        self.words.get(bit / 64).is_some_and(|word| word & (1 << (bit % 64)) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(a: &[u8], b: &[u8]) -> Vec<u8> {
        let mut found = stretches(a, b).unwrap();
        found.reverse();
        found.iter().flat_map(|stretch| a[stretch.a..stretch.a + stretch.length].to_vec()).collect()
    }

    #[test]
    fn the_example_of_the_redis_documentation() {
        assert_eq!(joined(b"ohmytext", b"mynewtext"), b"mytext");
        assert_eq!(length(b"ohmytext", b"mynewtext").unwrap(), 6);
        let expected = [Stretch { a: 4, b: 5, length: 4 }, Stretch { a: 2, b: 0, length: 2 }];
        assert_eq!(stretches(b"ohmytext", b"mynewtext").unwrap(), expected);
    }

    #[test]
    fn of_several_longest_ones_the_one_of_redis_is_found() {
        assert_eq!(joined(b"ab", b"ba"), b"b");
        assert_eq!(joined(b"abcbdab", b"bdcaba"), b"bdab");
    }

    #[test]
    fn an_empty_string_has_nothing_in_common() {
        for (a, b) in [(&b""[..], &b""[..]), (b"a", b""), (b"", b"a"), (b"a", b"b")] {
            assert_eq!(length(a, b).unwrap(), 0);
            assert!(stretches(a, b).unwrap().is_empty());
        }
    }

    #[test]
    fn what_is_found_is_common_and_as_long_as_the_length_says() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..300 {
            let (left, right) = (random.usize(..40), random.usize(..40));
            let mut text = |length| -> Vec<u8> { (0..length).map(|_| random.u8(b'a'..b'd')).collect() };
            let (a, b) = (text(left), text(right));
            let found = stretches(&a, &b).unwrap();
            for stretch in &found {
                assert_eq!(a[stretch.a..stretch.a + stretch.length], b[stretch.b..stretch.b + stretch.length]);
            }
            assert!(found.is_sorted_by(
                |later, earlier| earlier.a + earlier.length <= later.a && earlier.b + earlier.length <= later.b
            ));
            assert_eq!(found.iter().map(|stretch| stretch.length).sum::<usize>(), length(&a, &b).unwrap());
            assert_eq!(length(&a, &b).unwrap(), length(&b, &a).unwrap());
        }
    }

    #[test]
    fn the_limit_is_that_of_redis() {
        let at = vec![b'x'; 11_584];
        assert_eq!(length(&at, &at).unwrap(), at.len());
        let above = vec![b'x'; 11_585];
        for refused in [length(&at, &above).unwrap_err(), stretches(&above, &at).unwrap_err()] {
            assert_eq!(refused.kind(), ErrorKind::TooLarge);
        }
    }
}
