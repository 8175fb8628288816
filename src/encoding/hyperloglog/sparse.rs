//! Runs of registers with one value.
//!
//! It may use nothing. INVARIANT: the runs that a change leaves are those that Redis' change leaves: which neighbours are
//! united, and in which order, decides the bytes.

use super::{Flaw, HEADER_BYTES, REGISTERS, SPARSE_MAX_BYTES};

/// The longest run of zeros that has one byte.
const SHORT_ZEROS: usize = 64;

/// The longest run of a value.
const LONGEST_VALUES: usize = 4;

/// The largest value that a run can have.
pub(super) const LARGEST_VALUE: u8 = 32;

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

/// The values of the registers, as far as there are runs for them. A register is found if and only if it is among them.
pub(super) fn values(bytes: &[u8]) -> Vec<u8> {
    let mut values = Vec::with_capacity(REGISTERS);
    for run in runs(bytes).map_while(Result::ok) {
        values.resize(REGISTERS.min(values.len() + run.len), run.value);
        if values.len() == REGISTERS {
            break;
        }
    }
    values
}

/// The runs before the one that was found last: where each lies, and which register it begins with.
///
/// WHY: a string may have a run for each register, and a search that always begins with the first would pass all of them for
/// each register that is raised. Registers in order are found where the last one was.
#[derive(Debug, Default)]
pub(super) struct Path(Vec<(usize, usize)>);

/// Where a register is: in which run, where that one lies, which register it begins with, and where the run before it lies.
struct Found {
    run: Run,
    place: usize,
    first: usize,
    before: Option<usize>,
}

impl Path {
    fn find(&mut self, bytes: &[u8], register: usize) -> Result<Found, Flaw> {
        while self.0.last().is_some_and(|(_, first)| *first > register) {
            self.0.pop();
        }
        let (mut place, mut first) = self.0.pop().unwrap_or((HEADER_BYTES, 0));
        while let Some(run) = Run::at(bytes, place)? {
            #[cfg(test)]
            tests::STEPS.set(tests::STEPS.get() + 1);
            if register < first + run.len {
                return Ok(Found { run, place, first, before: self.0.last().map(|(place, _)| *place) });
            }
            self.0.push((place, first));
            place += run.bytes;
            first += run.len;
        }
        Err(Flaw::Damaged)
    }
}

/// Raises a register, in the string with its header. INVARIANT: `path` is of this string, and nothing else has changed it since.
pub(super) fn raise(bytes: &mut Vec<u8>, path: &mut Path, register: usize, value: u8) -> Result<Raised, Flaw> {
    if value > LARGEST_VALUE {
        return Ok(Raised::NotInThisForm);
    }
    let Found { run, place, first, before } = path.find(bytes, register)?;
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
    // What changes begins no earlier than with the run before, so all beginnings on the path stay.
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::encoding::hyperloglog::HyperLogLog;

    thread_local! {
        /// How many runs searches have looked at.
        pub(super) static STEPS: Cell<u64> = const { Cell::new(0) };
    }

    /// A string with one run for each register, which no Redis writes and every Redis takes.
    fn hostile() -> HyperLogLog {
        let mut bytes = HyperLogLog::empty().bytes().to_vec();
        bytes.truncate(HEADER_BYTES);
        bytes.resize(HEADER_BYTES + REGISTERS, 0);
        HyperLogLog::decode(bytes).unwrap()
    }

    #[test]
    fn registers_raised_together_are_those_raised_one_by_one() {
        let mut random = fastrand::Rng::with_seed(7);
        for round in 0..300 {
            let mut bytes = if round % 2 == 0 { hostile() } else { HyperLogLog::empty() }.bytes().to_vec();
            if round % 5 == 0 {
                // Damaged: the end is missing, or there is too much.
                let length = random.usize(HEADER_BYTES..=bytes.len());
                bytes.truncate(length);
                bytes.extend((0..random.usize(..4)).map(|_| random.u8(..)));
            }
            let mut together = HyperLogLog::decode(bytes).unwrap();
            let mut one_by_one = together.clone();
            let is_near = random.bool();
            let mut near = 0;
            let mut raises: Vec<(usize, u8)> = (0..random.usize(..400))
                .map(|_| {
                    near = (near + random.usize(..4)) % (REGISTERS + 2);
                    (if is_near { near } else { random.usize(..REGISTERS + 2) }, random.u8(..35))
                })
                .collect();
            if random.bool() {
                raises.sort_unstable();
            }
            let expected = raises.iter().try_fold(false, |is_raised, (register, value)| {
                Ok::<_, Flaw>(one_by_one.raise(*register, *value)? | is_raised)
            });
            assert_eq!(together.raise_all(raises.iter().copied()), expected);
            assert_eq!(together, one_by_one);
        }
    }

    #[test]
    fn a_string_with_a_run_for_each_register_costs_its_length_once() {
        let steps = |raises: &mut dyn Iterator<Item = (usize, u8)>| {
            let mut sketch = hostile();
            let before = STEPS.get();
            assert_eq!(sketch.raise_all(raises), Ok(true));
            (STEPS.get() - before, sketch)
        };
        let (searched, sketch) = steps(&mut (0..REGISTERS).map(|register| (register, 1 + (register % 3) as u8)));
        assert!(searched < 4 * REGISTERS as u64, "{searched} steps");
        assert!(!sketch.is_dense());
        let again = (0..1_000_000).map(|n| (REGISTERS - 1 - n % 7, 3));
        let (searched, _) = steps(&mut again.into_iter());
        assert!(searched < 2 * REGISTERS as u64, "{searched} steps");
    }
}
