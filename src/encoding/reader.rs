//! Reading fields from the front of a byte slice.
//!
//! What lives here: the cursor all binary decoders share. It may use the errors only.
//!
//! INVARIANT: no method panics, and none allocates.

use super::error::{DecodeError, Fault, RecordKind};
use super::time::UnixMillis;

/// A cursor over the bytes of one record.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    record: RecordKind,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    #[inline]
    pub(super) const fn new(record: RecordKind, bytes: &'a [u8]) -> Self {
        Self { record, rest: bytes }
    }

    /// An error about the record being read.
    pub(super) const fn error(&self, fault: Fault) -> DecodeError {
        DecodeError::new(self.record, fault)
    }

    /// The next `N` bytes.
    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        match self.rest.split_first_chunk::<N>() {
            Some((head, tail)) => {
                self.rest = tail;
                Ok(*head)
            }
            None => Err(self.truncated(N)),
        }
    }

    /// The next `len` bytes.
    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        match self.rest.split_at_checked(len) {
            Some((head, tail)) => {
                self.rest = tail;
                Ok(head)
            }
            None => Err(self.truncated(len)),
        }
    }

    const fn truncated(&self, needed: usize) -> DecodeError {
        let missing = needed.saturating_sub(self.rest.len());
        self.error(Fault::Truncated { missing })
    }

    #[inline]
    pub(super) fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub(super) fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(super) fn u40(&mut self) -> Result<u64, DecodeError> {
        let [a, b, c, d, e] = self.array()?;
        Ok(u64::from_be_bytes([0, 0, 0, a, b, c, d, e]))
    }

    #[inline]
    pub(super) fn u64(&mut self) -> Result<u64, DecodeError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    pub(super) fn i64(&mut self) -> Result<i64, DecodeError> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    /// A time: any u64 but all ones.
    pub(super) fn time(&mut self) -> Result<UnixMillis, DecodeError> {
        let raw = self.u64()?;
        let time = UnixMillis::new(raw);
        if time.get() == raw { Ok(time) } else { Err(self.error(Fault::OutOfRange { what: "time" })) }
    }

    /// A time of expiry: not zero, which stands for "never".
    pub(super) fn expiry(&mut self) -> Result<UnixMillis, DecodeError> {
        let time = self.time()?;
        if time == time.as_expiry() { Ok(time) } else { Err(self.error(Fault::OutOfRange { what: "time of expiry" })) }
    }

    /// True once every byte has been read.
    pub(super) const fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// All bytes that are left.
    #[inline]
    pub(super) const fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// Succeeds when no byte is left.
    #[inline]
    pub(super) const fn finish(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.error(Fault::TrailingBytes { extra: self.rest.len() })) }
    }
}

/// The low 40 bits of `value`, big-endian.
pub(super) const fn be40(value: u64) -> [u8; 5] {
    let [_, _, _, a, b, c, d, e] = value.to_be_bytes();
    [a, b, c, d, e]
}
