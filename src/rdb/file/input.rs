//! The input of a file: buffered, counted, summed, and kept where somebody wants the bytes themselves.
//!
//! What lives here: one reader. It may use the checksum.
//!
//! INVARIANT: every byte that was given out is counted and summed, once, in order; of what is kept, there is never more than
//! was asked for.

use std::io::{self, Read};

use super::super::payload::Sum;

/// How much is fetched at a time. Larger: no faster; smaller: more calls of the system.
const BUFFER_BYTES: usize = 64 * 1024;

/// A source of bytes in which the reader of a file stands.
pub(super) struct Input<R> {
    from: R,
    buffer: Box<[u8]>,
    /// What was given out of the buffer, and how far it is filled.
    start: usize,
    end: usize,
    /// How many bytes were given out before the buffer was filled.
    before: u64,
    /// Up to where the buffer is summed, and kept.
    summed: usize,
    sum: Sum,
    kept: Option<Kept>,
}

/// Bytes that are kept, up to a limit.
struct Kept {
    from: usize,
    bytes: Vec<u8>,
    limit: usize,
    overflows: bool,
}

impl<R: Read> Input<R> {
    pub(super) fn new(from: R) -> Self {
        let buffer = vec![0; BUFFER_BYTES].into();
        Self { from, buffer, start: 0, end: 0, before: 0, summed: 0, sum: Sum::default(), kept: None }
    }

    /// The number of bytes given out.
    pub(super) fn offset(&self) -> u64 {
        self.before + u64::try_from(self.start).unwrap_or(0)
    }

    /// The checksum of all bytes given out.
    pub(super) fn checksum(&mut self) -> u64 {
        self.settle();
        self.sum.value()
    }

    /// Begins to keep what is given out, behind what is given here, up to `limit` bytes together.
    pub(super) fn keep(&mut self, bytes: Vec<u8>, limit: usize) {
        self.kept = Some(Kept { from: self.start, bytes, limit, overflows: false });
    }

    /// Ends keeping; `None` if there were more bytes than the limit.
    pub(super) fn kept(&mut self) -> Option<Vec<u8>> {
        self.settle();
        self.kept.take().filter(|kept| !kept.overflows).map(|kept| kept.bytes)
    }

    /// Passes over bytes.
    pub(super) fn skip(&mut self, mut bytes: u64) -> io::Result<()> {
        while bytes > 0 {
            let there = self.fill()?;
            if there == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let step = usize::try_from(bytes).unwrap_or(usize::MAX).min(there);
            self.start += step;
            bytes -= u64::try_from(step).unwrap_or(0);
        }
        Ok(())
    }

    /// Sums and keeps what was given out of the buffer.
    fn settle(&mut self) {
        self.sum.add(self.buffer.get(self.summed..self.start).unwrap_or_default());
        self.summed = self.start;
        if let Some(kept) = &mut self.kept {
            let new = self.buffer.get(kept.from..self.start).unwrap_or_default();
            kept.from = self.start;
            if kept.overflows || new.len() > kept.limit.saturating_sub(kept.bytes.len()) {
                kept.overflows = true;
                kept.bytes = Vec::new();
            } else {
                kept.bytes.extend_from_slice(new);
            }
        }
    }

    /// Returns how many bytes are in the buffer, none at the end of the source.
    fn fill(&mut self) -> io::Result<usize> {
        if self.start == self.end {
            self.settle();
            self.before += u64::try_from(self.start).unwrap_or(0);
            (self.start, self.end, self.summed) = (0, 0, 0);
            self.kept.iter_mut().for_each(|kept| kept.from = 0);
            self.end = loop {
                match self.from.read(&mut self.buffer) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    read => break read?.min(self.buffer.len()),
                }
            };
        }
        Ok(self.end - self.start)
    }
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let step = self.fill()?.min(out.len());
        let end = self.start + step;
        if let (Some(to), Some(from)) = (out.get_mut(..step), self.buffer.get(self.start..end)) {
            to.copy_from_slice(from);
        }
        self.start = end;
        Ok(step)
    }
}
