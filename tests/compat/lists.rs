//! The commands on lists.
//!
//! Uses the public API of lists. Invariant: what a command cannot say to the API is not drawn.

use windrow::{DataType, Db, ErrorKind, ListEnd, PositionOptions, Source, Writable};

use crate::births::{BORN, born};
use crate::command::{Command, Commands, Handler, Place, both_sides, counted};
use crate::draw::Draw;
use crate::resp::Reply;

pub(crate) struct Lists;

impl Commands for Lists {
    fn data_type(&self) -> Option<DataType> {
        Some(DataType::List)
    }

    fn draw(&self, draw: &mut Draw) -> Command {
        let key = draw.key();
        let named = |name| Command::new(name).arg(key);
        match draw.below(100) {
            0..=13 => named("RPUSH").args(items(draw)),
            14..=26 => named("LPUSH").args(items(draw)),
            27..=30 => named(draw.pick(&["LPUSHX", "RPUSHX"])).args(items(draw)),
            31..=37 => named(draw.pick(&["LPOP", "RPOP"])),
            38..=42 => named(draw.pick(&["LPOP", "RPOP"])).int(draw.count()),
            43..=45 => named("LLEN"),
            46..=50 => named("LINDEX").int(draw.index()),
            51..=57 => named("LRANGE").int(draw.index()).int(draw.index()),
            58..=62 => named("LSET").int(draw.index()).arg(item(draw)),
            63..=68 => named("LINSERT").arg(draw.pick(&["BEFORE", "AFTER"])).arg(draw.member()).arg(item(draw)),
            69..=74 => named("LREM").int(draw.within(-3..4)).arg(draw.member()),
            75..=79 => trim(draw, key),
            80..=87 => position(draw, key),
            88..=92 => named("LMOVE").arg(draw.key()).arg(draw.pick(&ENDS)).arg(draw.pick(&ENDS)),
            93..=95 => named("RPOPLPUSH").arg(draw.key()),
            _ => pop_first(draw),
        }
    }

    both_sides!(handlers);
}

/// How each command is done and compared.
fn handlers<S: Writable>() -> Vec<Handler<S>> {
    vec![
        Handler::mirrored("RPUSH", |place, command| push(place, command, ListEnd::Right), BORN),
        Handler::mirrored("LPUSH", |place, command| push(place, command, ListEnd::Left), BORN),
        Handler::exact("RPUSHX", |place, command| push_existing(place, command, ListEnd::Right)),
        Handler::exact("LPUSHX", |place, command| push_existing(place, command, ListEnd::Left)),
        Handler::exact("LPOP", |place, command| pop(place, command, ListEnd::Left)),
        Handler::exact("RPOP", |place, command| pop(place, command, ListEnd::Right)),
        Handler::exact("LLEN", |place, command| Ok(Reply::int(place.db().lists().len(command.key())?))),
        Handler::exact("LINDEX", |place, command| {
            Ok(Reply::Bulk(place.db().lists().index(command.key(), command.number(1))?))
        }),
        Handler::exact("LRANGE", run_range),
        Handler::exact("LSET", |place, command| {
            place.db().lists().set(command.key(), command.number(1), &command.args[2]).map(|()| Reply::ok())
        }),
        Handler::exact("LINSERT", run_insert),
        Handler::exact("LREM", |place, command| {
            Ok(Reply::int(place.db().lists().remove(command.key(), command.number(1), &command.args[2])?))
        }),
        Handler::exact("LTRIM", |place, command| {
            let (start, stop) = (command.number(1), command.number(2));
            place.db().lists().trim(command.key(), start, stop).map(|()| Reply::ok())
        }),
        Handler::exact("LPOS", run_position),
        Handler::exact("LMOVE", |place, command| {
            let ends = (end_of(&command.args[2]), end_of(&command.args[3]));
            Ok(Reply::Bulk(place.db().lists().move_item(command.key(), &command.args[1], ends.0, ends.1)?))
        }),
        Handler::exact("RPOPLPUSH", |place, command| {
            let (from, to) = (command.key(), &command.args[1]);
            Ok(Reply::Bulk(place.db().lists().move_item(from, to, ListEnd::Right, ListEnd::Left)?))
        }),
        Handler::exact("LMPOP", |place, command| counted(run_pop_first(place, command))),
    ]
}

/// Redis' words for the ends.
const ENDS: [&str; 2] = ["LEFT", "RIGHT"];

fn end_of(word: &[u8]) -> ListEnd {
    if word == b"LEFT" { ListEnd::Left } else { ListEnd::Right }
}

/// All items of a list.
pub(crate) fn whole<S: Source>(db: &Db<S>, key: &[u8]) -> windrow::Result<Reply> {
    Ok(Reply::list(db.lists().range(key, 0, -1)?.collect::<windrow::Result<Vec<_>>>()?))
}

/// Mostly short, at times as long as any string.
fn item(draw: &mut Draw) -> Vec<u8> {
    if draw.once_in(20) { draw.value() } else { draw.member() }
}

fn items(draw: &mut Draw) -> Vec<Vec<u8>> {
    if draw.once_in(10) { vec![item(draw)] } else { draw.members() }
}

/// Mostly takes little from the ends, at times nearly everything.
fn trim(draw: &mut Draw, key: &[u8]) -> Command {
    let (start, stop) =
        if draw.once_in(3) { (draw.index(), draw.index()) } else { (draw.within(0..3), draw.within(-4..0)) };
    Command::new("LTRIM").arg(key).int(start).int(stop)
}

fn position(draw: &mut Draw, key: &[u8]) -> Command {
    let mut command = Command::new("LPOS").arg(key).arg(draw.member());
    if draw.once_in(2) {
        // Redis refuses a rank of zero.
        let rank = if draw.once_in(12) { 0 } else { draw.within(1..4) };
        command = command.arg("RANK").int(if draw.once_in(2) { -rank } else { rank });
    }
    if draw.once_in(2) {
        command = command.arg("COUNT").int(draw.count());
    }
    if draw.once_in(3) { command.arg("MAXLEN").int(draw.count()) } else { command }
}

fn pop_first(draw: &mut Draw) -> Command {
    let keys = draw.keys();
    let command = Command::new("LMPOP").int(keys.len()).args(keys).arg(draw.pick(&ENDS));
    // Redis refuses a count of zero.
    if draw.once_in(2) { command.arg("COUNT").int(draw.count()) } else { command }
}

fn push<S: Writable>(place: &Place<'_, S>, command: &Command, end: ListEnd) -> windrow::Result<Reply> {
    let (db, key, items) = (place.db(), command.key(), &command.args[1..]);
    if fastrand::u8(..4) > 0 {
        return born(place, key, |birth| Ok(Reply::int(db.lists().push_with(key, end, items, birth)?)));
    }
    let length = match end {
        ListEnd::Left => db.lists().push_left(key, items)?,
        ListEnd::Right => db.lists().push_right(key, items)?,
    };
    Ok(Reply::int(length))
}

fn push_existing<S: Writable>(place: &Place<'_, S>, command: &Command, end: ListEnd) -> windrow::Result<Reply> {
    Ok(Reply::int(place.db().lists().push_existing(command.key(), end, &command.args[1..])?))
}

fn pop<S: Writable>(place: &Place<'_, S>, command: &Command, end: ListEnd) -> windrow::Result<Reply> {
    let (db, key) = (place.db(), command.key());
    if command.args.len() == 1 {
        return Ok(Reply::Bulk(match end {
            ListEnd::Left => db.lists().pop_left(key)?,
            ListEnd::Right => db.lists().pop_right(key)?,
        }));
    }
    Ok(db.lists().pop(key, end, command.number(1))?.map_or(Reply::Array(None), Reply::list))
}

/// Walks from the left or from the right: both must see the same.
fn run_range<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let (db, key) = (place.db(), command.key());
    let (start, stop) = (command.number(1), command.number(2));
    let backwards = fastrand::bool();
    let walk = if backwards { db.lists().range_back(key, start, stop)? } else { db.lists().range(key, start, stop)? };
    let mut items = walk.collect::<windrow::Result<Vec<_>>>()?;
    if backwards {
        items.reverse();
    }
    Ok(Reply::list(items))
}

fn run_insert<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let (db, key) = (place.db(), command.key());
    let (pivot, item) = (&command.args[2], &command.args[3]);
    let length = match command.args[1].as_slice() {
        b"BEFORE" => db.lists().insert_before(key, pivot, item)?,
        _ => db.lists().insert_after(key, pivot, item)?,
    };
    Ok(length.map_or(Reply::Int(-1), Reply::int))
}

/// Redis' words for a rank that it refuses.
const RANK_OF_ZERO: &str = "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use \
                            negative to start from the end of the list";

fn run_position<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let (db, key, item) = (place.db(), command.key(), &command.args[1]);
    if command.args.len() == 2 {
        return Ok(db.lists().position(key, item)?.map_or(Reply::nil(), Reply::int));
    }
    let count: Option<u64> = command.number_after(2, "COUNT");
    let mut options = PositionOptions::new().count(count.unwrap_or(1));
    if let Some(rank) = command.number_after(2, "RANK") {
        options = options.rank(rank);
    }
    if let Some(most) = command.number_after(2, "MAXLEN") {
        options = options.max_len(most);
    }
    let found = match db.lists().positions(key, item, options) {
        Err(error) if error.kind() == ErrorKind::InvalidInput => return Ok(Reply::Error(RANK_OF_ZERO.to_owned())),
        found => found?,
    };
    let mut found = found.into_iter().map(Reply::int);
    Ok(match count {
        Some(_) => Reply::Array(Some(found.collect())),
        None => found.next().unwrap_or(Reply::nil()),
    })
}

fn run_pop_first<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let end = 1 + command.number::<usize>(0);
    let count: Option<u64> = command.number_after(end, "COUNT");
    let found = place.db().lists().pop_first(&command.args[1..end], end_of(&command.args[end]), count.unwrap_or(1))?;
    Ok(match found {
        Some((key, items)) => Reply::Array(Some(vec![Reply::bytes(key), Reply::list(items)])),
        None => Reply::Array(None),
    })
}
