//! The contest: commands are drawn, done on both sides, and every reply is compared.
//!
//! Uses all other files. Invariant: windrow is ahead of Redis by at most one batch, and level at its end.

use std::collections::{HashMap, VecDeque};

use crate::command::{Command, Commands, Compare, Handler, Place, refusal};
use crate::draw::{DBS, Draw, KEYS};
use crate::dump::{self, DbDump};
use crate::dumps;
use crate::events::Listeners;
use crate::redis::{NOTIFIED, Server};
use crate::resp::{Client, Reply, Shown};
use crate::world::World;

/// Commands of one batch at most: more save no round trips worth it, fewer do.
const BATCH: usize = 300;

/// How many batches lie between two comparisons of the whole state, on average.
const BATCHES_PER_DUMP: usize = 12;

/// How many commands are remembered for the report.
const REMEMBERED: usize = 2000;

/// How many of them a report shows.
const SHOWN: usize = 20;

/// A run long enough to be asked how far it is says so each time it has done so many steps.
const PROGRESS: u64 = 100_000;

/// A command that was done on windrow and waits for Redis' replies.
struct Pending {
    done: Done,
    compare: Compare,
    /// Whether Redis had to change the db before it.
    selects: bool,
    /// How many commands Redis was told for it.
    commands: usize,
    /// How many of them, the last ones, it does silently.
    silent: usize,
}

/// A command with windrow's reply.
struct Done {
    step: u64,
    db: u32,
    command: Command,
    ours: Reply,
}

/// One run with one seed.
pub(crate) struct Contest {
    seed: u64,
    steps: u64,
    step: u64,
    draw: Draw,
    world: World,
    redis: Client,
    /// The db in which Redis' connection stands.
    selected: u32,
    handlers: HashMap<&'static str, Handler>,
    history: VecDeque<Done>,
    disturbances: VecDeque<(u64, &'static str)>,
    listeners: Listeners,
}

impl Contest {
    /// Runs `steps` commands drawn from `files`; a file that stands there twice is drawn twice as often.
    pub(crate) fn run(server: &Server, files: &[&dyn Commands], seed: u64, steps: u64) {
        println!("WINDROW_SEED={seed} WINDROW_STEPS={steps}");
        // Windrow's own random choices are drawn from this thread's generator.
        fastrand::seed(seed);
        let mut redis = server.client();
        assert_eq!(redis.ask(&Command::new("FLUSHALL")).unwrap(), Reply::ok());
        let handlers = files.iter().flat_map(|file| file.handlers()).map(|handler| (handler.name, handler)).collect();
        let world = World::new();
        let listeners = Listeners::new(server, world.store());
        let mut contest = Self {
            seed,
            steps,
            step: 0,
            draw: Draw::with_seed(seed),
            world,
            redis,
            selected: 0,
            handlers,
            history: VecDeque::new(),
            disturbances: VecDeque::new(),
            listeners,
        };
        while contest.step < steps {
            contest.batch(files);
            let disturbance = contest.world.disturb(&mut contest.draw);
            contest.disturbances.push_back((contest.step, disturbance));
            if contest.draw.once_in(BATCHES_PER_DUMP) {
                contest.compare_states();
                contest.exchange_values();
            }
        }
        contest.compare_states();
        contest.world.close();
    }

    fn batch(&mut self, files: &[&dyn Commands]) {
        let length = 1 + self.draw.below(BATCH) as u64;
        let length = length.min(self.steps - self.step);
        self.listeners.begin(self.world.store(), &mut self.redis);
        let pending: Vec<Pending> = (0..length).map(|_| self.do_one(files)).collect();
        let mut replies = self.redis.exchange().unwrap().into_iter();
        for Pending { done, compare, selects, commands, silent } in pending {
            if selects {
                assert_eq!(replies.next(), Some(Reply::ok()));
            }
            let mut theirs: Vec<Reply> = replies.by_ref().take(commands - silent).collect();
            if silent > 0 {
                assert_eq!(replies.next(), Some(Reply::ok()));
                theirs.extend(replies.by_ref().take(silent));
                assert_eq!(replies.next(), Some(Reply::ok()));
            }
            self.judge(done, compare, theirs);
        }
        if let Some((what, key)) = self.listeners.difference(&mut self.redis) {
            self.fail(&what, self.step, &[&key]);
        }
    }

    /// Draws a command, does it on windrow, and gathers what Redis is to do.
    fn do_one(&mut self, files: &[&dyn Commands]) -> Pending {
        self.step += 1;
        if self.steps > PROGRESS && self.step.is_multiple_of(PROGRESS) {
            println!("{} of {} steps, no difference (seed {})", self.step, self.steps, self.seed);
        }
        let file = self.draw.pick(files);
        let db = self.draw.db();
        let place = Place::of(self.world.store(), db);
        self.draw.favour(place.fitting(file.data_type()));
        let command = file.draw(&mut self.draw);
        let handler = self.handlers[command.name];
        let ours = (handler.run)(&place, &command).unwrap_or_else(|error| refusal(&error));
        self.listeners.heed(db, &command);
        let selects = self.selected != db;
        if selects {
            self.redis.gather(&Command::new("SELECT").int(db));
            self.selected = db;
        }
        let commands = handler.compare.commands(&command, &ours);
        let silent = self.gather(&commands);
        let done = Done { step: self.step, db, command, ours };
        Pending { done, compare: handler.compare, selects, commands: commands.len(), silent }
    }

    /// Gathers commands for Redis; returns how many of them it is to do silently.
    fn gather(&mut self, commands: &[Command]) -> usize {
        let loud = commands.iter().position(|command| command.is_silent).unwrap_or(commands.len());
        let (loud, silent) = commands.split_at(loud);
        loud.iter().for_each(|command| self.redis.gather(command));
        if !silent.is_empty() {
            assert!(silent.iter().all(|command| command.is_silent), "what is done silently comes last");
            self.redis.gather(&notify(""));
            silent.iter().for_each(|command| self.redis.gather(command));
            self.redis.gather(&notify(NOTIFIED));
        }
        silent.len()
    }

    fn judge(&mut self, done: Done, compare: Compare, theirs: Vec<Reply>) {
        if !compare.agrees(&done.command, &done.ours, &theirs) {
            let theirs: Vec<String> = theirs.iter().map(ToString::to_string).collect();
            let what = format!(
                "step {}, db {}: {}\n  windrow: {}\n  redis:   {}",
                done.step,
                done.db,
                done.command,
                done.ours,
                theirs.join("; ")
            );
            self.fail(&what, done.step, &keys_of(&done.command));
        }
        if self.history.len() == REMEMBERED {
            self.history.pop_front();
        }
        self.history.push_back(done);
    }

    fn compare_states(&mut self) {
        let theirs = dump::of_redis(&mut self.redis);
        self.selected = DBS - 1;
        let ours = self.world.dump();
        for (number, (ours, theirs)) in (0..DBS).zip(ours.iter().zip(&theirs)) {
            self.compare_state(number, ours, theirs);
        }
    }

    /// Lets each side have some values as the other one dumps them, in the place of its own: which changes nothing.
    fn exchange_values(&mut self) {
        for number in 0..DBS {
            let db = self.world.store().db(number);
            dumps::exchange(&mut self.redis, &db, number, &mut self.draw);
            self.selected = number;
        }
        self.compare_states();
    }

    fn compare_state(&self, number: u32, ours: &DbDump, theirs: &DbDump) {
        if let Some((key, ours, theirs)) = dump::difference(ours, theirs) {
            let shown = |held: Option<&dump::Held>| held.map_or("nothing".to_owned(), ToString::to_string);
            let (ours, theirs) = (shown(ours), shown(theirs));
            let what = format!("the state of db {number} at {}\n  windrow: {ours}\n  redis:   {theirs}", Shown(key));
            self.fail(&what, self.step, &[key]);
        }
        let length = self.world.store().db(number).len().unwrap();
        if length != ours.len() as u64 {
            self.fail(&format!("db {number} counts {length} keys and holds {}", ours.len()), self.step, &[]);
        }
    }

    /// Reports a difference: what differs, how to see it again, and what was done to the keys before.
    fn fail(&self, what: &str, at: u64, keys: &[&[u8]]) -> ! {
        let touches = |done: &&Done| {
            let theirs = keys_of(&done.command);
            keys.is_empty() || theirs.is_empty() || theirs.iter().any(|key| keys.contains(key))
        };
        let mut last: Vec<String> = self.history.iter().rev().filter(touches).take(SHOWN).map(Done::line).collect();
        last.reverse();
        let disturbed = self.disturbances.iter().rev().filter(|(step, _)| *step < at).take(3);
        let disturbed: Vec<String> = disturbed.map(|(step, what)| format!("{what} (after step {step})")).collect();
        panic!(
            "windrow and Redis differ\n  {what}\nagain: WINDROW_SEED={} WINDROW_STEPS={}\nthe last commands with its keys:\n{}\nlately, on windrow's side: {}",
            self.seed,
            self.steps,
            last.join("\n"),
            disturbed.join(", ")
        );
    }
}

/// Has Redis notify of these classes.
fn notify(classes: &str) -> Command {
    Command::new("CONFIG").arg("SET").arg("notify-keyspace-events").arg(classes)
}

impl Done {
    fn line(&self) -> String {
        format!("  {} db {}: {} -> {}", self.step, self.db, self.command, self.ours)
    }
}

/// The arguments of a command that are keys. A value that reads like a key counts too; that only lengthens a report.
fn keys_of(command: &Command) -> Vec<&[u8]> {
    command.args.iter().map(Vec::as_slice).filter(|arg| KEYS.contains(arg)).collect()
}
