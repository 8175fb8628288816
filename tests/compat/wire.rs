//! The same commands once more, through the server: every reply is compared as it comes from the wire.
//!
//! Uses the commands of all files, the server, and for what Redis leaves open the public API. Invariant: a command is sent to both
//! sides or to none; what is left open (orders, random choices) is judged as in a contest.

use std::collections::HashMap;

use windrow::server::{Server, ServerOptions, Stopper};
use windrow::{DataType, Options, Store, ZRange};

use crate::command::{Command, Commands, Compare, Handler, Place};
use crate::draw::{DBS, Draw, is_past};
use crate::redis::{MAX_STRING_BYTES, Server as Redis};
use crate::resp::{Client, Reply};
use crate::{dump, strings};

/// Commands whose expiry is counted from now, so that the two sides' differ; and those that may be told so.
const TIMED: [&str; 6] = ["SET", "SETEX", "PSETEX", "GETEX", "EXPIRE", "PEXPIRE"];

/// How many commands lie between two comparisons of the whole state.
const STEPS_PER_DUMP: u64 = 4000;

/// A server of windrow in this process.
struct Windrow {
    store: Store,
    stopper: Stopper,
    thread: Option<std::thread::JoinHandle<()>>,
    port: u16,
    _dir: tempfile::TempDir,
}

impl Windrow {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        let mut options = Options::default();
        options.max_value_bytes = MAX_STRING_BYTES;
        let store = Store::builder(&path).options(options).open().unwrap();
        let options = ServerOptions { port: Some(0), max_bulk_bytes: MAX_STRING_BYTES, ..ServerOptions::default() };
        let server = Server::bind(store.clone(), &path, options).unwrap();
        let (stopper, port) = (server.stopper(), server.port().unwrap());
        let thread = Some(std::thread::spawn(move || server.run().unwrap()));
        Self { store, stopper, thread, port, _dir: dir }
    }

    fn client(&self) -> Client {
        Client::connect(([127, 0, 0, 1], self.port).into()).unwrap()
    }
}

impl Drop for Windrow {
    fn drop(&mut self) {
        self.stopper.stop();
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking());
    }
}

/// Both sides, and what was sent to them lately.
struct Wire {
    ours: Client,
    theirs: Client,
    handlers: HashMap<&'static str, Handler>,
    number: u32,
    lately: Vec<String>,
}

/// Compares commands of `files` with Redis.
pub(crate) fn compare(redis: &Redis, files: &[&'static dyn Commands], seed: u64, steps: u64) {
    println!("WINDROW_SEED={seed} WINDROW_STEPS={steps} (wire)");
    fastrand::seed(seed);
    let windrow = Windrow::start();
    let mut draw = Draw::with_seed(seed);
    let handlers = files.iter().flat_map(|file| file.handlers()).map(|handler| (handler.name, handler)).collect();
    let (ours, theirs) = (windrow.client(), redis.client());
    let mut wire = Wire { ours, theirs, handlers, number: 0, lately: Vec::new() };
    wire.both(&Command::new("FLUSHALL"));
    for step in 1..=steps {
        let file = draw.pick(files);
        let number = draw.db();
        if number != wire.number {
            wire.both(&Command::new("SELECT").int(number));
            wire.number = number;
        }
        let place = Place::of(&windrow.store, number);
        draw.favour(place.fitting(file.data_type()));
        let command = file.draw(&mut draw);
        wire.step(&place, &command);
        if step % STEPS_PER_DUMP == 0 || step == steps {
            wire.compare_states();
        }
    }
}

impl Wire {
    /// Sends a command to both sides, which must answer the same.
    fn both(&mut self, command: &Command) -> Reply {
        let (ours, theirs) = (self.ours.ask(command).unwrap(), self.theirs.ask(command).unwrap());
        self.judge(command, &ours, std::slice::from_ref(&theirs), ours == theirs);
        ours
    }

    fn step(&mut self, place: &Place<'_>, command: &Command) {
        if is_unfit(place, command) {
            return;
        }
        let handler = self.handlers[command.name];
        // What the library says of a search or a sort tells in which order places or elements may come.
        let told = is_judged_by_library(command).then(|| (handler.run)(place, command));
        let ours = self.ask(command);
        match handler.compare {
            Compare::Exact => {
                let theirs = self.theirs.ask(command).unwrap();
                self.judge(command, &ours, std::slice::from_ref(&theirs), ours == theirs);
            }
            Compare::After(order) => {
                let theirs = self.theirs.ask(command).unwrap();
                let agrees = order(ours.clone()) == order(theirs.clone());
                self.judge(command, &ours, &[theirs], agrees);
            }
            Compare::Mirror(mirror) => {
                let known = match told {
                    Some(told) => {
                        let told = told.unwrap_or_else(|error| crate::command::refusal(&error));
                        self.judge(command, &ours, &[shown(command, &told)], ours == shown(command, &told));
                        told
                    }
                    None if command.name == "PFADD" && is_damaged(&ours) => {
                        let before = self.ours.ask(&Command::new("GET").arg(command.key())).unwrap();
                        Reply::Array(Some(vec![ours.clone(), before]))
                    }
                    None => ours.clone(),
                };
                let commands = (mirror.commands)(command, &known);
                let theirs: Vec<Reply> = commands.iter().map(|command| self.theirs.ask(command).unwrap()).collect();
                self.judge(command, &ours, &theirs, (mirror.is_legal)(command, &known, &theirs));
            }
        }
        self.level_expiry(command);
    }

    /// Sends a command to windrow; a scan is driven to its end.
    fn ask(&mut self, command: &Command) -> Reply {
        let Some(at) = ["SCAN", "HSCAN", "SSCAN", "ZSCAN"].iter().position(|name| *name == command.name) else {
            return self.ours.ask(command).unwrap();
        };
        let at = usize::from(at > 0);
        let (mut page, mut items) = (command.clone(), Vec::new());
        loop {
            let reply = self.ours.ask(&page).unwrap();
            let Reply::Array(Some(parts)) = &reply else {
                return reply;
            };
            let [Reply::Bulk(Some(cursor)), Reply::Array(Some(found))] = parts.as_slice() else {
                return reply;
            };
            items.extend(found.iter().cloned());
            if cursor == "0" {
                let items = Reply::Array(Some(items));
                // A scan of keys is compared without its cursor.
                return if at == 0 { items } else { Reply::Array(Some(vec![Reply::bytes("0"), items])) };
            }
            page.args[at] = cursor.to_vec();
        }
    }

    /// Gives Redis windrow's time, because its clock is another.
    fn level_expiry(&mut self, command: &Command) {
        if !TIMED.contains(&command.name) {
            return;
        }
        let key = command.key();
        let Reply::Int(time) = self.ours.ask(&Command::new("PEXPIRETIME").arg(key)).unwrap() else {
            panic!("no time of {command}");
        };
        if time > 0 {
            let left = self.theirs.ask(&Command::new("PTTL").arg(key)).unwrap();
            assert!(matches!(left, Reply::Int(1..)), "after {command}: {left}");
            assert_eq!(self.theirs.ask(&Command::new("PEXPIREAT").arg(key).int(time)).unwrap(), Reply::Int(1));
        }
        if strings::expiry_of(command, 1).is_some_and(is_past) {
            // Redis counts a string that was born dead until somebody looks at it.
            self.both(&Command::new("EXISTS").arg(key));
        }
    }

    fn judge(&mut self, command: &Command, ours: &Reply, theirs: &[Reply], agrees: bool) {
        let line = format!("db {}: {command} -> {ours}", self.number);
        if !agrees {
            let theirs: Vec<String> = theirs.iter().map(ToString::to_string).collect();
            let lately = self.lately[self.lately.len().saturating_sub(20)..].join("\n  ");
            panic!("the wires differ\n  {line}\n  redis: {}\nbefore it:\n  {lately}", theirs.join("; "));
        }
        self.lately.push(line);
    }

    /// Reads everything from both sides by the same commands.
    fn compare_states(&mut self) {
        let (ours, theirs) = (dump::of_redis(&mut self.ours), dump::of_redis(&mut self.theirs));
        self.number = DBS - 1;
        for (ours, theirs) in ours.iter().zip(&theirs) {
            if let Some((key, ..)) = dump::difference(ours, theirs) {
                panic!("the states differ at {}, after:\n{}", key.escape_ascii(), self.lately.join("\n"));
            }
        }
    }
}

/// Whether a HyperLogLog was found damaged: Redis may have added some elements before it saw that.
fn is_damaged(reply: &Reply) -> bool {
    matches!(reply, Reply::Error(words) if words.starts_with("INVALIDOBJ"))
}

/// What of the library's reply goes over the wire.
fn shown(command: &Command, told: &Reply) -> Reply {
    match told {
        Reply::Array(Some(parts)) if command.name == "SORT" => parts[1].clone(),
        Reply::Array(Some(parts)) => parts[0].clone(),
        refusal => refusal.clone(),
    }
}

fn is_judged_by_library(command: &Command) -> bool {
    matches!(command.name, "SORT" | "PFCOUNT")
        || command.name.starts_with("GEOSEARCH")
        || command.name.starts_with("GEORADIUS")
}

/// Whether the sides' replies cannot be compared: a choice is stored, or a relative expiry is compared with another one, or
/// members are in byte order though their scores differ.
fn is_unfit(place: &Place<'_>, command: &Command) -> bool {
    let stores = command.name == "GEOSEARCHSTORE" || command.has(0, "STORE") || command.has(0, "STOREDIST");
    let is_relative = matches!(command.name, "EXPIRE" | "PEXPIRE");
    if (is_judged_by_library(command) && stores) || (is_relative && (command.has(2, "GT") || command.has(2, "LT"))) {
        return true;
    }
    if !command.name.contains("LEX") && !command.args.iter().any(|arg| arg == b"BYLEX") {
        return false;
    }
    let source = &command.args[usize::from(command.name == "ZRANGESTORE")];
    let db = place.db();
    if db.data_type(source).unwrap() != Some(DataType::SortedSet) {
        return false;
    }
    let score = |rank| db.zsets().range(source, ZRange::ranks(rank, rank)).unwrap().next().unwrap().unwrap().1;
    score(0) != score(-1)
}
