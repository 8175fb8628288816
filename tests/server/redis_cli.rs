//! redis-cli as a person uses it.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::child::Server;

/// What redis-cli prints; `None` where there is none.
fn cli(arguments: &[&str]) -> Option<String> {
    match Command::new("redis-cli").args(arguments).output() {
        Ok(said) => Some(String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned()),
        Err(_) => {
            assert!(std::env::var_os("CI").is_none(), "under CI redis-cli must be there");
            None
        }
    }
}

#[test]
fn a_session_goes_as_with_redis() {
    let server = Server::start(&["--unix", "@socket", "--requirepass", "secret"]);
    let port = server.port.to_string();
    let ask = |words: &[&str]| cli(&[&["-p", &port, "--no-auth-warning", "-a", "secret"], words].concat());
    let Some(pong) = ask(&["PING"]) else {
        return;
    };
    assert_eq!(pong, "PONG\n");
    for (words, expected) in [
        (&["SET", "greeting", "hello"][..], "OK\n"),
        (&["GET", "greeting"], "hello\n"),
        (&["INCR", "greeting"], "ERR value is not an integer or out of range\n\n"),
        (&["RPUSH", "l", "a", "b"], "2\n"),
        (&["LRANGE", "l", "0", "-1"], "a\nb\n"),
        (&["-3", "HSET", "h", "f", "v"], "1\n"),
        (&["-3", "HGETALL", "h"], "f v\n"),
        (&["-n", "3", "DBSIZE"], "0\n"),
        (&["--scan", "--pattern", "gr*"], "greeting\n"),
    ] {
        assert_eq!(ask(words).unwrap(), expected, "{words:?}");
    }
    assert!(cli(&["-p", &port, "GET", "greeting"]).unwrap().starts_with("NOAUTH"));
    let socket = server.dir.path().join("socket");
    let by_socket = ["-s", socket.to_str().unwrap(), "--no-auth-warning", "-a", "secret", "GET", "greeting"];
    assert_eq!(cli(&by_socket).unwrap(), "hello\n");
    server.stop_and_check();
}

/// What redis-cli prints when it is given these lines.
fn piped(arguments: &[&str], input: &[u8]) -> Option<String> {
    let mut child =
        Command::new("redis-cli").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
    child.stdin.take().unwrap().write_all(input).unwrap();
    let said = child.wait_with_output().unwrap();
    Some(String::from_utf8_lossy(&said.stdout).into_owned())
}

#[test]
fn its_own_tools_work() {
    let server = Server::start(&[]);
    let port = server.port.to_string();
    let port = port.as_str();
    let mut requests = Vec::new();
    for number in 0..500 {
        windrow::resp::write_command(&mut requests, &["SET", &format!("key:{number}"), &"v".repeat(number)]);
    }
    for member in ["a", "b", "c"] {
        windrow::resp::write_command(&mut requests, &["SADD", "set", member]);
        windrow::resp::write_command(&mut requests, &["ZADD", "zset", "1", member]);
        windrow::resp::write_command(&mut requests, &["RPUSH", "list", member]);
        windrow::resp::write_command(&mut requests, &["HSET", "hash", member, "v"]);
    }
    let Some(said) = piped(&["-p", port, "--pipe"], &requests) else {
        assert!(std::env::var_os("CI").is_none(), "under CI redis-cli must be there");
        return;
    };
    assert!(said.contains("errors: 0, replies: 512"), "{said}");
    let scanned = cli(&["-p", port, "--scan", "--pattern", "key:*"]).unwrap();
    assert_eq!(scanned.lines().count(), 500);
    let big = cli(&["-p", port, "--bigkeys"]).unwrap();
    assert!(big.contains("Sampled 504 keys in the keyspace!"), "{big}");
    for line in ["Biggest string found '\"key:499\"' has 499 bytes", "Biggest   list found '\"list\"' has 3 items"] {
        assert!(big.contains(line), "{line}: {big}");
    }
    let memory = cli(&["-p", port, "--memkeys"]).unwrap();
    assert!(memory.contains("Sampled 504 keys in the keyspace!"), "{memory}");
    let three = cli(&["-p", port, "-3", "ZRANGE", "zset", "0", "-1", "WITHSCORES"]).unwrap();
    assert_eq!(three, "a\n1\nb\n1\nc\n1\n");
    let repeated = cli(&["-p", port, "-r", "3", "INCR", "n"]).unwrap();
    assert_eq!(repeated, "1\n2\n3\n");
    let typed = piped(&["-p", port], b"MULTI\nINCR n\nGET n\nEXEC\nSELECT 1\nDBSIZE\nHELP SET\n").unwrap();
    assert!(typed.starts_with("OK\nQUEUED\nQUEUED\n4\n4\nOK\n0\n"), "{typed}");
    server.stop_and_check();
}

#[test]
fn the_session_in_the_readme_is_true() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let session = readme.split("$ redis-cli\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let is_command = |line: &&str| line.starts_with("127.0.0.1:6379");
    let commands: String =
        session.lines().filter(is_command).map(|line| format!("{}\n", line.split_once("> ").unwrap().1)).collect();
    let expected: String = session.lines().filter(|line| !is_command(line)).map(|line| format!("{line}\n")).collect();
    assert!(commands.lines().count() > 10);
    let server = Server::start(&[]);
    let Some(said) = piped(&["-p", &server.port.to_string(), "--no-raw"], commands.as_bytes()) else {
        return;
    };
    assert_eq!(said, expected);
    server.stop_and_check();
}

#[test]
fn its_view_of_the_server_goes_on() {
    let server = Server::start(&[]);
    let mut child = match Command::new("redis-cli")
        .args(["-p", &server.port.to_string(), "--stat", "-i", "0.1"])
        .stdout(Stdio::piped())
        .spawn()
    {
        Ok(child) => child,
        Err(_) => return,
    };
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let shown: Vec<String> = lines.by_ref().take(4).map(|line| line.unwrap()).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(shown[1].contains("keys") && shown[1].contains("clients"), "{shown:?}");
    assert_eq!(shown[2].split_whitespace().next(), Some("0"), "{shown:?}");
}
