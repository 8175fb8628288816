//! What a server is told: plain data, a file that holds it, and what is refused.
//!
//! Uses nothing of the crate. Invariant: options that passed [`ServerOptions::validate`] open nothing to the network without a
//! password.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use super::inbox::OutputLimits;

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
        if self.databases == 0 || self.max_clients == 0 {
            return refuse("databases and maxclients must be at least 1".to_owned());
        }
        let limits = [self.max_bulk_bytes, self.max_query_bytes, self.max_reply_bytes, self.max_waiting_bytes];
        if limits.iter().any(|limit| *limit < MIN_BYTES) {
            return refuse(format!("a limit of bytes must be at least {MIN_BYTES}"));
        }
        if self.password.as_deref().is_some_and(str::is_empty) {
            return refuse("the password must not be empty".to_owned());
        }
        let open = self.bind.iter().find(|address| !address.is_loopback());
        match (self.port, open, &self.password) {
            (Some(_), Some(address), None) => {
                refuse(format!("{address} can be reached from elsewhere: set requirepass, or bind a loopback address"))
            }
            _ => Ok(()),
        }
    }

    /// Reads a file of Redis' kind: on each line the name of an option and its value, `#` begins a note. Known are `bind`, `port`,
    /// `unixsocket`, `requirepass`, `databases`, `maxclients`, `timeout`, `proto-max-bulk-len`, `client-output-buffer-limit` (of class
    /// `pubsub`) and `notify-keyspace-events`; any other name is refused, so
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
            "proto-max-bulk-len" => self.max_bulk_bytes = number(value)?,
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
            hard_bytes: bytes_of(hard).ok_or(REFUSED)?,
            soft_bytes: bytes_of(soft).ok_or(REFUSED)?,
            soft_time: Duration::from_secs(seconds.parse::<u32>().map_err(|_| REFUSED)?.into()),
        };
    }
    Ok(found)
}

/// A number of bytes, perhaps with a unit: `k`, `m` and `g` count by thousands, `kb`, `mb` and `gb` by 1024.
fn bytes_of(text: &str) -> Option<usize> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = text.get(digits.len()..)?.to_ascii_lowercase();
    let unit = match unit.as_str() {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    digits.parse::<usize>().ok()?.checked_mul(unit)
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
