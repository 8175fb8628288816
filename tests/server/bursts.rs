//! Commands that come together: they share commits, and nobody can tell by their replies.

use std::io::{Read, Write};

use crate::child::Server;

/// Commands of which some fail, some read between writes, and some cannot share a commit.
const LINES: [&str; 37] = [
    "SET a 1",
    "INCR a",
    "GET a",
    "LPUSH a x",
    "APPEND a 0",
    "INCRBY a 9223372036854775807",
    "LPUSH l 1 2 3",
    "RPOP l",
    "LRANGE l 0 -1",
    "LRANGE l 0 1",
    "LPUSH l 4",
    "SADD s x y",
    "SADD s y z",
    "SREM s x y z",
    "EXISTS s",
    "SADD s again",
    "SCARD s",
    "HSET h f 1",
    "HINCRBY h f 2",
    "HINCRBY h f no",
    "HGET h f",
    "ZADD z 1 m 2 n",
    "ZPOPMIN z",
    "ZADD z NX 5 n",
    "ZSCORE z n",
    "SELECT 1",
    "SET a other",
    "GETSET a more",
    "SELECT 0",
    "DEL a l",
    "RPUSH l new",
    "MULTI\r\nINCR a\r\nLLEN l\r\nEXEC",
    "NOSUCH a",
    "SET a",
    "SETEX a 100 v",
    "PERSIST a",
    "RENAME a b",
];

#[test]
fn commands_that_come_together_answer_as_one_by_one() {
    let server = Server::start(&[]);
    let mut alone = server.connect();
    let mut expected = Vec::new();
    for _ in 0..20 {
        LINES.iter().for_each(|line| expected.extend(alone.reply(line.as_bytes())));
    }
    let dump = |reply: Vec<u8>| String::from_utf8_lossy(&reply).into_owned();
    let left = dump(
        alone.reply(b"MGET b a\r\nLRANGE l 0 -1\r\nHGETALL h\r\nZRANGE z 0 -1 WITHSCORES\r\nSMEMBERS s\r\nDBSIZE"),
    );
    alone.reply(b"FLUSHALL");
    let mut together = server.connect();
    let found = together.reply(LINES.repeat(20).join("\r\n").as_bytes());
    assert_eq!(dump(found), dump(expected));
    let found = dump(
        together.reply(b"MGET b a\r\nLRANGE l 0 -1\r\nHGETALL h\r\nZRANGE z 0 -1 WITHSCORES\r\nSMEMBERS s\r\nDBSIZE"),
    );
    assert_eq!(found, left);
    server.stop_and_check();
}

#[test]
fn long_replies_behind_a_write_come_in_order_to_a_client_that_reads_late() {
    const COUNT: usize = 50;
    let server = Server::start(&[]);
    let mut client = server.connect();
    let value = "v".repeat(1 << 20);
    client.command(&["SET", "long", &value]);
    client.expect("+OK\r\n");
    let mut requests = Vec::new();
    for _ in 0..COUNT {
        requests.extend_from_slice(b"INCR n\r\nGET long\r\nINCR n\r\nPING\r\nGET n\r\n");
    }
    client.stream.write_all(&requests).unwrap();
    for round in 1..=COUNT {
        let digits = (2 * round).to_string();
        client.expect(&format!(":{}\r\n", 2 * round - 1));
        let mut long = vec![0; "$1048576\r\n".len() + value.len() + 2];
        client.stream.read_exact(&mut long).unwrap();
        client.expect(&format!(":{digits}\r\n+PONG\r\n${}\r\n{digits}\r\n", digits.len()));
    }
    server.stop_and_check();
}

#[test]
fn everything_that_one_of_several_clients_sent_at_once_is_counted_once() {
    const CLIENTS: usize = 4;
    const COUNT: usize = 5_000;
    let server = Server::start(&[]);
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            let mut client = server.connect();
            scope.spawn(move || {
                let lines = "INCR n\r\nLPUSH l x\r\n".repeat(COUNT);
                let replies = client.reply(lines.trim_end().as_bytes());
                assert_eq!(replies.iter().filter(|byte| **byte == b':').count(), 2 * COUNT);
            });
        }
    });
    let mut client = server.connect();
    client.send("GET n\r\nLLEN l\r\n");
    client.expect(&format!("$5\r\n{0}\r\n:{0}\r\n", CLIENTS * COUNT));
    server.stop_and_check();
}
