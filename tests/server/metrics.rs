//! Metrics, and those who ask for them.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::child::{PATIENCE, Server};

/// What the server says to these bytes, up to its end.
fn ask(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // It may have closed already, which is what the reply tells.
    let _ = stream.write_all(request.as_bytes());
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8(bytes).unwrap()
}

fn get(port: u16, target: &str) -> String {
    ask(port, &format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
}

/// Values by name and labels, after a look at the form of each line.
fn values(reply: &str) -> BTreeMap<String, f64> {
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("text/plain; version=0.0.4"), "{head}");
    let mut known = String::new();
    let mut values = BTreeMap::new();
    for line in body.lines() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            known = kind.split(' ').next().unwrap().to_owned();
        } else if !line.starts_with('#') {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with(&known), "{line} stands under {known}");
            assert!(values.insert(name.to_owned(), value.parse().unwrap()).is_none(), "{name} twice");
        }
    }
    values
}

#[test]
fn what_clients_do_is_told() {
    let server = Server::start(&["--metrics-port", "0"]);
    let mut client = server.connect();
    for line in ["SET k v", "GET k", "GET k", "LPUSH k x", "GET", "NOSUCH", "MULTI\r\nSADD s a\r\nEXEC"] {
        client.reply(line.as_bytes());
    }
    let told = values(&get(server.metrics_port(), "/metrics"));
    let of = |name: &str| *told.get(name).unwrap_or_else(|| panic!("no {name} in {told:#?}"));
    assert_eq!(of("windrow_commands_total{command=\"get\"}"), 2.0);
    assert_eq!(of("windrow_commands_rejected_total{command=\"get\"}"), 1.0);
    assert_eq!(of("windrow_commands_failed_total{command=\"lpush\"}"), 1.0);
    assert_eq!(of("windrow_commands_total{command=\"sadd\"}"), 1.0);
    assert_eq!(of("windrow_errors_total{code=\"WRONGTYPE\"}"), 1.0);
    assert_eq!(of("windrow_errors_total{code=\"ERR\"}"), 2.0);
    assert_eq!(of("windrow_keys{db=\"0\"}"), 2.0);
    assert_eq!(of("windrow_connected_clients"), 1.0);
    assert_eq!(of("windrow_store_status{status=\"ok\"}"), 1.0);
    assert!(of("windrow_disk_free_bytes") > 0.0);
    let strings = "windrow_command_duration_seconds_bucket{group=\"string\",le=";
    assert_eq!(of("windrow_command_duration_seconds_count{group=\"string\"}"), 3.0);
    assert_eq!(of(&format!("{strings}\"+Inf\"}}")), 3.0);
    let mut buckets: Vec<f64> =
        told.iter().filter(|(name, _)| name.starts_with(strings)).map(|(_, count)| *count).collect();
    buckets.sort_by(f64::total_cmp);
    assert_eq!((buckets.len(), *buckets.last().unwrap()), (24, 3.0));
    for name in ["debt_bytes", "files_dropped_total", "bytes_dropped_total", "reclaim_workers", "waiting_bytes"] {
        of(&format!("windrow_{name}"));
    }
    client.send("SET k2 v\r\n");
    client.expect("+OK\r\n");
    let again = values(&get(server.metrics_port(), "/metrics?x=y"));
    assert_eq!(again["windrow_keys{db=\"0\"}"], 3.0);
    server.stop_and_check();
}

#[test]
fn who_asks_wrongly_gets_an_answer_and_no_more() {
    let server = Server::start(&["--metrics-port", "0"]);
    let port = server.metrics_port();
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "404"),
        ("POST /metrics HTTP/1.1\r\n\r\n".to_owned(), "405"),
        ("GET /metrics\r\n\r\n".to_owned(), "400"),
        ("\r\n\r\n".to_owned(), "400"),
        ("*1\r\n$4\r\nPING\r\n\r\n".to_owned(), "400"),
        (format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(7000)), "200"),
        (format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(20_000)), "431"),
        ("x".repeat(9000), "431"),
    ] {
        let reply = ask(port, &request);
        // Who sent more than was read may see a reset instead of the last reply.
        let is_cut = status == "431" && reply.is_empty();
        assert!(
            is_cut || reply.starts_with(&format!("HTTP/1.1 {status} ")),
            "{}: {reply}",
            &request[..20.min(request.len())]
        );
    }
    server.stop_and_check();
}

#[test]
fn connections_that_say_nothing_are_ended_and_bounded() {
    let server = Server::start(&["--metrics-port", "0"]);
    let port = server.metrics_port();
    let before = server.memory();
    let mut silent: Vec<TcpStream> = (0..300).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
    for stream in &mut silent {
        stream.write_all(b"GET /metrics HTTP/1.1\r\n").unwrap();
    }
    assert!(server.memory().saturating_sub(before) < 8 << 20);
    // Those who came first hold all places until their time is over.
    let mut client = server.connect();
    client.send("PING\r\n");
    client.expect("+PONG\r\n");
    let started = Instant::now();
    silent[0].set_read_timeout(Some(PATIENCE)).unwrap();
    let read = silent[0].read(&mut [0; 10]);
    assert!(matches!(read, Ok(0)) || read.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset));
    assert!(started.elapsed() < Duration::from_secs(20));
    drop(silent);
    assert!(get(port, "/metrics").starts_with("HTTP/1.1 200"));
    server.stop_and_check();
}

#[test]
fn where_there_is_a_password_metrics_need_it() {
    let server = Server::start(&["--metrics-port", "0", "--requirepass", "secret"]);
    let port = server.metrics_port();
    let with = |word: &str| ask(port, &format!("GET /metrics HTTP/1.1\r\nauthorization: basic {word}\r\n\r\n"));
    let refused = get(port, "/metrics");
    assert!(refused.starts_with("HTTP/1.1 401 ") && refused.contains("WWW-Authenticate: Basic"), "{refused}");
    let started = Instant::now();
    // `x:wrong`
    assert!(with("eDp3cm9uZw==").starts_with("HTTP/1.1 401 "));
    assert!(started.elapsed() >= Duration::from_millis(50));
    // `x:secret`, and the password alone.
    for word in ["eDpzZWNyZXQ=", "OnNlY3JldA=="] {
        assert!(with(word).starts_with("HTTP/1.1 200 "), "{word}");
    }
    assert!(with("%%%").starts_with("HTTP/1.1 401 "));
}
