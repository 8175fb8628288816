//! redis-benchmark on all servers in turns.
//!
//! Invariant: in each round every server gets the same tests; the order of the servers turns from round to round.

use std::process::Command;

use serde_json::{Value, json};

use super::options::Asked;
use super::servers::Server;
use super::spread::Spread;

/// The tests with redis-server's share that is to be reached, without pipelining and with it.
const TESTS: [(&str, f64, f64); 10] = [
    ("set", 0.7, 0.25),
    ("get", 0.7, 0.5),
    ("incr", 0.7, 0.25),
    ("lpush", 0.7, 0.25),
    ("rpop", 0.7, 0.25),
    ("sadd", 0.7, 0.25),
    ("hset", 0.7, 0.25),
    ("zadd", 0.7, 0.25),
    ("lrange_100", 0.0, 0.0),
    ("mset", 0.0, 0.0),
];

/// What one server did with one test, in all rounds.
#[derive(Clone, Debug, Default)]
struct Done {
    per_second: Vec<f64>,
    cpu_us: Vec<f64>,
}

/// Runs the tests and prints their table.
pub(crate) fn run(asked: &Asked) -> Vec<Value> {
    let mut servers = vec![Server::redis(&asked.directory), Server::windrow(&asked.directory, None)];
    servers.extend(asked.also.iter().map(|program| Server::windrow(&asked.directory, Some(program))));
    for server in &servers {
        load(server, "set", 16, asked.keys, asked);
    }
    println!("redis-benchmark -r {} -d 100 -c 50, {} rounds", asked.keys, asked.rounds);
    println!(
        "{:<11}{:>4}  {:<14}{:>24}{:>8}{:>22}{:>13}",
        "test", "P", "server", "requests/s (range)", "target", "share (range)", "CPU µs each"
    );
    let mut rows = Vec::new();
    for (test, alone, pipelined) in TESTS {
        if !asked.wants(test) {
            continue;
        }
        if test == "rpop" {
            // As many as are taken.
            let wanted = asked.rounds as u64 * asked.pipelines.iter().map(|p| requests(asked, test, *p)).sum::<u64>();
            for server in &servers {
                load(server, "lpush", 16, wanted, asked);
            }
        }
        for pipeline in &asked.pipelines {
            let done = rounds(asked, &servers, test, *pipeline);
            let target = if *pipeline == 1 { alone } else { pipelined };
            rows.extend(show(test, *pipeline, target, &servers, &done));
        }
    }
    rows
}

fn rounds(asked: &Asked, servers: &[Server], test: &str, pipeline: u64) -> Vec<Done> {
    let mut done = vec![Done::default(); servers.len()];
    for round in 0..asked.rounds {
        for turn in 0..servers.len() {
            let place = if round % 2 == 0 { turn } else { servers.len() - 1 - turn };
            let (server, count) = (&servers[place], requests(asked, test, pipeline));
            let before = server.cpu();
            done[place].per_second.push(load(server, test, pipeline, count, asked));
            done[place].cpu_us.push((server.cpu() - before).as_secs_f64() * 1e6 / count as f64);
        }
    }
    done
}

fn requests(asked: &Asked, test: &str, pipeline: u64) -> u64 {
    let each = if pipeline == 1 { asked.requests } else { 4 * asked.requests };
    // These have many elements each.
    if matches!(test, "mset" | "lrange_100") { (each / 4).max(1) } else { each }
}

/// Lets redis-benchmark do one test; returns requests in a second.
fn load(server: &Server, test: &str, pipeline: u64, requests: u64, asked: &Asked) -> f64 {
    let output = Command::new("redis-benchmark")
        .args(["-p", &server.port.to_string(), "-r", &asked.keys.to_string(), "-d", "100", "-c", "50"])
        .args(["-n", &requests.to_string(), "-P", &pipeline.to_string(), "--csv", "-t", test])
        .output()
        .expect("run redis-benchmark");
    let text = String::from_utf8_lossy(&output.stdout);
    // Before a range there is a line for the filling.
    let last = text.lines().rfind(|line| line.starts_with('"') && !line.starts_with("\"test\"")).expect("a result");
    let cell = last.split("\",\"").nth(1).expect("a second column");
    cell.trim_matches('"').parse().expect("requests in a second")
}

fn show(test: &str, pipeline: u64, target: f64, servers: &[Server], done: &[Done]) -> Vec<Value> {
    let spread = |figures: &[f64]| Spread::of(figures.iter().copied()).expect("a round at least");
    let mut rows = Vec::new();
    for (place, (server, theirs)) in servers.iter().zip(done).enumerate() {
        let pace = spread(&theirs.per_second);
        let shares: Vec<f64> =
            theirs.per_second.iter().zip(&done[0].per_second).map(|(one, other)| one / other).collect();
        let (share, cpu) = (spread(&shares), spread(&theirs.cpu_us));
        let range = format!("{:.0} ({:.0} to {:.0})", pace.median, pace.least, pace.most);
        let (wanted, shown) = match place {
            0 => (String::new(), String::new()),
            _ => (if target > 0.0 { format!("{target:.2}") } else { String::new() }, share.to_string()),
        };
        println!("{test:<11}{pipeline:>4}  {:<14}{range:>24}{wanted:>8}{shown:>22}{:>13.1}", server.name, cpu.median);
        rows.push(json!({
            "test": test, "pipeline": pipeline, "server": server.name, "per_second": theirs.per_second,
            "share": share.median, "target": target, "cpu_us": cpu.median,
        }));
    }
    rows
}
