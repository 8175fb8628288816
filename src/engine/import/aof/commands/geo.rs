//! Commands on places in sorted sets.
//!
//! Uses the public handles. Invariant: as the whole room; where Redis chooses among places that are equally far, or takes any, the choice
//! may be another.

use bytes::Bytes;

use super::super::replay::Replay;
use super::super::words::{Words, float, upper, wrong};
use super::Run;
use crate::engine::{GeoFrom, GeoSearch, ZAddOptions};
use crate::error::Result;
use crate::types::geo::{GeoPosition, GeoUnit};

pub(super) fn find(name: &str) -> Option<Run> {
    Some(match name {
        "GEOADD" => add,
        "GEOSEARCHSTORE" => search_store,
        "GEORADIUS" => |replay, mut words| {
            let source = words.next()?;
            let from = Middle::Position(words.float()?, words.float()?);
            radius(replay, words, source, from)
        },
        "GEORADIUSBYMEMBER" => |replay, mut words| {
            let source = words.next()?;
            let from = Middle::Member(words.next()?);
            radius(replay, words, source, from)
        },
        _ => return None,
    })
}

fn add(replay: &mut Replay<'_>, mut words: Words) -> Result<()> {
    let key = words.next()?;
    let mut options = ZAddOptions::new();
    while let Some(flag) = words.flag(&["NX", "XX", "CH"]) {
        options = match flag {
            "NX" => options.if_absent(),
            "XX" => options.if_present(),
            _ => options,
        };
    }
    let words = words.some()?;
    let places = words.chunks(3).map(|place| match place {
        [longitude, latitude, member] => Ok((member, GeoPosition::new(float(longitude)?, float(latitude)?))),
        _ => Err(wrong()),
    });
    let places = places.collect::<Result<Vec<_>>>()?;
    replay.db.geo().add_with(key, places, options).map(drop)
}

/// Around what places are looked for.
enum Middle {
    Member(Bytes),
    Position(f64, f64),
}

/// How far they may be.
enum Reach {
    Radius(f64),
    Box(f64, f64),
}

/// What a search asks for.
#[derive(Default)]
struct Asked {
    middle: Option<Middle>,
    reach: Option<(Reach, GeoUnit)>,
    order: Option<Order>,
    count: Option<u64>,
    is_any: bool,
    destination: Option<Bytes>,
    stores_distances: bool,
}

enum Order {
    Nearest,
    Farthest,
}

impl Asked {
    /// Takes a word that all searches know; tells whether it was one.
    fn take(&mut self, word: &str, words: &mut Words) -> Result<bool> {
        match word {
            "ASC" => self.order = Some(Order::Nearest),
            "DESC" => self.order = Some(Order::Farthest),
            "COUNT" => self.count = Some(words.count()?),
            "ANY" => self.is_any = true,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn store(self, replay: &Replay<'_>, source: &Bytes) -> Result<()> {
        let (middle, (reach, unit)) = (self.middle.ok_or_else(wrong)?, self.reach.ok_or_else(wrong)?);
        let from = match &middle {
            Middle::Member(member) => GeoFrom::from(&**member),
            Middle::Position(longitude, latitude) => GeoFrom::from(GeoPosition::new(*longitude, *latitude)),
        };
        let mut search = match reach {
            Reach::Radius(radius) => GeoSearch::circle(from, radius, unit),
            Reach::Box(width, height) => GeoSearch::rectangle(from, width, height, unit),
        };
        search = match self.order {
            Some(Order::Nearest) => search.nearest_first(),
            Some(Order::Farthest) => search.farthest_first(),
            None => search,
        };
        search = match self.count {
            Some(count) if self.is_any => search.any(count),
            Some(count) => search.count(count),
            None => search,
        };
        let (to, geo) = (self.destination.ok_or_else(wrong)?, replay.db.geo());
        if self.stores_distances {
            geo.search_store_distances(to, source, search).map(drop)
        } else {
            geo.search_store(to, source, search).map(drop)
        }
    }
}

fn search_store(replay: &mut Replay<'_>, mut words: Words) -> Result<()> {
    let (to, source) = (words.next()?, words.next()?);
    let mut asked = Asked { destination: Some(to), ..Asked::default() };
    while let Some(word) = words.option() {
        if asked.take(&word, &mut words)? {
            continue;
        }
        match word.as_str() {
            "FROMMEMBER" => asked.middle = Some(Middle::Member(words.next()?)),
            "FROMLONLAT" => asked.middle = Some(Middle::Position(words.float()?, words.float()?)),
            "BYRADIUS" => asked.reach = Some((Reach::Radius(words.float()?), unit(&words.next()?)?)),
            "BYBOX" => asked.reach = Some((Reach::Box(words.float()?, words.float()?), unit(&words.next()?)?)),
            "STOREDIST" => asked.stores_distances = true,
            _ => return Err(wrong()),
        }
    }
    asked.store(replay, &source)
}

fn radius(replay: &mut Replay<'_>, mut words: Words, source: Bytes, middle: Middle) -> Result<()> {
    let reach = (Reach::Radius(words.float()?), unit(&words.next()?)?);
    let mut asked = Asked { middle: Some(middle), reach: Some(reach), ..Asked::default() };
    while let Some(word) = words.option() {
        if asked.take(&word, &mut words)? {
            continue;
        }
        match word.as_str() {
            "STORE" | "STOREDIST" => {
                asked.destination = Some(words.next()?);
                asked.stores_distances = word == "STOREDIST";
            }
            "WITHCOORD" | "WITHDIST" | "WITHHASH" => {}
            _ => return Err(wrong()),
        }
    }
    asked.store(replay, &source)
}

fn unit(word: &[u8]) -> Result<GeoUnit> {
    match upper(word).as_str() {
        "M" => Ok(GeoUnit::Meters),
        "KM" => Ok(GeoUnit::Kilometers),
        "FT" => Ok(GeoUnit::Feet),
        "MI" => Ok(GeoUnit::Miles),
        _ => Err(wrong()),
    }
}
