//! Parts of sorted sets: what the store is told, and what it means in the model.

use bytes::Bytes;
use proptest::option;
use proptest::prelude::*;
use windrow::{LexBound, ScoreBound, ZRange};

use crate::draw::{between, index, name};
use crate::world::ZSet;
use crate::zsets::score;

pub(crate) type Entries = Vec<(Bytes, f64)>;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    part: Part,
    is_reversed: bool,
    limit: Option<(u8, u8)>,
}

#[derive(Clone, Copy, Debug)]
enum Part {
    Ranks(i64, i64),
    Scores(ScoreBound, ScoreBound),
    Lex(LexBound<'static>, LexBound<'static>),
}

pub(crate) fn range() -> impl Strategy<Value = Range> {
    let part = prop_oneof![
        (index(), index()).prop_map(|(start, stop)| Part::Ranks(start, stop)),
        (score_bound(), score_bound()).prop_map(|(min, max)| Part::Scores(min, max)),
        (lex_bound(), lex_bound()).prop_map(|(min, max)| Part::Lex(min, max)),
    ];
    (part, any::<bool>(), option::weighted(0.3, (0..4_u8, 0..4_u8))).prop_map(|(part, is_reversed, limit)| Range {
        part,
        is_reversed,
        limit,
    })
}

fn score_bound() -> impl Strategy<Value = ScoreBound> {
    prop_oneof![
        2 => Just(ScoreBound::Included(f64::NEG_INFINITY)),
        2 => Just(ScoreBound::Included(f64::INFINITY)),
        4 => score().prop_map(ScoreBound::Included),
        4 => score().prop_map(ScoreBound::Excluded),
    ]
}

fn lex_bound() -> impl Strategy<Value = LexBound<'static>> {
    prop_oneof![
        1 => Just(LexBound::Min),
        1 => Just(LexBound::Max),
        2 => name().prop_map(|name| LexBound::Included(name.0)),
        2 => name().prop_map(|name| LexBound::Excluded(name.0)),
    ]
}

/// The members in the order of scores.
pub(crate) fn ranked(zset: &ZSet) -> Entries {
    let mut entries: Entries = zset.iter().map(|(member, score)| (member.clone(), *score)).collect();
    entries.sort_by(|a, b| a.1.total_cmp(&b.1));
    entries
}

impl Range {
    /// What the store is told.
    pub(crate) fn told(&self) -> ZRange<'static> {
        let range = match self.part {
            Part::Ranks(start, stop) => ZRange::ranks(start, stop),
            Part::Scores(min, max) => ZRange::scores(min, max),
            Part::Lex(min, max) => ZRange::lex(min, max),
        };
        let range = if self.is_reversed { range.rev() } else { range };
        self.limit.map_or(range, |(offset, count)| range.limit(offset.into(), count.into()))
    }

    /// What it means.
    pub(crate) fn of(&self, zset: &ZSet) -> Entries {
        let mut found: Entries = match self.part {
            Part::Ranks(..) => ranked(zset),
            Part::Scores(min, max) => {
                ranked(zset).into_iter().filter(|(_, score)| is_above(min, *score) && is_below(max, *score)).collect()
            }
            Part::Lex(min, max) => {
                let inside = |member: &[u8]| is_behind(min, member) && is_before(max, member);
                zset.clone().into_iter().filter(|(member, _)| inside(member)).collect()
            }
        };
        if self.is_reversed {
            found.reverse();
        }
        if let Part::Ranks(start, stop) = self.part {
            found = found[between(start, stop, found.len())].to_vec();
        }
        match self.limit {
            Some((offset, count)) => found.into_iter().skip(offset.into()).take(count.into()).collect(),
            None => found,
        }
    }
}

fn is_above(min: ScoreBound, score: f64) -> bool {
    match min {
        ScoreBound::Included(min) => score >= min,
        ScoreBound::Excluded(min) => score > min,
    }
}

fn is_below(max: ScoreBound, score: f64) -> bool {
    match max {
        ScoreBound::Included(max) => score <= max,
        ScoreBound::Excluded(max) => score < max,
    }
}

fn is_behind(min: LexBound<'_>, member: &[u8]) -> bool {
    match min {
        LexBound::Min => true,
        LexBound::Included(min) => member >= min,
        LexBound::Excluded(min) => member > min,
        LexBound::Max => false,
    }
}

fn is_before(max: LexBound<'_>, member: &[u8]) -> bool {
    match max {
        LexBound::Min => false,
        LexBound::Included(max) => member <= max,
        LexBound::Excluded(max) => member < max,
        LexBound::Max => true,
    }
}
