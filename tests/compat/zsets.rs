//! The commands on sorted sets.
//!
//! Uses the public API of sorted sets. Invariant: what windrow chose at random is checked against Redis' set; what
//! Redis leaves undefined (ranges of members in a set with several scores) is not compared.

use std::collections::BTreeSet;

use bytes::Bytes;
use windrow::{
    Aggregate, CombineOptions, DataType, Db, LexBound, ScanCursor, ScanOptions, ScoreBound, Source, ZAddOptions, ZEnd,
    ZRange,
};

use crate::command::{Command, Commands, Compare, Handler, Mirror, Place, Run};
use crate::draw::Draw;
use crate::resp::Reply;

pub(crate) struct Zsets;

/// Few scores, so that many are equal, and those at which arithmetic goes wrong.
const SCORES: [&str; 16] =
    ["0", "1", "1", "2", "2", "3", "-1", "0.1", "2.5", "-1.25", "inf", "-inf", "1e17", "1e-7", "5e-324", "1.7e308"];

const WEIGHTS: [&str; 8] = ["1", "1", "2", "-1", "0", "0.3", "inf", "-inf"];

impl Commands for Zsets {
    fn data_type(&self) -> Option<DataType> {
        Some(DataType::SortedSet)
    }

    fn draw(&self, draw: &mut Draw) -> Command {
        let key = draw.key();
        let named = |name| Command::new(name).arg(key);
        match draw.below(100) {
            0..=24 => draw_add(draw, named("ZADD")),
            25..=27 => named("ZINCRBY").arg(draw.pick(&SCORES)).arg(draw.member()),
            28..=33 => named("ZREM").args(draw.members()),
            34..=36 => named("ZSCORE").arg(draw.member()),
            37..=38 => named("ZMSCORE").args(draw.members()),
            39..=40 => named("ZCARD"),
            41..=44 => named(draw.pick(&["ZRANK", "ZREVRANK"])).arg(draw.member()),
            45..=48 => score_bounds(draw, named("ZCOUNT")),
            49..=50 => lex_bounds(draw, named("ZLEXCOUNT")),
            51..=60 => draw_range(draw, named("ZRANGE"), true),
            61..=64 => {
                let to = draw.key();
                draw_range(draw, Command::new("ZRANGESTORE").arg(to).arg(key), false)
            }
            65..=66 => named("ZREMRANGEBYRANK").int(draw.index()).int(draw.index()),
            67..=68 => score_bounds(draw, named("ZREMRANGEBYSCORE")),
            69..=70 => lex_bounds(draw, named("ZREMRANGEBYLEX")),
            71..=75 => named(draw.pick(&["ZPOPMIN", "ZPOPMAX"])).int(draw.count().min(5)),
            76..=78 => {
                let keys = draw.keys();
                let command = Command::new("ZMPOP").int(keys.len()).args(keys).arg(draw.pick(&["MIN", "MAX"]));
                command.arg("COUNT").int(1 + draw.below(3))
            }
            79..=82 => named("ZRANDMEMBER").int(draw.index()).arg("WITHSCORES"),
            83..=84 => {
                let pattern = draw.pick(&["*", "m*", "m[1-3]", "?", "n?0", "[^m]*"]);
                named("ZSCAN").int(0).arg("MATCH").arg(pattern).arg("COUNT").int(1_000_000)
            }
            // All scores become one, so that ranges of members are defined.
            85..=87 => named("ZUNIONSTORE").int(1).arg(key).arg("WEIGHTS").int(0),
            _ => draw_combination(draw),
        }
    }

    fn handlers(&self) -> Vec<Handler> {
        let scores = |name, run: Run| Handler { name, run, compare: Compare::After(without_negative_zero) };
        vec![
            scores("ZADD", add),
            scores("ZINCRBY", |place, command| {
                let by = number(&command.args[1]);
                Ok(score(place.db().zsets().incr_by(command.key(), &command.args[2], by)?))
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
            Handler::exact("ZCOUNT", |place, command| {
                Ok(Reply::int(place.db().zsets().count(command.key(), scores_of(&command.args[1], &command.args[2]))?))
            }),
            Handler::mirrored("ZLEXCOUNT", |place, command| lex_only(place, command, 0, Zsets::lex_count), SAME),
            Handler::mirrored("ZRANGE", |place, command| lex_only(place, command, 0, Zsets::range), SAME),
            Handler::mirrored("ZRANGESTORE", |place, command| lex_only(place, command, 1, Zsets::range_store), SAME),
            Handler::exact("ZREMRANGEBYRANK", |place, command| {
                let range = ZRange::ranks(command.number(1), command.number(2));
                Ok(Reply::int(place.db().zsets().remove_range(command.key(), range)?))
            }),
            Handler::exact("ZREMRANGEBYSCORE", |place, command| {
                let range = scores_of(&command.args[1], &command.args[2]);
                Ok(Reply::int(place.db().zsets().remove_range(command.key(), range)?))
            }),
            Handler::mirrored("ZREMRANGEBYLEX", |place, command| lex_only(place, command, 0, Zsets::lex_remove), SAME),
            scores("ZPOPMIN", |place, command| {
                Ok(pairs(place.db().zsets().pop_min(command.key(), command.number(1))?))
            }),
            scores("ZPOPMAX", |place, command| {
                Ok(pairs(place.db().zsets().pop_max(command.key(), command.number(1))?))
            }),
            scores("ZMPOP", mpop),
            Handler::mirrored("ZRANDMEMBER", random, RANDOM),
            Handler { name: "ZSCAN", run: scan, compare: Compare::After(scanned) },
            scores("ZUNION", combine),
            scores("ZINTER", combine),
            scores("ZDIFF", combine),
            scores("ZUNIONSTORE", store),
            scores("ZINTERSTORE", store),
            scores("ZDIFFSTORE", store),
            Handler::exact("ZINTERCARD", |place, command| {
                let keys = keys_at(command, 0);
                let limit = command.number_after(1 + keys.len(), "LIMIT").unwrap_or(0);
                Ok(Reply::int(place.db().zsets().inter_card(keys, limit)?))
            }),
        ]
    }
}

fn draw_add(draw: &mut Draw, command: Command) -> Command {
    let presence = draw.pick(&["", "", "", "NX", "XX"]);
    let replacing = if presence == "NX" { "" } else { draw.pick(&["", "", "GT", "LT"]) };
    let flags = [presence, replacing, draw.pick(&["", "CH"]), if draw.once_in(5) { "INCR" } else { "" }];
    let command = command.args(flags.iter().filter(|flag| !flag.is_empty()));
    let members = if flags[3].is_empty() { draw.members() } else { vec![draw.member()] };
    // Many members of one score, at times.
    let shared = draw.once_in(6).then(|| draw.pick(&SCORES));
    members
        .into_iter()
        .fold(command, |command, member| command.arg(shared.unwrap_or_else(|| draw.pick(&SCORES))).arg(member))
}

fn score_bounds(draw: &mut Draw, command: Command) -> Command {
    let mut bound = || format!("{}{}", draw.pick(&["", "", "("]), draw.pick(&SCORES));
    let (min, max) = (bound(), bound());
    command.arg(min).arg(max)
}

fn lex_bounds(draw: &mut Draw, command: Command) -> Command {
    let mut bound = |open: &str| match draw.below(4) {
        0 => open.as_bytes().to_vec(),
        1 => [b"(".as_slice(), &draw.member()].concat(),
        _ => [b"[".as_slice(), &draw.member()].concat(),
    };
    let (min, max) = (bound("-"), bound("+"));
    command.arg(min).arg(max)
}

fn draw_range(draw: &mut Draw, command: Command, with_scores: bool) -> Command {
    let by = draw.pick(&["", "BYSCORE", "BYLEX"]);
    let mut command = match by {
        "BYSCORE" => score_bounds(draw, command),
        "BYLEX" => lex_bounds(draw, command),
        _ => command.int(draw.index()).int(draw.index()),
    };
    if !by.is_empty() {
        command = command.arg(by);
    }
    if draw.once_in(2) {
        let last = command.args.len() - if by.is_empty() { 2 } else { 3 };
        if !by.is_empty() {
            // Redis takes the higher bound first then.
            command.args.swap(last, last + 1);
        }
        command = command.arg("REV");
    }
    if !by.is_empty() && draw.once_in(3) {
        command = command.arg("LIMIT").int(draw.below(4)).int(draw.within(-1..5));
    }
    if with_scores && by != "BYLEX" { command.arg("WITHSCORES") } else { command }
}

fn draw_combination(draw: &mut Draw) -> Command {
    let (keys, to) = (draw.keys(), draw.key());
    let kind = draw.pick(&["ZUNION", "ZINTER", "ZDIFF", "ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE", "ZINTERCARD"]);
    let command = Command::new(kind);
    let command = if kind.ends_with("STORE") { command.arg(to) } else { command };
    let mut command = command.int(keys.len()).args(&keys);
    if kind == "ZINTERCARD" {
        return if draw.once_in(2) { command.arg("LIMIT").int(draw.below(4)) } else { command };
    }
    if !kind.starts_with("ZDIFF") && draw.once_in(2) {
        command = command.arg("WEIGHTS");
        command = keys.iter().fold(command, |command, _| command.arg(draw.pick(&WEIGHTS)));
    }
    if !kind.starts_with("ZDIFF") && draw.once_in(2) {
        command = command.arg("AGGREGATE").arg(draw.pick(&["SUM", "MIN", "MAX"]));
    }
    if kind.ends_with("STORE") { command } else { command.arg("WITHSCORES") }
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

/// Redis keeps the sign of a zero that a weight made; windrow has one zero.
pub(crate) fn without_negative_zero(reply: Reply) -> Reply {
    match reply {
        Reply::Bulk(Some(bytes)) if bytes == "-0" => Reply::bytes("0"),
        Reply::Array(Some(items)) => Reply::Array(Some(items.into_iter().map(without_negative_zero).collect())),
        other => other,
    }
}

/// All members of a sorted set with their scores. A member that reads like a negative zero is shown as Redis' is.
pub(crate) fn whole<S: Source>(db: &Db<S>, key: &[u8]) -> windrow::Result<Reply> {
    Ok(without_negative_zero(pairs(db.zsets().range(key, ZRange::ranks(0, -1))?.collect::<windrow::Result<_>>()?)))
}

fn add(place: &Place<'_>, command: &Command) -> windrow::Result<Reply> {
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
    let mut entries = command.args[1 + flags.len()..].chunks(2).map(|pair| (pair[1].as_slice(), number(&pair[0])));
    let zsets = place.db();
    let zsets = zsets.zsets();
    if has("INCR") {
        let (member, by) = entries.next().unwrap();
        return Ok(zsets.incr_by_with(command.key(), member, by, options)?.map_or(Reply::nil(), score));
    }
    let done = zsets.add_with(command.key(), entries, options)?;
    Ok(Reply::int(if has("CH") { done.added + done.updated } else { done.added }))
}

fn scores_of<'a>(min: &[u8], max: &[u8]) -> ZRange<'a> {
    let bound = |text: &[u8]| match text.strip_prefix(b"(") {
        Some(text) => ScoreBound::Excluded(number(text)),
        None => ScoreBound::Included(number(text)),
    };
    ZRange::scores(bound(min), bound(max))
}

fn lex_of<'a>(min: &'a [u8], max: &'a [u8]) -> ZRange<'a> {
    let bound = |text: &'a [u8]| match text.split_first().unwrap() {
        (b'-', []) => LexBound::Min,
        (b'+', []) => LexBound::Max,
        (b'(', member) => LexBound::Excluded(member),
        (_, member) => LexBound::Included(member),
    };
    ZRange::lex(bound(min), bound(max))
}

/// The range whose first bound stands at `from`.
fn range_at(command: &Command, from: usize) -> ZRange<'_> {
    let is_reversed = command.has(from + 2, "REV");
    let (first, second) = (&command.args[from], &command.args[from + 1]);
    let (min, max) = if is_reversed { (second, first) } else { (first, second) };
    let range = if command.has(from + 2, "BYSCORE") {
        scores_of(min, max)
    } else if command.has(from + 2, "BYLEX") {
        lex_of(min, max)
    } else {
        ZRange::ranks(command.number(from), command.number(from + 1))
    };
    let range = if is_reversed { range.rev() } else { range };
    match command.args[from + 2..].iter().position(|arg| arg == b"LIMIT") {
        Some(at) => {
            let count: i64 = command.number(from + at + 4);
            range.limit(command.number(from + at + 3), u64::try_from(count).unwrap_or(u64::MAX))
        }
        None => range,
    }
}

impl Zsets {
    fn range(db: &Db, command: &Command) -> windrow::Result<Reply> {
        let found = db.zsets().range(command.key(), range_at(command, 1))?.collect::<windrow::Result<Vec<_>>>()?;
        if command.has(3, "WITHSCORES") {
            return Ok(pairs(found));
        }
        Ok(Reply::list(found.into_iter().map(|(member, _)| member)))
    }

    fn range_store(db: &Db, command: &Command) -> windrow::Result<Reply> {
        Ok(Reply::int(db.zsets().range_store(command.key(), &command.args[1], range_at(command, 2))?))
    }

    fn lex_count(db: &Db, command: &Command) -> windrow::Result<Reply> {
        Ok(Reply::int(db.zsets().count(command.key(), lex_of(&command.args[1], &command.args[2]))?))
    }

    fn lex_remove(db: &Db, command: &Command) -> windrow::Result<Reply> {
        Ok(Reply::int(db.zsets().remove_range(command.key(), lex_of(&command.args[1], &command.args[2]))?))
    }
}

/// What stands for a range that Redis leaves undefined.
fn undefined() -> Reply {
    Reply::Simple("undefined".to_owned())
}

/// Does a command unless it is one on members in byte order of a set that has several scores.
fn lex_only(
    place: &Place<'_>,
    command: &Command,
    source: usize,
    run: fn(&Db, &Command) -> windrow::Result<Reply>,
) -> windrow::Result<Reply> {
    let db = place.db();
    let is_lex = command.name.contains("LEX") || command.has(source + 3, "BYLEX");
    if is_lex && db.data_type(&command.args[source])? == Some(DataType::SortedSet) {
        let end = |range| -> windrow::Result<Option<f64>> {
            Ok(db.zsets().range(&command.args[source], range)?.next().transpose()?.map(|(_, at)| at))
        };
        if end(ZRange::ranks(0, 0))? != end(ZRange::ranks(-1, -1))? {
            return Ok(undefined());
        }
    }
    run(&db, command)
}

/// The same command, unless it was undefined.
const SAME: Mirror = Mirror {
    commands: |command, ours| if *ours == undefined() { Vec::new() } else { vec![command.clone()] },
    is_legal: |_, ours, replies| match replies {
        [] => *ours == undefined(),
        [theirs] => without_negative_zero(theirs.clone()) == without_negative_zero(ours.clone()),
        _ => false,
    },
};

/// The keys behind their number, which stands at `at`.
fn keys_at(command: &Command, at: usize) -> &[Vec<u8>] {
    &command.args[at + 1..][..command.number(at)]
}

fn mpop(place: &Place<'_>, command: &Command) -> windrow::Result<Reply> {
    let keys = keys_at(command, 0);
    let end = if command.has(1 + keys.len(), "MIN") { ZEnd::Min } else { ZEnd::Max };
    let count = command.number_after(1 + keys.len(), "COUNT").unwrap();
    let Some(popped) = place.db().zsets().mpop(keys, end, count)? else {
        return Ok(Reply::Array(None));
    };
    let members = popped.members.into_iter().map(|one| pairs(vec![one])).collect();
    Ok(Reply::Array(Some(vec![Reply::bytes(popped.key), Reply::Array(Some(members))])))
}

/// How a combination whose number of keys stands at `at` makes scores.
fn combining<'w>(command: &Command, at: usize, weights: &'w mut Vec<f64>) -> CombineOptions<'w> {
    let keys = keys_at(command, at).len();
    let behind = &command.args[at + 1 + keys..];
    let mut options = CombineOptions::new();
    if let Some([word, given @ ..]) = behind.get(..=keys)
        && word == b"WEIGHTS"
    {
        weights.extend(given.iter().map(|weight| number(weight)));
        options = options.weights(weights);
    }
    let aggregate = behind.iter().position(|arg| arg == b"AGGREGATE").map(|at| behind[at + 1].as_slice());
    options.aggregate(match aggregate {
        Some(b"MIN") => Aggregate::Min,
        Some(b"MAX") => Aggregate::Max,
        _ => Aggregate::Sum,
    })
}

fn combine(place: &Place<'_>, command: &Command) -> windrow::Result<Reply> {
    let (db, keys, mut weights) = (place.db(), keys_at(command, 0), Vec::new());
    let options = combining(command, 0, &mut weights);
    Ok(pairs(match command.name {
        "ZUNION" => db.zsets().union(keys, options)?,
        "ZINTER" => db.zsets().inter(keys, options)?,
        _ => db.zsets().diff(keys)?,
    }))
}

fn store(place: &Place<'_>, command: &Command) -> windrow::Result<Reply> {
    let (db, keys, mut weights) = (place.db(), keys_at(command, 1), Vec::new());
    let options = combining(command, 1, &mut weights);
    Ok(Reply::int(match command.name {
        "ZUNIONSTORE" => db.zsets().union_store(command.key(), keys, options)?,
        "ZINTERSTORE" => db.zsets().inter_store(command.key(), keys, options)?,
        _ => db.zsets().diff_store(command.key(), keys)?,
    }))
}

/// A whole scan, in pages of random sizes, as the one page that Redis is asked for.
fn scan(place: &Place<'_>, command: &Command) -> windrow::Result<Reply> {
    let (mut cursor, mut found) = (ScanCursor::START, Vec::new());
    while !cursor.is_finished() {
        let options = ScanOptions::new().matching(&command.args[3]).count(fastrand::u64(1..20));
        let page = place.db().zsets().scan(command.key(), &cursor, options)?;
        found.extend(page.items);
        cursor = page.cursor;
    }
    Ok(Reply::Array(Some(vec![Reply::bytes("0"), pairs(found)])))
}

/// A page in one order, and its scores written in one way: a scan of Redis writes whole numbers with all digits.
fn scanned(reply: Reply) -> Reply {
    let Reply::Array(Some(page)) = reply else {
        return reply;
    };
    let entries = page[1].items();
    let entries = entries.chunks(2).map(|entry| (entry[0].clone(), number(&entry[1]) + 0.0));
    Reply::Array(Some(vec![page[0].clone(), pairs(entries.collect()).sorted_pairs()]))
}

fn random(place: &Place<'_>, command: &Command) -> windrow::Result<Reply> {
    // So many are drawn that more would take long.
    let count: i64 = command.number(1);
    let wanted = count.unsigned_abs().min(1000);
    let db = place.db();
    let chosen = if count < 0 {
        db.zsets().random_repeated(command.key(), wanted)?
    } else {
        db.zsets().random(command.key(), wanted)?
    };
    Ok(pairs(chosen))
}

/// Asks Redis for the size of its set and for the scores of the members that windrow chose.
const RANDOM: Mirror = Mirror {
    commands: |command, ours| {
        let chosen = ours.items();
        let size = Command::new("ZCARD").arg(command.key());
        if chosen.is_empty() {
            return vec![size];
        }
        vec![size, Command::new("ZMSCORE").arg(command.key()).args(chosen.into_iter().step_by(2))]
    },
    is_legal: |command, ours, replies| {
        let chosen = ours.items();
        let members: BTreeSet<&Bytes> = chosen.iter().step_by(2).collect();
        let (count, drawn) = (command.number::<i64>(1), chosen.len() as u64 / 2);
        let wanted = count.unsigned_abs().min(1000);
        match replies {
            [same @ Reply::Error(_)] => ours == same,
            [Reply::Int(size)] => drawn == 0 && (*size == 0 || wanted == 0),
            [Reply::Int(size), scores] => {
                let found: Vec<Bytes> = without_negative_zero(scores.clone()).items();
                let is_enough = if count < 0 {
                    drawn == wanted
                } else {
                    drawn == size.unsigned_abs().min(wanted) && members.len() as u64 == drawn
                };
                is_enough && found == chosen.iter().skip(1).step_by(2).cloned().collect::<Vec<_>>()
            }
            _ => false,
        }
    },
};
