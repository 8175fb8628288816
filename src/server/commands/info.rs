//! INFO: the state of the server and of its store.
//!
//! May use the shared state and the store's statistics. Invariant: a figure that is told was measured or counted, and has the meaning
//! that it has in Redis; one that is not known is left out.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::arguments::is;
use super::connection::REDIS_VERSION;
use super::info_system::{human, memory, processor_seconds};
use super::{Answer, Command, Run, row};
use crate::resp::Frame;
use crate::server::channels::Kind;
use crate::server::session::Session;
use crate::{HeldBackBy, Stats};

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("info", -1, "loading stale", [0, 0, 0], ("server", "1.0.0"), Run::Session(info),
        "Get information and statistics about the server"),
];

/// Writes a section.
type Section = fn(&Session, &mut String);

/// The sections that there are, in order; and whether they are told to who does not name any.
const SECTIONS: [(&str, bool, Section); 13] = [
    ("Server", true, about_server),
    ("Clients", true, about_clients),
    ("Memory", true, about_memory),
    ("Persistence", true, super::saves::about_persistence),
    ("Stats", true, about_work),
    ("Replication", true, about_replication),
    ("CPU", true, about_processor),
    ("Commandstats", false, about_commands),
    ("Errorstats", true, about_errors),
    ("Latencystats", false, about_latency),
    ("Cluster", true, about_cluster),
    ("Keyspace", true, about_keys),
    ("Windrow", true, about_reclaiming),
];

fn info(session: &mut Session, names: &[Bytes]) -> Answer {
    let wants = |words: &[&str]| names.iter().any(|name| words.iter().any(|word| is(name, word)));
    let wants_all = wants(&["ALL", "EVERYTHING"]);
    let wants_default = names.is_empty() || wants(&["DEFAULT"]);
    let mut text = String::new();
    for (name, is_default, write) in SECTIONS {
        if wants_all || (wants_default && is_default) || wants(&[name]) {
            if !text.is_empty() {
                text.push_str("\r\n");
            }
            let _ = write!(text, "# {name}\r\n");
            write(session, &mut text);
        }
    }
    Ok(Frame::Verbatim(text.into()))
}

/// Writing to a text cannot fail.
fn line(text: &mut String, name: &str, value: impl std::fmt::Display) {
    let _ = write!(text, "{name}:{value}\r\n");
}

fn about_server(session: &Session, text: &mut String) {
    let uptime = session.shared.started.elapsed().as_secs();
    line(text, "redis_version", REDIS_VERSION);
    line(text, "redis_mode", "standalone");
    line(text, "windrow_version", env!("CARGO_PKG_VERSION"));
    line(text, "os", format_args!("{} {}", std::env::consts::OS, std::env::consts::ARCH));
    line(text, "arch_bits", usize::BITS);
    line(text, "process_id", std::process::id());
    line(text, "tcp_port", session.shared.port.unwrap_or(0));
    line(text, "server_time_usec", session.shared.store.time().get().saturating_mul(1000));
    line(text, "uptime_in_seconds", uptime);
    line(text, "uptime_in_days", uptime / (24 * 3600));
}

fn about_clients(session: &Session, text: &mut String) {
    line(text, "connected_clients", session.shared.clients.count());
    line(text, "maxclients", session.shared.settings.lock().max_clients);
    let shared = &session.shared;
    line(text, "blocked_clients", shared.waiters.count() + shared.pauses.postponed.load(Ordering::Relaxed));
}

/// WHY what is used is what is resident: the caches of RocksDB are a part of it, and no allocator here counts apart.
fn about_memory(session: &Session, text: &mut String) {
    let memory = memory();
    let figures = [
        ("used_memory", memory.resident),
        ("used_memory_rss", memory.resident),
        ("used_memory_peak", memory.peak),
        ("total_system_memory", memory.total),
        ("maxmemory", Some(0)),
    ];
    for (name, bytes) in figures {
        if let Some(bytes) = bytes {
            line(text, name, bytes);
            line(text, &format!("{name}_human"), human(bytes));
        }
    }
    line(text, "maxmemory_policy", "noeviction");
    line(text, "mem_clients_normal", session.shared.waiting.load(Ordering::Relaxed));
    line(text, "mem_allocator", "libc");
}

fn about_work(session: &Session, text: &mut String) {
    let shared = &session.shared;
    let [expired, clients] = shared.tally.since_reset(shared.store.stats().keys_reaped, shared.clients.ever());
    line(text, "total_connections_received", clients);
    line(text, "total_commands_processed", shared.commands_done.load(Ordering::Relaxed));
    line(text, "rejected_connections", shared.refused_clients.load(Ordering::Relaxed));
    line(text, "expired_keys", expired);
    line(text, "evicted_keys", 0);
    line(text, "migrate_cached_sockets", 0);
    line(text, "total_error_replies", shared.tally.errors());
    for (name, kind) in
        [("pubsub_channels", Kind::Channel), ("pubsub_patterns", Kind::Pattern), ("pubsubshard_channels", Kind::Shard)]
    {
        line(text, name, shared.channels.names(kind));
    }
    line(text, "missed_key_events", shared.notices.missed());
}

fn about_replication(_: &Session, text: &mut String) {
    line(text, "role", "master");
    line(text, "connected_slaves", 0);
    line(text, "master_repl_offset", 0);
}

fn about_processor(_: &Session, text: &mut String) {
    if let Some([system, user]) = processor_seconds() {
        line(text, "used_cpu_sys", format_args!("{system:.6}"));
        line(text, "used_cpu_user", format_args!("{user:.6}"));
    }
}

fn about_commands(session: &Session, text: &mut String) {
    for (command, counted) in session.shared.tally.by_command() {
        let hundredths = u128::from(counted.micros) * 100 / u128::from(counted.calls.max(1));
        let value = format!(
            "calls={},usec={},usec_per_call={}.{:02},rejected_calls={},failed_calls={}",
            counted.calls,
            counted.micros,
            hundredths / 100,
            hundredths % 100,
            counted.rejected,
            counted.failed,
        );
        line(text, &format!("cmdstat_{}", command.name), value);
    }
}

fn about_errors(session: &Session, text: &mut String) {
    for (code, count) in session.shared.tally.by_code() {
        line(text, &format!("errorstat_{code}"), format_args!("count={count}"));
    }
}

/// The bounds within which so many of the calls stayed: durations are counted by powers of two.
fn about_latency(session: &Session, text: &mut String) {
    for (command, counted) in session.shared.tally.by_command().filter(|(_, counted)| counted.calls > 0) {
        let within = |thousandths: u64| {
            let wanted = (counted.calls.saturating_mul(thousandths)).div_ceil(1000);
            let mut seen = 0;
            let bound = counted.buckets.iter().position(|count| {
                seen += count;
                seen >= wanted
            });
            1_u64 << bound.unwrap_or(counted.buckets.len() - 1)
        };
        let value = format!("p50={}.000,p99={}.000,p99.9={}.000", within(500), within(990), within(999));
        line(text, &format!("latency_percentiles_usec_{}", command.name), value);
    }
}

fn about_cluster(_: &Session, text: &mut String) {
    line(text, "cluster_enabled", 0);
}

fn about_keys(session: &Session, text: &mut String) {
    for number in 0..session.shared.options.databases {
        // A store that is closed has no keys to tell of.
        let keys = session.shared.store.db(number).len().unwrap_or(0);
        if keys > 0 {
            line(text, &format!("db{number}"), format_args!("keys={keys}"));
        }
    }
}

fn about_reclaiming(session: &Session, text: &mut String) {
    let stats = session.shared.store.stats();
    line(text, "debt_bytes", stats.debt_bytes);
    line(text, "debt_ids", stats.debt_ids);
    line(text, "debt_age_seconds", stats.debt_age.as_secs());
    line(text, "buried_ids", stats.buried_ids);
    about_watermark(&stats, text);
    line(text, "open_views", stats.open_views);
    line(text, "flushed_keyspaces", stats.flushed_keyspaces);
    line(text, "expiry_paused", u8::from(stats.expiry_paused));
    line(text, "files_dropped", stats.files_dropped);
    line(text, "bytes_dropped", stats.bytes_dropped);
    line(text, "range_deletions", stats.range_deletions);
    line(text, "compactions", stats.compactions);
    line(text, "rewritten_bytes", stats.rewritten_bytes);
    line(text, "entries_filtered", stats.entries_filtered);
    line(text, "segments_retired", stats.segments_retired);
    line(text, "data_file_bytes", stats.data_file_bytes);
    line(text, "other_file_bytes", stats.other_file_bytes);
    line(text, "log_bytes", stats.log_bytes);
    line(text, "pacing_workers", stats.pacing.workers);
    line(text, "pacing_bytes_per_step", stats.pacing.bytes_per_step);
    line(text, "pacing_pause_usec", stats.pacing.pause.as_micros());
    line(text, "pacing_steps", stats.pacing.steps);
    line(text, "pacing_reason", stats.pacing.reason);
    line(text, "undecodable_entries", stats.undecodable_entries);
}

/// What is dead and has not passed the watermark, and why.
fn about_watermark(stats: &Stats, text: &mut String) {
    line(text, "waiting_ids", stats.waiting_ids);
    line(text, "waiting_bytes", stats.waiting_bytes);
    match stats.held_back_by {
        Some(HeldBackBy::View { age }) => {
            line(text, "held_back_by", format_args!("a view, open for {} s", age.as_secs()))
        }
        Some(HeldBackBy::Operation) => line(text, "held_back_by", "an operation in flight"),
        Some(HeldBackBy::LogSync) => line(text, "held_back_by", "the next sync of the log"),
        None => line(text, "held_back_by", "nothing"),
    }
}
