//! Bits of a whole string, piece by piece.
//!
//! Uses the walk over pieces. Invariant: a hole is counted and searched without being looked at, so time goes with what is
//! stored.

use std::ops::Range;

use super::{BYTE, scan, wide};
use crate::error::Result;
use crate::types::string::Pieces;

/// The bytes that hold the bits of `span`.
fn bytes_of(span: &Range<u64>) -> Range<u64> {
    span.start / BYTE..span.end.div_ceil(BYTE)
}

/// Counts the set bits of `span`, in the pieces that `open` gives for a range of bytes.
pub(crate) fn count(span: &Range<u64>, open: impl FnOnce(Range<u64>) -> Result<Pieces>) -> Result<u64> {
    let mut pieces = open(bytes_of(span))?;
    let mut ones = 0;
    while let Some((start, piece)) = pieces.current()? {
        ones += scan::count(piece, &relative(span, start * BYTE));
        pieces.advance()?;
    }
    Ok(ones)
}

/// Finds the first bit of `span`, which lies within the string, that is as `bit` says; opens as [`count`] does.
pub(crate) fn first(
    span: &Range<u64>,
    bit: bool,
    open: impl FnOnce(Range<u64>) -> Result<Pieces>,
) -> Result<Option<u64>> {
    let mut pieces = open(bytes_of(span))?;
    // All bits of the span before this one have been looked at.
    let mut at = span.start;
    while let Some((start, piece)) = pieces.current()? {
        let start = start * BYTE;
        if !bit && at < start {
            break;
        }
        if let Some(found) = scan::first(piece, &relative(span, start), bit) {
            return Ok(Some(start + found));
        }
        at = at.max(start + wide(piece.len()) * BYTE);
        pieces.advance()?;
    }
    // A hole, or what a short piece lacks.
    Ok(Some(at).filter(|at| !bit && *at < span.end))
}

/// The same bits, counted from `base` on.
fn relative(span: &Range<u64>, base: u64) -> Range<u64> {
    span.start.saturating_sub(base)..span.end.saturating_sub(base)
}
