//! A HyperLogLog as Redis writes it into a string.
//!
//! What lives here: the string's header, its two forms (sparse runs, dense registers), and how a register is raised in
//! either, byte for byte as Redis 7.0 does it. It may use `thiserror` and nothing else of the crate.
//!
//! INVARIANT: any bytes whatever are taken, read and changed without a panic; no work and no memory goes beyond what the
//! bytes themselves are, or what a whole dense form is.
//!
//! ```text
//! "HYLL" encoding:u8 unused:3 bytes count:u64 (little-endian, top bit: stale) registers
//!
//! dense   16,384 registers of 6 bits each, the lowest bits first
//! sparse  00xxxxxx           x + 1 registers are 0
//!         01xxxxxx yyyyyyyy  xy + 1 registers are 0
//!         1vvvvvxx           x + 1 registers are v + 1
//! ```

mod dense;
mod sparse;

use sparse::{LARGEST_VALUE, Path, Raised};

/// The number of registers.
pub const REGISTERS: usize = 1 << 14;

/// The bytes before the registers.
const HEADER_BYTES: usize = 16;

/// The length of a dense form.
pub const DENSE_BYTES: usize = HEADER_BYTES + dense::BYTES;

/// A sparse form that is longer has runs for more registers than there are: no run is longer than two bytes.
pub const LONGEST_BYTES: usize = HEADER_BYTES + 2 * REGISTERS;

/// A sparse form does not grow beyond this length, Redis' `hll-sparse-max-bytes`. Larger: a register in it is found more
/// slowly; smaller: the dense form is taken when it is still several times longer.
pub const SPARSE_MAX_BYTES: usize = 3000;

const MAGIC: &[u8; 4] = b"HYLL";
const ENCODING: usize = MAGIC.len();
const DENSE: u8 = 0;
const SPARSE: u8 = 1;

/// Where the count lies, and its byte with the bit that says it is stale.
const COUNT: usize = 8;
const STALE_BYTE: usize = HEADER_BYTES - 1;
const STALE: u8 = 1 << 7;

/// Why a string cannot be used as a HyperLogLog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// It does not begin as one does, or says that it is dense and has another length.
    #[error("the string is no HyperLogLog")]
    NotOne,
    /// Its sparse runs do not make up the registers.
    #[error("the HyperLogLog's registers are damaged")]
    Damaged,
}

/// The values of all registers, each in a byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registers(Box<[u8]>);

impl Default for Registers {
    fn default() -> Self {
        Self(vec![0; REGISTERS].into())
    }
}

impl Registers {
    /// The values, in the order of the registers.
    pub fn values(&self) -> &[u8] {
        &self.0
    }

    /// Raises the register to at least this value.
    fn raise(&mut self, register: usize, value: u8) {
        if let Some(held) = self.0.get_mut(register) {
            *held = value.max(*held);
        }
    }
}

/// The string of a HyperLogLog. Its header has been checked; whether sparse runs make up the registers shows when they are
/// read, as in Redis.
///
/// # Examples
///
/// ```
/// # use windrow::encoding::hyperloglog::{HyperLogLog, Registers};
/// let mut sketch = HyperLogLog::empty();
/// assert_eq!(sketch.raise(77, 3), Ok(true));
/// assert_eq!(sketch.raise(77, 2), Ok(false));
/// let mut registers = Registers::default();
/// sketch.merge_into(&mut registers).unwrap();
/// assert_eq!(registers.values()[77], 3);
/// assert_eq!(HyperLogLog::decode(sketch.bytes().to_vec()), Ok(sketch));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HyperLogLog {
    /// INVARIANT: at least a header, and of a dense form's length if that is what the header says.
    bytes: Vec<u8>,
}

impl HyperLogLog {
    /// One without elements: sparse, with the count 0.
    pub fn empty() -> Self {
        let mut bytes = vec![0; HEADER_BYTES];
        for (byte, value) in bytes.iter_mut().zip(MAGIC.iter().chain([&SPARSE])) {
            *byte = *value;
        }
        sparse::push_zeros(&mut bytes, REGISTERS);
        Self { bytes }
    }

    /// Takes a string.
    ///
    /// # Errors
    ///
    /// [`Flaw::NotOne`].
    pub fn decode(bytes: Vec<u8>) -> Result<Self, Flaw> {
        let length = bytes.len();
        let is_one = match bytes.get(ENCODING) {
            Some(&DENSE) => length == DENSE_BYTES,
            Some(&SPARSE) => length >= HEADER_BYTES,
            _ => false,
        };
        if is_one && bytes.starts_with(MAGIC) { Ok(Self { bytes }) } else { Err(Flaw::NotOne) }
    }

    /// The string.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether the registers lie there one by one.
    pub fn is_dense(&self) -> bool {
        self.bytes.get(ENCODING) == Some(&DENSE)
    }

    /// The count that the header holds, if it is not stale.
    pub fn cached_count(&self) -> Option<u64> {
        let count = u64::from_le_bytes(*self.bytes.get(COUNT..)?.first_chunk()?);
        (count >> 63 == 0).then_some(count)
    }

    /// Marks the count in the header as stale.
    pub fn make_stale(&mut self) {
        if let Some(byte) = self.bytes.get_mut(STALE_BYTE) {
            *byte |= STALE;
        }
    }

    /// Raises a register to at least this value, and says whether it was lower. A sparse form becomes a dense one where
    /// Redis' does.
    ///
    /// # Errors
    ///
    /// [`Flaw::Damaged`]: nothing is changed then. A register can be found in a form that is damaged behind it.
    pub fn raise(&mut self, register: usize, value: u8) -> Result<bool, Flaw> {
        self.raise_on(&mut Path::default(), register, value)
    }

    /// Raises registers one after the other as [`HyperLogLog::raise`] does, and says whether any was lower. What is not lower
    /// costs a look at all registers once, what is costs the way from the last one that was.
    ///
    /// # Errors
    ///
    /// [`Flaw::Damaged`]: those before may have been raised then.
    pub fn raise_all(&mut self, raises: impl IntoIterator<Item = (usize, u8)>) -> Result<bool, Flaw> {
        let mut known = (!self.is_dense()).then(|| sparse::values(self.bytes.get(HEADER_BYTES..).unwrap_or_default()));
        let mut path = Path::default();
        let mut is_raised = false;
        for (register, value) in raises {
            if let Some(known) = &mut known
                && (1..=LARGEST_VALUE).contains(&value)
                && register < REGISTERS
            {
                let held = known.get_mut(register).ok_or(Flaw::Damaged)?;
                if *held >= value {
                    continue;
                }
                *held = value;
            }
            is_raised |= self.raise_on(&mut path, register, value)?;
            if self.is_dense() {
                known = None;
            }
        }
        Ok(is_raised)
    }

    fn raise_on(&mut self, path: &mut Path, register: usize, value: u8) -> Result<bool, Flaw> {
        if register >= REGISTERS || value == 0 {
            return Ok(false);
        }
        if !self.is_dense() {
            match sparse::raise(&mut self.bytes, path, register, value)? {
                Raised::Not => return Ok(false),
                Raised::Done => {
                    self.make_stale();
                    return Ok(true);
                }
                Raised::NotInThisForm => self.make_dense()?,
            }
        }
        let is_raised = dense::raise(self.registers_mut(), register, value);
        if is_raised {
            self.make_stale();
        }
        Ok(is_raised)
    }

    /// Lays the registers out one by one; the rest of the header stays as it is.
    ///
    /// # Errors
    ///
    /// [`Flaw::Damaged`]: nothing is changed then.
    pub fn make_dense(&mut self) -> Result<(), Flaw> {
        if self.is_dense() {
            return Ok(());
        }
        let mut registers = Registers::default();
        self.merge_into(&mut registers)?;
        self.bytes.truncate(HEADER_BYTES);
        if let Some(encoding) = self.bytes.get_mut(ENCODING) {
            *encoding = DENSE;
        }
        self.bytes.extend(dense::encode(registers.values()));
        Ok(())
    }

    /// Raises each of `union`'s registers to at least what it is here.
    ///
    /// # Errors
    ///
    /// [`Flaw::Damaged`]: some of `union` may have been raised then.
    pub fn merge_into(&self, union: &mut Registers) -> Result<(), Flaw> {
        let registers = self.bytes.get(HEADER_BYTES..).unwrap_or_default();
        if self.is_dense() {
            dense::values(registers).enumerate().for_each(|(register, value)| union.raise(register, value));
            return Ok(());
        }
        let mut next = 0;
        for run in sparse::runs(registers) {
            let run = run?;
            let first = next;
            next += run.len;
            if next > REGISTERS {
                return Err(Flaw::Damaged);
            }
            if run.value > 0 {
                (first..next).for_each(|register| union.raise(register, run.value));
            }
        }
        if next == REGISTERS { Ok(()) } else { Err(Flaw::Damaged) }
    }

    fn registers_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(HEADER_BYTES..).unwrap_or_default()
    }
}
