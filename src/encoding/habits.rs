//! The text of the `HABITS` file: what was learnt of key patterns.
//!
//! What lives here: one record for each pattern, a frame with a checksum around them. It may use the reader only.
//!
//! INVARIANT: the file is a hint. It has a version of its own, and no other version of the format depends on it.

use super::error::{DecodeError, Fault, RecordKind};
use super::reader::Reader;

/// What the file begins with: its name and its own version.
const MAGIC: [u8; 8] = *b"habits-1";

const RECORD_BYTES: usize = 22;

/// The counters of one key pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PatternHabits {
    /// The hash of the keyspace and of the pattern; never 0.
    pub pattern: u64,
    /// How much in use it is.
    pub weight: u8,
    /// Collections born without an expiry.
    pub births: u8,
    /// What became of them: those that got no expiry, then those that got one of class 1 to 9.
    pub outcomes: [u8; 10],
    /// Collections whose next write was waited for.
    pub watched: u8,
    /// Those of them that were written again.
    pub grown: u8,
}

/// The contents of the `HABITS` file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HabitsFile {
    patterns: Vec<PatternHabits>,
}

impl HabitsFile {
    /// The name of the file.
    pub const NAME: &'static str = "HABITS";

    /// More patterns than this are not stored.
    pub const MAX_PATTERNS: usize = 2048;

    /// The length of the longest file.
    pub const MAX_BYTES: usize = MAGIC.len() + Self::MAX_PATTERNS * RECORD_BYTES + 4;

    /// The file that holds these patterns: each once, no more than [`HabitsFile::MAX_PATTERNS`].
    pub fn new(mut patterns: Vec<PatternHabits>) -> Self {
        patterns.retain(|habits| habits.pattern != 0);
        patterns.sort_unstable_by_key(|habits| habits.pattern);
        patterns.dedup_by_key(|habits| habits.pattern);
        patterns.truncate(Self::MAX_PATTERNS);
        Self { patterns }
    }

    /// The patterns, in ascending order.
    pub fn patterns(&self) -> &[PatternHabits] {
        &self.patterns
    }

    /// The bytes of the file.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(MAGIC.len() + self.patterns.len() * RECORD_BYTES + 4);
        out.extend_from_slice(&MAGIC);
        for habits in &self.patterns {
            out.extend_from_slice(&habits.pattern.to_be_bytes());
            out.extend_from_slice(&[habits.weight, habits.births]);
            out.extend_from_slice(&habits.outcomes);
            out.extend_from_slice(&[habits.watched, habits.grown]);
        }
        let checksum = crc32fast::hash(&out);
        out.extend_from_slice(&checksum.to_be_bytes());
        out
    }

    /// Reads the file.
    ///
    /// # Errors
    ///
    /// The bytes are not what [`HabitsFile::encode`] writes, or the file is of another version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(RecordKind::Habits, bytes);
        if reader.array::<8>()? != MAGIC {
            return Err(reader.error(Fault::Inconsistent { what: "it does not begin as it should" }));
        }
        let body = bytes.len().saturating_sub(MAGIC.len() + 4);
        if bytes.len() > Self::MAX_BYTES || !body.is_multiple_of(RECORD_BYTES) {
            return Err(reader.error(Fault::OutOfRange { what: "length" }));
        }
        let mut patterns = Vec::with_capacity(body / RECORD_BYTES);
        for _ in 0..body / RECORD_BYTES {
            let habits = read_pattern(&mut reader)?;
            if patterns.last().map_or(0, |last: &PatternHabits| last.pattern) >= habits.pattern {
                return Err(reader.error(Fault::NotCanonical { what: "patterns do not ascend" }));
            }
            patterns.push(habits);
        }
        let stored = reader.u32()?;
        reader.finish()?;
        let computed = crc32fast::hash(bytes.get(..MAGIC.len() + body).unwrap_or_default());
        if stored != computed {
            return Err(DecodeError::new(RecordKind::Habits, Fault::Checksum { stored, computed }));
        }
        Ok(Self { patterns })
    }
}

fn read_pattern(reader: &mut Reader<'_>) -> Result<PatternHabits, DecodeError> {
    Ok(PatternHabits {
        pattern: reader.u64()?,
        weight: reader.u8()?,
        births: reader.u8()?,
        outcomes: reader.array()?,
        watched: reader.u8()?,
        grown: reader.u8()?,
    })
}
