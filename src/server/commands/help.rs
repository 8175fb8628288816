//! HELP: what a container of commands holds, made from the table.
//!
//! May use the table. Invariant: every subcommand that is there is told, and no other.

use super::{Answer, Command, Run, find, row};
use crate::resp::Frame;

const SUMMARY: &str = "Show helpful text about the different subcommands";

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("client|help", 2, "loading stale", [0, 0, 0], ("connection", "5.0.0"), Run::Session(|_, _| help("client")),
        SUMMARY),
    row("command|help", 2, "loading stale", [0, 0, 0], ("server", "5.0.0"), Run::Session(|_, _| help("command")),
        SUMMARY),
    row("config|help", 2, "loading stale", [0, 0, 0], ("server", "5.0.0"), Run::Session(|_, _| help("config")),
        SUMMARY),
    row("function|help", 2, "loading stale", [0, 0, 0], ("scripting", "7.0.0"), Run::Session(|_, _| help("function")),
        SUMMARY),
    row("acl|help", 2, "loading stale", [0, 0, 0], ("server", "6.0.0"), Run::Session(|_, _| help("acl")),
        SUMMARY),
    row("latency|help", 2, "loading stale", [0, 0, 0], ("server", "2.8.13"), Run::Session(|_, _| help("latency")),
        "Show helpful text about the different subcommands."),
    row("memory|help", 2, "loading stale", [0, 0, 0], ("server", "4.0.0"), Run::Session(|_, _| help("memory")),
        SUMMARY),
    row("object|help", 2, "loading stale", [0, 0, 0], ("generic", "6.2.0"), Run::Session(|_, _| help("object")),
        SUMMARY),
    row("slowlog|help", 2, "loading stale", [0, 0, 0], ("server", "6.2.0"), Run::Session(|_, _| help("slowlog")),
        SUMMARY),
];

fn help(container: &'static str) -> Answer {
    let title = format!("{} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", container.to_uppercase());
    let mut lines = vec![Frame::Simple(title.into())];
    let found = find(container.as_bytes(), None);
    for subcommand in found.iter().flat_map(|known| known.command.subcommands()) {
        let name = subcommand.name.rsplit('|').next().unwrap_or_default();
        lines.push(Frame::Simple(name.to_uppercase().into()));
        lines.push(Frame::Simple(format!("    {}", subcommand.summary).into()));
    }
    Ok(Frame::Array(lines))
}
