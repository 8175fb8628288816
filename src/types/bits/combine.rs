//! Several strings made into one, bit by bit.
//!
//! Uses the walk over pieces. Invariants: strings are as long as the longest of them, zeros behind their ends; one piece of
//! each is in memory; a piece of the result that is zeros alone is left out, but for the last one.

use crate::encoding::{Meta, STRING_PIECE_BYTES};
use crate::error::Result;
use crate::types::string::{self, Pieces};
use crate::types::{EventKind, KeyPlan, keys};

/// What [`Bits::op`](crate::Bits::op) makes of the bits of several strings.
///
/// # Examples
/// ```
/// use windrow::BitOp;
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// db.strings().mset([("a", [0b1100]), ("b", [0b1010])])?;
/// db.bits().op(BitOp::Xor, "differ", ["a", "b"])?;
/// assert_eq!(db.strings().get("differ")?.as_deref(), Some([0b0110].as_slice()));
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BitOp {
    /// Set where all are set.
    And,
    /// Set where any is set.
    Or,
    /// Set where an odd number of them is set.
    Xor,
    /// Set where the one string is clear.
    Not,
}

/// [`STRING_PIECE_BYTES`] as offsets are counted.
const PIECE: u64 = STRING_PIECE_BYTES as u64;

/// Sets the key to the combination of strings, without expiry, or removes it if that is empty; returns its length. The reader's
/// user must have the locks of all keys.
pub(crate) fn store(plan: &mut KeyPlan<'_>, operation: BitOp, sources: &[Option<Meta>]) -> Result<u64> {
    let length = sources.iter().flatten().map(|meta| meta.size).max().unwrap_or(0);
    if length == 0 {
        keys::delete(plan);
        return Ok(0);
    }
    let open = |source: &Option<Meta>| match source {
        Some(meta) => Pieces::of(plan.reader, meta, 0..meta.size),
        None => Ok(Pieces::none()),
    };
    let inputs = sources.iter().map(open).collect::<Result<Vec<_>>>()?;
    let mut combined = Combined { operation, inputs, length, at: 0 };
    string::set_pieces(plan, length, || combined.next())?;
    plan.note(EventKind::Set);
    Ok(length)
}

/// The pieces of the result, in their order.
struct Combined {
    operation: BitOp,
    inputs: Vec<Pieces>,
    length: u64,
    /// Where the next piece begins, if none is left out.
    at: u64,
}

impl Combined {
    /// Makes the next piece that is to be written.
    fn next(&mut self) -> Result<Option<(u64, Vec<u8>)>> {
        let last = (self.length - 1) / PIECE * PIECE;
        while self.at <= last {
            let start = self.next_start()?.unwrap_or(last);
            let piece = self.piece(start)?;
            self.at = start + PIECE;
            if start == last || piece.iter().any(|byte| *byte != 0) {
                return Ok(Some((start, piece)));
            }
        }
        Ok(None)
    }

    /// Finds where the next piece begins that may be more than zeros.
    fn next_start(&mut self) -> Result<Option<u64>> {
        match self.operation {
            BitOp::Not => Ok(Some(self.at)),
            BitOp::Or | BitOp::Xor => {
                let mut earliest = None;
                for input in &self.inputs {
                    let start = input.current()?.map(|(start, _)| start);
                    earliest = earliest.into_iter().chain(start).min();
                }
                Ok(earliest)
            }
            BitOp::And => self.next_common(),
        }
    }

    /// Moves all inputs to the next piece that each of them has.
    fn next_common(&mut self) -> Result<Option<u64>> {
        let mut common = self.at;
        loop {
            let before = common;
            for input in &mut self.inputs {
                input.skip_to(common)?;
                match input.current()? {
                    Some((start, _)) => common = start,
                    None => return Ok(None),
                }
            }
            if common == before {
                return Ok(Some(common));
            }
        }
    }

    /// Makes the piece that begins at `start`, and moves the inputs behind it.
    fn piece(&mut self, start: u64) -> Result<Vec<u8>> {
        let length = usize::try_from((self.length - start).min(PIECE)).unwrap_or(STRING_PIECE_BYTES);
        let mut result: Option<Vec<u8>> = None;
        for input in &mut self.inputs {
            let piece = match input.current()? {
                Some((found, piece)) if found == start => piece,
                _ => &[],
            };
            match &mut result {
                None => {
                    let mut first = piece.to_vec();
                    first.resize(length, 0);
                    result = Some(first);
                }
                Some(so_far) => fold(self.operation, so_far, piece),
            }
            if !piece.is_empty() {
                input.advance()?;
            }
        }
        let mut result = result.unwrap_or_default();
        if self.operation == BitOp::Not {
            result.iter_mut().for_each(|byte| *byte = !*byte);
        }
        Ok(result)
    }
}

/// Combines bytes with others, which may be fewer.
fn fold(operation: BitOp, so_far: &mut [u8], others: &[u8]) {
    let (both, alone) = so_far.split_at_mut_checked(others.len()).unwrap_or_default();
    match operation {
        BitOp::And => {
            both.iter_mut().zip(others).for_each(|(byte, other)| *byte &= other);
            alone.fill(0);
        }
        BitOp::Or => both.iter_mut().zip(others).for_each(|(byte, other)| *byte |= other),
        BitOp::Xor => both.iter_mut().zip(others).for_each(|(byte, other)| *byte ^= other),
        // There are no others.
        BitOp::Not => {}
    }
}
