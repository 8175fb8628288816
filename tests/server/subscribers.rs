//! Subscribers: many, slow, greedy.

use std::time::{Duration, Instant};

use crate::blocking::told;
use crate::child::{PATIENCE, Raw, Server};

fn subscribe(client: &mut Raw, channel: &str) {
    client.command(&["SUBSCRIBE", channel]);
    client.expect(&format!("*3\r\n$9\r\nsubscribe\r\n${}\r\n{channel}\r\n:1\r\n", channel.len()));
}

#[test]
fn who_does_not_read_is_sent_away_and_takes_little() {
    let server = Server::start(&[]);
    let (mut slow, mut quick) = (server.connect(), server.connect());
    let mut publisher = server.connect();
    publisher.send("CONFIG SET client-output-buffer-limit \"pubsub 4mb 1mb 60\"\r\n");
    publisher.expect("+OK\r\n");
    publisher.send("CONFIG GET client-output-buffer-limit\r\n");
    publisher.expect("*2\r\n$26\r\nclient-output-buffer-limit\r\n$25\r\npubsub 4194304 1048576 60\r\n");
    subscribe(&mut slow, "c");
    subscribe(&mut quick, "c");
    let before = server.memory();
    let message = "m".repeat(100_000);
    let reply = format!("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$100000\r\n{message}\r\n");
    let deadline = Instant::now() + PATIENCE;
    let mut count = 0;
    loop {
        publisher.command(&["PUBLISH", "c", &message]);
        quick.expect(&reply);
        count += 1;
        let answer = publisher.pinged();
        if answer == b":1\r\n" {
            break;
        }
        assert_eq!(answer, b":2\r\n");
        assert!(Instant::now() < deadline, "it is still there after {count} messages");
        assert!(server.memory().saturating_sub(before) < 64 << 20, "after {count} messages");
    }
    assert!(count > 40, "sent away after {count} messages");
    let rest = slow.rest();
    assert!(rest.len() < 40 << 20, "{} bytes", rest.len());
    server.stop_and_check();
}

#[test]
fn who_is_slow_for_too_long_is_sent_away() {
    let server = Server::start(&[]);
    let (mut slow, mut publisher) = (server.connect(), server.connect());
    publisher.send("CONFIG SET client-output-buffer-limit \"pubsub 0 100kb 1\"\r\n");
    publisher.expect("+OK\r\n");
    subscribe(&mut slow, "c");
    let message = "m".repeat(1_000_000);
    for _ in 0..20 {
        publisher.command(&["PUBLISH", "c", &message]);
        assert_eq!(publisher.pinged(), b":1\r\n");
    }
    let deadline = Instant::now() + PATIENCE;
    // Nobody publishes any more: it is its own connection that notices.
    while publisher.reply(b"PUBSUB NUMSUB c") != b"*2\r\n$1\r\nc\r\n:0\r\n" {
        assert!(Instant::now() < deadline, "it is still there");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn limits_of_other_classes_are_refused() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    for value in ["normal 1mb 0 0", "pubsub 1 2", "pubsub x 2 3", "pubsub 1 2 -3", "nosuch 1 2 3"] {
        client.command(&["CONFIG", "SET", "client-output-buffer-limit", value]);
        client.expect("-ERR CONFIG SET failed (possibly related to argument 'client-output-buffer-limit') - ");
        let _ = client.pinged();
    }
    client.send("CONFIG SET notify-keyspace-events KEm\r\n");
    client.expect(
        "-ERR CONFIG SET failed (possibly related to argument 'notify-keyspace-events') - the events of class m",
    );
    let _ = client.pinged();
}

#[test]
fn one_client_subscribes_to_so_many_names_and_no_more() {
    const REFUSED: &str = "-ERR too many subscriptions, or names that are too long, for one client\r\n";
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.command(&["SUBSCRIBE", &"x".repeat(64 * 1024 + 1)]);
    client.expect(REFUSED);
    let pattern = "a*".repeat(32 * 1024);
    for number in 0..20 {
        let name = format!("{number:02}{}", &pattern[2..]);
        client.command(&["PSUBSCRIBE", &name]);
        if number < 16 {
            client.expect(&format!("*3\r\n$10\r\npsubscribe\r\n${}\r\n{name}\r\n:{}\r\n", name.len(), number + 1));
        } else {
            client.expect(REFUSED);
        }
    }
    let mut other = server.connect();
    let started = Instant::now();
    other.command(&["PUBLISH", &"a".repeat(10_000), "m"]);
    other.expect(":0\r\n");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    let before = server.memory();
    let mut client = server.connect();
    let names: Vec<String> = (0..70_000).map(|number| format!("channel-{number}")).collect();
    let mut words = vec!["SUBSCRIBE"];
    words.extend(names.iter().map(String::as_str));
    client.command(&words);
    let text = String::from_utf8(client.pinged()).unwrap();
    assert_eq!(text.matches(REFUSED).count(), 70_000 - 65_536);
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 100 << 20, "{grown} bytes");
    drop(client);
    let deadline = Instant::now() + PATIENCE;
    while told(&mut other, "pubsub_channels") > 0 {
        assert!(Instant::now() < deadline, "what is gone has subscribed");
        std::thread::sleep(Duration::from_millis(10));
    }
    server.stop_and_check();
}

#[test]
fn messages_come_in_one_order_to_all() {
    const EACH: usize = 500;
    const PUBLISHERS: usize = 3;
    let server = Server::start(&[]);
    let mut listeners: Vec<Raw> = (0..3).map(|_| server.connect()).collect();
    listeners.iter_mut().for_each(|listener| subscribe(listener, "c"));
    std::thread::scope(|scope| {
        for publisher in 0..PUBLISHERS {
            let server = &server;
            scope.spawn(move || {
                let mut client = server.connect();
                for number in 0..EACH {
                    client.command(&["PUBLISH", "c", &format!("{publisher}-{number}")]);
                    client.expect(":3\r\n");
                }
            });
        }
    });
    let heard: Vec<Vec<u8>> = listeners.iter_mut().map(Raw::pinged).collect();
    assert_eq!(heard[0].windows(7).filter(|bytes| bytes == b"message").count(), PUBLISHERS * EACH);
    assert!(heard[0] == heard[1] && heard[1] == heard[2]);
    server.stop_and_check();
}

#[test]
fn keys_that_expire_are_told_and_what_was_not_told_is_counted() {
    const MANY: usize = 2000;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("conf"),
        "notify-keyspace-events Ex\nclient-output-buffer-limit pubsub 64mb 64mb 9\n",
    )
    .unwrap();
    let server = Server::start_in(dir, &["--config", "@conf"]);
    let (mut listener, mut client) = (server.connect(), server.connect());
    listener.command(&["PSUBSCRIBE", "__keyevent@*__:expired"]);
    let _ = listener.pinged();
    for number in 0..MANY {
        client.command(&["PSETEX", &format!("k{number}"), "5", "v"]);
        client.expect("+OK\r\n");
    }
    let deadline = Instant::now() + PATIENCE;
    let mut heard = 0;
    while heard < MANY {
        heard += listener.pinged().windows(8).filter(|bytes| bytes == b"pmessage").count();
        assert!(Instant::now() < deadline, "{heard} of {MANY}");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!((heard, told(&mut client, "missed_key_events")), (MANY, 0));
    server.stop_and_check();
}

#[test]
fn a_monitor_sees_what_others_do() {
    let server = Server::start(&[]);
    let (mut monitor, mut client) = (server.connect(), server.connect());
    monitor.send("MONITOR\r\n");
    monitor.expect("+OK\r\n");
    client.send("SET k \"a\\x00\\\"\"\r\nCONFIG GET port\r\nAUTH x secret\r\nSELECT 1\r\nMULTI\r\nGET k\r\nEXEC\r\n");
    let _ = client.pinged();
    let seen = String::from_utf8(monitor.pinged()).unwrap();
    let commands: Vec<&str> = seen.lines().filter_map(|line| line.split_once("] ").map(|(_, words)| words)).collect();
    let expected = [
        r#""SET" "k" "a\x00\"""#,
        r#""AUTH" "(redacted)" "(redacted)""#,
        r#""SELECT" "1""#,
        r#""MULTI""#,
        r#""GET" "k""#,
        r#""EXEC""#,
        r#""PING" "marker""#,
    ];
    assert!(commands.starts_with(&expected), "{seen}");
    assert!(seen.starts_with('+') && seen.contains(" [0 127.0.0.1:") && seen.contains(" [1 127.0.0.1:"), "{seen}");
    monitor.send("GET k\r\nRESET\r\n");
    monitor.expect("-ERR Replica can't interact with the keyspace\r\n+RESET\r\n");
    client.send("SET k v\r\n");
    client.expect("+OK\r\n");
    // What it did itself after it had stopped listening is not there either.
    assert_eq!(monitor.pinged(), b"");
    server.stop_and_check();
}
