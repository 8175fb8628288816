//! How far two places lie apart on a sphere.
//!
//! May use nothing. Invariant: each formula is computed in Redis' order, with Redis' radius of the earth.

use super::GeoPosition;

/// In metres, as Redis has it.
pub(super) const EARTH_RADIUS: f64 = 6_372_797.560_856;

pub(super) const DEGREE: f64 = std::f64::consts::PI / 180.0;

/// The shorter way over the sphere, in metres (the haversine formula).
pub(crate) fn between(a: GeoPosition, b: GeoPosition) -> f64 {
    let half_sine = |from: f64, to: f64| ((to - from) / 2.0).sin();
    let v = half_sine(a.longitude * DEGREE, b.longitude * DEGREE);
    if v == 0.0 {
        return between_latitudes(a.latitude, b.latitude);
    }
    let (a, b) = (a.latitude * DEGREE, b.latitude * DEGREE);
    let u = half_sine(a, b);
    let square = u * u + a.cos() * b.cos() * v * v;
    2.0 * EARTH_RADIUS * square.sqrt().asin()
}

/// The way along a meridian, in metres.
pub(super) fn between_latitudes(a: f64, b: f64) -> f64 {
    EARTH_RADIUS * (b * DEGREE - a * DEGREE).abs()
}
