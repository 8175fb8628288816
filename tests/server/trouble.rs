//! A full disk, writes that stand still, a store that has failed: what clients are told, and what goes on.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::child::{PATIENCE, Server};
use crate::saves::{info, wait_for};

#[cfg(feature = "failpoints")]
#[test]
fn while_writes_stand_still_they_are_refused_and_reads_go_on() {
    // A look each 100 ms, by the server and by the store: well at first, then stopped for some seconds.
    let server = Server::start_with(&[("FAILPOINTS", "store::pressure=20*off->60*return->off")], &[]);
    let mut client = server.connect();
    client.send("SET k v\r\nMULTI\r\nSET k w\r\n");
    client.expect("+OK\r\n+OK\r\n+QUEUED\r\n");
    let mut other = server.connect();
    wait_for(&mut other, "store_status", "stalled");
    for line in ["SET k x", "DEL k"] {
        let said = String::from_utf8(other.reply(line.as_bytes())).unwrap();
        assert!(
            said.starts_with("-MISCONF Writes have stopped until compactions have caught up: commands that write"),
            "{said}"
        );
    }
    other.send("GET k\r\nPING\r\nDBSIZE\r\n");
    other.expect("$1\r\nv\r\n+PONG\r\n:1\r\n");
    let said = String::from_utf8(client.reply(b"EXEC")).unwrap();
    assert!(said.starts_with("-EXECABORT Transaction discarded because of: MISCONF Writes have stopped"), "{said}");
    let said = String::from_utf8(client.reply(b"MULTI\r\nSET k y\r\nEXEC")).unwrap();
    assert!(said.starts_with("+OK\r\n-MISCONF Writes have stopped"), "{said}");
    assert!(said.ends_with("-EXECABORT Transaction discarded because of previous errors.\r\n"), "{said}");
    assert!(info(&mut other, "store_status_reason").contains("Writes have stopped"));
    assert_ne!(info(&mut other, "store_refused_commands"), "0");
    wait_for(&mut other, "store_status", "ok");
    other.send("SET k z\r\n");
    other.expect("+OK\r\n");
    server.stop_and_check();
}

#[cfg(feature = "failpoints")]
#[test]
fn a_store_that_has_failed_says_so_to_everybody_and_opens_again() {
    let mut server = Server::start_with(&[("FAILPOINTS", "background::reap=50*off->return")], &[]);
    let mut client = server.connect();
    client.send("SET k v\r\n");
    client.expect("+OK\r\n");
    wait_for(&mut client, "store_status", "failed");
    for line in ["SET k w", "GET k", "DEL k", "BGSAVE"] {
        let said = String::from_utf8(client.reply(line.as_bytes())).unwrap();
        if line != "BGSAVE" {
            assert!(said.starts_with("-MISCONF The store cannot do this: a background task failed"), "{line}: {said}");
        }
    }
    client.send("PING\r\nECHO x\r\n");
    client.expect("+PONG\r\n$1\r\nx\r\n");
    assert!(info(&mut client, "store_status_reason").contains("background::reap"));
    assert!(info(&mut client, "store_last_error").contains("background::reap"));
    wait_for(&mut client, "rdb_last_bgsave_status", "err");
    client.send("SHUTDOWN\r\n");
    assert_eq!(client.rest(), "");
    // The store has failed: it is said at the end, too.
    assert!(!server.ended().success());
    let dir = std::mem::replace(&mut server.dir, tempfile::tempdir().unwrap());
    drop(server);
    let server = Server::start_in(dir, &[]);
    let mut client = server.connect();
    client.send("GET k\r\n");
    client.expect("$1\r\nv\r\n");
    server.stop_and_check();
}

/// Whether a file system of its own can be made, which needs a namespace of its own.
fn can_mount() -> bool {
    let tried =
        Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).stderr(Stdio::null()).status();
    let can = tried.is_ok_and(|status| status.success());
    if !can {
        eprintln!("skipped: no file system can be mounted here");
    }
    can
}

#[test]
fn a_nearly_full_disk_takes_reads_and_deletes_and_then_everything_again() {
    if !can_mount() {
        return;
    }
    let server = Server::start_mounted(256, &["--config", "@conf"], "disk-reserve 64mb\n");
    let mut client = server.connect();
    let value = "0123456789abcdef".repeat(4096);
    let mut written = 0;
    let refusal = loop {
        client.command(&["RPUSH", &format!("l{written}"), &format!("{written}{value}")]);
        let reply = String::from_utf8(client.reply(b"PING")).unwrap().replace("+PONG\r\n", "");
        if reply != ":1\r\n" {
            break reply;
        }
        written += 1;
        assert!(written < 20_000, "the disk is never full");
    };
    assert!(refusal.starts_with("-MISCONF The disk is nearly full ("), "{refusal}");
    assert!(written > 100, "{written}");
    assert_eq!(info(&mut client, "store_status"), "disk-low");
    assert!(info(&mut client, "store_status_reason").contains("disk-reserve"));
    client.send("LLEN l0\r\nEXISTS l1\r\nSET small v\r\n");
    client.expect(":1\r\n:1\r\n-MISCONF The disk is nearly full");
    client.reply(b"PING");
    for number in 0..written {
        client.command(&["DEL", &format!("l{number}")]);
        client.expect(":1\r\n");
    }
    wait_for(&mut client, "store_status", "ok");
    client.send("SET small v\r\n");
    client.expect("+OK\r\n");
}

#[test]
fn a_disk_that_is_full_without_a_reserve_lets_reads_go_on() {
    if !can_mount() {
        return;
    }
    let server = Server::start_mounted(200, &["--config", "@conf"], "disk-reserve 0\n");
    let mut client = server.connect();
    client.send("SET before v\r\n");
    client.expect("+OK\r\n");
    let ballast = server.mounted().join("ballast");
    // Until nothing goes any more.
    let mut fill = Command::new("dd");
    fill.args(["if=/dev/zero", "bs=1M"]).arg(format!("of={}", ballast.display())).stderr(Stdio::null());
    assert!(!fill.status().unwrap().success());
    let value = "x".repeat(1 << 20);
    let deadline = Instant::now() + PATIENCE;
    loop {
        client.command(&["SET", "large", &value]);
        let reply = String::from_utf8(client.reply(b"PING")).unwrap();
        if reply.starts_with("-MISCONF The store cannot do this") {
            assert!(reply.contains("No space left on device"), "{reply}");
            break;
        }
        assert!(Instant::now() < deadline, "{reply}");
    }
    assert!(info(&mut client, "store_last_error").contains("No space left on device"));
    std::thread::sleep(Duration::from_secs(3));
    client.send("GET before\r\n");
    client.expect("$1\r\nv\r\n");
}
