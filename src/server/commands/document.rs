//! `docs/commands.md`: the table of commands as a text for people.
//!
//! May use the table. Invariant: what the text says of a command is what drives its dispatch; the test below fails when they differ.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::differences::{ABSENT, DIFFERENCES, EVERYWHERE};
use super::{Command, all};

const HEAD: &str = "\
# Commands

The commands that `windrow serve` knows, with what differs from Redis 7.0.15 and why. Where nothing stands in the last column, replies
and errors are Redis' own; a test compares this table's arities, flags and keys with what a redis-server tells.

This file is made from the table that drives the server, by

```sh
WINDROW_WRITE_DOCS=1 .ci/cargo test --features cli,server --lib commands_md
```

A test fails when it is not up to date. Arity counts the command's own name; below zero it is the least.

## What differs everywhere

";

/// The groups in the order of Redis' own documentation, with their titles.
const GROUPS: [(&str, &str); 15] = [
    ("generic", "Keys"),
    ("string", "Strings"),
    ("bitmap", "Bits"),
    ("hash", "Hashes"),
    ("list", "Lists"),
    ("set", "Sets"),
    ("sorted-set", "Sorted sets"),
    ("geo", "Places"),
    ("hyperloglog", "HyperLogLogs"),
    ("transactions", "Transactions"),
    ("pubsub", "Channels"),
    ("scripting", "Scripts"),
    ("connection", "Connection"),
    ("server", "Server"),
    ("cluster", "Cluster"),
];

const ABSENT_HEAD: &str = "
## What is not there

These are unknown, or refused in words of their own; nothing answers `OK` that was not done.

";

/// The whole text.
fn text() -> String {
    let mut text = HEAD.to_owned();
    for (what, why) in EVERYWHERE {
        let _ = writeln!(text, "- **{what}** {why}");
    }
    let mut groups: BTreeMap<&str, Vec<&Command>> = BTreeMap::new();
    for command in all() {
        groups.entry(command.group).or_default().push(command);
    }
    for (group, title) in GROUPS {
        let Some(mut commands) = groups.remove(group) else { continue };
        commands.sort_by_key(|command| command.name);
        let _ = writeln!(
            text,
            "\n## {title}\n\n| command | since | arity | what it does | what differs |\n|---|---|---|---|---|"
        );
        for command in commands.iter().filter(|command| command.subcommands().next().is_none()) {
            let name = command.name.replace('|', " ").to_uppercase();
            let differs = DIFFERENCES.iter().find(|(of, _)| *of == command.name).map_or("", |(_, what)| what);
            let summary = command.summary.trim_end_matches('.').replace('|', "\\|");
            let _ = writeln!(text, "| `{name}` | {} | {} | {summary} | {differs} |", command.since, command.arity);
        }
    }
    assert!(groups.is_empty(), "groups without a title: {groups:?}");
    text.push_str(ABSENT_HEAD);
    for (what, why) in ABSENT {
        let _ = writeln!(text, "- {what}: {why}");
    }
    text
}

#[test]
fn commands_md_is_what_the_table_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/commands.md");
    let wanted = text();
    if std::env::var_os("WINDROW_WRITE_DOCS").is_some() {
        std::fs::write(path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    let first = wanted.lines().zip(found.lines()).find(|(wanted, found)| wanted != found);
    assert!(
        wanted == found,
        "docs/commands.md is out of date; its first lines tell how to make it anew. First: {first:?}"
    );
}

#[test]
fn differences_are_told_of_commands_that_there_are() {
    for (name, what) in DIFFERENCES {
        assert!(all().any(|command| command.name == *name), "{name} is no command");
        assert!(!what.contains('|') && what.ends_with('.'), "{name}: {what}");
    }
    for (names, why) in ABSENT {
        for name in names.split('`').skip(1).step_by(2) {
            let name = name.to_lowercase().replace(' ', "|");
            assert!(all().all(|command| command.name != name), "{name} is a command");
        }
        assert!(!why.is_empty());
    }
}
