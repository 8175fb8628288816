//! Places.
//!
//! May use the operations on places. Invariant: as in `strings`.

use bytes::Bytes;

use super::arguments::{double, option};
use super::refusal::{Refusal, SYNTAX};
use super::zsets::AddFlags;
use super::{Answer, Call, Command, keyed, row};
use crate::resp::Frame;
use crate::{GeoPosition, GeoUnit, Source, Writable};

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("geoadd", -5, "write denyoom", [1, 1, 1], ("geo", "3.2.0"), keyed!(geoadd),
        "Add one or more geospatial items in the geospatial index represented using a sorted set"),
    row("geopos", -2, "readonly", [1, 1, 1], ("geo", "3.2.0"), keyed!(geopos),
        "Returns longitude and latitude of members of a geospatial index"),
    row("geodist", -4, "readonly", [1, 1, 1], ("geo", "3.2.0"), keyed!(geodist),
        "Returns the distance between two members of a geospatial index"),
    row("geohash", -2, "readonly", [1, 1, 1], ("geo", "3.2.0"), keyed!(geohash),
        "Returns members of a geospatial index as standard geohash strings"),
];

/// The farthest from the equator and from the zero meridian that a place may lie.
const MAX_LATITUDE: f64 = 85.051_128_78;
const MAX_LONGITUDE: f64 = 180.0;

/// Reads a longitude and a latitude.
pub(super) fn position(longitude: &[u8], latitude: &[u8]) -> Result<GeoPosition, Refusal> {
    let (longitude, latitude) = (double(longitude)?, double(latitude)?);
    if longitude.abs() <= MAX_LONGITUDE && latitude.abs() <= MAX_LATITUDE {
        return Ok(GeoPosition::new(longitude, latitude));
    }
    Err(Refusal::new(format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}")))
}

pub(super) fn unit(word: &[u8]) -> Result<GeoUnit, Refusal> {
    match option(word).as_slice() {
        b"M" => Ok(GeoUnit::Meters),
        b"KM" => Ok(GeoUnit::Kilometers),
        b"FT" => Ok(GeoUnit::Feet),
        b"MI" => Ok(GeoUnit::Miles),
        _ => Err(Refusal::of("ERR unsupported unit provided. please use M, KM, FT, MI")),
    }
}

/// A distance, with four digits behind the point.
pub(super) fn distance(distance: f64) -> Frame {
    Frame::text(format!("{distance:.4}"))
}

pub(super) fn coordinates(position: GeoPosition) -> Frame {
    let degrees = |degrees: f64| {
        let text = format!("{degrees:.17}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        Frame::Decimal(if text == "-0" { "0".to_owned() } else { text.to_owned() })
    };
    Frame::Array(vec![degrees(position.longitude), degrees(position.latitude)])
}

fn geoadd<S: Writable>(call: &Call<'_, S>) -> Answer {
    let flags = AddFlags::read(call.from(1), false);
    let entries = super::arguments::groups::<3>(call.from(1 + flags.words)).ok_or(SYNTAX)?;
    if flags.nx && flags.xx {
        return Err(SYNTAX);
    }
    let placed = |[longitude, latitude, member]: &'_ [Bytes; 3]| Ok((member.clone(), position(longitude, latitude)?));
    let entries: Vec<(Bytes, GeoPosition)> = entries.iter().map(placed).collect::<Result<_, Refusal>>()?;
    let done = call.db.geo().add_with(call.arg(0)?, entries, flags.options())?;
    Ok(Frame::count(if flags.ch { done.added.saturating_add(done.updated) } else { done.added }))
}

fn geopos<S: Source>(call: &Call<'_, S>) -> Answer {
    let found = call.db.geo().positions(call.arg(0)?, call.from(1))?;
    Ok(Frame::Array(found.into_iter().map(|found| found.map_or(Frame::NullArray, coordinates)).collect()))
}

fn geodist<S: Source>(call: &Call<'_, S>) -> Answer {
    let unit = match call.from(3) {
        [] => GeoUnit::Meters,
        [word] => unit(word)?,
        _ => return Err(SYNTAX),
    };
    let apart = call.db.geo().distance(call.arg(0)?, call.arg(1)?, call.arg(2)?, unit)?;
    Ok(apart.map_or(Frame::Null, distance))
}

fn geohash<S: Source>(call: &Call<'_, S>) -> Answer {
    let found = call.db.geo().hashes(call.arg(0)?, call.from(1))?;
    Ok(Frame::Array(found.into_iter().map(|hash| hash.map_or(Frame::Null, Frame::text)).collect()))
}
