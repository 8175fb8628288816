//! Commands whose replies are compared with Redis byte by byte, in both versions of the protocol: above all such as are wrong.

use crate::child::{Raw, Redis, Server};

/// Commands with numbers, lengths and patterns that no honest client sends.
const EXTREMES: &str = include_str!("extremes.txt");

/// A command a line, as a person types them.
const SCRIPT: &str = include_str!("script.txt");

/// Both sides' replies to one line.
fn compare(line: &str, ours: &mut Raw, theirs: &mut Raw) -> Option<String> {
    let (ours, theirs) = (ours.reply(line.as_bytes()), theirs.reply(line.as_bytes()));
    (ours != theirs)
        .then(|| format!("{line}\n  windrow: {}\n  redis:   {}", ours.escape_ascii(), theirs.escape_ascii()))
}

/// The lines; but those of a transaction are one step, as what is asked within would be queued.
fn steps(script: &str) -> Vec<String> {
    let mut steps: Vec<String> = Vec::new();
    let mut is_inside = false;
    for line in script.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match steps.last_mut() {
            Some(step) if is_inside => *step = format!("{step}\r\n{line}"),
            _ => steps.push(line.to_owned()),
        }
        is_inside = line == "MULTI" || (is_inside && line != "EXEC" && line != "DISCARD");
    }
    steps
}

fn run(script: &str, version: &str) {
    let Some(redis) = Redis::start() else {
        return;
    };
    let server = Server::start(&[]);
    let (mut ours, mut theirs) = (server.connect(), Raw::connect(redis.port));
    for raw in [&mut ours, &mut theirs] {
        raw.reply(format!("HELLO {version}").as_bytes());
    }
    let differences: Vec<String> =
        steps(script).iter().filter_map(|step| compare(step, &mut ours, &mut theirs)).collect();
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
    server.stop_and_check();
}

#[test]
fn every_reply_is_that_of_redis_in_version_two() {
    run(SCRIPT, "2");
}

#[test]
fn every_reply_is_that_of_redis_in_version_three() {
    run(SCRIPT, "3");
}

#[test]
fn numbers_that_overflow_are_answered_as_redis_does() {
    run(EXTREMES, "2");
}
