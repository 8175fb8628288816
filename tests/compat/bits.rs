//! The commands on the bits of strings.
//!
//! Uses the public API of bits. Invariant: what a command cannot say to the API is not drawn.

use windrow::{BitField, BitOffset, BitOp, BitOverflow, BitRange, BitType, DataType, ErrorKind, Writable};

use crate::command::{Command, Commands, Handler, Place, both_sides};
use crate::draw::Draw;
use crate::redis::MAX_STRING_BYTES;
use crate::resp::Reply;

pub(crate) struct Bits;

/// How many bits the longest string has.
const MAX_BITS: i64 = 8 * MAX_STRING_BYTES as i64;

/// How many bits a piece has.
const PIECE_BITS: i64 = 8 * 16_384;

/// The widest field: none is drawn that begins within the longest string and ends behind it, which Redis takes.
const WIDEST: i64 = 64;

impl Commands for Bits {
    fn data_type(&self) -> Option<DataType> {
        Some(DataType::String)
    }

    fn draw(&self, draw: &mut Draw) -> Command {
        let key = draw.key();
        let named = |name| Command::new(name).arg(key);
        match draw.below(100) {
            0..=19 => {
                let offset = if draw.once_in(200) { MAX_BITS - 1 } else { offset(draw) };
                named("SETBIT").int(offset).int(draw.below(2))
            }
            20..=29 => named("GETBIT").int(offset(draw)),
            30..=41 => with_range(draw, named("BITCOUNT"), false),
            42..=55 => {
                let command = named("BITPOS").int(draw.below(2));
                with_range(draw, command, true)
            }
            56..=69 => bit_op(draw, key),
            70..=92 => fields(draw, named("BITFIELD"), false),
            _ => fields(draw, named("BITFIELD_RO"), true),
        }
    }

    both_sides!(handlers);
}

/// How each command is done and compared.
fn handlers<S: Writable>() -> Vec<Handler<S>> {
    vec![
        Handler::exact("SETBIT", |place, command| {
            let was = place.db().bits().set(command.key(), command.number(1), command.number::<u8>(2) == 1);
            in_bits(was.map(Reply::flag))
        }),
        Handler::exact("GETBIT", |place, command| {
            in_bits(place.db().bits().get(command.key(), command.number(1)).map(Reply::flag))
        }),
        Handler::exact("BITCOUNT", |place, command| {
            let (db, key) = (place.db(), command.key());
            let count = match range(command, 1) {
                Some(range) => db.bits().count_in(key, range)?,
                None => db.bits().count(key)?,
            };
            Ok(Reply::int(count))
        }),
        Handler::exact("BITPOS", |place, command| {
            let (db, key, bit) = (place.db(), command.key(), command.number::<u8>(1) == 1);
            let found = match range(command, 2) {
                Some(range) => db.bits().pos_in(key, bit, range)?,
                None => db.bits().pos(key, bit)?,
            };
            Ok(found.map_or(Reply::Int(-1), Reply::int))
        }),
        Handler::exact("BITOP", run_bit_op),
        Handler::exact("BITFIELD", run_fields),
        Handler::exact("BITFIELD_RO", run_fields_read),
    ]
}

/// A bit: mostly one of few, at times at a border of pieces or of the longest string, or behind that.
fn offset(draw: &mut Draw) -> i64 {
    match draw.below(200) {
        0 => MAX_BITS - 2 * WIDEST - draw.within(0..20),
        1..=4 => MAX_BITS + draw.within(0..20),
        5..=6 => draw.pick(&[(1 << 32) - 1, 1 << 32, 1 << 40, i64::MAX / 64]),
        7..=16 => PIECE_BITS * draw.within(1..4) + draw.within(-70..20),
        17..=40 => draw.within(7000..8300),
        41..=60 => draw.within(760..820),
        _ => draw.within(0..100),
    }
}

/// An end of a range of bytes or bits.
fn range_end(draw: &mut Draw) -> i64 {
    match draw.below(8) {
        0 => draw.within(-17_000..17_000),
        1 => PIECE_BITS + draw.within(-20..20),
        2 => draw.within(-100..100),
        _ => draw.index(),
    }
}

fn with_range(draw: &mut Draw, command: Command, may_be_open: bool) -> Command {
    if draw.once_in(4) {
        return command;
    }
    let command = command.int(range_end(draw));
    if may_be_open && draw.once_in(3) {
        return command;
    }
    let command = command.int(range_end(draw));
    match draw.below(3) {
        0 => command,
        1 => command.arg("BYTE"),
        _ => command.arg("BIT"),
    }
}

/// The range whose start, if there is one, stands at `from`.
fn range(command: &Command, from: usize) -> Option<BitRange> {
    let start = (command.args.len() > from).then(|| command.number(from))?;
    if command.args.len() == from + 1 {
        return Some(BitRange::bytes_from(start));
    }
    let end = command.number(from + 1);
    Some(if command.has(from, "BIT") { BitRange::bits(start, end) } else { BitRange::bytes(start, end) })
}

/// Redis' words where the one thing out of range is an offset in bits, or where a type is none.
fn in_bits(done: windrow::Result<Reply>) -> windrow::Result<Reply> {
    let words = match &done {
        Err(error) if error.kind() == ErrorKind::OutOfRange => "ERR bit offset is not an integer or out of range",
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is."
        }
        _ => return done,
    };
    Ok(Reply::Error(words.to_owned()))
}

fn bit_op(draw: &mut Draw, key: &[u8]) -> Command {
    let operation = draw.pick(&["AND", "OR", "XOR", "NOT"]);
    let command = Command::new("BITOP").arg(operation).arg(key);
    if operation == "NOT" && !draw.once_in(10) { command.arg(draw.key()) } else { command.args(draw.keys()) }
}

fn run_bit_op<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let operation = match command.args[0].as_slice() {
        b"AND" => BitOp::And,
        b"OR" => BitOp::Or,
        b"XOR" => BitOp::Xor,
        _ => BitOp::Not,
    };
    match place.db().bits().op(operation, &command.args[1], &command.args[2..]) {
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            Ok(Reply::Error("ERR BITOP NOT must be called with a single source key.".to_owned()))
        }
        length => Ok(Reply::int(length?)),
    }
}

/// Adds up to eight steps, at times many.
fn fields(draw: &mut Draw, mut command: Command, reads_only: bool) -> Command {
    let steps = if draw.once_in(30) { 60 } else { draw.below(8) };
    // Most steps of a command meet at one place.
    let near = offset(draw);
    for _ in 0..steps {
        let kind = field_type(draw);
        let at = match draw.below(10) {
            0 => offset(draw).to_string(),
            1..=4 => format!("#{}", draw.below(12)),
            _ => near.saturating_add(draw.within(0..12)).to_string(),
        };
        let word = if reads_only { "GET" } else { draw.pick(&["GET", "SET", "INCRBY", "INCRBY", "OVERFLOW"]) };
        command = command.arg(word);
        command = match word {
            "OVERFLOW" => command.arg(draw.pick(&["WRAP", "SAT", "FAIL"])),
            "GET" => command.arg(kind).arg(at),
            _ => command.arg(kind).arg(at).int(value(draw)),
        };
    }
    command
}

fn field_type(draw: &mut Draw) -> String {
    let sign = draw.pick(&["i", "u"]);
    let bits = match draw.below(60) {
        0 => draw.pick(&[0, 65, 64]),
        1..=8 => draw.pick(&[1, 2, 31, 32, 33, 62, 63]),
        9..=40 => draw.pick(&[4, 5, 8, 13, 16]),
        _ => 1 + draw.within(0..if sign == "i" { 64 } else { 63 }),
    };
    format!("{sign}{bits}")
}

/// An integer at an edge of a type, or a small one.
fn value(draw: &mut Draw) -> i64 {
    match draw.below(6) {
        0 => draw.integer(),
        1 | 2 => {
            let edge = 1_i64 << draw.below(63);
            draw.pick(&[edge, -edge, edge - 1, -edge - 1])
        }
        3 => i64::MIN + draw.within(0..70_000),
        _ => draw.within(-300..300),
    }
}

fn type_of(text: &[u8]) -> BitType {
    let text = std::str::from_utf8(text).unwrap();
    let bits = text[1..].parse().unwrap();
    if text.starts_with('i') { BitType::i(bits) } else { BitType::u(bits) }
}

fn offset_of(text: &[u8]) -> BitOffset {
    let text = std::str::from_utf8(text).unwrap();
    match text.strip_prefix('#') {
        Some(number) => BitOffset::Nth(number.parse().unwrap()),
        None => BitOffset::At(text.parse().unwrap()),
    }
}

fn run_fields<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let mut steps = BitField::new();
    let mut at = 1;
    while let Some(word) = command.args.get(at) {
        let arg = |n: usize| command.args[at + n].as_slice();
        let field = || (type_of(arg(1)), offset_of(arg(2)));
        (steps, at) = match word.as_slice() {
            b"OVERFLOW" => {
                let overflow = match arg(1) {
                    b"WRAP" => BitOverflow::Wrap,
                    b"SAT" => BitOverflow::Saturate,
                    _ => BitOverflow::Fail,
                };
                (steps.overflow(overflow), at + 2)
            }
            b"GET" => (steps.get(field().0, field().1), at + 3),
            b"SET" => (steps.set(field().0, field().1, command.number(at + 3)), at + 4),
            _ => (steps.incr_by(field().0, field().1, command.number(at + 3)), at + 4),
        };
    }
    in_bits(place.db().bits().field(command.key(), &steps).map(|results| {
        let reply = |result: Option<i64>| result.map_or(Reply::nil(), Reply::Int);
        Reply::Array(Some(results.into_iter().map(reply).collect()))
    }))
}

fn run_fields_read<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let fields = command.args[1..].chunks(3).map(|read| (type_of(&read[1]), offset_of(&read[2])));
    let values = place.db().bits().field_ro(command.key(), fields);
    in_bits(values.map(|values| Reply::Array(Some(values.into_iter().map(Reply::Int).collect()))))
}
