//! The commands on hashes.
//!
//! Uses the public API of hashes. Invariant: fields that windrow chose at random are checked against Redis' hash.

use bytes::Bytes;
use windrow::{CreateOptions, DataType, Db, Error, ErrorKind, LongDouble, Source, Writable};

use crate::births::{BORN, born};
use crate::command::{Command, Commands, Compare, Handler, Mirror, Place, both_sides, refusal};
use crate::draw::Draw;
use crate::resp::Reply;
use crate::{random, scans};

pub(crate) struct Hashes;

/// Increments at which float arithmetic goes wrong, and texts that are nearly numbers.
const FLOATS: [&str; 24] = [
    "0",
    "1",
    "-1",
    "0.1",
    "0.2",
    "-0.25",
    "3.0e3",
    "1e-7",
    "1e17",
    "1.5e300",
    "-1.5e300",
    "1e4931",
    "-1e4931",
    "1e-4940",
    "123456789.123456789",
    "0x10",
    "-0",
    "+1.5",
    " 1",
    "1e5000",
    "inf",
    "nan",
    "",
    "abc",
];

impl Commands for Hashes {
    fn data_type(&self) -> Option<DataType> {
        Some(DataType::Hash)
    }

    fn draw(&self, draw: &mut Draw) -> Command {
        let key = draw.key();
        let named = |name| Command::new(name).arg(key);
        match draw.below(100) {
            0..=24 => entries(draw, named("HSET")),
            25..=28 => entries(draw, named("HMSET")),
            29..=32 => named("HSETNX").arg(draw.member()).arg(draw.value()),
            33..=44 => named("HDEL").args(draw.members()),
            45..=49 => named("HGET").arg(draw.member()),
            50..=54 => named("HMGET").args(draw.members()),
            55..=58 => named("HGETALL"),
            59..=61 => named("HEXISTS").arg(draw.member()),
            62..=64 => named("HLEN"),
            65..=67 => named("HSTRLEN").arg(draw.member()),
            68..=69 => named("HKEYS"),
            70..=71 => named("HVALS"),
            72..=78 => named("HINCRBY").arg(draw.member()).int(draw.integer()),
            79..=85 => named("HINCRBYFLOAT").arg(draw.member()).arg(draw.pick(&FLOATS)),
            86..=93 => random::draw_choice(draw, named("HRANDFIELD"), Some("WITHVALUES")),
            _ => scans::draw_scan(draw, named("HSCAN")),
        }
    }

    both_sides!(handlers);
}

/// How each command is done and compared.
fn handlers<S: Writable>() -> Vec<Handler<S>> {
    vec![
        Handler::mirrored("HSET", |place, command| set(place, command, Reply::int), BORN),
        Handler::mirrored("HMSET", |place, command| set(place, command, |_| Reply::ok()), BORN),
        Handler::exact("HSETNX", |place, command| {
            let (field, value) = (&command.args[1], &command.args[2]);
            Ok(Reply::flag(place.db().hashes().set_if_absent_with(command.key(), field, value, birth())?))
        }),
        Handler::exact("HDEL", |place, command| {
            Ok(Reply::int(place.db().hashes().delete(command.key(), &command.args[1..])?))
        }),
        Handler::exact("HGET", |place, command| {
            Ok(Reply::Bulk(place.db().hashes().get(command.key(), &command.args[1])?))
        }),
        Handler::exact("HMGET", |place, command| {
            let found = place.db().hashes().get_many(command.key(), &command.args[1..])?;
            Ok(Reply::Array(Some(found.into_iter().map(Reply::Bulk).collect())))
        }),
        Handler {
            name: "HGETALL",
            run: |place, command| whole(place.db(), command.key()),
            compare: Compare::After(Reply::sorted_pairs),
        },
        Handler::exact("HEXISTS", |place, command| {
            Ok(Reply::flag(place.db().hashes().exists(command.key(), &command.args[1])?))
        }),
        Handler::exact("HLEN", |place, command| Ok(Reply::int(place.db().hashes().len(command.key())?))),
        Handler::exact("HSTRLEN", |place, command| {
            Ok(Reply::int(place.db().hashes().value_len(command.key(), &command.args[1])?))
        }),
        Handler::unordered("HKEYS", |place, command| {
            Ok(Reply::list(place.db().hashes().keys(command.key())?.collect::<windrow::Result<Vec<_>>>()?))
        }),
        Handler::unordered("HVALS", |place, command| {
            Ok(Reply::list(place.db().hashes().values(command.key())?.collect::<windrow::Result<Vec<_>>>()?))
        }),
        Handler::exact("HINCRBY", |place, command| {
            let (field, by) = (&command.args[1], command.number(2));
            let sum = place.db().hashes().incr_by_with(command.key(), field, by, birth());
            Ok(sum.map_or_else(|error| number_refusal(&error), Reply::Int))
        }),
        Handler::exact("HINCRBYFLOAT", incr_by_float),
        Handler::mirrored("HRANDFIELD", choose, CHOICE),
        scans::of_pairs("HSCAN", |place, command| {
            let db = place.db();
            let found = scans::drive(command, |cursor, options| db.hashes().scan(command.key(), cursor, options));
            scans::reply(found.map(pairs))
        }),
    ]
}

/// At least one field with its value, some of them twice.
fn entries(draw: &mut Draw, command: Command) -> Command {
    draw.members().into_iter().fold(command, |command, field| command.arg(field).arg(draw.value()))
}

/// How a hash is born has no effect on what it answers.
fn birth() -> CreateOptions {
    if fastrand::bool() { CreateOptions::new().growing() } else { CreateOptions::new() }
}

/// All fields of a hash with their values, in windrow's order.
pub(crate) fn whole<S: Source>(db: &Db<S>, key: &[u8]) -> windrow::Result<Reply> {
    Ok(pairs(db.hashes().get_all(key)?.collect::<windrow::Result<_>>()?))
}

fn pairs(entries: Vec<(Bytes, Bytes)>) -> Reply {
    Reply::list(entries.into_iter().flat_map(|(field, value)| [field, value]))
}

fn set<S: Writable>(place: &Place<'_, S>, command: &Command, reply: fn(u64) -> Reply) -> windrow::Result<Reply> {
    let entries = command.args[1..].chunks(2).map(|entry| (&entry[0], &entry[1]));
    let (db, key) = (place.db(), command.key());
    born(place, key, |birth| db.hashes().set_many_with(key, entries, birth).map(reply))
}

/// Redis' words where a field holds no number.
fn number_refusal(error: &Error) -> Reply {
    let words = match error.kind() {
        ErrorKind::NotAnInteger => "ERR hash value is not an integer",
        ErrorKind::NotAFloat => "ERR hash value is not a float",
        _ => return refusal(error),
    };
    Reply::Error(words.to_owned())
}

fn incr_by_float<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let refused = |words: &str| Ok(Reply::Error(words.to_owned()));
    let (field, by) = (&command.args[1], &command.args[2]);
    let Ok(by) = LongDouble::parse(by) else {
        return refused("ERR value is not a valid float");
    };
    match place.db().hashes().incr_by_float_with(command.key(), field, by, birth()) {
        Ok(sum) => Ok(Reply::bytes(sum.to_string())),
        Err(error) if error.kind() == ErrorKind::NotAFloat && !by.is_finite() => {
            refused("ERR value is NaN or Infinity")
        }
        Err(error) if error.kind() == ErrorKind::Overflow => refused("ERR increment would produce NaN or Infinity"),
        Err(error) => Ok(number_refusal(&error)),
    }
}

fn choose<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let (db, key) = (place.db(), command.key());
    let (wanted, hashes) = (random::wanted(command), db.hashes());
    let count = wanted.unsigned_abs();
    Ok(match (wanted < 0, has_values(command)) {
        (false, true) => pairs(hashes.random_with_values(key, count)?),
        (true, true) => pairs(hashes.random_repeated_with_values(key, count)?),
        (false, false) if command.args.len() == 1 => Reply::Bulk(hashes.random(key, 1)?.pop()),
        (false, false) => Reply::list(hashes.random(key, count)?),
        (true, false) => Reply::list(hashes.random_repeated(key, count)?),
    })
}

fn has_values(command: &Command) -> bool {
    command.args.len() == 3
}

/// The fields that a random choice gave, and their values if they were asked for.
fn chosen(command: &Command, ours: &Reply) -> (Vec<Bytes>, Vec<Bytes>) {
    let items = ours.names();
    if !has_values(command) {
        return (items, Vec::new());
    }
    (items.iter().step_by(2).cloned().collect(), items.iter().skip(1).step_by(2).cloned().collect())
}

const CHOICE: Mirror = Mirror {
    commands: |command, ours| random::ask(command, &chosen(command, ours).0, "HLEN", "HMGET"),
    is_legal: |command, ours, replies| match replies {
        [same] => ours == same,
        [size, found] => {
            let (fields, values) = chosen(command, ours);
            let found = found.items();
            // A field that Redis does not have is not among the items.
            random::has_right_size(command, &fields, size)
                && found.len() == fields.len()
                && (!has_values(command) || found == values)
        }
        _ => false,
    },
};
