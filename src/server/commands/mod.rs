//! Every command that the server knows: one table that drives dispatch and answers COMMAND.
//!
//! What lives here: what a command is, how it is found, what its handler is given and gives. One file for each group of handlers.
//! It may use the crate's public handles, `resp`, and the server's shared state. Invariant: a command that stands in the table
//! does what Redis' one does; one that does not is unknown.

mod arguments;
mod bits;
mod blocking;
mod config;
mod connection;
mod describe;
#[cfg(test)]
mod differences;
#[cfg(test)]
mod document;
mod expiry;
mod find_keys;
mod geo;
mod geo_search;
mod hashes;
mod help;
mod hyperloglogs;
mod info;
mod info_system;
mod key_flags;
mod keys;
mod keyspace;
mod lists;
mod monitor;
mod objects;
mod pausing;
mod pubsub;
mod refusal;
mod saves;
mod scans;
mod server;
mod sets;
mod slowness;
mod sorting;
mod standalone;
mod strings;
mod strings_more;
mod transactions;
mod zset_combine;
mod zset_ranges;
mod zsets;

use std::collections::HashMap;
use std::sync::LazyLock;

use bytes::Bytes;

use crate::resp::Frame;
use crate::server::session::Session;
use crate::server::shared::Shared;
use crate::{Db, Live, Source, Tx};

pub(crate) use blocking::{Filled, Wanted, may_fill};
pub(crate) use find_keys::keys_of;
pub(crate) use refusal::{Refusal, unknown_command, unknown_subcommand};

/// What a handler gives.
pub(crate) type Answer = Result<Frame, Refusal>;

/// A command, or a subcommand, whose name has a `|` in it then.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) name: &'static str,
    /// How many words it has, its name included; below zero: at least so many.
    pub(crate) arity: i32,
    /// Redis' flags, parted by spaces.
    pub(crate) flags: &'static str,
    /// The first key, the last one (from the end, if below zero), and the step; zeros for none.
    pub(crate) keys: [i32; 3],
    pub(crate) group: &'static str,
    pub(crate) since: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) run: Run,
}

/// How a command is done.
#[derive(Clone, Copy)]
pub(crate) enum Run {
    /// On keys of the selected db, also as a part of a transaction.
    Keyed { live: fn(&Call<'_, Live>) -> Answer, inside: fn(&Call<'_, Tx>) -> Answer },
    /// On a db or several as a whole.
    Whole(fn(&Call<'_, Live>) -> Answer),
    /// On the connection.
    Session(fn(&mut Session, &[Bytes]) -> Answer),
    /// On keys of the selected db, when there is something to take from one of them.
    Blocking(fn(&[Bytes]) -> Result<Wanted, Refusal>),
    /// By a subcommand.
    Container,
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Keyed { .. } => "Keyed",
            Self::Whole(_) => "Whole",
            Self::Session(_) => "Session",
            Self::Blocking(_) => "Blocking",
            Self::Container => "Container",
        })
    }
}

/// A handler of keys, for outside and inside of transactions.
macro_rules! keyed {
    ($handler:path) => {
        $crate::server::commands::Run::Keyed { live: $handler, inside: $handler }
    };
}
use keyed;

/// A row of the table.
const fn row(
    name: &'static str,
    arity: i32,
    flags: &'static str,
    keys: [i32; 3],
    (group, since): (&'static str, &'static str),
    run: Run,
    summary: &'static str,
) -> Command {
    Command { name, arity, flags, keys, group, since, summary, run }
}

/// The table, a part for each file.
static TABLE: [&[Command]; 32] = [
    bits::COMMANDS,
    blocking::COMMANDS,
    config::COMMANDS,
    connection::COMMANDS,
    describe::COMMANDS,
    expiry::COMMANDS,
    geo::COMMANDS,
    geo_search::COMMANDS,
    hashes::COMMANDS,
    help::COMMANDS,
    hyperloglogs::COMMANDS,
    info::COMMANDS,
    keys::COMMANDS,
    keyspace::COMMANDS,
    lists::COMMANDS,
    monitor::COMMANDS,
    objects::COMMANDS,
    pausing::COMMANDS,
    pubsub::COMMANDS,
    saves::COMMANDS,
    scans::COMMANDS,
    server::COMMANDS,
    sets::COMMANDS,
    slowness::COMMANDS,
    sorting::COMMANDS,
    standalone::COMMANDS,
    strings::COMMANDS,
    strings_more::COMMANDS,
    transactions::COMMANDS,
    zset_combine::COMMANDS,
    zset_ranges::COMMANDS,
    zsets::COMMANDS,
];

/// A command, and of its flags those that every call asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) command: &'static Command,
    /// Its place among all commands.
    pub(crate) place: usize,
    /// Allowed to a client that has not said who it is.
    pub(crate) is_open: bool,
    /// Not allowed between MULTI and EXEC.
    pub(crate) is_single: bool,
    /// Changes keys.
    pub(crate) is_write: bool,
    /// Allowed to a subscriber who speaks version two.
    pub(crate) is_for_subscribers: bool,
    /// May take long: other connections of the same thread need not wait for it.
    pub(crate) is_slow: bool,
    /// Has subcommands.
    pub(crate) is_container: bool,
    /// Changes a few elements of its keys, so that a commit costs more than the command: it may share one with others.
    pub(crate) is_small_write: bool,
    /// Looks at a few elements of its keys, so that it can be done between such writes.
    pub(crate) is_small_read: bool,
    /// May store more than before.
    pub(crate) is_growing: bool,
}

static KNOWN: LazyLock<HashMap<&'static str, Known>> = LazyLock::new(|| {
    let is_small = |command: &Command| {
        matches!(command.run, Run::Keyed { .. }) && command.keys != [0, 0, 0] && !is_slow(command.name)
    };
    let known = |(place, command): (usize, &'static Command)| Known {
        command,
        place,
        is_small_write: is_small(command) && command.has_flag("write"),
        is_small_read: is_small(command) && command.has_flag("readonly"),
        is_open: command.has_flag("no_auth"),
        is_single: command.has_flag("no_multi"),
        is_write: command.has_flag("write"),
        is_for_subscribers: command.name.ends_with("subscribe") || matches!(command.name, "ping" | "quit" | "reset"),
        is_slow: is_slow(command.name),
        is_container: command.subcommands().next().is_some(),
        is_growing: command.has_flag("denyoom"),
    };
    all().enumerate().map(|(place, command)| (command.name, known((place, command)))).collect()
});

/// The commands that may look at more than a few elements, or write files.
const SLOW: &str = "keys sort sort_ro flushall flushdb save dump restore copy lcs bitop bitcount bitpos pfcount pfmerge \
                    sinter sinterstore sintercard sunion sunionstore sdiff sdiffstore smembers hgetall hkeys hvals lrange \
                    zunion zunionstore zinter zinterstore zintercard zdiff zdiffstore zrange zrangestore zrangebyscore \
                    zrangebylex zrevrange zrevrangebyscore zrevrangebylex zcount zlexcount zremrangebyrank \
                    zremrangebyscore zremrangebylex georadius georadius_ro georadiusbymember georadiusbymember_ro geosearch \
                    geosearchstore randomkey scan lrem linsert lpos ltrim exec object|encoding memory|usage";

fn is_slow(name: &str) -> bool {
    SLOW.split_ascii_whitespace().any(|slow| slow == name)
}

/// All commands and subcommands.
pub(crate) fn all() -> impl Iterator<Item = &'static Command> {
    TABLE.iter().flat_map(|part| part.iter())
}

/// The longest name, with that of a subcommand.
const MAX_NAME: usize = 32;

/// Finds a command by its name in any case, or a subcommand by both names.
pub(crate) fn find(name: &[u8], of: Option<&Command>) -> Option<Known> {
    let mut text = [0_u8; MAX_NAME];
    let mut length = 0;
    let container = of.map_or("", |command| command.name);
    let bar = if of.is_some() { "|" } else { "" };
    for byte in container.bytes().chain(bar.bytes()).chain(name.iter().copied()) {
        *text.get_mut(length)? = byte.to_ascii_lowercase();
        length += 1;
    }
    let is_plain = of.is_some() || !name.contains(&b'|');
    let text = std::str::from_utf8(text.get(..length)?).ok()?;
    KNOWN.get(text).copied().filter(|_| is_plain)
}

impl Command {
    pub(crate) fn has_flag(&self, flag: &str) -> bool {
        self.flags.split_ascii_whitespace().any(|has| has == flag)
    }

    /// Its subcommands.
    pub(crate) fn subcommands(&self) -> impl Iterator<Item = &'static Command> {
        let container = self.name;
        all().filter(move |command| command.name.strip_prefix(container).is_some_and(|rest| rest.starts_with('|')))
    }

    /// Whether it may have so many words.
    pub(crate) fn takes(&self, words: usize) -> bool {
        let wanted = usize::try_from(self.arity.unsigned_abs()).unwrap_or(usize::MAX);
        if self.arity < 0 { words >= wanted } else { words == wanted }
    }
}

/// What a handler of keys is given.
pub(crate) struct Call<'a, S: Source> {
    pub(crate) db: &'a Db<S>,
    /// The words behind the command's name.
    pub(crate) args: &'a [Bytes],
    pub(crate) command: &'static Command,
    pub(crate) shared: &'a Shared,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found_in_any_case() {
        assert_eq!(KNOWN.len(), all().count());
        for command in all() {
            assert!(command.name.len() <= MAX_NAME, "{}", command.name);
            assert_eq!(command.name, command.name.to_lowercase());
            let found = match command.name.split_once('|') {
                Some((container, name)) => {
                    find(name.to_uppercase().as_bytes(), find(container.as_bytes(), None).map(|known| known.command))
                }
                None => find(command.name.to_uppercase().as_bytes(), None),
            };
            assert!(std::ptr::eq(found.unwrap().command, command));
        }
        assert!(find(b"client|id", None).is_none());
        assert!(find(&[b'x'; 1000], None).is_none());
        assert!(SLOW.split_ascii_whitespace().all(|name| KNOWN.contains_key(name)));
    }
}
