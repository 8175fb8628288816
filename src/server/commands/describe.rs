//! COMMAND: what the table says.
//!
//! May use the table. Invariant: what is told of a command is what drives its dispatch.

use bytes::Bytes;

use super::arguments::{is, option};
use super::key_flags::flags_of;
use super::refusal::{Refusal, SYNTAX};
use super::{Answer, Command, Known, Run, all, find, keys_of, row};
use crate::resp::Frame;
use crate::server::session::Session;
use crate::types::glob::Glob;

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("command", -1, "loading stale", [0, 0, 0], ("server", "2.8.13"), Run::Session(command),
        "Get array of Redis command details"),
    row("command|count", 2, "loading stale", [0, 0, 0], ("server", "2.8.13"), Run::Session(command_count),
        "Get total number of Redis commands"),
    row("command|info", -2, "loading stale", [0, 0, 0], ("server", "2.8.13"), Run::Session(command_info),
        "Get array of specific Redis command details, or all when no argument is given."),
    row("command|docs", -2, "loading stale", [0, 0, 0], ("server", "7.0.0"), Run::Session(command_docs),
        "Get array of specific Redis command documentation"),
    row("command|list", -2, "loading stale", [0, 0, 0], ("server", "7.0.0"), Run::Session(command_list),
        "Get an array of Redis command names"),
    row("command|getkeys", -4, "loading stale", [0, 0, 0], ("server", "2.8.13"), Run::Session(command_getkeys),
        "Extract keys given a full Redis command"),
    row("command|getkeysandflags", -4, "loading stale", [0, 0, 0], ("server", "7.0.0"), Run::Session(command_getkeysandflags),
        "Extract keys and access flags given a full Redis command"),
];

/// The commands, without subcommands.
fn top() -> impl Iterator<Item = &'static Command> {
    all().filter(|command| !command.name.contains('|'))
}

/// A command by its name, or a subcommand by both with a bar between.
pub(super) fn named(name: &[u8]) -> Option<Known> {
    match name.iter().position(|byte| *byte == b'|') {
        Some(bar) => {
            let (container, rest) = name.split_at_checked(bar)?;
            find(rest.get(1..)?, Some(find(container, None)?.command))
        }
        None => find(name, None),
    }
}

fn command(_: &mut Session, _: &[Bytes]) -> Answer {
    Ok(Frame::Array(top().map(info).collect()))
}

fn command_count(_: &mut Session, _: &[Bytes]) -> Answer {
    Ok(Frame::count(u64::try_from(top().count()).unwrap_or(0)))
}

fn command_info(_: &mut Session, names: &[Bytes]) -> Answer {
    if names.is_empty() {
        return Ok(Frame::Array(top().map(info).collect()));
    }
    let one = |name: &Bytes| named(name).map_or(Frame::Null, |known| info(known.command));
    Ok(Frame::Array(names.iter().map(one).collect()))
}

fn simple(text: &str) -> Frame {
    Frame::Simple(text.to_owned().into())
}

fn info(command: &'static Command) -> Frame {
    let [first, last, step] = command.keys;
    Frame::Array(vec![
        Frame::name(command.name),
        Frame::Integer(command.arity.into()),
        Frame::Set(command.flags.split_ascii_whitespace().map(simple).collect()),
        Frame::Integer(first.into()),
        Frame::Integer(last.into()),
        Frame::Integer(step.into()),
        Frame::Set(categories(command).into_iter().map(|name| simple(&name)).collect()),
        // Hints and the newer description of keys are not told.
        Frame::Array(Vec::new()),
        Frame::Array(Vec::new()),
        Frame::Array(command.subcommands().map(info).collect()),
    ])
}

/// The categories of access rights, as far as flags and group say them.
fn categories(command: &Command) -> Vec<String> {
    let mut names = Vec::new();
    for (flag, name) in [("write", "@write"), ("readonly", "@read"), ("admin", "@admin"), ("fast", "@fast")] {
        if command.has_flag(flag) {
            names.push(name.to_owned());
        }
    }
    if command.has_flag("admin") {
        names.push("@dangerous".to_owned());
    }
    if !command.has_flag("fast") {
        names.push("@slow".to_owned());
    }
    names.push(match command.group {
        "generic" => "@keyspace".to_owned(),
        "sorted-set" => "@sortedset".to_owned(),
        "transactions" => "@transaction".to_owned(),
        group => format!("@{group}"),
    });
    names
}

fn command_docs(_: &mut Session, names: &[Bytes]) -> Answer {
    let entry = |command: &'static Command| (Frame::name(command.name), docs(command));
    if names.is_empty() {
        return Ok(Frame::Map(top().map(entry).collect()));
    }
    Ok(Frame::Map(names.iter().filter_map(|name| named(name)).map(|known| entry(known.command)).collect()))
}

fn docs(command: &'static Command) -> Frame {
    let mut entries = vec![
        (Frame::name("summary"), Frame::name(command.summary)),
        (Frame::name("since"), Frame::name(command.since)),
        (Frame::name("group"), Frame::name(command.group)),
    ];
    let subcommands: Vec<(Frame, Frame)> =
        command.subcommands().map(|command| (Frame::name(command.name), docs(command))).collect();
    if !subcommands.is_empty() {
        entries.push((Frame::name("subcommands"), Frame::Map(subcommands)));
    }
    Frame::Map(entries)
}

fn command_list(_: &mut Session, args: &[Bytes]) -> Answer {
    let listed = |fits: &dyn Fn(&Command) -> bool| {
        Ok(Frame::Array(all().filter(|command| fits(command)).map(|command| Frame::name(command.name)).collect()))
    };
    match args {
        [] => listed(&|_| true),
        [by, kind, value] if is(by, "FILTERBY") => match option(kind).as_slice() {
            b"PATTERN" => listed(&|command| Glob::new(value).matches(command.name.as_bytes())),
            b"ACLCAT" => {
                let wanted = format!("@{}", String::from_utf8_lossy(value).to_lowercase());
                listed(&|command| categories(command).contains(&wanted))
            }
            // There are no modules.
            b"MODULE" => listed(&|_| false),
            _ => Err(SYNTAX),
        },
        _ => Err(SYNTAX),
    }
}

/// The keys of a whole command, and what it does with the first and with the others.
fn keys_and_flags(words: &[Bytes]) -> Result<(Vec<&Bytes>, [&'static str; 2]), Refusal> {
    let invalid = || Refusal::of("ERR Invalid command specified");
    let mut known = words.first().and_then(|name| find(name, None)).ok_or_else(invalid)?;
    let mut names = 1;
    if let (true, Some(second)) = (known.is_container, words.get(1)) {
        known = find(second, Some(known.command)).ok_or_else(invalid)?;
        names = 2;
    }
    let has_keys = known.command.keys != [0, 0, 0] || known.command.has_flag("movablekeys");
    if !has_keys {
        return Err(Refusal::of("ERR The command has no key arguments"));
    }
    if !known.command.takes(words.len()) {
        return Err(Refusal::of("ERR Invalid number of arguments specified for command"));
    }
    let keys = keys_of(known.command, words, names);
    if keys.is_empty() {
        return Err(Refusal::of("ERR Invalid arguments specified for command"));
    }
    Ok((keys, flags_of(known.command, words.get(names..).unwrap_or_default())))
}

fn command_getkeys(_: &mut Session, words: &[Bytes]) -> Answer {
    let (keys, _) = keys_and_flags(words)?;
    Ok(Frame::bulks(keys.into_iter().cloned()))
}

fn command_getkeysandflags(_: &mut Session, words: &[Bytes]) -> Answer {
    let (keys, [first, others]) = keys_and_flags(words)?;
    let flags = std::iter::once(first).chain(std::iter::repeat(others));
    let pair = |(key, flags): (&Bytes, &str)| {
        let flags = flags.split_ascii_whitespace().map(simple).collect();
        Frame::Array(vec![Frame::Bulk(key.clone()), Frame::Set(flags)])
    };
    Ok(Frame::Array(keys.into_iter().zip(flags).map(pair).collect()))
}
