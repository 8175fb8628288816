//! Searches, of the new commands and of the old ones, read and stored.
//!
//! Uses the public API of places. Invariant: a search of windrow and one of Redis find the same places, but for a choice among
//! places that are equally far from the middle.

use windrow::{ErrorKind, GeoFound, GeoPosition, GeoSearch, Writable};

use super::{anywhere, coordinates, distance, number, position, positioned, unit, unit_of};
use crate::command::{Command, Handler, Mirror, Place};
use crate::draw::Draw;
use crate::resp::Reply;

const RADII: [f64; 14] =
    [0.0, 0.3, 1.0, 1.0, 10.0, 100.0, 170.0, 500.0, 3000.0, 20_000.0, 300_000.0, 2_000_000.0, 15_000_000.0, 1e9];

pub(super) fn draw(draw: &mut Draw, key: &[u8]) -> Command {
    match draw.below(10) {
        0..=4 => {
            let command = around(draw, Command::new("GEOSEARCH").arg(key));
            showing(draw, command)
        }
        5..=6 => {
            let destination = draw.key();
            let command = around(draw, Command::new("GEOSEARCHSTORE").arg(destination).arg(key));
            if draw.once_in(2) { command.arg("STOREDIST") } else { command }
        }
        7..=8 => {
            let (longitude, latitude) = anywhere(draw);
            let command = Command::new("GEORADIUS").arg(key).arg(longitude.to_string()).arg(latitude.to_string());
            old(draw, command)
        }
        _ => {
            let command = Command::new("GEORADIUSBYMEMBER").arg(key).arg(draw.member());
            old(draw, command)
        }
    }
}

/// The middle, the shape, the order and the count of a search.
fn around(draw: &mut Draw, command: Command) -> Command {
    let command = match draw.below(40) {
        0 => command.arg("FROMLONLAT").arg(draw.pick(&["nan", "190", "10"])).arg(draw.pick(&["86", "nan"])),
        1..=24 => command.arg("FROMMEMBER").arg(draw.member()),
        _ => {
            let (longitude, latitude) = anywhere(draw);
            command.arg("FROMLONLAT").arg(longitude.to_string()).arg(latitude.to_string())
        }
    };
    let command = if draw.once_in(2) {
        command.arg("BYRADIUS").arg(length(draw))
    } else {
        command.arg("BYBOX").arg(length(draw)).arg(length(draw))
    };
    let command = command.arg(unit(draw));
    limited(draw, command)
}

fn length(draw: &mut Draw) -> String {
    if draw.once_in(100) {
        return "-1".to_owned();
    }
    let length = draw.pick(&RADII);
    if draw.once_in(2) { length.to_string() } else { (length * draw.within(1..1000) as f64 / 700.0).to_string() }
}

fn limited(draw: &mut Draw, command: Command) -> Command {
    let command = match draw.below(3) {
        0 => command,
        _ => command.arg(draw.pick(&["ASC", "DESC"])),
    };
    if draw.once_in(2) {
        return command;
    }
    let count = if draw.once_in(40) { 0 } else { draw.count().max(1) };
    let command = command.arg("COUNT").int(count);
    if draw.once_in(3) { command.arg("ANY") } else { command }
}

fn showing(draw: &mut Draw, command: Command) -> Command {
    let words = ["WITHDIST", "WITHHASH", "WITHCOORD"];
    words.into_iter().fold(command, |command, word| if draw.once_in(2) { command.arg(word) } else { command })
}

/// What an old command has behind its middle. WHY no lengths below zero: around a member of a missing key Redis does not look
/// at them.
fn old(draw: &mut Draw, command: Command) -> Command {
    let command = command.arg(length(draw).trim_start_matches('-')).arg(unit(draw));
    let command = limited(draw, command);
    match draw.below(4) {
        0 => command.arg("STORE").arg(draw.key()),
        1 => command.arg("STOREDIST").arg(draw.key()),
        _ => showing(draw, command),
    }
}

pub(super) fn handlers<S: Writable>() -> Vec<Handler<S>> {
    ["GEOSEARCH", "GEOSEARCHSTORE", "GEORADIUS", "GEORADIUSBYMEMBER"]
        .map(|name| Handler::mirrored(name, run, SEARCH))
        .into()
}

/// What a command asks for.
struct Asked<'c> {
    source: &'c [u8],
    search: GeoSearch<'c>,
    position: Option<GeoPosition>,
    /// The key to store in, and whether distances are stored.
    destination: Option<(&'c [u8], bool)>,
    /// Where the words begin that say what is shown.
    behind: usize,
}

fn asked(command: &Command) -> Asked<'_> {
    let args = &command.args;
    let mut destination = None;
    let (source, at, position, shape) = match command.name {
        "GEORADIUS" => (0, 5, Some(position(&args[1], &args[2])), 3),
        "GEORADIUSBYMEMBER" => (0, 4, None, 2),
        name => {
            let source = usize::from(name == "GEOSEARCHSTORE");
            if source == 1 {
                destination = Some((args[0].as_slice(), command.has(2, "STOREDIST")));
            }
            let is_position = args[source + 1] == b"FROMLONLAT";
            let by = if is_position { source + 4 } else { source + 3 };
            let position = is_position.then(|| position(&args[source + 2], &args[source + 3]));
            (source, by + 3 + usize::from(args[by] == b"BYBOX"), position, by + 1)
        }
    };
    let unit = unit_of(&args[at - 1]);
    let member = &args[if command.name == "GEORADIUSBYMEMBER" { 1 } else { source + 2 }];
    let from = position.map_or_else(|| member.as_slice().into(), windrow::GeoFrom::Position);
    let mut search = match at - shape {
        2 => GeoSearch::circle(from, number(&args[shape]), unit),
        _ => GeoSearch::rectangle(from, number(&args[shape]), number(&args[shape + 1]), unit),
    };
    search = if command.has(at, "ASC") { search.nearest_first() } else { search };
    search = if command.has(at, "DESC") { search.farthest_first() } else { search };
    if let Some(count) = command.number_after(at, "COUNT") {
        search = if command.has(at, "ANY") { search.any(count) } else { search.count(count) };
    }
    for (word, distances) in [("STORE", false), ("STOREDIST", true)] {
        if let Some(place) = args[at..].iter().position(|arg| arg == word.as_bytes())
            && command.name.starts_with("GEORADIUS")
        {
            destination = Some((args[at + place + 1].as_slice(), distances));
        }
    }
    Asked { source: &args[source], search, position, destination, behind: at }
}

fn run<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let asked = asked(command);
    match positioned(try_run(place, command, &asked), asked.position.into_iter()) {
        Err(error) if error.kind() == ErrorKind::NoSuchMember => {
            Ok(Reply::Error("ERR could not decode requested zset member".to_owned()))
        }
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(Reply::Error(format!("ERR {error}"))),
        done => done,
    }
}

/// The reply; then, for each place, its distance as bits, if places are in an order at all; then the places of the last distance,
/// if only some of them were wanted; then what was stored of such a choice.
fn try_run<S: Writable>(place: &Place<'_, S>, command: &Command, asked: &Asked<'_>) -> windrow::Result<Reply> {
    let db = place.db();
    let geo = db.geo();
    let found = geo.search(asked.source, asked.search)?;
    let has_any = command.has(asked.behind, "ANY");
    let is_cut = command.has(asked.behind, "COUNT") && !has_any;
    let is_ordered = is_cut || command.has(asked.behind, "ASC") || command.has(asked.behind, "DESC");
    let mut rivals: Vec<GeoFound> = Vec::new();
    if is_cut && let Some(last) = found.last() {
        let all = geo.search(asked.source, asked.search.count(u64::MAX))?;
        rivals = all.into_iter().filter(|rival| rival.distance == last.distance).collect();
        if found.ends_with(&rivals) {
            rivals.clear();
        }
    }
    let mut stored = Vec::new();
    let reply = match asked.destination {
        None => Reply::Array(Some(found.iter().map(|found| shown(command, asked, found)).collect())),
        Some((destination, distances)) => {
            let count = match distances {
                true => geo.search_store_distances(destination, asked.source, asked.search)?,
                false => geo.search_store(destination, asked.source, asked.search)?,
            };
            if !rivals.is_empty() {
                let score = |found: &GeoFound| if distances { found.distance } else { found.score };
                stored.push(Reply::bytes(destination));
                stored.extend(
                    found
                        .iter()
                        .flat_map(|found| [Reply::bytes(score(found).to_string()), Reply::bytes(&found.member)]),
                );
            }
            Reply::int(count)
        }
    };
    let distances = found.iter().filter(|_| is_ordered).map(|found| Reply::Int(found.distance.to_bits() as i64));
    let rivals = rivals.iter().map(|rival| shown(command, asked, rival)).collect();
    let parts = [distances.collect(), rivals, stored].map(|part| Reply::Array(Some(part)));
    Ok(Reply::Array(Some([reply].into_iter().chain(parts).collect())))
}

fn shown(command: &Command, asked: &Asked<'_>, found: &GeoFound) -> Reply {
    let has = |word| command.has(asked.behind, word);
    let mut parts = vec![Reply::bytes(&found.member)];
    if has("WITHDIST") {
        parts.push(distance(found.distance));
    }
    if has("WITHHASH") {
        parts.push(Reply::Int(found.score as i64));
    }
    if has("WITHCOORD") {
        parts.push(coordinates(found.position));
    }
    if parts.len() == 1 { parts.remove(0) } else { Reply::Array(Some(parts)) }
}

/// Takes apart what [`try_run`] made; an error stands alone.
fn parts(ours: &Reply) -> Option<[&[Reply]; 4]> {
    let Reply::Array(Some(parts)) = ours else {
        return None;
    };
    let reply = match &parts[0] {
        Reply::Array(Some(items)) => items.as_slice(),
        other => std::slice::from_ref(other),
    };
    Some([reply, list(&parts[1]), list(&parts[2]), list(&parts[3])])
}

fn list(reply: &Reply) -> &[Reply] {
    match reply {
        Reply::Array(Some(items)) => items,
        other => panic!("no list: {other}"),
    }
}

const SEARCH: Mirror = Mirror {
    commands: |command, ours| {
        let mut commands = vec![command.clone()];
        if let Some([.., [Reply::Bulk(Some(destination)), stored @ ..]]) = parts(ours) {
            commands.push(Command::new("DEL").arg(destination).silently());
            let stored = Reply::Array(Some(stored.to_vec())).items();
            commands.push(Command::new("ZADD").arg(destination).args(stored).silently());
        }
        commands
    },
    is_legal: |_, ours, replies| {
        let Some([mine, distances, rivals, _]) = parts(ours) else {
            return *ours == replies[0];
        };
        match &replies[0] {
            Reply::Array(Some(theirs)) => is_same_order(mine, theirs, distances, rivals),
            theirs => mine == std::slice::from_ref(theirs),
        }
    },
};

/// Whether two lists are equal, but for the order of places that are equally far, and for the choice among the last.
fn is_same_order(mine: &[Reply], theirs: &[Reply], distances: &[Reply], rivals: &[Reply]) -> bool {
    if mine.len() != theirs.len() || distances.is_empty() {
        return mine == theirs;
    }
    let mut at = 0;
    distances.chunk_by(PartialEq::eq).all(|group| {
        let end = at + group.len();
        let sorted = |list: &[Reply]| {
            let mut list = list[at..end].to_vec();
            list.sort();
            list
        };
        let (ours, theirs) = (sorted(mine), sorted(theirs));
        at = end;
        if end == distances.len() && !rivals.is_empty() {
            let is_once = theirs.windows(2).all(|pair| pair[0] != pair[1]);
            return is_once && theirs.iter().all(|one| rivals.contains(one));
        }
        ours == theirs
    })
}
