//! What the server tells of its commands, beside what Redis tells of the same.

use crate::child::{Raw, Redis, Server};

/// The frames of a reply in version two, flat, as far as they are needed here.
fn flat(reply: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(reply).split("\r\n").map(str::to_owned).collect()
}

/// Name, arity, flags and places of keys of one command.
fn told(raw: &mut Raw, name: &str) -> Vec<String> {
    let lines = flat(&raw.reply(format!("COMMAND INFO {name}").as_bytes()));
    // Behind the header of the reply, of the entry, and of the name; up to the categories.
    let flags: usize = lines[5].trim_start_matches('*').parse().unwrap();
    lines[1..9 + flags].to_vec()
}

#[test]
fn every_command_is_told_as_redis_tells_it() {
    let Some(redis) = Redis::start() else {
        return;
    };
    let server = Server::start(&[]);
    let (mut ours, mut theirs) = (server.connect(), Raw::connect(redis.port));
    let names = flat(&ours.reply(b"COMMAND LIST FILTERBY PATTERN *"));
    let names: Vec<&String> = names.iter().filter(|line| !line.is_empty() && !line.starts_with(['$', '*'])).collect();
    assert!(names.len() > 150, "{} commands", names.len());
    for name in names {
        let mut bare = [told(&mut ours, name), told(&mut theirs, name)];
        // A subcommand is a part of its container for Redis, too.
        for side in &mut bare {
            side.iter_mut().for_each(|line| *line = line.to_lowercase());
        }
        assert_eq!(bare[0], bare[1], "{name}");
        let docs = [&mut ours, &mut theirs].map(|raw| {
            let lines = flat(&raw.reply(format!("COMMAND DOCS {name}").as_bytes()));
            let after = |word: &str| {
                let place = lines.iter().position(|line| line == word).unwrap_or_else(|| panic!("{name}: no {word}"));
                lines[place + 2].clone()
            };
            [after("summary"), after("since"), after("group")]
        });
        assert_eq!(docs[0], docs[1], "{name}");
    }
}
