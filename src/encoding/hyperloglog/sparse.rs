//! Runs of registers with one value.
//!
//! It may use nothing. INVARIANT: the runs that a change leaves are those that Redis' change leaves: which neighbours are
//! united, and in which order, decides the bytes.

use super::{Flaw, HEADER_BYTES, SPARSE_MAX_BYTES};

/// The longest run of zeros that has one byte.
const SHORT_ZEROS: usize = 64;

/// The longest run of a value.
const LONGEST_VALUES: usize = 4;

/// The largest value that a run can have.
const LARGEST_VALUE: u8 = 32;

const LONG_ZEROS: u8 = 1 << 6;
const VALUES: u8 = 1 << 7;

/// How many runs are looked at after a change, to unite neighbours of one value.
const LOOKED_AT: usize = 5;

/// Some registers with one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) value: u8,
    /// How many registers there are.
    pub(super) len: usize,
    /// How many bytes the run takes.
    bytes: usize,
}

impl Run {
    /// Reads the run at this place; `None` at the end.
    fn at(bytes: &[u8], place: usize) -> Result<Option<Self>, Flaw> {
        let Some(&first) = bytes.get(place) else {
            return Ok(None);
        };
        let low = usize::from(first & (LONG_ZEROS - 1));
        Ok(Some(if first & VALUES != 0 {
            Self { value: (first >> 2 & 31) + 1, len: usize::from(first & 3) + 1, bytes: 1 }
        } else if first & LONG_ZEROS != 0 {
            let second = bytes.get(place + 1).ok_or(Flaw::Damaged)?;
            Self { value: 0, len: (low << 8 | usize::from(*second)) + 1, bytes: 2 }
        } else {
            Self { value: 0, len: low + 1, bytes: 1 }
        }))
    }
}

/// All runs. The last is an error if its end is missing.
pub(super) fn runs(bytes: &[u8]) -> impl Iterator<Item = Result<Run, Flaw>> {
    let mut place = 0;
    std::iter::from_fn(move || {
        let run = Run::at(bytes, place).transpose()?;
        place += run.map_or(bytes.len(), |run| run.bytes);
        Some(run)
    })
}

/// Writes a run of zeros. INVARIANT: `len` is 1 to 16,384.
pub(super) fn push_zeros(to: &mut Vec<u8>, len: usize) {
    let [.., high, low] = (len - 1).to_be_bytes();
    if len > SHORT_ZEROS {
        to.extend([LONG_ZEROS | high, low]);
    } else {
        to.push(low);
    }
}

/// The byte of a run of a value. INVARIANT: `value` is 1 to 32, `len` 1 to 4.
const fn values_byte(value: u8, len: usize) -> u8 {
    VALUES | (value - 1) << 2 | (len - 1) as u8
}

/// Writes a run, if it has any registers.
fn push(to: &mut Vec<u8>, value: u8, len: usize) {
    match (len, value) {
        (0, _) => {}
        (_, 0) => push_zeros(to, len),
        _ => to.push(values_byte(value, len)),
    }
}

/// What became of a register that was to be raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Raised {
    /// It was not lower.
    Not,
    /// It has the value.
    Done,
    /// The value, or the runs, would be too large: nothing is changed.
    NotInThisForm,
}

/// Where a register is: in which run, where that one lies, which register it begins with, and where the run before it lies.
struct Found {
    run: Run,
    place: usize,
    first: usize,
    before: Option<usize>,
}

fn find(bytes: &[u8], register: usize) -> Result<Found, Flaw> {
    let (mut place, mut first, mut before) = (HEADER_BYTES, 0, None);
    while let Some(run) = Run::at(bytes, place)? {
        if register < first + run.len {
            return Ok(Found { run, place, first, before });
        }
        before = Some(place);
        place += run.bytes;
        first += run.len;
    }
    Err(Flaw::Damaged)
}

/// Raises a register, in the string with its header.
pub(super) fn raise(bytes: &mut Vec<u8>, register: usize, value: u8) -> Result<Raised, Flaw> {
    if value > LARGEST_VALUE {
        return Ok(Raised::NotInThisForm);
    }
    let Found { run, place, first, before } = find(bytes, register)?;
    if run.value >= value {
        return Ok(Raised::Not);
    }
    // The run is split around the register.
    let mut split = Vec::with_capacity(5);
    push(&mut split, run.value, register - first);
    push(&mut split, value, 1);
    push(&mut split, run.value, first + run.len - 1 - register);
    let grown = bytes.len() - run.bytes + split.len();
    if split.len() > run.bytes && grown > SPARSE_MAX_BYTES {
        return Ok(Raised::NotInThisForm);
    }
    bytes.splice(place..place + run.bytes, split);
    unite(bytes, before.unwrap_or(HEADER_BYTES));
    Ok(Raised::Done)
}

/// Unites neighbours of one value among a few runs from this place on.
fn unite(bytes: &mut Vec<u8>, mut place: usize) {
    for _ in 0..LOOKED_AT {
        let Ok(Some(run)) = Run::at(bytes, place) else {
            return;
        };
        let next = Run::at(bytes, place + run.bytes).ok().flatten();
        match next.map(|next| (next.value, run.len + next.len)) {
            Some((value, len)) if value > 0 && value == run.value && len <= LONGEST_VALUES => {
                bytes.splice(place..=place + 1, [values_byte(value, len)]);
            }
            _ => place += run.bytes,
        }
    }
}
