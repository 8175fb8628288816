//! What a search looks into: a circle or a box around a place, and the cells that cover it.
//!
//! May use cells and distances. Invariants: whether a place lies within is decided by its distance alone; there are at most
//! nine cells, no two of them the same.

use super::cell::{Area, Cell, STEPS};
use super::distance::{DEGREE, EARTH_RADIUS, between, between_latitudes};
use super::{GeoPosition, GeoUnit};
use crate::error::{Error, Result};

/// Half of the earth's circumference, nearly: a search of this radius has the coarsest cells.
const WIDEST: f64 = 20_037_726.37;

/// Cells that are looked into, in this order: the place's own, then its neighbours (east, north).
const AROUND: [(i32, i32); 9] = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];

/// How far a search goes from its middle. Lengths are in the search's unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shape {
    Circle { radius: f64 },
    Box { width: f64, height: f64 },
}

impl Shape {
    /// Refuses lengths that are none.
    pub(crate) fn check(self) -> Result<()> {
        let (a, b) = match self {
            Self::Circle { radius } => (radius, radius),
            Self::Box { width, height } => (width, height),
        };
        if a.is_nan() || b.is_nan() {
            return Err(Error::not_a_number("a radius, width or height is NaN"));
        }
        match self {
            _ if a >= 0.0 && b >= 0.0 => Ok(()),
            Self::Circle { .. } => Err(Error::invalid("radius cannot be negative")),
            Self::Box { .. } => Err(Error::invalid("height or width cannot be negative")),
        }
    }

    /// Returns how far a place lies from the middle, in metres, if it lies within.
    pub(super) fn distance_within(self, unit: GeoUnit, middle: GeoPosition, place: GeoPosition) -> Option<f64> {
        match self {
            Self::Circle { radius } => {
                let distance = between(middle, place);
                is_within(distance, radius * unit.meters()).then_some(distance)
            }
            Self::Box { width, height } => {
                let (width, height) = (width * unit.meters(), height * unit.meters());
                let beside = GeoPosition { longitude: middle.longitude, latitude: place.latitude };
                let is_within = is_within(between_latitudes(place.latitude, middle.latitude), height / 2.0)
                    && is_within(between(place, beside), width / 2.0);
                is_within.then(|| between(middle, place))
            }
        }
    }

    /// The cells that cover the shape around this place, in the order in which they are looked into.
    pub(super) fn cells(self, unit: GeoUnit, middle: GeoPosition) -> Vec<Cell> {
        let bounds = self.bounds(unit, middle);
        let mut own = Cell::at(middle, self.step(unit, middle.latitude));
        // Near an edge of its cell a place can be too near to the far edge of a neighbour.
        if own.step() > 1 && !reaches(own, bounds) {
            own = Cell::at(middle, own.step() - 1);
        }
        let mut cells: Vec<Cell> = Vec::with_capacity(AROUND.len());
        for (east, north) in AROUND {
            let cell = own.neighbour(east, north);
            let is_needed = own.step() < 2 || is_side_needed(own.area(), bounds, east, north);
            // Of few columns, the next one to the east is the next one to the west.
            if is_needed && !cells.contains(&cell) {
                cells.push(cell);
            }
        }
        cells
    }

    /// The smallest longitudes and latitudes that hold the shape, on the side where a degree is shorter.
    fn bounds(self, unit: GeoUnit, middle: GeoPosition) -> Area {
        let (width, height) = match self {
            Self::Circle { radius } => (unit.meters() * radius, unit.meters() * radius),
            Self::Box { width, height } => (unit.meters() * (width / 2.0), unit.meters() * (height / 2.0)),
        };
        let north = height / EARTH_RADIUS / DEGREE;
        let towards_pole = if middle.latitude < 0.0 { middle.latitude - north } else { middle.latitude + north };
        let east = width / EARTH_RADIUS / (towards_pole * DEGREE).cos() / DEGREE;
        Area {
            west: middle.longitude - east,
            south: middle.latitude - north,
            east: middle.longitude + east,
            north: middle.latitude + north,
        }
    }

    /// How small the cells can be of which nine cover the shape.
    fn step(self, unit: GeoUnit, latitude: f64) -> u32 {
        let radius = match self {
            Self::Circle { radius } => radius,
            Self::Box { width, height } => {
                let (width, height) = (width / 2.0, height / 2.0);
                (width * width + height * height).sqrt()
            }
        };
        let mut reach = radius * unit.meters();
        if reach == 0.0 {
            return STEPS;
        }
        let mut halvings = 0_u32;
        while reach < WIDEST {
            reach *= 2.0;
            halvings += 1;
        }
        // One less, as the place need not lie in the middle of its cell; and cells are narrower towards the poles.
        let coarser = 1 + u32::from(latitude.abs() > 66.0) + u32::from(latitude.abs() > 80.0);
        halvings.saturating_sub(coarser).clamp(1, STEPS)
    }
}

/// A distance that is no number, as rounding can make it between antipodes, counts as within, as in Redis.
fn is_within(distance: f64, limit: f64) -> bool {
    distance <= limit || distance.is_nan()
}

/// Whether the cell's neighbours reach as far as the bounds in each direction.
fn reaches(own: Cell, bounds: Area) -> bool {
    let is_short = own.neighbour(0, 1).area().north < bounds.north
        || own.neighbour(0, -1).area().south > bounds.south
        || own.neighbour(1, 0).area().east < bounds.east
        || own.neighbour(-1, 0).area().west > bounds.west;
    !is_short
}

/// Whether the bounds go beyond the cell on the sides to which a neighbour lies.
fn is_side_needed(own: Area, bounds: Area, east: i32, north: i32) -> bool {
    let is_useless = north < 0 && own.south < bounds.south
        || north > 0 && own.north > bounds.north
        || east < 0 && own.west < bounds.west
        || east > 0 && own.east > bounds.east;
    !is_useless
}
