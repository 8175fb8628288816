//! Append-only files: what a real Redis wrote while anything was done to it, imported.
//!
//! Uses the contest to fill a Redis, and the dumps of whole states. Invariant: key by key, with type, value and expiry.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use windrow::{ImportOptions, ImportReport, Refusal, Store, append_only_parts};

use crate::command::Command;
use crate::dump::{self, DbDump};
use crate::files::{agree, ask, close, fill, states};
use crate::fixture::Fixture;
use crate::redis::Server;
use crate::resp::{Client, Reply};

/// How often a Redis is filled, for each form of its file, and by how many commands if nobody says otherwise.
const ROUNDS: u64 = 4;
const STEPS: u64 = 1_500;

fn import(store: &Store, parts: &[PathBuf]) -> ImportReport {
    let files: Vec<File> = parts.iter().map(|part| File::open(part).unwrap()).collect();
    store.import_aof(files, ImportOptions::new()).unwrap()
}

fn parts(server: &Server) -> Vec<PathBuf> {
    append_only_parts(server.dir().join("appendonlydir")).unwrap()
}

fn rewrite(client: &mut Client) {
    // At times one is under way already.
    client.ask(&Command::new("BGREWRITEAOF")).unwrap();
}

fn wait_for_rewriting(client: &mut Client) {
    loop {
        let Reply::Bulk(Some(info)) = client.ask(&Command::new("INFO").arg("persistence")).unwrap() else { panic!() };
        let info = String::from_utf8_lossy(&info);
        if info.contains("aof_rewrite_in_progress:0") && info.contains("aof_rewrite_scheduled:0") {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What was read at a time when it lived, although it is long dead now; and what died.
fn pass_away(client: &mut Client) {
    let words = |text: &str| {
        let mut words = text.split(' ');
        let name: &'static str = words.next().unwrap().to_owned().leak();
        Command::new(name).args(words)
    };
    // Else Redis may find the dead before they are imported.
    ask(client, &Command::new("DEBUG").args(["SET-ACTIVE-EXPIRE", "0"]));
    for text in [
        "SET saved 5 PX 200",
        "INCR saved",
        "SADD dead a",
        "PEXPIRE dead 60",
        "SADD dead b",
        "RENAME dead died",
        "PERSIST saved",
        "SET passed v PX 60",
        "COPY passed kept",
        "PERSIST kept",
        "HSET later f v",
        "EXPIRE later 10000",
        "GETEX later2",
        "RPUSH a b c d e f",
        "LMPOP 2 none a LEFT COUNT 2",
        "BLMOVE a b LEFT RIGHT 1",
        "BLPOP a 1",
        "ZADD z 1 a 2 b 3 c 4 d",
        "ZMPOP 1 z MAX",
        "BZPOPMIN z 1",
        "SADD pops a b c d e",
        "SPOP pops 2",
        "SET n 1 EX 5000",
        "INCRBYFLOAT n 1.5",
        "HINCRBYFLOAT h f 0.1",
        "GETEX n PERSIST",
        "GETSET n 7",
        "SET del 1",
        "GETDEL del",
        "SETEX ex 4000 v",
        "EVAL return{redis.call('SET','script','v'),redis.call('INCR','saved')} 0",
    ] {
        let reply = client.ask(&words(text)).unwrap();
        assert!(!matches!(reply, Reply::Error(_)), "{text}: {reply}");
    }
    std::thread::sleep(Duration::from_millis(250));
}

#[test]
fn what_redis_appended_is_imported_as_redis_holds_it() {
    let steps = std::env::var("WINDROW_STEPS").map_or(STEPS, |steps| steps.parse::<u64>().unwrap() / (2 * ROUNDS));
    let first = std::env::var("WINDROW_SEED").map_or(0, |seed| seed.parse().unwrap());
    for (seed, preamble) in (first..first + ROUNDS).flat_map(|seed| [(seed, true), (seed, false)]) {
        let Some(server) = Server::start_appending(preamble) else { return };
        let is_over = AtomicBool::new(false);
        let mut client = std::thread::scope(|scope| {
            let rewriting = scope.spawn(|| {
                let mut client = server.client();
                // Without it, all commands stand in the file to the end.
                while seed % 2 == 1 && !is_over.load(Ordering::Relaxed) {
                    rewrite(&mut client);
                    std::thread::sleep(Duration::from_millis(50));
                }
            });
            let client = fill(&server, seed, steps);
            is_over.store(true, Ordering::Relaxed);
            rewriting.join().unwrap();
            client
        });
        wait_for_rewriting(&mut client);
        ask(&mut client, &Command::new("SELECT").int(0));
        pass_away(&mut client);
        let fixture = Fixture::new();
        let store = Store::builder(fixture.path("store")).open().unwrap();
        let report = import(&store, &parts(&server));
        let theirs = dump::of_redis(&mut client);
        let keys: usize = theirs.iter().map(DbDump::len).sum();
        assert_eq!((report.keys(), report.is_complete()), (keys as u64, true), "{report:?}");
        assert!(report.expired >= 2, "{report:?}");
        agree(&states(&store), &theirs, &format!("imported, seed {seed}, preamble {preamble}"));
        close(store, &fixture);
    }
}

/// The parts put together as Redis before 7.0 has them: one file.
fn in_one(parts: &[PathBuf], to: &Path) {
    let whole: Vec<u8> = parts.iter().flat_map(|part| std::fs::read(part).unwrap()).collect();
    std::fs::write(to, whole).unwrap();
}

#[test]
fn one_file_with_and_without_a_preamble_is_the_same_as_its_parts() {
    for preamble in [true, false] {
        let Some(server) = Server::start_appending(preamble) else { return };
        let mut client = fill(&server, 99, STEPS);
        rewrite(&mut client);
        wait_for_rewriting(&mut client);
        ask(&mut client, &Command::new("SELECT").int(0));
        pass_away(&mut client);
        let fixture = Fixture::new();
        in_one(&parts(&server), &fixture.path("appendonly.aof"));
        let store = Store::builder(fixture.path("store")).open().unwrap();
        let report = import(&store, &append_only_parts(fixture.path("appendonly.aof")).unwrap());
        assert!(report.is_complete(), "{report:?}");
        agree(&states(&store), &dump::of_redis(&mut client), "imported");
        close(store, &fixture);
    }
}

#[test]
fn streams_and_functions_are_counted_and_a_cut_tail_is_told() {
    let Some(server) = Server::start_appending(false) else { return };
    let mut client = server.client();
    for n in 0..20 {
        ask(&mut client, &Command::new("XADD").arg("stream").arg("*").arg("n").int(n));
    }
    let library = "#!lua name=lib\nredis.register_function('f', function() return 1 end)";
    ask(&mut client, &Command::new("FUNCTION").arg("LOAD").arg(library));
    ask(&mut client, &Command::new("SET").args(["a", "there"]));
    for command in
        [Command::new("MULTI"), Command::new("INCR").arg("x"), Command::new("INCR").arg("y"), Command::new("EXEC")]
    {
        ask(&mut client, &command);
    }
    let fixture = Fixture::new();
    let store = fixture.open();
    let parts = parts(&server);
    let last = parts.last().unwrap();
    let whole = std::fs::read(last).unwrap();
    std::fs::write(last, &whole[..whole.len() - 3]).unwrap();
    let report = import(&store, &parts);
    assert_eq!(report.refused, [(Refusal::Stream, 20), (Refusal::Function, 1)].into());
    assert!(report.is_cut && !report.is_complete());
    assert_eq!(store.db(0).strings().get("a").unwrap(), Some("there".into()));
    assert!(!store.db(0).exists("x").unwrap(), "a transaction without its end is none");
    close(store, &fixture);
}
