//! How far a value reaches, without looking into its strings.
//!
//! What lives here: passing over values of every type whose end can be found, also those that are not supported. It may use the
//! input and lengths.
//!
//! INVARIANT: a value of the five types that [`ValueReader`](super::super::ValueReader) reads ends where this ends.

use std::io::Read;

use super::super::input::{array, byte};
use super::super::length::{Length, read_length, read_plain};
use super::super::{RdbError, Result};
use super::input::Input;

/// Passes over a value of the type `number`; returns how many bytes its strings have when they are unpacked.
pub(super) fn value<R: Read>(from: &mut Input<R>, number: u8) -> Result<u64> {
    match number {
        0 | 9..=13 | 16 | 17 => string(from),
        1 | 2 | 14 => strings(from, 1),
        4 => strings(from, 2),
        3 => repeat(from, |from| Ok(string(from)?.saturating_add(old_score(from)?))),
        5 => repeat(from, |from| Ok(string(from)?.saturating_add(skip(from, 8)?))),
        18 => repeat(from, |from| {
            read_plain(from)?;
            string(from)
        }),
        15 | 19 | 21 => stream(from, number),
        7 => module(from),
        6 => Err(RdbError::Unsupported { number, name: "a module's value of before Redis 4.0, which tells no end" }),
        _ => Err(RdbError::UnknownType(number)),
    }
}

/// Passes over a module's data: its id, then parts, each behind a number that says what it is.
pub(super) fn module<R: Read>(from: &mut Input<R>) -> Result<u64> {
    read_plain(from)?;
    let mut bytes: u64 = 0;
    loop {
        bytes = bytes.saturating_add(match read_plain(from)? {
            0 => return Ok(bytes),
            1 | 2 => read_plain(from).map(|_| 0)?,
            3 => skip(from, 4)?,
            4 => skip(from, 8)?,
            5 => string(from)?,
            _ => return Err(RdbError::Corrupt("a part of a module's data is of an unknown kind")),
        });
    }
}

/// Passes over a string; returns its length when it is unpacked.
pub(super) fn string<R: Read>(from: &mut Input<R>) -> Result<u64> {
    match read_length(from)? {
        Length::Plain(length) => skip(from, length),
        Length::Special(0) => skip(from, 1),
        Length::Special(1) => skip(from, 2),
        Length::Special(2) => skip(from, 4),
        Length::Special(3) => {
            let (compressed, length) = (read_plain(from)?, read_plain(from)?);
            skip(from, compressed)?;
            Ok(length)
        }
        Length::Special(_) => Err(RdbError::Corrupt("a string has an unknown form")),
    }
}

fn strings<R: Read>(from: &mut Input<R>, each: u64) -> Result<u64> {
    repeat(from, |from| (0..each).try_fold(0_u64, |bytes, _| Ok(bytes.saturating_add(string(from)?))))
}

/// As many times as a length says.
fn repeat<R: Read>(from: &mut Input<R>, mut one: impl FnMut(&mut Input<R>) -> Result<u64>) -> Result<u64> {
    let count = read_plain(from)?;
    (0..count).try_fold(0_u64, |bytes, _| Ok(bytes.saturating_add(one(from)?)))
}

fn old_score<R: Read>(from: &mut Input<R>) -> Result<u64> {
    match byte(from, "a score")? {
        0xFD.. => Ok(0),
        length => skip(from, u64::from(length)),
    }
}

/// A stream: its nodes, its ids, its groups with what is pending and their consumers.
fn stream<R: Read>(from: &mut Input<R>, number: u8) -> Result<u64> {
    let nodes = strings(from, 2)?;
    let numbers = |from: &mut Input<R>, count: u8| (0..count).try_for_each(|_| read_plain(from).map(drop));
    // The length and the last id; since 7.0 also the first id, the highest deleted one, and how many were ever added.
    numbers(from, if number == 15 { 3 } else { 8 })?;
    let groups = repeat(from, |from| {
        let name = string(from)?;
        numbers(from, if number == 15 { 2 } else { 3 })?;
        repeat(from, |from| {
            array::<24>(from, "a stream")?;
            read_plain(from)
        })?;
        repeat(from, |from| {
            let consumer = string(from)?;
            skip(from, if number == 21 { 16 } else { 8 })?;
            repeat(from, |from| skip(from, 16))?;
            Ok(consumer)
        })?;
        Ok(name)
    })?;
    Ok(nodes.saturating_add(groups))
}

fn skip<R: Read>(from: &mut Input<R>, bytes: u64) -> Result<u64> {
    from.skip(bytes).map(|()| bytes).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => RdbError::Truncated("a value"),
        _ => RdbError::Io(error),
    })
}
