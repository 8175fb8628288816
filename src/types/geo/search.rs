//! Searches of a sorted set for the places around one.
//!
//! May use cells, shapes and sorted sets. Invariants: only scores of the cells that cover the shape are read; no more places are
//! held than are asked for.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::ControlFlow;

use bytes::Bytes;

use super::cell::position_of;
use super::{GeoPosition, GeoUnit, Shape};
use crate::encoding::{Meta, Score, Tag};
use crate::error::{Error, Result};
use crate::types::zset::bounds::ScoreBound;
use crate::types::zset::{self, Selection, ZRange};
use crate::types::{Birth, Direction, Elements, EventKind, KeyPlan, TailRange};

/// A place that a search has found.
///
/// # Examples
/// ```
/// use windrow::{GeoPosition, GeoSearch, GeoUnit};
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// db.geo().add("sicily", [("Palermo", GeoPosition::new(13.361389, 38.115556))])?;
/// let around = GeoSearch::circle(GeoPosition::new(15.0, 37.0), 200.0, GeoUnit::Kilometers);
/// let found = db.geo().search("sicily", around)?;
/// assert_eq!(found[0].member, "Palermo");
/// assert_eq!(format!("{:.4}", found[0].distance), "190.4424");
/// assert_eq!(found[0].score, 3479099956230698.0);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct GeoFound {
    /// The member.
    pub member: Bytes,
    /// Where it is (WITHCOORD).
    pub position: GeoPosition,
    /// How far it is from the middle of the search, in the search's unit (WITHDIST).
    pub distance: f64,
    /// Its score in the sorted set, which is its 52-bit hash (WITHHASH).
    pub score: f64,
}

/// What is looked for, with its middle known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query {
    pub(crate) middle: GeoPosition,
    pub(crate) shape: Shape,
    pub(crate) unit: GeoUnit,
    /// From the nearest, or from the farthest; `None` as they are met.
    pub(crate) order: Option<Direction>,
    pub(crate) count: Option<u64>,
    /// The first places that are met will do.
    pub(crate) any: bool,
}

/// A place within, met by a search. Its distance is in metres.
struct Hit {
    position: GeoPosition,
    distance: f64,
    score: Score,
}

impl Hit {
    fn found(&self, member: &[u8], unit: GeoUnit) -> GeoFound {
        GeoFound {
            member: Bytes::copy_from_slice(member),
            position: self.position,
            distance: self.distance / unit.meters(),
            score: self.score.get(),
        }
    }
}

/// Gets each place within, and says whether to go on.
type Visit<'v> = &'v mut dyn FnMut(&[u8], Hit) -> Result<ControlFlow<()>>;

impl Query {
    /// How many of the nearest, or of the farthest, are wanted, if that is not all of them.
    fn wanted_in_order(&self) -> Option<(u64, Direction)> {
        let count = self.count.filter(|_| !self.any)?;
        Some((count, self.order.unwrap_or_default()))
    }

    /// Shows all places within, cell by cell, and in each by their scores; not more than wanted if any will do.
    fn visit(&self, elements: &Elements<'_>, size: u64, visit: Visit<'_>) -> Result<()> {
        let mut left = self.count.filter(|_| self.any).unwrap_or(u64::MAX);
        for cell in self.shape.cells(self.unit, self.middle) {
            let (first, behind) = cell.scores();
            let range = ZRange::scores(first, ScoreBound::Excluded(behind));
            let mut places = Selection::open(elements, size, &range, &TailRange::all(Tag::SortedScore), None)?;
            while let Some((member, score)) = places.next_ref()? {
                let position = position_of(score);
                let Some(distance) = self.shape.distance_within(self.unit, self.middle, position) else {
                    continue;
                };
                left -= 1;
                if visit(member, Hit { position, distance, score })?.is_break() || left == 0 {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Returns the places found. Holds no others, in whatever order they are wanted.
    pub(crate) fn collect(&self, elements: &Elements<'_>, size: u64) -> Result<Vec<GeoFound>> {
        if let Some((count, direction)) = self.wanted_in_order() {
            return self.collect_best(elements, size, count, direction);
        }
        let mut found = Vec::new();
        self.visit(elements, size, &mut |member, hit| {
            found.push((hit.distance, hit.found(member, self.unit)));
            Ok(ControlFlow::Continue(()))
        })?;
        if let Some(direction) = self.order {
            // Stable: places of one distance stay in the order in which they were met.
            found.sort_by(|(a, _), (b, _)| rank(*a, *b, direction));
        }
        Ok(found.into_iter().map(|(_, found)| found).collect())
    }

    fn collect_best(
        &self,
        elements: &Elements<'_>,
        size: u64,
        count: u64,
        direction: Direction,
    ) -> Result<Vec<GeoFound>> {
        let mut best = BinaryHeap::new();
        let mut turn = 0;
        let most = usize::try_from(count).unwrap_or(usize::MAX);
        self.visit(elements, size, &mut |member, hit| {
            turn += 1;
            if best.len() == most {
                let is_better = |worst: &Ranked| rank(hit.distance, worst.distance, direction).is_lt();
                if !best.peek().is_some_and(is_better) {
                    return Ok(ControlFlow::Continue(()));
                }
                best.pop();
            }
            let found = hit.found(member, self.unit);
            best.push(Ranked { distance: hit.distance, direction, turn, found });
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(best.into_sorted_vec().into_iter().map(|ranked| ranked.found).collect())
    }
}

/// Compares distances so that what is wanted first is less.
fn rank(a: f64, b: f64, direction: Direction) -> Ordering {
    match direction {
        Direction::Ascending => a.total_cmp(&b),
        Direction::Descending => b.total_cmp(&a),
    }
}

/// A place among the best so far. The greatest is the one that is wanted least: of one distance, the one that was met last.
struct Ranked {
    /// In metres: two of them may be one number in another unit.
    distance: f64,
    direction: Direction,
    turn: u64,
    found: GeoFound,
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        rank(self.distance, other.distance, self.direction).then(self.turn.cmp(&other.turn))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}

/// Stores the places found in place of what the key holds, with their scores or with their distances in the search's unit;
/// returns how many there are. Without a count nothing is held in memory.
pub(crate) fn store(
    destination: &mut KeyPlan<'_>,
    source: Option<(&Meta, Query)>,
    with_distances: bool,
    birth: Birth,
) -> Result<u64> {
    let reader = destination.reader;
    zset::store(destination, (birth, EventKind::GeoSearchStore), |take| {
        let Some((meta, query)) = source else {
            return Ok(());
        };
        let elements = Elements::of(reader, meta)?;
        if query.wanted_in_order().is_some() {
            for found in query.collect(&elements, meta.size)? {
                take(&found.member, chosen(found.score, found.distance, with_distances)?)?;
            }
            return Ok(());
        }
        query.visit(&elements, meta.size, &mut |member, hit| {
            let distance = hit.distance / query.unit.meters();
            take(member, chosen(hit.score.get(), distance, with_distances)?)?;
            Ok(ControlFlow::Continue(()))
        })
    })
}

fn chosen(score: f64, distance: f64, with_distances: bool) -> Result<Score> {
    let chosen = if with_distances { distance } else { score };
    Score::new(chosen).ok_or_else(|| Error::not_a_number("a distance is NaN"))
}
