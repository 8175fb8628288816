//! OBJECT and MEMORY: how a value is kept.
//!
//! May use the reads of all types. Invariant: what this store does not know is refused, not made up. It does not note when a value
//! was read, nor how often: that would be a write for each read.

use super::arguments::is;
use super::refusal::{Refusal, SYNTAX};
use super::{Answer, Call, Command, Run, keyed, row};
use crate::resp::Frame;
use crate::server::shape::Shape;
use crate::types::number::parse_integer;
use crate::{DataType, Result, Source, ZRange};

#[rustfmt::skip] // two lines for each command
pub(super) const COMMANDS: &[Command] = &[
    row("object", -2, "", [0, 0, 0], ("generic", "2.2.3"), Run::Container,
        "A container for object introspection commands"),
    row("object|encoding", 3, "readonly", [2, 2, 1], ("generic", "2.2.3"), keyed!(encoding),
        "Inspect the internal encoding of a Redis object"),
    row("object|freq", 3, "readonly", [2, 2, 1], ("generic", "4.0.0"), keyed!(frequency),
        "Get the logarithmic access frequency counter of a Redis object"),
    row("object|idletime", 3, "readonly", [2, 2, 1], ("generic", "2.2.3"), keyed!(idle_time),
        "Get the time since a Redis object was last accessed"),
    row("object|refcount", 3, "readonly", [2, 2, 1], ("generic", "2.2.3"), keyed!(references),
        "Get the number of references to the value of the key"),
    row("memory", -2, "", [0, 0, 0], ("server", "4.0.0"), Run::Container,
        "A container for memory diagnostics commands"),
    row("memory|usage", -3, "readonly", [2, 2, 1], ("server", "4.0.0"), keyed!(usage),
        "Estimate the memory usage of a key"),
    row("memory|malloc-stats", 2, "", [0, 0, 0], ("server", "4.0.0"), Run::Session(|_, _| Ok(Frame::text(NO_MALLOC_STATS))),
        "Show allocator internal stats"),
];

/// Redis' words where its allocator is that of the system, as here.
const NO_MALLOC_STATS: &str = "Stats not supported for the current allocator";

const NO_FREQUENCY: Refusal = Refusal::of(
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies \
     at runtime LRU and LFU data will take some time to adjust.",
);

const NO_IDLE_TIME: Refusal = Refusal::of("ERR idle time is not tracked: reading a key on disk writes nothing");

/// The type of what the key holds.
fn held<S: Source>(call: &Call<'_, S>) -> Result<Option<DataType>> {
    call.args.first().map_or(Ok(None), |key| call.db.data_type(key))
}

fn frequency<S: Source>(call: &Call<'_, S>) -> Answer {
    held(call)?.map_or(Ok(Frame::Null), |_| Err(NO_FREQUENCY))
}

fn idle_time<S: Source>(call: &Call<'_, S>) -> Answer {
    held(call)?.map_or(Ok(Frame::Null), |_| Err(NO_IDLE_TIME))
}

/// No two keys share a value here.
fn references<S: Source>(call: &Call<'_, S>) -> Answer {
    Ok(held(call)?.map_or(Frame::Null, |_| Frame::Integer(1)))
}

/// The form in which Redis would keep the value, within the limits that the settings say.
fn encoding<S: Source>(call: &Call<'_, S>) -> Answer {
    let Some(held) = held(call)? else {
        return Ok(Frame::Null);
    };
    let shape = call.shared.settings.lock().shape;
    Ok(Frame::name(match held {
        DataType::String => of_string(call)?,
        DataType::List => "quicklist",
        DataType::Set if is_intset(call, &shape)? => "intset",
        DataType::Hash if is_small_hash(call, &shape)? => "listpack",
        DataType::SortedSet if is_small_zset(call, &shape)? => "listpack",
        DataType::SortedSet => "skiplist",
        DataType::Set | DataType::Hash => "hashtable",
    }))
}

/// The longest string that Redis keeps in one piece with its header.
const MAX_EMBEDDED_BYTES: u64 = 44;

fn of_string<S: Source>(call: &Call<'_, S>) -> std::result::Result<&'static str, Refusal> {
    let (strings, key) = (call.db.strings(), call.arg(0)?);
    if strings.len(key)? > MAX_EMBEDDED_BYTES {
        return Ok("raw");
    }
    let is_integer = strings.get(key)?.is_some_and(|value| parse_integer(&value).is_some());
    Ok(if is_integer { "int" } else { "embstr" })
}

fn is_intset<S: Source>(call: &Call<'_, S>, shape: &Shape) -> std::result::Result<bool, Refusal> {
    let (sets, key) = (call.db.sets(), call.arg(0)?);
    if sets.len(key)? > shape.intset_entries {
        return Ok(false);
    }
    let mut members = sets.members(key)?;
    while let Some(member) = members.next_ref()? {
        if parse_integer(member).is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether bytes are no more than a limit of settings.
fn is_within(bytes: &[u8], limit: u64) -> bool {
    u64::try_from(bytes.len()).is_ok_and(|length| length <= limit)
}

fn is_small_hash<S: Source>(call: &Call<'_, S>, shape: &Shape) -> std::result::Result<bool, Refusal> {
    let (hashes, key) = (call.db.hashes(), call.arg(0)?);
    if hashes.len(key)? > shape.hash_entries {
        return Ok(false);
    }
    let mut entries = hashes.get_all(key)?;
    while let Some((field, value)) = entries.next_ref()? {
        if !is_within(field, shape.hash_value) || !is_within(value, shape.hash_value) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_small_zset<S: Source>(call: &Call<'_, S>, shape: &Shape) -> std::result::Result<bool, Refusal> {
    let (zsets, key) = (call.db.zsets(), call.arg(0)?);
    if zsets.len(key)? > shape.zset_entries {
        return Ok(false);
    }
    let mut entries = zsets.range(key, ZRange::ranks(0, -1))?;
    while let Some((member, _)) = entries.next_ref()? {
        if !is_within(member, shape.zset_value) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How many elements are looked at unless said otherwise, as in Redis.
const SAMPLES: u64 = 5;

/// What a key costs beside its name, its value and its expiry: the keyspace's number, a letter, and the header of the meta record.
const KEY_BYTES: u64 = 4 + 1 + 48;

/// What an element costs beside its own bytes: the collection's id and a tag.
const ELEMENT_BYTES: u64 = 8 + 1;

/// A score, which stands with the member and once more before it.
const SCORE_BYTES: u64 = 8;

/// The bytes of the key's records, before compression: those of a few elements stand for all.
fn usage<S: Source>(call: &Call<'_, S>) -> Answer {
    let mut samples = SAMPLES;
    let mut words = call.words(1);
    while let Some(word) = words.next() {
        if !is(word, "SAMPLES") {
            return Err(SYNTAX);
        }
        samples = words.natural(SYNTAX)?;
    }
    let Some(held) = held(call)? else {
        return Ok(Frame::Null);
    };
    let key = call.arg(0)?;
    let samples = if samples == 0 { u64::MAX } else { samples };
    let (count, sample) = match held {
        DataType::String => (1, Sample { count: 1, bytes: call.db.strings().len(key)? }),
        DataType::List => {
            let mut items = call.db.lists().range(key, 0, -1)?;
            (
                call.db.lists().len(key)?,
                Sample::of(samples, || Ok(items.next_ref()?.map(|item| ELEMENT_BYTES + 8 + long(item))))?,
            )
        }
        DataType::Set => {
            let mut members = call.db.sets().members(key)?;
            (
                call.db.sets().len(key)?,
                Sample::of(samples, || Ok(members.next_ref()?.map(|member| ELEMENT_BYTES + long(member))))?,
            )
        }
        DataType::Hash => {
            let mut entries = call.db.hashes().get_all(key)?;
            let next = || Ok(entries.next_ref()?.map(|(field, value)| ELEMENT_BYTES + long(field) + long(value)));
            (call.db.hashes().len(key)?, Sample::of(samples, next)?)
        }
        DataType::SortedSet => {
            let mut entries = call.db.zsets().range(key, ZRange::ranks(0, -1))?;
            let next = || Ok(entries.next_ref()?.map(|(member, _)| 2 * (ELEMENT_BYTES + SCORE_BYTES + long(member))));
            (call.db.zsets().len(key)?, Sample::of(samples, next)?)
        }
    };
    let all = u128::from(sample.bytes) * u128::from(count) / u128::from(sample.count.max(1));
    let all = u64::try_from(all).unwrap_or(u64::MAX);
    Ok(Frame::count(all.saturating_add(KEY_BYTES).saturating_add(long(key))))
}

fn long(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// Some elements, and their bytes.
#[derive(Debug, Default)]
struct Sample {
    count: u64,
    bytes: u64,
}

impl Sample {
    fn of(most: u64, mut next: impl FnMut() -> Result<Option<u64>>) -> Result<Self> {
        let mut sample = Self::default();
        while sample.count < most
            && let Some(bytes) = next()?
        {
            sample.count += 1;
            sample.bytes = sample.bytes.saturating_add(bytes);
        }
        Ok(sample)
    }
}
