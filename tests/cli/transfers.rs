//! `windrow import` and `windrow export`: files, a running Redis, and what is refused.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use windrow::Store;

use crate::tool::Place;

fn filled(place: &Place, name: &str) {
    let store = Store::open(place.path(name)).unwrap();
    store.db(0).strings().set("k", "v").unwrap();
    store.namespace("tenant").db(2).sets().add("s", ["a", "b"]).unwrap();
    store.close().unwrap();
}

#[test]
fn an_export_is_imported_as_it_was() {
    let place = Place::new();
    filled(&place, "store");
    let exported = place.run(&["export", "@store", "@dump.rdb", "--namespace", "tenant"]).well();
    assert!(exported.stdout().starts_with("exported 1 keys"), "{}", exported.stdout());
    let again = place.run(&["export", "@store", "@dump.rdb"]);
    assert_eq!(again.code(), Some(1));
    assert!(again.stderr().contains("is there already"), "{}", again.stderr());
    let imported = place.run(&["import", "@dump.rdb", "@other"]).well();
    assert!(imported.stdout().contains("sets: 1"), "{}", imported.stdout());
    place.run(&["check", "@other"]).well();
    let ended = place.run(&["import", "@dump.rdb", "@other"]);
    assert_eq!(ended.code(), Some(1));
    let said = ended.stderr();
    assert!(said.contains("db 2 holds the key \"s\" already") && said.contains("--existing keep"), "{said}");
    let kept = place.run(&["import", "@dump.rdb", "@other", "--existing", "keep", "--threads", "1"]).well();
    assert!(kept.stdout().contains("kept as they were: 1"), "{}", kept.stdout());
    let store = Store::open(place.path("other")).unwrap();
    assert!(store.db(2).sets().contains("s", "b").unwrap());
}

#[test]
fn what_is_refused_is_named_and_ends_it_with_1() {
    let place = Place::new();
    std::fs::write(place.path("dump.rdb"), b"REDIS0010\xf5\x05#!lua\x00\x01k\x01v\xff\0\0\0\0\0\0\0\0").unwrap();
    let imported = place.run(&["import", "@dump.rdb", "@store"]);
    assert_eq!(imported.code(), Some(1));
    let said = imported.stdout();
    assert!(said.contains("strings: 1") && said.contains("refused, functions are not supported: 1"), "{said}");
    std::fs::write(place.path("damaged.rdb"), b"REDIS0010\x00\x05").unwrap();
    let damaged = place.run(&["import", "@damaged.rdb", "@store"]);
    assert_eq!(damaged.code(), Some(1));
    assert!(damaged.stderr().contains("at byte 11"), "{}", damaged.stderr());
    std::fs::write(place.path("cut.rdb"), b"REDIS0010\x00\x03new\x01v\x00\x05").unwrap();
    let cut = place.run(&["import", "@cut.rdb", "@store"]);
    assert_eq!(cut.code(), Some(1));
    let said = cut.stdout();
    assert!(said.contains("imported 1 keys") && said.contains("before it ended with an error"), "{said}");
    let secret = place.run(&["import", "redis://:secret@here:x", "@store"]);
    assert!(!secret.stderr().contains("secret"), "{}", secret.stderr());
}

fn bulk(bytes: &[u8]) -> Vec<u8> {
    [format!("${}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// What SCAN answers.
fn page(cursor: &str, names: &[String]) -> Vec<u8> {
    let items = names.iter().map(|name| bulk(name.as_bytes())).collect::<Vec<_>>().concat();
    [b"*2\r\n".to_vec(), bulk(cursor.as_bytes()), format!("*{}\r\n", names.len()).into(), items].concat()
}

/// Answers one connection: each command with the next of `replies`.
fn serve(replies: Vec<Vec<u8>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let mut stream = stream;
        for reply in replies {
            let words: usize = lines.next().unwrap().unwrap().trim_start_matches('*').parse().unwrap();
            (0..2 * words).for_each(|_| drop(lines.next()));
            stream.write_all(&reply).unwrap();
        }
    });
    port
}

#[test]
fn a_running_redis_is_read_page_by_page_with_its_password() {
    let place = Place::new();
    let from = Store::open(place.path("from")).unwrap();
    from.db(0).lists().push_right("list", ["a", "b"]).unwrap();
    let payload = from.db(0).dump("list").unwrap().unwrap();
    let queued = || [b"+OK\r\n".to_vec(), b"+QUEUED\r\n".to_vec(), b"+QUEUED\r\n".to_vec()];
    let [multi, dump, pttl] = queued();
    let [multi_again, dump_again, pttl_again] = queued();
    let port = serve(vec![
        b"+OK\r\n".to_vec(),
        // An older one, which tells lifetimes.
        b"-ERR unknown command 'PEXPIRETIME', with args beginning with: ''\r\n".to_vec(),
        b"-ERR unknown command `FUNCTION`, with args beginning with: `LIST`\r\n".to_vec(),
        bulk(b"# Keyspace\r\ndb3:keys=2,expires=1,avg_ttl=1\r\n"),
        b"+OK\r\n".to_vec(),
        page("9", &["one".into(), "gone".into()]),
        multi,
        dump,
        pttl,
        [b"*2\r\n".to_vec(), bulk(&payload), b":100000\r\n".to_vec()].concat(),
        multi_again,
        dump_again,
        pttl_again,
        b"*2\r\n$-1\r\n:-2\r\n".to_vec(),
        // The same name again: it has been seen.
        page("0", &["one".into()]),
    ]);
    let imported = place.run(&["import", &format!("redis://:secret@127.0.0.1:{port}"), "@store"]).well();
    assert!(imported.stdout().contains("with an expiry: 1"), "{}", imported.stdout());
    let store = Store::open(place.path("store")).unwrap();
    assert_eq!(store.db(3).lists().len("one").unwrap(), 2);
    assert!(store.db(3).expires_at("one").unwrap() > Some(store.time()));
    let port = serve(vec![b"-WRONGPASS no\r\n".to_vec()]);
    let refused = place.run(&["import", &format!("redis://me:secret@127.0.0.1:{port}"), "@other"]);
    assert_eq!(refused.code(), Some(1));
    assert!(refused.stderr().contains("Redis refuses: WRONGPASS"), "{}", refused.stderr());
}

/// Answers one connection as a Redis with `names` in db 0, all of which it gives twice, and answers only when nothing more comes.
/// Tells how many values each answer had.
fn serve_bursts(
    names: Vec<String>,
    payload: impl Fn(&str) -> Vec<u8> + Send + 'static,
) -> (u16, JoinHandle<Vec<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answers = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(30))).unwrap();
        let (mut bursts, mut queued) = (Vec::new(), Vec::new());
        while let Some(lines) = burst(&mut stream) {
            let (mut answer, mut values) = (Vec::new(), 0);
            for words in commands(&lines) {
                let reply = match words[0].as_str() {
                    "PEXPIRETIME" if words[1].is_empty() => b":-2\r\n".to_vec(),
                    "FUNCTION" => b"*0\r\n".to_vec(),
                    "INFO" => bulk(b"db0:keys=1,expires=0,avg_ttl=0\r\n"),
                    "SCAN" => page(if words[1] == "0" { "1" } else { "0" }, &names),
                    "DUMP" | "PEXPIRETIME" => {
                        queued.push(words);
                        b"+QUEUED\r\n".to_vec()
                    }
                    "EXEC" => {
                        assert_eq!(queued[0][1], queued[1][1]);
                        values += 1;
                        [b"*2\r\n".to_vec(), bulk(&payload(&queued[0][1])), b":-1\r\n".to_vec()].concat()
                    }
                    "MULTI" => {
                        queued.clear();
                        b"+OK\r\n".to_vec()
                    }
                    _ => b"+OK\r\n".to_vec(),
                };
                answer.extend(reply);
            }
            bursts.extend(Some(values).filter(|values| *values > 0));
            stream.write_all(&answer).unwrap();
        }
        bursts
    });
    (port, answers)
}

/// Reads until nothing more comes; `None` at the end.
fn burst(stream: &mut TcpStream) -> Option<Vec<String>> {
    let (mut bytes, mut some) = (Vec::new(), [0; 65536]);
    loop {
        match stream.read(&mut some) {
            Ok(0) => return None,
            Ok(read) => bytes.extend_from_slice(&some[..read]),
            Err(_) if bytes.is_empty() => {}
            Err(_) => return Some(String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()),
        }
    }
}

/// Takes the words of commands out of their lines.
fn commands(mut lines: &[String]) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    while let Some((count, rest)) = lines.split_first() {
        let count: usize = count.trim_start_matches('*').parse().unwrap();
        let (words, rest) = rest.split_at(2 * count);
        commands.push(words.iter().skip(1).step_by(2).cloned().collect());
        lines = rest;
    }
    commands
}

#[test]
fn a_running_redis_holds_few_answers_and_each_name_comes_once() {
    let place = Place::new();
    let from = Store::open(place.path("from")).unwrap();
    let db = from.db(0);
    db.strings().set("small", "v").unwrap();
    db.strings().set("large", "v".repeat(2 << 20)).unwrap();
    let [small, large] = ["small", "large"].map(|name| db.dump(name).unwrap().unwrap().to_vec());
    let names: Vec<String> =
        (0..50).map(|n| format!("{}:{n}", if (30..34).contains(&n) { "large" } else { "small" })).collect();
    for existing in ["fail", "keep", "replace"] {
        let (small, large) = (small.clone(), large.clone());
        let payload = move |name: &str| if name.starts_with("large") { large.clone() } else { small.clone() };
        let (port, answers) = serve_bursts(names.clone(), payload);
        let to = format!("@to-{existing}");
        let imported = place.run(&["import", &format!("redis://127.0.0.1:{port}"), &to, "--existing", existing]).well();
        let said = imported.stdout();
        assert!(said.starts_with("imported 50 keys") && !said.contains("kept"), "{existing}: {said}");
        // The first alone; then as many as may be; one by one behind a large one.
        assert_eq!(answers.join().unwrap(), [1, 16, 16, 1, 1, 15], "{existing}");
    }
}

#[test]
fn append_only_files_are_known_by_what_they_are() {
    let place = Place::new();
    filled(&place, "from");
    place.run(&["export", "@from", "@base.rdb"]).well();
    let base = std::fs::read(place.path("base.rdb")).unwrap();
    let set = b"*3\r\n$3\r\nSET\r\n$1\r\nn\r\n$1\r\n1\r\n";
    let incr = b"*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n";
    std::fs::write(place.path("plain.aof"), [set.as_slice(), incr].concat()).unwrap();
    // As Redis marks an RDB file that begins an append-only file.
    let marked = [&base[..9], b"\xfa\x08aof-base\xc0\x01\x00\x01n\x011\xff\0\0\0\0\0\0\0\0", incr].concat();
    std::fs::write(place.path("mixed.aof"), marked).unwrap();
    std::fs::create_dir(place.path("dir")).unwrap();
    let manifest = "file base.rdb seq 1 type b\nfile incr.aof seq 1 type i\n";
    std::fs::write(place.path("dir/appendonly.aof.manifest"), manifest).unwrap();
    std::fs::write(place.path("dir/base.rdb"), &base).unwrap();
    std::fs::write(place.path("dir/incr.aof"), [set.as_slice(), incr].concat()).unwrap();
    for (number, (from, keys)) in
        [("@plain.aof", 1), ("@mixed.aof", 1), ("@dir", 2), ("@dir/appendonly.aof.manifest", 2)].into_iter().enumerate()
    {
        let to = format!("@to{number}");
        let done = place.run(&["import", from, &to]).well();
        assert!(done.stdout().starts_with(&format!("imported {keys} keys")), "{from}: {}", done.stdout());
        assert!(done.stdout().contains("commands done"), "{}", done.stdout());
        let store = Store::open(place.path(&to[1..])).unwrap();
        assert_eq!(store.db(0).strings().get("n").unwrap(), Some("2".into()), "{from}");
        drop(store);
        place.run(&["check", &to]).well();
    }
    std::fs::write(place.path("cut.aof"), [set.as_slice(), &incr[..9]].concat()).unwrap();
    let cut = place.run(&["import", "@cut.aof", "@cut"]);
    assert_eq!(cut.code(), Some(1));
    assert!(cut.stdout().contains("the file ends within a command"), "{}", cut.stdout());
    let missing = place.run(&["import", "@none", "@none-store"]);
    assert!(missing.stderr().contains("cannot open"), "{}", missing.stderr());
}

/// The member has 70,000 bytes.
fn long_member() -> Vec<u8> {
    let member = [vec![0x80, 0, 1, 0x11, 0x70], vec![b'm'; 70_000]].concat();
    [b"REDIS0010\x02\x04long\x01".to_vec(), member, b"\x00\x01k\x01v\xff\0\0\0\0\0\0\0\0".to_vec()].concat()
}

#[test]
fn what_is_too_long_is_named_with_its_limit_and_the_limit_can_be_raised() {
    let place = Place::new();
    std::fs::write(place.path("dump.rdb"), long_member()).unwrap();
    let refused = place.run(&["import", "@dump.rdb", "@store"]);
    assert_eq!(refused.code(), Some(1));
    let said = refused.stdout();
    assert!(said.contains("refused, longer than the store's limits: 1"), "{said}");
    assert!(said.contains("db 0, key \"long\": ") && said.contains("max_member_bytes allows 65536"), "{said}");
    let taken = place.run(&["import", "@dump.rdb", "@other", "--max-member-bytes", "100000"]).well();
    assert!(taken.stdout().starts_with("imported 2 keys"), "{}", taken.stdout());
    let wrong = place.run(&["import", "@dump.rdb", "@third", "--max-key-bytes", "1"]);
    assert_eq!(wrong.code(), Some(2), "{}", wrong.stderr());
}

#[test]
fn a_redis_that_refuses_or_lacks_something_ends_it_before_a_store_is_made() {
    let unknown = || b"-ERR unknown command\r\n".to_vec();
    let no_such_db = (vec![b"-ERR DB index is out of range\r\n".to_vec()], "/99", "DB index is out of range");
    let no_times = (vec![b"-NOPERM no permissions to run 'pexpiretime'\r\n".to_vec()], "", "NOPERM");
    let no_functions = (vec![unknown(), b"-NOPERM no permissions to run 'function|list'\r\n".to_vec()], "", "NOPERM");
    for (replies, db, told) in [no_such_db, no_times, no_functions] {
        let place = Place::new();
        let port = serve(replies);
        let ended = place.run(&["import", &format!("redis://127.0.0.1:{port}{db}"), "@store"]);
        assert_eq!(ended.code(), Some(1), "{told}");
        assert!(ended.stderr().contains(told) && !ended.stderr().contains("RDB file"), "{}", ended.stderr());
        assert!(!place.path("store").exists(), "{told}");
    }
    let place = Place::new();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let refused = place.run(&["import", &format!("redis://127.0.0.1:{port}"), "@store"]);
    assert!(refused.stderr().contains("refused"), "{}", refused.stderr());
    assert!(!place.path("store").exists());
}

#[test]
fn what_a_redis_says_in_the_middle_is_told_as_its_own() {
    let place = Place::new();
    let port = serve(vec![
        b":-2\r\n".to_vec(),
        // A library of functions, which is lost: its name, and a function with its name and its flags.
        [
            b"*1\r\n*4\r\n".to_vec(),
            [bulk(b"library_name"), bulk(b"lib"), bulk(b"functions")].concat(),
            [b"*1\r\n*4\r\n".to_vec(), bulk(b"name"), bulk(b"f"), bulk(b"flags")].concat(),
            b"*1\r\n+no-writes\r\n".to_vec(),
        ]
        .concat(),
        bulk(b"db0:keys=1,expires=0,avg_ttl=0\r\n"),
        b"+OK\r\n".to_vec(),
        b"-NOPERM no permissions to run 'scan'\r\n".to_vec(),
    ]);
    let ended = place.run(&["import", &format!("redis://127.0.0.1:{port}"), "@store"]);
    assert_eq!(ended.code(), Some(1));
    let said = ended.stderr();
    assert!(said.contains("Redis refuses: NOPERM") && !said.contains("RDB file"), "{said}");
    assert!(ended.stdout().contains("refused, functions are not supported: 1"), "{}", ended.stdout());
}

#[test]
fn what_is_no_address_and_no_file_is_told_what_it_may_be() {
    let place = Place::new();
    for (from, code, told) in [
        ("rediss://here", 2, "TLS"),
        ("redis://here:x", 2, "write redis://"),
        ("tcp://here:6379", 2, "redis://"),
        ("localhost:6379", 1, "redis://localhost:6379"),
    ] {
        let ended = place.run(&["import", from, "@store"]);
        assert_eq!(ended.code(), Some(code), "{from}: {}", ended.stderr());
        assert!(ended.stderr().contains(told), "{from}: {}", ended.stderr());
    }
    std::fs::create_dir_all(place.path("data/appendonlydir")).unwrap();
    std::fs::write(place.path("data/dump.rdb"), b"").unwrap();
    let ended = place.run(&["import", "@data", "@store"]);
    let said = ended.stderr();
    assert!(said.contains("data/appendonlydir") && said.contains("data/dump.rdb"), "{said}");
    assert!(!place.path("store").exists());
}

#[test]
fn an_export_takes_no_namespace_that_is_not_there_and_no_file_that_another_one_writes() {
    let place = Place::new();
    filled(&place, "store");
    let none = place.run(&["export", "@store", "@dump.rdb", "--namespace", "nope"]);
    assert_eq!(none.code(), Some(1));
    assert!(none.stderr().contains("no namespace \"nope\""), "{}", none.stderr());
    assert!(!place.path("dump.rdb").exists() && !place.path("dump.rdb.partial").exists());
    // One that another export is writing, and one whose export was killed.
    let partial = place.path("dump.rdb.partial");
    std::fs::write(&partial, "x".repeat(10_000)).unwrap();
    let writing = std::fs::File::open(&partial).unwrap();
    writing.lock().unwrap();
    let busy = place.run(&["export", "@store", "@dump.rdb"]);
    assert_eq!(busy.code(), Some(1));
    assert!(busy.stderr().contains("another export is writing"), "{}", busy.stderr());
    assert_eq!(std::fs::metadata(&partial).unwrap().len(), 10_000);
    drop(writing);
    place.run(&["export", "@store", "@dump.rdb"]).well();
    assert!(!partial.exists());
    let imported = place.run(&["import", "@dump.rdb", "@other"]).well();
    assert!(imported.stdout().starts_with("imported 1 keys"), "{}", imported.stdout());
}
