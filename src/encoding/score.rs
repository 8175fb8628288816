//! Scores of sorted sets.
//!
//! What lives here: a total order over finite and infinite numbers, and its bytes. It may use
//! nothing.
//!
//! INVARIANT: a score is never NaN and never -0; the order of the encoded bytes is the order of the
//! numbers.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use super::error::{DecodeError, Fault, RecordKind};

const SIGN: u64 = 1 << 63;

/// A score: any `f64` but NaN, with -0 folded into 0.
///
/// # Examples
///
/// ```
/// # use windrow::encoding::Score;
/// let low = Score::new(-1.5).map(Score::to_ordered_bytes);
/// let high = Score::new(f64::INFINITY).map(Score::to_ordered_bytes);
/// assert!(low < high);
/// assert_eq!(Score::new(-0.0), Score::new(0.0));
/// assert_eq!(Score::new(f64::NAN), None);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Score(f64);

impl Score {
    /// The score of a number; none for NaN.
    pub const fn new(number: f64) -> Option<Self> {
        if number.is_nan() {
            None
        } else if number == 0.0 {
            Some(Self(0.0))
        } else {
            Some(Self(number))
        }
    }

    /// The number.
    pub const fn get(self) -> f64 {
        self.0
    }

    /// The score as 8 bytes whose order is that of the numbers.
    ///
    /// A number that is not negative gets its sign bit set; a negative one has all its bits turned
    /// over.
    pub const fn to_ordered_bytes(self) -> [u8; 8] {
        let bits = self.0.to_bits();
        let ordered = if bits & SIGN == 0 { bits | SIGN } else { !bits };
        ordered.to_be_bytes()
    }

    /// Reads the 8 ordered bytes of a score.
    ///
    /// # Errors
    ///
    /// The bytes are those of a NaN or of -0.
    #[inline]
    pub fn from_ordered_bytes(bytes: [u8; 8]) -> Result<Self, DecodeError> {
        let ordered = u64::from_be_bytes(bytes);
        let bits = if ordered & SIGN == 0 { !ordered } else { ordered & !SIGN };
        let fail = |fault| Err(DecodeError::new(RecordKind::Score, fault));
        match Self::new(f64::from_bits(bits)) {
            None => fail(Fault::OutOfRange { what: "score" }),
            Some(score) if score.0.to_bits() != bits => fail(Fault::NotCanonical { what: "negative zero" }),
            Some(score) => Ok(score),
        }
    }
}

impl PartialEq for Score {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Score {}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Score {
    /// By number: without NaN and -0, the total order of IEEE 754 is the usual one.
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Hash for Score {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}
