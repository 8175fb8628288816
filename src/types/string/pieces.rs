//! What is stored of a string, holes left out: a walk over it, and a look at a few of its bytes.
//!
//! Uses the reader. Invariants: one piece is in memory at a time; what the walk leaves out is zeros, and what lies beyond the
//! string is never shown.

use std::ops::Range;

use bytes::Bytes;

use super::{PIECE, length_of, memory, missing_piece, piece_number, wide};
use crate::encoding::{Body, CollectionId, ElementKey, Meta, STRING_PIECE_BYTES};
use crate::error::{Error, Result};
use crate::types::elements::Walk;
use crate::types::{Direction, Elements, Reader, TailRange, id_of};

/// Walks over the stored pieces of one string, in their order. A string that lies in its record is cut as pieces are.
pub(crate) struct Pieces {
    source: Source,
    /// Of the string.
    length: u64,
    /// Where the walk ends.
    end: u64,
    /// Where the last piece ended that the walk has left.
    passed: u64,
}

enum Source {
    Nothing,
    Whole { bytes: Bytes, start: usize },
    Apart { id: CollectionId, walk: Box<Walk> },
}

impl Pieces {
    /// The pieces of no string.
    pub(crate) fn none() -> Self {
        Self { source: Source::Nothing, length: 0, end: 0, passed: 0 }
    }

    /// The pieces of a string that lies in one place, those that `range` meets.
    pub(crate) fn of_bytes(bytes: Bytes, range: &Range<u64>) -> Self {
        let length = wide(bytes.len());
        let start = usize::try_from(range.start / PIECE * PIECE).unwrap_or(usize::MAX);
        Self { source: Source::Whole { bytes, start }, length, end: range.end.min(length), passed: 0 }
    }

    /// The pieces that `range` meets. If there are several, the reader must have a snapshot or the key's lock.
    pub(crate) fn of(reader: &Reader, meta: &Meta, range: Range<u64>) -> Result<Self> {
        if let Body::Inline(bytes) = &meta.body {
            return Ok(Self::of_bytes(bytes.clone(), &range));
        }
        let (id, length) = (id_of(meta)?, wide(length_of(meta)?));
        let end = range.end.min(length);
        if range.start >= end {
            return Ok(Self::none());
        }
        let tail = |number| ElementKey::StringPiece(piece_number(number)).encode_tail();
        let pieces = TailRange { lower: tail(range.start / PIECE), upper: tail(end.div_ceil(PIECE)) };
        let walk = Box::new(Elements::under(reader, id).walk(&pieces, Direction::Ascending)?);
        Ok(Self { source: Source::Apart { id, walk }, length, end, passed: 0 })
    }

    /// Returns where the piece under the walk begins, and its bytes, which may go beyond the range; `None` at the end.
    pub(crate) fn current(&self) -> Result<Option<(u64, &[u8])>> {
        match &self.source {
            Source::Nothing => Ok(None),
            Source::Whole { start, .. } if wide(*start) >= self.end => Ok(None),
            Source::Whole { bytes, start } => {
                let rest = bytes.get(*start..).unwrap_or_default();
                Ok(Some((wide(*start), rest.get(..STRING_PIECE_BYTES).unwrap_or(rest))))
            }
            Source::Apart { walk, .. } => {
                let Some((key, piece)) = walk.entry()? else {
                    let is_whole = self.end < self.length || self.passed == self.length;
                    return if is_whole { Ok(None) } else { Err(missing_piece()) };
                };
                let ElementKey::StringPiece(number) = key else {
                    return Err(Error::corrupt("a string's range holds another element"));
                };
                let start = u64::from(number) * PIECE;
                if piece.len() > STRING_PIECE_BYTES || start + wide(piece.len()) > self.length {
                    return Err(Error::corrupt("a string's pieces do not fit its length"));
                }
                Ok(Some((start, piece)))
            }
        }
    }

    /// Moves to the next stored piece.
    pub(crate) fn advance(&mut self) -> Result<()> {
        let Some((start, piece)) = self.current()? else { return Ok(()) };
        let passed = start + wide(piece.len());
        match &mut self.source {
            Source::Nothing => {}
            Source::Whole { start, .. } => *start += STRING_PIECE_BYTES,
            Source::Apart { walk, .. } => walk.advance(),
        }
        self.passed = passed;
        Ok(())
    }

    /// Moves to the first stored piece that begins at or behind `start`, if the walk is not there yet.
    pub(crate) fn skip_to(&mut self, to: u64) -> Result<()> {
        if self.current()?.is_none_or(|(start, _)| start >= to) {
            return Ok(());
        }
        if to >= self.end {
            self.source = Source::Nothing;
            return Ok(());
        }
        match &mut self.source {
            Source::Nothing => {}
            Source::Whole { start, .. } => *start = memory(to)?.next_multiple_of(STRING_PIECE_BYTES),
            Source::Apart { id, walk } => {
                walk.skip_to(*id, &ElementKey::StringPiece(piece_number(to.div_ceil(PIECE))))?
            }
        }
        Ok(())
    }
}

/// Fills `out` with the string's bytes from `offset` on, zeros behind its end. If they lie in two pieces, the reader must
/// have a snapshot or the key's lock.
pub(crate) fn copy_out(reader: &Reader, meta: &Meta, offset: u64, out: &mut [u8]) -> Result<()> {
    out.fill(0);
    if offset >= meta.size {
        return Ok(());
    }
    if let Body::Inline(bytes) = &meta.body {
        copy_from(out, bytes, memory(offset)?);
        return Ok(());
    }
    let id = id_of(meta)?;
    let mut at = offset;
    let mut rest = out;
    while !rest.is_empty() {
        let within = memory(at % PIECE)?;
        let here = rest.len().min(STRING_PIECE_BYTES - within);
        let (slice, tail) = std::mem::take(&mut rest).split_at_mut_checked(here).unwrap_or_default();
        let key = ElementKey::StringPiece(piece_number(at / PIECE));
        reader.look_at(id, &key, |piece| copy_from(slice, piece, within))?;
        at += wide(here);
        rest = tail;
    }
    Ok(())
}

/// Copies what there is of `bytes` from `from` on.
fn copy_from(out: &mut [u8], bytes: &[u8], from: usize) {
    let there = bytes.get(from..).unwrap_or_default();
    out.iter_mut().zip(there).for_each(|(out, byte)| *out = *byte);
}
