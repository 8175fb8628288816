//! How much is promised when a server ends, in its good time or at once.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::child::{PATIENCE, Server};

/// Requests that a writer sends before it reads.
const AT_ONCE: usize = 16;

/// Sets keys of its own, 16 at once, until the server is gone; returns how many were acknowledged.
fn write_until_the_end(port: u16, writer: usize, acknowledged: &AtomicUsize) -> usize {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut replies = 0;
    loop {
        let first = replies;
        let requests: String =
            (first..first + AT_ONCE).map(|number| format!("SET {writer}:{number} {number}\r\n")).collect();
        if stream.write_all(requests.as_bytes()).is_err() {
            break;
        }
        let mut bytes = Vec::new();
        let mut piece = [0; 4096];
        while bytes.len() < 5 * AT_ONCE {
            match stream.read(&mut piece) {
                Ok(0) | Err(_) => break,
                Ok(read) => bytes.extend_from_slice(&piece[..read]),
            }
        }
        let whole = bytes.len() / 5;
        assert_eq!(bytes[..whole * 5], *b"+OK\r\n".repeat(whole));
        replies += whole;
        acknowledged.fetch_add(whole, Ordering::Relaxed);
        if whole < AT_ONCE {
            break;
        }
    }
    replies
}

/// Ends a server with this signal while four clients write; returns what was acknowledged to each, and the server's directory.
fn end_under_load(signal: &str, arguments: &[&str]) -> (Vec<usize>, tempfile::TempDir) {
    let mut server = Server::start(arguments);
    let acknowledged = AtomicUsize::new(0);
    let port = server.port;
    let counts = std::thread::scope(|scope| {
        let acknowledged = &acknowledged;
        let writers: Vec<_> =
            (0..4).map(|writer| scope.spawn(move || write_until_the_end(port, writer, acknowledged))).collect();
        while acknowledged.load(Ordering::Relaxed) < 2000 {
            std::thread::sleep(Duration::from_millis(1));
        }
        server.signal(signal);
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    assert_eq!(server.ended().success(), signal != "KILL");
    (counts, std::mem::replace(&mut server.dir, tempfile::tempdir().unwrap()))
}

/// Checks that every acknowledged write is there; returns how many more are.
fn look(counts: &[usize], dir: tempfile::TempDir) -> u64 {
    let server = Server::start_in(dir, &[]);
    let mut client = server.connect();
    for (writer, count) in counts.iter().enumerate() {
        for number in 0..*count {
            client.send(format!("GET {writer}:{number}\r\n"));
            let value = number.to_string();
            client.expect(&format!("${}\r\n{value}\r\n", value.len()));
        }
    }
    let size = String::from_utf8(client.reply(b"DBSIZE")).unwrap();
    let keys: u64 = size.trim_start_matches(':').trim_end().parse().unwrap();
    server.stop_and_check();
    keys - u64::try_from(counts.iter().sum::<usize>()).unwrap()
}

#[test]
fn a_stop_under_load_loses_nothing_and_answers_all_that_it_did() {
    for signal in ["TERM", "INT"] {
        let (counts, dir) = end_under_load(signal, &[]);
        assert_eq!(look(&counts, dir), 0, "{signal}: something was done and not answered");
    }
}

#[test]
fn a_server_that_was_killed_has_all_that_it_acknowledged() {
    for promise in ["always", "everysec", "no"] {
        let (counts, dir) = end_under_load("KILL", &["--appendfsync", promise]);
        // What was done and not answered may be there.
        assert!(look(&counts, dir) <= 4 * 2 * u64::try_from(AT_ONCE).unwrap(), "{promise}");
    }
}

#[test]
fn a_stop_does_not_wait_for_ever_for_who_does_not_read() {
    let mut server = Server::start(&[]);
    let mut client = server.connect();
    client.command(&["SET", "k", &"v".repeat(20 << 20)]);
    client.expect("+OK\r\n");
    client.send("GET k\r\nGET k\r\n");
    std::thread::sleep(Duration::from_millis(300));
    server.signal("TERM");
    assert!(server.ended().success());
}
