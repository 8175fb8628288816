//! What each client may take, and all of them together.

use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::child::{PATIENCE, Raw, Server};
use crate::saves::info;

/// Lets this process, and its children, open so many files; false where it may not.
fn raise_files(files: usize) -> bool {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let now =
        limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next()?.parse().ok());
    if now.is_some_and(|now: usize| now >= files) {
        return true;
    }
    let me = std::process::id().to_string();
    let raised = Command::new("prlimit").args(["--pid", &me, &format!("--nofile={files}:{files}")]).output();
    raised.is_ok_and(|said| said.status.success())
}

#[test]
fn ten_thousand_who_have_not_said_who_they_are_take_little() {
    const MANY: usize = 10_000;
    if !raise_files(MANY + 1000) {
        assert!(std::env::var_os("CI").is_none(), "under CI the limit of open files must be raised");
        eprintln!("skipped: the limit of open files cannot be raised");
        return;
    }
    let server = Server::start_configured("requirepass secret\nmaxclients 10001\nmaxmemory-clients 64mb\n");
    let mut friend = server.connect();
    friend.send("AUTH secret\r\nPING\r\n");
    friend.expect("+OK\r\n+PONG\r\n");
    let before = server.memory();
    let mut strangers: Vec<Raw> = (0..MANY).map(|_| server.connect()).collect();
    for stranger in &mut strangers {
        stranger.send("GET k\r\n");
    }
    for stranger in &mut strangers {
        stranger.expect("-NOAUTH Authentication required.\r\n");
    }
    let idle = server.memory().saturating_sub(before);
    assert!(idle < 160 << 20, "10,000 connections that wait took {idle} bytes");
    assert_eq!(info(&mut friend, "connected_clients"), (MANY + 1).to_string());
    // The most that each may send without a whole request.
    let most =
        format!("*10\r\n{}$16384\r\n{}", format!("$16384\r\n{}\r\n", "x".repeat(16_384)).repeat(8), "x".repeat(16_000));
    for stranger in &mut strangers {
        // Whoever was sent away meanwhile cannot.
        let _ = std::io::Write::write_all(&mut stranger.stream, most.as_bytes());
    }
    let mut late = server.connect();
    late.send("AUTH secret\r\nPING\r\n");
    late.expect("+OK\r\n+PONG\r\n");
    let busy = server.memory().saturating_sub(before);
    assert!(busy < 320 << 20, "1.4 GB that nobody has asked for took {busy} bytes");
    eprintln!("10,000 strangers: {} MiB idle, {} MiB when they send 144 KiB each", idle >> 20, busy >> 20);
    friend.send("PING\r\n");
    friend.expect("+PONG\r\n");
    drop(strangers);
    server.stop_and_check();
}

#[test]
fn who_does_not_say_who_he_is_in_time_is_sent_away() {
    let server = Server::start_configured("requirepass secret\nauth-timeout 1\n");
    let (mut stranger, mut friend) = (server.connect(), server.connect());
    friend.send("AUTH secret\r\n");
    friend.expect("+OK\r\n");
    let started = Instant::now();
    // Talk does not help.
    while started.elapsed() < PATIENCE && std::io::Write::write_all(&mut stranger.stream, b"PING\r\n").is_ok() {
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    friend.send("PING\r\n");
    friend.expect("+PONG\r\n");
    server.stop_and_check();
}

#[test]
fn many_who_guess_are_slowed_down_together() {
    let server = Server::start(&["--requirepass", "secret"]);
    let guess = || {
        let mut client = server.connect();
        let started = Instant::now();
        client.send("AUTH wrong\r\n");
        client.expect("-WRONGPASS");
        started.elapsed()
    };
    assert!(guess() >= Duration::from_millis(50), "the reply comes after the pause");
    std::thread::scope(|scope| {
        for _ in 0..24 {
            scope.spawn(guess);
        }
    });
    let slow = guess();
    assert!(slow >= Duration::from_secs(1), "a new connection guesses as fast as before: {slow:?}");
    // Who knows it need not wait.
    let mut client = server.connect();
    let started = Instant::now();
    client.send("AUTH secret\r\n");
    client.expect("+OK\r\n");
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
}

#[test]
fn a_request_or_a_transaction_beyond_the_limit_ends_the_connection_or_the_transaction() {
    let server = Server::start_configured("client-query-buffer-limit 1mb\n");
    let mut client = server.connect();
    let sent = std::io::Write::write_all(
        &mut client.stream,
        format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3000000\r\n{}", "v".repeat(2_900_000)).as_bytes(),
    );
    assert!(sent.is_err() || client.rest().is_empty());
    let mut client = server.connect();
    client.send("MULTI\r\n");
    client.expect("+OK\r\n");
    client.send(format!("SET k {}\r\n", "v".repeat(10_000)).repeat(200));
    client.rest_contains("-ERR the transaction has too many bytes");
    client.send("EXEC\r\n");
    client.rest_contains("-EXECABORT");
    // Many small commands cost more than their bytes.
    let mut client = server.connect();
    client.send("MULTI\r\n");
    client.expect("+OK\r\n");
    client.send("PING\r\n".repeat(20_000));
    client.send("EXEC\r\n");
    client.rest_contains("-EXECABORT");
    server.stop_and_check();
}

#[test]
fn what_a_connection_remembers_is_bounded() {
    let server = Server::start_configured("client-query-buffer-limit 1mb\n");
    let mut client = server.connect();
    client.command(&["CLIENT", "SETNAME", &"n".repeat(4096)]);
    client.expect("+OK\r\n");
    client.command(&["CLIENT", "SETNAME", &"n".repeat(4097)]);
    client.expect("-ERR Client names may have 4096 bytes here.\r\n");
    let keys: Vec<String> = (0..2000).map(|number| format!("key:{number}")).collect();
    let watch: Vec<&str> = std::iter::once("WATCH").chain(keys.iter().map(String::as_str)).collect();
    let mut answers = String::new();
    for _ in 0..8 {
        client.command(&watch);
        answers += &String::from_utf8(client.reply(b"PING")).unwrap();
    }
    assert!(answers.starts_with("+OK\r\n") && answers.contains("-ERR too many keys are watched\r\n"), "{answers}");
    client.send("UNWATCH\r\n");
    client.expect("+OK\r\n");
    client.command(&watch);
    client.expect("+OK\r\n");
    server.stop_and_check();
}

#[test]
fn replies_beyond_the_limits_end_the_connection_of_who_does_not_read() {
    // Well above what the system keeps on the way.
    let server = Server::start_configured("client-reply-limit 32mb\nmaxmemory-clients 64mb\n");
    let mut client = server.connect();
    const LENGTH: usize = 16 << 20;
    client.command(&["SET", "k", &"v".repeat(LENGTH)]);
    client.expect("+OK\r\n");
    client.send("MGET k k k k\r\n");
    std::thread::sleep(Duration::from_millis(500));
    assert!(client.rest().len() < 4 * LENGTH, "a reply of 64 MiB waited, where 32 may");
    // Each within its limit, all together not.
    let mut many: Vec<Raw> = (0..12).map(|_| server.connect()).collect();
    for one in &mut many {
        one.send("GET k\r\n");
    }
    std::thread::sleep(Duration::from_millis(500));
    let mut client = server.connect();
    client.send("PING\r\n");
    client.expect("+PONG\r\n");
    let lengths = many.iter_mut().map(|one| {
        one.send_if_there("QUIT\r\n");
        one.rest().len()
    });
    let cut = lengths.filter(|length| *length < LENGTH).count();
    assert!(cut > 0, "192 MiB wait, where 64 may");
    assert!(cut < 12, "nobody got a reply");
    server.stop_and_check();
}

#[test]
fn what_redis_would_try_for_ever_is_refused() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    for line in ["SADD t a", "HSET h f v", "ZADD z 1 a", "RPUSH l a"] {
        client.reply(line.as_bytes());
    }
    for line in [
        "SRANDMEMBER t -9223372036854775807",
        "HRANDFIELD h -9223372036854775807",
        "HRANDFIELD h -4611686018427387903 WITHVALUES",
        "ZRANDMEMBER z -9223372036854775807",
        "LPOS l a RANK -9223372036854775808",
        "BITFIELD b SET i64 #1152921504606846976 1",
        "BITFIELD b SET i64 #9223372036854775807 1",
    ] {
        let started = Instant::now();
        let said = String::from_utf8(client.reply(line.as_bytes())).unwrap();
        assert!(said.starts_with("-ERR "), "{line}: {said}");
        assert!(started.elapsed() < Duration::from_secs(1), "{line}: {:?}", started.elapsed());
    }
    // Requests hold words, and nothing that could be nested.
    let mut nested = server.connect();
    nested.send("*1\r\n".repeat(100_000));
    assert_eq!(nested.rest(), "-ERR Protocol error: expected '$', got '*'\r\n");
    server.stop_and_check();
}

#[test]
fn large_strings_and_far_offsets_take_no_memory_that_they_do_not_need() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let before = server.memory();
    client.send("SETBIT far 4294967295 1\r\nSETRANGE edge 536870911 x\r\nSTRLEN far\r\nSTRLEN edge\r\n");
    client.expect(":0\r\n:536870912\r\n:536870912\r\n:536870912\r\n");
    client.send("GETBIT far 4294967295\r\nGETRANGE edge -2 -1\r\nBITFIELD far GET u8 4294967288\r\n");
    client.expect(":1\r\n$2\r\n\0x\r\n*1\r\n:1\r\n");
    let started = Instant::now();
    client.send("LCS far edge LEN\r\n");
    client.expect("-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len\r\n");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 128 << 20, "two strings of 512 MiB that hold two bytes took {grown} bytes");
    server.stop_and_check();
}

#[test]
fn a_pattern_takes_no_longer_than_its_length_times_the_name() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.command(&["SET", &"a".repeat(10_000), "v"]);
    client.expect("+OK\r\n");
    for pattern in
        ["a*".repeat(2000) + "b", "*a".repeat(2000) + "*b", "[a-z]*".repeat(1000) + "!", "?*".repeat(3000) + "b"]
    {
        let started = Instant::now();
        client.command(&["KEYS", &pattern]);
        client.expect("*0\r\n");
        client.command(&["SCAN", "0", "MATCH", &pattern]);
        client.expect("*2\r\n$1\r\n0\r\n*0\r\n");
        assert!(started.elapsed() < Duration::from_secs(4), "{}: {:?}", &pattern[..10], started.elapsed());
    }
    server.stop_and_check();
}

#[test]
fn connections_that_come_and_go_leave_nothing() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.send("PING\r\n");
    client.expect("+PONG\r\n");
    let round = || {
        for _ in 0..2000 {
            let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
            std::io::Write::write_all(&mut stream, b"*2\r\n$4\r\nECHO\r\n$100000\r\nx").unwrap();
        }
    };
    round();
    let before = server.memory();
    round();
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 16 << 20, "2,000 connections that went left {grown} bytes");
    let deadline = Instant::now() + PATIENCE;
    while info(&mut client, "connected_clients") != "1" {
        assert!(Instant::now() < deadline, "connections stay");
        std::thread::sleep(Duration::from_millis(20));
    }
    server.stop_and_check();
}
