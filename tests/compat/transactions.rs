//! Transactions and watches beside Redis' MULTI, EXEC, DISCARD and WATCH, with a second client that comes between.
//!
//! Uses the commands of all files. Invariant: both sides commit, or both abort; only what changed nothing of the watched keys
//! may abort on Redis' side alone.

use std::collections::{HashMap, VecDeque};
use std::fmt::Display;
use std::thread;
use std::time::Duration;

use windrow::{Bytes, Error, ErrorKind, Namespace, Transaction, Tx, UnixMillis, Watch};

use crate::command::{Command, Commands, Compare, Handler, Place, refusal};
use crate::draw::{DBS, Draw, KEYS};
use crate::dump;
use crate::redis::Server;
use crate::resp::{Client, Reply, Shown};
use crate::world::World;

/// What a transaction does not offer: these are about all keys of a db, or about dbs.
const OUTSIDE: [&str; 7] = ["KEYS", "DBSIZE", "SWAPDB", "FLUSHDB", "FLUSHALL", "RANDOMKEY", "SCAN"];

/// Commands of one transaction at most.
const MOST_INSIDE: usize = 8;

/// How long a key lives that is to expire while it is watched. Longer than it takes to watch it on a busy machine.
const BRIEF: Duration = Duration::from_millis(60);

/// How many rounds there are for one in which a key expires: each of them sleeps.
const EXPIRING: usize = 150;

/// How many lines a report shows.
const SHOWN: usize = 60;

/// A connection to Redis, and the db in which it stands.
struct Session {
    client: Client,
    selected: u32,
}

impl Session {
    /// Gathers a change of the db, if it must be changed; says so.
    fn select(&mut self, db: u32) -> bool {
        let selects = self.selected != db;
        if selects {
            self.client.gather(&Command::new("SELECT").int(db));
            self.selected = db;
        }
        selects
    }
}

/// A command that was done on windrow.
struct Done {
    db: u32,
    command: Command,
    ours: Reply,
    compare: Compare,
}

/// A watched key.
type Name = (u32, &'static [u8]);

/// What a key is, as far as anybody can see.
type Print = (Option<Bytes>, Option<UnixMillis>);

#[derive(Debug, Default)]
struct Totals {
    committed: u64,
    aborted: u64,
    /// Redis alone aborted, because of what changed nothing.
    stricter: u64,
    /// Windrow alone aborted: Redis says nothing of a string that grows while a BITFIELD fails to write.
    laxer: u64,
    discarded: u64,
    expired: u64,
}

/// One run with one seed.
pub(crate) struct Exchange {
    seed: u64,
    steps: u64,
    step: u64,
    draw: Draw,
    world: World,
    first: Session,
    other: Session,
    outside: HashMap<&'static str, Handler>,
    inside: HashMap<&'static str, Handler<Tx>>,
    lines: VecDeque<String>,
    totals: Totals,
}

impl Exchange {
    /// Does about `steps` commands drawn from `files`.
    pub(crate) fn run(server: &Server, files: &[&dyn Commands], seed: u64, steps: u64) {
        println!("WINDROW_SEED={seed} WINDROW_STEPS={steps}");
        fastrand::seed(seed);
        let session = || Session { client: server.client(), selected: 0 };
        let mut exchange = Self {
            seed,
            steps,
            step: 0,
            draw: Draw::with_seed(seed),
            world: World::new(),
            first: session(),
            other: session(),
            outside: files.iter().flat_map(|file| file.handlers()).map(|handler| (handler.name, handler)).collect(),
            inside: files.iter().flat_map(|file| file.inside()).map(|handler| (handler.name, handler)).collect(),
            lines: VecDeque::new(),
            totals: Totals::default(),
        };
        assert_eq!(exchange.first.client.ask(&Command::new("FLUSHALL")).unwrap(), Reply::ok());
        while exchange.step < steps {
            exchange.round(files);
        }
        exchange.compare_states();
        exchange.world.close();
        println!("{:?}", exchange.totals);
        let Totals { committed, aborted, .. } = exchange.totals;
        assert!(steps < 10_000 || committed.min(aborted) > steps / 200, "hardly anything met: {:?}", exchange.totals);
    }

    fn round(&mut self, files: &[&dyn Commands]) {
        for _ in 0..self.draw.below(3) {
            self.step(files, None);
        }
        match self.draw.below(8) {
            0 => self.discarded(files),
            1 => {
                let namespace = self.world.store().namespace("");
                let done = namespace.transaction(all_names(), |tx| Ok(self.inside(tx, files)));
                self.exec(done.unwrap());
            }
            _ => self.watched(files),
        }
        if self.draw.once_in(20) {
            let disturbance = self.world.disturb(&mut self.draw);
            self.note(disturbance);
        }
        if self.draw.once_in(80) {
            self.compare_states();
        }
    }

    /// Does a command outside of any transaction, as the first client; or as the other one, who likes watched keys. Returns the
    /// command's name.
    fn step(&mut self, files: &[&dyn Commands], watched: Option<&[Name]>) -> &'static str {
        self.step += 1;
        let file = self.draw.pick(files);
        let aim = watched.filter(|_| !self.draw.once_in(4)).map(|names| self.draw.pick(names));
        let db = aim.map_or_else(|| self.draw.db(), |(db, _)| db);
        let place = Place::of(self.world.store(), db);
        let mut fitting = place.fitting(file.data_type());
        if let Some((_, key)) = aim.filter(|(_, key)| fitting.contains(key)) {
            fitting = vec![key];
        }
        self.draw.favour(fitting);
        let mut command = file.draw(&mut self.draw);
        // A key that has expired here may count until somebody meets it, on either side.
        while command.name == "DBSIZE" {
            command = file.draw(&mut self.draw);
        }
        let handler = self.outside[command.name];
        let ours = (handler.run)(&place, &command).unwrap_or_else(|error| refusal(&error));
        let session = if watched.is_some() { &mut self.other } else { &mut self.first };
        let selects = session.select(db);
        handler.compare.commands(&command, &ours).iter().for_each(|command| session.client.gather(command));
        let replies = session.client.exchange().unwrap();
        let done = Done { db, command, ours, compare: handler.compare };
        self.note(format_args!("{}{}", if watched.is_some() { "the other: " } else { "" }, done.line()));
        self.judge(&done, &replies[usize::from(selects)..]);
        done.command.name
    }

    /// Does some commands in a transaction of windrow.
    fn inside(&mut self, tx: &Transaction, files: &[&dyn Commands]) -> Vec<Done> {
        let count = self.draw.below(MOST_INSIDE + 1);
        let mut all = Vec::new();
        while all.len() < count {
            let (file, db) = (self.draw.pick(files), self.draw.db());
            let place = Place::inside(self.world.store(), tx, db);
            self.draw.favour(place.fitting(file.data_type()));
            let command = file.draw(&mut self.draw);
            if !is_offered(&command) {
                continue;
            }
            let Handler { run, compare, .. } = self.inside[command.name];
            let ours = run(&place, &command).unwrap_or_else(|error| refusal(&error));
            all.push(Done { db, command, ours, compare });
            self.step += 1;
        }
        all
    }

    /// Has Redis do what a transaction of windrow did, and compares all the replies.
    fn exec(&mut self, all: Vec<Done>) {
        self.totals.committed += 1;
        let mut shares = Vec::new();
        let session = &mut self.first;
        session.client.gather(&Command::new("MULTI"));
        for Done { db, command, ours, compare } in &all {
            let selects = session.select(*db);
            let commands = compare.commands(command, ours);
            commands.iter().for_each(|command| session.client.gather(command));
            shares.push((usize::from(selects), commands.len()));
        }
        session.client.gather(&Command::new("EXEC"));
        let reply = session.client.exchange().unwrap().pop();
        for (n, done) in all.iter().enumerate() {
            self.note(format_args!("  {n} inside, {}", done.line()));
        }
        let Some(Reply::Array(Some(replies))) = reply else {
            self.fail(format_args!("Redis did not commit: {reply:?}"))
        };
        let mut replies = replies.as_slice();
        for (done, (selects, count)) in all.iter().zip(shares) {
            let (theirs, rest) = replies[selects..].split_at(count);
            self.judge(done, theirs);
            replies = rest;
        }
        assert!(replies.is_empty());
    }

    /// A transaction that ends with an error, and DISCARD.
    fn discarded(&mut self, files: &[&dyn Commands]) {
        let namespace = self.world.store().namespace("");
        let mut all = Vec::new();
        let outcome: windrow::Result<()> = namespace.transaction(all_names(), |tx| {
            all = self.inside(tx, files);
            Err(Error::aborted("discarded"))
        });
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Aborted);
        self.totals.discarded += 1;
        let client = &mut self.first.client;
        client.gather(&Command::new("MULTI"));
        all.iter().for_each(|done| client.gather(&done.command));
        client.gather(&Command::new("DISCARD"));
        assert_eq!(client.exchange().unwrap().pop(), Some(Reply::ok()));
        self.note(format_args!("discarded: {} commands", all.len()));
    }

    fn watched(&mut self, files: &[&dyn Commands]) {
        let names: Vec<Name> = (0..1 + self.draw.below(4)).map(|_| (self.draw.db(), self.draw.pick(&KEYS))).collect();
        let namespace = self.world.store().namespace("");
        let expiring = self.draw.once_in(EXPIRING).then(|| self.draw.once_in(3));
        if let Some(is_before) = expiring
            && !self.let_expire(names[0], is_before)
        {
            return;
        }
        let watch = namespace.watch(names.iter().copied()).unwrap();
        let session = &mut self.first;
        for (db, key) in &names {
            session.select(*db);
            session.client.gather(&Command::new("WATCH").arg(key));
        }
        session.select(names[0].0);
        session.client.gather(&Command::new("PTTL").arg(names[0].1));
        let left = session.client.exchange().unwrap().pop();
        let prints = self.prints(&namespace, &names);
        let shown: Vec<String> = names.iter().map(|(db, key)| format!("{db}:{}", Shown(key))).collect();
        self.note(format_args!("watch {}", shown.join(" ")));
        if expiring == Some(false) {
            let is_late = left == Some(Reply::Int(-2)) && prints[0].0.is_some();
            thread::sleep(BRIEF + Duration::from_millis(5));
            self.world.pass(2 * BRIEF);
            if is_late {
                // It was gone before Redis watched it.
                drop(watch);
                assert_eq!(self.first.client.ask(&Command::new("UNWATCH")).unwrap(), Reply::ok());
                return;
            }
        }
        let between = if self.draw.once_in(3) { 0 } else { 1 + self.draw.below(3) };
        let between: Vec<&str> = (0..between).map(|_| self.step(files, Some(&names))).collect();
        // Whether anybody could see a change of the watched keys; asked only where the sides differ.
        let is_changed = |exchange: &Self| exchange.prints(&namespace, &names) != prints;
        self.decide(watch, is_changed, between.contains(&"BITFIELD"), files);
    }

    /// Lets a key expire soon, or at once; says false where that did not succeed.
    fn let_expire(&mut self, (db, key): Name, at_once: bool) -> bool {
        let lives = self.world.store().db(db).expire(key, BRIEF).unwrap();
        self.first.select(db);
        self.first.client.gather(&Command::new("PEXPIRE").arg(key).int(BRIEF.as_millis()));
        let theirs = self.first.client.exchange().unwrap().pop();
        assert_eq!(theirs, Some(Reply::flag(lives)));
        self.note(format_args!("db {db}: {} is to expire, {lives}", Shown(key)));
        self.totals.expired += u64::from(lives);
        if at_once {
            thread::sleep(BRIEF + Duration::from_millis(5));
            self.world.pass(2 * BRIEF);
        }
        lives
    }

    fn prints(&self, namespace: &Namespace, names: &[Name]) -> Vec<Print> {
        let print = |(db, key): &Name| {
            let db = namespace.db(*db);
            (db.dump(key).unwrap(), db.expires_at(key).unwrap())
        };
        names.iter().map(print).collect()
    }

    /// Ends a watch: both sides must say the same.
    fn decide(&mut self, watch: Watch, is_changed: impl Fn(&Self) -> bool, may_be_lax: bool, files: &[&dyn Commands]) {
        let is_broken = watch.is_broken().unwrap();
        let client = &mut self.first.client;
        ["MULTI", "PING", "EXEC"].iter().for_each(|name| client.gather(&Command::new(name)));
        let is_aborted = match client.exchange().unwrap().pop() {
            Some(Reply::Array(reply)) => reply.is_none(),
            other => self.fail(format_args!("EXEC answers {other:?}")),
        };
        self.note(format_args!("windrow aborts: {is_broken}, Redis aborts: {is_aborted}"));
        match (is_broken, is_aborted) {
            (true, true) => {
                let outcome = watch.transaction(all_names(), |tx| Ok(self.inside(tx, files))).unwrap();
                assert!(outcome.is_none(), "it was broken");
                self.totals.aborted += 1;
            }
            (false, false) => {
                let outcome = watch.transaction(all_names(), |tx| Ok(self.inside(tx, files))).unwrap();
                self.exec(outcome.expect("nobody came between"));
            }
            (false, true) if !is_changed(self) => self.totals.stricter += 1,
            (true, false) if may_be_lax && is_changed(self) => self.totals.laxer += 1,
            _ => self.fail(format_args!("windrow aborts: {is_broken}; Redis aborts: {is_aborted}")),
        }
    }

    fn judge(&self, done: &Done, theirs: &[Reply]) {
        if !done.compare.agrees(&done.command, &done.ours, theirs) {
            let theirs: Vec<String> = theirs.iter().map(ToString::to_string).collect();
            self.fail(format_args!("{}\n  redis: {}", done.line(), theirs.join("; ")));
        }
    }

    fn compare_states(&mut self) {
        let theirs = dump::of_redis(&mut self.first.client);
        self.first.selected = DBS - 1;
        for (number, (ours, theirs)) in self.world.dump().iter().zip(&theirs).enumerate() {
            if let Some((key, ours, theirs)) = dump::difference(ours, theirs) {
                let shown = |held: Option<&dump::Held>| held.map_or("nothing".to_owned(), ToString::to_string);
                let (ours, theirs) = (shown(ours), shown(theirs));
                self.fail(format_args!("db {number} at {}\n  windrow: {ours}\n  redis:   {theirs}", Shown(key)));
            }
        }
    }

    fn note(&mut self, line: impl Display) {
        if self.lines.len() == SHOWN {
            self.lines.pop_front();
        }
        self.lines.push_back(format!("{}: {line}", self.step));
    }

    fn fail(&self, what: impl Display) -> ! {
        let lines: Vec<&str> = self.lines.iter().map(String::as_str).collect();
        panic!(
            "windrow and Redis differ\n  {what}\nagain: WINDROW_SEED={} WINDROW_STEPS={}\nlately:\n{}",
            self.seed,
            self.steps,
            lines.join("\n")
        );
    }
}

impl Done {
    fn line(&self) -> String {
        format!("db {}: {} -> {}", self.db, self.command, self.ours)
    }
}

fn all_names() -> impl Iterator<Item = Name> {
    (0..DBS).flat_map(|db| KEYS.into_iter().map(move |key| (db, key)))
}

/// Whether a transaction does this: it touches keys that it names, and no others.
fn is_offered(command: &Command) -> bool {
    let leads_elsewhere = command.name.starts_with("SORT") && command.args.iter().any(|arg| arg.contains(&b'*'));
    !OUTSIDE.contains(&command.name) && !leads_elsewhere
}
