//! Sorted sets: unions, intersections and differences.
//!
//! May use the sorted-set operations. Invariant: as in `strings`.

use bytes::Bytes;

use super::arguments::{Words, double, option};
use super::refusal::{Refusal, SYNTAX};
use super::sets::card_limit;
use super::zsets::members_or_pairs;
use super::{Answer, Call, Command, keyed, row};
use crate::resp::Frame;
use crate::{Aggregate, CombineOptions, DataType, Source, Writable};

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("zunion", -3, "readonly movablekeys", [0, 0, 0], ("sorted-set", "6.2.0"), keyed!(zunion),
        "Add multiple sorted sets"),
    row("zunionstore", -4, "write denyoom movablekeys", [1, 1, 1], ("sorted-set", "2.0.0"), keyed!(zunionstore),
        "Add multiple sorted sets and store the resulting sorted set in a new key"),
    row("zinter", -3, "readonly movablekeys", [0, 0, 0], ("sorted-set", "6.2.0"), keyed!(zinter),
        "Intersect multiple sorted sets"),
    row("zinterstore", -4, "write denyoom movablekeys", [1, 1, 1], ("sorted-set", "2.0.0"), keyed!(zinterstore),
        "Intersect multiple sorted sets and store the resulting sorted set in a new key"),
    row("zintercard", -3, "readonly movablekeys", [0, 0, 0], ("sorted-set", "7.0.0"), keyed!(zintercard),
        "Intersect multiple sorted sets and return the cardinality of the result"),
    row("zdiff", -3, "readonly movablekeys", [0, 0, 0], ("sorted-set", "6.2.0"), keyed!(zdiff),
        "Subtract multiple sorted sets"),
    row("zdiffstore", -4, "write denyoom movablekeys", [1, 1, 1], ("sorted-set", "6.2.0"), keyed!(zdiffstore),
        "Subtract multiple sorted sets and store the resulting sorted set in a new key"),
];

/// What was asked for.
struct Asked<'a> {
    keys: &'a [Bytes],
    weights: Option<Vec<f64>>,
    aggregate: Aggregate,
    with_scores: bool,
}

impl<'a> Asked<'a> {
    /// Reads the words from the number of keys on, which stands at `at`. A difference weighs nothing.
    fn read<S: Source>(call: &Call<'a, S>, at: usize, weighs: bool) -> Result<Self, Refusal> {
        let few = || Refusal::new(format!("ERR at least 1 input key is needed for '{}' command", call.command.name));
        let (keys, words) = call.numbered_keys(at, few())?;
        let asked = Self::read_options(keys, words, at == 0, weighs);
        asked.map_err(|refusal| call.keys_first(keys, &[DataType::SortedSet, DataType::Set], refusal))
    }

    fn read_options(keys: &'a [Bytes], mut words: Words<'a>, shows: bool, weighs: bool) -> Result<Self, Refusal> {
        let mut asked = Self { keys, weights: None, aggregate: Aggregate::Sum, with_scores: false };
        while let Some(word) = words.next() {
            match option(word).as_slice() {
                b"WEIGHTS" if weighs && words.rest.len() >= keys.len() => {
                    asked.weights = Some(weights(&mut words, keys.len())?);
                }
                b"AGGREGATE" if weighs && !words.is_empty() => asked.aggregate = aggregate(words.wanted()?)?,
                b"WITHSCORES" if shows => asked.with_scores = true,
                _ => return Err(SYNTAX),
            }
        }
        Ok(asked)
    }

    fn options(&self) -> CombineOptions<'_> {
        let options = CombineOptions::new().aggregate(self.aggregate);
        self.weights.as_ref().map_or(options, |weights| options.weights(weights))
    }
}

fn weights(words: &mut Words<'_>, count: usize) -> Result<Vec<f64>, Refusal> {
    let refused = |_| Refusal::of("ERR weight value is not a float");
    words.take(count).map(|word| double(word).map_err(refused)).collect()
}

fn aggregate(word: &[u8]) -> Result<Aggregate, Refusal> {
    match option(word).as_slice() {
        b"SUM" => Ok(Aggregate::Sum),
        b"MIN" => Ok(Aggregate::Min),
        b"MAX" => Ok(Aggregate::Max),
        _ => Err(SYNTAX),
    }
}

fn zunion<S: Source>(call: &Call<'_, S>) -> Answer {
    let asked = Asked::read(call, 0, true)?;
    Ok(members_or_pairs(asked.with_scores, call.db.zsets().union(asked.keys, asked.options())?))
}

fn zinter<S: Source>(call: &Call<'_, S>) -> Answer {
    let asked = Asked::read(call, 0, true)?;
    Ok(members_or_pairs(asked.with_scores, call.db.zsets().inter(asked.keys, asked.options())?))
}

fn zdiff<S: Source>(call: &Call<'_, S>) -> Answer {
    let asked = Asked::read(call, 0, false)?;
    Ok(members_or_pairs(asked.with_scores, call.db.zsets().diff(asked.keys)?))
}

fn zintercard<S: Source>(call: &Call<'_, S>) -> Answer {
    let few = || Refusal::of("ERR at least 1 input key is needed for 'zintercard' command");
    let (keys, words) = call.numbered_keys(0, few())?;
    Ok(Frame::count(call.db.zsets().inter_card(keys, card_limit(words)?)?))
}

fn zunionstore<S: Writable>(call: &Call<'_, S>) -> Answer {
    let asked = Asked::read(call, 1, true)?;
    Ok(Frame::count(call.db.zsets().union_store(call.arg(0)?, asked.keys, asked.options())?))
}

fn zinterstore<S: Writable>(call: &Call<'_, S>) -> Answer {
    let asked = Asked::read(call, 1, true)?;
    Ok(Frame::count(call.db.zsets().inter_store(call.arg(0)?, asked.keys, asked.options())?))
}

fn zdiffstore<S: Writable>(call: &Call<'_, S>) -> Answer {
    let asked = Asked::read(call, 1, false)?;
    Ok(Frame::count(call.db.zsets().diff_store(call.arg(0)?, asked.keys)?))
}
