//! Why bytes are no request.
//!
//! What lives here: the one error type of the room. INVARIANT: an error names the fault, and carries nothing of the bytes.

/// Bytes that are no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RespError {
    /// A line is longer than the parser was told to take.
    #[error("a line has more than {0} bytes")]
    LongLine(usize),
    /// A request says that it has more words than the parser was told to take.
    #[error("a command of more than {0} words")]
    TooManyWords(usize),
    /// A word says that it is longer than the parser was told to take.
    #[error("a word of more than {0} bytes")]
    LongWord(usize),
    /// The bytes contradict the protocol.
    #[error("{0}")]
    Corrupt(&'static str),
}
