//! Geohashes: the earth halved again and again, its bits alternating between longitude and latitude.
//!
//! May use nothing. Invariant: any bits have a place; the cells of one step have scores that do not overlap.

use crate::encoding::Score;

use super::{GeoPosition, LATITUDES, LONGITUDES, Range};

/// How often both sides are halved for a score: 52 bits, which an `f64` holds exactly.
pub(crate) const STEPS: u32 = 26;

const SCORE_BITS: u32 = 2 * STEPS;

/// The latitudes of the geohashes that people exchange; a score's are [`LATITUDES`].
const ALL_LATITUDES: Range = Range { min: -90.0, max: 90.0 };

/// The digits of such a geohash: no a, i, l, o.
const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
const DIGIT_BITS: u32 = 5;

/// Digits of a score's bits. Redis writes one more, which is always 0: two bits would be left for it.
const DIGITS: u32 = SCORE_BITS / DIGIT_BITS;

/// A rectangle of longitudes and latitudes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub(super) west: f64,
    pub(super) south: f64,
    pub(super) east: f64,
    pub(super) north: f64,
}

/// One of the rectangles into which the earth falls when both sides are halved `step` times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    /// Counted from the west. The longitude 180 itself has one behind the last.
    column: u32,
    /// Counted from the south, and so for the northernmost latitude.
    row: u32,
    step: u32,
}

impl Cell {
    /// The cell in which a place lies.
    pub(super) fn at(position: GeoPosition, step: u32) -> Self {
        Self::within(position, LATITUDES, step)
    }

    fn within(position: GeoPosition, latitudes: Range, step: u32) -> Self {
        let column = index(position.longitude, LONGITUDES, step);
        Self { column, row: index(position.latitude, latitudes, step), step }
    }

    /// The smallest cell, which a score stands for.
    fn of_score(score: Score) -> Self {
        let bits = bits_of(score.get());
        Self { column: squeeze(bits >> 1), row: squeeze(bits), step: STEPS }
    }

    /// The neighbour so many columns to the east and rows to the north. Behind the last one comes the first.
    pub(super) fn neighbour(self, east: i32, north: i32) -> Self {
        let last = (1_u32 << self.step) - 1;
        let moved = |index: u32, by: i32| if by == 0 { index } else { index.wrapping_add_signed(by) & last };
        Self { column: moved(self.column, east), row: moved(self.row, north), step: self.step }
    }

    /// How often both sides of the earth are halved.
    pub(super) fn step(self) -> u32 {
        self.step
    }

    /// The bits of the geohash.
    fn bits(self) -> u64 {
        spread(self.column) << 1 | spread(self.row)
    }

    /// The scores of the places in the cell: from the first, included, to the second, excluded.
    pub(super) fn scores(self) -> (f64, f64) {
        let free = SCORE_BITS - 2 * self.step;
        ((self.bits() << free) as f64, ((self.bits() + 1) << free) as f64)
    }

    /// What the cell covers.
    pub(super) fn area(self) -> Area {
        let (west, east) = edges(self.column, LONGITUDES, self.step);
        let (south, north) = edges(self.row, LATITUDES, self.step);
        Area { west, south, east, north }
    }
}

/// The score of a place.
pub(crate) fn score_of(position: GeoPosition) -> f64 {
    Cell::at(position, STEPS).scores().0
}

/// The place that a score stands for: the middle of its cell. Scores that no place has give one nevertheless, the one that
/// Redis gives.
pub(crate) fn position_of(score: Score) -> GeoPosition {
    let Area { west, south, east, north } = Cell::of_score(score).area();
    let middle = |low: f64, high: f64, range: Range| ((low + high) / 2.0).min(range.max).max(range.min);
    GeoPosition { longitude: middle(west, east, LONGITUDES), latitude: middle(south, north, LATITUDES) }
}

/// The geohash of a score's place, as other programs write it.
pub(crate) fn text_of(score: Score) -> String {
    let bits = Cell::within(position_of(score), ALL_LATITUDES, STEPS).bits();
    let digit = |place: u32| {
        let digit = bits >> (SCORE_BITS - (place + 1) * DIGIT_BITS) & (ALPHABET.len() as u64 - 1);
        ALPHABET.get(digit as usize).copied().map_or('0', char::from)
    };
    (0..DIGITS).map(digit).chain(['0']).collect()
}

/// In which of the 2^step parts of the range a value lies.
fn index(value: f64, range: Range, step: u32) -> u32 {
    ((value - range.min) / (range.max - range.min) * parts(step)) as u32
}

/// Where one of the 2^step parts of the range begins and ends.
fn edges(index: u32, range: Range, step: u32) -> (f64, f64) {
    let edge = |index: u32| range.min + f64::from(index) / parts(step) * (range.max - range.min);
    (edge(index), edge(index.wrapping_add(1)))
}

fn parts(step: u32) -> f64 {
    (1_u64 << step) as f64
}

/// A score as an unsigned number. WHY so: what has no such number becomes the one that a C program on x86-64 gets, which is
/// what Redis goes on with.
fn bits_of(score: f64) -> u64 {
    const HALF: f64 = (1_u64 << 63) as f64;
    let signed = |number: f64| if (-HALF..HALF).contains(&number) { number as i64 } else { i64::MIN };
    if score < HALF { signed(score) as u64 } else { signed(score - HALF) as u64 ^ 1 << 63 }
}

/// Sets a zero between any two bits.
const fn spread(number: u32) -> u64 {
    let mut bits = number as u64;
    bits = (bits | bits << 16) & 0x0000_ffff_0000_ffff;
    bits = (bits | bits << 8) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | bits << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    bits = (bits | bits << 2) & 0x3333_3333_3333_3333;
    (bits | bits << 1) & 0x5555_5555_5555_5555
}

/// Takes every other bit, the lowest first.
const fn squeeze(bits: u64) -> u32 {
    let mut bits = bits & 0x5555_5555_5555_5555;
    bits = (bits | bits >> 1) & 0x3333_3333_3333_3333;
    bits = (bits | bits >> 2) & 0x0f0f_0f0f_0f0f_0f0f;
    bits = (bits | bits >> 4) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | bits >> 8) & 0x0000_ffff_0000_ffff;
    (bits | bits >> 16) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn score(position: GeoPosition) -> Score {
        Score::new(score_of(position)).unwrap()
    }

    fn positions() -> impl Strategy<Value = GeoPosition> {
        let longitude = prop_oneof![8 => -180.0..=180.0, 1 => Just(-180.0), 1 => Just(0.0), 1 => Just(180.0)];
        let latitude = prop_oneof![
            8 => LATITUDES.min..=LATITUDES.max, 1 => Just(LATITUDES.min), 1 => Just(0.0), 1 => Just(LATITUDES.max)
        ];
        (longitude, latitude).prop_map(|(longitude, latitude)| GeoPosition::new(longitude, latitude))
    }

    /// Half a cell of a score, and what rounding adds.
    const NEAR: (f64, f64) = (2.7e-6, 1.3e-6);

    /// Some units in the last place of a degree.
    const ROUNDING: f64 = 1e-13;

    proptest! {
        #[test]
        fn a_place_is_found_again_to_half_a_cell(position in positions()) {
            // The longitude 180 itself takes so many bits that a score rounds the last one.
            prop_assume!(position.longitude < LONGITUDES.max);
            let found = position_of(score(position));
            prop_assert!((found.longitude - position.longitude).abs() < NEAR.0, "{found:?}");
            prop_assert!((found.latitude - position.latitude).abs() < NEAR.1, "{found:?}");
            if position.latitude < LATITUDES.max {
                prop_assert_eq!(score(found), score(position), "the middle of a cell lies in it");
            }
        }

        #[test]
        fn any_score_is_some_place(bits in any::<u64>()) {
            if let Some(score) = Score::new(f64::from_bits(bits)) {
                prop_assert!(position_of(score).check().is_ok());
                prop_assert_eq!(text_of(score).len(), 11);
            }
        }

        #[test]
        fn bits_spread_and_squeezed_are_what_they_were(number in any::<u32>(), other in any::<u32>()) {
            let bits = spread(number) | spread(other) << 1;
            prop_assert_eq!((squeeze(bits), squeeze(bits >> 1)), (number, other));
        }

        #[test]
        fn a_cell_of_any_step_holds_the_scores_of_its_places(position in positions(), step in 1..=STEPS) {
            prop_assume!(position.longitude < LONGITUDES.max);
            let cell = Cell::at(position, step);
            let (first, behind) = cell.scores();
            let score = score_of(position);
            prop_assert!(first <= score && score < behind, "{first} {score} {behind}");
            let area = cell.area();
            let holds = |low: f64, value: f64, high: f64| low - ROUNDING <= value && value <= high + ROUNDING;
            prop_assert!(holds(area.west, position.longitude, area.east), "{area:?}");
            prop_assert!(holds(area.south, position.latitude, area.north), "{area:?}");
        }

        #[test]
        fn neighbours_lie_beside_a_cell_and_come_back(position in positions(), step in 1..=STEPS) {
            let last = (1 << step) - 1;
            let cell = Cell::at(position, step);
            prop_assume!(cell.column <= last && cell.row <= last);
            for (east, north) in [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)] {
                let other = cell.neighbour(east, north);
                prop_assert!(other.column <= last && other.row <= last);
                prop_assert_eq!(other.neighbour(-east, -north), cell);
            }
            if cell.column < last {
                prop_assert_eq!(cell.neighbour(1, 0).area().west, cell.area().east);
            }
            if cell.row < last {
                prop_assert_eq!(cell.neighbour(0, 1).area().south, cell.area().north);
            }
        }
    }

    #[test]
    fn scores_and_texts_are_those_that_redis_documents() {
        let palermo = score(GeoPosition::new(13.361389, 38.115556));
        let catania = score(GeoPosition::new(15.087269, 37.502669));
        assert_eq!((palermo.get(), catania.get()), (3_479_099_956_230_698.0, 3_479_447_370_796_909.0));
        assert_eq!((text_of(palermo).as_str(), text_of(catania).as_str()), ("sqc8b49rny0", "sqdtr74hyu0"));
        let found = position_of(palermo);
        assert_eq!((found.longitude, found.latitude), (13.361_389_338_970_184, 38.115_556_395_496_3));
    }

    #[test]
    fn scores_that_are_no_hash_become_what_c_makes_of_them() {
        let cases = [
            (0.0, 0),
            (1.9, 1),
            (-0.5, 0),
            (-1.0, u64::MAX),
            (-1.9, u64::MAX),
            (9.3e18, 9_300_000_000_000_000_000),
            (-9.3e18, 1 << 63),
            (1e300, 0),
            (f64::INFINITY, 0),
            (f64::NEG_INFINITY, 1 << 63),
        ];
        for (score, bits) in cases {
            assert_eq!(bits_of(score), bits, "{score}");
        }
    }
}
