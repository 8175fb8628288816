//! The server as a whole: its settings, its state, its time, its end.
//!
//! May use the shared state. Invariant: a setting that is told is one that holds.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;

use super::arguments::{integer, is, option};
use super::connection::REDIS_VERSION;
use super::refusal::{Refusal, SYNTAX};
use super::{Answer, Command, Run, row};
use crate::resp::Frame;
use crate::server::options::durability_name;
use crate::server::session::Session;
use crate::server::shared::Shared;
use crate::types::glob::Glob;

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("time", 1, "loading stale fast", [0, 0, 0], ("server", "2.6.0"), Run::Session(time),
        "Return the current server time"),
    row("shutdown", -1, "admin noscript loading stale no_multi allow_busy", [0, 0, 0], ("server", "1.0.0"), Run::Session(shutdown),
        "Synchronously save the dataset to disk and then shut down the server"),
    row("info", -1, "loading stale", [0, 0, 0], ("server", "1.0.0"), Run::Session(info),
        "Get information and statistics about the server"),
    row("config|get", -3, "admin noscript loading stale", [0, 0, 0], ("server", "2.0.0"), Run::Session(config_get),
        "Get the values of configuration parameters"),
    row("config|set", -4, "admin noscript loading stale", [0, 0, 0], ("server", "2.0.0"), Run::Session(config_set),
        "Set configuration parameters to the given values"),
    row("config", -2, "", [0, 0, 0], ("server", "2.0.0"), Run::Container,
        "A container for server configuration commands"),
];

fn time(session: &mut Session, _: &[Bytes]) -> Answer {
    let millis = session.shared.store.time().get();
    Ok(Frame::Array(vec![
        Frame::text((millis / 1000).to_string()),
        Frame::text((millis % 1000).saturating_mul(1000).to_string()),
    ]))
}

/// Every stop here saves: what was answered is in the log, which is synced at the end.
fn shutdown(session: &mut Session, args: &[Bytes]) -> Answer {
    for word in args {
        match option(word).as_slice() {
            b"SAVE" | b"NOSAVE" | b"NOW" | b"FORCE" => {}
            b"ABORT" => return Err(Refusal::of("ERR No shutdown in progress.")),
            _ => return Err(SYNTAX),
        }
    }
    tracing::info!(client = %session.me.address, "a client stops the server");
    session.shared.stop.send_replace(true);
    session.is_closing = true;
    session.replies = crate::server::session::Replies::None;
    Ok(Frame::OK)
}

/// All settings with their values.
fn settings(shared: &Shared) -> Vec<(&'static str, String)> {
    let options = &shared.options;
    let now = shared.settings.lock().clone();
    let bind: Vec<String> = options.bind.iter().map(ToString::to_string).collect();
    vec![
        ("appendfsync", durability_name(options.durability).to_owned()),
        ("auth-timeout", options.auth_timeout.as_secs().to_string()),
        ("bind", bind.join(" ")),
        ("client-query-buffer-limit", options.max_query_bytes.to_string()),
        ("client-reply-limit", options.max_reply_bytes.to_string()),
        ("databases", options.databases.to_string()),
        ("dir", shared.directory.clone()),
        ("disk-reserve", options.disk_reserve_bytes.to_string()),
        ("maxclients", now.max_clients.to_string()),
        ("maxmemory-clients", options.max_waiting_bytes.to_string()),
        ("metrics-bind", options.metrics_bind.to_string()),
        ("metrics-port", options.metrics_port.map(|port| port.to_string()).unwrap_or_default()),
        ("port", shared.port.unwrap_or(0).to_string()),
        ("proto-max-bulk-len", options.max_bulk_bytes.to_string()),
        ("requirepass", now.password.unwrap_or_default()),
        ("saves-kept", options.saves_kept.to_string()),
        ("timeout", now.timeout.as_secs().to_string()),
        ("unixsocket", options.unix.as_ref().map(|path| path.display().to_string()).unwrap_or_default()),
    ]
}

fn config_get(session: &mut Session, patterns: &[Bytes]) -> Answer {
    let patterns: Vec<Vec<u8>> = patterns.iter().map(|pattern| pattern.to_ascii_lowercase()).collect();
    let fits = |name: &str| patterns.iter().any(|pattern| Glob::new(pattern).matches(name.as_bytes()));
    let found = settings(&session.shared).into_iter().filter(|(name, _)| fits(name));
    Ok(Frame::Map(found.map(|(name, value)| (Frame::name(name), Frame::text(value))).collect()))
}

fn config_set(session: &mut Session, args: &[Bytes]) -> Answer {
    let pairs = super::arguments::groups::<2>(args)
        .ok_or(Refusal::of("ERR wrong number of arguments for 'config|set' command"))?;
    let mut changed = session.shared.settings.lock().clone();
    for [name, value] in pairs {
        let failed = |why: &str| {
            let name = String::from_utf8_lossy(name);
            Refusal::new(format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {why}"))
        };
        let natural = || {
            let number = integer(value).ok().and_then(|number| u64::try_from(number).ok());
            number.ok_or_else(|| failed("argument couldn't be parsed into an integer"))
        };
        match name.to_ascii_lowercase().as_slice() {
            b"requirepass" => {
                let password = String::from_utf8(value.to_vec()).map_err(|_| failed("a password must be text"))?;
                if password.is_empty() && session.shared.options.bind.iter().any(|address| !address.is_loopback()) {
                    return Err(failed("others can reach this server: it needs a password"));
                }
                changed.password = Some(password).filter(|password| !password.is_empty());
            }
            b"maxclients" => {
                let most = usize::try_from(natural()?).ok().filter(|most| *most > 0);
                changed.max_clients = most.ok_or_else(|| failed("argument must be at least 1"))?;
            }
            b"timeout" => changed.timeout = Duration::from_secs(natural()?),
            name if settings(&session.shared).iter().any(|(known, _)| is(name, known)) => {
                return Err(failed("can't set immutable config"));
            }
            _ => {
                let name = String::from_utf8_lossy(name);
                let words = "ERR Unknown option or number of arguments for CONFIG SET";
                return Err(Refusal::new(format!("{words} - '{name}'")));
            }
        }
    }
    *session.shared.settings.lock() = changed;
    Ok(Frame::OK)
}

/// Writes a section.
type Section = fn(&Session, &mut String);

/// The sections that there are, in order.
const SECTIONS: [(&str, Section); 6] = [
    ("Server", about_server),
    ("Clients", about_clients),
    ("Persistence", super::saves::about_persistence),
    ("Stats", about_work),
    ("Keyspace", about_keys),
    ("Windrow", about_reclaiming),
];

fn info(session: &mut Session, names: &[Bytes]) -> Answer {
    let all = ["ALL", "DEFAULT", "EVERYTHING"];
    let wants_all = names.is_empty() || names.iter().any(|name| all.iter().any(|word| is(name, word)));
    let mut text = String::new();
    for (name, write) in SECTIONS {
        if wants_all || names.iter().any(|wanted| is(wanted, name)) {
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
    line(text, "redis_version", REDIS_VERSION);
    line(text, "redis_mode", "standalone");
    line(text, "windrow_version", env!("CARGO_PKG_VERSION"));
    line(text, "process_id", std::process::id());
    line(text, "tcp_port", session.shared.port.unwrap_or(0));
    line(text, "uptime_in_seconds", session.shared.started.elapsed().as_secs());
}

fn about_clients(session: &Session, text: &mut String) {
    line(text, "connected_clients", session.shared.clients.count());
    line(text, "maxclients", session.shared.settings.lock().max_clients);
}

fn about_work(session: &Session, text: &mut String) {
    let shared = &session.shared;
    line(text, "total_connections_received", shared.clients.ever());
    line(text, "total_commands_processed", shared.commands_done.load(Ordering::Relaxed));
    line(text, "rejected_connections", shared.refused_clients.load(Ordering::Relaxed));
    line(text, "expired_keys", shared.store.stats().keys_reaped);
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
    line(text, "waiting_ids", stats.waiting_ids);
    line(text, "open_views", stats.open_views);
    line(text, "expiry_paused", u8::from(stats.expiry_paused));
    line(text, "files_dropped", stats.files_dropped);
    line(text, "bytes_dropped", stats.bytes_dropped);
    line(text, "compactions", stats.compactions);
    line(text, "rewritten_bytes", stats.rewritten_bytes);
    line(text, "data_file_bytes", stats.data_file_bytes);
    line(text, "log_bytes", stats.log_bytes);
}
