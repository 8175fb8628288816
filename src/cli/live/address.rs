//! Where a Redis listens: `redis://[[USER]:PASSWORD@]HOST[:PORT][/DB]`.
//!
//! Uses nothing of the crate. Invariant: reading is total; a password is never shown.

/// The port of a Redis if nobody says otherwise.
const PORT: u16 = 6379;

/// Where a Redis listens, and who asks.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: Option<Vec<u8>>,
    pub(crate) password: Option<Vec<u8>>,
    /// The only db that is wanted.
    pub(crate) db: Option<u32>,
}

/// What an import is from, as somebody wrote it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Named {
    /// A running Redis.
    Redis(Address),
    /// A file, or a directory.
    Path,
    /// An address that is none, and what is wrong with it.
    Wrong(&'static str),
}

impl Named {
    /// Tells what a text names.
    pub(crate) fn read(text: &str) -> Self {
        if text.starts_with("rediss://") {
            return Self::Wrong(
                "TLS (rediss://) is not supported: have a tunnel listen at a port here, and name that as redis://",
            );
        }
        match Address::read(text) {
            Some(address) => Self::Redis(address),
            // WHY not what was given: a password may be in it.
            None if text.starts_with("redis://") => {
                Self::Wrong("the address is none; write redis://[[USER]:PASSWORD@]HOST[:PORT][/DB]")
            }
            None if text.contains("://") => Self::Wrong("a running Redis is named redis://HOST[:PORT][/DB]"),
            None => Self::Path,
        }
    }
}

/// Tells whether a text that is no file may be meant as an address: `HOST:PORT`.
pub(crate) fn lacks_scheme(text: &str) -> bool {
    let port = text.rsplit_once(':').map(|(_, port)| port.split('/').next().unwrap_or_default());
    port.is_some_and(|port| port.parse::<u16>().is_ok())
}

impl Address {
    /// Reads an address; `None` if it is none.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("redis://")?;
        let (rest, db) = match rest.split_once('/') {
            None | Some((_, "")) => (rest.trim_end_matches('/'), None),
            Some((rest, db)) => (rest, Some(db.parse().ok()?)),
        };
        let (who, place) = match rest.rsplit_once('@') {
            Some((who, place)) => (Some(who), place),
            None => (None, rest),
        };
        let (user, password) = match who.map(|who| who.split_once(':').unwrap_or(("", who))) {
            None => (None, None),
            Some(("", password)) => (None, Some(unescaped(password)?)),
            Some((user, password)) => (Some(unescaped(user)?), Some(unescaped(password)?)),
        };
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            _ => (place, PORT),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        (!host.is_empty()).then_some(Self { host, port, user, password, db })
    }
}

/// Replaces `%41` and its like.
fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, u16, Option<u32>)> {
        Address::read(text).map(|address| (address.host, address.port, address.db))
    }

    #[test]
    fn addresses_have_a_host_and_the_rest_if_it_is_there() {
        assert_eq!(read("redis://here"), Some(("here".into(), PORT, None)));
        assert_eq!(read("redis://127.0.0.1:1/"), Some(("127.0.0.1".into(), 1, None)));
        assert_eq!(read("redis://[::1]:7000/3"), Some(("::1".into(), 7000, Some(3))));
        let address = Address::read("redis://me:a%40b:c@here").unwrap();
        assert_eq!((address.user, address.password), (Some(b"me".to_vec()), Some(b"a@b:c".to_vec())));
        let address = Address::read("redis://:secret@here").unwrap();
        assert_eq!((address.user, address.password), (None, Some(b"secret".to_vec())));
    }

    #[test]
    fn what_is_meant_is_told_apart() {
        assert!(matches!(Named::read("redis://here/3"), Named::Redis(Address { db: Some(3), .. })));
        for (text, told) in [("rediss://here", "TLS"), ("redis://me:secret@here:x", "none"), ("tcp://here", "redis://")]
        {
            assert!(
                matches!(Named::read(text), Named::Wrong(why) if why.contains(told) && !why.contains("secret")),
                "{text}"
            );
        }
        assert!(matches!(Named::read("dir/dump.rdb"), Named::Path));
        for (text, lacks) in [("here:6379", true), ("here:6379/3", true), ("dump.rdb", false), ("C:dump", false)] {
            assert_eq!(lacks_scheme(text), lacks, "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_addresses() {
        for text in ["", "dump.rdb", "redis://", "redis://:1", "redis://here:x", "redis://here/x", "redis://%:%@here"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
