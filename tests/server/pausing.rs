//! Pauses, and what CLIENT tells of clients.

use std::time::{Duration, Instant};

use crate::blocking::wait_until_blocked;
use crate::child::{Raw, Server};

#[test]
fn a_pause_holds_commands_for_its_time() {
    let server = Server::start(&[]);
    let (mut one, mut two) = (server.connect(), server.connect());
    let started = Instant::now();
    one.send("CLIENT PAUSE 300\r\n");
    one.expect("+OK\r\n");
    two.send("PING\r\nGET k\r\nSET k v\r\n");
    two.expect("+PONG\r\n$-1\r\n+OK\r\n");
    assert!(started.elapsed() >= Duration::from_millis(300), "{:?}", started.elapsed());
    let started = Instant::now();
    one.send("CLIENT PAUSE 300 WRITE\r\n");
    one.expect("+OK\r\n");
    two.send("GET k\r\n");
    two.expect("$1\r\nv\r\n");
    assert!(started.elapsed() < Duration::from_millis(300));
    two.send("SET k w\r\nGET k\r\n");
    two.expect("+OK\r\n$1\r\nw\r\n");
    assert!(started.elapsed() >= Duration::from_millis(300), "{:?}", started.elapsed());
}

#[test]
fn a_pause_of_all_is_ended_by_who_asks_for_it() {
    let server = Server::start(&[]);
    let (mut one, mut two) = (server.connect(), server.connect());
    one.send("CLIENT PAUSE 100000 ALL\r\n");
    one.expect("+OK\r\n");
    two.send("PING\r\n");
    std::thread::sleep(Duration::from_millis(50));
    one.send("CLIENT UNPAUSE\r\n");
    one.expect("+OK\r\n");
    two.expect("+PONG\r\n");
    one.send("CLIENT PAUSE 100000 WRITE\r\n");
    one.expect("+OK\r\n");
    two.send("SET k v\r\n");
    wait_until_blocked(&mut one, 1);
    drop(two);
    wait_until_blocked(&mut one, 0);
    one.send("CLIENT UNPAUSE\r\nEXISTS k\r\n");
    one.expect("+OK\r\n:0\r\n");
    server.stop_and_check();
}

/// The fields of a line of CLIENT LIST.
fn fields(raw: &mut Raw, line: &str) -> Vec<(String, String)> {
    let reply = String::from_utf8(raw.reply(line.as_bytes())).unwrap();
    let line = reply.lines().find(|line| line.starts_with("id=")).unwrap_or_else(|| panic!("{reply}"));
    let field = |field: &str| field.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap();
    line.split(' ').map(field).collect()
}

#[test]
fn a_client_is_told_with_all_its_fields() {
    let server = Server::start(&[]);
    let (mut one, mut two) = (server.connect(), server.connect());
    let told = fields(&mut one, "CLIENT INFO");
    let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
    let expected = "id addr laddr fd name age idle flags db sub psub ssub multi qbuf qbuf-free argv-mem multi-mem rbs rbp obl \
                    oll omem tot-mem events cmd user redir resp";
    assert_eq!(names, expected.split_ascii_whitespace().collect::<Vec<_>>());
    let of = |told: &[(String, String)], wanted: &str| {
        told.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone()).unwrap()
    };
    let id = of(&fields(&mut two, "CLIENT INFO"), "id");
    let list = format!("CLIENT LIST ID {id}");
    two.send("CLIENT NO-EVICT ON\r\nSUBSCRIBE a b\r\nPSUBSCRIBE c\r\nSSUBSCRIBE d\r\n");
    let _ = two.pinged();
    let told = fields(&mut one, &list);
    let seen = ["flags", "sub", "psub", "ssub", "multi", "resp", "cmd"].map(|name| of(&told, name));
    assert_eq!(seen, ["Pe", "2", "1", "1", "-1", "2", "ping"]);
    two.send("RESET\r\nCLIENT NO-EVICT OFF\r\nMULTI\r\nGET k\r\n");
    two.expect("+RESET\r\n+OK\r\n+OK\r\n+QUEUED\r\n");
    let told = fields(&mut one, &list);
    assert_eq!(["flags", "sub", "multi"].map(|name| of(&told, name)), ["x", "0", "1"]);
    assert!(of(&told, "multi-mem").parse::<u64>().unwrap() > 0);
    two.send("DISCARD\r\nSUBSCRIBE a\r\n");
    let _ = two.pinged();
    one.send("CLIENT KILL TYPE pubsub\r\n");
    one.expect(":1\r\n");
    assert_eq!(two.rest(), "");
}
