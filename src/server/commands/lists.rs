//! Lists.
//!
//! May use the list operations. Invariant: as in `strings`.

use bytes::Bytes;

use super::arguments::{integer_or, is, option, positive};
use super::refusal::{NO_SUCH_KEY, Refusal, SYNTAX, instead};
use super::{Answer, Call, Command, keyed, row};
use crate::resp::Frame;
use crate::{ErrorKind, ListEnd, PositionOptions, Result, Source, Writable};

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("lpush", -3, "write denyoom fast", [1, 1, 1], ("list", "1.0.0"), keyed!(lpush),
        "Prepend one or multiple elements to a list"),
    row("rpush", -3, "write denyoom fast", [1, 1, 1], ("list", "1.0.0"), keyed!(rpush),
        "Append one or multiple elements to a list"),
    row("lpushx", -3, "write denyoom fast", [1, 1, 1], ("list", "2.2.0"), keyed!(lpushx),
        "Prepend an element to a list, only if the list exists"),
    row("rpushx", -3, "write denyoom fast", [1, 1, 1], ("list", "2.2.0"), keyed!(rpushx),
        "Append an element to a list, only if the list exists"),
    row("lpop", -2, "write fast", [1, 1, 1], ("list", "1.0.0"), keyed!(lpop),
        "Remove and get the first elements in a list"),
    row("rpop", -2, "write fast", [1, 1, 1], ("list", "1.0.0"), keyed!(rpop),
        "Remove and get the last elements in a list"),
    row("llen", 2, "readonly fast", [1, 1, 1], ("list", "1.0.0"), keyed!(llen),
        "Get the length of a list"),
    row("lindex", 3, "readonly", [1, 1, 1], ("list", "1.0.0"), keyed!(lindex),
        "Get an element from a list by its index"),
    row("lrange", 4, "readonly", [1, 1, 1], ("list", "1.0.0"), keyed!(lrange),
        "Get a range of elements from a list"),
    row("lset", 4, "write denyoom", [1, 1, 1], ("list", "1.0.0"), keyed!(lset),
        "Set the value of an element in a list by its index"),
    row("linsert", 5, "write denyoom", [1, 1, 1], ("list", "2.2.0"), keyed!(linsert),
        "Insert an element before or after another element in a list"),
    row("lrem", 4, "write", [1, 1, 1], ("list", "1.0.0"), keyed!(lrem),
        "Remove elements from a list"),
    row("ltrim", 4, "write", [1, 1, 1], ("list", "1.0.0"), keyed!(ltrim),
        "Trim a list to the specified range"),
    row("lpos", -3, "readonly", [1, 1, 1], ("list", "6.0.6"), keyed!(lpos),
        "Return the index of matching elements on a list"),
    row("lmove", 5, "write denyoom", [1, 2, 1], ("list", "6.2.0"), keyed!(lmove),
        "Pop an element from a list, push it to another list and return it"),
    row("rpoplpush", 3, "write denyoom", [1, 2, 1], ("list", "1.2.0"), keyed!(rpoplpush),
        "Remove the last element in a list, prepend it to another list and return it"),
    row("lmpop", -4, "write movablekeys", [0, 0, 0], ("list", "7.0.0"), keyed!(lmpop),
        "Pop elements from a list"),
];

fn lpush<S: Writable>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::count(call.db.lists().push_left(call.arg(0)?, call.from(1))?))
}

fn rpush<S: Writable>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::count(call.db.lists().push_right(call.arg(0)?, call.from(1))?))
}

fn lpushx<S: Writable>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::count(call.db.lists().push_existing(call.arg(0)?, ListEnd::Left, call.from(1))?))
}

fn rpushx<S: Writable>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::count(call.db.lists().push_existing(call.arg(0)?, ListEnd::Right, call.from(1))?))
}

fn pop<S: Writable>(call: &Call<'_, S>, end: ListEnd) -> Answer {
    let (lists, key) = (call.db.lists(), call.arg(0)?);
    match call.from(1) {
        [] => Ok(Frame::or_null(match end {
            ListEnd::Left => lists.pop_left(key)?,
            ListEnd::Right => lists.pop_right(key)?,
        })),
        [count] => {
            let count = positive(count)?;
            Ok(lists.pop(key, end, count)?.map_or(Frame::NullArray, Frame::bulks))
        }
        _ => Err(call.wrong_number()),
    }
}

fn lpop<S: Writable>(call: &Call<'_, S>) -> Answer {
    pop(call, ListEnd::Left)
}

fn rpop<S: Writable>(call: &Call<'_, S>) -> Answer {
    pop(call, ListEnd::Right)
}

fn llen<S: Source>(call: &Call<'_, S>) -> Answer {
    Ok(Frame::count(call.db.lists().len(call.arg(0)?)?))
}

fn lindex<S: Source>(call: &Call<'_, S>) -> Answer {
    let lists = call.db.lists();
    match call.integer(1) {
        Ok(index) => Ok(Frame::or_null(lists.index(call.arg(0)?, index)?)),
        // Redis looks at the key before it looks at the number.
        Err(_) if lists.len(call.arg(0)?)? == 0 => Ok(Frame::Null),
        Err(refusal) => Err(refusal),
    }
}

fn lrange<S: Source>(call: &Call<'_, S>) -> Answer {
    let (start, stop) = (call.integer(1)?, call.integer(2)?);
    let items = call.db.lists().range(call.arg(0)?, start, stop)?;
    Ok(Frame::Array(items.map(|item| item.map(Frame::Bulk)).collect::<Result<_>>()?))
}

fn lset<S: Writable>(call: &Call<'_, S>) -> Answer {
    let lists = call.db.lists();
    let index = match call.integer(1) {
        Err(_) if lists.len(call.arg(0)?)? == 0 => return Err(NO_SUCH_KEY),
        index => index?,
    };
    lists.set(call.arg(0)?, index, call.arg(2)?)?;
    Ok(Frame::OK)
}

fn linsert<S: Writable>(call: &Call<'_, S>) -> Answer {
    let (lists, key, place) = (call.db.lists(), call.arg(0)?, call.arg(1)?);
    let length = if is(place, "BEFORE") {
        lists.insert_before(key, call.arg(2)?, call.arg(3)?)?
    } else if is(place, "AFTER") {
        lists.insert_after(key, call.arg(2)?, call.arg(3)?)?
    } else {
        return Err(SYNTAX);
    };
    Ok(length.map_or(Frame::Integer(-1), Frame::count))
}

fn lrem<S: Writable>(call: &Call<'_, S>) -> Answer {
    let count = call.integer(1)?;
    Ok(Frame::count(call.db.lists().remove(call.arg(0)?, count, call.arg(2)?)?))
}

fn ltrim<S: Writable>(call: &Call<'_, S>) -> Answer {
    let (start, stop) = (call.integer(1)?, call.integer(2)?);
    call.db.lists().trim(call.arg(0)?, start, stop)?;
    Ok(Frame::OK)
}

/// Redis' words for a rank that it refuses.
const RANK_OF_ZERO: &str = "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use \
                            negative to start from the end of the list";

fn lpos<S: Source>(call: &Call<'_, S>) -> Answer {
    let mut options = PositionOptions::new().count(1);
    let mut has_count = false;
    let mut words = call.words(2);
    while let Some(word) = words.next() {
        let mut natural = |text| words.wanted().and_then(|word| natural(word, Refusal::of(text)));
        options = match option(word).as_slice() {
            b"RANK" => match words.integer()? {
                0 => return Err(Refusal::of(RANK_OF_ZERO)),
                i64::MIN => return Err(Refusal::of("ERR value is out of range")),
                rank => options.rank(rank),
            },
            b"COUNT" => {
                has_count = true;
                options.count(natural("ERR COUNT can't be negative")?)
            }
            b"MAXLEN" => options.max_len(natural("ERR MAXLEN can't be negative")?),
            _ => return Err(SYNTAX),
        };
    }
    let found = call.db.lists().positions(call.arg(0)?, call.arg(1)?, options);
    let mut found = found.map_err(instead(ErrorKind::InvalidInput, RANK_OF_ZERO))?.into_iter().map(Frame::count);
    Ok(if has_count { Frame::Array(found.collect()) } else { found.next().unwrap_or(Frame::Null) })
}

fn natural(word: &[u8], refusal: Refusal) -> std::result::Result<u64, Refusal> {
    let number = integer_or(word, refusal.clone())?;
    u64::try_from(number).map_err(|_| refusal)
}

pub(super) fn end_of(word: &[u8]) -> std::result::Result<ListEnd, Refusal> {
    match option(word).as_slice() {
        b"LEFT" => Ok(ListEnd::Left),
        b"RIGHT" => Ok(ListEnd::Right),
        _ => Err(SYNTAX),
    }
}

fn lmove<S: Writable>(call: &Call<'_, S>) -> Answer {
    let (from, to) = (end_of(call.arg(2)?)?, end_of(call.arg(3)?)?);
    Ok(Frame::or_null(call.db.lists().move_item(call.arg(0)?, call.arg(1)?, from, to)?))
}

fn rpoplpush<S: Writable>(call: &Call<'_, S>) -> Answer {
    let (from, to) = (call.arg(0)?, call.arg(1)?);
    Ok(Frame::or_null(call.db.lists().move_item(from, to, ListEnd::Right, ListEnd::Left)?))
}

/// The keys, the end and the count of LMPOP and ZMPOP, and of those that wait.
pub(super) fn mpop_arguments<E>(
    args: &[Bytes],
    end_of: fn(&[u8]) -> std::result::Result<E, Refusal>,
) -> std::result::Result<(&[Bytes], E, u64), Refusal> {
    let few = Refusal::of("ERR numkeys should be greater than 0");
    let (count, rest) = args.split_first().ok_or(SYNTAX)?;
    let count = integer_or(count, few.clone())?;
    let count = usize::try_from(count).ok().filter(|count| *count > 0).ok_or(few)?;
    let (keys, rest) = rest.split_at_checked(count).ok_or(SYNTAX)?;
    let mut words = super::arguments::Words { rest };
    let end = end_of(words.wanted()?)?;
    let mut wanted = None;
    while let Some(word) = words.next() {
        if wanted.is_some() || !is(word, "COUNT") || words.is_empty() {
            return Err(SYNTAX);
        }
        let few = || Refusal::of("ERR count should be greater than 0");
        wanted =
            Some(natural(words.wanted()?, few()).and_then(|count| if count > 0 { Ok(count) } else { Err(few()) })?);
    }
    Ok((keys, end, wanted.unwrap_or(1)))
}

fn lmpop<S: Writable>(call: &Call<'_, S>) -> Answer {
    let (keys, end, count) = mpop_arguments(call.args, end_of)?;
    Ok(match call.db.lists().pop_first(keys, end, count)? {
        Some((key, items)) => Frame::Array(vec![Frame::Bulk(key), Frame::bulks(items)]),
        None => Frame::NullArray,
    })
}
