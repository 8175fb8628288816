//! redis-cli as a person uses it.

use std::process::Command;

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
