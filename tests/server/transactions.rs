//! Transactions of clients that meet.

use crate::child::{Raw, Server};

#[test]
fn what_others_do_to_a_watched_key_ends_a_transaction() {
    let server = Server::start(&[]);
    let (mut one, mut two) = (server.connect(), server.connect());
    one.send("WATCH k\r\nMULTI\r\nSET k mine\r\nFLUSHDB\r\n");
    one.expect("+OK\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n");
    two.send("SET k theirs\r\n");
    two.expect("+OK\r\n");
    one.send("EXEC\r\nGET k\r\nWATCH k\r\nMULTI\r\nSET k mine\r\n");
    one.expect("*-1\r\n$6\r\ntheirs\r\n+OK\r\n+OK\r\n+QUEUED\r\n");
    two.send("APPEND k !\r\n");
    two.expect(":7\r\n");
    one.send("EXEC\r\nGET k\r\n");
    one.expect("*-1\r\n$7\r\ntheirs!\r\n");
    server.stop_and_check();
}

/// Moves units from one counter to the other, alone or with a command that needs the whole server.
fn pay(client: &mut Raw, rounds: usize, whole: bool) {
    let more = if whole { "DBSIZE\r\n" } else { "" };
    for _ in 0..rounds {
        client.reply(format!("MULTI\r\nDECR a\r\nINCR b\r\nGET a\r\nGET b\r\n{more}EXEC").as_bytes());
    }
}

#[test]
fn a_transaction_is_seen_whole_or_not_at_all() {
    const ROUNDS: usize = 300;
    let server = Server::start(&[]);
    std::thread::scope(|scope| {
        for whole in [false, true, false] {
            let server = &server;
            scope.spawn(move || pay(&mut server.connect(), ROUNDS, whole));
        }
        let mut reader = server.connect();
        for _ in 0..ROUNDS {
            let reply = String::from_utf8(reader.reply(b"MGET a b")).unwrap();
            let numbers: Vec<i64> = reply.lines().filter_map(|line| line.parse().ok()).collect();
            assert_eq!(numbers.iter().sum::<i64>(), 0, "{reply:?}");
        }
    });
    let mut client = server.connect();
    client.send("GET a\r\nGET b\r\n");
    client.expect("$4\r\n-900\r\n$3\r\n900\r\n");
    server.stop_and_check();
}
