//! The commands on sorted sets.
//!
//! Uses the public API of sorted sets. Invariant: members that windrow chose at random are checked against Redis' set.

mod combine;
pub(crate) mod deep;
mod ranges;

use bytes::Bytes;
use windrow::{DataType, Db, ErrorKind, Source, Writable, ZAddOptions, ZEnd, ZRange};

use crate::births::{BORN, born};
use crate::command::{Command, Commands, Compare, Handler, Mirror, Place, Run, both_sides, counted};
use crate::draw::Draw;
use crate::resp::Reply;
use crate::{random, scans};

pub(crate) struct Zsets;

/// Few scores, so that many are equal, and those at which arithmetic goes wrong.
const SCORES: [&str; 20] = [
    "0",
    "-0",
    "1",
    "1",
    "2",
    "2",
    "3",
    "-1",
    "0.1",
    "0.2",
    "2.5",
    "-1.25",
    "inf",
    "-inf",
    "1e17",
    "1e-7",
    "5e-324",
    "1.7e308",
    "-1.7e308",
    "9007199254740993",
];

impl Commands for Zsets {
    fn data_type(&self) -> Option<DataType> {
        Some(DataType::SortedSet)
    }

    fn draw(&self, draw: &mut Draw) -> Command {
        let key = draw.key();
        let named = |name| Command::new(name).arg(key);
        match draw.below(100) {
            0..=24 => draw_add(draw, named("ZADD")),
            25..=27 => named("ZINCRBY").arg(score_text(draw)).arg(draw.member()),
            28..=33 => named("ZREM").args(draw.members()),
            34..=36 => named("ZSCORE").arg(draw.member()),
            37..=38 => named("ZMSCORE").args(draw.members()),
            39..=40 => named("ZCARD"),
            41..=44 => named(draw.pick(&["ZRANK", "ZREVRANK"])).arg(draw.member()),
            45..=62 => ranges::draw_reading(draw, key),
            63..=70 => ranges::draw_writing(draw, key),
            71..=75 => {
                let command = named(draw.pick(&["ZPOPMIN", "ZPOPMAX"]));
                if draw.once_in(3) { command } else { command.int(draw.count().min(5)) }
            }
            76..=78 => {
                let keys = draw.keys();
                let command = Command::new("ZMPOP").int(keys.len()).args(keys).arg(draw.pick(&["MIN", "MAX"]));
                // Redis refuses a count of zero.
                if draw.once_in(3) { command } else { command.arg("COUNT").int(draw.below(4)) }
            }
            79..=82 => random::draw_choice(draw, named("ZRANDMEMBER"), Some("WITHSCORES")),
            83..=85 => scans::draw_scan(draw, named("ZSCAN")),
            // All scores become one, so that ranges of members are defined.
            86..=88 => named("ZUNIONSTORE").int(1).arg(key).arg("WEIGHTS").int(0),
            _ => combine::draw(draw),
        }
    }

    both_sides!(handlers);
}

/// How each command is done and compared.
fn handlers<S: Writable>() -> Vec<Handler<S>> {
    let mut handlers = vec![
        Handler::mirrored("ZADD", add, BORN),
        scores("ZINCRBY", |place, command| {
            let by = number(&command.args[1]);
            scored(by, || Ok(score(place.db().zsets().incr_by(command.key(), &command.args[2], by)?)))
        }),
        Handler::exact("ZREM", |place, command| {
            Ok(Reply::int(place.db().zsets().remove(command.key(), &command.args[1..])?))
        }),
        scores("ZSCORE", |place, command| {
            Ok(place.db().zsets().score(command.key(), &command.args[1])?.map_or(Reply::nil(), score))
        }),
        scores("ZMSCORE", |place, command| {
            let found = place.db().zsets().mscore(command.key(), &command.args[1..])?;
            Ok(Reply::Array(Some(found.into_iter().map(|found| found.map_or(Reply::nil(), score)).collect())))
        }),
        Handler::exact("ZCARD", |place, command| Ok(Reply::int(place.db().zsets().len(command.key())?))),
        Handler::exact("ZRANK", |place, command| {
            Ok(place.db().zsets().rank(command.key(), &command.args[1])?.map_or(Reply::nil(), Reply::int))
        }),
        Handler::exact("ZREVRANK", |place, command| {
            Ok(place.db().zsets().rev_rank(command.key(), &command.args[1])?.map_or(Reply::nil(), Reply::int))
        }),
        scores("ZPOPMIN", |place, command| {
            let count = random::wanted(command).unsigned_abs();
            Ok(pairs(place.db().zsets().pop_min(command.key(), count)?))
        }),
        scores("ZPOPMAX", |place, command| {
            let count = random::wanted(command).unsigned_abs();
            Ok(pairs(place.db().zsets().pop_max(command.key(), count)?))
        }),
        scores("ZMPOP", |place, command| counted(mpop(place, command))),
        Handler::mirrored("ZRANDMEMBER", choose, CHOICE),
        Handler::mirrored("ZSCAN", scan, SCAN),
    ];
    handlers.extend(ranges::handlers());
    handlers.extend(combine::handlers());
    handlers
}

/// A command whose reply may hold scores.
fn scores<S: Writable>(name: &'static str, run: Run<S>) -> Handler<S> {
    Handler { name, run, compare: Compare::After(without_negative_zero) }
}

fn pick_score(draw: &mut Draw) -> &'static str {
    draw.pick(&SCORES)
}

/// A score, seldom one that is no number.
fn score_text(draw: &mut Draw) -> &'static str {
    if draw.once_in(200) { "nan" } else { pick_score(draw) }
}

fn draw_add(draw: &mut Draw, command: Command) -> Command {
    let presence = draw.pick(&["", "", "", "NX", "XX"]);
    let replacing = if presence == "NX" && !draw.once_in(20) { "" } else { draw.pick(&["", "", "GT", "LT"]) };
    let flags = [presence, replacing, draw.pick(&["", "CH"]), if draw.once_in(5) { "INCR" } else { "" }];
    let command = command.args(flags.iter().filter(|flag| !flag.is_empty()));
    let members = if flags[3].is_empty() { draw.members() } else { vec![draw.member()] };
    // Many members of one score, at times.
    let shared = draw.once_in(6).then(|| pick_score(draw));
    members
        .into_iter()
        .fold(command, |command, member| command.arg(shared.unwrap_or_else(|| score_text(draw))).arg(member))
}

fn number(text: &[u8]) -> f64 {
    std::str::from_utf8(text).unwrap().parse().unwrap()
}

/// A score as Redis writes it: C's `%.17g`.
fn score(score: f64) -> Reply {
    if score.is_infinite() {
        return Reply::bytes(if score > 0.0 { "inf" } else { "-inf" });
    }
    let scientific = format!("{score:.16e}");
    let (digits, exponent) = scientific.split_once('e').unwrap();
    let exponent: i32 = exponent.parse().unwrap();
    let trimmed = |text: &str| text.trim_end_matches('0').trim_end_matches('.').to_owned();
    if (-4..17).contains(&exponent) {
        let fixed = format!("{score:.*}", usize::try_from(16 - exponent).unwrap());
        return Reply::bytes(if fixed.contains('.') { trimmed(&fixed) } else { fixed });
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    Reply::bytes(format!("{}e{sign}{:02}", trimmed(digits), exponent.abs()))
}

fn pairs(entries: Vec<(Bytes, f64)>) -> Reply {
    Reply::Array(Some(entries.into_iter().flat_map(|(member, at)| [Reply::bytes(member), score(at)]).collect()))
}

fn members_or_pairs(with_scores: bool, entries: Vec<(Bytes, f64)>) -> Reply {
    if with_scores { pairs(entries) } else { Reply::list(entries.into_iter().map(|(member, _)| member)) }
}

/// WHY: Redis keeps the sign of a zero; windrow has one zero, as the two are equal in every order and condition. A
/// member that reads like a negative zero is folded too, on both sides.
pub(crate) fn without_negative_zero(reply: Reply) -> Reply {
    match reply {
        Reply::Bulk(Some(bytes)) if bytes == "-0" => Reply::bytes("0"),
        Reply::Array(Some(items)) => Reply::Array(Some(items.into_iter().map(without_negative_zero).collect())),
        other => other,
    }
}

/// All members of a sorted set with their scores, without negative zeros.
pub(crate) fn whole<S: Source>(db: &Db<S>, key: &[u8]) -> windrow::Result<Reply> {
    Ok(without_negative_zero(pairs(db.zsets().range(key, ZRange::ranks(0, -1))?.collect::<windrow::Result<_>>()?)))
}

/// Does what takes the score `given`, and says what Redis does if that is no number.
fn scored(given: f64, work: impl FnOnce() -> windrow::Result<Reply>) -> windrow::Result<Reply> {
    match work() {
        Err(error) if error.kind() == ErrorKind::NotANumber && given.is_nan() => {
            Ok(Reply::Error("ERR value is not a valid float".to_owned()))
        }
        done => done,
    }
}

fn add<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let is_flag = |arg: &&Vec<u8>| ["NX", "XX", "GT", "LT", "CH", "INCR"].iter().any(|flag| *arg == flag.as_bytes());
    let flags: Vec<&Vec<u8>> = command.args[1..].iter().take_while(is_flag).collect();
    let has = |flag: &str| flags.iter().any(|found| *found == flag.as_bytes());
    let mut options = ZAddOptions::new();
    for (flag, set) in [
        ("NX", ZAddOptions::if_absent as fn(ZAddOptions) -> ZAddOptions),
        ("XX", ZAddOptions::if_present),
        ("GT", ZAddOptions::if_greater),
        ("LT", ZAddOptions::if_less),
    ] {
        options = if has(flag) { set(options) } else { options };
    }
    let entries = command.args[1 + flags.len()..].chunks(2).map(|pair| (pair[1].as_slice(), number(&pair[0])));
    let entries: Vec<(&[u8], f64)> = entries.collect();
    let worst = entries.iter().map(|(_, score)| *score).find(|score| score.is_nan()).unwrap_or(0.0);
    let done = scored(worst, || {
        let db = place.db();
        if has("INCR") {
            let (member, by) = entries[0];
            let sum = db.zsets().incr_by_with(command.key(), member, by, options)?;
            return Ok(sum.map_or(Reply::nil(), score));
        }
        born(place, command.key(), |birth| {
            let done = db.zsets().add_with(command.key(), entries, options.create(birth))?;
            Ok(Reply::int(if has("CH") { done.added + done.updated } else { done.added }))
        })
    });
    match done {
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(Reply::Error(format!("ERR {error}"))),
        done => done,
    }
}

fn mpop<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let keys = combine::keys_at(command, 0);
    let end = if command.has(1 + keys.len(), "MIN") { ZEnd::Min } else { ZEnd::Max };
    let count = command.number_after(1 + keys.len(), "COUNT").unwrap_or(1);
    let Some(popped) = place.db().zsets().mpop(keys, end, count)? else {
        return Ok(Reply::Array(None));
    };
    let members = popped.members.into_iter().map(|one| pairs(vec![one])).collect();
    Ok(Reply::Array(Some(vec![Reply::bytes(popped.key), Reply::Array(Some(members))])))
}

/// A whole scan.
fn scan<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let db = place.db();
    let found = scans::drive(command, |cursor, options| db.zsets().scan(command.key(), cursor, options));
    scans::reply(found.map(pairs))
}

const SCAN: Mirror = Mirror {
    commands: scans::ask,
    is_legal: |_, ours, replies| scans::agree(&rewritten(ours), &rewritten(&replies[0]), 2),
};

/// A page with its scores written in one way. WHY: a scan of Redis writes small sets' whole numbers with all digits.
fn rewritten(reply: &Reply) -> Reply {
    let Reply::Array(Some(page)) = reply else {
        return reply.clone();
    };
    let entries = page[1].items();
    let entries = entries.chunks(2).map(|entry| (entry[0].clone(), number(&entry[1]) + 0.0));
    Reply::Array(Some(vec![page[0].clone(), pairs(entries.collect())]))
}

fn choose<S: Writable>(place: &Place<'_, S>, command: &Command) -> windrow::Result<Reply> {
    let (db, wanted) = (place.db(), random::wanted(command));
    let mut chosen = match wanted < 0 {
        true => db.zsets().random_repeated(command.key(), wanted.unsigned_abs())?,
        false => db.zsets().random(command.key(), wanted.unsigned_abs())?,
    };
    Ok(match command.args.len() {
        1 => chosen.pop().map_or(Reply::nil(), |(member, _)| Reply::bytes(member)),
        given => members_or_pairs(given == 3, chosen),
    })
}

/// The members that a random choice gave, and their scores if they were asked for.
fn chosen(command: &Command, ours: &Reply) -> (Vec<Bytes>, Vec<Bytes>) {
    let items = ours.names();
    if command.args.len() < 3 {
        return (items, Vec::new());
    }
    (items.iter().step_by(2).cloned().collect(), items.iter().skip(1).step_by(2).cloned().collect())
}

const CHOICE: Mirror = Mirror {
    commands: |command, ours| random::ask(command, &chosen(command, ours).0, "ZCARD", "ZMSCORE"),
    is_legal: |command, ours, replies| match replies {
        [same] => ours == same,
        [size, found] => {
            let (members, scores) = chosen(command, ours);
            let found = without_negative_zero(found.clone()).items();
            // A member that Redis does not have is not among the items.
            random::has_right_size(command, &members, size)
                && found.len() == members.len()
                && (command.args.len() < 3 || found == scores)
        }
        _ => false,
    },
};
