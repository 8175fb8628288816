//! What several clients do to each other, compared with what they would do to each other at Redis.
//!
//! Uses the script beside it. Invariant: every step is over before the next one begins, so that there is one outcome.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::child::{PATIENCE, Raw, Redis, Server};

/// Meetings, each under a title. A line is a step:
/// `a> command` sends a client's command, `a! command` reads all replies to it as well (`;` parts several), `a~ command` does and does not compare them, `a?` reads what has come
/// until now, `blocked N` waits until so many clients wait, `sleep N` so many milliseconds, `bye a` closes a connection.
const SCRIPT: &str = include_str!("meetings.txt");

struct Meeting {
    port: u16,
    clients: BTreeMap<String, Raw>,
    control: Raw,
    told: Vec<String>,
}

impl Meeting {
    fn new(port: u16) -> Self {
        Self { port, clients: BTreeMap::new(), control: Raw::connect(port), told: Vec::new() }
    }

    fn client(&mut self, name: &str) -> &mut Raw {
        let port = self.port;
        self.clients.entry(name.to_owned()).or_insert_with(|| Raw::connect(port))
    }

    /// Reads what a client has got until now: a subscriber can do no more than ping.
    fn read(&mut self, name: &str) {
        let bytes = self.client(name).pinged();
        self.told.push(format!("{name} {}", bytes.escape_ascii()));
    }

    fn send(&mut self, name: &str, commands: &str) {
        let lines = commands.split(';').map(|command| format!("{}\r\n", command.trim()));
        self.client(name).send(lines.collect::<String>());
    }

    fn step(&mut self, line: &str) {
        if let Some(wanted) = line.strip_prefix("blocked ") {
            let deadline = Instant::now() + PATIENCE;
            let line = format!("blocked_clients:{wanted}\r\n");
            while !String::from_utf8_lossy(&self.control.reply(b"INFO clients")).contains(&line) {
                assert!(Instant::now() < deadline, "never {wanted} clients wait");
                std::thread::sleep(Duration::from_millis(2));
            }
        } else if let Some(millis) = line.strip_prefix("sleep ") {
            std::thread::sleep(Duration::from_millis(millis.parse().unwrap()));
        } else if let Some(name) = line.strip_prefix("bye ") {
            self.clients.remove(name);
        } else if let Some(name) = line.strip_suffix('?') {
            self.read(name);
        } else if let Some((name, commands)) = line.split_once("> ") {
            self.send(name, commands);
        } else if let Some((name, commands)) = line.split_once("~ ") {
            self.send(name, commands);
            self.client(name).pinged();
        } else {
            let (name, commands) = line.split_once("! ").unwrap_or_else(|| panic!("what is {line:?}?"));
            self.send(name, commands);
            self.read(name);
        }
    }

    /// What everybody got at the end.
    fn end(mut self) -> Vec<String> {
        let names: Vec<String> = self.clients.keys().cloned().collect();
        names.iter().for_each(|name| self.read(name));
        let _ = self.control.reply(b"FLUSHALL");
        let _ = self.control.reply(b"CONFIG SET notify-keyspace-events \"\"");
        self.told
    }
}

fn outcome(port: u16, steps: &[&str]) -> Vec<String> {
    let mut meeting = Meeting::new(port);
    steps.iter().for_each(|step| meeting.step(step));
    meeting.end()
}

#[test]
fn clients_meet_as_they_meet_at_redis() {
    let Some(redis) = Redis::start() else {
        return;
    };
    let server = Server::start(&[]);
    let mut differences = Vec::new();
    let mut count = 0;
    for meeting in SCRIPT.split("\n# ").skip(1) {
        let mut lines = meeting.lines().filter(|line| !line.is_empty());
        let title = lines.next().unwrap();
        let steps: Vec<&str> = lines.collect();
        let (ours, theirs) = (outcome(server.port, &steps), outcome(redis.port, &steps));
        count += 1;
        if ours != theirs {
            let lines = ours.iter().zip(&theirs).filter(|(ours, theirs)| ours != theirs);
            let shown = lines.map(|(ours, theirs)| format!("\n  windrow: {ours}\n  redis:   {theirs}"));
            differences.push(format!("{title}{}", shown.collect::<String>()));
        }
    }
    assert!(count > 40, "{count} meetings");
    assert!(differences.is_empty(), "{} of {count} differ\n{}", differences.len(), differences.join("\n"));
    server.stop_and_check();
}
