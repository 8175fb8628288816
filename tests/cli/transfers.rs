//! `windrow import` and `windrow export`: files, a running Redis, and what is refused.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

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
    assert!(ended.stderr().contains("a key exists"), "{}", ended.stderr());
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
    let secret = place.run(&["import", "redis://:secret@here:x", "@store"]);
    assert!(!secret.stderr().contains("secret"), "{}", secret.stderr());
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
    let bulk = |bytes: &[u8]| [format!("${}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    let page = |cursor: &str, names: &[&str]| {
        let names: Vec<Vec<u8>> = names.iter().map(|name| bulk(name.as_bytes())).collect();
        [b"*2\r\n".to_vec(), bulk(cursor.as_bytes()), format!("*{}\r\n", names.len()).into(), names.concat()].concat()
    };
    let port = serve(vec![
        b"+OK\r\n".to_vec(),
        // An older one, which tells lifetimes.
        b"-ERR unknown command\r\n".to_vec(),
        bulk(b"# Keyspace\r\ndb3:keys=2,expires=1,avg_ttl=1\r\n"),
        b"+OK\r\n".to_vec(),
        page("9", &["one", "gone"]),
        bulk(&payload),
        b":100000\r\n".to_vec(),
        b"$-1\r\n".to_vec(),
        b":-2\r\n".to_vec(),
        // The same name again: it has been seen.
        page("0", &["one"]),
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
