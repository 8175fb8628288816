//! What a server is told: plain data, a file that holds it, and what is refused.
//!
//! Uses the names of durability. Invariant: options that passed [`ServerOptions::validate`] open nothing to the network without a
//! password.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use super::inbox::OutputLimits;
use crate::Durability;

/// Why a server does not start, as one line for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ServerError(String);

impl ServerError {
    pub(crate) fn new(line: impl Into<String>) -> Self {
        Self(line.into())
    }
}

/// Where a server listens, who may speak to it, and how much it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerOptions {
    /// Addresses to listen at. Default: 127.0.0.1.
    pub bind: Vec<IpAddr>,
    /// Port to listen at; 0 lets the system choose one, none at all listens at the Unix socket alone. Default: 6379.
    pub port: Option<u16>,
    /// Unix socket to listen at, for its owner alone. Default: none.
    pub unix: Option<PathBuf>,
    /// What a client has to say first. Default: nothing.
    pub password: Option<String>,
    /// How many dbs there are. Default: 16.
    pub databases: u32,
    /// How many clients there may be at once. Default: 10,000.
    pub max_clients: usize,
    /// How long a client may be silent before it is sent away; zero: for ever. Default: zero.
    pub timeout: Duration,
    /// The longest word of a request in bytes. Default: 512 MiB.
    pub max_bulk_bytes: usize,
    /// The most bytes of a client's requests that wait to be done, a transaction's commands included. Default: 1 GiB, as in Redis.
    /// Less would refuse what Redis takes; more would let one client take the machine's memory.
    pub max_query_bytes: usize,
    /// The most bytes of replies that wait to be read by a client; at more it is sent away. Default: 1 GiB. Requests are not done while
    /// more than 1 MiB waits, so that only a single reply can come so far; Redis has no such limit by default.
    pub max_reply_bytes: usize,
    /// The most bytes of requests and replies that wait, of all clients together. Default: 2 GiB.
    pub max_waiting_bytes: usize,
    /// How much of what others send may wait for a subscriber that does not read. Default: that of Redis.
    pub subscriber_limits: OutputLimits,
    /// Of which events of keys subscribers are told, in Redis' letters. Default: none.
    pub notify_keyspace_events: String,
    /// How long a client may take to say who it is, where there is a password; zero: for ever. Default: 60 s.
    pub auth_timeout: Duration,
    /// Port at which metrics are told over HTTP; 0 lets the system choose one. Default: none.
    pub metrics_port: Option<u16>,
    /// Address to tell metrics at. Default: 127.0.0.1.
    pub metrics_bind: IpAddr,
    /// When a reply promises that a write is on stable storage. Whoever opens the store has to give it to its options, as
    /// `windrow serve` does. Default: [`Durability::Interval`].
    pub durability: Durability,
    /// Room on the disk, in bytes, below which commands that may store more are refused, so that deletes, flushes and reclaiming
    /// go on; 0 for none. Default: 256 MiB, which is what the write buffers may hold.
    pub disk_reserve_bytes: u64,
    /// How many saves are kept. Default: 2.
    pub saves_kept: usize,
    /// How long a stop waits for replies in flight. Default: 5 s.
    pub stop_patience: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            bind: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
            port: Some(6379),
            unix: None,
            password: None,
            databases: 16,
            max_clients: 10_000,
            timeout: Duration::ZERO,
            max_bulk_bytes: 512 << 20,
            max_query_bytes: 1 << 30,
            max_reply_bytes: 1 << 30,
            max_waiting_bytes: 2 << 30,
            subscriber_limits: OutputLimits::default(),
            notify_keyspace_events: String::new(),
            auth_timeout: Duration::from_secs(60),
            metrics_port: None,
            metrics_bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            durability: Durability::Interval,
            disk_reserve_bytes: 256 << 20,
            saves_kept: 2,
            stop_patience: Duration::from_secs(5),
        }
    }
}

/// The smallest limits of bytes: less than this and simple commands are refused.
const MIN_BYTES: usize = 64 * 1024;

impl ServerOptions {
    /// Checks the options.
    ///
    /// # Errors
    /// A value is out of range, nothing is listened at, or an address that others can reach has no password.
    pub fn validate(&self) -> Result<(), ServerError> {
        let refuse = |line: String| Err(ServerError::new(line));
        if self.port.is_none() && self.unix.is_none() {
            return refuse("there is neither a port nor a Unix socket to listen at".to_owned());
        }
        if self.databases == 0 || self.max_clients == 0 || self.saves_kept == 0 {
            return refuse("databases, maxclients and saves-kept must be at least 1".to_owned());
        }
        let limits = [self.max_bulk_bytes, self.max_query_bytes, self.max_reply_bytes, self.max_waiting_bytes];
        if limits.iter().any(|limit| *limit < MIN_BYTES) {
            return refuse(format!("a limit of bytes must be at least {MIN_BYTES}"));
        }
        if self.password.as_deref().is_some_and(str::is_empty) {
            return refuse("the password must not be empty".to_owned());
        }
        let clients = self.bind.iter().filter(|_| self.port.is_some());
        let metrics = self.metrics_port.map(|_| &self.metrics_bind);
        let open = clients.chain(metrics).find(|address| !address.is_loopback());
        match (open, &self.password) {
            (Some(address), None) => {
                refuse(format!("{address} can be reached from elsewhere: set requirepass, or bind a loopback address"))
            }
            _ => Ok(()),
        }
    }

    /// Reads a file of Redis' kind: on each line the name of an option and its value, `#` begins a note. Known are `bind`, `port`,
    /// `unixsocket`, `requirepass`, `databases`, `maxclients`, `timeout`, `proto-max-bulk-len`, `client-query-buffer-limit`,
    /// `client-reply-limit`, `maxmemory-clients`, `client-output-buffer-limit` (of class `pubsub`), `notify-keyspace-events`,
    /// `auth-timeout`, `metrics-port`, `metrics-bind`, `appendfsync`, `disk-reserve` and `saves-kept`; any other name is refused, so
    /// that nobody relies on what is not there.
    ///
    /// # Errors
    /// The line that cannot be read.
    pub fn read(&mut self, file: &str) -> Result<(), ServerError> {
        for (number, line) in (1..).zip(file.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let refused = |why: &str| ServerError::new(format!("line {number} of the configuration: {why}"));
            let (name, value) =
                line.split_once(char::is_whitespace).ok_or_else(|| refused("an option without a value"))?;
            self.set(&name.to_ascii_lowercase(), value.trim().trim_matches('"')).map_err(|why| refused(&why.0))?;
        }
        Ok(())
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), ServerError> {
        fn number<N: std::str::FromStr>(value: &str) -> Result<N, ServerError> {
            value.parse().map_err(|_| ServerError::new(format!("`{value}` is no number that can be used here")))
        }
        match name {
            "bind" => {
                let address = |word: &str| {
                    let word = word.trim_start_matches('-');
                    word.parse().map_err(|_| ServerError::new(format!("`{word}` is no address")))
                };
                self.bind = value.split_whitespace().map(address).collect::<Result<_, _>>()?;
            }
            "port" => self.port = Some(number::<u16>(value)?).filter(|port| *port > 0),
            "unixsocket" => self.unix = Some(PathBuf::from(value)),
            "requirepass" => self.password = Some(value.to_owned()).filter(|password| !password.is_empty()),
            "databases" => self.databases = number(value)?,
            "maxclients" => self.max_clients = number(value)?,
            "timeout" => self.timeout = Duration::from_secs(number(value)?),
            "client-output-buffer-limit" => {
                let words: Vec<&str> = value.split_whitespace().collect();
                self.subscriber_limits = read_output_limits(&words).map_err(ServerError::new)?;
            }
            "notify-keyspace-events" => {
                super::notices::Letters::read(value).map_err(ServerError::new)?;
                self.notify_keyspace_events = value.to_owned();
            }
            "proto-max-bulk-len" => self.max_bulk_bytes = size(value)?,
            "client-query-buffer-limit" => self.max_query_bytes = size(value)?,
            "client-reply-limit" => self.max_reply_bytes = size(value)?,
            "maxmemory-clients" => self.max_waiting_bytes = size(value)?,
            "auth-timeout" => self.auth_timeout = Duration::from_secs(number(value)?),
            "metrics-port" => self.metrics_port = Some(number(value)?),
            "metrics-bind" => self.metrics_bind = number(value)?,
            "appendfsync" => {
                let found = parse_durability(value);
                self.durability = found.ok_or_else(|| ServerError::new("appendfsync is always, everysec or no"))?;
            }
            "disk-reserve" => self.disk_reserve_bytes = size(value)?,
            "saves-kept" => self.saves_kept = number(value)?,
            _ => return Err(ServerError::new(format!("`{name}` is no option"))),
        }
        Ok(())
    }
}

/// Reads what Redis' `client-output-buffer-limit` says of subscribers: groups of a class, two numbers of bytes and seconds.
pub(crate) fn read_output_limits(words: &[&str]) -> Result<OutputLimits, &'static str> {
    const REFUSED: &str = "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
    let (groups, rest) = words.as_chunks::<4>();
    if groups.is_empty() || !rest.is_empty() {
        return Err("Wrong number of arguments in buffer limit configuration.");
    }
    let mut found = OutputLimits::default();
    for [class, hard, soft, seconds] in groups {
        if !class.eq_ignore_ascii_case("pubsub") {
            return Err("Invalid client class specified in buffer limit configuration: only pubsub has limits here.");
        }
        found = OutputLimits {
            hard_bytes: size(hard).map_err(|_| REFUSED)?,
            soft_bytes: size(soft).map_err(|_| REFUSED)?,
            soft_time: Duration::from_secs(seconds.parse::<u32>().map_err(|_| REFUSED)?.into()),
        };
    }
    Ok(found)
}

/// Durability by the words of Redis' `appendfsync`.
pub(crate) fn parse_durability(word: &str) -> Option<Durability> {
    match word {
        "always" => Some(Durability::Sync),
        "everysec" => Some(Durability::Interval),
        "no" => Some(Durability::Buffered),
        _ => None,
    }
}

/// The word for a durability.
pub(crate) const fn durability_name(durability: Durability) -> &'static str {
    match durability {
        Durability::Sync => "always",
        Durability::Interval => "everysec",
        Durability::Buffered => "no",
    }
}

/// A number of bytes, with one of Redis' units behind it perhaps: `k`, `m` and `g` count by thousands, `kb`, `mb` and `gb` by 1024.
pub(crate) fn size<N: TryFrom<u64>>(value: &str) -> Result<N, ServerError> {
    let refused = || ServerError::new(format!("`{value}` is no number of bytes that can be used here"));
    let lower = value.to_ascii_lowercase();
    let at = lower.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(lower.len());
    let (digits, unit) = lower.split_at_checked(at).ok_or_else(refused)?;
    let unit: u64 = match unit {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return Err(refused()),
    };
    let bytes = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    bytes.and_then(|bytes| N::try_from(bytes).ok()).ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_others_reach_needs_a_password() {
        let mut options = ServerOptions::default();
        options.validate().unwrap();
        for address in ["0.0.0.0", "192.168.1.1", "::"] {
            options.bind = vec![IpAddr::V4(Ipv4Addr::LOCALHOST), address.parse().unwrap()];
            assert!(options.validate().unwrap_err().to_string().contains("requirepass"), "{address}");
        }
        options.password = Some("secret".to_owned());
        options.validate().unwrap();
        options.password = Some(String::new());
        assert!(options.validate().is_err());
    }

    #[test]
    fn values_out_of_range_are_refused() {
        let refused = |change: fn(&mut ServerOptions)| {
            let mut options = ServerOptions::default();
            change(&mut options);
            options.validate().is_err()
        };
        assert!(refused(|options| options.port = None));
        assert!(refused(|options| options.databases = 0));
        assert!(refused(|options| options.max_clients = 0));
        assert!(refused(|options| options.max_reply_bytes = 1));
        assert!(refused(|options| options.saves_kept = 0));
        let open_metrics = |options: &mut ServerOptions| options.metrics_bind = "0.0.0.0".parse().unwrap();
        assert!(!refused(open_metrics), "there are no metrics");
        assert!(refused(|options| {
            options.metrics_bind = "0.0.0.0".parse().unwrap();
            options.metrics_port = Some(0);
        }));
    }

    #[test]
    fn sizes_have_the_units_of_redis() {
        for (text, bytes) in [("12", 12), ("1kb", 1024), ("3MB", 3 << 20), ("2g", 2_000_000_000), ("1gb", 1 << 30)] {
            assert_eq!(size::<u64>(text).unwrap(), bytes, "{text}");
        }
        for text in ["", "mb", "-1", "1tb", "99999999999gb", "1.5mb"] {
            assert!(size::<u64>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn limits_of_bytes_and_the_rest_stand_in_the_file_too() {
        let mut options = ServerOptions::default();
        let file = "client-query-buffer-limit 1mb\nclient-reply-limit 2mb\nmaxmemory-clients 3mb\nauth-timeout 4\n\
                    metrics-port 9100\nmetrics-bind ::1\nappendfsync always\ndisk-reserve 5mb\nsaves-kept 6\n";
        options.read(file).unwrap();
        let limits = [options.max_query_bytes, options.max_reply_bytes, options.max_waiting_bytes];
        assert_eq!(limits, [1 << 20, 2 << 20, 3 << 20]);
        assert_eq!((options.auth_timeout, options.saves_kept), (Duration::from_secs(4), 6));
        assert_eq!((options.metrics_port, options.metrics_bind.to_string().as_str()), (Some(9100), "::1"));
        assert_eq!((options.durability, options.disk_reserve_bytes), (Durability::Sync, 5 << 20));
        assert!(options.read("appendfsync sometimes").is_err());
        for word in ["always", "everysec", "no"] {
            assert_eq!(durability_name(parse_durability(word).unwrap()), word);
        }
    }

    #[test]
    fn a_file_is_read_line_by_line() {
        let mut options = ServerOptions::default();
        let file = "# note\n\nbind 127.0.0.1 -::1\nport 0\nunixsocket /tmp/s\nrequirepass \"a b\"\ndatabases 4\n\
                    MaxClients 7\ntimeout 3\n";
        options.read(file).unwrap();
        assert_eq!(options.bind.len(), 2);
        assert_eq!((options.port, options.databases, options.max_clients), (None, 4, 7));
        assert_eq!((options.password.as_deref(), options.timeout), (Some("a b"), Duration::from_secs(3)));
        for (line, word) in
            [("port", "without"), ("port x", "number"), ("bind here", "address"), ("appendonly yes", "no option")]
        {
            let error = ServerOptions::default().read(&format!("\n{line}")).unwrap_err().to_string();
            assert!(error.contains(word) && error.contains("line 2"), "{error}");
        }
    }
}
