//! A process killed at random moments: what it acknowledged is there, the one operation in flight is there wholly
//! or not at all, and nothing leaks.
//!
//! The test starts its own binary again as the victim. The victim draws its operations from a seed, says on its
//! output when one is done, and dies by SIGKILL. The parent draws the same operations, so it knows what must be
//! there. A run prints its seed; `WINDROW_SEED=<seed>` repeats its operations and the lengths of its lives.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use fail::FailScenario;
use fastrand::Rng;
use windrow::{CopyOptions, CreateOptions, DataType, Durability, SetOptions, Store};

use crate::data::{keys, members, payload};
use crate::fixture::{assert_clean, settle, small};

const ROUNDS: u32 = 10;
const DIR: &str = "WINDROW_KILL_DIR";
const SEED: &str = "WINDROW_KILL_SEED";
/// The victim's name as a test, by which the parent starts it.
const VICTIM: &str = "kill::victim";
const HOUR: Duration = Duration::from_secs(3600);

/// One operation; drawn alike by the victim and the parent.
#[derive(Clone, Debug)]
enum Operation {
    Set {
        key: String,
        value: Vec<u8>,
        expires: bool,
    },
    Add {
        key: String,
        member: Vec<u8>,
        expires: bool,
    },
    Remove {
        key: String,
        member: Vec<u8>,
    },
    Delete {
        key: String,
    },
    Expire {
        key: String,
    },
    Persist {
        key: String,
    },
    Rename {
        from: String,
        to: String,
    },
    /// Writes a key that expires a few milliseconds later; the oracle does not look for it.
    Brief {
        key: String,
        value: Vec<u8>,
        millis: u64,
    },
    /// Copies to the other db, over what is there.
    Copy {
        from: String,
        to: String,
    },
    /// Moves to the other db, if nothing is there.
    Move {
        key: String,
    },
    Swap,
    Flush,
    FlushAll,
}

fn draw(random: &mut Rng) -> Operation {
    let string = |random: &mut Rng| format!("k{}", random.u8(..10));
    let set = |random: &mut Rng| format!("s{}", random.u8(..5));
    let any = |random: &mut Rng| if random.bool() { string(random) } else { set(random) };
    let member = |random: &mut Rng| payload(random.u64(..6), 1000);
    match random.u8(..55) {
        0 => Operation::Flush,
        50 => Operation::FlushAll,
        51 => Operation::Copy { from: string(random), to: string(random) },
        52 => Operation::Copy { from: set(random), to: set(random) },
        53..=54 => Operation::Move { key: any(random) },
        1 => Operation::Swap,
        2..=9 => {
            let length = [10, 500, 5000, 40_000][random.usize(..4)];
            Operation::Set { key: string(random), value: payload(random.u64(..), length), expires: random.bool() }
        }
        10..=19 => Operation::Add { key: set(random), member: member(random), expires: random.bool() },
        20..=24 => Operation::Remove { key: set(random), member: member(random) },
        25..=29 => Operation::Delete { key: any(random) },
        30..=31 => Operation::Expire { key: any(random) },
        32..=33 => Operation::Persist { key: any(random) },
        34..=36 => Operation::Rename { from: string(random), to: string(random) },
        37..=38 => Operation::Rename { from: set(random), to: set(random) },
        _ => {
            let key = format!("brief{}", random.u8(..5));
            Operation::Brief { key, value: payload(random.u64(..), 3000), millis: random.u64(1..30) }
        }
    }
}

fn perform(operation: Operation, store: &Store) {
    let db = store.db(0);
    let add = |expires| if expires { CreateOptions::new().expire_in(HOUR) } else { CreateOptions::new() };
    match operation {
        Operation::Set { key, value, expires } => {
            let options = if expires { SetOptions::new().expire_in(HOUR) } else { SetOptions::new() };
            db.strings().set_with(key, value, options).map(|_| ()).unwrap();
        }
        Operation::Add { key, member, expires } => {
            db.sets().add_with(key, [member], add(expires)).map(|_| ()).unwrap();
        }
        Operation::Remove { key, member } => db.sets().remove(key, [member]).map(|_| ()).unwrap(),
        Operation::Delete { key } => db.delete([key]).map(|_| ()).unwrap(),
        Operation::Expire { key } => db.expire(key, HOUR).map(|_| ()).unwrap(),
        Operation::Persist { key } => db.persist(key).map(|_| ()).unwrap(),
        Operation::Rename { from, to } => {
            if db.exists(&from).unwrap() {
                db.rename(from, to).unwrap();
            }
        }
        Operation::Brief { key, value, millis } => {
            let options = SetOptions::new().expire_in(Duration::from_millis(millis));
            db.strings().set_with(key, value, options).map(|_| ()).unwrap();
        }
        Operation::Swap => store.namespace("").swap(0, 1).unwrap(),
        Operation::Flush => db.flush().unwrap(),
        Operation::FlushAll => store.flush_all().unwrap(),
        Operation::Copy { from, to } => {
            db.copy_with(from, to, CopyOptions::new().to_db(1).replace()).map(|_| ()).unwrap();
        }
        Operation::Move { key } => db.move_to(key, 1).map(|_| ()).unwrap(),
    }
}

fn open(path: &Path) -> Store {
    let mut options = small();
    options.durability = Durability::Sync;
    options.reap_interval = Duration::from_millis(1);
    options.reclaim_interval = Duration::from_millis(1);
    Store::builder(path).options(options).open().unwrap()
}

/// Not a test of its own: the process that is killed. Does nothing unless the parent started it.
#[test]
fn victim() {
    let (Ok(dir), Ok(seed)) = (std::env::var(DIR), std::env::var(SEED)) else {
        return;
    };
    let store = open(Path::new(&dir));
    let mut random = Rng::with_seed(seed.parse().unwrap());
    let mut out = std::io::stdout();
    loop {
        perform(draw(&mut random), &store);
        writeln!(out, "\ndone").and_then(|()| out.flush()).unwrap();
    }
}

/// Lets a victim work for a while and kills it; returns how many operations it acknowledged.
fn kill_one(dir: &Path, seed: u64, after: Duration) -> usize {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args([VICTIM, "--exact", "--nocapture", "--test-threads=1"])
        .env(DIR, dir)
        .env(SEED, seed.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = victim.stdout.take().unwrap();
    let listening = std::thread::spawn(move || {
        BufReader::new(output).lines().map_while(Result::ok).filter(|line| line == "done").count()
    });
    std::thread::sleep(after);
    victim.kill().unwrap();
    victim.wait().unwrap();
    listening.join().unwrap()
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    String(Vec<u8>),
    Set(BTreeSet<Vec<u8>>),
}

/// Both dbs: what each key holds and whether it expires.
type World = BTreeMap<(u32, Vec<u8>), (Content, bool)>;

fn apply(operation: Operation, world: &mut World) {
    let name = |key: String| (0_u32, key.into_bytes());
    match operation {
        Operation::Set { key, value, expires } => {
            world.insert(name(key), (Content::String(value), expires));
        }
        Operation::Add { key, member, expires } => {
            let entry = world.entry(name(key)).or_insert_with(|| (Content::Set(BTreeSet::new()), expires));
            if let (Content::Set(set), _) = entry {
                set.insert(member);
            }
        }
        Operation::Remove { key, member } => {
            let key = name(key);
            if let Some((Content::Set(set), _)) = world.get_mut(&key) {
                set.remove(&member);
                if set.is_empty() {
                    world.remove(&key);
                }
            }
        }
        Operation::Delete { key } => drop(world.remove(&name(key))),
        Operation::Expire { key } => drop(world.entry(name(key)).and_modify(|entry| entry.1 = true)),
        Operation::Persist { key } => drop(world.entry(name(key)).and_modify(|entry| entry.1 = false)),
        Operation::Rename { from, to } => {
            if let Some(entry) = world.remove(&name(from)) {
                world.insert(name(to), entry);
            }
        }
        Operation::Brief { .. } => {}
        Operation::Swap => {
            let all = std::mem::take(world);
            world.extend(all.into_iter().map(|((db, key), entry)| ((1 - db, key), entry)));
        }
        Operation::Flush => world.retain(|(db, _), _| *db != 0),
        Operation::FlushAll => world.clear(),
        Operation::Copy { from, to } => {
            if let Some(entry) = world.get(&name(from)).cloned() {
                world.insert((1, to.into_bytes()), entry);
            }
        }
        Operation::Move { key } => {
            let there = (1, key.clone().into_bytes());
            if !world.contains_key(&there)
                && let Some(entry) = world.remove(&name(key))
            {
                world.insert(there, entry);
            }
        }
    }
}

fn observe(store: &Store) -> World {
    let mut world = World::new();
    for number in 0..2 {
        let db = store.db(number);
        for key in keys(&db).into_iter().filter(|key| !key.starts_with(b"brief")) {
            let content = match db.data_type(&key).unwrap().unwrap() {
                DataType::String => Content::String(db.strings().get(&key).unwrap().unwrap().to_vec()),
                _ => Content::Set(members(&db, &key).iter().map(|member| member.to_vec()).collect()),
            };
            let expires = db.expires_at(&key).unwrap().is_some();
            world.insert((number, key.to_vec()), (content, expires));
        }
    }
    world
}

#[test]
fn what_a_killed_process_acknowledged_is_there_and_nothing_is_torn() {
    let _alone = FailScenario::setup();
    let seed = std::env::var("WINDROW_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("WINDROW_SEED={seed}");
    let mut random = Rng::with_seed(seed);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let mut world = World::new();
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        let victims_seed = random.u64(..);
        let life = Duration::from_millis(random.u64(60..700));
        let done = kill_one(&path, victims_seed, life);
        acknowledged += done;
        let mut drawn = Rng::with_seed(victims_seed);
        for _ in 0..done {
            apply(draw(&mut drawn), &mut world);
        }
        let mut with_the_last = world.clone();
        let last = draw(&mut drawn);
        apply(last.clone(), &mut with_the_last);
        let store = open(&path);
        let seen = observe(&store);
        assert!(
            seen == world || seen == with_the_last,
            "round {round}, {done} operations, then {last:?}: {:?} instead of {:?}",
            seen.keys(),
            world.keys()
        );
        std::thread::sleep(Duration::from_millis(40));
        settle(&store);
        assert!(observe(&store) == seen, "round {round}: reclaiming changed what lives");
        let counted: u64 = (0..2).map(|db| store.db(db).len().unwrap()).sum();
        assert_eq!(counted, seen.len() as u64, "round {round}: brief keys are counted out");
        store.close().unwrap();
        assert_clean(&path);
        world = seen;
    }
    assert!(acknowledged > 20, "the victims hardly lived: {acknowledged} operations");
}
