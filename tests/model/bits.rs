//! Operations on the bits of strings, in the model one bit at a time.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use windrow::{BitField, BitOp, BitOverflow, BitRange, BitType, Db, ErrorKind, Source};

use crate::draw::{Home, Word, index, key};
use crate::reply::{Answer, Reply, many};
use crate::world;

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Set(Word, u64, bool),
    Combine(BitOp, Word, Vec<Word>),
    /// Adds to unsigned fields of so many bits, saturating.
    Add(Word, Vec<(u32, u64, i64)>),
}
use Operation::*;

/// A question about bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    key: Word,
    offset: u64,
    /// In bytes, or in bits.
    range: (i64, i64, bool),
}

fn offset() -> impl Strategy<Value = u64> {
    prop_oneof![3 => 0..100_u64, 2 => 780..9000_u64, 2 => 131_000..131_140_u64, 1 => 0..400_000_u64]
}

pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    let key = || key(Home::Strings);
    let operations = vec![BitOp::And, BitOp::Or, BitOp::Xor, BitOp::Not];
    let field = (1..64_u32, offset(), -9..500_i64);
    prop_oneof![
        4 => (key(), offset(), any::<bool>()).prop_map(|(k, offset, bit)| Set(k, offset, bit)),
        2 => (select(operations), key(), vec(key(), 1..4)).prop_map(|(how, to, keys)| Combine(how, to, keys)),
        2 => (key(), vec(field, 1..4)).prop_map(|(k, fields)| Add(k, fields)),
    ]
}

pub(crate) fn question() -> impl Strategy<Value = Question> {
    let end = || prop_oneof![index(), -41_000..41_000_i64, 131_000..131_140_i64];
    (key(Home::Strings), offset(), (end(), end(), any::<bool>())).prop_map(|(key, offset, range)| Question {
        key,
        offset,
        range,
    })
}

impl Operation {
    /// Does it on the store.
    pub(crate) fn ask(&self, db: &Db) -> windrow::Result<Reply> {
        Ok(match self {
            Set(key, offset, bit) => db.bits().set(key, *offset, *bit)?.into(),
            Combine(how, to, keys) => db.bits().op(*how, to, keys)?.into(),
            Add(key, fields) => {
                let start = BitField::new().overflow(BitOverflow::Saturate);
                let steps =
                    fields.iter().fold(start, |steps, (bits, at, by)| steps.incr_by(BitType::u(*bits), *at, *by));
                db.bits().field(key, &steps)?.into()
            }
        })
    }

    /// Does it on the model.
    pub(crate) fn expect(&self, db: &mut world::Db) -> Answer {
        match self {
            Set(key, offset, bit) => {
                let mut bits = db.get::<Bytes>(*key)?.to_vec();
                let was = is_set(&bits, *offset);
                set(&mut bits, *offset, *bit);
                db.put(*key, Bytes::from(bits), db.expires_at(*key));
                Ok(was.into())
            }
            Combine(how, to, keys) => {
                if *how == BitOp::Not && keys.len() != 1 {
                    return Err(ErrorKind::InvalidInput);
                }
                let values = keys.iter().map(|key| db.get::<Bytes>(*key)).collect::<Result<Vec<_>, _>>()?;
                let combined = combined(*how, &values);
                let length = combined.len();
                match length {
                    0 => drop(db.entries.remove(to)),
                    _ => db.put(*to, combined, None),
                }
                Ok(length.into())
            }
            Add(key, fields) => {
                let mut bits = db.get::<Bytes>(*key)?.to_vec();
                let sums = fields.iter().map(|field| add(&mut bits, *field)).collect::<Vec<_>>();
                db.put(*key, Bytes::from(bits), db.expires_at(*key));
                Ok(many(sums))
            }
        }
    }
}

impl Question {
    fn range(&self) -> BitRange {
        let (start, end, is_in_bits) = self.range;
        if is_in_bits { BitRange::bits(start, end) } else { BitRange::bytes(start, end) }
    }

    /// Asks the store or a view of it.
    pub(crate) fn ask<S: Source>(&self, db: &Db<S>) -> windrow::Result<Reply> {
        let (bits, key) = (db.bits(), self.key);
        let found = [true, false].map(|bit| bits.pos_in(key, bit, self.range()));
        let [set, clear] = found;
        Ok(many([
            Reply::from(bits.get(key, self.offset)?),
            bits.count(key)?.into(),
            bits.count_in(key, self.range())?.into(),
            set?.into(),
            clear?.into(),
            bits.pos(key, true)?.into(),
        ]))
    }

    /// What the model answers.
    pub(crate) fn expect(&self, db: &world::Db) -> Answer {
        let Some(value) = db.read::<Bytes>(self.key)? else {
            return Ok(many([false.into(), 0_u64.into(), 0_u64.into(), Reply::Nothing, 0_u64.into(), Reply::Nothing]));
        };
        let (start, end, is_in_bits) = self.range;
        let unit = if is_in_bits { 1 } else { 8 };
        let units = value.len() as i64 * 8 / unit;
        let [from, last] = [start, end].map(|at| if at < 0 { at.saturating_add(units).max(0) } else { at });
        let taken = || from.min(units) * unit..(last.min(units - 1) + 1) * unit;
        let find = |bit: bool| taken().find(|at| is_set(&value, *at as u64) == bit);
        let crosses = start < 0 && end < 0 && start > end;
        let count = taken().filter(|at| !crosses && is_set(&value, *at as u64)).count();
        let all = 0..value.len() as u64 * 8;
        Ok(many([
            Reply::from(is_set(&value, self.offset)),
            all.clone().filter(|at| is_set(&value, *at)).count().into(),
            count.into(),
            find(true).into(),
            find(false).into(),
            all.clone().find(|at| is_set(&value, *at)).into(),
        ]))
    }
}

fn is_set(bytes: &[u8], at: u64) -> bool {
    bytes.get(at as usize / 8).is_some_and(|byte| byte & (0x80 >> (at % 8)) != 0)
}

fn set(bytes: &mut Vec<u8>, at: u64, bit: bool) {
    let (place, mask) = (at as usize / 8, 0x80_u8 >> (at % 8));
    bytes.resize(bytes.len().max(place + 1), 0);
    bytes[place] = if bit { bytes[place] | mask } else { bytes[place] & !mask };
}

fn add(bytes: &mut Vec<u8>, (width, at, by): (u32, u64, i64)) -> i64 {
    let width = u64::from(width);
    let old = (0..width).fold(0_i128, |so_far, n| so_far << 1 | i128::from(is_set(bytes, at + n)));
    let sum = (old + i128::from(by)).clamp(0, (1 << width) - 1);
    (0..width).for_each(|n| set(bytes, at + n, sum >> (width - 1 - n) & 1 == 1));
    sum as i64
}

fn combined(how: BitOp, values: &[Bytes]) -> Bytes {
    let length = values.iter().map(Bytes::len).max().unwrap_or(0);
    let byte = |n: usize| {
        let all = values.iter().map(|value| value.get(n).copied().unwrap_or(0));
        match how {
            BitOp::And => all.fold(u8::MAX, |a, b| a & b),
            BitOp::Or => all.fold(0, |a, b| a | b),
            BitOp::Xor => all.fold(0, |a, b| a ^ b),
            BitOp::Not => !all.fold(0, |a, b| a | b),
        }
    };
    (0..length).map(byte).collect()
}
