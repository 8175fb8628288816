//! Places on the earth as scores of sorted sets.
//!
//! May use sorted sets, elements and the plan. Invariants: a place's score is its 52-bit hash, as in Redis, so that sets
//! exchange; formulas are computed in the order in which Redis computes them, so that both give the same numbers to the
//! last bit, where the C library is the same.

pub(crate) mod cell;
mod distance;
pub(crate) mod search;
mod shape;

use crate::error::{Error, Result};

pub(crate) use distance::between;
pub(crate) use shape::Shape;

const LONGITUDES: Range = Range { min: -180.0, max: 180.0 };

/// What a hash covers. Beyond, a square map of the world would have no end.
const LATITUDES: Range = Range { min: -85.051_128_78, max: 85.051_128_78 };

/// What can be halved again and again.
#[derive(Clone, Copy)]
struct Range {
    min: f64,
    max: f64,
}

impl Range {
    fn holds(self, value: f64) -> bool {
        (self.min..=self.max).contains(&value)
    }
}

/// A place on the earth, in degrees. Longitudes go from -180 to 180, latitudes from -85.05112878 to 85.05112878: what lies
/// nearer to a pole has no hash.
///
/// # Examples
/// ```
/// use windrow::GeoPosition;
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// db.geo().add("cities", [("Palermo", GeoPosition::new(13.361389, 38.115556))])?;
/// let found = db.geo().position("cities", "Palermo")?.unwrap();
/// assert!((found.longitude - 13.361389).abs() < 0.00001);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GeoPosition {
    /// East of Greenwich; negative to the west.
    pub longitude: f64,
    /// North of the equator; negative to the south.
    pub latitude: f64,
}

impl GeoPosition {
    /// Says where something is, the longitude first, as in Redis. Whether there is such a place is seen when it is used.
    ///
    /// # Examples
    /// ```
    /// use windrow::{ErrorKind, GeoPosition};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let pole = GeoPosition::new(0.0, 90.0);
    /// assert_eq!(store.db(0).geo().add("g", [("pole", pole)]).unwrap_err().kind(), ErrorKind::OutOfRange);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub const fn new(longitude: f64, latitude: f64) -> Self {
        Self { longitude, latitude }
    }

    /// Refuses what is no place, or one without a hash.
    pub(crate) fn check(self) -> Result<()> {
        if self.longitude.is_nan() || self.latitude.is_nan() {
            return Err(Error::not_a_number("a longitude or latitude is NaN"));
        }
        if LONGITUDES.holds(self.longitude) && LATITUDES.holds(self.latitude) {
            return Ok(());
        }
        Err(Error::out_of_range("a longitude is beyond 180 degrees, or a latitude beyond 85.05112878"))
    }
}

/// What distances are measured in.
///
/// # Examples
/// ```
/// use windrow::{GeoPosition, GeoUnit};
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let geo = store.db(0);
/// let (palermo, catania) = (GeoPosition::new(13.361389, 38.115556), GeoPosition::new(15.087269, 37.502669));
/// geo.geo().add("sicily", [("Palermo", palermo), ("Catania", catania)])?;
/// let miles = geo.geo().distance("sicily", "Palermo", "Catania", GeoUnit::Miles)?.unwrap();
/// assert_eq!(format!("{miles:.4}"), "103.3182");
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GeoUnit {
    /// `m`
    #[default]
    Meters,
    /// `km`
    Kilometers,
    /// `ft`
    Feet,
    /// `mi`
    Miles,
}

impl GeoUnit {
    /// How long one is, in metres.
    pub(crate) const fn meters(self) -> f64 {
        match self {
            Self::Meters => 1.0,
            Self::Kilometers => 1000.0,
            Self::Feet => 0.3048,
            Self::Miles => 1609.34,
        }
    }
}
