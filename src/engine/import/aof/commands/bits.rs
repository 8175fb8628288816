//! Commands on the bits of strings.
//!
//! Uses the public handles. Invariant: as the whole room.

use super::super::replay::Replay;
use super::super::words::{Words, int, upper, wrong};
use super::Run;
use crate::engine::BitField;
use crate::error::{Error, Result};
use crate::types::bits::{BitOffset, BitOp, BitOverflow, BitType};

pub(super) fn find(name: &str) -> Option<Run> {
    Some(match name {
        "SETBIT" => |replay, mut words| {
            let [key, offset, bit] = words.exactly()?;
            let bit = match int(&bit)? {
                0 => false,
                1 => true,
                _ => return Err(wrong()),
            };
            replay.db.bits().set(key, unsigned(&offset)?, bit).map(drop)
        },
        "BITOP" => |replay, mut words| {
            let operation = match upper(&words.next()?).as_str() {
                "AND" => BitOp::And,
                "OR" => BitOp::Or,
                "XOR" => BitOp::Xor,
                "NOT" => BitOp::Not,
                _ => return Err(wrong()),
            };
            let to = words.next()?;
            replay.db.bits().op(operation, to, words.some()?).map(drop)
        },
        "BITFIELD" => field,
        _ => return None,
    })
}

fn field(replay: &mut Replay<'_>, mut words: Words) -> Result<()> {
    let key = words.next()?;
    let mut steps = BitField::new();
    while let Some(word) = words.option() {
        if word == "OVERFLOW" {
            steps = steps.overflow(match words.option().as_deref() {
                Some("WRAP") => BitOverflow::Wrap,
                Some("SAT") => BitOverflow::Saturate,
                Some("FAIL") => BitOverflow::Fail,
                _ => return Err(wrong()),
            });
            continue;
        }
        let (kind, offset) = (kind(&words.next()?)?, offset(&words.next()?)?);
        steps = match word.as_str() {
            "GET" => steps.get(kind, offset),
            "SET" => steps.set(kind, offset, words.int()?),
            "INCRBY" => steps.incr_by(kind, offset, words.int()?),
            _ => return Err(wrong()),
        };
    }
    replay.db.bits().field(key, &steps).map(drop)
}

/// `i5`, `u8` and their like.
fn kind(word: &[u8]) -> Result<BitType> {
    let (sign, bits) = word.split_first().ok_or_else(wrong)?;
    let bits = u32::try_from(int(bits)?).map_err(|_| wrong())?;
    match sign {
        b'i' => Ok(BitType::i(bits)),
        b'u' => Ok(BitType::u(bits)),
        _ => Err(wrong()),
    }
}

fn offset(word: &[u8]) -> Result<BitOffset> {
    match word.strip_prefix(b"#") {
        Some(number) => unsigned(number).map(BitOffset::Nth),
        None => unsigned(word).map(BitOffset::At),
    }
}

fn unsigned(word: &[u8]) -> Result<u64> {
    u64::try_from(int(word)?).map_err(|_| Error::out_of_range("bit offset is out of range"))
}
