//! Strings: short ones lie in the meta record, longer ones in pieces under an id.
//!
//! May use the plan and the reader. Invariants: the record's size is the string's length; piece `n` holds the
//! bytes from `n * STRING_PIECE_BYTES` on; a missing piece, or what a short piece lacks, is zeros; the last piece
//! is always there, up to the string's end.

mod pieces;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;

use bytes::Bytes;

use crate::encoding::{Body, CollectionId, DataType, ElementKey, Habit, Meta, STRING_PIECE_BYTES, UnixMillis};
use crate::error::{Error, Result};
use crate::types::number::{LongDouble, parse_integer};
use crate::types::{Birth, Change, EventKind, Home, KeyPlan, Limits, Lot, NewRecord, Reader, id_of};
pub(crate) use pieces::{Pieces, copy_out};

/// [`STRING_PIECE_BYTES`] as offsets are counted.
const PIECE: u64 = STRING_PIECE_BYTES as u64;

/// No store's limit is above this, so a record that says more was never written.
const LONGEST_BYTES: u64 = 512 << 20;

/// A string longer than this is no number, as in Redis.
const LONGEST_NUMBER_BYTES: u64 = 5 * 1024 - 1;

/// Refuses strings longer than the store's limit.
fn check_length(limits: &Limits, length: u64) -> Result<()> {
    if length > wide(limits.max_value) {
        return Err(Error::too_large("the string", length, "max_value_bytes", wide(limits.max_value)));
    }
    Ok(())
}

/// Whether a set goes ahead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SetCondition {
    #[default]
    Always,
    IfAbsent,
    IfPresent,
}

/// What becomes of the key's expiry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SetExpiry {
    #[default]
    None,
    Keep,
    At(UnixMillis),
}

/// Sets the key to a string, whatever it held; returns whether the condition allowed it.
pub(crate) fn set(plan: &mut KeyPlan<'_>, value: &[u8], condition: SetCondition, expiry: SetExpiry) -> Result<bool> {
    check_length(plan.limits, wide(value.len()))?;
    let lives = plan.live().is_some();
    let allowed = match condition {
        SetCondition::Always => true,
        SetCondition::IfAbsent => !lives,
        SetCondition::IfPresent => lives,
    };
    if allowed {
        let expires_at = match expiry {
            SetExpiry::None => None,
            SetExpiry::Keep => plan.live().and_then(|meta| meta.expires_at),
            SetExpiry::At(time) => Some(time),
        };
        let created_at = plan.now;
        place(plan, value, Placement { created_at, expires_at, habit: None });
        plan.note(EventKind::Set);
        if matches!(expiry, SetExpiry::At(_)) {
            plan.note(EventKind::Expire);
        }
    }
    Ok(allowed)
}

/// Birth of a value that is written whole.
struct Placement {
    created_at: UnixMillis,
    expires_at: Option<UnixMillis>,
    /// `None` if nobody said.
    habit: Option<Habit>,
}

/// Writes a whole value, inline if it is short enough, else in pieces under a new id.
fn place(plan: &mut KeyPlan<'_>, value: &[u8], birth: Placement) {
    let home = if value.len() <= plan.limits.inline(birth.expires_at) {
        Home::Known(Body::Inline(Bytes::copy_from_slice(value)))
    } else {
        for (number, piece) in value.chunks(STRING_PIECE_BYTES).enumerate() {
            plan.put_element(&ElementKey::StringPiece(piece_number(wide(number))), Bytes::copy_from_slice(piece));
        }
        Home::NewId { lot: Lot::with_habit(birth.habit), head: 0 }
    };
    plan.change = Change::Put(NewRecord {
        data_type: DataType::String,
        home,
        created_at: birth.created_at,
        expires_at: birth.expires_at,
        size: wide(value.len()),
    });
}

/// Appends to the string, or sets it; returns the new length.
pub(crate) fn append(plan: &mut KeyPlan<'_>, tail: &[u8]) -> Result<u64> {
    let offset = plan.live_as(DataType::String)?.map_or(0, |meta| meta.size);
    plan.note(EventKind::Append);
    if tail.is_empty() {
        // Redis creates an empty string here.
        if plan.live().is_none() {
            let created_at = plan.now;
            place(plan, b"", Placement { created_at, expires_at: None, habit: None });
        }
        return Ok(offset);
    }
    write_at(plan, offset, tail)
}

/// Overwrites part of the string from `offset` on, filling a gap with zeros; returns the new length.
pub(crate) fn set_range(plan: &mut KeyPlan<'_>, offset: u64, part: &[u8]) -> Result<u64> {
    let length = plan.live_as(DataType::String)?.map_or(0, |meta| meta.size);
    if part.is_empty() {
        return Ok(length);
    }
    plan.note(EventKind::SetRange);
    write_at(plan, offset, part)
}

fn write_at(plan: &mut KeyPlan<'_>, offset: u64, part: &[u8]) -> Result<u64> {
    write_parts(plan, &[(offset, part)])
}

/// Overwrites several parts, each given with its offset, as [`set_range`] does with one; returns the new length. Refuses
/// another data type.
pub(crate) fn write_parts(plan: &mut KeyPlan<'_>, parts: &[(u64, &[u8])]) -> Result<u64> {
    let mut size = plan.live_as(DataType::String)?.map_or(0, |meta| meta.size);
    for (offset, part) in parts {
        let end = offset.checked_add(wide(part.len())).ok_or_else(|| Error::out_of_range("offset is out of range"))?;
        check_length(plan.limits, end)?;
        size = size.max(end);
    }
    let Some(meta) = plan.live().cloned() else {
        let birth = Placement { created_at: plan.now, expires_at: None, habit: Some(Habit::Growing) };
        return write_over(plan, &[], parts, (size, birth));
    };
    match &meta.body {
        Body::Inline(old) => {
            let birth = Placement { habit: Some(Habit::Growing), ..rewritten(&meta) };
            write_over(plan, old, parts, (size, birth))
        }
        Body::Elements(_) | Body::List { .. } | Body::Packed(_) => {
            write_pieces(plan, id_of(&meta)?, parts, meta.size..size)?;
            plan.rewrite(&meta, meta.body.clone(), meta.expires_at, size);
            Ok(size)
        }
    }
}

/// Writes parts over a string in pieces that grows, if it does, from one length to another.
fn write_pieces(plan: &mut KeyPlan<'_>, id: CollectionId, parts: &[(u64, &[u8])], grows: Range<u64>) -> Result<()> {
    let mut pieces = BTreeMap::<u32, Vec<u8>>::new();
    for (number, within, slice) in parts.iter().flat_map(|(offset, part)| pieces_of(*offset, part)) {
        overlay(loaded(plan.reader, id, &mut pieces, number)?, within, slice);
    }
    if grows.start < PIECE && grows.end > PIECE {
        // INVARIANT: a first piece that does not fill its place is the whole string; see `single_piece`.
        loaded(plan.reader, id, &mut pieces, 0)?.resize(STRING_PIECE_BYTES, 0);
    }
    put_pieces(plan, pieces);
    Ok(())
}

/// Returns a piece as it is changed so far.
fn loaded<'p>(
    reader: &Reader,
    id: CollectionId,
    pieces: &'p mut BTreeMap<u32, Vec<u8>>,
    number: u32,
) -> Result<&'p mut Vec<u8>> {
    Ok(match pieces.entry(number) {
        Entry::Occupied(there) => there.into_mut(),
        Entry::Vacant(free) => {
            let old = reader.element(id, &ElementKey::StringPiece(number))?;
            free.insert(old.map_or_else(Vec::new, Vec::from))
        }
    })
}

fn put_pieces(plan: &mut KeyPlan<'_>, pieces: BTreeMap<u32, Vec<u8>>) {
    for (number, piece) in pieces {
        plan.put_element(&ElementKey::StringPiece(number), piece.into());
    }
}

/// Writes parts over a short string: inline again if it stays short, else in pieces, leaving gaps unwritten.
fn write_over(
    plan: &mut KeyPlan<'_>,
    old: &[u8],
    parts: &[(u64, &[u8])],
    (size, birth): (u64, Placement),
) -> Result<u64> {
    if size <= wide(plan.limits.inline(birth.expires_at)) {
        let mut value = old.to_vec();
        for (offset, part) in parts {
            let within = usize::try_from(*offset).map_err(|_| Error::out_of_range("offset is out of range"))?;
            overlay(&mut value, within, part);
        }
        place(plan, &value, birth);
        return Ok(size);
    }
    let mut pieces = BTreeMap::<u32, Vec<u8>>::new();
    for (offset, part) in [(0, old)].iter().chain(parts) {
        for (number, within, slice) in pieces_of(*offset, part) {
            overlay(pieces.entry(number).or_default(), within, slice);
        }
    }
    put_pieces(plan, pieces);
    plan.change = Change::Put(NewRecord {
        data_type: DataType::String,
        home: Home::NewId { lot: Lot::with_habit(birth.habit), head: 0 },
        created_at: birth.created_at,
        expires_at: birth.expires_at,
        size,
    });
    Ok(size)
}

/// Cuts `part`, which begins at `offset` of the string, at the borders of pieces: (piece, offset within, bytes).
fn pieces_of(offset: u64, part: &[u8]) -> impl Iterator<Item = (u32, usize, &[u8])> {
    let mut at = offset;
    let mut rest = part;
    std::iter::from_fn(move || {
        let within = usize::try_from(at % wide(STRING_PIECE_BYTES)).ok()?;
        let (slice, tail) = rest.split_at_checked(STRING_PIECE_BYTES - within).unwrap_or((rest, &[]));
        if slice.is_empty() {
            return None;
        }
        let number = piece_number(at / wide(STRING_PIECE_BYTES));
        at += wide(slice.len());
        rest = tail;
        Some((number, within, slice))
    })
}

/// Sets the key to a string of `length` bytes without expiry, made of pieces that come in order, each with its start. Those
/// of zeros alone may be left out, but for the last one. Large ones are written out as they come.
pub(crate) fn set_pieces(
    plan: &mut KeyPlan<'_>,
    length: u64,
    mut next: impl FnMut() -> Result<Option<(u64, Vec<u8>)>>,
) -> Result<()> {
    if length <= wide(plan.limits.inline(None)) {
        let mut value = Vec::new();
        while let Some((start, piece)) = next()? {
            overlay(&mut value, memory(start)?, &piece);
        }
        let birth = Placement { created_at: plan.now, expires_at: None, habit: None };
        place(plan, &value, birth);
        return Ok(());
    }
    let mut edit = plan.replace(DataType::String, Birth::default());
    while let Some((start, piece)) = next()? {
        edit.put(&ElementKey::StringPiece(piece_number(start / PIECE)), piece.into())?;
    }
    edit.set_size(length);
    edit.finish()
}

/// Writes `slice` at `within`, zeros in between.
fn overlay(bytes: &mut Vec<u8>, within: usize, slice: &[u8]) {
    let end = within + slice.len();
    bytes.resize(bytes.len().max(end), 0);
    if let Some(place) = bytes.get_mut(within..end) {
        place.copy_from_slice(slice);
    }
}

/// Adds to the number that the string holds, 0 if there is none; returns the sum. What is created is born as `birth` says.
pub(crate) fn incr_by(plan: &mut KeyPlan<'_>, by: i64, birth: Birth) -> Result<i64> {
    let (old, birth) = match plan.live_as(DataType::String)? {
        None => (0, Placement { created_at: plan.now, expires_at: birth.expires_at, habit: birth.habit }),
        Some(meta) => {
            let old = parse_integer(&short(plan.reader, meta)?).ok_or_else(Error::not_an_integer)?;
            (old, rewritten(meta))
        }
    };
    let sum = old.checked_add(by).ok_or_else(Error::overflow)?;
    place(plan, sum.to_string().as_bytes(), birth);
    plan.note(EventKind::IncrBy);
    Ok(sum)
}

/// Adds to the floating-point number that the string holds, 0 if there is none; returns the sum, which is stored as it is
/// written. What is created is born as `birth` says.
pub(crate) fn incr_by_float(plan: &mut KeyPlan<'_>, by: LongDouble, birth: Birth) -> Result<LongDouble> {
    let (old, birth) = match plan.live_as(DataType::String)? {
        None => (
            LongDouble::from(0_i64),
            Placement { created_at: plan.now, expires_at: birth.expires_at, habit: birth.habit },
        ),
        Some(meta) => (LongDouble::parse(short(plan.reader, meta)?)?, rewritten(meta)),
    };
    let sum = old.plus(by)?;
    place(plan, sum.to_string().as_bytes(), birth);
    plan.note(EventKind::IncrByFloat);
    Ok(sum)
}

/// The birth of a value that takes the place of `meta`'s and stays the same key.
fn rewritten(meta: &Meta) -> Placement {
    Placement { created_at: meta.created_at, expires_at: meta.expires_at, habit: None }
}

/// Writes a whole value in place of the string that the key holds, which stays the same key and keeps its expiry. What is
/// created is born as `birth` says. In both cases more such writes are to be expected.
pub(crate) fn change(plan: &mut KeyPlan<'_>, value: &[u8], birth: Birth) -> Result<()> {
    let growing = Some(Habit::Growing);
    let birth = match plan.live_as(DataType::String)? {
        None => Placement { created_at: plan.now, expires_at: birth.expires_at, habit: birth.habit.or(growing) },
        // WHY not under a new id: the same pieces are written again, and nothing is buried.
        Some(meta) if is_in_pieces(meta) && meta.size <= wide(value.len()) => {
            return write_at(plan, 0, value).map(|_| ());
        }
        Some(meta) => Placement { habit: growing, ..rewritten(meta) },
    };
    check_length(plan.limits, wide(value.len()))?;
    place(plan, value, birth);
    Ok(())
}

/// Reads a string that may be a number, and of one too long for that nothing: no number is empty.
fn short(reader: &Reader, meta: &Meta) -> Result<Bytes> {
    if meta.size > LONGEST_NUMBER_BYTES { Ok(Bytes::new()) } else { whole(reader, meta) }
}

/// Tells whether the key holds the string `expected`; refuses other data types.
pub(crate) fn equals(plan: &KeyPlan<'_>, expected: &[u8]) -> Result<bool> {
    match plan.live_as(DataType::String)? {
        Some(meta) if meta.size == wide(expected.len()) => Ok(whole(plan.reader, meta)? == expected),
        _ => Ok(false),
    }
}

/// Tells whether the string lies in pieces, which change independently of its record: see [`single_piece`].
pub(crate) fn is_in_pieces(meta: &Meta) -> bool {
    meta.id().is_some()
}

/// Reads a short string in pieces without a snapshot; `None` if only a snapshot can tell.
///
/// The piece may be younger than the record. As long as it does not fill its place, it is the whole string of
/// its moment: a string that grows beyond its first piece fills that piece in the same commit.
pub(crate) fn single_piece(reader: &Reader, meta: &Meta) -> Result<Option<Bytes>> {
    if meta.size >= PIECE {
        return Ok(None);
    }
    let piece = reader.element(id_of(meta)?, &ElementKey::StringPiece(0))?.ok_or_else(missing_piece)?;
    Ok((piece.len() < STRING_PIECE_BYTES).then_some(piece))
}

/// Reads the whole string. If it is in pieces, the reader must have a snapshot or the key's lock.
pub(crate) fn whole(reader: &Reader, meta: &Meta) -> Result<Bytes> {
    if let Body::Inline(bytes) = &meta.body {
        return Ok(bytes.clone());
    }
    let length = length_of(meta)?;
    let mut bytes = Vec::with_capacity(length);
    let mut pieces = Pieces::of(reader, meta, 0..meta.size)?;
    while let Some((start, piece)) = pieces.current()? {
        bytes.resize(memory(start)?, 0);
        bytes.extend_from_slice(piece);
        pieces.advance()?;
    }
    Ok(bytes.into())
}

/// Cuts the bytes from `start` to `end`, both included and both counted from the end if negative, as Redis does.
pub(crate) fn range_of(bytes: &Bytes, start: i64, end: i64) -> Bytes {
    clamp(start, end, wide(bytes.len())).map_or_else(Bytes::new, |(from, to)| slice(bytes, from, to))
}

/// Reads a range as [`range_of`] cuts it, and of a string in pieces only the pieces it meets. The reader must have
/// a snapshot then, or the key's lock.
pub(crate) fn range(reader: &Reader, meta: &Meta, start: i64, end: i64) -> Result<Bytes> {
    match &meta.body {
        Body::Inline(bytes) => Ok(range_of(bytes, start, end)),
        Body::Elements(_) | Body::List { .. } | Body::Packed(_) => match clamp(start, end, wide(length_of(meta)?)) {
            Some((from, to)) => pieces_between(reader, id_of(meta)?, from, to),
            None => Ok(Bytes::new()),
        },
    }
}

/// The length of a string in pieces, for which memory may be taken.
fn length_of(meta: &Meta) -> Result<usize> {
    let possible = Some(meta.size).filter(|size| *size <= LONGEST_BYTES);
    let length = possible.and_then(|size| usize::try_from(size).ok());
    length.ok_or_else(|| Error::corrupt("a string is longer than any string can be"))
}

fn pieces_between(reader: &Reader, id: CollectionId, from: u64, to: u64) -> Result<Bytes> {
    let length = usize::try_from(to - from).map_err(|_| Error::out_of_range("range is out of memory"))?;
    let mut bytes = Vec::with_capacity(length);
    let mut at = from;
    while at < to {
        let number = at / wide(STRING_PIECE_BYTES);
        let piece_end = ((number + 1) * wide(STRING_PIECE_BYTES)).min(to);
        let piece = reader.element(id, &ElementKey::StringPiece(piece_number(number)))?.unwrap_or_default();
        let within = at - number * wide(STRING_PIECE_BYTES);
        let wanted = slice(&piece, within, within + (piece_end - at));
        let filled = bytes.len() + usize::try_from(piece_end - at).unwrap_or(0);
        bytes.extend_from_slice(&wanted);
        bytes.resize(filled, 0);
        at = piece_end;
    }
    Ok(bytes.into())
}

/// Turns Redis' inclusive, possibly negative bounds into a half-open range within `length`. Bounds that cross before the
/// string's start are a range of nothing.
pub(crate) fn clamp(start: i64, end: i64, length: u64) -> Option<(u64, u64)> {
    if start < 0 && end < 0 && start > end { None } else { clamp_loosely(start, end, length) }
}

/// As [`clamp`], but bounds that cross before the string's start are the start.
pub(crate) fn clamp_loosely(start: i64, end: i64, length: u64) -> Option<(u64, u64)> {
    let from_end = |at: i64| {
        if at < 0 { length.saturating_sub(at.unsigned_abs()) } else { at.unsigned_abs() }
    };
    let (from, last) = (from_end(start), from_end(end));
    let to = last.saturating_add(1).min(length);
    (from < to).then_some((from, to))
}

fn slice(bytes: &Bytes, from: u64, to: u64) -> Bytes {
    let length = bytes.len();
    let bound = |at: u64| usize::try_from(at).unwrap_or(length).min(length);
    bytes.slice(bound(from)..bound(to))
}

fn missing_piece() -> Error {
    Error::corrupt("a string lacks a piece")
}

/// An offset as memory is counted.
fn memory(offset: u64) -> Result<usize> {
    usize::try_from(offset).map_err(|_| Error::corrupt("a string's piece lies beyond memory"))
}

/// INVARIANT: strings are at most 512 MiB, so piece numbers fit.
fn piece_number(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX - 1)
}

fn wide(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_clamped_as_redis_does() {
        assert_eq!(clamp(0, -1, 5), Some((0, 5)));
        assert_eq!(clamp(-3, -2, 5), Some((2, 4)));
        assert_eq!(clamp(-100, 100, 5), Some((0, 5)));
        assert_eq!(clamp(3, 2, 5), None);
        assert_eq!(clamp(5, 10, 5), None);
        assert_eq!(clamp(-1, -3, 5), None);
        assert_eq!(clamp(0, -100, 5), Some((0, 1)));
        assert_eq!(clamp(0, -1, 0), None);
    }

    #[test]
    fn parts_are_cut_at_the_borders_of_pieces() {
        let part = vec![7; STRING_PIECE_BYTES + 2];
        let cut: Vec<_> = pieces_of(wide(STRING_PIECE_BYTES) - 1, &part).map(|(n, at, s)| (n, at, s.len())).collect();
        assert_eq!(cut, [(0, STRING_PIECE_BYTES - 1, 1), (1, 0, STRING_PIECE_BYTES), (2, 0, 1)]);
    }

    #[test]
    fn overlays_fill_gaps_with_zeros_and_keep_the_tail() {
        let over = |old: &[u8], within, slice: &[u8]| {
            let mut bytes = old.to_vec();
            overlay(&mut bytes, within, slice);
            bytes
        };
        assert_eq!(over(b"abc", 1, b"X"), b"aXc");
        assert_eq!(over(b"ab", 4, b"X"), b"ab\0\0X");
        assert_eq!(over(b"", 0, b"X"), b"X");
    }
}
