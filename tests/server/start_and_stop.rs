//! How a server starts, and how it ends.

use std::process::Command;

use crate::child::{Raw, Server};

#[test]
fn what_was_answered_is_there_after_a_restart() {
    let mut server = Server::start(&[]);
    let mut client = server.connect();
    client.send("SET k v\r\nRPUSH l a b\r\n");
    client.expect("+OK\r\n:2\r\n");
    server.signal("INT");
    assert!(server.ended().success());
    assert_eq!(client.rest(), "");
    let dir = std::mem::replace(&mut server.dir, tempfile::tempdir().unwrap());
    drop(server);
    let again = Server::start_in(dir, &[]);
    let mut client = again.connect();
    client.send("GET k\r\nLLEN l\r\n");
    client.expect("$1\r\nv\r\n:2\r\n");
    again.stop_and_check();
}

#[test]
fn a_client_may_stop_the_server() {
    let mut server = Server::start(&[]);
    let (mut client, mut other) = (server.connect(), server.connect());
    other.send("PING\r\n");
    other.expect("+PONG\r\n");
    client.send("SET k v\r\nSHUTDOWN ABORT\r\nSHUTDOWN NOSAVE\r\nSET k w\r\n");
    client.expect("+OK\r\n-ERR No shutdown in progress.\r\n");
    assert_eq!((client.rest(), other.rest()), (String::new(), String::new()));
    assert!(server.ended().success());
}

#[test]
fn a_stop_waits_for_replies_in_flight() {
    let mut server = Server::start(&[]);
    let mut client = server.connect();
    let value = "v".repeat(8 << 20);
    client.command(&["SET", "k", &value]);
    client.expect("+OK\r\n");
    client.send("GET k\r\nPING\r\n");
    // Its beginning has come, so all of it is on its way.
    client.expect("$8388608\r\n");
    server.signal("TERM");
    client.expect(&value);
    client.expect("\r\n+PONG\r\n");
    assert_eq!(client.rest(), "");
    assert!(server.ended().success());
}

#[test]
fn an_open_address_without_a_password_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_windrow"));
        let said = command.args(["serve", "--dir"]).arg(dir.path().join("store")).args(arguments).output().unwrap();
        (said.status.code(), String::from_utf8_lossy(&said.stderr).into_owned())
    };
    let (code, said) = run(&["--port", "0", "--bind", "0.0.0.0"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("requirepass"), "{said}");
    assert!(!dir.path().join("store").exists());
    let (code, said) = run(&["--config", "/nowhere"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("/nowhere"), "{said}");
}

#[test]
fn the_configuration_and_its_changes_hold() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("conf"), "requirepass one\nmaxclients 2\ndatabases 3\n").unwrap();
    let server = Server::start_in(dir, &["--config", "@conf"]);
    let mut client = server.connect();
    client.send("GET k\r\nAUTH one\r\nSELECT 2\r\nSELECT 3\r\n");
    client.expect("-NOAUTH Authentication required.\r\n+OK\r\n+OK\r\n-ERR DB index is out of range\r\n");
    let mut second = server.connect();
    second.send("AUTH one\r\n");
    second.expect("+OK\r\n");
    assert_eq!(server.connect().rest(), "-ERR max number of clients reached\r\n");
    client.send("CONFIG SET maxclients 3 requirepass two\r\n");
    client.expect("+OK\r\n");
    let mut third: Raw = server.connect();
    third.send("AUTH one\r\nAUTH two\r\n");
    third.expect("-WRONGPASS invalid username-password pair or user is disabled.\r\n+OK\r\n");
    client.send("CONFIG SET timeout 1\r\n");
    client.expect("+OK\r\n");
    assert_eq!(client.rest(), "", "who is silent is sent away");
    server.stop_and_check();
}
