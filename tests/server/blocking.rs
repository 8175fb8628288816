//! Clients that wait: many of them, and such as go away.

use std::collections::HashSet;
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::child::{PATIENCE, Raw, Server};

/// Waits until so many clients wait.
pub(crate) fn wait_until_blocked(control: &mut Raw, wanted: usize) {
    let deadline = Instant::now() + PATIENCE;
    let line = format!("blocked_clients:{wanted}\r\n");
    while !String::from_utf8_lossy(&control.reply(b"INFO clients")).contains(&line) {
        assert!(Instant::now() < deadline, "never {wanted} clients wait");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The number behind a name in INFO.
pub(crate) fn told(control: &mut Raw, name: &str) -> u64 {
    let text = String::from_utf8(control.reply(b"INFO everything")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
}

/// Reads one bulk in an array of two, and returns the second.
fn popped(raw: &mut Raw) -> String {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while bytes.iter().filter(|byte| **byte == b'\n').count() < 5 {
        raw.stream.read_exact(&mut byte).unwrap();
        bytes.push(byte[0]);
    }
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.starts_with("*2\r\n"), "{text:?}");
    text.lines().nth(4).unwrap().to_owned()
}

#[test]
fn every_item_comes_to_one_who_waits_and_nobody_is_forgotten() {
    const PUSHERS: usize = 4;
    const POPPERS: usize = 8;
    const EACH: usize = 3000;
    let server = Server::start(&[]);
    let popped_all = AtomicUsize::new(0);
    let items: Vec<Vec<String>> = std::thread::scope(|scope| {
        for pusher in 0..PUSHERS {
            let server = &server;
            scope.spawn(move || {
                let mut client = server.connect();
                for item in 0..EACH {
                    // The keys change, so that waits begin and end on each of them all the time.
                    let key = format!("k{}", item % 3);
                    match item % 4 {
                        0 => client.command(&["MULTI"]),
                        _ => client.command(&["PING"]),
                    }
                    client.command(&["RPUSH", &key, &format!("{pusher}-{item}")]);
                    match item % 4 {
                        0 => client.command(&["EXEC"]),
                        _ => client.command(&["PING"]),
                    }
                    let _ = client.pinged();
                }
            });
        }
        let poppers: Vec<_> = (0..POPPERS)
            .map(|popper| {
                let (server, popped_all) = (&server, &popped_all);
                scope.spawn(move || {
                    let mut client = server.connect();
                    let mut items = Vec::new();
                    // One more is asked for than there is, by each: so all end when all is there.
                    while popped_all.fetch_add(1, Ordering::Relaxed) < PUSHERS * EACH {
                        client.command(if popper % 2 == 0 {
                            &["BLPOP", "k0", "k1", "k2", "0"]
                        } else {
                            &["BRPOP", "k2", "k1", "k0", "0"]
                        });
                        items.push(popped(&mut client));
                    }
                    items
                })
            })
            .collect();
        poppers.into_iter().map(|popper| popper.join().unwrap()).collect()
    });
    let all: HashSet<&String> = items.iter().flatten().collect();
    assert_eq!((all.len(), items.iter().flatten().count()), (PUSHERS * EACH, PUSHERS * EACH));
    let mut control = server.connect();
    assert_eq!(control.reply(b"EXISTS k0 k1 k2"), b":0\r\n");
    wait_until_blocked(&mut control, 0);
    server.stop_and_check();
}

#[test]
fn a_ring_of_moves_keeps_its_token() {
    const ROUNDS: usize = 500;
    const MOVERS: usize = 5;
    let server = Server::start(&[]);
    std::thread::scope(|scope| {
        for mover in 0..MOVERS {
            let server = &server;
            scope.spawn(move || {
                let mut client = server.connect();
                let (from, to) = (format!("r{mover}"), format!("r{}", (mover + 1) % MOVERS));
                for _ in 0..ROUNDS {
                    client.command(&["BLMOVE", &from, &to, "LEFT", "RIGHT", "0"]);
                    client.expect("$5\r\ntoken\r\n");
                }
            });
        }
        let mut client = server.connect();
        client.send("RPUSH r0 token\r\n");
        client.expect(":1\r\n");
    });
    let mut control = server.connect();
    assert_eq!(control.reply(b"LRANGE r0 0 -1"), b"*1\r\n$5\r\ntoken\r\n");
    server.stop_and_check();
}

#[test]
fn who_came_first_is_served_first_among_many() {
    const MANY: usize = 200;
    let server = Server::start(&[]);
    let mut control = server.connect();
    let mut clients: Vec<Raw> = Vec::new();
    for number in 1..=MANY {
        let mut client = server.connect();
        client.send("BLPOP k 0\r\n");
        wait_until_blocked(&mut control, number);
        clients.push(client);
    }
    let pushed: String = (0..MANY).map(|item| format!("RPUSH k {item}\r\n")).collect();
    control.send(pushed);
    for (item, client) in clients.iter_mut().enumerate() {
        assert_eq!(popped(client), item.to_string());
    }
}

#[test]
fn who_waits_takes_little_and_holds_nobody_up() {
    const MANY: usize = 1000;
    let server = Server::start(&[]);
    let mut control = server.connect();
    let mut clients: Vec<Raw> = (0..MANY).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send("PING\r\n");
        client.expect("+PONG\r\n");
    }
    let before = server.memory();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(format!("BLPOP a-key-for-all a-key-of-{number} 0\r\n"));
    }
    wait_until_blocked(&mut control, MANY);
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 8 << 20, "{MANY} clients that wait took {grown} bytes");
    // More wait than there are threads, and others are served.
    let mut other = server.connect();
    let started = Instant::now();
    for _ in 0..100 {
        other.send("SET k v\r\nGET k\r\n");
        other.expect("+OK\r\n$1\r\nv\r\n");
    }
    assert!(started.elapsed() < Duration::from_secs(10));
    drop(clients);
    wait_until_blocked(&mut control, 0);
    control.send("RPUSH a-key-for-all x\r\nLLEN a-key-for-all\r\n");
    control.expect(":1\r\n:1\r\n");
    server.stop_and_check();
}

#[test]
fn an_item_is_not_given_to_who_has_gone() {
    let server = Server::start(&[]);
    let mut control = server.connect();
    for round in 0..50 {
        let mut gone = server.connect();
        gone.send("BLPOP k 0\r\n");
        wait_until_blocked(&mut control, 1);
        drop(gone);
        wait_until_blocked(&mut control, 0);
        control.send(format!("RPUSH k {round}\r\nLPOP k\r\n"));
        let text = round.to_string();
        control.expect(&format!(":1\r\n${}\r\n{text}\r\n", text.len()));
    }
}

#[test]
fn a_client_that_waits_is_unblocked_or_killed_by_another() {
    let server = Server::start(&[]);
    let mut control = server.connect();
    let id =
        |raw: &mut Raw| String::from_utf8(raw.reply(b"CLIENT ID")).unwrap().trim_matches([':', '\r', '\n']).to_owned();
    for (word, reply) in
        [("", "*-1\r\n"), ("TIMEOUT", "*-1\r\n"), ("ERROR", "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n")]
    {
        let mut waits = server.connect();
        let number = id(&mut waits);
        waits.send("BRPOPLPUSH k l 0\r\nPING\r\n");
        wait_until_blocked(&mut control, 1);
        let list = String::from_utf8(control.reply(format!("CLIENT LIST ID {number}").as_bytes())).unwrap();
        assert!(list.contains(" flags=b ") && list.contains(" cmd=brpoplpush "), "{list}");
        control.send(format!("CLIENT UNBLOCK {number} {word}\r\nCLIENT UNBLOCK {number}\r\n"));
        control.expect(":1\r\n:0\r\n");
        waits.expect(reply);
        waits.expect("+PONG\r\n");
    }
    let mut waits = server.connect();
    let number = id(&mut waits);
    waits.send("BLPOP k 0\r\n");
    wait_until_blocked(&mut control, 1);
    control.send(format!("CLIENT KILL ID {number}\r\n"));
    control.expect(":1\r\n");
    assert_eq!(waits.rest(), "");
    wait_until_blocked(&mut control, 0);
    control.send("RPUSH k x\r\nLLEN k\r\n");
    control.expect(":1\r\n:1\r\n");
    server.stop_and_check();
}

#[test]
fn a_transaction_may_unblock_and_change_settings() {
    let server = Server::start(&[]);
    let mut control = server.connect();
    let mut waits = server.connect();
    waits.send("BLPOP k 0\r\n");
    wait_until_blocked(&mut control, 1);
    control.send("MULTI\r\nSET a 1\r\nCLIENT UNBLOCK 2\r\nCLIENT UNBLOCK 2\r\nEXEC\r\n");
    control.expect("+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n+OK\r\n:1\r\n:0\r\n");
    waits.expect("*-1\r\n");
    // Whoever subscribes to events waits for transactions, which may ask for settings.
    std::thread::scope(|scope| {
        let server = &server;
        for (letters, other) in [("KEA", ""), ("Kx", "E$")] {
            scope.spawn(move || {
                let mut client = server.connect();
                for round in 0..200 {
                    client.command(&[
                        "CONFIG",
                        "SET",
                        "notify-keyspace-events",
                        if round % 2 == 0 { letters } else { other },
                    ]);
                    client.expect("+OK\r\n");
                }
            });
            scope.spawn(move || {
                let mut client = server.connect();
                for _ in 0..200 {
                    client.send("MULTI\r\nSET a 1\r\nCONFIG GET timeout\r\nCLIENT UNBLOCK 9\r\nEXEC\r\n");
                    client.expect(
                        "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n+OK\r\n*2\r\n$7\r\ntimeout\r\n$1\r\n0\r\n:0\r\n",
                    );
                }
            });
        }
    });
    server.stop_and_check();
}

#[test]
fn a_server_stops_though_clients_wait() {
    let mut server = Server::start(&[]);
    let mut control = server.connect();
    let mut waits = server.connect();
    waits.send("BLPOP k 0\r\n");
    wait_until_blocked(&mut control, 1);
    let started = Instant::now();
    server.signal("TERM");
    assert!(server.ended().success());
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    assert_eq!(waits.rest(), "");
}

#[test]
fn who_waits_is_not_sent_away_for_being_silent() {
    let server = Server::start(&[]);
    let mut control = server.connect();
    let (mut waits, mut listens) = (server.connect(), server.connect());
    control.send("CONFIG SET timeout 1\r\n");
    control.expect("+OK\r\n");
    listens.send("SUBSCRIBE c\r\n");
    listens.expect("*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
    waits.send("BLPOP k 0\r\n");
    std::thread::sleep(Duration::from_millis(1500));
    let mut control = server.connect();
    control.send("PUBLISH c m\r\nRPUSH k x\r\n");
    control.expect(":1\r\n:1\r\n");
    waits.expect("*2\r\n$1\r\nk\r\n$1\r\nx\r\n");
    listens.expect("*3\r\n$7\r\nmessage\r\n");
}
