//! Random choices among the elements of a collection, every choice with the same chance.
//!
//! May use walks. Cost: one walk to the last element chosen, whatever is chosen; nothing in writes and on disk.
//! Invariant: the caller's `size` is the number of elements in the walk.

use std::fmt;

use crate::encoding::ElementKey;
use crate::error::{Error, ErrorKind, Result};
use crate::types::Walk;

/// Visits up to `wanted` different elements, in the order of the walk: selection sampling (Knuth, The Art of
/// Computer Programming, vol. 2, algorithm 3.4.2 S).
pub(crate) fn distinct(
    mut walk: Walk,
    size: u64,
    wanted: u64,
    mut visit: impl FnMut(ElementKey<'_>, &[u8]),
) -> Result<()> {
    let mut left = size;
    let mut needed = wanted.min(size);
    while needed > 0 {
        let (key, value) = walk.entry()?.ok_or_else(too_few)?;
        if fastrand::u64(..left) < needed {
            visit(key, value);
            needed -= 1;
        }
        left -= 1;
        walk.advance();
    }
    Ok(())
}

/// Chooses `wanted` elements, the same one perhaps several times, in random order; `own` keeps what is chosen.
/// Takes memory for what is chosen.
pub(crate) fn repeated<T: Clone>(
    mut walk: Walk,
    size: u64,
    wanted: usize,
    own: impl Fn(ElementKey<'_>, &[u8]) -> T,
) -> Result<Vec<T>> {
    if size == 0 {
        return Ok(Vec::new());
    }
    let (mut places, mut chosen) = (Vec::<u64>::new(), Vec::<T>::new());
    places.try_reserve_exact(wanted).map_err(|_| too_many(wanted))?;
    chosen.try_reserve_exact(wanted).map_err(|_| too_many(wanted))?;
    places.extend(std::iter::repeat_with(|| fastrand::u64(..size)).take(wanted));
    places.sort_unstable();
    let mut at = 0;
    for (turn, place) in places.iter().enumerate() {
        if turn > 0 && place.checked_add(1) == Some(at) {
            chosen.extend(chosen.last().cloned());
            continue;
        }
        walk.skip(place.saturating_sub(at))?;
        let (key, value) = walk.entry()?.ok_or_else(too_few)?;
        chosen.push(own(key, value));
        walk.advance();
        at = place + 1;
    }
    fastrand::shuffle(&mut chosen);
    Ok(chosen)
}

/// The refusal of more elements than memory holds.
pub(crate) fn too_many(wanted: impl fmt::Display) -> Error {
    Error::new(ErrorKind::TooLarge, format!("{wanted} elements are wanted, more than memory holds"))
}

fn too_few() -> Error {
    Error::corrupt("a collection holds fewer elements than its size")
}
