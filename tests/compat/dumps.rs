//! Values that are dumped on one side and restored on the other.
//!
//! Uses the public API of a db, and Redis' DUMP and RESTORE. Invariant: an exchange changes no key, if both sides read what
//! the other one wrote.

use windrow::{DataType, Db, ErrorKind, RestoreOptions, UnixMillis, Writable};

use crate::command::{Command, Commands, Handler, Mirror, Place, both_sides, refusal};
use crate::draw::Draw;
use crate::redis::MAX_STRING_BYTES;
use crate::resp::{Client, Reply};

pub(crate) struct Dumps;

impl Commands for Dumps {
    fn data_type(&self) -> Option<DataType> {
        None
    }

    /// `RESTORE from to time`: `from` is a key whose dump is restored as `to`, and a time of 0 is none.
    fn draw(&self, draw: &mut Draw) -> Command {
        let command = Command::new("RESTORE").arg(draw.key()).arg(draw.key());
        let command = match draw.below(4) {
            0 => command.int(draw.time().max(1)),
            1 if draw.once_in(4) => command.int(1),
            _ => command.int(0),
        };
        let command = if draw.once_in(3) { command } else { command.arg("REPLACE") };
        let command = if draw.once_in(10) { command.arg("DAMAGED") } else { command };
        match draw.below(9) {
            0 => command.arg("IDLETIME").int(draw.below(1000)),
            1 => command.arg("FREQ").int(draw.below(256)),
            _ => command,
        }
    }

    both_sides!(handlers);
}

/// How each command is done and compared.
fn handlers<S: Writable>() -> Vec<Handler<S>> {
    vec![Handler::mirrored("RESTORE", run_restore, RESTORE)]
}

/// Restores what windrow dumped; answers the payload and Redis' words.
fn run_restore<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let db = place.db();
    let Some(payload) = db.dump(command.key())?.filter(|payload| payload.len() <= MAX_STRING_BYTES) else {
        return Ok(Reply::nil());
    };
    let mut payload = payload.to_vec();
    if command.has(3, "DAMAGED") {
        let middle = payload.len() / 2;
        payload[middle] ^= 1;
    }
    let mut options = RestoreOptions::new();
    if command.number::<u64>(2) > 0 {
        options = options.expire_at(UnixMillis::new(command.number(2)));
    }
    if command.has(3, "REPLACE") {
        options = options.replace();
    }
    let words = match db.restore(&command.args[1], &payload, options) {
        Ok(()) => Reply::ok(),
        Err(error) => match error.kind() {
            ErrorKind::KeyExists => Reply::Error("BUSYKEY Target key name already exists.".to_owned()),
            ErrorKind::BadDump => Reply::Error("ERR DUMP payload version or checksum are wrong".to_owned()),
            _ => refusal(&error),
        },
    };
    Ok(Reply::Array(Some(vec![Reply::bytes(payload), words])))
}

/// Redis restores what windrow dumped.
const RESTORE: Mirror = Mirror {
    commands: |command, ours| match ours.items().first() {
        None => vec![Command::new("EXISTS").arg(command.key())],
        Some(payload) => {
            let restored =
                Command::new("RESTORE").arg(&command.args[1]).arg(&command.args[2]).arg(payload).arg("ABSTTL");
            vec![restored.args(command.args[3..].iter().filter(|arg| *arg != b"DAMAGED"))]
        }
    },
    is_legal: |_, ours, replies| match ours {
        Reply::Array(Some(parts)) => parts[1] == replies[0],
        // There was nothing to dump, or too much.
        _ => matches!(replies[0], Reply::Int(0 | 1)),
    },
};

/// Gives each side some values of the db as the other one dumps them, with the expiry that the key has.
pub(crate) fn exchange(redis: &mut Client, db: &Db, number: u32, draw: &mut Draw) {
    assert_eq!(redis.ask(&Command::new("SELECT").int(number)).unwrap(), Reply::ok());
    for key in db.keys("").unwrap().map(Result::unwrap).collect::<Vec<_>>() {
        let expires_at = db.expires_at(&key).unwrap();
        if draw.once_in(2) {
            let Reply::Bulk(Some(payload)) = redis.ask(&Command::new("DUMP").arg(&key)).unwrap() else {
                panic!("Redis does not dump {}", key.escape_ascii());
            };
            let options = RestoreOptions::new().replace();
            let options = expires_at.map_or(options, |time| options.expire_at(time));
            db.restore(&key, payload, options).unwrap();
        }
        let payload = db.dump(&key).unwrap().unwrap();
        if draw.once_in(2) && payload.len() <= MAX_STRING_BYTES {
            let time = expires_at.map_or(0, UnixMillis::get);
            let restore = Command::new("RESTORE").arg(&key).int(time).arg(payload).arg("REPLACE").arg("ABSTTL");
            assert_eq!(redis.ask(&restore).unwrap(), Reply::ok(), "{}", key.escape_ascii());
        }
    }
}
