//! The commands that move, copy and scan keys.
//!
//! Uses the public API of a db and of the store. Invariant: a key that windrow chose at random is checked against
//! Redis' keys.

use windrow::{CopyOptions, DataType, ErrorKind, ScanCursor, ScanOptions, Writable};

use crate::command::{Command, Commands, Compare, Handler, Mirror, Place, both_sides, refusal};
use crate::draw::{DBS, Draw, KEYS};
use crate::keys::pattern;
use crate::resp::Reply;

pub(crate) struct Transfers;

impl Commands for Transfers {
    fn data_type(&self) -> Option<DataType> {
        None
    }

    fn draw(&self, draw: &mut Draw) -> Command {
        let key = draw.key();
        let named = |name| Command::new(name).arg(key);
        match draw.below(400) {
            0..=79 => named("RENAMENX").arg(draw.key()),
            80..=139 => named("MOVE").int(draw.below(DBS as usize)),
            140..=259 => copy(draw, key),
            260..=299 => Command::new("TOUCH").args(draw.keys()),
            300..=329 => Command::new("RANDOMKEY"),
            330..=397 => scan(draw),
            _ => Command::new("FLUSHALL"),
        }
    }

    both_sides!(handlers);
}

/// How each command is done and compared.
fn handlers<S: Writable>() -> Vec<Handler<S>> {
    vec![
        Handler::exact("RENAMENX", |place, command| {
            Ok(Reply::flag(place.db().rename_if_absent(command.key(), &command.args[1])?))
        }),
        Handler::exact("MOVE", |place, command| {
            let moved = place.db().move_to(command.key(), command.number(1));
            Ok(moved.map_or_else(|error| refused(&error), Reply::flag))
        }),
        Handler::exact("COPY", run_copy),
        Handler::exact("TOUCH", |place, command| Ok(Reply::int(place.db().touch(&command.args)?))),
        Handler { name: "RANDOMKEY", run: random_key, compare: Compare::Mirror(RANDOM) },
        Handler { name: "SCAN", run: run_scan, compare: Compare::Mirror(SCAN) },
        Handler::exact("FLUSHALL", |place, _| place.store.flush_all().map(|()| Reply::ok())),
    ]
}

fn refused(error: &windrow::Error) -> Reply {
    match error.kind() {
        ErrorKind::InvalidInput => Reply::Error("ERR source and destination objects are the same".to_owned()),
        _ => refusal(error),
    }
}

fn copy(draw: &mut Draw, key: &[u8]) -> Command {
    let mut command = Command::new("COPY").arg(key).arg(draw.key());
    if draw.once_in(3) {
        command = command.arg("DB").int(draw.below(DBS as usize));
    }
    if draw.once_in(2) { command.arg("REPLACE") } else { command }
}

fn run_copy<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let mut options = CopyOptions::new();
    if let Some(number) = command.number_after(2, "DB") {
        options = options.to_db(number);
    }
    if command.has(2, "REPLACE") {
        options = options.replace();
    }
    let copied = place.db().copy_with(command.key(), &command.args[1], options);
    Ok(copied.map_or_else(|error| refused(&error), Reply::flag))
}

fn random_key<S: Writable>(place: &Place<'_, S>, _: &Command) -> windrow::Result<Reply> {
    Ok(Reply::Bulk(place.db().random_key()?))
}

const RANDOM: Mirror = Mirror {
    commands: |_, ours| match ours {
        Reply::Bulk(Some(key)) => vec![Command::new("EXISTS").arg(key)],
        _ => vec![Command::new("RANDOMKEY")],
    },
    is_legal: |_, ours, replies| match ours {
        Reply::Bulk(Some(_)) => replies[0] == Reply::Int(1),
        nothing => *nothing == replies[0],
    },
};

/// A whole scan: Redis reads it in one page, windrow in pages of COUNT keys.
fn scan(draw: &mut Draw) -> Command {
    let mut command = Command::new("SCAN").int(0).arg("COUNT").int(draw.below(9));
    if draw.once_in(2) {
        command = command.arg("MATCH").arg(pattern(draw));
    }
    if draw.once_in(2) {
        command.arg("TYPE").arg(draw.pick(&["string", "set", "list", "hash", "zset"]))
    } else {
        command
    }
}

fn run_scan<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let after = |word: &str| {
        let place = command.args.iter().position(|arg| arg == word.as_bytes())?;
        Some(command.args[place + 1].clone())
    };
    let pattern = after("MATCH");
    let mut options = ScanOptions::new().count(command.number(2));
    if let Some(pattern) = &pattern {
        options = options.matching(pattern);
    }
    let wanted = after("TYPE").map(|name| match name.as_slice() {
        b"string" => DataType::String,
        b"set" => DataType::Set,
        b"list" => DataType::List,
        b"hash" => DataType::Hash,
        _ => DataType::SortedSet,
    });
    let (db, mut cursor, mut found) = (place.db(), ScanCursor::START, Vec::new());
    while !cursor.is_finished() {
        let page = match wanted {
            Some(wanted) => db.scan_of_type(&cursor, options, wanted),
            None => db.scan(&cursor, options),
        };
        let page = match page {
            Err(error) if error.kind() == ErrorKind::InvalidInput => {
                return Ok(Reply::Error("ERR syntax error".to_owned()));
            }
            page => page?,
        };
        found.extend(page.items);
        // As a client keeps it.
        cursor = ScanCursor::from_bytes(page.cursor.as_bytes())?;
    }
    Ok(Reply::list(found))
}

const SCAN: Mirror = Mirror {
    commands: |command, _| {
        let mut command = command.clone();
        if command.args[2] != b"0" {
            command.args[2] = (10 * KEYS.len()).to_string().into_bytes();
        }
        vec![command]
    },
    is_legal: |_, ours, replies| match &replies[0] {
        Reply::Array(Some(page)) if page[0] == Reply::bytes("0") => ours.clone().sorted() == page[1].clone().sorted(),
        refusal => ours == refusal,
    },
};
