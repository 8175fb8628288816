//! The text of the `HISTORY` file: what reclaiming has done so far, and since when it knows what it knows.
//!
//! What lives here: counters, a record for each data family, a frame with a checksum around them. It may use the reader only.
//!
//! INVARIANT: the file is a hint. It has a version of its own, and no other version of the format depends on it.

use super::error::{DecodeError, Fault, RecordKind};
use super::family::DataFamily;
use super::reader::Reader;
use super::time::UnixMillis;

/// What the file begins with: its name and its own version.
const MAGIC: [u8; 8] = *b"history1";
/// A number and what belongs to it.
const PAIR_BYTES: usize = 16;

/// What is remembered of one data family. Each list ascends by its numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FamilyHistory {
    /// The family.
    pub family: DataFamily,
    /// Id counters, and a time by which all ids below each had been born. The times ascend, too.
    pub births: Vec<(u64, UnixMillis)>,
    /// Segments with dead data in files, and since when.
    pub owing: Vec<(u64, UnixMillis)>,
    /// Numbers of SST files, and the bytes of rent that were paid for the dead in each.
    pub rents: Vec<(u64, u64)>,
}

impl FamilyHistory {
    /// The record of a family of which nothing is remembered.
    pub const fn new(family: DataFamily) -> Self {
        Self { family, births: Vec::new(), owing: Vec::new(), rents: Vec::new() }
    }

    fn is_empty(&self) -> bool {
        self.births.is_empty() && self.owing.is_empty() && self.rents.is_empty()
    }

    /// Brings the lists into the form in which they are stored.
    fn tidy(&mut self) {
        tidy(&mut self.births, HistoryFile::MAX_BIRTHS);
        tidy(&mut self.owing, HistoryFile::MAX_OWING);
        tidy(&mut self.rents, HistoryFile::MAX_RENTS);
        let mut last = UnixMillis::ZERO;
        self.births.retain(|(_, time)| {
            let ascends = *time >= last;
            last = last.max(*time);
            ascends
        });
    }
}

fn tidy<T>(pairs: &mut Vec<(u64, T)>, longest: usize) {
    pairs.sort_by_key(|(number, _)| *number);
    pairs.dedup_by_key(|(number, _)| *number);
    pairs.truncate(longest);
}

/// The contents of the `HISTORY` file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HistoryFile {
    since: UnixMillis,
    counters: [u64; Self::COUNTERS],
    families: Vec<FamilyHistory>,
}

impl HistoryFile {
    /// The name of the file.
    pub const NAME: &'static str = "HISTORY";

    /// How many counters it has.
    pub const COUNTERS: usize = 12;

    /// More notes of births of one family than this are not stored.
    pub const MAX_BIRTHS: usize = 128;

    /// More segments of one family that owe than this are not stored.
    pub const MAX_OWING: usize = 64;

    /// More files of one family for which rent was paid than this are not stored.
    pub const MAX_RENTS: usize = 256;

    /// The length of the longest file.
    pub const MAX_BYTES: usize = MAGIC.len()
        + 8
        + Self::COUNTERS * 8
        + DataFamily::COUNT * (7 + (Self::MAX_BIRTHS + Self::MAX_OWING + Self::MAX_RENTS) * PAIR_BYTES)
        + 4;

    /// The file of these counters, which began at `since`, and these families: each once, none of which nothing is
    /// remembered, no list longer than it may be.
    pub fn new(since: UnixMillis, counters: [u64; Self::COUNTERS], mut families: Vec<FamilyHistory>) -> Self {
        families.iter_mut().for_each(FamilyHistory::tidy);
        families.retain(|family| !family.is_empty());
        families.sort_by_key(|family| family.family);
        families.dedup_by_key(|family| family.family);
        Self { since, counters, families }
    }

    /// When the counters began.
    pub const fn since(&self) -> UnixMillis {
        self.since
    }

    /// The counters, in the order of `docs/format.md`.
    pub const fn counters(&self) -> [u64; Self::COUNTERS] {
        self.counters
    }

    /// The families of which something is remembered, in the order of their numbers.
    pub fn families(&self) -> &[FamilyHistory] {
        &self.families
    }

    /// The bytes of the file.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&self.since.get().to_be_bytes());
        self.counters.iter().for_each(|counter| out.extend_from_slice(&counter.to_be_bytes()));
        for family in &self.families {
            out.push(family.family.number());
            for length in [family.births.len(), family.owing.len(), family.rents.len()] {
                // INVARIANT: tidied, so at most 256.
                out.extend_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
            }
            let times = family.births.iter().chain(&family.owing).map(|(number, time)| (*number, time.get()));
            for (number, value) in times.chain(family.rents.iter().copied()) {
                out.extend_from_slice(&number.to_be_bytes());
                out.extend_from_slice(&value.to_be_bytes());
            }
        }
        let checksum = crc32fast::hash(&out);
        out.extend_from_slice(&checksum.to_be_bytes());
        out
    }

    /// Reads the file.
    ///
    /// # Errors
    ///
    /// The bytes are not what [`HistoryFile::encode`] writes, or the file is of another version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let error = |fault| DecodeError::new(RecordKind::History, fault);
        if bytes.len() > Self::MAX_BYTES {
            return Err(error(Fault::OutOfRange { what: "length" }));
        }
        let (body, stored) = bytes
            .split_last_chunk::<4>()
            .ok_or(error(Fault::Truncated { missing: 4_usize.saturating_sub(bytes.len()) }))?;
        let mut reader = Reader::new(RecordKind::History, body);
        if reader.array::<8>()? != MAGIC {
            return Err(error(Fault::Inconsistent { what: "it does not begin as it should" }));
        }
        let (stored, computed) = (u32::from_be_bytes(*stored), crc32fast::hash(body));
        if stored != computed {
            return Err(error(Fault::Checksum { stored, computed }));
        }
        let since = reader.time()?;
        let mut counters = [0; Self::COUNTERS];
        for counter in &mut counters {
            *counter = reader.u64()?;
        }
        let mut families: Vec<FamilyHistory> = Vec::new();
        while !reader.is_at_end() {
            let family = read_family(&mut reader)?;
            if families.last().is_some_and(|last| last.family >= family.family) {
                return Err(error(Fault::NotCanonical { what: "families do not ascend" }));
            }
            families.push(family);
        }
        Ok(Self { since, counters, families })
    }
}

fn read_family(reader: &mut Reader<'_>) -> Result<FamilyHistory, DecodeError> {
    let number = reader.u8()?;
    let family = DataFamily::new(number).ok_or(reader.error(Fault::OutOfRange { what: "data family" }))?;
    let lengths = [reader.u16()?, reader.u16()?, reader.u16()?].map(usize::from);
    let [births, owing, rents] = lengths;
    if births > HistoryFile::MAX_BIRTHS || owing > HistoryFile::MAX_OWING || rents > HistoryFile::MAX_RENTS {
        return Err(reader.error(Fault::OutOfRange { what: "length of a list" }));
    }
    let history = FamilyHistory {
        family,
        births: read_pairs(reader, births, Reader::time)?,
        owing: read_pairs(reader, owing, Reader::time)?,
        rents: read_pairs(reader, rents, Reader::u64)?,
    };
    if history.is_empty() {
        return Err(reader.error(Fault::NotCanonical { what: "nothing is remembered of a family" }));
    }
    if !history.births.is_sorted_by_key(|(_, time)| *time) {
        return Err(reader.error(Fault::NotCanonical { what: "times of births do not ascend" }));
    }
    Ok(history)
}

/// Reads so many numbers, which ascend, with what belongs to each.
fn read_pairs<'a, T>(
    reader: &mut Reader<'a>,
    count: usize,
    value: impl Fn(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<Vec<(u64, T)>, DecodeError> {
    let mut pairs: Vec<(u64, T)> = Vec::new();
    for _ in 0..count {
        let number = reader.u64()?;
        if pairs.last().is_some_and(|(last, _)| *last >= number) {
            return Err(reader.error(Fault::NotCanonical { what: "numbers do not ascend" }));
        }
        let value = value(reader)?;
        pairs.push((number, value));
    }
    Ok(pairs)
}
