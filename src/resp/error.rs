//! Why bytes are no request.
//!
//! What lives here: the one error type of the room. INVARIANT: an error names the fault in Redis' words, and carries nothing of
//! the bytes but the one that stood in place of a mark.

/// Bytes that are no request. The words are those that Redis puts behind "Protocol error: ".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RespError {
    /// A request that is a line is longer than the parser was told to take.
    #[error("too big inline request")]
    LongLine,
    /// The line that tells the number of words is longer than the parser was told to take.
    #[error("too big mbulk count string")]
    LongCount,
    /// The line that tells the length of a word is longer than the parser was told to take.
    #[error("too big bulk count string")]
    LongLength,
    /// What tells the number of words is no number, or more than the parser was told to take.
    #[error("invalid multibulk length")]
    Count,
    /// More words than from a client that has not said who it is.
    #[error("unauthenticated multibulk length")]
    UnauthenticatedCount,
    /// What tells the length of a word is no number, or more than the parser was told to take.
    #[error("invalid bulk length")]
    Length,
    /// A longer word than from a client that has not said who it is.
    #[error("unauthenticated bulk length")]
    UnauthenticatedLength,
    /// Where a word must begin, there is another byte than its mark.
    #[error("expected '$', got '{}'", printable(*.0))]
    NoWord(u8),
    /// A word does not end where it says.
    #[error("a word does not end where it says")]
    NoEnd,
    /// A line opens a quote that it does not close, or goes on right behind one.
    #[error("unbalanced quotes in request")]
    Quotes,
}

/// WHY: the text goes into a reply that is one line.
fn printable(byte: u8) -> char {
    if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '?' }
}
