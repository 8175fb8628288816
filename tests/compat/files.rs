//! RDB files between windrow and Redis: what one saved, the other loads, and both hold the same.
//!
//! Uses the contest to fill a Redis, and the dumps of whole states. Invariant: key by key, with type, value and expiry.

use std::fs::File;

use windrow::{ImportOptions, Refusal, Store};

use crate::FILES;
use crate::command::Command;
use crate::contest::Contest;
use crate::draw::DBS;
use crate::dump::{self, DbDump};
use crate::fixture::{Fixture, close_and_check};
use crate::redis::{Server, nobody_starts};
use crate::resp::{Client, Reply};

/// How often a Redis is filled, and by how many commands each time.
const ROUNDS: u64 = 12;
const STEPS: u64 = 600;

/// Keys of a population beside the contest's.
const POPULATION: u64 = 3_000;

pub(crate) fn ask(client: &mut Client, command: &Command) {
    let reply = client.ask(command).unwrap();
    assert!(!matches!(reply, Reply::Error(_)), "{command}: {reply}");
}

pub(crate) fn close(store: Store, fixture: &Fixture) {
    let _nobody_starts = nobody_starts();
    close_and_check(store, &fixture.path("store"));
}

pub(crate) fn states(store: &Store) -> Vec<DbDump> {
    (0..DBS).map(|number| dump::of_windrow(&store.db(number)).unwrap()).collect()
}

pub(crate) fn agree(ours: &[DbDump], theirs: &[DbDump], what: &str) {
    for (ours, theirs) in ours.iter().zip(theirs) {
        if let Some((key, ours, theirs)) = dump::difference(ours, theirs) {
            let shown = |held: Option<&dump::Held>| held.map_or("nothing".to_owned(), ToString::to_string);
            panic!("{what}: {}\n  windrow: {}\n  redis:   {}", key.escape_ascii(), shown(ours), shown(theirs));
        }
    }
}

/// Fills a Redis at random, many keys of every kind beside.
pub(crate) fn fill(server: &Server, seed: u64, steps: u64) -> Client {
    Contest::run(server, &FILES, seed, steps);
    let mut client = server.client();
    let mut random = fastrand::Rng::with_seed(seed);
    for n in 0..POPULATION {
        let names: Vec<String> = (0..1 + random.u32(..12)).map(|m| format!("{}", m * random.u32(1..900))).collect();
        let key = format!("key:{n}");
        let command = match random.u8(..5) {
            0 => Command::new("SET").arg(&key).arg(names.concat()),
            1 => Command::new("SADD").arg(&key).args(&names),
            2 => Command::new("RPUSH").arg(&key).args(&names),
            3 => names.iter().fold(Command::new("HSET").arg(&key), |command, name| command.arg(name).arg("v")),
            _ => names.iter().fold(Command::new("ZADD").arg(&key), |command, name| command.int(name.len()).arg(name)),
        };
        client.gather(&command);
        if random.bool() {
            client.gather(&Command::new("PEXPIREAT").arg(&key).int(4_102_444_800_000 + n));
        }
    }
    for reply in client.exchange().unwrap() {
        assert!(!matches!(reply, Reply::Error(_)), "{reply}");
    }
    client
}

#[test]
fn files_that_either_side_saved_hold_the_same_on_the_other() {
    let Some(server) = Server::start() else { return };
    for seed in 0..ROUNDS {
        let mut client = fill(&server, seed, STEPS);
        let compression = if seed % 2 == 0 { "yes" } else { "no" };
        ask(&mut client, &Command::new("CONFIG").arg("SET").args(["rdbcompression", compression]));
        ask(&mut client, &Command::new("SAVE"));
        let theirs = dump::of_redis(&mut client);
        let fixture = Fixture::new();
        let store = fixture.open();
        let saved = File::open(server.dir().join("dump.rdb")).unwrap();
        let report = store.import_rdb(saved, ImportOptions::new()).unwrap();
        let keys: usize = theirs.iter().map(DbDump::len).sum();
        assert_eq!((report.keys(), report.is_complete()), (keys as u64, true), "{report:?}");
        agree(&states(&store), &theirs, "imported");

        let exported = fixture.path("exported.rdb");
        let written = store.export_rdb(File::create(&exported).unwrap()).unwrap();
        assert_eq!(written.keys(), keys as u64);
        assert_eq!(
            (written.counts.with_expiry, written.counts.strings),
            (report.counts.with_expiry, report.counts.strings)
        );
        let loaded = Server::start_with(&exported).unwrap();
        agree(&states(&store), &dump::of_redis(&mut loaded.client()), "exported");
        close(store, &fixture);
    }
}

#[test]
fn streams_and_functions_of_a_real_redis_are_counted_and_the_rest_comes() {
    let Some(server) = Server::start() else { return };
    let mut client = server.client();
    for n in 0..300 {
        ask(&mut client, &Command::new("XADD").arg("stream").arg("*").arg("n").int(n));
    }
    ask(&mut client, &Command::new("XGROUP").arg("CREATE").args(["stream", "group", "0"]));
    let read = ["GROUP", "group", "consumer", "COUNT", "100", "STREAMS", "stream", ">"];
    ask(&mut client, &Command::new("XREADGROUP").args(read));
    // Nobody knows how much of the stream this one has read.
    ask(&mut client, &Command::new("XGROUP").arg("CREATE").args(["stream", "fresh", "$"]));
    let library = "#!lua name=lib\nredis.register_function('f', function() return 1 end)";
    ask(&mut client, &Command::new("FUNCTION").arg("LOAD").arg(library));
    ask(&mut client, &Command::new("SET").arg("zz").arg("there"));
    ask(&mut client, &Command::new("SAVE"));
    let fixture = Fixture::new();
    let store = fixture.open();
    let saved = File::open(server.dir().join("dump.rdb")).unwrap();
    let report = store.import_rdb(saved, ImportOptions::new()).unwrap();
    assert_eq!(report.refused, [(Refusal::Stream, 1), (Refusal::Function, 1)].into());
    assert_eq!(store.db(0).strings().get("zz").unwrap(), Some("there".into()));
    close(store, &fixture);
}
