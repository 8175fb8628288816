//! Clients that mean no good, or do not know what they do.

use std::time::{Duration, Instant};

use crate::child::{Raw, Server};

#[test]
fn what_is_no_request_ends_the_connection() {
    let server = Server::start(&[]);
    for (bytes, fault) in [
        ("*x\r\n", "invalid multibulk length"),
        ("*2147483648\r\n", "invalid multibulk length"),
        ("*1\r\n$x\r\n", "invalid bulk length"),
        ("*1\r\n$-1\r\n", "invalid bulk length"),
        ("*1\r\n$536870913\r\n", "invalid bulk length"),
        ("*1\r\nGET\r\n", "expected '$', got 'G'"),
        ("GET \"k\r\n", "unbalanced quotes in request"),
    ] {
        let mut client = server.connect();
        client.send(format!("PING\r\n{bytes}PING\r\n"));
        assert_eq!(client.rest(), format!("+PONG\r\n-ERR Protocol error: {fault}\r\n"), "{bytes:?}");
    }
    for (mark, fault) in
        [("a", "too big inline request"), ("*", "too big mbulk count string"), ("*1\r\n$", "too big bulk count string")]
    {
        let mut client = server.connect();
        client.send(format!("{mark}{}", "1".repeat(70_000)));
        assert_eq!(client.rest(), format!("-ERR Protocol error: {fault}\r\n"));
    }
    server.stop_and_check();
}

#[test]
fn who_has_not_said_who_he_is_gets_little() {
    let server = Server::start(&["--requirepass", "secret"]);
    for (bytes, fault) in
        [("*11\r\n", "unauthenticated multibulk length"), ("*1\r\n$16385\r\n", "unauthenticated bulk length")]
    {
        let mut client = server.connect();
        client.send(bytes);
        assert_eq!(client.rest(), format!("-ERR Protocol error: {fault}\r\n"));
    }
    let mut client = server.connect();
    client.send("COMMAND\r\nHELLO 3\r\nHELLO 3 AUTH default secret SETNAME me\r\n");
    client.expect("-NOAUTH Authentication required.\r\n-NOAUTH HELLO must be called with the client already");
    let mut client = server.connect();
    client.send("AUTH secret\r\n");
    client.expect("+OK\r\n");
    client.command(&["ECHO", &"x".repeat(20_000)]);
    client.expect("$20000\r\n");
    server.stop_and_check();
}

#[test]
fn wrong_passwords_take_longer_and_longer() {
    let server = Server::start(&["--requirepass", "secret"]);
    let mut client = server.connect();
    let started = Instant::now();
    client.send("AUTH a\r\nAUTH b\r\nAUTH c\r\nAUTH secret\r\n");
    let wrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
    client.expect(&format!("{wrong}{wrong}{wrong}+OK\r\n"));
    assert!(started.elapsed() >= Duration::from_millis(50 + 100 + 200), "{:?}", started.elapsed());
}

#[test]
fn a_browser_is_sent_away() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\n\r\nSET k v\r\n");
    assert_eq!(client.rest(), "");
    let mut client = server.connect();
    client.send("EXISTS k\r\n");
    client.expect(":0\r\n");
}

#[test]
fn claims_take_no_memory() {
    let server = Server::start(&[]);
    let mut clients: Vec<Raw> = (0..200).map(|_| server.connect()).collect();
    clients[0].send("PING\r\n");
    clients[0].expect("+PONG\r\n");
    let before = server.memory();
    for client in &mut clients {
        client.send("*1000000\r\n$500000000\r\na");
    }
    std::thread::sleep(Duration::from_millis(300));
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 32 << 20, "200 claims of half a gigabyte took {grown} bytes");
    server.stop_and_check();
}

#[test]
fn all_requests_may_be_sent_before_a_reply_is_read() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.command(&["SET", "k", &"v".repeat(1000)]);
    client.expect("+OK\r\n");
    const MANY: usize = 40_000;
    client.send("GET k\r\n".repeat(MANY));
    let reply = format!("$1000\r\n{}\r\n", "v".repeat(1000));
    for _ in 0..MANY {
        client.expect(&reply);
    }
    server.stop_and_check();
}

#[test]
fn requests_are_read_while_replies_wait() {
    const MANY: usize = 6000;
    let server = Server::start(&[]);
    let mut client = server.connect();
    // More than the system keeps on the way, in both directions.
    let word = "v".repeat(10_000);
    for _ in 0..MANY {
        client.command(&["ECHO", &word]);
    }
    let reply = format!("$10000\r\n{word}\r\n");
    for _ in 0..MANY {
        client.expect(&reply);
    }
    server.stop_and_check();
}

#[test]
fn a_client_that_does_not_read_takes_little() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.command(&["SET", "k", &"v".repeat(100_000)]);
    client.expect("+OK\r\n");
    let before = server.memory();
    client.send("GET k\r\n".repeat(5000));
    std::thread::sleep(std::time::Duration::from_millis(500));
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 64 << 20, "half a gigabyte of replies that nobody reads took {grown} bytes");
    client.expect("$100000\r\n");
}

#[test]
fn a_request_that_comes_byte_by_byte_is_done() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    for byte in b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\na\r\n\r\nGET k\r\n" {
        client.send([*byte]);
        std::thread::sleep(Duration::from_millis(1));
    }
    client.expect("+OK\r\n$3\r\na\r\n\r\n");
}

#[test]
fn a_client_that_was_killed_is_gone() {
    let server = Server::start(&[]);
    let (mut one, mut two) = (server.connect(), server.connect());
    one.send("CLIENT ID\r\n");
    one.expect(":1\r\n");
    two.send("CLIENT KILL ID 1\r\nCLIENT KILL ID 1\r\nCLIENT REPLY SKIP\r\nPING\r\n");
    two.send("CLIENT REPLY OFF\r\nPING\r\nCLIENT REPLY ON\r\nPING\r\n");
    two.expect(":1\r\n");
    assert_eq!(one.rest(), "");
    let mut kinds = two.stream.try_clone().unwrap();
    std::io::Write::write_all(&mut kinds, b"QUIT\r\n").unwrap();
    let rest = two.rest();
    // Whether the first was gone when it was asked for again is a matter of luck.
    assert!(
        rest.ends_with(":1\r\n+OK\r\n+PONG\r\n+OK\r\n") || rest.ends_with(":0\r\n+OK\r\n+PONG\r\n+OK\r\n"),
        "{rest:?}"
    );
}
