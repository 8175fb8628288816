//! Values of all types, element by element.
//!
//! What lives here: which type's byte means what, and the reader of values. It may use everything of this room.
//!
//! INVARIANT: what is in memory is one element and, of a collection or a list's node that Redis wrote as one string, that
//! string. Elements come in the order in which they were written; whether one comes twice is for the taker to see.

use std::io::Read;

use bytes::Bytes;

use super::input::{array, byte};
use super::length::read_plain;
use super::packed::{MAX_PACKED_BYTES, Packed, Packing};
use super::string::{old_score, read_string, score};
use super::{RdbError, Result};
use crate::encoding::DataType;

/// A part of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Element {
    /// A whole string.
    Text(Bytes),
    /// The next item of a list.
    Item(Bytes),
    /// A member of a set.
    Member(Bytes),
    /// A field of a hash, and its value.
    Field(Bytes, Bytes),
    /// A member of a sorted set, and its score: any number, -0 and the infinities included.
    Scored(Bytes, f64),
}

/// Reads one value.
#[derive(Debug)]
pub struct ValueReader<R> {
    from: R,
    data_type: DataType,
    form: Form,
    scores: Scores,
    max_string_bytes: usize,
    is_empty: bool,
}

/// How the strings that make up a value lie.
#[derive(Debug)]
enum Form {
    /// One after the other.
    Plain { left: u64 },
    /// In one string.
    Packed(Packed),
    /// In nodes, each of them one string.
    Nodes { left: u64, packing: Packing, has_container: bool, open: Option<Packed> },
}

/// How the scores of a sorted set are written.
#[derive(Clone, Copy, Debug)]
enum Scores {
    /// A string behind each member.
    Text,
    /// As text, in the form of before Redis 4.0.
    Old,
    /// Eight bytes.
    Binary,
}

/// A list's node that is one item, and one that holds several.
const CONTAINER_PLAIN: u64 = 1;
const CONTAINER_PACKED: u64 = 2;

impl<R: Read> ValueReader<R> {
    /// Begins with the byte of the value's type. Strings of more than `max_string_bytes` are refused.
    ///
    /// # Errors
    /// The input ends or fails, or the type is not one of the five.
    pub fn open(mut from: R, max_string_bytes: usize) -> Result<Self> {
        let number = byte(&mut from, "a value")?;
        let (data_type, shape) = shape_of(number)?;
        let scores = match number {
            3 => Scores::Old,
            5 => Scores::Binary,
            _ => Scores::Text,
        };
        let form = match shape {
            Shape::Single => Form::Plain { left: 1 },
            Shape::Plain => Form::Plain { left: read_plain(&mut from)? },
            Shape::Pairs => Form::Plain { left: read_plain(&mut from)?.saturating_mul(2) },
            Shape::Packed(packing) => Form::Packed(Packed::open(packing, read_string(&mut from, MAX_PACKED_BYTES)?)?),
            Shape::Nodes { packing, has_container } => {
                Form::Nodes { left: read_plain(&mut from)?, packing, has_container, open: None }
            }
        };
        Ok(Self { from, data_type, form, scores, max_string_bytes, is_empty: true })
    }

    /// The type of the value.
    pub fn data_type(&self) -> DataType {
        self.data_type
    }

    /// The next element, `None` behind the last. Only whoever was told so has read a value, and not a part of damaged bytes:
    /// lengths and counts are compared as they are met.
    ///
    /// # Errors
    /// The input ends or fails, or is no value.
    pub fn next_element(&mut self) -> Result<Option<Element>> {
        let Some(first) = self.string()? else {
            return if self.is_empty { Err(RdbError::Corrupt("a collection is empty")) } else { Ok(None) };
        };
        self.is_empty = false;
        Ok(Some(match self.data_type {
            DataType::String => Element::Text(first),
            DataType::List => Element::Item(first),
            DataType::Set => Element::Member(first),
            DataType::Hash => Element::Field(first, self.second()?),
            DataType::SortedSet => Element::Scored(first, self.score()?),
        }))
    }

    fn second(&mut self) -> Result<Bytes> {
        self.string()?.ok_or(RdbError::Corrupt("a collection of pairs lacks the second of one"))
    }

    fn score(&mut self) -> Result<f64> {
        let score = match self.scores {
            Scores::Text => score(&self.second()?)?,
            Scores::Old => old_score(&mut self.from)?,
            Scores::Binary => f64::from_le_bytes(array(&mut self.from, "a score")?),
        };
        if score.is_nan() { Err(RdbError::Corrupt("a score is not a number")) } else { Ok(score) }
    }

    fn string(&mut self) -> Result<Option<Bytes>> {
        match &mut self.form {
            Form::Plain { left: 0 } => Ok(None),
            Form::Plain { left } => {
                *left -= 1;
                read_string(&mut self.from, self.max_string_bytes).map(Some)
            }
            Form::Packed(packed) => packed.next(),
            Form::Nodes { .. } => self.item(),
        }
    }

    /// The next item of a list in nodes. One without items is passed over.
    fn item(&mut self) -> Result<Option<Bytes>> {
        let Form::Nodes { left, packing, has_container, open } = &mut self.form else {
            return Ok(None);
        };
        loop {
            if let Some(node) = open {
                if let Some(item) = node.next()? {
                    return Ok(Some(item));
                }
                *open = None;
            }
            if *left == 0 {
                return Ok(None);
            }
            *left -= 1;
            let container = if *has_container { read_plain(&mut self.from)? } else { CONTAINER_PACKED };
            let node = match container {
                CONTAINER_PLAIN => read_string(&mut self.from, self.max_string_bytes)?,
                CONTAINER_PACKED => read_string(&mut self.from, MAX_PACKED_BYTES)?,
                _ => return Err(RdbError::Corrupt("a list's node is of an unknown kind")),
            };
            match container {
                _ if node.is_empty() => return Err(RdbError::Corrupt("a list's node is empty")),
                CONTAINER_PLAIN => return Ok(Some(node)),
                _ => *open = Some(Packed::open(*packing, node)?),
            }
        }
    }
}

/// What follows the byte of a type.
enum Shape {
    Single,
    Plain,
    Pairs,
    Packed(Packing),
    Nodes { packing: Packing, has_container: bool },
}

/// What the byte of a type stands for. The names of the constants in Redis' `rdb.h` are in `docs/dumps.md`.
fn shape_of(number: u8) -> Result<(DataType, Shape)> {
    let unsupported = |name| Err(RdbError::Unsupported { number, name });
    Ok(match number {
        0 => (DataType::String, Shape::Single),
        1 => (DataType::List, Shape::Plain),
        2 => (DataType::Set, Shape::Plain),
        3 | 5 => (DataType::SortedSet, Shape::Plain),
        4 => (DataType::Hash, Shape::Pairs),
        9 => (DataType::Hash, Shape::Packed(Packing::Zipmap)),
        10 => (DataType::List, Shape::Packed(Packing::Ziplist)),
        11 => (DataType::Set, Shape::Packed(Packing::Intset)),
        12 => (DataType::SortedSet, Shape::Packed(Packing::Ziplist)),
        13 => (DataType::Hash, Shape::Packed(Packing::Ziplist)),
        14 => (DataType::List, Shape::Nodes { packing: Packing::Ziplist, has_container: false }),
        16 => (DataType::Hash, Shape::Packed(Packing::Listpack)),
        17 => (DataType::SortedSet, Shape::Packed(Packing::Listpack)),
        18 => (DataType::List, Shape::Nodes { packing: Packing::Listpack, has_container: true }),
        6 | 7 => return unsupported("a module's value"),
        15 | 19 | 21 => return unsupported("a stream"),
        _ => return Err(RdbError::UnknownType(number)),
    })
}
