//! SAVE, BGSAVE, LASTSAVE: copies that can be opened.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::child::{PATIENCE, Raw, Server};

/// The value of a line of INFO.
pub(crate) fn info(client: &mut Raw, name: &str) -> String {
    let text = String::from_utf8(client.reply(b"INFO everything")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}:")).map(str::to_owned));
    line.unwrap_or_else(|| panic!("no {name} in {text}"))
}

/// Waits until INFO tells this.
#[track_caller]
pub(crate) fn wait_for(client: &mut Raw, name: &str, value: &str) {
    let deadline = Instant::now() + PATIENCE;
    while info(client, name) != value {
        assert!(Instant::now() < deadline, "{name} is {} for ever", info(client, name));
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn saves(server: &Server) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(server.dir.path().join("store-saves"));
    let mut found: Vec<PathBuf> = entries.into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

fn value(path: &Path, key: &str) -> Option<String> {
    let store = windrow::Store::open(path).unwrap();
    let value = store.db(0).strings().get(key).unwrap();
    store.close().unwrap();
    value.map(|value| String::from_utf8(value.to_vec()).unwrap())
}

#[test]
fn a_save_holds_what_was_there_and_few_are_kept() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.send("LASTSAVE\r\n");
    client.expect(":");
    client.reply(b"PING");
    for round in 1..=4 {
        client.command(&["SET", "k", &round.to_string()]);
        client.expect("+OK\r\n");
        client.send(if round == 2 { "BGSAVE\r\n" } else { "SAVE\r\n" });
        client.expect(if round == 2 { "+Background saving started\r\n" } else { "+OK\r\n" });
        wait_for(&mut client, "rdb_bgsave_in_progress", "0");
        assert_eq!(info(&mut client, "rdb_saves"), round.to_string());
    }
    client.send("SET k after\r\n");
    client.expect("+OK\r\n");
    assert_ne!(info(&mut client, "rdb_changes_since_last_save"), "0");
    let kept = saves(&server);
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert_eq!(info(&mut client, "last_save_path"), kept[1].canonicalize().unwrap().display().to_string());
    assert_eq!(kept.iter().map(|path| value(path, "k").unwrap()).collect::<Vec<_>>(), ["3", "4"]);
    for path in &kept {
        assert!(windrow::check(path).unwrap().is_clean());
    }
    client.send("BGSAVE nosuch\r\nBGSAVE schedule extra\r\nSAVE x\r\nBGSAVE SCHEDULE\r\n");
    client.expect(
        "-ERR syntax error\r\n-ERR syntax error\r\n-ERR wrong number of arguments for 'save' command\r\n\
         +Background saving started\r\n",
    );
    wait_for(&mut client, "rdb_saves", "5");
    server.stop_and_check();
}

#[test]
fn a_save_in_a_transaction_holds_what_the_transaction_wrote() {
    let server = Server::start(&["--databases", "2"]);
    let mut client = server.connect();
    for (number, whole) in [(1, ""), (2, "DBSIZE\r\n")] {
        client.send(format!("MULTI\r\nSET k {number}\r\nBGSAVE\r\n{whole}SET l {number}\r\nEXEC\r\n"));
        client.expect("+OK\r\n");
        client.reply(b"PING");
        wait_for(&mut client, "rdb_saves", &number.to_string());
        let newest = saves(&server).pop().unwrap();
        assert_eq!(value(&newest, "l"), Some(number.to_string()));
    }
    client.send("MULTI\r\nSAVE\r\nEXEC\r\n");
    client.expect("+OK\r\n-ERR Command not allowed inside a transaction\r\n-EXECABORT ");
}

#[test]
fn what_an_earlier_server_saved_is_known_and_what_it_left_unfinished_is_gone() {
    let mut server = Server::start(&[]);
    let mut client = server.connect();
    client.send("SAVE\r\n");
    client.expect("+OK\r\n");
    let last = client.reply(b"LASTSAVE");
    server.signal("KILL");
    server.ended();
    let dir = std::mem::replace(&mut server.dir, tempfile::tempdir().unwrap());
    drop(server);
    let beside = dir.path().join("store-saves");
    for name in ["saving-17", "mine", "save-mine"] {
        std::fs::create_dir(beside.join(name)).unwrap();
    }
    std::thread::sleep(Duration::from_millis(1100));
    let server = Server::start_in(dir, &[]);
    let mut client = server.connect();
    assert_eq!(client.reply(b"LASTSAVE"), last);
    client.send("SAVE\r\nSAVE\r\nSAVE\r\n");
    client.expect("+OK\r\n+OK\r\n+OK\r\n");
    let names: Vec<String> =
        saves(&server).iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(names.len(), 4, "{names:?}");
    assert!(names.contains(&"mine".to_owned()) && names.contains(&"save-mine".to_owned()), "{names:?}");
}

#[test]
fn a_save_that_fails_says_why() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    std::fs::write(server.dir.path().join("store-saves"), b"a file").unwrap();
    let said = String::from_utf8(client.reply(b"SAVE")).unwrap();
    assert!(said.starts_with("-ERR ") && said.contains("store-saves"), "{said}");
    assert_eq!(info(&mut client, "rdb_last_bgsave_status"), "err");
    assert!(info(&mut client, "last_save_error").contains("store-saves"));
    std::fs::remove_file(server.dir.path().join("store-saves")).unwrap();
    client.send("SAVE\r\n");
    client.expect("+OK\r\n");
    assert_eq!(info(&mut client, "rdb_last_bgsave_status"), "ok");
    assert_eq!(info(&mut client, "last_save_error"), "");
}

#[test]
#[cfg(feature = "failpoints")]
fn one_save_is_made_at_a_time_and_work_goes_on_meanwhile() {
    let server = Server::start_with(&[("FAILPOINTS", "checkpoint::copied=1*sleep(1500)")], &[]);
    let (mut client, mut other) = (server.connect(), server.connect());
    client.send("BGSAVE\r\n");
    client.expect("+Background saving started\r\n");
    client.send("BGSAVE\r\nSAVE\r\nSET k v\r\nGET k\r\n");
    let busy = "-ERR Background save already in progress\r\n";
    client.expect(&format!("{busy}{busy}+OK\r\n$1\r\nv\r\n"));
    assert_eq!(info(&mut other, "rdb_bgsave_in_progress"), "1");
    wait_for(&mut other, "rdb_bgsave_in_progress", "0");
    assert_eq!(info(&mut other, "rdb_last_bgsave_status"), "ok");
    server.stop_and_check();
}
