//! CONFIG: one table of all settings.
//!
//! May use the shared state. Invariants: a setting that is told is one that holds; several are set together or none is; nothing
//! answers OK that was not done.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;

use super::arguments::integer;
use super::refusal::Refusal;
use super::{Answer, Command, Run, row};
use crate::resp::Frame;
use crate::server::notices::Letters;
use crate::server::options::{durability_name, size};
use crate::server::session::Session;
use crate::server::shared::{Settings, Shared};
use crate::types::glob::Glob;

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("config|get", -3, "admin noscript loading stale", [0, 0, 0], ("server", "2.0.0"), Run::Session(config_get),
        "Get the values of configuration parameters"),
    row("config|set", -4, "admin noscript loading stale", [0, 0, 0], ("server", "2.0.0"), Run::Session(config_set),
        "Set configuration parameters to the given values"),
    row("config|resetstat", 2, "admin noscript loading stale", [0, 0, 0], ("server", "2.0.0"), Run::Session(config_resetstat),
        "Reset the stats returned by INFO"),
    row("config|rewrite", 2, "admin noscript loading stale", [0, 0, 0], ("server", "2.8.0"), Run::Session(config_rewrite),
        "Rewrite the configuration file with the in memory configuration"),
    row("config", -2, "", [0, 0, 0], ("server", "2.0.0"), Run::Container,
        "A container for server configuration commands"),
];

/// A setting.
struct Setting {
    name: &'static str,
    /// Another name of the same, or nothing.
    alias: &'static str,
    get: fn(&Shared, &Settings) -> String,
    set: Set,
}

/// How a setting is changed.
enum Set {
    /// Not while the server runs.
    Never,
    /// There is one value that is true, which can be set; others are refused with these words.
    Only(&'static str),
    /// By this.
    To(fn(&Shared, &mut Settings, &[u8]) -> Result<(), String>),
}

const AT_START: &str = "this is told when the server is started";
const NO_APPEND_ONLY: &str = "there is no append-only file: every write is in the log of the store";
const NO_MAX_MEMORY: &str = "data is kept on disk, so that memory needs no limit here";
const NO_EVICTION: &str = "nothing is evicted: data is kept on disk";
const NO_REPLICAS: &str = "there is no replication";
const NO_SNAPSHOTS: &str = "there are no snapshots by themselves: every write is in the log of the store";

/// A setting that has one value.
const fn only(name: &'static str, get: fn(&Shared, &Settings) -> String, why: &'static str) -> Setting {
    Setting { name, alias: "", get, set: Set::Only(why) }
}

/// A setting of the start.
const fn never(name: &'static str, get: fn(&Shared, &Settings) -> String) -> Setting {
    Setting { name, alias: "", get, set: Set::Never }
}

/// A setting that can be changed.
const fn to(
    name: &'static str,
    alias: &'static str,
    get: fn(&Shared, &Settings) -> String,
    set: fn(&Shared, &mut Settings, &[u8]) -> Result<(), String>,
) -> Setting {
    Setting { name, alias, get, set: Set::To(set) }
}

/// Changes a number within bounds.
macro_rules! number {
    ($field:ident $(. $inner:ident)*, $range:expr) => {
        |_, settings, value| {
            settings.$field $(. $inner)* = within(value, $range)?;
            Ok(())
        }
    };
}

/// Changes a number of bytes, which may have a unit.
macro_rules! bytes {
    ($field:ident . $inner:ident) => {
        |_, settings, value| {
            settings.$field.$inner = memory(value).ok_or("argument must be a memory value")?;
            Ok(())
        }
    };
}

/// The largest number that Redis takes anywhere.
const MOST: u64 = i64::MAX.cast_unsigned();

#[rustfmt::skip] // a line for each setting, or two
static SETTINGS: &[Setting] = &[
    never("appendfsync", |shared, _| durability_name(shared.options.durability).into()),
    only("appendonly", |_, _| "no".into(), NO_APPEND_ONLY),
    never("auth-timeout", |shared, _| shared.options.auth_timeout.as_secs().to_string()),
    only("bind", |shared, _| shared.options.bind.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "), AT_START),
    to("client-output-buffer-limit", "", |_, now| now.subscriber_limits.to_string(), set_output_limits),
    only("client-query-buffer-limit", |shared, _| shared.options.max_query_bytes.to_string(), AT_START),
    never("client-reply-limit", |shared, _| shared.options.max_reply_bytes.to_string()),
    never("cluster-enabled", |_, _| "no".into()),
    never("daemonize", |_, _| "no".into()),
    never("databases", |shared, _| shared.options.databases.to_string()),
    never("dir", |shared, _| shared.directory.clone()),
    never("disk-reserve", |shared, _| shared.options.disk_reserve_bytes.to_string()),
    to("hash-max-listpack-entries", "hash-max-ziplist-entries", |_, now| now.shape.hash_entries.to_string(),
        number!(shape.hash_entries, 0..=MOST)),
    to("hash-max-listpack-value", "hash-max-ziplist-value", |_, now| now.shape.hash_value.to_string(), bytes!(shape.hash_value)),
    to("latency-monitor-threshold", "", |_, now| now.latency_threshold.to_string(), number!(latency_threshold, 0..=MOST)),
    to("list-compress-depth", "", |_, now| now.shape.list_depth.to_string(), number!(shape.list_depth, 0..=i32::MAX.unsigned_abs().into())),
    to("list-max-listpack-size", "list-max-ziplist-size", |_, now| now.shape.list_size.to_string(), set_list_size),
    to("maxclients", "", |_, now| now.max_clients.to_string(), set_max_clients),
    only("maxmemory", |_, _| "0".into(), NO_MAX_MEMORY),
    never("maxmemory-clients", |shared, _| shared.options.max_waiting_bytes.to_string()),
    only("maxmemory-policy", |_, _| "noeviction".into(), NO_EVICTION),
    never("metrics-bind", |shared, _| shared.options.metrics_bind.to_string()),
    never("metrics-port", |shared, _| shared.options.metrics_port.map(|port| port.to_string()).unwrap_or_default()),
    to("notify-keyspace-events", "", |_, now| now.letters.text(), set_letters),
    only("port", |shared, _| shared.port.unwrap_or(0).to_string(), AT_START),
    only("proto-max-bulk-len", |shared, _| shared.options.max_bulk_bytes.to_string(), AT_START),
    Setting { alias: "slaveof", ..only("replicaof", |_, _| String::new(), NO_REPLICAS) },
    to("requirepass", "", |_, now| now.password.clone().unwrap_or_default(), set_password),
    only("save", |_, _| String::new(), NO_SNAPSHOTS),
    never("saves-kept", |shared, _| shared.options.saves_kept.to_string()),
    to("set-max-intset-entries", "", |_, now| now.shape.intset_entries.to_string(), number!(shape.intset_entries, 0..=MOST)),
    to("slowlog-log-slower-than", "", |_, now| now.slower_than.to_string(), set_slower_than),
    to("slowlog-max-len", "", |_, now| now.slow_most.to_string(), number!(slow_most, 0..=MOST)),
    to("timeout", "", |_, now| now.timeout.as_secs().to_string(), set_timeout),
    never("unixsocket", |shared, _| shared.options.unix.as_ref().map(|path| path.display().to_string()).unwrap_or_default()),
    to("zset-max-listpack-entries", "zset-max-ziplist-entries", |_, now| now.shape.zset_entries.to_string(),
        number!(shape.zset_entries, 0..=MOST)),
    to("zset-max-listpack-value", "zset-max-ziplist-value", |_, now| now.shape.zset_value.to_string(), bytes!(shape.zset_value)),
];

const NO_INTEGER: &str = "argument couldn't be parsed into an integer";

/// A number of bytes with or without a unit.
fn memory(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    size(text).ok().filter(|bytes| *bytes <= MOST)
}

/// A number within bounds.
fn within(value: &[u8], bounds: std::ops::RangeInclusive<u64>) -> Result<u64, String> {
    let number = integer(value).map_err(|_| NO_INTEGER.to_owned())?;
    let fits = u64::try_from(number).ok().filter(|number| bounds.contains(number));
    fits.ok_or_else(|| format!("argument must be between {} and {} inclusive", bounds.start(), bounds.end()))
}

fn set_list_size(_: &Shared, settings: &mut Settings, value: &[u8]) -> Result<(), String> {
    let number = integer(value).map_err(|_| NO_INTEGER.to_owned())?;
    settings.shape.list_size = i32::try_from(number)
        .map_err(|_| format!("argument must be between {} and {} inclusive", i32::MIN, i32::MAX))?
        .into();
    Ok(())
}

fn set_slower_than(_: &Shared, settings: &mut Settings, value: &[u8]) -> Result<(), String> {
    let number = integer(value).map_err(|_| NO_INTEGER.to_owned())?;
    if number < -1 {
        return Err(format!("argument must be between -1 and {MOST} inclusive"));
    }
    settings.slower_than = number;
    Ok(())
}

fn set_max_clients(_: &Shared, settings: &mut Settings, value: &[u8]) -> Result<(), String> {
    let most = within(value, 1..=u32::MAX.into())?;
    settings.max_clients = usize::try_from(most).map_err(|_| NO_INTEGER.to_owned())?;
    Ok(())
}

fn set_output_limits(_: &Shared, settings: &mut Settings, value: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(value);
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    settings.subscriber_limits = crate::server::options::read_output_limits(&words)?;
    Ok(())
}

fn set_letters(_: &Shared, settings: &mut Settings, value: &[u8]) -> Result<(), String> {
    settings.letters = Letters::read(&String::from_utf8_lossy(value))?;
    Ok(())
}

fn set_timeout(_: &Shared, settings: &mut Settings, value: &[u8]) -> Result<(), String> {
    settings.timeout = Duration::from_secs(within(value, 0..=i32::MAX.unsigned_abs().into())?);
    Ok(())
}

fn set_password(shared: &Shared, settings: &mut Settings, value: &[u8]) -> Result<(), String> {
    let password = String::from_utf8(value.to_vec()).map_err(|_| "a password must be text".to_owned())?;
    if password.is_empty() && shared.options.bind.iter().any(|address| !address.is_loopback()) {
        return Err("others can reach this server: it needs a password".to_owned());
    }
    settings.password = Some(password).filter(|password| !password.is_empty());
    Ok(())
}

impl Setting {
    fn is(&self, name: &[u8]) -> bool {
        name.eq_ignore_ascii_case(self.name.as_bytes())
            || (!self.alias.is_empty() && name.eq_ignore_ascii_case(self.alias.as_bytes()))
    }

    /// Its names.
    fn names(&self) -> impl Iterator<Item = &'static str> {
        [self.name, self.alias].into_iter().filter(|name| !name.is_empty())
    }

    fn change(&self, shared: &Shared, settings: &mut Settings, value: &[u8]) -> Result<(), String> {
        match self.set {
            Set::Never => Err("can't set immutable config".to_owned()),
            Set::Only(_) if value.eq_ignore_ascii_case((self.get)(shared, settings).as_bytes()) => Ok(()),
            Set::Only(why) => Err(why.to_owned()),
            Set::To(set) => set(shared, settings, value),
        }
    }
}

fn config_get(session: &mut Session, patterns: &[Bytes]) -> Answer {
    let shared = &session.shared;
    let now = shared.settings.lock().clone();
    let patterns: Vec<Vec<u8>> = patterns.iter().map(|pattern| pattern.to_ascii_lowercase()).collect();
    let fits = |name: &str| patterns.iter().any(|pattern| Glob::new(pattern).matches(name.as_bytes()));
    let named = SETTINGS.iter().flat_map(|setting| setting.names().map(move |name| (name, setting)));
    let found = named.filter(|(name, _)| fits(name));
    let told = found.map(|(name, setting)| (Frame::name(name), Frame::text((setting.get)(shared, &now))));
    Ok(Frame::Map(told.collect()))
}

/// What is said of a setting that is not set.
fn failed(name: &[u8], why: &str) -> Refusal {
    let name = String::from_utf8_lossy(name);
    Refusal::new(format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {why}"))
}

/// The settings that the pairs name, with their values. Redis looks at all names before it looks at a value.
fn named(pairs: &[[Bytes; 2]]) -> Result<Vec<(&'static Setting, &[Bytes; 2])>, Refusal> {
    let mut found: Vec<(&'static Setting, &[Bytes; 2])> = Vec::with_capacity(pairs.len());
    for pair in pairs {
        let [name, _] = pair;
        let setting = SETTINGS.iter().find(|setting| setting.is(name)).ok_or_else(|| {
            let name = String::from_utf8_lossy(name);
            Refusal::new(format!("ERR Unknown option or number of arguments for CONFIG SET - '{name}'"))
        })?;
        if matches!(setting.set, Set::Never) {
            return Err(failed(name, "can't set immutable config"));
        }
        // By its other name it may be there again, and the last value holds, as in Redis.
        if found.iter().any(|(_, [other, _])| other.eq_ignore_ascii_case(name)) {
            return Err(failed(name, "duplicate parameter"));
        }
        found.push((setting, pair));
    }
    Ok(found)
}

fn config_set(session: &mut Session, args: &[Bytes]) -> Answer {
    let wrong = Refusal::of("ERR wrong number of arguments for 'config|set' command");
    let named = named(super::arguments::groups::<2>(args).ok_or(wrong)?)?;
    let shared = &session.shared;
    let mut settings = shared.settings.lock();
    let mut changed = settings.clone();
    for (setting, [name, value]) in named {
        setting.change(shared, &mut changed, value).map_err(|why| failed(name, &why))?;
    }
    shared.channels.set_limits(changed.subscriber_limits);
    shared.tally.set_limits(changed.slower_than, changed.slow_most, changed.latency_threshold);
    *settings = changed;
    drop(settings);
    shared.notices.follow(shared)?;
    Ok(Frame::OK)
}

fn config_resetstat(session: &mut Session, _: &[Bytes]) -> Answer {
    let shared = &session.shared;
    shared.tally.reset();
    shared.tally.note_reset(shared.store.stats().keys_reaped, shared.clients.ever());
    shared.commands_done.store(0, Ordering::Relaxed);
    shared.refused_clients.store(0, Ordering::Relaxed);
    Ok(Frame::OK)
}

fn config_rewrite(_: &mut Session, _: &[Bytes]) -> Answer {
    Err(Refusal::of("ERR Rewriting config file: this server never writes its configuration file"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_may_have_a_unit() {
        let told = ["0", "64", "64b", "1k", "1KB", "2mb", "1g", "1gb"].map(|text| memory(text.as_bytes()));
        let bytes = [0, 64, 64, 1000, 1024, 2 << 20, 1_000_000_000, 1 << 30];
        assert_eq!(told, bytes.map(Some));
        for text in ["", "x", "kb", "-1", "1 kb", "1tb", "9223372036854775808", "99999999999gb"] {
            assert_eq!(memory(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn every_setting_has_names_of_its_own() {
        let mut names: Vec<&str> = SETTINGS.iter().flat_map(Setting::names).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(names.iter().all(|name| *name == name.to_lowercase()));
    }
}
