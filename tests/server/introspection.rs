//! What the server tells of itself: INFO, settings, counts, the slow log.

use crate::child::{Raw, Server};

fn text(raw: &mut Raw, line: &str) -> String {
    String::from_utf8(raw.reply(line.as_bytes())).unwrap()
}

/// The value of a field of INFO.
fn field(raw: &mut Raw, section: &str, name: &str) -> Option<String> {
    let told = text(raw, &format!("INFO {section}"));
    told.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.to_owned()))
}

#[test]
fn info_has_the_usual_sections() {
    let server = Server::start(&[]);
    let mut raw = server.connect();
    raw.reply(b"SET a 1");
    let usual = text(&mut raw, "INFO");
    for section in
        ["Server", "Clients", "Memory", "Stats", "Replication", "CPU", "Errorstats", "Cluster", "Keyspace", "Windrow"]
    {
        assert!(usual.contains(&format!("# {section}\r\n")), "{section} in {usual}");
    }
    assert!(!usual.contains("# Commandstats"));
    let all = text(&mut raw, "INFO all");
    assert!(all.contains("# Commandstats") && all.contains("# Latencystats") && all.len() > usual.len());
    assert_eq!(text(&mut raw, "INFO everything").lines().count(), all.lines().count());
    let two = text(&mut raw, "INFO keyspace commandstats");
    assert!(two.contains("db0:keys=1") && two.contains("cmdstat_set:calls=1,") && !two.contains("# Server"));
    for (section, name) in [("server", "redis_version"), ("memory", "used_memory"), ("windrow", "pacing_reason")] {
        assert!(field(&mut raw, section, name).is_some_and(|value| !value.is_empty()), "{name}");
    }
    let held: u64 = field(&mut raw, "memory", "used_memory").unwrap().parse().unwrap();
    assert!(held.abs_diff(server.memory()) < 64 << 20, "{held}");
}

#[test]
fn commands_and_errors_are_counted_until_reset() {
    let server = Server::start(&[]);
    let mut raw = server.connect();
    for line in ["SET a x", "SET a", "INCR a", "INCR a", "MULTI\r\nINCR a\r\nGET a\r\nEXEC", "nosuch"] {
        raw.reply(line.as_bytes());
    }
    let counted =
        |raw: &mut Raw, name: &str| field(raw, "commandstats", &format!("cmdstat_{name}")).unwrap_or_default();
    let (set, incr) = (counted(&mut raw, "set"), counted(&mut raw, "incr"));
    assert!(set.starts_with("calls=1,") && set.ends_with("rejected_calls=1,failed_calls=0"), "{set}");
    assert!(incr.starts_with("calls=3,") && incr.ends_with("rejected_calls=0,failed_calls=3"), "{incr}");
    assert!(counted(&mut raw, "exec").starts_with("calls=1,"));
    assert_eq!(field(&mut raw, "errorstats", "errorstat_ERR").as_deref(), Some("count=5"));
    assert_eq!(field(&mut raw, "stats", "total_error_replies").as_deref(), Some("5"));
    let histogram = text(&mut raw, "LATENCY HISTOGRAM incr nosuch");
    assert!(
        histogram.starts_with("*2\r\n$4\r\nincr\r\n*4\r\n$5\r\ncalls\r\n:3\r\n$14\r\nhistogram_usec\r\n"),
        "{histogram}"
    );
    assert!(histogram.ends_with(":3\r\n"), "{histogram}");
    assert!(field(&mut raw, "latencystats", "latency_percentiles_usec_incr").unwrap().starts_with("p50="));

    raw.send("CONFIG RESETSTAT\r\n");
    raw.expect("+OK\r\n");
    let _another = server.connect().reply(b"PING");
    assert_eq!(field(&mut raw, "stats", "total_connections_received").as_deref(), Some("1"));
    assert_eq!(counted(&mut raw, "incr"), "");
    assert_eq!(field(&mut raw, "stats", "total_error_replies").as_deref(), Some("0"));
}

#[test]
fn slow_commands_are_kept_and_passwords_are_not() {
    let server = Server::start(&[]);
    let mut raw = server.connect();
    raw.reply(b"CLIENT SETNAME me");
    assert_eq!(text(&mut raw, "SLOWLOG LEN"), ":0\r\n");
    raw.send("CONFIG SET slowlog-log-slower-than 0 slowlog-max-len 3\r\n");
    raw.expect("+OK\r\n");
    raw.reply(b"SLOWLOG RESET");
    for line in ["SET a 1", "AUTH secret-word", "CONFIG SET requirepass \"\""] {
        raw.reply(line.as_bytes());
    }
    // Each of them, with the markers between, and no more than three.
    let told = text(&mut raw, "SLOWLOG GET -1");
    assert!(told.starts_with("*3\r\n*6\r\n:"), "{told}");
    assert!(!told.contains("requirepass") && !told.contains("secret-word") && told.contains("(redacted)"), "{told}");
    assert!(told.contains("$2\r\nme\r\n") && told.contains("127.0.0.1:"), "{told}");
    raw.send("CONFIG SET slowlog-max-len 1\r\nSLOWLOG LEN\r\nCONFIG SET slowlog-log-slower-than -1\r\n");
    raw.send("SLOWLOG RESET\r\nPING\r\nSLOWLOG LEN\r\n");
    raw.expect("+OK\r\n:1\r\n+OK\r\n+OK\r\n+PONG\r\n:0\r\n");
}

#[test]
fn slow_moments_are_kept_above_the_threshold() {
    let server = Server::start(&[]);
    let mut raw = server.connect();
    let big: Vec<String> = (0..60_000).map(|n| format!("field-{n}")).collect();
    let words: Vec<&str> = ["SADD", "s"].into_iter().chain(big.iter().map(String::as_str)).collect();
    raw.command(&words);
    raw.expect(":60000\r\n");
    assert_eq!(text(&mut raw, "LATENCY LATEST"), "*0\r\n");
    raw.reply(b"CONFIG SET latency-monitor-threshold 1");
    raw.reply(b"SMEMBERS s");
    let told = text(&mut raw, "LATENCY LATEST");
    assert!(told.starts_with("*1\r\n*4\r\n$7\r\ncommand\r\n:"), "{told}");
    assert!(text(&mut raw, "LATENCY HISTORY command").starts_with("*1\r\n*2\r\n:"));
    assert!(text(&mut raw, "LATENCY DOCTOR").contains("command: 1 slow seconds, "));
    raw.send("LATENCY RESET nosuch\r\nLATENCY RESET\r\n");
    raw.expect(":0\r\n:1\r\n");
}

#[test]
fn settings_are_set_together_or_not_at_all() {
    let server = Server::start(&[]);
    let mut raw = server.connect();
    let refused = text(&mut raw, "CONFIG SET timeout 7 maxmemory 100");
    assert!(refused.starts_with("-ERR CONFIG SET failed (possibly related to argument 'maxmemory')"), "{refused}");
    assert_eq!(text(&mut raw, "CONFIG GET timeout"), "*2\r\n$7\r\ntimeout\r\n$1\r\n0\r\n");
    for line in
        ["CONFIG SET save \"60 1\"", "CONFIG SET appendonly yes", "CONFIG SET replicaof \"h 1\"", "CONFIG REWRITE"]
    {
        assert!(text(&mut raw, line).starts_with("-ERR "), "{line}");
    }
    // Whatever is told can be set to what it is, or cannot be set at all.
    let all = text(&mut raw, "CONFIG GET *");
    let words: Vec<&str> = all.split("\r\n").skip(1).filter(|word| !word.starts_with('$')).collect();
    assert!(words.len() > 40, "{all}");
    for pair in words.chunks_exact(2) {
        let said = text(&mut raw, &format!("CONFIG SET {} \"{}\"", pair[0], pair[1]));
        assert!(said == "+OK\r\n" || said.ends_with("can't set immutable config\r\n"), "{pair:?}: {said}");
    }
    assert_eq!(text(&mut raw, "CONFIG GET *"), all);
}

#[test]
fn every_container_tells_what_it_holds() {
    let server = Server::start(&[]);
    let mut raw = server.connect();
    for container in ["ACL", "CLIENT", "COMMAND", "CONFIG", "FUNCTION", "LATENCY", "MEMORY", "OBJECT", "SLOWLOG"] {
        let told = text(&mut raw, &format!("{container} HELP"));
        assert!(
            told.contains(&format!("{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")),
            "{told}"
        );
        assert!(told.contains("+HELP\r\n+    Show helpful text"), "{told}");
    }
    assert!(text(&mut raw, "LOLWUT").contains("Redis ver. 7.0."));
}

#[test]
fn the_use_of_a_key_is_that_of_its_records() {
    let server = Server::start(&[]);
    let mut raw = server.connect();
    let value = "x".repeat(1000);
    let elements: Vec<String> = (0..8).map(|n| format!("{n}{value}")).collect();
    // What stands before each element, and about how often it is stored.
    for (command, before, times) in
        [("RPUSH", None, 1), ("SADD", None, 1), ("HSET", Some("f"), 1), ("ZADD", Some("1"), 2)]
    {
        let mut words = vec![command, command];
        for (element, field) in elements.iter().zip(["a", "b", "c", "d", "e", "f", "g", "h"]) {
            words.extend(before.map(|before| if command == "HSET" { field } else { before }));
            words.push(element);
        }
        raw.command(&words);
        raw.expect(":8\r\n");
        let mut used = |more: &str| -> u64 {
            let told = text(&mut raw, &format!("MEMORY USAGE {command}{more}"));
            told.trim_start_matches(':').trim().parse().unwrap()
        };
        let (sampled, whole) = (used(""), used(" SAMPLES 0"));
        assert!((times * 8000..times * 8500).contains(&whole), "{command}: {whole}");
        assert!(sampled.abs_diff(whole) < 100, "{command}: {sampled} instead of {whole}");
    }
    raw.command(&["SET", "string", &value]);
    raw.expect("+OK\r\n");
    assert_eq!(text(&mut raw, "MEMORY USAGE string"), ":1059\r\n");
}
