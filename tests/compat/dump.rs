//! The whole state of one side: every key with its type, its value and its expiry.
//!
//! Uses the files of commands to read whole values. Invariant: both sides' dumps are equal if their states are.

use std::collections::BTreeMap;
use std::fmt;

use windrow::{DataType, Db, Source};

use crate::command::Command;
use crate::draw::DBS;
use crate::keys::type_name;
use crate::resp::{Client, Reply};
use crate::{hashes, lists, sets, strings, zsets};

/// What a key holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    type_name: String,
    value: Reply,
    /// In milliseconds, -1 for none.
    expires_at: i64,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}, expires at {}", self.type_name, self.value, self.expires_at)
    }
}

/// The keys of one db.
pub(crate) type DbDump = BTreeMap<Vec<u8>, Held>;

/// Reads a db of windrow, live or of a view.
pub(crate) fn of_windrow<S: Source>(db: &Db<S>) -> windrow::Result<DbDump> {
    let mut dump = DbDump::new();
    for key in db.keys("")? {
        let key = key?;
        let data_type = db.data_type(&key)?;
        let value = match data_type {
            Some(DataType::String) => strings::whole(db, &key)?,
            Some(DataType::Hash) => hashes::whole(db, &key)?.sorted_pairs(),
            Some(DataType::Set) => sets::whole(db, &key)?.sorted(),
            Some(DataType::List) => lists::whole(db, &key)?,
            Some(DataType::SortedSet) => zsets::whole(db, &key)?,
            held => panic!("{} is listed and holds {}", key.escape_ascii(), type_name(held)),
        };
        let expires_at = db.expires_at(&key)?.map_or(-1, |time| i64::try_from(time.get()).unwrap());
        dump.insert(key.to_vec(), Held { type_name: type_name(data_type), value, expires_at });
    }
    Ok(dump)
}

/// Reads all dbs of Redis, whose connection then stands in the last.
pub(crate) fn of_redis(client: &mut Client) -> Vec<DbDump> {
    (0..DBS).map(|number| of_redis_db(client, number)).collect()
}

fn of_redis_db(client: &mut Client, number: u32) -> DbDump {
    client.ask(&Command::new("SELECT").int(number)).unwrap();
    let keys = client.ask(&Command::new("KEYS").arg("*")).unwrap().items();
    let mut dump = DbDump::new();
    for key in keys {
        client.gather(&Command::new("TYPE").arg(&key));
        client.gather(&Command::new("PEXPIRETIME").arg(&key));
        let [Reply::Simple(type_name), Reply::Int(expires_at)] = &client.exchange().unwrap()[..] else {
            panic!("Redis does not know the key {}", key.escape_ascii());
        };
        let value = client.ask(&whole(type_name, &key)).unwrap();
        let value = match type_name.as_str() {
            "set" => value.sorted(),
            "hash" => value.sorted_pairs(),
            "zset" => zsets::without_negative_zero(value),
            _ => value,
        };
        dump.insert(key.to_vec(), Held { type_name: type_name.clone(), value, expires_at: *expires_at });
    }
    dump
}

/// The command that reads a whole value.
fn whole(type_name: &str, key: &[u8]) -> Command {
    match type_name {
        "string" => Command::new("GET").arg(key),
        "set" => Command::new("SMEMBERS").arg(key),
        "hash" => Command::new("HGETALL").arg(key),
        "list" => Command::new("LRANGE").arg(key).int(0).int(-1),
        "zset" => Command::new("ZRANGE").arg(key).int(0).int(-1).arg("WITHSCORES"),
        other => panic!("Redis holds a {other}"),
    }
}

/// The first key in which two states differ, with what each holds.
pub(crate) fn difference<'a>(
    ours: &'a DbDump,
    theirs: &'a DbDump,
) -> Option<(&'a [u8], Option<&'a Held>, Option<&'a Held>)> {
    let keys = ours.keys().chain(theirs.keys());
    keys.map(|key| (key.as_slice(), ours.get(key), theirs.get(key))).find(|(_, ours, theirs)| ours != theirs)
}
