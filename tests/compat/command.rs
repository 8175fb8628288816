//! Commands in Redis' words, and what each file of commands offers.
//!
//! Uses the replies. Invariant: every command that is drawn has a handler, and its arguments parse.

use std::fmt;

use windrow::{DataType, Db, ErrorKind, Live, Store, Transaction, Tx, Writable};

use crate::draw::{Draw, KEYS};
use crate::resp::{Reply, Shown};

/// A command with its arguments. Unit of work, of comparison and of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) name: &'static str,
    pub(crate) args: Vec<Vec<u8>>,
    /// Whether Redis is to notify nobody of what it does.
    pub(crate) is_silent: bool,
}

impl Command {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, args: Vec::new(), is_silent: false }
    }

    /// Done without anybody being notified: it makes Redis' state that of windrow, and is not what windrow did.
    pub(crate) fn silently(mut self) -> Self {
        self.is_silent = true;
        self
    }

    /// Adds an argument.
    pub(crate) fn arg(mut self, arg: impl AsRef<[u8]>) -> Self {
        self.args.push(arg.as_ref().to_vec());
        self
    }

    /// Adds a number.
    pub(crate) fn int(self, number: impl fmt::Display) -> Self {
        self.arg(number.to_string())
    }

    /// Adds any number of arguments.
    pub(crate) fn args<A: AsRef<[u8]>>(self, args: impl IntoIterator<Item = A>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    /// The key of a command that has one, which is its first argument.
    pub(crate) fn key(&self) -> &[u8] {
        &self.args[0]
    }

    /// The argument at `place` as a number.
    pub(crate) fn number<N: std::str::FromStr>(&self, place: usize) -> N {
        self.text(place).parse().ok().expect("drawn as a number")
    }

    /// Whether the option `word` stands at `from` or behind it.
    pub(crate) fn has(&self, from: usize, word: &str) -> bool {
        self.args[from..].iter().any(|arg| arg == word.as_bytes())
    }

    /// The number behind the option `word`, which stands at `from` or behind it.
    pub(crate) fn number_after<N: std::str::FromStr>(&self, from: usize, word: &str) -> Option<N> {
        let place = self.args[from..].iter().position(|arg| arg == word.as_bytes())?;
        Some(self.number(from + place + 1))
    }

    /// The command that lets the key expire at a time.
    pub(crate) fn expiring_at(&self, time: i64) -> Self {
        Self::new("PEXPIREAT").arg(self.key()).int(time)
    }

    fn text(&self, place: usize) -> &str {
        std::str::from_utf8(&self.args[place]).expect("drawn as text")
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        self.args.iter().take(40).try_for_each(|arg| write!(f, " {}", Shown(arg)))?;
        if self.args.len() > 40 { write!(f, " ... {} arguments", self.args.len()) } else { Ok(()) }
    }
}

/// Where a command is done on windrow's side: in the store, or in a transaction.
pub(crate) struct Place<'a, S: Writable = Live> {
    pub(crate) store: &'a Store,
    pub(crate) number: u32,
    db: Db<S>,
}

impl<'a> Place<'a> {
    pub(crate) fn of(store: &'a Store, number: u32) -> Self {
        Self { store, number, db: store.db(number) }
    }
}

impl<'a> Place<'a, Tx> {
    /// Inside a transaction of the store.
    pub(crate) fn inside(store: &'a Store, tx: &Transaction, number: u32) -> Self {
        Self { store, number, db: tx.db(number) }
    }
}

impl<S: Writable> Place<'_, S> {
    pub(crate) fn db(&self) -> &Db<S> {
        &self.db
    }

    /// The keys on which a command for `wanted` is no error.
    pub(crate) fn fitting(&self, wanted: Option<DataType>) -> Vec<&'static [u8]> {
        let db = self.db();
        let fits =
            |key: &&[u8]| wanted.is_none_or(|wanted| db.data_type(key).unwrap().is_none_or(|held| held == wanted));
        KEYS.into_iter().filter(fits).collect()
    }
}

/// A file of commands: one data type, or the operations on keys of any type.
pub(crate) trait Commands: Sync {
    /// The type of the values that the commands work on; `None` if any will do.
    fn data_type(&self) -> Option<DataType>;

    /// Draws a command.
    fn draw(&self, draw: &mut Draw) -> Command;

    /// How each command that [`Commands::draw`] gives is done and compared.
    fn handlers(&self) -> Vec<Handler>;

    /// The same inside a transaction.
    fn inside(&self) -> Vec<Handler<Tx>>;
}

/// Says how commands are done on either side, by a function that makes the handlers of any.
macro_rules! both_sides {
    ($handlers:path) => {
        fn handlers(&self) -> Vec<crate::command::Handler> {
            $handlers()
        }

        fn inside(&self) -> Vec<crate::command::Handler<windrow::Tx>> {
            $handlers()
        }
    };
}

pub(crate) use both_sides;

/// How one command is done on windrow and compared with Redis.
pub(crate) struct Handler<S: Writable = Live> {
    pub(crate) name: &'static str,
    pub(crate) run: Run<S>,
    pub(crate) compare: Compare,
}

/// Does a command through windrow's public API and says what Redis would answer. Errors that Redis words as
/// [`refusal`] does are passed on.
pub(crate) type Run<S = Live> = fn(&Place<'_, S>, &Command) -> windrow::Result<Reply>;

/// How the two replies are compared.
#[derive(Clone, Copy)]
pub(crate) enum Compare {
    /// They are equal.
    Exact,
    /// They are equal after this.
    After(fn(Reply) -> Reply),
    /// Redis is told something else, because windrow chose at random.
    Mirror(Mirror),
}

/// What Redis is told in place of a command, and how its replies are judged.
#[derive(Clone, Copy)]
pub(crate) struct Mirror {
    /// The commands for Redis, made of the one that windrow was given and of its reply.
    pub(crate) commands: fn(&Command, &Reply) -> Vec<Command>,
    /// Tells whether windrow's reply is one that Redis could have given.
    pub(crate) is_legal: fn(&Command, &Reply, &[Reply]) -> bool,
}

impl Compare {
    /// What Redis is told, when windrow did the command and gave this reply.
    pub(crate) fn commands(&self, command: &Command, ours: &Reply) -> Vec<Command> {
        match self {
            Self::Exact | Self::After(_) => vec![command.clone()],
            Self::Mirror(mirror) => (mirror.commands)(command, ours),
        }
    }

    /// Tells whether Redis' replies to that fit.
    pub(crate) fn agrees(&self, command: &Command, ours: &Reply, theirs: &[Reply]) -> bool {
        match self {
            Self::Exact => *ours == theirs[0],
            Self::After(order) => order(ours.clone()) == order(theirs[0].clone()),
            Self::Mirror(mirror) => (mirror.is_legal)(command, ours, theirs),
        }
    }
}

impl<S: Writable> Clone for Handler<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Writable> Copy for Handler<S> {}

impl<S: Writable> Handler<S> {
    pub(crate) fn exact(name: &'static str, run: Run<S>) -> Self {
        Self { name, run, compare: Compare::Exact }
    }

    pub(crate) fn unordered(name: &'static str, run: Run<S>) -> Self {
        Self { name, run, compare: Compare::After(Reply::sorted) }
    }

    pub(crate) fn mirrored(name: &'static str, run: Run<S>, mirror: Mirror) -> Self {
        Self { name, run, compare: Compare::Mirror(mirror) }
    }
}

/// Redis' words where the one input that windrow may refuse is a count of zero.
pub(crate) fn counted(done: windrow::Result<Reply>) -> windrow::Result<Reply> {
    match done {
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            Ok(Reply::Error("ERR count should be greater than 0".to_owned()))
        }
        done => done,
    }
}

/// Redis' words for windrow's refusals. What Redis would never say is told as it is, and so differs.
pub(crate) fn refusal(error: &windrow::Error) -> Reply {
    let words = match error.kind() {
        ErrorKind::WrongType => "WRONGTYPE Operation against a key holding the wrong kind of value",
        ErrorKind::NotAnInteger => "ERR value is not an integer or out of range",
        ErrorKind::NotANumber => "ERR resulting score is not a number (NaN)",
        ErrorKind::Overflow => "ERR increment or decrement would overflow",
        ErrorKind::OutOfRange => "ERR index out of range",
        ErrorKind::NoSuchKey => "ERR no such key",
        ErrorKind::TooLarge => "ERR string exceeds maximum allowed size (proto-max-bulk-len)",
        _ => return Reply::Error(format!("windrow: {error}")),
    };
    Reply::Error(words.to_owned())
}
