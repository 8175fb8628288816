//! Bits of strings.
//!
//! May use the bit operations. Invariant: as in `strings`.

use super::arguments::{Words, integer, integer_or, is, option};
use super::refusal::{Refusal, SYNTAX, instead};
use super::{Answer, Call, Command, keyed, row};
use crate::resp::Frame;
use crate::{BitField, BitOffset, BitOp, BitOverflow, BitRange, BitType, ErrorKind, Source, Writable};

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("setbit", 4, "write denyoom", [1, 1, 1], ("bitmap", "2.2.0"), keyed!(setbit),
        "Sets or clears the bit at offset in the string value stored at key"),
    row("getbit", 3, "readonly fast", [1, 1, 1], ("bitmap", "2.2.0"), keyed!(getbit),
        "Returns the bit value at offset in the string value stored at key"),
    row("bitcount", -2, "readonly", [1, 1, 1], ("bitmap", "2.6.0"), keyed!(bitcount),
        "Count set bits in a string"),
    row("bitpos", -3, "readonly", [1, 1, 1], ("bitmap", "2.8.7"), keyed!(bitpos),
        "Find first bit set or clear in a string"),
    row("bitop", -4, "write denyoom", [2, -1, 1], ("bitmap", "2.6.0"), keyed!(bitop),
        "Perform bitwise operations between strings"),
    row("bitfield", -2, "write denyoom", [1, 1, 1], ("bitmap", "3.2.0"), keyed!(bitfield),
        "Perform arbitrary bitfield integer operations on strings"),
    row("bitfield_ro", -2, "readonly fast", [1, 1, 1], ("bitmap", "6.0.0"), keyed!(bitfield_ro),
        "Perform arbitrary bitfield integer operations on strings. Read-only variant of BITFIELD"),
];

const NO_OFFSET: &str = "ERR bit offset is not an integer or out of range";
const NO_TYPE: &str =
    "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.";

fn offset(word: &[u8]) -> Result<u64, Refusal> {
    u64::try_from(integer_or(word, Refusal::of(NO_OFFSET))?).map_err(|_| Refusal::of(NO_OFFSET))
}

fn setbit<S: Writable>(call: &Call<'_, S>) -> Answer {
    let offset = offset(call.arg(1)?)?;
    let refused = || Refusal::of("ERR bit is not an integer or out of range");
    let bit = match integer_or(call.arg(2)?, refused())? {
        0 => false,
        1 => true,
        _ => return Err(refused()),
    };
    let was = call.db.bits().set(call.arg(0)?, offset, bit);
    Ok(Frame::flag(was.map_err(instead(ErrorKind::OutOfRange, NO_OFFSET))?))
}

fn getbit<S: Source>(call: &Call<'_, S>) -> Answer {
    let bit = call.db.bits().get(call.arg(0)?, offset(call.arg(1)?)?);
    Ok(Frame::flag(bit.map_err(instead(ErrorKind::OutOfRange, NO_OFFSET))?))
}

/// Reads whether the ends of a range are bits.
fn is_bits(word: Option<&bytes::Bytes>) -> Result<bool, Refusal> {
    match word {
        None => Ok(false),
        Some(word) if is(word, "BYTE") => Ok(false),
        Some(word) if is(word, "BIT") => Ok(true),
        Some(_) => Err(SYNTAX),
    }
}

fn range(start: i64, end: i64, in_bits: bool) -> BitRange {
    if in_bits { BitRange::bits(start, end) } else { BitRange::bytes(start, end) }
}

fn bitcount<S: Source>(call: &Call<'_, S>) -> Answer {
    let (bits, key) = (call.db.bits(), call.arg(0)?);
    Ok(Frame::count(match call.from(1) {
        [] => bits.count(key)?,
        [start, end, unit @ ..] if unit.len() < 2 => {
            let (start, end) = (integer(start)?, integer(end)?);
            let in_bits = is_bits(unit.first())?;
            bits.count_in(key, range(start, end, in_bits))?
        }
        _ => return Err(SYNTAX),
    }))
}

fn bitpos<S: Source>(call: &Call<'_, S>) -> Answer {
    let bit = match call.integer(1)? {
        0 => false,
        1 => true,
        _ => return Err(Refusal::of("ERR The bit argument must be 1 or 0.")),
    };
    let (bits, key) = (call.db.bits(), call.arg(0)?);
    let found = match call.from(2) {
        [] => bits.pos(key, bit)?,
        [start] => bits.pos_in(key, bit, BitRange::bytes_from(integer(start)?))?,
        [start, end, unit @ ..] if unit.len() < 2 => {
            let start = integer(start)?;
            let in_bits = is_bits(unit.first())?;
            bits.pos_in(key, bit, range(start, integer(end)?, in_bits))?
        }
        _ => return Err(SYNTAX),
    };
    Ok(found.map_or(Frame::Integer(-1), Frame::count))
}

fn bitop<S: Writable>(call: &Call<'_, S>) -> Answer {
    let operation = match option(call.arg(0)?).as_slice() {
        b"AND" => BitOp::And,
        b"OR" => BitOp::Or,
        b"XOR" => BitOp::Xor,
        b"NOT" => BitOp::Not,
        _ => return Err(SYNTAX),
    };
    let length = call.db.bits().op(operation, call.arg(1)?, call.from(2));
    let words = "ERR BITOP NOT must be called with a single source key.";
    Ok(Frame::count(length.map_err(instead(ErrorKind::InvalidInput, words))?))
}

/// A type and an offset. WHY the offset is compared with the longest string here: of two faults, the first one is told.
fn field(words: &mut Words<'_>, max_bytes: usize) -> Result<(BitType, BitOffset), Refusal> {
    let (kind, bits) = field_type(words.wanted()?)?;
    let word = words.wanted()?;
    let (at, found) = match word.strip_prefix(b"#") {
        Some(nth) => {
            let nth = offset(nth)?;
            (nth.checked_mul(bits), BitOffset::Nth(nth))
        }
        None => {
            let at = offset(word)?;
            (Some(at), BitOffset::At(at))
        }
    };
    match at.and_then(|at| usize::try_from(at / 8).ok()) {
        Some(byte) if byte < max_bytes => Ok((kind, found)),
        _ => Err(Refusal::of(NO_OFFSET)),
    }
}

/// A type, and how many bits it has.
fn field_type(word: &[u8]) -> Result<(BitType, u64), Refusal> {
    let refused = || Refusal::of(NO_TYPE);
    let (sign, bits) = word.split_first().ok_or_else(refused)?;
    let bits = u32::try_from(integer_or(bits, refused())?).map_err(|_| refused())?;
    match (sign, bits) {
        (b'i', 1..=64) => Ok((BitType::i(bits), bits.into())),
        (b'u', 1..=63) => Ok((BitType::u(bits), bits.into())),
        _ => Err(refused()),
    }
}

fn overflow(word: &[u8]) -> Result<BitOverflow, Refusal> {
    match option(word).as_slice() {
        b"WRAP" => Ok(BitOverflow::Wrap),
        b"SAT" => Ok(BitOverflow::Saturate),
        b"FAIL" => Ok(BitOverflow::Fail),
        _ => Err(Refusal::of("ERR Invalid OVERFLOW type specified")),
    }
}

fn refused(error: crate::Error) -> Refusal {
    match error.kind() {
        ErrorKind::OutOfRange => Refusal::of(NO_OFFSET),
        ErrorKind::InvalidInput => Refusal::of(NO_TYPE),
        _ => error.into(),
    }
}

fn bitfield<S: Writable>(call: &Call<'_, S>) -> Answer {
    let mut steps = BitField::new();
    let max_bytes = call.shared.options.max_bulk_bytes;
    let mut words = call.words(1);
    while let Some(word) = words.next() {
        steps = match (option(word).as_slice(), words.rest.len()) {
            (b"OVERFLOW", 1..) => steps.overflow(overflow(words.wanted()?)?),
            (b"GET", 2..) => {
                let (kind, at) = field(&mut words, max_bytes)?;
                steps.get(kind, at)
            }
            (b"SET", 3..) => {
                let (kind, at) = field(&mut words, max_bytes)?;
                steps.set(kind, at, words.integer()?)
            }
            (b"INCRBY", 3..) => {
                let (kind, at) = field(&mut words, max_bytes)?;
                steps.incr_by(kind, at, words.integer()?)
            }
            _ => return Err(SYNTAX),
        };
    }
    let results = call.db.bits().field(call.arg(0)?, &steps).map_err(refused)?;
    Ok(Frame::Array(results.into_iter().map(|result| result.map_or(Frame::Null, Frame::Integer)).collect()))
}

fn bitfield_ro<S: Source>(call: &Call<'_, S>) -> Answer {
    let mut fields = Vec::new();
    let max_bytes = call.shared.options.max_bulk_bytes;
    let mut words = call.words(1);
    while let Some(word) = words.next() {
        match (option(word).as_slice(), words.rest.len()) {
            (b"GET", 2..) => fields.push(field(&mut words, max_bytes)?),
            (b"OVERFLOW", 1..) => drop(overflow(words.wanted()?)?),
            (b"SET" | b"INCRBY", 3..) => {
                return Err(Refusal::of("ERR BITFIELD_RO only supports the GET subcommand"));
            }
            _ => return Err(SYNTAX),
        }
    }
    let values = call.db.bits().field_ro(call.arg(0)?, fields).map_err(refused)?;
    Ok(Frame::Array(values.into_iter().map(Frame::Integer).collect()))
}
