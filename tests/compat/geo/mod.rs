//! The commands on places.
//!
//! Uses the public API of places. Invariant: where several places are equally far, any choice among them is right; and what
//! windrow has stored of such a choice is told to Redis.

mod search;

use windrow::{DataType, ErrorKind, GeoPosition, GeoUnit, Writable, ZAddOptions};

use crate::births::{BORN, born};
use crate::command::{Command, Commands, Handler, Place, both_sides};
use crate::draw::Draw;
use crate::resp::Reply;

pub(crate) struct Geo;

/// Where the places of most sets lie: two towns, the origin, the edges and corners of the map, near the poles.
const CENTRES: [(f64, f64); 12] = [
    (13.361389, 38.115556),
    (15.087269, 37.502669),
    (15.087269, 37.502669),
    (0.0, 0.0),
    (-0.000001, 0.000001),
    (180.0, 85.05112878),
    (-180.0, -85.05112878),
    (179.9999, 10.0),
    (-179.9999, -10.0),
    (20.0, 84.9),
    (-20.0, -70.0),
    (-122.4, 66.5),
];

/// So many places all over the world lie in every area of a search.
const CROWD: usize = 1000;

const UNITS: [(&str, GeoUnit); 4] =
    [("m", GeoUnit::Meters), ("km", GeoUnit::Kilometers), ("ft", GeoUnit::Feet), ("mi", GeoUnit::Miles)];

impl Commands for Geo {
    fn data_type(&self) -> Option<DataType> {
        Some(DataType::SortedSet)
    }

    fn draw(&self, draw: &mut Draw) -> Command {
        let key = draw.key();
        let named = |name| Command::new(name).arg(key);
        match draw.below(100) {
            0..=29 => draw_add(draw, named("GEOADD")),
            30..=34 => named("GEOPOS").args(draw.members()),
            35..=39 => named("GEOHASH").args(draw.members()),
            40..=49 => {
                let command = named("GEODIST").arg(draw.member()).arg(draw.member());
                if draw.once_in(3) { command } else { command.arg(unit(draw)) }
            }
            50..=51 => named("ZREM").args(draw.members()),
            52..=53 => named("ZADD").int(draw.within(0..1 << 53)).arg(draw.member()),
            _ => search::draw(draw, key),
        }
    }

    both_sides!(handlers);
}

/// How each command is done and compared.
fn handlers<S: Writable>() -> Vec<Handler<S>> {
    let mut handlers = vec![
        Handler::mirrored("GEOADD", add, BORN),
        Handler::exact("GEOPOS", |place, command| {
            let found = place.db().geo().positions(command.key(), &command.args[1..])?;
            let shown = |found: Option<GeoPosition>| found.map_or(Reply::Array(None), coordinates);
            Ok(Reply::Array(Some(found.into_iter().map(shown).collect())))
        }),
        Handler::exact("GEOHASH", |place, command| {
            let found = place.db().geo().hashes(command.key(), &command.args[1..])?;
            Ok(Reply::Array(Some(found.into_iter().map(|hash| hash.map_or(Reply::nil(), Reply::bytes)).collect())))
        }),
        Handler::exact("GEODIST", |place, command| {
            let unit = command.args.get(3).map_or(GeoUnit::Meters, |word| unit_of(word));
            let apart = place.db().geo().distance(command.key(), &command.args[1], &command.args[2], unit)?;
            Ok(apart.map_or(Reply::nil(), distance))
        }),
    ];
    handlers.extend(search::handlers());
    handlers
}

fn draw_add(draw: &mut Draw, command: Command) -> Command {
    let flags = [draw.pick(&["", "", "", "NX", "XX"]), draw.pick(&["", "CH"])];
    let command = command.args(flags.iter().filter(|flag| !flag.is_empty()));
    // Many members near each other, or all over the world; at times all at one place.
    let is_crowd = draw.once_in(100);
    let near = (!is_crowd && !draw.once_in(4)).then(|| draw.pick(&CENTRES));
    let scale = draw.pick(&[0.0, 0.00001, 0.001, 0.1, 3.0]);
    // Along a meridian, too, where Redis takes another formula.
    let to_the_side = if draw.once_in(4) { 0.0 } else { scale };
    let members = if is_crowd { (0..CROWD).map(|n| format!("n{n}").into_bytes()).collect() } else { draw.members() };
    members.into_iter().fold(command, |command, member| {
        let (longitude, latitude) = match near {
            Some(centre) => (beside(draw, centre.0, to_the_side, 180.0), beside(draw, centre.1, scale, 85.051_128_78)),
            None => anywhere(draw),
        };
        let command = if !is_crowd && draw.once_in(400) {
            command.arg(draw.pick(&["nan", "inf", "180.1", "-181"])).arg(draw.pick(&["85.06", "nan", "1"]))
        } else {
            command.arg(longitude.to_string()).arg(latitude.to_string())
        };
        command.arg(member)
    })
}

/// A number up to `scale` away from `middle`, and not beyond `most`.
fn beside(draw: &mut Draw, middle: f64, scale: f64, most: f64) -> f64 {
    (middle + scale * draw.within(-1000..1000) as f64 / 1000.0).clamp(-most, most)
}

fn anywhere(draw: &mut Draw) -> (f64, f64) {
    if draw.once_in(3) {
        return draw.pick(&CENTRES);
    }
    (draw.within(-180_000..180_000) as f64 / 1000.0, draw.within(-85_051..85_051) as f64 / 1000.0)
}

fn unit(draw: &mut Draw) -> &'static str {
    draw.pick(&UNITS).0
}

fn unit_of(word: &[u8]) -> GeoUnit {
    UNITS.iter().find(|(name, _)| name.as_bytes() == word).expect("drawn as a unit").1
}

fn number(text: &[u8]) -> f64 {
    std::str::from_utf8(text).unwrap().parse().unwrap()
}

fn position(longitude: &[u8], latitude: &[u8]) -> GeoPosition {
    GeoPosition::new(number(longitude), number(latitude))
}

/// Four decimals.
fn distance(distance: f64) -> Reply {
    Reply::bytes(format!("{distance:.4}"))
}

fn coordinates(position: GeoPosition) -> Reply {
    Reply::list([position.longitude, position.latitude].map(|degrees| {
        let text = format!("{degrees:.17}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        if text == "-0" { "0".to_owned() } else { text.to_owned() }
    }))
}

fn add<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let flags = command.args[1..].iter().take_while(|arg| [&b"NX"[..], b"XX", b"CH"].contains(&arg.as_slice())).count();
    let flags = &command.args[1..=flags];
    let has = |flag: &str| flags.iter().any(|found| found == flag.as_bytes());
    let mut options = ZAddOptions::new();
    options = if has("NX") { options.if_absent() } else { options };
    options = if has("XX") { options.if_present() } else { options };
    let places: Vec<(&Vec<u8>, GeoPosition)> =
        command.args[1 + flags.len()..].chunks(3).map(|place| (&place[2], position(&place[0], &place[1]))).collect();
    let done = born(place, command.key(), |birth| {
        let done = place.db().geo().add_with(command.key(), places.iter().copied(), options.create(birth))?;
        Ok(Reply::int(if has("CH") { done.added + done.updated } else { done.added }))
    });
    positioned(done, places.iter().map(|(_, position)| *position))
}

/// Redis' words where one of these is no place.
fn positioned(
    done: windrow::Result<Reply>,
    mut positions: impl Iterator<Item = GeoPosition>,
) -> windrow::Result<Reply> {
    match done {
        Err(error) if matches!(error.kind(), ErrorKind::OutOfRange | ErrorKind::NotANumber) => {
            let is_wrong = |position: &GeoPosition| {
                !(position.longitude.abs() <= 180.0 && position.latitude.abs() <= 85.051_128_78)
            };
            let Some(GeoPosition { longitude, latitude, .. }) = positions.find(is_wrong) else {
                return Err(error);
            };
            Ok(Reply::Error(if longitude.is_nan() || latitude.is_nan() {
                "ERR value is not a valid float".to_owned()
            } else {
                format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}")
            }))
        }
        done => done,
    }
}
