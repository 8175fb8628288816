//! Searches for places, by the new commands and the old ones.
//!
//! May use the operations on places. Invariant: as in `strings`.

use bytes::Bytes;

use super::arguments::{Words, double, is, option};
use super::geo::{coordinates, distance, position, unit};
use super::refusal::{Refusal, SYNTAX, instead};
use super::{Answer, Call, Command, keyed, row};
use crate::resp::Frame;
use crate::{DataType, ErrorKind, GeoFound, GeoFrom, GeoSearch, GeoUnit, Source, Writable};

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("geosearch", -7, "readonly", [1, 1, 1], ("geo", "6.2.0"), keyed!(geosearch),
        "Query a sorted set representing a geospatial index to fetch members inside an area of a box or a circle."),
    row("geosearchstore", -8, "write denyoom", [1, 2, 1], ("geo", "6.2.0"), keyed!(geosearchstore),
        "Query a sorted set representing a geospatial index to fetch members inside an area of a box or a circle, and store the \
         result in another key."),
    row("georadius", -6, "write denyoom movablekeys", [1, 1, 1], ("geo", "3.2.0"), keyed!(georadius),
        "Query a sorted set representing a geospatial index to fetch members matching a given maximum distance from a point"),
    row("georadius_ro", -6, "readonly", [1, 1, 1], ("geo", "3.2.10"), keyed!(georadius_ro),
        "A read-only variant for GEORADIUS"),
    row("georadiusbymember", -5, "write denyoom movablekeys", [1, 1, 1], ("geo", "3.2.0"), keyed!(georadiusbymember),
        "Query a sorted set representing a geospatial index to fetch members matching a given maximum distance from a member"),
    row("georadiusbymember_ro", -5, "readonly", [1, 1, 1], ("geo", "3.2.10"), keyed!(georadiusbymember_ro),
        "A read-only variant for GEORADIUSBYMEMBER"),
];

/// What a search looks for, as far as it was read.
#[derive(Default)]
struct Asked<'a> {
    from: Option<GeoFrom<'a>>,
    shape: Option<Shape>,
    descending: Option<bool>,
    count: Option<u64>,
    any: bool,
    with_distance: bool,
    with_hash: bool,
    with_coordinates: bool,
    destination: Option<&'a Bytes>,
    stores_distances: bool,
}

#[derive(Clone, Copy)]
enum Shape {
    Circle(f64, GeoUnit),
    Rectangle(f64, f64, GeoUnit),
}

/// Which words a command knows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Search,
    SearchStore,
    Radius,
    RadiusReadOnly,
}

/// A length that is not below zero.
fn length(word: &[u8], what: &str) -> Result<f64, Refusal> {
    let number = double(word).map_err(|_| Refusal::new(format!("ERR need numeric {what}")))?;
    if number < 0.0 { Err(Refusal::new(format!("ERR {what} cannot be negative"))) } else { Ok(number) }
}

impl<'a> Asked<'a> {
    /// Reads options until there are no more.
    fn read(&mut self, words: &mut Words<'a>, form: Form, command: &Command) -> Result<(), Refusal> {
        let is_search = matches!(form, Form::Search | Form::SearchStore);
        while let Some(word) = words.next() {
            let left = words.rest.len();
            match option(word).as_slice() {
                b"WITHDIST" => self.with_distance = true,
                b"WITHHASH" => self.with_hash = true,
                b"WITHCOORD" => self.with_coordinates = true,
                b"ANY" => self.any = true,
                b"ASC" => self.descending = Some(false),
                b"DESC" => self.descending = Some(true),
                b"COUNT" if left >= 1 => {
                    let count = u64::try_from(words.integer()?).ok().filter(|count| *count > 0);
                    self.count = Some(count.ok_or(Refusal::of("ERR COUNT must be > 0"))?);
                }
                b"STORE" if form == Form::Radius && left >= 1 => {
                    self.destination = words.next();
                    self.stores_distances = false;
                }
                b"STOREDIST" if form == Form::Radius && left >= 1 => {
                    self.destination = words.next();
                    self.stores_distances = true;
                }
                b"STOREDIST" if form == Form::SearchStore => self.stores_distances = true,
                name if is_search => self.read_search(name, words)?,
                _ => return Err(SYNTAX),
            }
        }
        self.check(form, command)
    }

    /// Reads the words that only the new commands know.
    fn read_search(&mut self, name: &[u8], words: &mut Words<'a>) -> Result<(), Refusal> {
        match (name, words.rest.len()) {
            (b"FROMMEMBER", 1..) if self.from.is_none() => {
                self.from = Some(GeoFrom::Member(words.wanted()?));
            }
            (b"FROMLONLAT", 2..) if self.from.is_none() => {
                self.from = Some(GeoFrom::Position(position(words.wanted()?, words.wanted()?)?));
            }
            (b"BYRADIUS", 2..) if self.shape.is_none() => {
                let radius = length(words.wanted()?, "radius")?;
                self.shape = Some(Shape::Circle(radius, unit(words.wanted()?)?));
            }
            (b"BYBOX", 3..) if self.shape.is_none() => {
                let [width, height] = [words.wanted()?, words.wanted()?];
                let number =
                    |word: &[u8], what| double(word).map_err(|_| Refusal::new(format!("ERR need numeric {what}")));
                let (width, height) = (number(width, "width")?, number(height, "height")?);
                if width < 0.0 || height < 0.0 {
                    return Err(Refusal::of("ERR height or width cannot be negative"));
                }
                self.shape = Some(Shape::Rectangle(width, height, unit(words.wanted()?)?));
            }
            _ => return Err(SYNTAX),
        }
        Ok(())
    }

    fn check(&self, form: Form, command: &Command) -> Result<(), Refusal> {
        let shows = self.with_distance || self.with_hash || self.with_coordinates;
        let stores = form == Form::SearchStore || self.destination.is_some();
        if stores && shows {
            let what = if form == Form::SearchStore { "GEOSEARCHSTORE" } else { "STORE option in GEORADIUS" };
            return Err(Refusal::new(format!(
                "ERR {what} is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            )));
        }
        if self.from.is_none() {
            let words = "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for";
            return Err(Refusal::new(format!("{words} {}", command.name)));
        }
        if self.shape.is_none() {
            let words = "ERR exactly one of BYRADIUS and BYBOX can be specified for";
            return Err(Refusal::new(format!("{words} {}", command.name)));
        }
        if self.any && self.count.is_none() {
            return Err(Refusal::of("ERR the ANY argument requires COUNT argument"));
        }
        Ok(())
    }

    fn search(&self) -> Result<GeoSearch<'a>, Refusal> {
        let from = self.from.ok_or(SYNTAX)?;
        let mut search = match self.shape.ok_or(SYNTAX)? {
            Shape::Circle(radius, unit) => GeoSearch::circle(from, radius, unit),
            Shape::Rectangle(width, height, unit) => GeoSearch::rectangle(from, width, height, unit),
        };
        search = match self.descending {
            Some(false) => search.nearest_first(),
            Some(true) => search.farthest_first(),
            None => search,
        };
        Ok(match (self.count, self.any) {
            (Some(count), true) => search.any(count),
            (Some(count), false) => search.count(count),
            (None, _) => search,
        })
    }

    fn shown(&self, found: GeoFound) -> Frame {
        let mut parts = vec![Frame::Bulk(found.member)];
        if self.with_distance {
            parts.push(distance(found.distance));
        }
        if self.with_hash {
            #[expect(clippy::cast_possible_truncation, reason = "a geohash has 52 bits, which an f64 holds exactly")]
            parts.push(Frame::Integer(found.score as i64));
        }
        if self.with_coordinates {
            parts.push(coordinates(found.position));
        }
        match (parts.len(), parts.pop()) {
            (1, Some(member)) => member,
            (_, last) => Frame::Array(parts.into_iter().chain(last).collect()),
        }
    }
}

const NO_MEMBER: &str = "ERR could not decode requested zset member";

fn found<S: Source>(call: &Call<'_, S>, source: &[u8], asked: &Asked<'_>) -> Answer {
    let found = call.db.geo().search(source, asked.search()?).map_err(instead(ErrorKind::NoSuchMember, NO_MEMBER))?;
    Ok(Frame::Array(found.into_iter().map(|found| asked.shown(found)).collect()))
}

fn stored<S: Writable>(call: &Call<'_, S>, destination: &[u8], source: &[u8], asked: &Asked<'_>) -> Answer {
    let (geo, search) = (call.db.geo(), asked.search()?);
    let count = match asked.stores_distances {
        true => geo.search_store_distances(destination, source, search),
        false => geo.search_store(destination, source, search),
    };
    Ok(Frame::count(count.map_err(instead(ErrorKind::NoSuchMember, NO_MEMBER))?))
}

fn geosearch<S: Source>(call: &Call<'_, S>) -> Answer {
    let mut asked = Asked::default();
    let read = asked.read(&mut call.words(1), Form::Search, call.command);
    read.map_err(|refusal| source_first(call, 0, &asked, refusal))?;
    found(call, call.arg(0)?, &asked)
}

fn geosearchstore<S: Writable>(call: &Call<'_, S>) -> Answer {
    let mut asked = Asked::default();
    let read = asked.read(&mut call.words(2), Form::SearchStore, call.command);
    read.map_err(|refusal| source_first(call, 1, &asked, refusal))?;
    stored(call, call.arg(0)?, call.arg(1)?, &asked)
}

/// Redis looks at the source before it reads anything else, and for the member in the middle when it reads of it.
fn source_first<S: Source>(call: &Call<'_, S>, place: usize, asked: &Asked<'_>, refusal: Refusal) -> Refusal {
    let refusal = call.keys_first(call.args.get(place), &[DataType::SortedSet], refusal);
    let (Some(source), Some(GeoFrom::Member(member))) = (call.args.get(place), asked.from) else {
        return refusal;
    };
    let is_set = matches!(call.db.data_type(source), Ok(Some(DataType::SortedSet)));
    let is_missing = is_set && matches!(call.db.zsets().score(source, member), Ok(None));
    if is_missing { Refusal::of(NO_MEMBER) } else { refusal }
}

/// Reads an old command.
fn radius<'a, S: Source>(call: &Call<'a, S>, by_member: bool, form: Form) -> Result<Asked<'a>, Refusal> {
    let mut asked = Asked::default();
    match read_radius(&mut asked, call, by_member, form) {
        Ok(()) => Ok(asked),
        Err(refusal) => Err(source_first(call, 0, &asked, refusal)),
    }
}

/// The middle is a place, or a member.
fn read_radius<'a, S: Source>(
    asked: &mut Asked<'a>,
    call: &Call<'a, S>,
    by_member: bool,
    form: Form,
) -> Result<(), Refusal> {
    let at = if by_member {
        asked.from = Some(GeoFrom::Member(call.arg(1)?));
        2
    } else {
        asked.from = Some(GeoFrom::Position(position(call.arg(1)?, call.arg(2)?)?));
        3
    };
    let circle = |radius: &[u8], word: &[u8]| -> Result<Shape, Refusal> {
        Ok(Shape::Circle(length(radius, "radius")?, unit(word)?))
    };
    asked.shape = Some(match circle(call.arg(at)?, call.arg(at + 1)?) {
        // Around a member of a set that is not there, Redis does not look how far.
        Err(_) if by_member && call.db.data_type(call.arg(0)?)?.is_none() => Shape::Circle(0.0, GeoUnit::Meters),
        circle => circle?,
    });
    asked.read(&mut call.words(at + 2), form, call.command)
}

fn radius_or_store<S: Writable>(call: &Call<'_, S>, by_member: bool) -> Answer {
    let asked = radius(call, by_member, Form::Radius)?;
    match asked.destination {
        Some(destination) => stored(call, destination, call.arg(0)?, &asked),
        None => found(call, call.arg(0)?, &asked),
    }
}

fn georadius<S: Writable>(call: &Call<'_, S>) -> Answer {
    radius_or_store(call, false)
}

fn georadiusbymember<S: Writable>(call: &Call<'_, S>) -> Answer {
    radius_or_store(call, true)
}

fn georadius_ro<S: Source>(call: &Call<'_, S>) -> Answer {
    found(call, call.arg(0)?, &radius(call, false, Form::RadiusReadOnly)?)
}

fn georadiusbymember_ro<S: Source>(call: &Call<'_, S>) -> Answer {
    found(call, call.arg(0)?, &radius(call, true, Form::RadiusReadOnly)?)
}

/// Where the destination of an old command stands, among its words. The last one counts.
pub(super) fn destination(args: &[Bytes]) -> Option<&Bytes> {
    let place = args.iter().rposition(|word| is(word, "STORE") || is(word, "STOREDIST"))?;
    args.get(place + 1)
}
