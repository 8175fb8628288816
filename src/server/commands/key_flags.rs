//! What a command does with each of its keys, as COMMAND GETKEYSANDFLAGS tells it.
//!
//! Uses the table. The first word: reads (`RO`), reads and writes (`RW`), overwrites (`OW`) or removes (`RM`); the others: looks at the
//! value (`access`), changes it (`update`), adds to it (`insert`), takes from it (`delete`).

use bytes::Bytes;

use super::Command;
use super::arguments::is;

/// The flags of the first key and of all others, and the commands that have them. Not here: those that only look at values.
const FLAGS: &[(&str, &str, &str)] = &[
    ("RW insert", "RW insert", "append hsetnx linsert lpush lpushx pfadd rpush rpushx sadd"),
    (
        "OW update",
        "RO access",
        "bitop geosearchstore sdiffstore sunionstore zdiffstore zinterstore zrangestore zunionstore",
    ),
    ("RW access delete", "RW insert", "blmove brpoplpush lmove rpoplpush smove"),
    (
        "RW access delete",
        "RW access delete",
        "blmpop blpop brpop bzmpop bzpopmax bzpopmin getdel lmpop lpop rpop spop zmpop zpopmax zpopmin",
    ),
    ("RO access", "OW update", "copy georadius georadiusbymember sort"),
    (
        "RW access update",
        "RW access update",
        "bitfield decr decrby getex getset hincrby hincrbyfloat incr incrby incrbyfloat move setbit zincrby",
    ),
    ("RM delete", "RM delete", "del unlink"),
    (
        "RO",
        "RO",
        "exists hexists hlen hstrlen llen memory|usage object|encoding object|freq object|idletime object|refcount scard sismember \
         strlen touch type watch zcard",
    ),
    ("RW update", "RW update", "expire expireat geoadd hmset hset lset persist pexpire pexpireat setrange zadd"),
    ("RW delete", "RW delete", "hdel lrem ltrim srem zrem zremrangebylex zremrangebyrank zremrangebyscore"),
    ("OW update", "OW update", "mset psetex restore set setex"),
    ("OW insert", "OW insert", "msetnx setnx"),
    ("RW access", "RW access", "pfcount"),
    ("RW access insert", "RO access", "pfmerge"),
    ("RW access delete", "OW update", "rename"),
    ("RW access delete", "OW insert", "renamenx"),
    ("RW update", "RO access", "sinterstore"),
];

/// The flags of the first key of this call, and of all others.
pub(super) fn flags_of(command: &Command, args: &[Bytes]) -> [&'static str; 2] {
    let has = |option: &str| args.iter().any(|word| is(word, option));
    match command.name {
        "set" if args.iter().skip(2).any(|word| is(word, "GET")) => ["RW access update"; 2],
        "bitfield" if !has("SET") && !has("INCRBY") => ["RO access"; 2],
        name => {
            let stands = |names: &str| names.split_ascii_whitespace().any(|other| other == name);
            let found = FLAGS.iter().find(|(_, _, names)| stands(names));
            found.map_or(["RO access"; 2], |(first, others, _)| [first, others])
        }
    }
}
