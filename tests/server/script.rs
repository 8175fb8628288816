//! Commands whose replies are compared with Redis byte by byte, in both versions of the protocol: above all such as are wrong.

use crate::child::{Raw, Redis, Server};

/// A command a line, as a person types them.
const SCRIPT: &str = include_str!("script.txt");

/// Both sides' replies to one line.
fn compare(line: &str, ours: &mut Raw, theirs: &mut Raw) -> Option<String> {
    let (ours, theirs) = (ours.reply(line.as_bytes()), theirs.reply(line.as_bytes()));
    (ours != theirs)
        .then(|| format!("{line}\n  windrow: {}\n  redis:   {}", ours.escape_ascii(), theirs.escape_ascii()))
}

fn run(version: &str) {
    let Some(redis) = Redis::start() else {
        return;
    };
    let server = Server::start(&[]);
    let (mut ours, mut theirs) = (server.connect(), Raw::connect(redis.port));
    for raw in [&mut ours, &mut theirs] {
        raw.reply(format!("HELLO {version}").as_bytes());
    }
    let lines = SCRIPT.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let differences: Vec<String> = lines.filter_map(|line| compare(line, &mut ours, &mut theirs)).collect();
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
    server.stop_and_check();
}

#[test]
fn every_reply_is_that_of_redis_in_version_two() {
    run("2");
}

#[test]
fn every_reply_is_that_of_redis_in_version_three() {
    run("3");
}
