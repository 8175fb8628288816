//! The commands on HyperLogLogs.
//!
//! Uses the public API of HyperLogLogs. Invariant: the bytes of every value are equal on both sides at all times, because Redis is
//! asked for counts in words that let it write nothing.

use windrow::{DataType, ErrorKind, Writable};

use crate::births::born;
use crate::command::{Command, Commands, Handler, Mirror, Place, both_sides};
use crate::draw::Draw;
use crate::keys::untimed;
use crate::resp::Reply;

pub(crate) struct HyperLogLogs;

/// Where the registers begin, and how long a dense form is.
const HEADER_BYTES: usize = 16;
const DENSE_BYTES: usize = 12_304;

/// No sparse form that is longer is whole: windrow refuses it unseen.
const LONGEST_BYTES: usize = 32_784;

const NOT_ONE: &str = "WRONGTYPE Key is not a valid HyperLogLog string value.";
const DAMAGED: &str = "INVALIDOBJ Corrupted HLL object detected";

impl Commands for HyperLogLogs {
    fn data_type(&self) -> Option<DataType> {
        Some(DataType::String)
    }

    fn draw(&self, draw: &mut Draw) -> Command {
        let key = draw.key();
        let named = |name| Command::new(name).arg(key);
        match draw.below(100) {
            0..=29 => named("PFADD").args(elements(draw)),
            30..=44 => named("PFCOUNT"),
            45..=54 => Command::new("PFCOUNT").args(draw.keys()),
            55..=69 => named("PFMERGE").args(draw.keys()),
            70 => named("PFMERGE"),
            71..=84 => {
                let value = written(draw);
                named("SET").arg(value).arg("KEEPTTL")
            }
            // Other commands show and damage the bytes.
            85..=89 => named("GET"),
            90..=93 => named("SETRANGE").int(place(draw)).arg([byte(draw)]),
            94..=96 => named("APPEND").arg([byte(draw)]),
            _ => named("GETRANGE").int(0).int(HEADER_BYTES),
        }
    }

    both_sides!(handlers);
}

/// How each command is done and compared.
fn handlers<S: Writable>() -> Vec<Handler<S>> {
    vec![
        Handler::mirrored("PFADD", add, ADD),
        Handler::mirrored("PFCOUNT", count, COUNT),
        Handler::exact("PFMERGE", |place, command| {
            let merged = place.db().hyperloglogs().merge(command.key(), &command.args[1..]);
            refused(place, &command.args, merged.map(|()| Reply::ok()))
        }),
    ]
}

/// Few elements, mostly; seldom so many that the form becomes dense.
fn elements(draw: &mut Draw) -> Vec<Vec<u8>> {
    let count = match draw.below(40) {
        0 => 3000,
        1..=2 => 800,
        3..=6 => 100,
        7..=10 => 0,
        _ => 1 + draw.below(5),
    };
    let one = |draw: &mut Draw| match draw.once_in(5) {
        true => draw.member(),
        false => draw.within(0..1_000_000).to_string().into_bytes(),
    };
    (0..count).map(|_| one(draw)).collect()
}

fn byte(draw: &mut Draw) -> u8 {
    if draw.once_in(3) { 0 } else { draw.below(256) as u8 }
}

/// A place at which a sparse form may have a byte; seldom in the header.
fn place(draw: &mut Draw) -> usize {
    match draw.below(12) {
        0 => draw.below(HEADER_BYTES),
        1..=6 => HEADER_BYTES + draw.below(20),
        7..=9 => HEADER_BYTES + draw.below(400),
        _ => draw.below(3200),
    }
}

/// A HyperLogLog, or nearly one, that no PFADD has made.
fn written(draw: &mut Draw) -> Vec<u8> {
    let dense = draw.once_in(4);
    let mut bytes = b"HYLL".to_vec();
    bytes.push(if dense { 0 } else { 1 });
    bytes.extend([0, 0, if draw.once_in(8) { 9 } else { 0 }]);
    // Nothing is cached, or a count that nobody made.
    let count = if draw.once_in(2) { 1_u64 << 63 } else { 0 } | draw.below(1 << 40) as u64;
    bytes.extend(count.to_le_bytes());
    if dense {
        let all = byte(draw);
        bytes.extend((bytes.len()..DENSE_BYTES).map(|at| if at % 7 == 0 { all } else { (at * 5) as u8 & all }));
    } else {
        sparse(draw, &mut bytes);
    }
    match draw.below(12) {
        0 => bytes.truncate(draw.below(HEADER_BYTES + 1)),
        1 => bytes[draw.below(5)] ^= 1 << draw.below(8),
        2 => bytes.push(byte(draw)),
        _ => {}
    }
    bytes
}

/// Runs of registers, in the end mostly as many as there are, and not always in the form in which Redis writes them.
fn sparse(draw: &mut Draw, bytes: &mut Vec<u8>) {
    let mut left = 16_384;
    let many = draw.once_in(3);
    while left > 0 {
        let most = [1, 4, 64, left][draw.below(4)].min(left);
        let len = if many { 1 + draw.below(most.min(64)) } else { 1 + draw.below(most) };
        // Values can be large, and neighbours the same; long runs end them.
        match draw.below(4) {
            0 if len <= 64 => bytes.push(len as u8 - 1),
            1..=2 if len <= 4 => {
                let value = if draw.once_in(3) { 2 } else { draw.below(32) };
                bytes.push(1 << 7 | (value as u8) << 2 | (len as u8 - 1));
            }
            _ => bytes.extend((1_u16 << 14 | (len as u16 - 1)).to_be_bytes()),
        }
        left -= len;
        if bytes.len() > 3000 {
            bytes.extend((1_u16 << 14 | (left.max(1) as u16 - 1)).to_be_bytes());
            break;
        }
    }
}

/// Redis' words where a string is no HyperLogLog, or a damaged one.
fn refused<S: Writable>(
    place: &Place<'_, S>,
    keys: &[Vec<u8>],
    done: windrow::Result<Reply>,
) -> windrow::Result<Reply> {
    match done {
        Err(error) if error.kind() == ErrorKind::InvalidObject => Ok(Reply::Error(DAMAGED.to_owned())),
        Err(error) if error.kind() == ErrorKind::WrongType => {
            // The first key that is refused alone has made it.
            let db = place.db();
            let is_refused = |key: &&Vec<u8>| db.hyperloglogs().count([key]).is_err();
            let first = keys.iter().find(is_refused).expect("one of them is no HyperLogLog");
            match db.data_type(first)? {
                Some(DataType::String) => Ok(Reply::Error(NOT_ONE.to_owned())),
                _ => Err(error),
            }
        }
        done => done,
    }
}

fn add<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let before = place.db().strings().get(command.key());
    let added = born(place, command.key(), |create| {
        let added = place.db().hyperloglogs().add_with(command.key(), &command.args[1..], create);
        refused(place, &command.args[..1], added.map(Reply::flag))
    })?;
    // Redis may have added some elements before it saw the damage.
    if added == Reply::Error(DAMAGED.to_owned()) {
        return Ok(Reply::Array(Some(vec![added, Reply::Bulk(before?)])));
    }
    Ok(added)
}

/// Whether the last run may be one of two bytes without the second. WHY: Redis takes a zero for it, and writes beyond the
/// string's end.
fn may_lack_its_end(sketch: &[u8]) -> bool {
    sketch.last().is_some_and(|byte| byte >> 6 == 1)
}

const ADD: Mirror = Mirror {
    commands: |command, ours| match ours {
        Reply::Array(Some(parts)) if parts.len() == 2 => {
            let before = ours.items().remove(0);
            let restored = Command::new("SET").arg(command.key()).arg(before).arg("KEEPTTL");
            // WHY silently, too: some damage Redis does not see, and says that it has added something.
            vec![command.clone().silently(), restored.silently()]
        }
        _ => {
            let expiry = untimed(ours).1.map(|(_, time)| command.expiring_at(time));
            [command.clone()].into_iter().chain(expiry).collect()
        }
    },
    is_legal: |_, ours, replies| match ours {
        Reply::Array(Some(parts)) if parts.len() == 2 => {
            let before = ours.items().remove(0);
            parts[0] == replies[0] || before.len() > LONGEST_BYTES || may_lack_its_end(&before)
        }
        _ => *untimed(ours).0 == replies[0],
    },
};

/// A count, and whether it was cached.
fn count<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let db = place.db();
    let counted = db.hyperloglogs().count(&command.args).map(|count| Reply::Int(count as i64));
    let reply = refused(place, &command.args, counted)?;
    let is_cached = match &command.args[..] {
        [key] if matches!(reply, Reply::Int(_)) => {
            db.strings().get_range(key, 15, 15)?.first().is_some_and(|byte| byte >> 7 == 0)
        }
        _ => false,
    };
    Ok(Reply::Array(Some(vec![reply, Reply::flag(is_cached)])))
}

/// WHY a single key is named twice: Redis would write its count into it. A count that is there already, it does not write.
const COUNT: Mirror = Mirror {
    commands: |command, ours| {
        let is_cached = matches!(ours, Reply::Array(Some(parts)) if parts[1] == Reply::flag(true));
        match &command.args[..] {
            [key] if !is_cached => vec![command.clone().arg(key)],
            _ => vec![command.clone()],
        }
    },
    is_legal: |_, ours, replies| match ours {
        Reply::Array(Some(parts)) => parts[0] == replies[0],
        refusal => *refusal == replies[0],
    },
};
